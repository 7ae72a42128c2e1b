"""The page on cluster sizes in a browser: it plays, follows a dragged slider, keeps both in the address, and is legible."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from .checks import check_fit, check_in_view, check_inks, check_words
from .conftest import NARROW, Visit

# On every frame that the browser draws: the step of the picture, that of the sentence, and what is above the figure.
WATCH = """() => {
  window.seen = []
  const look = () => {
    window.looking = requestAnimationFrame(look)
    const stage = document.querySelector('.hg-stage')
    const stated = stage?.querySelector('.hg-sentence').innerText.match(/^Step (\\d+)\\./)
    if (stage) window.seen.push([Number(stage.dataset.position), stated ? Number(stated[1]) : 0,
      Math.round(stage.querySelector('.hg-frame').getBoundingClientRect().top)])
  }
  look()
}"""
SEEN = "() => { cancelAnimationFrame(window.looking); return window.seen }"
BARS = "() => [...document.querySelectorAll('.hg-plot .barlayer path')].map(bar => bar.getAttribute('d'))"


def query(opened: Visit) -> dict[str, str]:
    """Returns the parameters of the page's address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(opened.page.url).query).items()}


def pictures(opened: Visit) -> int:
    """Returns the number of pictures that the stage has shown."""
    return int(opened.page.locator(".hg-stage").get_attribute("data-pictures") or 0)


def test_it_plays_takes_a_change_on_the_way_and_a_reload_comes_back(visit):
    opened = visit("/cluster_sizes?clu_number=100")
    page = opened.page
    page.evaluate(WATCH)
    page.locator(".hg-play").click()
    opened.wait_for(lambda: opened.position() >= 10, "ten steps", seconds=90)
    page.locator("[data-name=tau] input[value='0.1']").check(force=True)
    opened.wait_for(lambda: "clu_edits" in query(opened), "the change to be in the address", seconds=60)
    assert query(opened)["clu_tau"] == "0.1"
    edits = query(opened)["clu_edits"]
    changed = re.fullmatch(r"0~tau~1_(\d+)~tau~0\.1", edits)
    assert changed is not None, edits
    opened.wait_for(lambda: opened.position() >= int(changed[1]) + 8, "it to play on", seconds=90)
    page.locator(".hg-play").click()
    at_once = opened.position()
    opened.settle()
    assert opened.position() == at_once, "it goes on after it was paused"
    seen = page.evaluate(SEEN)
    steps = [step for step, _, _ in seen]
    assert steps == sorted(steps), "steps go back"
    assert len(set(steps)) >= 6
    assert all(step == stated for step, stated, _ in seen), "the sentence is about another picture"
    assert len({top for _, _, top in seen}) == 1, "the figure jumps"
    opened.wait_for(lambda: query(opened).get("clu_step") == str(at_once), "the address")
    assert query(opened)["clu_edits"] == edits
    bars, words = page.evaluate(BARS), opened.text()
    page.reload()
    opened.settle()
    assert opened.position() == at_once
    assert page.evaluate(BARS) == bars
    assert opened.text() == words


def test_sizes_follow_a_hand_and_the_address_changes_once(visit):
    opened = visit("/cluster_sizes?clu_number=100&clu_step=30")
    page = opened.page
    address, entries, before, bars = opened.address(), page.evaluate("history.length"), pictures(opened), page.evaluate(BARS)
    box = page.locator("[data-name=room] input").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 8, middle)
    page.mouse.down()
    for share in (0.8, 0.6, 0.4, 0.2):
        shown = pictures(opened)
        page.mouse.move(box["x"] + share * box["width"], middle, steps=3)
        opened.wait_for(lambda shown=shown: pictures(opened) > shown, "a picture while the slider is held", seconds=60)
    assert pictures(opened) >= before + 4
    opened.wait_for(lambda: page.evaluate(BARS) != bars, "the bars to be cut")
    assert opened.address() == address, "the address waits for the release"
    page.mouse.up()
    opened.wait_for(lambda: opened.address() != address, "the address")
    opened.settle()
    room = query(opened)["clu_room"]
    assert query(opened) == {
        "clu_number": "100",
        "clu_step": "30",
        "clu_room": room,
        "clu_edits": f"0~room~100_30~room~{room}",
    }
    assert page.evaluate("history.length") == entries + 1
    assert f"maximum size in % = {room} at step 30" in page.get_by_test_id("stMain").inner_text()
    page.go_back()
    opened.wait_for(lambda: page.evaluate(BARS) == bars, "the bars from before")
    assert opened.address() == address


def test_a_preset_is_one_entry_keeps_the_figure_in_view_and_space_plays(visit):
    opened = visit("/cluster_sizes?clu_number=100&clu_step=4", size=(1280, 720))
    page, entries = opened.page, opened.page.evaluate("history.length")
    page.get_by_role("button", name="Known capacity").click()
    opened.wait_for(lambda: query(opened).get("clu_room") == "40", "the preset")
    opened.settle()
    assert query(opened) == {"clu_number": "100", "clu_room": "40", "clu_shares": "two large", "clu_apart": "2"}
    assert page.evaluate("history.length") == entries + 1
    assert "40\N{NARROW NO-BREAK SPACE}% of the points" in page.locator(".hg-note").inner_text()
    opened.wait_for(lambda: 0 <= page.locator(".hg-stage").bounding_box()["y"] < 360, "the figure to be in view")
    page.keyboard.press("Space")
    opened.wait_for(lambda: opened.position() >= 2, "it to play", seconds=60)
    page.keyboard.press("Space")
    opened.settle()
    assert query(opened)["clu_room"] == "40"


@pytest.mark.parametrize(
    "path",
    ["clu_step=0", "clu_clusters=8&clu_step=12", "clu_view=side+by+side&clu_step=5", "clu_source=digits&clu_tour=2"],
)
def test_every_view_is_whole_and_legible(visit, path):
    opened = visit(f"/cluster_sizes?clu_number=200&{path}")
    check_words(opened.page)
    check_fit(opened.page)
    check_in_view(opened.page, ["Temperature τ", "Sample type"])
    check_inks(opened.page, "light")
    opened.look(theme="dark")
    check_inks(opened.page, "dark")
    opened.look(NARROW, "dark")
    check_words(opened.page)
    check_fit(opened.page)
