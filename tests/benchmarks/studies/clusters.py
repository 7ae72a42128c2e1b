"""Clouds of known sizes and real digits: learned sizes beside uniform ones, learned mixing weights and scikit-learn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from hypergeo.clustering import Schedule, SizedClusters
from hypergeo.clustering.benchmark.registry import find_clusters, usual_methods
from hypergeo.clustering.benchmark.study import ClusterRun, ClusterStudy
from hypergeo.clustering.benchmark.task import ClusterTask
from hypergeo.clustering.scores import ClusterScores, score_clusters
from hypergeo.datasets.blobs import Blobs, gaussian_blobs
from hypergeo.datasets.labelled import geometric_sizes, labelled_digits
from tests.benchmarks.report import Cell, Section, Verdict

__all__ = ["CASES", "ClusterCase", "Result", "clusters", "digits", "judge", "run"]

RESTARTS = 8
SEEDS = range(2000, 2020)  # settings were chosen on seeds from 1000 on
DIGIT_SEEDS = range(5000, 5010)
DIGIT_SIZES = geometric_sizes(10, 180, 20)
LABELLING = ("self-labelling, hypergeometric", "self-labelling, categorical", "self-labelling, uniform")
_CLOSE = 0.05
_OURS, _LIMITED = "hypergeometric", "hypergeometric, capacities known"
_RIVAL = "Gaussian mixture, tied, same starts"


@dataclass(frozen=True)
class ClusterCase:
    """Clouds of points.

    Attributes:
        sizes: numbers of points.
        separation: distance between neighbouring clouds, in standard deviations.
        capacity: known largest size of a cloud, if any.
    """

    sizes: tuple[int, ...]
    separation: float
    capacity: int | None = None

    def blobs(self, seed: int) -> Blobs:
        """Returns the points of a seed."""
        return gaussian_blobs(self.sizes, self.separation, seed)

    def __str__(self) -> str:
        """Returns a short description.

        Example:
            >>> print(ClusterCase((240, 160), 3.0, capacity=250))
            sizes 240, 160, separation 3 σ, capacity 250
        """
        room = "" if self.capacity is None else f", capacity {self.capacity}"
        return f"sizes {', '.join(map(str, self.sizes))}, separation {self.separation:g} σ{room}"


CASES = (
    ClusterCase((240, 100, 40, 20), 3.0),
    ClusterCase((240, 100, 40, 20), 4.0),
    ClusterCase((160, 100, 60, 40, 24, 16), 3.0),
    ClusterCase((160, 100, 60, 40, 24, 16), 4.0),
    ClusterCase((100, 82, 67, 55, 45), 2.0, capacity=100),
    ClusterCase((100, 82, 67, 55, 45), 3.0, capacity=100),
    ClusterCase((100, 80, 60, 45), 2.5, capacity=100),
)


@dataclass(frozen=True)
class Result:
    """Scores of one method for one seed, and its processor time in seconds."""

    scores: ClusterScores
    seconds: float


def run(case: ClusterCase, seed: int, restarts: int = RESTARTS, steps: int = 200) -> dict[str, Result]:
    """Runs all suitable methods on the points of one seed.

    Args:
        case: clouds of points.
        seed: seed of points, initial clusters and samples.
        restarts: number of restarts of each method.
        steps: number of steps of gradient-descent methods.

    Returns:
        Results by name of the method.
    """
    blobs = case.blobs(seed)
    task = ClusterTask(blobs.points, len(case.sizes), seed, restarts, steps, capacities=case.capacity)
    results = {}
    for name in usual_methods(images=False, limited=case.capacity is not None):
        clusters = find_clusters(name, task)
        results[name] = Result(score_clusters(blobs.classes, clusters.labels, clusters.sizes), clusters.seconds)
    return results


def judge(section: Section, case: ClusterCase, results: list[dict[str, Result]], judged: bool) -> None:
    """Adds the rows and verdicts of a case.

    Args:
        section: table to extend.
        case: clouds of points.
        results: results of each seed.
        judged: whether there are enough seeds.
    """
    errors = {name: [result[name].scores.size_error for result in results] for name in results[0]}
    rand = {name: statistics.mean(result[name].scores.adjusted_rand_index for result in results) for name in errors}
    for name, error in errors.items():
        row: dict[str, Cell] = {
            "case": str(case),
            "method": name,
            "size error, %": 100 * statistics.mean(error),
            "± s.d.": 100 * (statistics.stdev(error) if len(error) > 1 else 0.0),
            "seeds below 5 %": f"{sum(one < _CLOSE for one in error)} of {len(error)}",
            "ARI": f"{rand[name]:.4f}",
            "NMI": f"{statistics.mean(result[name].scores.mutual_information for result in results):.4f}",
            "accuracy, %": f"{100 * statistics.mean(result[name].scores.accuracy for result in results):.2f}",
            "CPU s": statistics.median(result[name].seconds for result in results),
        }
        section.rows.append(row)
    seconds = statistics.median(result[_OURS].seconds for result in results)
    section.verdicts.append(Verdict(f"{case}: one fit of {RESTARTS} restarts", seconds, 5.0, "s", judged=judged))
    if case.capacity is None:
        close = 100 * statistics.mean(one < _CLOSE for one in errors[_OURS])
        section.verdicts += [
            Verdict(f"{case}: seeds with sizes off by less than 5 %", close, 90.0, "%", at_least=True, judged=judged),
            Verdict(
                f"{case}: ARI less that of the mixture", rand[_OURS] - rand[_RIVAL], -0.01, "", at_least=True, judged=judged
            ),
            Verdict(
                f"{case}: error of uniform sizes over ours",
                statistics.mean(errors["uniform"]) / statistics.mean(errors[_OURS]),
                3.0,
                "×",
                at_least=True,
                judged=judged,
            ),
        ]
    else:
        best = min((name for name in errors if name != _LIMITED), key=lambda name: statistics.mean(errors[name]))
        gain = 100 * (statistics.mean(errors[best]) - statistics.mean(errors[_LIMITED]))
        what = f"{case}: points of size error saved over {best}, the best that does not know it"
        section.verdicts.append(Verdict(what, gain, 0.0, "", at_least=True, judged=judged))


def digits(section: Section, judged: bool) -> None:
    """Adds the rows and verdicts of self-labelling on digits of geometric sizes.

    Args:
        section: table to extend.
        judged: whether the run has full effort.
    """
    steps = None if judged else 3
    runs = []
    for seed in DIGIT_SEEDS if judged else DIGIT_SEEDS[:2]:
        data = labelled_digits().sized(DIGIT_SIZES, seed)
        task = ClusterTask(data.points, len(DIGIT_SIZES), seed, shape=data.shape, network_steps=steps)
        for name in LABELLING:
            fit = find_clusters(name, task)
            runs.append(ClusterRun.scored(name, seed, fit.labels, fit.sizes, data.classes, fit.seconds))
    study = ClusterStudy(runs)
    case = f"digits of sizes {DIGIT_SIZES[0]} to {DIGIT_SIZES[-1]}"
    for name in study.methods:
        error = study.statistics(name, "size_error")
        row: dict[str, Cell] = {
            "case": case,
            "method": name,
            "size error, %": 100 * error.mean,
            "± s.d.": 100 * (error.deviation or 0.0),
            "seeds below 5 %": f"{sum(one < _CLOSE for one in study.values(name, 'size_error'))} of {len(study.seeds)}",
            "ARI": f"{study.statistics(name, 'adjusted_rand_index').mean:.4f}",
            "NMI": f"{study.statistics(name, 'mutual_information').mean:.4f}",
            "accuracy, %": f"{100 * study.statistics(name, 'accuracy').mean:.2f}",
            "CPU s": statistics.median(study.values(name, "seconds")),
        }
        section.rows.append(row)
    for score in ("size_error", "adjusted_rand_index"):
        versus = study.compared(LABELLING[0], LABELLING[-1], score)
        what = f"{case}: {score.replace('_', ' ')} better than with uniform sizes, in standard errors"
        gain = versus.difference / max(versus.standard_error, 1e-12)
        section.verdicts.append(Verdict(what, gain, 2.0, "", at_least=True, judged=judged))


def clusters(judged: bool) -> Section:
    """Returns size errors and agreement over seeds, and the speed of steps."""
    seeds = SEEDS if judged else SEEDS[:1]
    effort = {} if judged else {"restarts": 2, "steps": 20}
    title = (
        f"Clouds in the plane, seeds {seeds[0]} to {seeds[-1]}, and digits, seeds {DIGIT_SEEDS[0]} to {DIGIT_SEEDS[-1]}: "
        "sizes and clusters found (median CPU time on one core)"
    )
    section = Section("clusters", title)
    with _one_thread():
        digits(section, judged)
        for case in CASES if judged else CASES[:1] + CASES[-1:]:
            judge(section, case, [run(case, seed, **effort) for seed in seeds], judged)
        for restarts, wanted in ((RESTARTS, 30.0), (1, 60.0)):
            rate = steps_a_second(CASES[2], restarts, 50 if judged else 5)
            what = f"{CASES[2]}: steps a second of CPU time, {restarts} at once"
            section.verdicts.append(Verdict(what, rate, wanted, "/s", at_least=True, judged=judged))
    return section


def steps_a_second(case: ClusterCase, restarts: int, steps: int) -> float:
    """Returns the optimiser steps per second of CPU time, with samples, assignment and gradients, from equal weights.

    Args:
        case: clouds of points.
        restarts: number of models in one batch.
        steps: number of steps in each of five timed runs, of which the median counts.
    """
    model = SizedClusters(
        case.blobs(0).points, len(case.sizes), restarts=restarts, equal_start=True, schedule=Schedule(steps=None)
    )
    model.step(2)
    spent = []
    for _ in range(5):
        start = time.process_time()
        model.step(steps)
        spent.append(time.process_time() - start)
    return steps / statistics.median(spent)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
