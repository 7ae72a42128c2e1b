"""The stage and the live controls, on a page without anything else: drags, films, history, address."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.app.server import served, write_page

from .conftest import NARROW, Visit

LENGTH = 60
PAGE = f"""
import streamlit as st

from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.ui.component.controls import Knob, Section, live_controls
from hypergeo.ui.component.live import live_part, live_room
from hypergeo.ui.component.playback import Playback, playback_controls
from hypergeo.ui.component.stage import stage
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import Preset, preset_buttons, preset_note

STATE = PageState("kit", {{"amount": Whole(3, 1, 99), "mood": Choice("calm", ["calm", "wild"]), **playback_controls({LENGTH})}})
open_page(STATE, "A walk", "One step after the other.")


class Walk:
    def __init__(self, step):
        self.step, self.amount = step, STATE.get("amount")

    def figure(self, palette, *, narrow=False):
        at = list(range(self.step + 1))
        layout = {{"height": 300, "title": {{"text": f"step {{self.step}}", "font": {{"color": palette.text}}}}}}
        layout |= {{"xaxis": {{"range": [-1, {LENGTH + 1}]}}, "yaxis": {{"range": [-1, 8]}}}}
        marker = {{"color": palette.exact}}
        dots = {{"type": "scatter", "x": at, "y": [self.amount * x % 7 for x in at], "mode": "markers", "marker": marker}}
        return PlainFigure([dots], layout)

    def alt(self):
        return f"A walk of {{self.step}} steps"

    def live(self):
        return f"Shown: **{{self.step}}** of amount {{self.amount}}."


@live_part(STATE)
def live():
    figure, controls = live_room()
    with figure:
        playback = Playback(length={LENGTH}, subject=STATE.get("mood"), leap=("Leap 10", 10))
        stage(STATE, Walk, playback=playback, note=preset_note(STATE))
    with controls:
        live_controls(STATE, [Section("", [Knob("amount", "Amount"), Knob("mood", "Mood")])])


live()
st.markdown(f"committed {{STATE.get('amount')}}, run {{st.session_state.setdefault('runs', 0)}}")
st.session_state.runs += 1
preset_buttons(STATE, [Preset("Far", {{"amount": 50, "step": 30}}, "The points lie far to the right.")])
"""
# On every frame that the browser draws: the numbers in the figure, the sentence and the playback bar. And the step of every
# picture, because a busy browser may draw two in one frame.
WATCH = """() => {
  window.seen = []
  const stage = document.querySelector('.hg-stage')
  window.steps = [Number(stage.dataset.position)]
  const count = new MutationObserver(() => window.steps.push(Number(stage.dataset.position)))
  count.observe(stage, { attributeFilter: ['data-pictures'] })
  const number = (selector, pattern = /\\d+/) => Number(document.querySelector(selector)?.textContent.match(pattern)?.[0] ?? -1)
  const look = () => {
    const box = document.querySelector('.hg-frame').getBoundingClientRect()
    window.seen.push({
      figure: number('.hg-plot .gtitle'),
      points: document.querySelectorAll('.hg-plot .scatterlayer path.point').length,
      sentence: number('.hg-sentence strong'),
      playback: number('.hg-bar output'),
      box: [box.top, box.height].join(),
    })
    window.looking = requestAnimationFrame(look)
  }
  look()
}"""
SEEN = "() => { cancelAnimationFrame(window.looking); return window.seen }"


@pytest.fixture(scope="module")
def kit(chromium, tmp_path_factory) -> Iterator[str]:
    """Yields the address of the page."""
    with served(write_page(tmp_path_factory.mktemp("kit"), PAGE, settings=True, live=True)) as address:
        yield address


class Walk:
    """The page, and the parts of its stage.

    Args:
        opened: a visit to the page.
    """

    def __init__(self, opened: Visit):
        self.opened = opened
        self.page = opened.page
        self.play = self.page.locator(".hg-play")
        self.range = self.page.locator(".hg-bar input")
        self.amount = opened.slider("Amount")

    def button(self, name: str):
        return self.page.locator(".hg-bar").get_by_role("button", name=name, exact=True)

    def shown(self) -> int:
        """Returns the step of the current picture."""
        return self.opened.position()

    def sentence(self) -> str:
        """Returns the sentence with the figure."""
        return self.page.locator(".hg-sentence").inner_text()

    def runs(self) -> int:
        """Returns the number of runs of the whole script."""
        return int(self.page.get_by_text("committed").inner_text().split()[-1])

    def address(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.page.url).query)

    def history(self) -> int:
        """Returns the number of entries in the browser's history."""
        return int(self.page.evaluate("history.length"))

    def reaches(self, step: int) -> None:
        """Waits until the page shows a step and is complete."""
        self.opened.wait_for(lambda: self.shown() >= step, f"step {step}", seconds=40)
        self.opened.settle()
        assert self.sentence().startswith(f"Shown: {self.shown()} ")

    def hold(self, share: float) -> tuple[float, float]:
        """Presses the pointer on the amount's slider.

        Args:
            share: place on the slider, as a share of its width.

        Returns:
            The slider's left end and width, in pixels.
        """
        box = self.amount.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        self.page.mouse.down()
        return box["x"], box["width"]


@pytest.fixture
def walk(visit, kit) -> Callable[..., Walk]:
    """Returns a function that opens the page with a query."""

    def open_(query: str = "", **how: object) -> Walk:
        return Walk(visit(f"/{query}", base=kit, **how))

    return open_


def test_a_drag_shows_pictures_all_the_way_and_is_one_entry_of_the_history(walk):
    here = walk()
    runs, before, picture = here.runs(), here.history(), here.page.evaluate(WATCH)
    left, width = here.hold(0.1)
    sentences = []
    for step in range(40):
        here.page.mouse.move(left + (0.1 + 0.02 * step) * width, here.amount.bounding_box()["y"] + 5)
        here.page.wait_for_timeout(40)
        sentences.append(here.sentence())
    assert len(set(sentences)) >= 6, "the picture does not follow the hand"
    assert here.address() == {}, "the address changes before the hand lets go"
    assert here.history() == before
    assert here.runs() == runs
    here.page.mouse.up()
    here.opened.wait_for(lambda: "kit_amount" in here.address(), "the address")
    here.opened.settle()
    seen = here.page.evaluate(SEEN)
    assert all(entry["points"] == 1 and entry["figure"] == 0 for entry in seen), "a frame without a figure"
    assert len({entry["box"] for entry in seen}) == 1, "the figure jumps"
    assert here.history() == before + 1
    amount = here.amount.input_value()
    assert here.address() == {"kit_amount": [amount]}
    here.opened.wait_for(lambda: here.page.get_by_text(f"committed {amount},").count(), "the rest of the page")
    assert here.sentence() == f"Shown: 0 of amount {amount}."
    assert picture is None
    # A hand that comes back to where it began lets go too: nothing changes, and nothing counts as moving any more.
    left, width = here.hold((int(amount) - 1) / 98)
    middle = here.amount.bounding_box()["y"] + 5
    for place in (0.2, 0.4, (int(here.amount.input_value()) - 1) / 98):
        here.page.mouse.move(left + place * width, middle)
        here.page.wait_for_timeout(200)
    # To the very value: a pixel may lie between two.
    here.amount.evaluate("(input, value) => { input.value = value; input.dispatchEvent(new Event('input')) }", amount)
    here.page.mouse.up()
    here.opened.settle()
    assert here.amount.input_value() == amount
    assert here.history() == before + 1


def test_back_and_forward_restore_whole_states(walk):
    here = walk()
    here.page.get_by_role("button", name="Far", exact=True).click()
    here.opened.wait_for(lambda: "amount 50" in here.sentence(), "the preset")
    here.opened.settle()
    far = here.address()
    assert far == {"kit_amount": ["50"], "kit_step": ["30"]}
    here.page.get_by_role("radio", name="wild").check()
    here.opened.wait_for(lambda: "kit_mood" in here.address(), "the mood")
    here.opened.settle()
    assert here.shown() == 0, "another walk starts at its beginning"
    here.page.go_back()
    here.opened.wait_for(lambda: here.shown() == 30, "the preset again")
    here.opened.settle()
    assert here.address() == far
    assert here.amount.input_value() == "50"
    here.page.go_back()
    here.opened.wait_for(lambda: "Shown: 0 of amount 3." in here.sentence(), "the start")
    here.page.go_forward()
    here.opened.wait_for(lambda: "Shown: 30 of amount 50." in here.sentence(), "the preset once more")


def test_after_a_preset_the_figure_is_in_view_and_space_plays(walk):
    here = walk(size=NARROW)
    here.page.get_by_role("button", name="Far", exact=True).click()
    here.opened.wait_for(lambda: "amount 50" in here.sentence(), "the preset")
    here.opened.settle()
    assert here.page.locator(".hg-note").inner_text() == "The points lie far to the right."
    here.page.wait_for_timeout(800)
    assert 0 <= here.page.locator(".hg-bar").bounding_box()["y"] < 300
    here.page.keyboard.press(" ")
    here.opened.wait_for(lambda: here.shown() > 32, "Space to play")
    assert "amount 50" in here.sentence()


def test_it_plays_every_step_and_all_that_is_shown_changes_together(walk):
    here = walk()
    runs = here.runs()
    here.page.evaluate(WATCH)
    here.play.click()
    here.opened.wait_for(lambda: here.shown() >= 25, "25 steps", seconds=40)
    assert here.runs() == runs, "the whole page ran while it played"
    here.play.click()
    seen = here.page.evaluate(SEEN)
    steps = [entry["figure"] for entry in seen]
    assert steps == sorted(steps), "the figure goes back"
    assert all(entry["points"] == entry["figure"] + 1 for entry in seen), "a frame between two figures"
    assert all(entry["sentence"] == entry["playback"] == entry["figure"] for entry in seen), "parts change one by one"
    assert len({entry["box"] for entry in seen}) == 1, "the figure jumps"
    assert set(range(20)) <= set(here.page.evaluate("window.steps")), "steps are left out"


def test_a_pause_acts_at_once_and_a_reload_while_playing_comes_back(walk, visit, kit):
    here = walk()
    before = here.history()
    here.play.click()
    here.opened.wait_for(lambda: here.shown() >= 12, "12 steps", seconds=40)
    shown = here.shown()
    here.page.reload()
    here.opened.settle()
    assert here.shown() >= shown - 8, "the address is older than half a second"
    assert here.play.inner_text() == "▶ Play"
    here.play.click()
    here.opened.wait_for(lambda: here.shown() >= shown + 5, "5 more steps", seconds=40)
    here.play.click()
    at_once = here.shown()
    here.opened.settle()
    assert here.shown() - at_once <= 1
    stopped = here.shown()
    sent = len(here.opened.sent)
    here.page.wait_for_timeout(1000)
    assert len(here.opened.sent) == sent, "a page that waits asks the server"
    assert here.address() == {"kit_step": [str(stopped)]}
    assert here.history() <= before + 2, "playing fills the history"
    again = Walk(visit(here.opened.address(), base=kit, fresh=True))
    assert again.shown() == stopped
    assert again.page.locator(".hg-plot").get_attribute("aria-label") == f"A walk of {stopped} steps"


def test_step_leap_scrubber_and_reset(walk):
    here = walk()
    here.button("Step").click()
    here.reaches(1)
    here.button("Leap 10").click()
    here.reaches(11)
    here.range.focus()
    here.page.keyboard.press("ArrowRight")
    here.reaches(12)
    here.page.keyboard.press("End")
    here.reaches(LENGTH)
    assert here.button("Step").is_disabled()
    here.button("Reset").click()
    here.opened.wait_for(lambda: here.shown() == 0, "the start")
    here.opened.settle()
    assert here.address() == {}


def test_speeds_differ(walk):
    """Also right after the page has opened: its clock begins at zero."""
    here = walk("?kit_speed=slow")
    here.page.evaluate("() => { const opened = Date.now(); performance.now = () => Date.now() - opened }")
    started = time.monotonic()
    here.play.click()
    here.opened.wait_for(lambda: here.shown() >= 3, "3 steps")
    assert time.monotonic() - started > 1
    here.play.click()
    here.opened.settle()
    first = here.shown()
    here.page.locator(".hg-bar select").select_option("fast")
    here.opened.settle()
    here.page.evaluate(WATCH)
    here.play.click()
    here.opened.wait_for(lambda: here.shown() >= first + 15, "15 steps", seconds=40)
    steps = sorted({entry["figure"] for entry in here.page.evaluate(SEEN)})
    assert len(steps) >= 3
    assert min(there - at for at, there in itertools.pairwise(steps)) >= 5


def test_stage_mode_fills_the_window_and_leaves_no_trace(walk):
    here = walk()
    address, plain = here.opened.address(), here.page.locator(".hg-plot").bounding_box()
    for width, height in ((1280, 720), (1920, 1080), (844, 390), (390, 844)):
        here.page.set_viewport_size({"width": width, "height": height})
        here.page.get_by_role("button", name="Stage", exact=True).click()
        here.opened.wait_for(lambda: "stage" in here.address(), "the address")
        here.opened.settle()
        here.page.wait_for_timeout(300)
        box = here.page.locator(".hg-plot").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1
        assert box["y"] + box["height"] <= height + 1, "the figure does not fit the window"
        assert not here.amount.is_visible()
        here.page.keyboard.press("c")
        assert here.amount.is_visible(), "a key brings the controls"
        here.page.keyboard.press("Escape")
        here.opened.wait_for(lambda: "stage" not in here.address(), "the address")
        here.opened.settle()
    here.page.set_viewport_size({"width": 1440, "height": 900})
    here.page.wait_for_timeout(500)
    assert here.opened.address() == address
    assert here.page.locator(".hg-plot").bounding_box() == plain


# Mounts a part that counts how often it is made and removed, as Streamlit does: again in the same place, then without a place.
REMOUNTS = """async () => {
  const address = document.querySelector('link[href$="components.css"]').href.replace('components.css', 'page.js')
  const { mounting } = await import(address)
  const counts = { born: 0, updates: 0, left: 0 }
  class Part {
    constructor(host) { counts.born += 1; host.append('part') }
    update() { counts.updates += 1 }
    leave() { counts.left += 1 }
  }
  const mount = mounting(Part), host = document.body.appendChild(document.createElement('div'))
  const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds))
  mount({ parentElement: host })()
  await pause(200)
  const unmount = mount({ parentElement: host })
  await pause(2500)
  const stayed = { ...counts, text: host.textContent }
  host.remove()
  unmount()
  await pause(50)
  return [stayed, counts.left]
}"""


def test_a_component_that_is_mounted_again_in_its_place_stays(walk):
    assert walk().page.evaluate(REMOUNTS) == [{"born": 1, "updates": 2, "left": 0, "text": "part"}, 1]


@pytest.mark.parametrize("query", ["?present=1", "?stage=1&kit_step=4"])
def test_links_open_stage_mode(walk, query):
    here = walk(query)
    assert here.page.locator("html.hg-staged").count() == 1
    here.page.get_by_role("button", name="Leave", exact=True).click()
    here.opened.wait_for(lambda: not here.page.locator("html.hg-staged").count(), "the page")
    here.opened.wait_for(lambda: "stage" not in here.address() and "present" not in here.address(), "the address")
