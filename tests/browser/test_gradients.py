"""The gradients page in a browser: descents play, the address keeps the step, every view is legible, downloads work."""

from __future__ import annotations

import csv
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from .checks import check_fit, check_in_view, check_words, figures
from .conftest import NARROW

PICTURES = [
    "/gradients?grad_step=7&grad_loss=absolute+distance&grad_estimator=Gumbel-softmax&grad_tau=5.6",
    "/gradients?grad_groups=4&grad_step=3",
    "/gradients?grad_view=side+by+side&grad_loss=step&grad_t1=3",
    "/gradients?grad_view=temperature",
    "/gradients?grad_view=race&grad_step=9&grad_loss=few+groups",
]
# The sentence with the figure, and every line and arrow of the figure.
SHOWN = """() => {
  const plot = document.querySelector('.js-plotly-plot')
  const lines = [...plot.querySelectorAll('.scatterlayer path.js-line')].map(line => line.getAttribute('d'))
  return { live: document.querySelector('.hg-sentence')?.innerText, lines }
}"""
# On every frame that the browser draws: the step in the sentence, and the place of the figure.
WATCH = """() => {
  window.seen = []
  const look = () => {
    const stated = document.querySelector('.hg-sentence').innerText.match(/^Step (\\d+)\\./) // none before the first step
    const visible = document.querySelector('.hg-plot .main-svg') !== null
    window.seen.push([stated ? Number(stated[1]) : 0, visible,
      Math.round(document.querySelector('.hg-frame').getBoundingClientRect().top)])
    window.looking = requestAnimationFrame(look)
  }
  look()
}"""
SEEN = "() => { cancelAnimationFrame(window.looking); return window.seen }"


def position(opened) -> int:
    """Returns the step on the playback bar."""
    return int(opened.page.locator(".hg-bar output").inner_text().split(" of ")[0])


def press(opened, name: str) -> None:
    opened.page.get_by_role("button", name=name, exact=True).click()


def figure_at(opened, step: int) -> dict:
    """Waits until the figure is at a step.

    Returns:
        The figure's sentence and lines.
    """
    opened.wait_for(lambda: (opened.page.evaluate(SHOWN)["live"] or "").startswith(f"Step {step}."), f"step {step}", seconds=60)
    opened.settle()
    return opened.page.evaluate(SHOWN)


@pytest.mark.parametrize("view", ["descent", "race"])
def test_a_descent_plays_and_pauses_without_flicker_and_the_page_follows(visit, view):
    opened = visit(f"/gradients?grad_view={view}&grad_loss=absolute+distance&grad_number=50")
    page = opened.page
    page.evaluate(WATCH)
    press(opened, "▶ Play")
    opened.wait_for(lambda: position(opened) >= 6, "six steps", seconds=90)
    press(opened, "❚❚ Pause")
    at_once = position(opened)
    page.wait_for_timeout(700)
    assert position(opened) - at_once <= 1, "it goes on after it was paused"
    opened.settle()
    seen = page.evaluate(SEEN)
    steps = [step for step, _, _ in seen if step is not None]
    assert steps == sorted(steps), "steps go back"
    assert len(set(steps)) >= 4
    hidden = [index for index, (_, visible, _) in enumerate(seen) if not visible]
    assert hidden == [], f"the figure flickers, in {len(hidden)} of {len(seen)} frames"
    assert len({top for _, _, top in seen}) == 1, "the figure jumps"
    stopped = position(opened)
    opened.wait_for(lambda: parse_qs(urlsplit(page.url).query).get("grad_step") == [str(stopped)], "the address")
    link = page.get_by_test_id("stText").filter(has_text="grad_groups").last
    opened.wait_for(lambda: f"grad_step={stopped}&" in link.inner_text().replace("\n", ""), "the link to follow")


def test_steps_by_key_reach_what_the_address_shows(visit):
    opened = visit("/gradients?grad_seed=5&grad_number=50")
    start = opened.page.evaluate(SHOWN)
    opened.page.get_by_role("heading", name="What to notice").click()
    for step in (1, 2):
        opened.page.keyboard.press("s")
        figure_at(opened, step)
    by_hand = figure_at(opened, 2)
    assert by_hand["lines"] != start["lines"]
    other = visit("/gradients?grad_seed=5&grad_number=50&grad_step=2", fresh=True)
    assert other.page.evaluate(SHOWN) == by_hand
    assert other.text() == opened.text()


def test_sliders_move_the_picture_and_start_again(visit):
    opened = visit("/gradients?grad_step=4&grad_number=50")
    before = opened.page.evaluate(SHOWN)
    opened.slider("Temperature τ").focus()
    for _ in range(3):
        opened.page.keyboard.press("ArrowRight")
    opened.page.wait_for_url("**grad_tau=1.3**", timeout=15_000)
    after = figure_at(opened, 0)
    assert after["lines"] != before["lines"]
    assert position(opened) == 0


@pytest.mark.parametrize("path", PICTURES)
def test_every_view_is_whole_and_legible(visit, path):
    opened = visit(path)
    check_words(opened.page)
    check_fit(opened.page)
    check_in_view(opened.page, ["Temperature τ", "Samples per estimate", "Learning rate"])
    opened.look(NARROW)
    assert figures(opened.page)[0].bounding_box()["height"] > 700, "a telephone gets one panel under the other"
    check_words(opened.page)
    check_fit(opened.page)


def test_the_descent_can_be_taken_away(visit, browser, tmp_path):
    opened = visit("/gradients?grad_step=5&grad_number=50")
    with opened.page.expect_download() as download:
        press(opened, "Data (CSV)")
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(6))
    assert sum(float(rows[-1][f"mean_{group}"]) for group in (1, 2, 3)) == pytest.approx(12)
    live = opened.page.evaluate(SHOWN)["live"]
    loss = re.search(r"Expected loss ([\d.]+)", live)
    assert loss is not None
    assert float(loss[1]) == pytest.approx(float(rows[-1]["loss"]), rel=1e-3)
    with opened.page.expect_download() as download:
        press(opened, "Figure (HTML, opens offline)")
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(target.as_uri())
    page.wait_for_selector(".js-plotly-plot .main-svg")
    assert len(page.evaluate(SHOWN)["lines"]) == len(opened.page.evaluate(SHOWN)["lines"])
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
