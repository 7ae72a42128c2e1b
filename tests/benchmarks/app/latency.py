"""Time from a slider's key to the new picture, beside a bare Streamlit page, and pictures per second during a drag."""

from __future__ import annotations

import itertools
import json
import math
import re
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, FloatRect, Page, TimeoutError, sync_playwright
from websockets.sync.client import connect

from hypergeo.ui.catalogue import PAGES
from tests.benchmarks.timing import Timing
from tests.support.app.server import FLAGS, find_chromium, free_port, served, write_page

__all__ = ["Latency", "find_chromium", "latencies"]

# A move ends with the frame after the one in which the new picture was painted. On a bare page Streamlit puts a new figure in
# the place of the old one; a stage counts its pictures.
_MEASURE = """label => {
  const slider = [...document.querySelectorAll('input[type=range]')].find(input => input.getAttribute('aria-label') === label)
  slider.focus()
  const stage = document.querySelector('.hg-stage'), count = stage?.dataset.pictures
  const before = new Set(document.querySelectorAll('.js-plotly-plot'))
  let pressed
  window.took = undefined
  window.addEventListener('keydown', event => { pressed = event.timeStamp }, { capture: true, once: true })
  const plots = () => [...document.querySelectorAll('.js-plotly-plot')]
  const replaced = () => plots().some(plot => !before.has(plot) && plot.data?.length &&
    plot.style.visibility !== 'hidden' && plot.querySelector('.mlayer *'))
  const look = () => {
    const fresh = stage ? stage.dataset.pictures !== count : replaced()
    if (fresh && pressed !== undefined) requestAnimationFrame(() => { window.took = (performance.now() - pressed) / 1000 })
    else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
  return [slider.min, slider.max, slider.value].map(Number)
}"""
_STILL = """() => {
  const app = document.querySelector('[data-testid="stApp"]')
  const charts = [...document.querySelectorAll('.stPlotlyChart')]
  const there = app?.querySelector('.hg-stage, .stPlotlyChart') && !app.querySelector('[data-testid="stSkeleton"]')
  const painted = !document.querySelector('.hg-stage:not([data-pictures])')
  const still = painted && app?.dataset.testScriptState === 'notRunning' && there &&
    charts.every(chart => chart.querySelectorAll('.js-plotly-plot .main-svg').length)
  if (!still) window.still = undefined
  else window.still ??= performance.now()
  return still && performance.now() - window.still > 250
}"""
_SLIDERS = """() => [...document.querySelectorAll('.hg-controls input[type=range]')]
  .filter(input => input.checkVisibility()).map(input => input.getAttribute('aria-label'))"""
_POINTS = """() => {
  const plots = [...document.querySelectorAll('.js-plotly-plot')]
  const size = points => points[0]?.z ? points[0].z.flat().length : points[0]?.trace?.fill === 'toself' ? 1 : points.length
  const drawn = plots.flatMap(plot => plot.calcdata).map(size) // a filled outline counts as one point
  const height = Math.max(...plots.map(plot => plot._fullLayout.height))
  return { drawn: drawn.reduce((sum, points) => sum + points, 0), height }
}"""
_PICTURES = """([from, until]) => performance.getEntriesByName('hypergeo:picture')
  .filter(picture => picture.startTime >= from && picture.startTime <= until).length"""
_DRAG = 6.0  # seconds
_BARE = """
import numpy as np
import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
value = st.slider("Slider", 0, 100, 50)
random = np.random.default_rng(value)


def cloud(points):
    return go.Scatter(x=random.normal(size=points), y=random.normal(size=points), mode="markers")


st.plotly_chart(go.Figure(cloud({points}), layout={{"height": {height}}}))
"""


@dataclass
class Drag:
    """What a page shows while a pointer drags one of its sliders.

    Attributes:
        pictures: new pictures per second.
        values: new values of the slider per second, as the pointer moves. No page can show more pictures.
    """

    pictures: float
    values: float


@dataclass
class Latency:
    """Times of one page's sliders and of the bare page beside it, measured in turns.

    Attributes:
        path: path of the page.
        points: number of points in its figure.
        sliders: times of each kind of slider, by label; ``None`` where it does not change the figure.
        bare: times of a bare page with as many points in its figure.
        dragged: pictures and values per second while a pointer drags each kind of slider, by label.
    """

    path: str
    points: int
    sliders: dict[str, Timing | None]
    bare: Timing
    dragged: dict[str, Drag]


@dataclass
class _Slider:
    """A slider that moves back and forth; each slider of a page turns at another place, so that pictures differ."""

    page: Page
    label: str
    reach: int
    seconds: list[float] = field(default_factory=list)
    _to_go: int = 0
    _right: bool = False

    def changes_the_figure(self) -> bool:
        """Returns whether a move changes the figure; this first move is not timed."""
        try:
            self.move()
        except TimeoutError:
            return False
        self.seconds.clear()
        return True

    def move(self) -> None:
        """Moves by one step once the page is complete, and records the time."""
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
    """Measures the latencies of every page that has sliders and a figure.

    Args:
        moves: number of moves of each slider.
        quick: whether to measure only the first two sliders of one page.

    Yields:
        Latencies of a page.
    """
    chromium = find_chromium()
    assert chromium is not None
    paths = ["/convergence"] if quick else [f"/{Path(entry.path).stem}" for entry in PAGES]
    with served() as app, sync_playwright() as playwright:
        port = free_port()
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, f"--remote-debugging-port={port}"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        for path in paths:
            page = context.new_page()
            page.goto(app + path)
            try:
                page.locator(".hg-stage[data-pictures]").wait_for(timeout=20_000)
            except TimeoutError:  # a page without a figure
                page.close()
                continue
            _rest(page)
            labels = _kinds(page.evaluate(_SLIDERS))[: 2 if quick else None]
            if labels:
                yield _beside_bare(context, page, path, labels, moves, port)
            page.close()
        browser.close()


def _beside_bare(context: BrowserContext, page: Page, path: str, labels: list[str], moves: int, port: int) -> Latency:
    """Returns latencies of a page: rounds of one move on the bare page and one of each slider, then a drag of each."""
    size: dict[str, Any] = page.evaluate(_POINTS)
    with ExitStack() as stack:
        bare = _bare_page(stack, context, size)
        sliders = [_Slider(page, label, reach=4 + number) for number, label in enumerate(labels)]
        everything = [bare, *(slider for slider in sliders if slider.changes_the_figure())]
        for _ in range(moves):
            for slider in everything:
                slider.move()
    return Latency(
        path=path,
        points=size["drawn"],
        sliders={slider.label: Timing.of(slider.seconds) if slider.seconds else None for slider in sliders},
        bare=Timing.of(bare.seconds),
        dragged={slider.label: _dragged(page, slider.label, port) for slider in sliders if slider.seconds},
    )


def _dragged(page: Page, label: str, port: int) -> Drag:
    """Returns what a page shows while a pointer drags a slider back and forth."""
    page.bring_to_front()
    _rest(page)
    slider = page.locator(f'.hg-controls input[type=range][aria-label="{label}"]')
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    options = slider.evaluate("input => input.max - input.min")
    target = page.context.new_cdp_session(page).send("Target.getTargetInfo")["targetInfo"]["targetId"]
    started = page.evaluate("performance.now()")
    with ThreadPoolExecutor(1) as hand:
        dragging = hand.submit(_drag, f"ws://127.0.0.1:{port}/devtools/page/{target}", box, options)
        while not dragging.done():
            page.wait_for_timeout(200)
    pictures = page.evaluate(_PICTURES, [started, started + 1000 * _DRAG])
    return Drag(pictures / _DRAG, dragging.result() / _DRAG)


def _drag(address: str, box: FloatRect, options: int) -> int:
    """Drags a slider, with sixty moves per second whether or not the page keeps up, as a hand does.

    Args:
        address: address at which the browser takes commands for the page. Playwright waits for the page after each move.
        box: bounds of the slider.
        options: number of values of the slider, less one.

    Returns:
        Number of times that the value has changed.
    """
    values: list[int] = []
    with connect(address, max_queue=None) as browser:

        def send(kind: str, share: float) -> None:
            place = {"x": box["x"] + share * box["width"], "y": box["y"] + box["height"] / 2}
            press = {"type": kind, "button": "left", "buttons": 1, "clickCount": int(kind != "mouseMoved")}
            command = {"id": len(values) + 1, "method": "Input.dispatchMouseEvent", "params": place | press}
            browser.send(json.dumps(command))
            values.append(round(options * share))

        send("mousePressed", 0.5)
        started = time.monotonic()
        while (passed := time.monotonic() - started) < _DRAG:
            send("mouseMoved", 0.5 + 0.3 * math.sin(2.5 * passed))
            time.sleep(1 / 60)
        send("mouseReleased", 0.5)
        time.sleep(0.5)  # the last commands arrive
    return sum(before != after for before, after in itertools.pairwise(values))


def _bare_page(stack: ExitStack, context: BrowserContext, size: dict[str, Any]) -> _Slider:
    """Returns the slider of a bare page after its first move; a separate server runs until the stack unwinds."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    code = _BARE.format(points=size["drawn"], height=round(size["height"]))
    address = stack.enter_context(served(write_page(folder, code)))
    page = context.new_page()
    stack.callback(page.close)
    page.goto(address)
    page.locator(".stPlotlyChart").wait_for(timeout=60_000)
    slider = _Slider(page, "Slider", reach=40)
    assert slider.changes_the_figure()
    return slider


def _kinds(labels: list[str]) -> list[str]:
    """Returns the first slider of each kind; sliders of one kind differ in a number only.

    Example:
        >>> _kinds(["Weight w₁", "Group size m₁", "Weight w₂", "Rate"])
        ['Weight w₁', 'Group size m₁', 'Rate']
    """
    kinds: dict[str, str] = {}
    for label in labels:
        kinds.setdefault(re.sub(r"[\d₀-₉]+", "", label), label)
    return list(kinds.values())


def _rest(page: Page) -> None:
    page.evaluate("window.still = undefined")
    page.wait_for_function(_STILL, timeout=120_000)
