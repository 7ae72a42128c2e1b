"""Sprites with shared factors: estimated numbers of shared factors without labels, beside earlier rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import torch

from hypergeo.datasets import Sprites
from hypergeo.shared_factors import SharedFactors, SharedFactorsSettings
from hypergeo.shared_factors.result_tables import factor_table
from hypergeo.shared_factors.results import FactorResults
from hypergeo.shared_factors.study import STUDY_SETTINGS, factor_study
from tests.benchmarks.report import Missing, Section, Verdict

__all__ = ["SEEDS", "factors", "steps_a_second"]

SEEDS = range(3000, 3005)  # settings were chosen on seeds from 1000 on
_OURS, _ADAVAE = "hypergeometric", "AdaVAE"


def factors(judged: bool, progress: Callable[[float, str], None] | None = None) -> Section:
    """Returns errors of the estimated number and the quality of latents, for fixed and for varying numbers.

    Args:
        judged: whether the run has full effort.
        progress: function that receives the finished share and a label.
    """
    sprites = Sprites()
    fixed: list[int] = list(range(sprites.num_factors + 1)) if judged else [2]
    seeds = SEEDS if judged else SEEDS[:1]
    settings = STUDY_SETTINGS if judged else SharedFactorsSettings(steps=8, batch=8)
    several = (0, sprites.num_factors)
    with _one_thread():
        rows = factor_study(sprites, [*fixed, several], seeds=seeds, settings=settings, progress=progress)
        rate = steps_a_second(Sprites(), 50 if judged else 2)
    results = FactorResults("sprites", sprites.num_factors, asdict(settings), rows)
    head, lines = factor_table(results)
    title = f"Sprites of five factors, seeds {seeds[0]} to {seeds[-1]}, {settings.steps:,} steps: numbers of shared factors"
    section = Section("factors", title, [dict(zip(head, line, strict=True)) for line in lines])

    def mean(name: str, measure: str, varying: bool) -> float | Missing:
        values = list(results.by_seed(name, measure, varying).values())
        return sum(values) / len(values) if values else Missing("nothing to measure")

    ours, theirs = (mean(name, "squared_error", False) for name in (_OURS, _ADAVAE))
    ratio = ours if isinstance(ours, Missing) else theirs if isinstance(theirs, Missing) else ours / max(theirs, 1e-12)
    section.verdicts = [
        Verdict("fixed number: squared error over AdaVAE's", ratio, 0.2, "", judged=judged),
        Verdict("varying number: squared error", mean(_OURS, "squared_error", True), 1.0, "", judged=judged),
        Verdict("varying number: correlation", mean(_OURS, "correlation", True), 0.85, "", True, judged),
        Verdict("varying number: R² of independent factors", mean(_OURS, "independent_r2", True), 0.65, "", True, judged),
        Verdict("steps a second of CPU time", rate, 20.0, "/s", True, judged),
    ]
    return section


def steps_a_second(sprites: Sprites, steps: int) -> float:
    """Returns the steps of one model per second of CPU time, with sampling and rendering, after the warm-up.

    Args:
        sprites: data set of the pairs.
        steps: number of timed steps.
    """
    model = SharedFactors(sprites, 2, settings=SharedFactorsSettings(warm_up=0.0), seeds=0)
    model.step(3)
    start = time.process_time()
    model.step(steps)
    return steps / (time.process_time() - start)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
