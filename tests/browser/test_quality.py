"""The quality page in a browser: runs, cancellation, uploads and downloads."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from hypergeo.quality import QualityReport

from .checks import check_fit, check_in_view, check_words, figures
from .conftest import NARROW

LONG = "/quality?qual_groups=6&qual_n=600&qual_gradients=1000&" + "&".join(f"qual_m{group}=200" for group in range(1, 7))
COUNTS = "/quality?qual_check=your+counts"
PICTURES = [
    "/quality?qual_rule=both&qual_taus=0.01%2C+0.03%2C+0.1%2C+0.3%2C+1%2C+3%2C+10&qual_samples=1000&qual_gradients=100",
    "/quality?qual_check=the+published+rule&qual_repeats=2&qual_samples=1000",
    f"{COUNTS}&qual_source=of+Wallenius%27+law",
    f"{COUNTS}&qual_source=of+this+law&qual_groups=6&qual_n=30&qual_rows=200",
]


def rows(number: int = 60) -> str:
    """Returns a file of counts that sum to 15, from an arbitrary distribution."""
    first = np.random.default_rng(0).integers(1, 6, (number, 2))
    return "".join(f"{a},{b + 2},{13 - a - b}\n" for a, b in first if 13 - a - b <= 10)


def alert(page, words: str):
    return page.get_by_test_id("stAlert").filter(has_text=words)


def verdict(page, words: str = ""):
    """Returns the sentence with the figure."""
    return page.locator(".hg-sentence").filter(has_text=words)


@pytest.mark.parametrize("path", PICTURES)
def test_pictures_are_whole_and_legible(visit, path):
    opened = visit(path)
    assert figures(opened.page)
    check_words(opened.page)
    check_fit(opened.page)
    check_in_view(opened.page, ["Weights tested", "Sample type", "Number of samples"])
    opened.look(NARROW)
    check_words(opened.page)
    check_fit(opened.page)


def test_a_report_is_read_marked_and_taken_away(visit):
    opened = visit("/quality?qual_samples=1000&qual_gradients=100", fresh=True)
    page = opened.page
    assert verdict(page).get_attribute("data-good") in ("true", "false")
    assert page.locator(".hg-plot").get_attribute("aria-label").startswith("Distance of samples")
    page.get_by_role("radio", name="gradients").check()
    opened.wait_for(lambda: "qual_figure=gradients" in page.url, "the address to follow")
    opened.settle()
    assert page.locator(".hg-plot").get_attribute("aria-label").startswith("Bias, cosine")
    notices = opened.text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (JSON)").click()
    report = QualityReport.from_json(download.value.path().read_text())
    assert report.verdict()[1] in notices
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML, opens offline)").click()
    text = download.value.path().read_text()
    start = text.index('id="report">') + len('id="report">')
    assert json.loads(text[start : text.index("</script>", start)])["seed"] == report.seed
    page.locator(".hg-controls summary", has_text="Urn").click()
    page.get_by_label("Group size m₁", exact=True).fill("9")
    page.get_by_label("Group size m₁", exact=True).press("Enter")
    alert(page, "for the former settings").wait_for()
    assert opened.text() == notices
    page.get_by_role("button", name="Restore the former settings").click()
    alert(page, "for the former settings").wait_for(state="detached")
    opened.wait_for(lambda: page.get_by_label("Group size m₁", exact=True).input_value() == "10", "the size to be put back")
    assert opened.text() == notices


def test_a_long_run_can_be_left_alone_and_cancelled_at_once(visit):
    opened = visit(LONG, fresh=True)
    page = opened.page
    assert "the results appear here" in page.get_by_test_id("stMain").inner_text()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_test_id("stProgress").wait_for()
    # Controls answer while it goes on, and do not stop it.
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_label("Seed", exact=True).press("Enter")
    opened.wait_for(lambda: "qual_seed=7" in page.url, "the address to follow")
    assert page.get_by_test_id("stProgress").count() == 1
    clicked = time.monotonic()
    page.get_by_role("button", name="Cancel").click()
    alert(page, "Stopped. Nothing was measured.").wait_for()
    page.get_by_test_id("stProgress").wait_for(state="detached")
    assert time.monotonic() - clicked < 10  # a turn of a busy machine; the run itself would take minutes
    assert not page.get_by_role("button", name="Run", exact=True).is_disabled()


def test_counts_are_pasted_uploaded_and_never_lost(visit):
    opened = visit(COUNTS, fresh=True)
    page = opened.page
    field = page.get_by_label("Paste counts, one row per line", exact=True)
    field.fill(rows())
    field.press("Control+Enter")
    verdict(page, "from this distribution").wait_for()
    opened.settle()
    number = len(rows().splitlines())
    assert verdict(page, f"{number} rows").count() == 1
    notices = opened.text()
    choose = page.locator("input[type=file]")
    choose.set_input_files({"name": "book.csv", "mimeType": "text/csv", "buffer": b"PK\x03\x04" + bytes(200)})
    alert(page, "an Excel workbook").wait_for()
    assert "previous counts are kept" in alert(page, "cannot be read").inner_text()
    assert opened.text() == notices
    choose.set_input_files({"name": "large.csv", "mimeType": "text/csv", "buffer": b"5,5,5\n" * 1_000_000})
    page.get_by_text("File must be 5.0MB or smaller").wait_for()
    opened.settle()
    assert opened.text() == notices
    choose.set_input_files(
        {"name": "good.csv", "mimeType": "text/csv", "buffer": ("a;b;c\n" + rows(40).replace(",", ";")).encode()}
    )
    verdict(page, f"{len(rows(40).splitlines())} rows").wait_for()
    opened.settle()
    with page.expect_download() as download:
        page.get_by_role("button", name="Counts as read (CSV)").click()
    assert download.value.path().read_text() == "a,b,c\n" + rows(40)  # the names of the file that was read


def test_what_a_reader_writes_is_text(visit):
    opened = visit(COUNTS, fresh=True)
    page = opened.page
    field = page.get_by_label("Paste counts, one row per line", exact=True)
    field.fill("1,2,3\n1,2,<b>x</b>![a](http://127.0.0.1:9/b.png)")
    field.press("Control+Enter")
    message = alert(page, "cannot be read")
    message.wait_for()
    assert "<b>x</b>![a](http" in message.inner_text()
    assert message.locator("b, img, a").count() == 0


def test_weights_that_fit_can_be_used(visit):
    opened = visit(f"{COUNTS}&qual_source=of+Wallenius%27+law")
    page = opened.page
    verdict(page, "do not come from this distribution").wait_for()
    page.get_by_role("button", name="Use these weights").click()
    opened.wait_for(lambda: "qual_w1=" in page.url, "the address to follow")
    opened.settle()
    page.get_by_role("radio", name="as fitted").check()
    verdict(page, "Fisher's distribution with the fitted weights agrees").wait_for()


def test_the_counts_figure_follows_a_hand_and_a_drag_is_one_commit(visit):
    opened = visit(f"{COUNTS}&qual_source=of+this+law")
    page = opened.page
    before, pictures = page.evaluate("history.length"), int(page.locator(".hg-stage").get_attribute("data-pictures"))
    box = opened.slider("Weight w₁").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    labels = set()
    for step in range(20):
        page.mouse.move(box["x"] + box["width"] * (0.5 + 0.02 * step), box["y"] + box["height"] / 2)
        page.wait_for_timeout(100)
        labels.add(page.locator(".hg-plot").get_attribute("aria-label"))
    assert len(labels) >= 3, "the figure does not follow the hand"
    assert "qual_w1" not in page.url, "the address changes before the hand lets go"
    page.mouse.up()
    opened.wait_for(lambda: "qual_w1=" in page.url, "the address to follow")
    opened.settle()
    assert int(page.locator(".hg-stage").get_attribute("data-pictures")) > pictures
    assert page.evaluate("history.length") == before + 1
    page.go_back()
    opened.wait_for(lambda: opened.slider("Weight w₁").get_attribute("aria-valuetext") == "1", "the weight of before")
