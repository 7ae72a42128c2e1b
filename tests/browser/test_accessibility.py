"""axe-core reports no serious violation with everything open either; of pages as they open, see test_every_page.py."""

from __future__ import annotations

from .axe import serious, violations
from .checks import check_fit

# Names in the address of the sections that can be opened, and of the tour.
PARTS = """() => {
  const named = part => part.closest('[class*=st-key-]')?.className.match(/st-key-_?([a-z]+_[a-z]+)/)?.[1]
  const sections = [...document.querySelectorAll('[data-testid="stExpander"]')].map(named)
  return [sections, [...document.querySelectorAll('[class*=_tour_Tour] button')].map(named)]
}"""


def test_no_serious_violation_with_everything_open_and_the_tour_on(standing, visit, excused):
    """A link opens the tour and all sections but the first, which a click opens."""
    sections, tour = standing.page.evaluate(PARTS)
    names = [*(f"{name}=true" for name in sections[1:]), *(f"{name}=1" for name in tour)]
    if not (sections or tour):
        return
    path = standing.address()
    opened = visit(path + ("&" if "?" in path else "?") + "&".join(names))
    for section in opened.page.get_by_test_id("stExpander").locator("summary").all()[:1]:
        section.click()
        opened.settle()
    assert opened.page.locator("[data-testid=stExpander] details[open]").count() == len(sections)
    if tour:
        opened.page.get_by_role("button", name="Next", exact=True).wait_for()
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
