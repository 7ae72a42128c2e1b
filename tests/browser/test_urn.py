"""The urn page in a browser: balls leave, bars grow, the address keeps the step, figure and data can be downloaded."""

from __future__ import annotations

import csv
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from .checks import check_fit, check_in_view, check_words, figures
from .conftest import NARROW

PICTURES = [
    "/urn?urn_groups=2&urn_n=8&urn_step=0",
    "/urn?urn_groups=6&urn_m1=20&urn_m2=20&urn_m3=20&urn_m4=20&urn_m5=20&urn_m6=20&urn_n=60&urn_step=500&urn_law=Wallenius",
    "/urn?urn_n=30&urn_w1=0.01&urn_w3=100",
    "/urn?urn_n=0&urn_w1=0",
]
# The last sample in the figure's title, the numbers of balls and rings, and the height of each bar.
SHOWN = """() => {
  const plot = document.querySelector('.js-plotly-plot')
  if (!plot) return { title: null }  // between two figures
  const points = plot.querySelectorAll('.subplot.xy .scatterlayer path.point').length
  const balls = plot.querySelectorAll('.subplot.xy .scatterlayer .textpoint').length
  const bars = [...plot.querySelectorAll('.barlayer path')].map(bar => bar.getBBox().height)
  const words = [...plot.querySelectorAll('.annotation-text')].map(part => part.textContent)
  const title = words.find(word => /^(Sample|No sample)/.test(word))
  return { title, rings: points - balls, balls, bars }
}"""
# On every frame that the browser draws: the last sample, and the place of the figure.
WATCH = """() => {
  window.seen = []
  const look = () => {
    const words = [...document.querySelectorAll('.annotation-text')].map(part => part.textContent)
    const title = words.find(word => /^Sample/.test(word))
    const plot = document.querySelector('.hg-plot .main-svg')
    window.seen.push([title, plot !== null, Math.round(document.querySelector('.hg-frame').getBoundingClientRect().top)])
    window.looking = requestAnimationFrame(look)
  }
  look()
}"""
SEEN = "() => { cancelAnimationFrame(window.looking); return window.seen }"


def position(opened) -> int:
    """Returns the number of samples on the playback bar."""
    return int(opened.page.locator(".hg-bar output").inner_text().split(" of ")[0].replace(",", ""))


def drawn(opened, title: str) -> dict:
    """Waits until the figure's title starts with some text.

    Returns:
        The figure's title, and its numbers of rings, balls and bars.
    """
    opened.wait_for(lambda: (opened.page.evaluate(SHOWN)["title"] or "").startswith(title), title)
    opened.settle()
    return opened.page.evaluate(SHOWN)


def press(opened, name: str) -> None:
    opened.page.get_by_role("button", name=name, exact=True).click()


def test_a_draw_takes_balls_out_and_adds_a_block_to_each_bar(visit):
    opened = visit("/urn?urn_step=0")
    empty = opened.page.evaluate(SHOWN)
    assert empty["title"] == "No sample yet"
    assert (empty["balls"], empty["rings"]) == (30, 0)
    assert sum(empty["bars"]) == 0
    press(opened, "Draw 1")
    one = drawn(opened, "Sample 1:")
    assert (one["balls"], one["rings"]) == (30, 12), "a ring is left where each drawn ball lay"
    assert sum(map(int, re.findall(r"\d+", one["title"])[1:])) == 12
    assert sum(height > 0.5 for height in one["bars"]) == 3
    press(opened, "Draw 100")
    many = drawn(opened, "Sample 101:")
    assert sum(height > 0.5 for height in many["bars"]) > 12
    assert "101 samples" in opened.page.locator(".hg-sentence").inner_text()
    press(opened, "Reset")
    assert drawn(opened, "No sample yet") == empty


def test_draws_play_and_pause_without_flicker_and_the_page_follows(visit):
    opened = visit("/urn")
    page = opened.page
    page.evaluate(WATCH)
    press(opened, "▶ Play")
    opened.wait_for(lambda: position(opened) >= 8, "eight draws", seconds=60)
    press(opened, "❚❚ Pause")
    at_once = position(opened)
    page.wait_for_timeout(700)
    assert position(opened) - at_once <= 1, "it goes on after it was paused"
    opened.settle()
    seen = page.evaluate(SEEN)
    titles = [title for title, _, _ in seen if title]
    numbers = [int(re.findall(r"\d+", title)[0]) for title in titles]
    assert numbers == sorted(numbers), "draws go back"
    assert len(set(numbers)) >= 5
    assert all(visible for _, visible, _ in seen), "the figure flickers"
    assert len({top for _, _, top in seen}) == 1, "the figure jumps"
    stopped = position(opened)
    opened.wait_for(lambda: parse_qs(urlsplit(page.url).query).get("urn_step") == [str(stopped)], "the address")
    link = page.get_by_test_id("stText").filter(has_text="urn_groups").last
    opened.wait_for(lambda: f"urn_step={stopped}&" in link.inner_text().replace("\n", ""), "the link to follow")


def test_an_address_shows_the_same_draws(visit):
    path = "/urn?urn_step=123&urn_seed=42&urn_w2=7.9&urn_m1=9&urn_n=15&urn_law=Wallenius"
    first, second = visit(path), visit(path, fresh=True)
    assert first.page.evaluate(SHOWN)["title"].startswith("Sample 123, one by one:")
    assert first.page.evaluate(SHOWN) == second.page.evaluate(SHOWN)
    assert first.text() == second.text()
    other = visit(path.replace("seed=42", "seed=43"))
    assert other.page.evaluate(SHOWN) != first.page.evaluate(SHOWN)


def test_sliders_move_the_law_and_keep_the_draws(visit):
    opened = visit("/urn?urn_step=300")
    before = opened.page.evaluate(SHOWN), opened.text()
    opened.slider("Balls drawn n").focus()
    for _ in range(3):
        opened.page.keyboard.press("ArrowRight")
    opened.page.wait_for_url("**urn_n=15**", timeout=10_000)
    opened.settle()
    after = opened.page.evaluate(SHOWN)
    assert after["rings"] == 15
    assert position(opened) == 300
    assert (after, opened.text()) != before


@pytest.mark.parametrize("path", PICTURES)
def test_extreme_urns_are_whole_and_legible(visit, path):
    opened = visit(path)
    check_words(opened.page)
    check_fit(opened.page)
    check_in_view(opened.page, ["Group size m₂", "Balls drawn n"])
    opened.look(NARROW)
    assert figures(opened.page)[0].bounding_box()["height"] > 800, "a telephone gets one panel under the other"
    check_words(opened.page)
    check_fit(opened.page)


def test_the_tour_speaks_and_shows(visit):
    opened = visit("/urn?urn_tour=8")
    main = opened.page.get_by_test_id("stMain")
    assert "8 of 11. Wallenius' distribution." in main.inner_text()
    assert opened.page.evaluate(SHOWN)["title"].startswith("Sample 1000, one by one:")
    press(opened, "Next")
    opened.wait_for(lambda: "9 of 11. Almost every ball." in main.inner_text(), "the next stop")
    opened.settle()
    assert opened.page.evaluate(SHOWN)["rings"] == 28


def test_draws_and_figure_can_be_taken_away(visit, browser, tmp_path):
    opened = visit("/urn?urn_step=40&urn_groups=4")
    with opened.page.expect_download() as download:
        press(opened, "Data (CSV)")
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    assert all(sum(int(row[f"group_{group}"]) for group in range(1, 5)) == 12 for row in rows)
    last = " + ".join(f"■ {rows[-1][f'group_{group}']}" for group in range(1, 5))
    assert opened.page.evaluate(SHOWN)["title"] == f"Sample 40: {last}"
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
    assert page.evaluate(SHOWN)["title"] == f"Sample 40: {last}"
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
