"""axe-core reports no serious violation with everything open either; of pages as they open, see test_every_page.py."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from .axe import serious, violations
from .checks import check_fit


def sections(page: Page) -> list[Locator]:
    return page.get_by_test_id("stExpander").locator("summary").all()


def tour(page: Page) -> Locator:
    return page.get_by_role("button", name="Tour", exact=True)


def test_no_serious_violation_with_everything_open_and_the_tour_on(standing, visit, excused):
    if not (sections(standing.page) or tour(standing.page).count()):
        return
    opened = visit(standing.address())
    for section in sections(opened.page):
        section.click()
        opened.settle()
    if tour(opened.page).count():
        tour(opened.page).click()
        opened.page.get_by_role("button", name="Next", exact=True).wait_for()
        opened.settle()
    closed = opened.page.locator(".hg-controls details:not([open]) > summary")
    while closed.count():
        closed.first.click()
    check_fit(opened.page)
    for theme in ("light", "dark"):
        opened.look(theme=theme)
        assert serious(opened.page, theme, excused) == {}


def test_axe_would_see_a_violation(visit):
    opened = visit("/glossary")
    assert violations(opened.page) == {}
    opened.page.evaluate("""() => {
      const title = document.querySelector('h1')
      title.style.color = '#ddd'
      title.insertAdjacentHTML('afterend', '<button></button><img src="data:,">')
    }""")
    assert {kind.split()[0] for kind in violations(opened.page)} == {"color-contrast", "button-name", "image-alt"}
