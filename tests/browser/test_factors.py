"""The page on shared factors in a reader's hands: it trains while one watches, and every view is whole."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from .checks import check_fit, check_in_view, check_inks, check_words
from .conftest import NARROW

# The picture, and the sentence under it.
SHOWN = """() => {
  const words = [...document.querySelectorAll('[data-testid="stMarkdown"], .transport ~ .words')].map(part => part.innerText)
  const plot = document.querySelector('.js-plotly-plot:not(.steady)')
  const image = plot.querySelector('.imagelayer image')
  const bars = [...plot.querySelectorAll('.barlayer path')].map(bar => bar.getAttribute('d'))
  return { live: words.find(word => /^Step [\\d,]+\\./.test(word)), picture: image && image.getAttribute('href').length, bars }
}"""


def position(opened) -> int:
    """The step, as the playback says it."""
    return int(opened.page.locator(".transport output").inner_text().split(" of ")[0].replace(",", ""))


def press(opened, name: str) -> None:
    opened.page.get_by_role("button", name=name, exact=True).click()


def test_it_trains_while_one_watches_and_a_link_shows_the_same(visit):
    opened = visit("/shared_factors?fac_factors=3&fac_schedule=400")
    before = opened.page.evaluate(SHOWN)
    press(opened, "▶ Play")
    opened.wait_for(lambda: position(opened) >= 60, "sixty steps", seconds=60)
    press(opened, "❚❚ Pause")
    at_once = position(opened)
    opened.page.wait_for_timeout(700)
    assert position(opened) - at_once <= 30, "it goes on after it was paused"
    opened.settle()
    stopped = position(opened)
    opened.wait_for(lambda: parse_qs(urlsplit(opened.page.url).query).get("fac_step") == [str(stopped)], "the address")
    opened.settle()
    after = opened.page.evaluate(SHOWN)
    assert after["live"].startswith(f"Step {stopped}.")
    assert after["picture"] != before["picture"]
    other = visit(opened.address())
    assert other.page.evaluate(SHOWN) == after
    assert other.text() == opened.text()


@pytest.mark.parametrize("view", ["exchange", "traversals", "learning&fac_shared=varying&fac_spare=2"])
def test_every_view_is_whole_and_legible(visit, view):
    opened = visit(f"/shared_factors?fac_step=12&fac_view={view}")
    check_words(opened.page)
    check_fit(opened.page)
    check_in_view(opened.page, ["Pair of the traversals"])
    opened.look(NARROW, "dark")
    check_words(opened.page)
    check_fit(opened.page)
    check_inks(opened.page, "dark")
