"""Several sessions on one server: demos starve no slider, and a closed tab costs nothing."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence

import pytest

from hypergeo.ui.page.urn_editor import WEIGHTS
from tests.benchmarks.app.load import Server, server
from tests.support.app.tab import Tab, run

DEMOS = 8
LONG = "grad_view=race&grad_step=200&grad_groups=5&grad_n=40&grad_draws=16&" + "&".join(f"grad_m{k}=16" for k in range(1, 6))


@pytest.fixture(scope="module")
def app() -> Iterator[Server]:
    with server() as running:
        yield running
        assert running.errors() == []


def test_running_demos_starve_no_slider(app):
    """One reader drags a slider, alone and beside eight demos that request pictures as fast as they are answered."""

    async def moves(tab: Tab, values: Sequence[float]) -> float:
        return statistics.median([await tab.move("conv_w2", f"{value:g}") for value in values])

    async def play(tab: Tab, ended: asyncio.Event) -> int:
        films = 0
        while not ended.is_set():
            films += 1
            await tab.play()
        return films

    async def visit() -> tuple[float, float, list[int]]:
        reader, demos, ended = Tab(app.address), [Tab(app.address) for _ in range(DEMOS)], asyncio.Event()
        await reader.open("convergence")
        for number, demo in enumerate(demos):
            await demo.open(["urn", "gradients"][number % 2])
        alone = await moves(reader, WEIGHTS[5:10])
        playing = [asyncio.create_task(play(demo, ended)) for demo in demos]
        beside = await moves(reader, WEIGHTS[10:26])
        ended.set()
        films = await asyncio.gather(*playing)
        for tab in (reader, *demos):
            assert tab.problems == []
            await tab.close()
        return alone, beside, films

    alone, beside, films = run(visit())
    assert beside < 6 * alone + 0.3, "eight demos without turns would each take as much as the slider"
    assert min(films) >= 2, f"a demo was starved: {films}"
    assert max(films) <= 4 * min(films) + 10, f"turns are not taken fairly: {films}"


def test_a_closed_tab_stops_what_it_asked_for(app):
    """Two hundred steps of seven descents take ten seconds of a processor; the tab is closed after the first of them."""

    async def visit() -> None:
        tab = Tab(app.address)
        await tab.open("glossary")
        with pytest.raises(TimeoutError):
            await tab.open("gradients", LONG, seconds=2)
        assert tab.shown("progress"), "the page says how far it is"
        await tab.close()

    run(visit())
    time.sleep(3)
    before = app.seconds()
    time.sleep(2)
    assert app.seconds() - before < 0.3


def test_an_idle_tab_costs_nothing(app):
    async def visit() -> float:
        async with Tab(app.address) as tab:
            await tab.open("urn")
            await tab.play()
            await tab.pause()
            await asyncio.sleep(1)
            before = app.seconds()
            await asyncio.sleep(3)
            return app.seconds() - before

    assert run(visit()) < 0.3


def test_a_move_ends_the_steps_that_were_asked_for_before(app):
    """Steps that the controls no longer request delay no later request."""

    async def visit() -> float:
        async with Tab(app.address) as tab:
            await tab.open("urn")
            with pytest.raises(TimeoutError):
                await tab.open("gradients", f"{LONG}&grad_seed=7", seconds=2)
            return await tab.open("glossary", seconds=60)

    start = app.seconds()
    run(visit())
    assert app.seconds() - start < 8
