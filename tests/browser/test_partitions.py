"""The page on partitions in a browser: the sample cools, an entry is clicked, and the mark moves by keyboard."""

from __future__ import annotations

from .checks import check_fit, check_in_view, check_words
from .test_handles import handle


def test_entries_are_clicked_and_the_sample_cools(visit):
    opened = visit("/partitions?part_tau=10")
    page = opened.page
    check_words(page)
    check_fit(page)
    check_in_view(page, ["Temperature of the members, τ"])
    box = handle(opened, "entries").bounding_box()
    # The matrix has 4 columns and 24 rows: group 4 of element 2.
    page.mouse.click(box["x"] + 3.5 / 4 * box["width"], box["y"] + 1.5 / 24 * box["height"])
    opened.wait_for(lambda: "part_edits=2~4~1" in opened.address().replace("%7E", "~"), "the logit")
    opened.settle()
    mark = handle(opened, "chosen")
    assert "element 2, group 4" in mark.get_attribute("aria-label")
    mark.focus()
    page.keyboard.press("ArrowDown")
    opened.wait_for(lambda: "part_element=3" in opened.address(), "the mark by keyboard")
    opened.settle()
    page.get_by_role("button", name="Cooler").click()
    opened.wait_for(lambda: page.locator(".hg-stage").get_attribute("data-position") == "1", "a cooler sample")
    opened.settle()
    assert "columns sum to 4, 2, 8, 10" in page.locator(".hg-sentence").inner_text()
