"""Tours by keyboard and by link, and a stage mode for projectors that leaves no trace."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page

from .checks import check_words, figures
from .conftest import WIDE

WINDOWS = ((1280, 720), (1920, 1080), (3840, 2160))


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def tour_text(page: Page, number: int):
    """Returns the tour's text at a stop."""
    return page.get_by_test_id("stMarkdown").get_by_text(re.compile(rf"^{number} of \d+\. "))


def names(page: Page) -> list[str | None]:
    """Returns the alternative texts of the figures."""
    return [chart.get_attribute("aria-label") for chart in figures(page)]


def test_stage_mode_fits_every_window_and_leaves_no_trace(standing):
    page = standing.page
    if not page.locator(".hg-stage").count():
        return
    standing.look()
    address = standing.address()
    button(page, "Stage").click()
    button(page, "Leave").wait_for()
    standing.wait_for(lambda: "stage=1" in standing.address(), "the address")
    sizes = []
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(500)
        standing.settle()
        box = page.locator(".hg-plot").bounding_box()
        assert box["x"] + box["width"] <= width + 1
        assert box["y"] + box["height"] <= height + 1, "the window does not show the whole figure"
        assert box["height"] > 0.5 * height
        sizes.append(float(page.locator(".hg-sentence").evaluate("part => parseFloat(getComputedStyle(part).fontSize)")))
        check_words(page)
    assert sizes == sorted(set(sizes)), "type grows with the window"
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    page.keyboard.press("Escape")
    standing.wait_for(lambda: standing.address() == address, "the address as it was")
    standing.settle()
    assert not page.locator("html.hg-staged").count()


def test_arrows_move_the_tour_on_the_stage(visit):
    opened = visit("/urn?stage=1&urn_tour=2")
    page = opened.page
    for key, stop in (("ArrowRight", 3), ("PageDown", 4), ("ArrowLeft", 3), ("PageUp", 2)):
        page.keyboard.press(key)
        page.locator(".hg-tour").get_by_text(re.compile(rf"^{stop} of \d+\. ")).wait_for()
        opened.settle()
        assert f"urn_tour={stop}" in opened.address()


def test_a_tour_goes_on_and_back_by_keyboard_and_can_be_linked_to(standing, visit):
    if not button(standing.page, "Tour").count():
        return
    opened = visit(standing.address())
    page = opened.page
    button(page, "Tour").focus()
    page.keyboard.press("Enter")
    for number in (1, 2):
        tour_text(page, number).wait_for(timeout=60_000)
        opened.settle()
        button(page, "Next").focus()
        page.keyboard.press("Enter")
    tour_text(page, 3).wait_for(timeout=60_000)
    opened.settle()
    query = parse_qs(urlsplit(page.url).query)
    assert [value for key, value in query.items() if key.endswith("_tour")] == [["3"]]
    check_words(page)
    linked = visit(opened.address(), fresh=True)
    assert tour_text(linked.page, 3).inner_text() == tour_text(page, 3).inner_text()
    assert names(linked.page) == names(page)
    opened.settle()
    button(page, "Back").focus()
    page.keyboard.press("Enter")
    tour_text(page, 2).wait_for()
    opened.settle()
    button(page, "End").focus()
    page.keyboard.press("Enter")
    button(page, "Tour").wait_for()
    assert "tour" not in opened.address()
