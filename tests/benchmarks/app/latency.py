"""From the key that moves a slider until the figure with the new numbers is on the screen, beside a bare Streamlit page."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, TimeoutError, sync_playwright

from hypergeo.ui.catalogue import PAGES
from tests.benchmarks.timing import Timing
from tests.support.app.server import FLAGS, find_chromium, served, write_page

__all__ = ["Latency", "find_chromium", "latencies"]

# Streamlit replaces a figure by a new one whenever it changes. A move ends with the first frame in which a figure is there
# that was not there when the key went down, with its traces drawn.
_MEASURE = """label => {
  const slider = [...document.querySelectorAll('input[type=range]')].find(input => input.getAttribute('aria-label') === label)
  slider.focus()
  const before = new Set(document.querySelectorAll('.js-plotly-plot'))
  let pressed
  window.took = undefined
  window.addEventListener('keydown', event => { pressed = event.timeStamp }, { capture: true, once: true })
  const look = () => {
    const fresh = [...document.querySelectorAll('.js-plotly-plot')].some(plot => !before.has(plot) && plot.data?.length &&
      plot.style.visibility !== 'hidden' && plot.querySelector('.mlayer *'))
    if (fresh && pressed !== undefined) requestAnimationFrame(() => { window.took = (performance.now() - pressed) / 1000 })
    else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
  return [slider.min, slider.max, slider.value].map(Number)
}"""
_STILL = """() => {
  const app = document.querySelector('[data-testid="stApp"]')
  const charts = [...document.querySelectorAll('.stPlotlyChart')]
  const there = app?.querySelector('h1, .stPlotlyChart') && !app.querySelector('[data-testid="stSkeleton"]')
  const still = app?.dataset.testScriptState === 'notRunning' && there &&
    charts.every(chart => chart.querySelectorAll('.js-plotly-plot .main-svg').length)
  if (!still) window.still = undefined
  else window.still ??= performance.now()
  return still && performance.now() - window.still > 250
}"""
_SLIDERS = """() => [...document.querySelectorAll('[data-testid="stSlider"] input[type=range]')]
  .filter(input => !input.closest('[data-testid="stExpander"]')).map(input => input.getAttribute('aria-label'))"""
# How many points the page's figures draw, and how many each of their frames holds.
_POINTS = """() => {
  const size = values => values?.bdata ? atob(values.bdata).length / Number(values.dtype.slice(1)) : values?.length ?? 0
  const plots = [...document.querySelectorAll('.js-plotly-plot')]
  const drawn = plots.flatMap(plot => plot.calcdata).map(points => points[0]?.z ? points[0].z.flat().length : points.length)
  const frames = plots.flatMap(plot => plot._transitionData?._frames ?? [])
  const held = frames.map(frame => frame.data.map(part => Math.max(size(part.x), size(part.y), size(part.marker?.size)))
    .reduce((sum, points) => sum + points, 0))
  const height = Math.max(...plots.map(plot => plot._fullLayout.height))
  return { drawn: drawn.reduce((sum, points) => sum + points, 0), frames: held, height }
}"""
_BARE = """
import numpy as np
import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
value = st.slider("Slider", 0, 100, 50)
random = np.random.default_rng(value)


def cloud(points):
    return go.Scatter(x=random.normal(size=points), y=random.normal(size=points), mode="markers")


figure = go.Figure(cloud({points}), layout={{"height": {height}}}, frames=[go.Frame(data=[cloud(size)]) for size in {frames}])
st.plotly_chart(figure)
"""


@dataclass
class Latency:
    """Times of one page's sliders and of the bare pages beside it, measured in turns.

    Attributes:
        path: of the page.
        points: that its figures draw.
        points_sent: that its figures and all their frames hold.
        sliders: seconds of each kind of slider, by label; none where it leaves the figures as they are.
        bare: seconds of a bare page whose figure draws as many points.
        bare_with_frames: seconds of a bare page whose figure holds as many frames with as many points too, if there are any.
    """

    path: str
    points: int
    points_sent: int
    sliders: dict[str, Timing | None]
    bare: Timing
    bare_with_frames: Timing | None


@dataclass
class _Slider:
    """A slider that walks to and fro; each of a page's sliders turns elsewhere, so that no picture comes back soon."""

    page: Page
    label: str
    reach: int
    seconds: list[float] = field(default_factory=list)
    _to_go: int = 0
    _right: bool = False

    def changes_the_figure(self) -> bool:
        """Moves once without taking the time, which warms it up."""
        try:
            self.move()
        except TimeoutError:
            return False
        self.seconds.clear()
        return True

    def move(self) -> None:
        """Moves by one step once the page is at rest, and takes the time."""
        self.page.bring_to_front()
        _rest(self.page)
        low, high, at = self.page.evaluate(_MEASURE, self.label)
        if self._to_go == 0:
            self._right, self._to_go = not self._right, self.reach
        if at in (low, high):
            self._right, self._to_go = at == low, self.reach
        self._to_go -= 1
        self.page.keyboard.press("ArrowRight" if self._right else "ArrowLeft")
        self.page.wait_for_function("() => window.took !== undefined", timeout=15_000)
        self.seconds.append(float(self.page.evaluate("window.took")))


def latencies(moves: int, *, quick: bool = False) -> Iterator[Latency]:
    """Latencies of every page that has sliders and a figure.

    Args:
        moves: of each slider.
        quick: the first two sliders of one page only.
    """
    chromium = find_chromium()
    assert chromium is not None
    paths = ["/convergence"] if quick else [f"/{Path(entry.path).stem}" for entry in PAGES]
    with served() as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        for path in paths:
            page = context.new_page()
            page.goto(app + path)
            _rest(page)
            labels = _kinds(page.evaluate(_SLIDERS))[: 2 if quick else None]
            if labels and page.locator(".stPlotlyChart").count():
                yield _beside_bare(context, page, path, labels, moves)
            page.close()
        browser.close()


def _beside_bare(context: BrowserContext, page: Page, path: str, labels: list[str], moves: int) -> Latency:
    """One round after the other: a move on each bare page, then one of each slider."""
    size: dict[str, Any] = page.evaluate(_POINTS)
    with ExitStack() as stack:
        bare = [_bare_page(stack, context, size, frames) for frames in ([[], size["frames"]] if size["frames"] else [[]])]
        sliders = [_Slider(page, label, reach=4 + number) for number, label in enumerate(labels)]
        everything = [*bare, *(slider for slider in sliders if slider.changes_the_figure())]
        for _ in range(moves):
            for slider in everything:
                slider.move()
    without, with_frames = (Timing.of(slider.seconds) for slider in (bare[0], bare[-1]))
    return Latency(
        path=path,
        points=size["drawn"],
        points_sent=size["drawn"] + sum(size["frames"]),
        sliders={_plain(slider.label): Timing.of(slider.seconds) if slider.seconds else None for slider in sliders},
        bare=without,
        bare_with_frames=with_frames if len(bare) > 1 else None,
    )


def _bare_page(stack: ExitStack, context: BrowserContext, size: dict[str, Any], frames: list[int]) -> _Slider:
    """The slider of a bare page, on a server of its own until the stack unwinds, once it has moved for the first time."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    code = _BARE.format(points=size["drawn"], height=round(size["height"]), frames=frames)
    address = stack.enter_context(served(write_page(folder, code)))
    page = context.new_page()
    stack.callback(page.close)
    page.goto(address)
    page.locator(".stPlotlyChart").wait_for(timeout=60_000)
    slider = _Slider(page, "Slider", reach=40)
    assert slider.changes_the_figure()
    return slider


def _kinds(labels: list[str]) -> list[str]:
    """The first slider of each kind: those that differ in a number only are of one.

    Example:
        >>> _kinds(["Weight 1", "Size 1", "Weight 2", "Size 2", "Seed"])
        ['Weight 1', 'Size 1', 'Seed']
    """
    return list({re.sub(r"\d+", "", _plain(label)): label for label in reversed(labels)}.values())[::-1]


def _plain(label: str) -> str:
    """A label without pictures.

    Example:
        >>> _plain("![Group 1](data:image/svg+xml;base64,AA==) Size 1")
        'Size 1'
    """
    return re.sub(r"!\[.*?\]\(.*?\)", "", label).strip()


def _rest(page: Page) -> None:
    page.evaluate("window.still = undefined")
    page.wait_for_function(_STILL, timeout=120_000)
