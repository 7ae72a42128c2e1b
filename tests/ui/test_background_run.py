"""Work in a background thread: progress, result, failure, turns."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hypergeo.ui.quality.controls import CheckSettings, quality_controls
from hypergeo.ui.runtime import background_run as quality_run
from hypergeo.ui.runtime.background_run import Run, finished, stop_all
from tests.support.app.gate import Gate

DEFAULTS = {name: control.default for name, control in quality_controls().items()}


@pytest.fixture(autouse=True)
def forget():
    """Discards finished and running computations, before and after each test."""
    finished().clear()
    yield
    stop_all()
    finished().clear()


def test_tells_its_progress_and_its_result():
    gate = Gate()
    run = Run(gate).start()
    assert gate.entered.wait(30)
    assert (run.running, run.fraction, run.label, run.result) == (True, 0.25, "waiting", None)
    gate.opened.set()
    run.wait(30)
    assert (run.running, run.fraction, run.result) == (False, 0.75, "result")


def test_stopping_acts_at_once_and_leaves_no_result():
    gate = Gate()
    run = Run(gate).start()
    assert gate.entered.wait(30)
    run.stop()
    assert not run.running
    gate.opened.set()
    run.wait(30)
    assert run.result is None
    assert not run.failure


def test_a_run_that_nobody_watches_stops(monkeypatch):
    monkeypatch.setattr(quality_run, "_ABANDONED", -1.0)
    run = Run(Gate()).start()
    run.wait(30)
    assert not run.running
    assert run.result is None
    assert "no browser showed it" in run.failure


def test_failures_are_told_in_words():
    class Bad:
        def measure(self, progress: Any = None) -> None:
            raise ValueError("n must be at most 3.")

    class Broken:
        def measure(self, progress: Any = None) -> None:
            raise ZeroDivisionError

    for work, words in ((Bad(), "n must be at most 3."), (Broken(), "the server's log")):
        run = Run(work).start()
        run.wait(30)
        assert words in run.failure
        assert "Error" not in run.failure


def test_others_who_draw_meanwhile_change_nothing():
    settings = CheckSettings.of({**DEFAULTS, "samples": 1_000, "gradients": 100, "evaluations": 4, "marginal": False})
    run = Run(settings).start()
    while run.running:
        torch.rand(2)
    assert run.result is not None
    alone = settings.measure()
    assert run.result.samples == alone.samples or [r.ks for r in run.result.samples] == [r.ks for r in alone.samples]
    assert [row.mean for row in run.result.gradients] == [row.mean for row in alone.gradients]


def test_torch_s_generator_is_left_as_it_was():
    before = torch.get_rng_state()
    gate = Gate()
    run = Run(gate).start()
    gate.opened.set()
    run.wait(30)
    assert torch.equal(torch.get_rng_state(), before)


def test_only_the_latest_results_are_kept(monkeypatch):
    monkeypatch.setattr(quality_run, "_STORED_RESULTS", 2)
    finished.clear()  # the next store keeps so many
    for number in range(3):
        finished().put(number, str(number))
    assert [finished().get(number) for number in range(3)] == [None, "1", "2"]
    finished.clear()
