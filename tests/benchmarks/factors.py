"""Sprites that share some of their factors: how many, as found without labels, beside the rules that this replaces."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from hypergeo.datasets import Sprites
from hypergeo.factor_study import METHODS, StudyRow, factor_study
from hypergeo.shared_factors import Settings, SharedFactors

from .report import Cell, Section, Verdict

__all__ = ["SEEDS", "factors", "steps_a_second", "summarised"]

SEEDS = range(3000, 3005)  # settings were chosen on seeds from 1000 on
_OURS, _ADAVAE = "hypergeometric", "AdaVAE"
_CONSTANT = ("always half", "oracle (label)", "unshared")
"""Methods that do not estimate the number."""


def factors(judged: bool, progress: Callable[[float, str], None] | None = None) -> Section:
    """Errors of the number and quality of the latents, for fixed numbers and for pairs that differ."""
    sprites = Sprites()
    fixed: list[int] = list(range(sprites.num_factors + 1)) if judged else [2]
    seeds = SEEDS if judged else SEEDS[:1]
    settings = Settings() if judged else Settings(steps=8, batch=8)
    several = (0, sprites.num_factors)
    with _one_thread():
        rows = factor_study(sprites, [*fixed, several], seeds=seeds, settings=settings, progress=progress)
        rate = steps_a_second(Sprites(), 50 if judged else 2)
    title = f"Sprites of five factors, seeds {seeds[0]} to {seeds[-1]}, {settings.steps:,} steps: numbers of shared factors"
    section = Section("factors", title, [summarised(name, rows) for name in METHODS])

    def mean(name: str, which: Callable[[StudyRow], bool], value: str) -> float:
        return statistics.fmean(getattr(row.score, value) for row in rows if row.method == name and which(row))

    ratio = mean(_OURS, _fixed, "squared_error") / max(mean(_ADAVAE, _fixed, "squared_error"), 1e-12)
    section.verdicts = [
        Verdict("fixed number: squared error over AdaVAE's", ratio, 0.2, "", judged=judged),
        Verdict("varying number: squared error", mean(_OURS, _varying, "squared_error"), 1.0, "", judged=judged),
        Verdict("varying number: correlation", mean(_OURS, _varying, "correlation"), 0.85, "", True, judged),
        Verdict("varying number: R² of independent factors", mean(_OURS, _varying, "independent_r2"), 0.65, "", True, judged),
        Verdict("steps a second of CPU time", rate, 20.0, "/s", True, judged),
    ]
    return section


def summarised(name: str, rows: Sequence[StudyRow]) -> dict[str, Cell]:
    """One method's row of the table, over seeds.

    Args:
        name: of the method.
        rows: of a study, with pairs of fixed numbers and such that differ.
    """
    ours = [row for row in rows if row.method == name]
    fixed, varying = [row for row in ours if _fixed(row)], [row for row in ours if _varying(row)]
    row: dict[str, Cell] = {"method": name}
    for number in sorted({each.shared for each in fixed if isinstance(each.shared, int)}):
        bias = [each.score.bias for each in fixed if each.shared == number]
        row[f"s = {number}"] = None if name in _CONSTANT else f"{number + statistics.fmean(bias):.2f}"
    row["squared error, fixed s"] = None if name in _CONSTANT else _mean(fixed, "squared_error")
    for title, value in (
        ("squared error, s varies", "squared_error"),
        ("correlation", "correlation"),
        ("squared error, 16 pairs", "pooled_squared_error"),
        ("correlation, 16 pairs", "pooled_correlation"),
    ):
        row[title] = None if name in _CONSTANT else _mean(varying, value)
    for title, value in (
        ("mask right", "mask_accuracy"),
        ("R² shared", "shared_r2"),
        ("R² independent", "independent_r2"),
    ):
        row[title] = _mean(varying, value)
    failed = sum(_collapsed(each) for each in ours)
    row["collapsed"] = f"{failed} of {len(ours)}"
    row["unused dimensions"] = f"{sum(bool(each.score.collapse.unused) for each in ours)} of {len(ours)}"
    return row


def _collapsed(row: StudyRow) -> bool:
    """Whether a model says that all, or none, is shared where that is not so."""
    found, most = row.score.collapse, Sprites().num_factors
    wrongly_none = found.none_shared and row.shared != 0 and row.method != "unshared"
    return wrongly_none or (found.all_shared and row.shared != most)


def _fixed(row: StudyRow) -> bool:
    return isinstance(row.shared, int)


def _varying(row: StudyRow) -> bool:
    return not _fixed(row)


def _mean(rows: Sequence[StudyRow], value: str) -> Cell:
    found = [number for row in rows if not math.isnan(number := getattr(row.score, value))]
    return statistics.fmean(found) if found else None


def steps_a_second(sprites: Sprites, steps: int) -> float:
    """Steps of one model a second of CPU time, pairs drawn and rendered, after the warm-up.

    Args:
        sprites: where pairs come from.
        steps: number of steps that are timed.
    """
    model = SharedFactors(sprites, 2, settings=Settings(warm_up=0.0), seeds=0)
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
