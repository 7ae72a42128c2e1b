"""Long computations in background threads: results, failures, stops, and an undisturbed random sequence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from hypergeo.ui.runtime import background_run
from hypergeo.ui.runtime.background_run import Run, finished, stop_all
from hypergeo.ui.runtime.scheduler import TURNS

LONG = 20.0  # seconds that no machine needs for what is waited for here


class Work:
    """Work of a test.

    Args:
        work: function that is called with the function that reports progress.
    """

    def __init__(self, work: Callable[[Callable[[float, str], None]], Any]):
        self.work = work

    def measure(self, progress: Any = None) -> Any:
        return self.work(progress)


def ended(run: Run[Any]) -> Run[Any]:
    """Returns a run after it has ended."""
    run.wait(LONG)
    assert not run.running
    return run


def endless(progress: Callable[[float, str], None]) -> None:
    while True:
        time.sleep(0.002)
        progress(0.5, "for ever")


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_run_says_how_far_it_is_and_what_it_found() -> None:
    gate, reported = threading.Event(), threading.Event()

    def work(progress: Callable[[float, str], None]) -> int:
        progress(0.25, "a quarter")
        reported.set()
        gate.wait(LONG)
        return 7

    run = Run(Work(work))
    assert (run.fraction, run.result, run.failure, run.running) == (0.0, None, "", False)
    assert run.start() is run
    assert reported.wait(LONG)
    assert run.running
    assert (run.fraction, run.label, run.result) == (0.25, "a quarter", None)
    gate.set()
    ended(run)
    assert (run.result, run.failure) == (7, "")


def test_failures_are_told_in_words_and_only_errors_of_values_in_their_own(caplog: pytest.LogCaptureFixture) -> None:
    def wrong_value(progress: object) -> None:
        raise ValueError("total_count must be at most 3; got 4.")

    def broken(progress: object) -> None:
        raise KeyError("inner name")

    assert ended(Run(Work(wrong_value)).start()).failure == "total_count must be at most 3; got 4."
    assert "at most 3" not in caplog.text, "what the reader is told is no matter for the log"
    failure = ended(Run(Work(broken)).start()).failure
    assert failure
    assert "inner name" not in failure
    assert "inner name" in caplog.text
    assert (TURNS._running, TURNS.waiting) == (0, 0)


def test_a_stopped_run_is_over_for_its_reader_at_once_and_fails_nobody() -> None:
    run = Run(Work(endless)).start()
    wait_until(lambda: run.fraction > 0)
    run.stop()
    assert not run.running
    ended(run)
    assert not run._thread.is_alive()
    assert (run.result, run.failure) == (None, "")


def test_all_runs_end_together() -> None:
    runs = [Run(Work(endless)).start() for _ in range(3)]
    wait_until(lambda: all(run.fraction > 0 for run in runs))
    stop_all(LONG)
    assert not any(run._thread.is_alive() for run in runs)


@pytest.mark.parametrize("watched", [True, False])
def test_a_run_that_nobody_watches_stops(monkeypatch: pytest.MonkeyPatch, watched: bool) -> None:
    monkeypatch.setattr(background_run, "_ABANDONED", 0.3)
    run = Run(Work(endless)).start()
    until = time.monotonic() + (0.9 if watched else LONG)
    while time.monotonic() < until and not (not watched and run.failure):
        if watched:
            run.watch()
        time.sleep(0.01)
    assert run.running is watched
    assert ("no browser showed it" in run.failure) is not watched
    run.stop()
    ended(run)


def test_results_are_those_of_a_run_alone_although_others_have_turns_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs sample from separate generators, and pass on their turns after each number."""
    monkeypatch.setattr(background_run, "_SLICE", 0.0)

    def work(progress: Callable[[float, str], None]) -> list[float]:
        numbers, generator = [], torch.Generator().manual_seed(0)
        for at in range(20):
            numbers.append(float(torch.rand((), generator=generator)))
            progress(at / 20, "drawing")
        return numbers

    generator = torch.Generator().manual_seed(0)
    alone = [float(torch.rand((), generator=generator)) for _ in range(20)]
    before = torch.get_rng_state()
    runs = [Run(Work(work)).start() for _ in range(3)]
    assert [ended(run).result for run in runs] == [alone] * 3
    assert torch.equal(torch.get_rng_state(), before)


def test_turns_are_passed_on_while_a_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two endless runs proceed side by side, since they take turns."""
    monkeypatch.setattr(background_run, "_SLICE", 0.01)
    steps = [0, 0]

    def work(which: int) -> Callable[[Callable[[float, str], None]], None]:
        def go_on(progress: Callable[[float, str], None]) -> None:
            while True:
                time.sleep(0.002)
                steps[which] += 1
                progress(0.5, "working")

        return go_on

    runs = [Run(Work(work(which))).start() for which in (0, 1)]
    wait_until(lambda: min(steps) > 20)
    for run in runs:
        run.stop()
        ended(run)


def test_the_latest_results_are_kept_and_those_that_are_asked_for() -> None:
    finished.clear()
    store, most = finished(), background_run._STORED_RESULTS
    assert store is finished()
    for key in range(most):
        store.put(key, f"result {key}")
    assert store.get(0) == "result 0"
    store.put(most, "one more")
    assert store.get(1) is None, "the least recently used goes first"
    assert store.get(0) == "result 0"
    assert store.get(most) == "one more"
    store.put(0, "anew")
    assert store.get(0) == "anew"
    store.clear()
    assert store.get(0) is None
