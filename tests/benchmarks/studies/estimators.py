"""Gradient estimators: bias over a million samples, error with one sample, standard deviation, covariance-vector product."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from hypergeo import FisherHypergeometric
from hypergeo.estimators import (
    Estimator,
    Exact,
    ExactMarginal,
    LinearizedControlVariate,
    Objective,
    ScoreFunction,
    StraightThrough,
)
from tests.benchmarks.report import Cell, Section, Verdict
from tests.support.gradient_problems import OBJECTIVES, PLAIN, SMOOTH, UNBIASED, URNS, bias, gradients, random_objectives, rmse

from .large import peak_mb

__all__ = ["error", "product", "shown", "spread", "unbiased"]

_GROUPS = (125, 250, 500, 1_000, 2_000)


def unbiased(judged: bool) -> Section:
    """Returns the bias of each unbiased estimator for four objectives and four urns, and the detectable bias."""
    draws = 1_000_000 if judged else 2_000
    section = Section(
        "unbiased",
        f"Bias in {draws:,} draws of each of {len(URNS)} urns, in standard errors, and the relative bias that would be seen",
    )
    significant = 0
    for estimator, num_samples in UNBIASED:
        for name, make in OBJECTIVES.items():
            runs = [bias(estimator, urn, make(urn), num_samples, draws) for urn in URNS]
            significant += sum(run.significant for run in runs)
            row: dict[str, Cell] = {"estimator": shown(estimator), "draws each": num_samples, "objective": name}
            row |= {
                "largest error, s.e.": max(float((run.error.abs() / (run.noise + run.scale)).max()) for run in runs),
                "allowed, s.e.": runs[0].limit,
                "bias that would be seen, %": max(100 * run.seen for run in runs),
            }
            section.rows.append(row)
    section.verdicts.append(Verdict("unbiased estimators: biases found", significant, 0, "cases", judged=judged))
    return section


def error(judged: bool) -> Section:
    """Returns root mean squared errors with one sample, relative to the leave-one-out baseline with four."""
    number, estimates = (40, 4_000) if judged else (1, 50)
    section = Section(
        "error",
        f"Root mean squared error with one draw over that of ScoreFunction() with four draws: {PLAIN}; median and largest of "
        f"{number} objectives",
    )
    issue: dict[str, list[Objective]] = {
        "squared distance to (5, 5, 5)": [lambda x: (x - 5).square().sum(-1)],
        "distance to (5, 5, 5)": [lambda x: (x - 5).abs().sum(-1)],
    }
    estimators: tuple[Estimator, ...] = (
        LinearizedControlVariate(),
        LinearizedControlVariate(curvature=False),
        ExactMarginal(),
        StraightThrough(0.5),
    )
    for kind, objectives in (issue | random_objectives(number)).items():
        row: dict[str, Cell] = {"objective": kind}
        four = [rmse(ScoreFunction(), PLAIN, objective, 4, estimates) for objective in objectives]
        for estimator in estimators:
            ratios = torch.tensor(
                [
                    rmse(estimator, PLAIN, objective, 1, estimates) / plain
                    for objective, plain in zip(objectives, four, strict=True)
                ]
            )
            row[f"{shown(estimator)}"] = _two(float(ratios.median()))
            if len(objectives) > 1:
                row[f"{shown(estimator)}, largest"] = _two(float(ratios.max()))
            if estimator == LinearizedControlVariate():
                what = f"one draw of {shown(estimator)} over four of ScoreFunction(), {kind}: largest ratio"
                section.verdicts.append(Verdict(what, float(ratios.max()), 1.0, "×", judged=judged))
        section.rows.append(row)
    return section


def spread(judged: bool) -> Section:
    """Returns standard deviations for equally many samples, and for equally many evaluations, with smooth objectives."""
    estimates = 10_000 if judged else 50
    section = Section(
        "spread",
        f"Spread over that of ScoreFunction(): {PLAIN}; in brackets ScoreFunction() has as many draws as the other has "
        "evaluations, those of its expansion included",
    )
    for name, make in {**SMOOTH, "absolute value": OBJECTIVES["absolute value"], "step": OBJECTIVES["step"]}.items():
        objective, row, ratios = make(PLAIN), dict[str, Cell](objective=name), list[float]()
        for num_samples in (4, 16, 64):
            ours = gradients(LinearizedControlVariate(), PLAIN, objective, num_samples, estimates).std(0).norm()
            plain, dearer = (
                gradients(ScoreFunction(), PLAIN, objective, draws, estimates).std(0).norm()
                for draws in (num_samples, num_samples + _evaluations(objective))
            )
            row[f"{num_samples} draws"] = f"{float(ours / plain):.2f} ({float(ours / dearer):.2f})"
            ratios.append(float(ours / plain))
        if name in SMOOTH:
            what = f"{name}: spread of LinearizedControlVariate() over ScoreFunction()'s, largest ratio"
            section.verdicts.append(Verdict(what, max(ratios), 1 / 3, "×", judged=judged))
        section.rows.append(row)
    return section


def _evaluations(objective: Objective) -> int:
    """Returns the counted number of evaluations of the expansion, without those of the samples."""
    points = 0

    def counted(x: Tensor) -> Tensor:
        nonlocal points
        points += x[..., 0].numel()
        return objective(x)

    LinearizedControlVariate().surrogate_loss(PLAIN.law(), counted, 1)
    return points - 1


@dataclass
class Product:
    """Time and memory of one covariance-vector product in a separate process.

    Attributes:
        groups: number of groups.
        seconds: time of the first call.
        again: smallest time of later calls, in seconds.
        start_mb: peak memory before, in MB.
        peak_mb: peak memory afterwards, in MB.
    """

    groups: int
    seconds: float
    again: float
    start_mb: float
    peak_mb: float


def product(judged: bool) -> Section:
    """Returns time and memory of covariance-vector products by one backward pass, each in a new process."""
    section = Section(
        "product",
        "Covariance-vector product: the backward pass of the mean, K groups of 10, n = K, one thread, fresh processes",
    )
    runs = []
    for groups in _GROUPS if judged else _GROUPS[:1]:
        command = [sys.executable, "-m", __name__, str(groups)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        runs.append(Product(**json.loads(answer.splitlines()[-1])))
        used = runs[-1].peak_mb - runs[-1].start_mb
        section.rows.append(
            {
                "groups": groups,
                "first call, s": runs[-1].seconds,
                "again, s": runs[-1].again,
                "peak memory above the start, MB": used,
                "bytes for each of K·n": 1e6 * used / groups**2,
                "the matrix itself, MB": 8 * groups**2 / 1e6,
            }
        )
    for run in runs:
        if run.groups == 1_000:
            what = "covariance-vector product, 1,000 groups of 10, n = 1,000"
            section.verdicts.append(Verdict(what, run.seconds, 1.0, "s", judged=judged))
    if len(runs) == len(_GROUPS):
        growth = (runs[-1].peak_mb - runs[-1].start_mb) / (runs[-3].peak_mb - runs[-3].start_mb)
        what = f"memory at K = n = {runs[-1].groups:,} over that at {runs[-3].groups:,} (K·n grows 16-fold)"
        section.verdicts.append(Verdict(what, growth, 16.0, "×", judged=judged))
    return section


def _measure(groups: int) -> Product:
    torch.set_num_threads(1)
    vector = torch.linspace(-1, 1, groups, dtype=torch.float64)

    def once(size: int) -> float:
        logs = torch.linspace(-1, 1, size, dtype=torch.float64, requires_grad=True)
        start = time.perf_counter()
        (FisherHypergeometric(size, [10] * size, log_weights=logs).mean @ vector[:size]).backward()
        return time.perf_counter() - start

    once(4)
    before = peak_mb()
    first, again = once(groups), min(once(groups) for _ in range(3))
    return Product(groups, first, again, before, peak_mb())


def shown(estimator: Estimator) -> str:
    """Returns the constructor call of an estimator without default arguments.

    Example:
        >>> shown(LinearizedControlVariate()), shown(StraightThrough(0.5))
        ('LinearizedControlVariate()', 'StraightThrough(0.5)')
    """
    default = {"conditionals": "exact", "baseline": "leave-one-out", "curvature": True, "max_support": Exact().max_support}
    options = {name: value for name, value in vars(estimator).items() if value != default.get(name, ...)}
    words = [f"{value:g}" if name == "temperature" else f"{name}={value!r}" for name, value in options.items()]
    return f"{type(estimator).__name__}({', '.join(words)})"


def _two(number: float) -> str:
    return f"{number:.2f}"


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(int(sys.argv[1])))))
