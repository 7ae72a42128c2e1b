"""For a teacher at a projector: tours by keyboard and by link, and a present mode that leaves no trace."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page

from .checks import check_fit, check_words
from .conftest import WIDE, Visit

PROJECTOR = (1920, 1080)
# Font sizes: of the page's words, and of the words in its figures; and what only a single reader needs.
LOOK = """() => {
  const size = part => part && parseFloat(getComputedStyle(part).fontSize)
  const words = [...document.querySelectorAll('[data-testid="stMain"] [data-testid="stMarkdownContainer"] p')]
    .find(part => part.innerText.length > 40)
  const figure = [...document.querySelectorAll('.js-plotly-plot text')].filter(part => part.textContent.trim())
  return {
    words: size(words),
    figure: figure.length ? Math.min(...figure.map(size)) : null,
    root: document.documentElement.style.fontSize,
    sections: document.querySelectorAll('[data-testid="stExpander"]').length,
    downloads: document.querySelectorAll('[data-testid="stDownloadButton"]').length,
  }
}"""


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def told(page: Page, number: int):
    """What the tour says at a stop."""
    return page.get_by_text(re.compile(rf"^{number} of \d+\. "))


def names(page: Page) -> list[str | None]:
    """What the figures are, in words."""
    return [chart.get_attribute("aria-label") for chart in page.get_by_test_id("stPlotlyChart").all()]


def look(opened: Visit) -> dict[str, float]:
    opened.settle()
    return opened.page.evaluate(LOOK)


def test_present_mode_enlarges_what_a_class_needs_and_leaves_no_trace(standing):
    standing.look()
    usual, address = look(standing), standing.address()
    page = standing.page
    button(page, "Present").click()
    button(page, "Exit").wait_for()
    standing.wait_for(lambda: look(standing)["words"] > 1.2 * usual["words"], "larger words")
    assert "present=1" in standing.address()
    shown = look(standing)
    assert shown["figure"] is None or shown["figure"] > 1.1 * usual["figure"]
    assert shown["sections"] == shown["downloads"] == 0
    for width, height in (WIDE, PROJECTOR):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        standing.settle()
        check_words(page)
        check_fit(page)
    for chart in page.get_by_test_id("stPlotlyChart").all()[:1]:
        box = chart.bounding_box()
        assert box["y"] + box["height"] <= PROJECTOR[1], "a projector does not show the whole figure"
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    button(page, "Exit").click()
    button(page, "Present").wait_for()
    assert look(standing) == usual
    assert standing.address() == address


def test_a_link_opens_present_mode(visit):
    opened = visit("/convergence?conv_n=20&present=1")
    shown = look(opened)
    button(opened.page, "Exit").click()
    button(opened.page, "Present").wait_for()
    assert look(opened)["words"] < shown["words"] / 1.2
    button(opened.page, "Present").click()
    button(opened.page, "Exit").wait_for()
    assert look(opened) == shown
    assert "conv_n=20" in opened.address()


def test_a_tour_goes_on_and_back_by_keyboard_and_can_be_linked_to(standing, visit):
    if not button(standing.page, "Tour").count():
        return
    opened = visit(standing.address())
    page = opened.page
    button(page, "Tour").focus()
    page.keyboard.press("Enter")
    for number in (1, 2):
        told(page, number).wait_for(timeout=60_000)
        button(page, "Next").focus()
        page.keyboard.press("Enter")
    told(page, 3).wait_for(timeout=60_000)
    opened.settle()
    query = parse_qs(urlsplit(page.url).query)
    assert [value for key, value in query.items() if key.endswith("_tour")] == [["3"]]
    check_words(page)
    linked = visit(opened.address())
    assert told(linked.page, 3).inner_text() == told(page, 3).inner_text()
    assert names(linked.page) == names(page)
    opened.settle()
    button(page, "Back").focus()
    page.keyboard.press("Enter")
    told(page, 2).wait_for()
    button(page, "End").focus()
    page.keyboard.press("Enter")
    button(page, "Tour").wait_for()
    assert "tour" not in opened.address()
