"""Descent of a mean to target sizes by every estimator: steps, seconds and evaluations until it arrives."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from hypergeo.estimators import (
    Estimator,
    Exact,
    ExactMarginal,
    GumbelSoftmax,
    LinearizedControlVariate,
    ScoreFunction,
    StraightThrough,
)
from hypergeo.estimators.descent import DescentRun
from tests.benchmarks.report import Cell, Missing, Section, Verdict

from .estimators import shown

__all__ = ["descent"]

ESTIMATORS: tuple[Estimator, ...] = (
    Exact(),
    LinearizedControlVariate(),
    LinearizedControlVariate(curvature=False),
    ExactMarginal(),
    StraightThrough(0.5),
    GumbelSoftmax(0.5),
    ScoreFunction(),
    ScoreFunction(None),
    StraightThrough(0.5, "merged"),
    GumbelSoftmax(0.5, "merged"),
)
_RATES = (0.03, 0.1, 0.3)
_DRAWS = 8
_CLOSE = 0.01
_STAYS = 10
_CHUNK = 20


@dataclass(frozen=True)
class Task:
    """Target counts for an urn that starts with equal weights.

    Attributes:
        sizes: group sizes.
        target: target counts.
        steps: largest number of steps.
    """

    sizes: tuple[int, ...]
    target: tuple[int, ...]
    steps: int

    @property
    def drawn(self) -> int:
        """Number of elements drawn."""
        return sum(self.target)

    def objective(self, counts: Tensor) -> Tensor:
        """Returns the squared distances of counts, shape ``(..., K)``, to the target, shape ``(...)``."""
        return (counts - counts.new_tensor(self.target)).square().sum(-1)

    def __str__(self) -> str:
        target = ", ".join(map(str, self.target))
        return f"{len(self.sizes)}×{self.sizes[0]}, n={self.drawn}, to ({target})"


TASKS = (
    Task((200,) * 3, (110, 20, 50), 250),
    Task((200,) * 5, (20, 50, 80, 110, 140), 250),
)


@dataclass(frozen=True)
class Arrival:
    """The end of one descent.

    Attributes:
        steps: number of steps until the mean stays within 1 % of the target; ``None`` if it does not.
        seconds: time of these steps, or of all.
        evaluations: evaluations of the objective in these steps, or in all.
    """

    steps: int | None
    seconds: float
    evaluations: float


def arrive(task: Task, estimator: Estimator, rate: float, seed: int, most: int) -> Arrival:
    """Descends until the mean has stayed near the target for ten steps.

    Near means that the sum of absolute differences between exact means and target is at most 1 % of the number drawn.

    Args:
        task: urn and target.
        estimator: estimator of gradients.
        rate: learning rate.
        seed: seed of the samples.
        most: largest number of steps.

    Returns:
        The end of the descent.
    """
    run = DescentRun(
        estimator,
        task.objective,
        task.drawn,
        task.sizes,
        (0.0,) * len(task.sizes),
        learning_rate=rate,
        num_samples=_DRAWS,
        seed=seed,
        most=0,
    )
    target = np.array(task.target)
    while len(run.record) < most:
        run.advance(min(_CHUNK, most - len(run.record)))
        near = np.abs(run.record.means - target).sum(-1) <= _CLOSE * task.drawn
        for step in np.flatnonzero(near):
            if near[step : step + _STAYS].all() and step + _STAYS <= len(near):
                spent = slice(int(step))
                return Arrival(int(step), float(run.record.seconds[spent].sum()), float(run.record.evaluations[spent].sum()))
    return Arrival(None, float(run.record.seconds.sum()), float(run.record.evaluations.sum()))


def _score(arrivals: list[Arrival], most: int) -> tuple[int, float]:
    """Returns a key that sorts rates by their number of failures and by their mean number of steps."""
    return sum(a.steps is None for a in arrivals), statistics.mean(most if a.steps is None else a.steps for a in arrivals)


def descent(judged: bool) -> Section:
    """Returns steps and seconds to 1 % of the target for ten seeds, each estimator at the best of its learning rates."""
    trials, seeds = (range(100, 103), range(10)) if judged else (range(100, 101), range(1))
    section = Section(
        "descent",
        f"Descent by Adam on the squared distance to the target, {_DRAWS} draws a step, until the exact mean stays within "
        f"1 % of the target (absolute differences, over the number drawn); {len(seeds)} seeds, rates chosen on others",
    )
    for task in TASKS if judged else TASKS[:1]:
        most = task.steps if judged else 2
        taken: dict[str, float] = {}
        for estimator in ESTIMATORS:
            row: dict[str, Cell] = {"urn": str(task), "estimator": shown(estimator)}
            try:
                scores = {
                    rate: _score([arrive(task, estimator, rate, seed, most) for seed in trials], most)
                    for rate in (_RATES if judged else _RATES[1:2])
                }
            except ValueError:
                section.rows.append(row | {"arrived": Missing("more count vectors than can be listed")})
                continue
            rate = min(scores, key=lambda tried: scores[tried])
            arrivals = [arrive(task, estimator, rate, seed, most) for seed in seeds]
            there = [arrival for arrival in arrivals if arrival.steps is not None]
            row |= {"rate": rate, "arrived": f"{len(there)} of {len(arrivals)}"}
            if there:
                steps = [arrival.steps for arrival in there if arrival.steps is not None]
                taken[shown(estimator)] = statistics.median(steps) if len(there) == len(arrivals) else float(most)
                row |= {
                    "steps, median": statistics.median(steps),
                    "steps, most": max(steps),
                    "seconds, median": statistics.median(arrival.seconds for arrival in there),
                    "evaluations, median": statistics.median(arrival.evaluations for arrival in there),
                }
            section.rows.append(row)
        ours, plain = (taken.get(shown(e), float(most)) for e in (LinearizedControlVariate(), ScoreFunction()))
        what = f"{task}: steps of LinearizedControlVariate() over ScoreFunction()'s"
        section.verdicts.append(Verdict(what, ours / max(plain, 1.0), 1.0, "×", judged=judged))
    return section
