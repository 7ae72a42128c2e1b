"""The page on shared factors in a browser: its training plays, and every view is legible."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from .checks import check_fit, check_in_view, check_inks, check_words
from .conftest import NARROW

# The picture, the bars, and the sentence above them.
SHOWN = """() => {
  const plot = document.querySelector('.hg-plot')
  const image = plot.querySelector('.imagelayer image')
  const bars = [...plot.querySelectorAll('.barlayer path')].map(bar => bar.getAttribute('d'))
  const live = document.querySelector('.hg-sentence').innerText
  return { live, picture: image && image.getAttribute('href'), bars }
}"""
# On every frame that the browser draws: the step of the figure and of the sentence, whether a figure is there, and where.
WATCH = """() => {
  window.seen = []
  const look = () => {
    const stated = document.querySelector('.hg-sentence').innerText.match(/^Step ([\\d,]+)\\./)
    const step = Number(document.querySelector('.hg-stage').dataset.position)
    const plot = document.querySelector('.hg-plot .main-svg') !== null
    const stale = [...document.querySelectorAll('.st-key-live [data-stale]')]
    const faded = stale.some(part => getComputedStyle(part).opacity < 0.9)
    const top = Math.round(document.querySelector('.hg-frame').getBoundingClientRect().top)
    window.seen.push([step, stated ? Number(stated[1].replace(',', '')) : 0, plot && !faded, top])
    window.looking = requestAnimationFrame(look)
  }
  look()
}"""
SEEN = "() => { cancelAnimationFrame(window.looking); return window.seen }"


def position(opened) -> int:
    """Returns the step on the playback bar."""
    return int(opened.page.locator(".hg-bar output").inner_text().split(" of ")[0].replace(",", ""))


def press(opened, name: str) -> None:
    opened.page.get_by_role("button", name=name, exact=True).click()


def setting(opened, name: str) -> str:
    """Returns a control's value in the address, ``""`` for the default."""
    return parse_qs(urlsplit(opened.page.url).query).get(f"fac_{name}", [""])[0]


def test_it_trains_while_one_watches_and_a_link_shows_the_same(visit):
    opened = visit("/shared_factors?fac_factors=3&fac_schedule=400&fac_step=1")
    before = opened.page.evaluate(SHOWN)
    opened.page.evaluate(WATCH)
    press(opened, "▶ Play")
    opened.wait_for(lambda: position(opened) >= 60, "sixty steps", seconds=90)
    press(opened, "❚❚ Pause")
    at_once = position(opened)
    opened.page.wait_for_timeout(700)
    assert position(opened) == at_once, "it goes on after it was paused"
    opened.settle()
    stopped = position(opened)
    seen = opened.page.evaluate(SEEN)
    assert [frame[0] for frame in seen] == sorted(frame[0] for frame in seen), "steps go back"
    assert all(step == stated for step, stated, _, _ in seen), "the sentence is of another step than the figure"
    assert all(whole for _, _, whole, _ in seen), "the figure flickers"
    assert len({top for _, _, _, top in seen}) == 1, "the figure jumps"
    opened.wait_for(lambda: setting(opened, "step") == str(stopped), "the address")
    after = opened.page.evaluate(SHOWN)
    assert after["live"].startswith(f"Step {stopped}.")
    assert after["picture"] != before["picture"]
    other = visit(opened.address(), fresh=True)
    assert other.page.evaluate(SHOWN) == after
    assert other.text() == opened.text()


def test_reloading_while_it_plays_comes_back_to_the_step_on_show(visit):
    opened = visit("/shared_factors?fac_factors=3", fresh=True)
    press(opened, "▶ Play")
    opened.wait_for(lambda: position(opened) >= 40, "forty steps", seconds=90)
    before = position(opened)
    opened.page.reload()
    opened.page.wait_for_selector(".hg-stage[data-pictures]", timeout=60_000)
    opened.settle()
    # The address follows twice a second at most: two pictures of ten steps lie between.
    assert before - 20 <= position(opened) <= before + 20


def test_what_pairs_share_changes_while_it_plays_in_one_entry_of_the_history(visit):
    opened = visit("/shared_factors?fac_factors=3&fac_step=20&fac_shared=2")
    page = opened.page
    press(opened, "▶ Play")
    opened.wait_for(lambda: position(opened) >= 40, "some steps", seconds=90)
    entries = page.evaluate("history.length")
    page.locator('[data-name="shared"] input[value="0"]').click()
    opened.wait_for(lambda: setting(opened, "shared") == "0", "the address")
    assert page.evaluate("history.length") == entries + 1
    first, edit = setting(opened, "edits").split("_")
    assert first == "0~2"
    since, shared = map(int, edit.split("~"))
    assert shared == 0
    opened.wait_for(lambda: position(opened) >= since + 20, "training to go on", seconds=90)
    press(opened, "❚❚ Pause")
    opened.settle()
    page.get_by_text(f"2 at first, 0 from step {since} on").wait_for()
    shown, text = page.evaluate(SHOWN), opened.text()
    other = visit(opened.address(), fresh=True)
    assert other.page.evaluate(SHOWN) == shown
    assert other.text() == text


def test_a_preset_shows_its_figure_and_the_space_bar_plays_it(visit):
    opened = visit("/shared_factors?fac_factors=3&fac_step=20", size=(1280, 720))
    page = opened.page
    entries = page.evaluate("history.length")
    press(opened, "Two shared")
    opened.wait_for(lambda: setting(opened, "shared") == "2", "the address")
    opened.settle()
    assert page.evaluate("history.length") == entries + 1
    assert "the dotted threshold" in page.locator(".hg-note").inner_text()
    opened.wait_for(lambda: page.locator(".hg-stage").bounding_box()["y"] > -1, "the figure to come into view")
    assert page.locator(".hg-plot").bounding_box()["y"] < 360
    page.keyboard.press(" ")
    opened.wait_for(lambda: position(opened) >= 10, "the space bar to play", seconds=60)
    page.keyboard.press(" ")
    opened.settle()
    page.go_back()
    opened.settle()
    page.go_back()
    opened.wait_for(lambda: setting(opened, "shared") == "", "the way back")
    opened.wait_for(lambda: position(opened) == 20, "the step from before the preset")


def test_a_slider_moves_the_picture_before_it_is_let_go(visit):
    opened = visit("/shared_factors?fac_step=12&fac_view=traversals")
    page = opened.page
    first = page.evaluate(SHOWN)["picture"]
    box = opened.slider("Pair on show").bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    opened.wait_for(lambda: page.evaluate(SHOWN)["picture"] != first, "another pair")
    assert setting(opened, "pair") == "", "the address changes on release"
    page.mouse.up()
    opened.wait_for(lambda: setting(opened, "pair") in ("4", "5"), "the address")


@pytest.mark.parametrize("view", ["exchange", "traversals", "learning&fac_shared=varying&fac_spare=2"])
def test_every_view_is_whole_and_legible(visit, view):
    opened = visit(f"/shared_factors?fac_step=12&fac_view={view}")
    check_words(opened.page)
    check_fit(opened.page)
    check_in_view(opened.page, ["Factors that a pair shares"])
    for size in ((820, 1180), (1280, 720)):
        opened.look(size)
        check_words(opened.page)
        check_fit(opened.page)
    opened.look(NARROW, "dark")
    check_words(opened.page)
    check_fit(opened.page)
    check_inks(opened.page, "dark")
