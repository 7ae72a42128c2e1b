"""The playback of the kit, on a page that holds nothing else: no flicker, no delay when it pauses, and it is in the address."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.app.server import served, write_page

from .conftest import Visit

LENGTH = 60
PAGE = f"""
import plotly.graph_objects as go
import streamlit as st

from hypergeo.ui.state.controls import Whole
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.component.transport import transport, transport_controls

STATE = PageState("kit", {{"amount": Whole(3, 1, 9), **transport_controls({LENGTH})}})
frame = open_page(STATE, "A walk", "One step after the other.")
amount = STATE.slider("amount", "Amount")
st.markdown(f"script run {{st.session_state.setdefault('runs', 0)}}")
st.session_state.runs += 1


@st.fragment
def walk():
    step = transport(STATE, length={LENGTH}, of=amount, leap=("Leap 10", 10))
    at = list(range(step + 1))
    figure = go.Figure(go.Scatter(x=at, y=[amount * x % 7 for x in at], mode="markers"))
    figure.update_layout(height=300, xaxis_range=[-1, {LENGTH + 1}], yaxis_range=[-1, 8], title=f"step {{step}}")
    frame.chart(figure, key="kit_figure", alt=f"A walk of {{step}} steps")
    st.markdown(f"shown {{step}}")


walk()
"""
# On every frame that the browser draws: what the reader sees of the figure, new or kept, and what the playback says.
WATCH = """() => {
  window.seen = []
  const output = [...document.querySelectorAll('*')].find(part => part.shadowRoot?.querySelector('.transport'))
    .shadowRoot.querySelector('output')
  const look = () => {
    const pictures = [...document.querySelectorAll('.js-plotly-plot, .steady')].filter(part => part.checkVisibility())
    const charts = [...document.querySelectorAll('.stPlotlyChart')].filter(part => part.checkVisibility())
    window.seen.push({
      at: Math.round(performance.now()),
      figure: Math.max(...pictures.map(part => parseInt(part.querySelector('.gtitle')?.textContent.split(' ')[1] ?? -1))),
      points: Math.max(...pictures.map(part => part.querySelectorAll('.scatterlayer path.point').length)),
      boxes: charts.map(part => part.getBoundingClientRect()).map(box => [box.top, box.height].join()).join(' '),
      playback: parseInt(output.textContent),
    })
    window.looking = requestAnimationFrame(look)
  }
  look()
}"""
SEEN = "() => { cancelAnimationFrame(window.looking); return window.seen }"


@pytest.fixture(scope="module")
def kit(chromium, tmp_path_factory) -> Iterator[str]:
    with served(write_page(tmp_path_factory.mktemp("kit"), PAGE, settings=True)) as address:
        yield address


class Walk:
    """The page, and its playback's parts."""

    def __init__(self, opened: Visit):
        self.opened = opened
        self.page = opened.page
        self.play = self.page.locator(".transport .play")
        self.range = self.page.locator(".transport input")
        self.speed = self.page.locator(".transport select")

    def button(self, name: str):
        return self.page.locator(".transport").get_by_role("button", name=name, exact=True)

    def playback(self) -> int:
        """The step that the playback says."""
        return int(self.page.locator(".transport output").inner_text().split()[0])

    def shown(self) -> int:
        """The step that the page shows."""
        return int(self.page.get_by_text("shown ", exact=False).last.inner_text().split()[1])

    def runs(self) -> int:
        """How often the whole script has run."""
        return int(self.page.get_by_text("script run", exact=False).inner_text().split()[2])

    def reaches(self, step: int) -> None:
        """Waits until the page shows a step and has come to rest."""
        self.opened.wait_for(lambda: self.shown() >= step, f"step {step}")
        self.opened.settle()
        assert self.shown() == self.playback()


@pytest.fixture
def walk(visit, kit) -> Callable[..., Walk]:
    def open_(query: str = "") -> Walk:
        opened = visit(f"/{query}", base=kit)
        opened.page.locator(".transport").wait_for()
        return Walk(opened)

    return open_


def test_it_plays_every_step_without_flicker_and_only_its_fragment_runs(walk):
    here = walk()
    runs = here.runs()
    here.page.evaluate(WATCH)
    here.play.click()
    here.opened.wait_for(lambda: here.shown() >= 25, "25 steps", seconds=40)
    here.play.click()
    seen = here.page.evaluate(SEEN)
    steps = [entry["figure"] for entry in seen]
    empty = [number for number, entry in enumerate(seen) if entry["points"] < 1]
    assert not empty, (
        f"{len(empty)} frames without the figure, or with an empty one: {seen[max(empty[0] - 3, 0) : empty[0] + 4]}"
    )
    assert len({entry["boxes"] for entry in seen}) == 1, "the figure jumps, or two stand beside each other"
    assert steps == sorted(steps), "the figure goes back"
    assert all(entry["points"] == entry["figure"] + 1 for entry in seen), "a frame between two figures"
    assert set(range(20)) <= set(steps), "steps are left out"
    assert max(entry["playback"] - entry["figure"] for entry in seen) <= 1, "the playback runs ahead of the figure"
    assert here.runs() == runs, "the whole page ran again"


def test_a_pause_acts_within_one_step_and_the_address_holds_it(walk, visit, kit):
    here = walk()
    here.play.click()
    here.opened.wait_for(lambda: here.shown() >= 5, "5 steps")
    assert "kit_step" not in here.opened.address(), "the address changes while it plays"
    here.page.keyboard.press("Escape")
    here.play.click()
    at_once = here.shown()
    here.opened.settle()
    stopped = here.shown()
    assert stopped - at_once <= 1
    assert stopped == here.playback()
    here.page.wait_for_timeout(600)
    assert here.shown() == stopped
    sent = len(here.opened.sent)
    here.page.wait_for_timeout(1000)
    assert len(here.opened.sent) == sent, "a page that waits asks the server"
    here.page.wait_for_url(f"**kit_step={stopped}*", timeout=5000)
    again = Walk(visit(here.opened.address(), base=kit))
    assert again.shown() == stopped
    assert again.page.get_by_test_id("stPlotlyChart").get_attribute("aria-label") == f"A walk of {stopped} steps"


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
    assert here.play.is_disabled()
    assert here.button("Step").is_disabled()
    here.button("Reset").click()
    here.opened.wait_for(lambda: here.shown() == 0, "the start")
    here.opened.settle()
    assert "kit_step" not in here.opened.address()


def test_it_stops_at_the_end(walk):
    here = walk(f"?kit_step={LENGTH - 3}")
    assert here.shown() == LENGTH - 3
    here.play.click()
    here.reaches(LENGTH)
    assert here.play.is_disabled()
    assert here.play.inner_text() == "▶ Play"
    assert f"kit_step={LENGTH}" in here.opened.address()


def test_speeds_differ(walk):
    here = walk("?kit_speed=slow")
    started = time.monotonic()
    here.play.click()
    here.opened.wait_for(lambda: here.shown() >= 3, "3 steps")
    assert time.monotonic() - started > 1
    here.play.click()
    here.opened.settle()
    first = here.shown()
    here.speed.select_option("fast")
    here.opened.settle()
    here.page.evaluate(WATCH)
    here.play.click()
    here.opened.wait_for(lambda: here.shown() >= first + 15, "15 steps")
    steps = {entry["figure"] for entry in here.page.evaluate(SEEN)}
    assert {first, first + 5, first + 10} <= steps
    assert {(step - first) % 5 for step in steps} == {0}


def test_another_walk_starts_at_its_beginning(walk):
    here = walk("?kit_step=20")
    here.play.click()
    here.opened.wait_for(lambda: here.shown() > 22, "a few steps")
    here.opened.slider("Amount").focus()
    here.page.keyboard.press("ArrowRight")
    here.opened.wait_for(lambda: here.shown() == 0, "the start")
    here.page.wait_for_timeout(700)
    assert here.shown() == here.playback() == 0
    assert here.play.inner_text() == "▶ Play"
    assert here.opened.address() == "/?kit_amount=4"
