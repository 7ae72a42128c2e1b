"""Arrays of the gradients page: many estimates at once, and descents that go on where they stopped.

They are kept by functools, not by Streamlit, whose way of telling arguments apart takes a quarter of a step: all arguments
are plain values, and nobody writes into the arrays.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.estimators.descent import Descent, DescentRun
from hypergeo.estimators.expectation import ListedUrn, expected_separable
from hypergeo.figures.counts.plane import Plane
from hypergeo.figures.gradients.loss_background import fog
from hypergeo.objectives import CountedObjective
from hypergeo.ui.convergence.arrays import TEMPERATURES, Urn, one_thread

from .estimators import Method
from .losses import Loss

__all__ = [
    "CURVE",
    "SEEN",
    "Cells",
    "Estimates",
    "Ground",
    "Task",
    "descent",
    "estimates",
    "exact_gradient",
    "ground",
    "law_cells",
]

CURVE = TEMPERATURES[::2]
"""Temperatures of the curve of bias and standard deviation: 13 of them, from 0.01 to 10."""

_COLUMNS = 400  # of the picture of the loss

SEEN = 1e-5
"""Probability below which a ring would be smaller than a pixel."""


@dataclass(frozen=True)
class Task:
    """Where descent starts and what it is after.

    Attributes:
        urn: the urn, with the weights at the start.
        loss: what is minimised in expectation.
    """

    urn: Urn
    loss: Loss

    @property
    def log_weights(self) -> tuple[float, ...]:
        """Logarithms of the weights at the start."""
        with np.errstate(divide="ignore"):
            return tuple(np.log(np.array(self.urn.weights, dtype=float)).tolist())

    def law(self, log_weights: torch.Tensor) -> FisherHypergeometric:
        """The distribution at other log weights ``(…, K)``."""
        urn = self.urn
        return FisherHypergeometric(urn.total_count, list(urn.group_sizes), log_weights=log_weights, validate_args=False)


class Estimates(NamedTuple):
    """Independent estimates of one gradient.

    Attributes:
        gradients: in the log weights, shape ``(S, K)``.
        evaluations: count vectors at which each of them evaluated the loss.
    """

    gradients: np.ndarray
    evaluations: float


class Cells(NamedTuple):
    """The distribution over the cells of the page's plane.

    Attributes:
        counts: of three groups, shape ``(N, 3)``; of groups 1 and 2 otherwise, ``(N, 2)``.
        probabilities: shape ``(N,)``.
    """

    counts: np.ndarray
    probabilities: np.ndarray


class Ground(NamedTuple):
    """The loss as a picture under the plane: a ``data:`` address, and its left, right, lower and upper end."""

    picture: str
    box: tuple[float, float, float, float]


@lru_cache(maxsize=128)
@one_thread()
def exact_gradient(task: Task, log_weights: tuple[float, ...]) -> np.ndarray:
    """Gradient of the expected loss in the log weights, shape ``(K,)``."""
    with torch.enable_grad():
        logs = torch.tensor(log_weights, dtype=torch.float64, requires_grad=True)
        return _kept(torch.autograd.grad(expected_separable(task.law(logs), task.loss), logs)[0])


@lru_cache(maxsize=256)
@one_thread()
def estimates(task: Task, log_weights: tuple[float, ...], method: Method, draws: int, number: int, seed: int) -> Estimates:
    """``number`` estimates, each from ``draws`` draws of its own, in one backward pass."""
    counted = CountedObjective(task.loss)
    copies = 1 if method.kind == "exact" else number
    with torch.enable_grad():
        logs = torch.tensor(log_weights, dtype=torch.float64).repeat(copies, 1).requires_grad_()
        generator = torch.Generator().manual_seed(seed)
        loss = method.estimator(draws).surrogate_loss(task.law(logs), counted, draws, generator=generator)
        (gradients,) = torch.autograd.grad(loss.sum(), logs)
    return Estimates(_kept(gradients.expand(number, -1)), counted.evaluations / copies)


def descent(task: Task, method: Method, draws: int, rate: float, optimizer: str, seed: int, step: int) -> Descent:
    """The first ``step`` steps of a descent; those that were made before are kept."""
    held = _held(task, method, draws, rate, optimizer, seed)
    with held.lock:
        missing = step - len(held.run.record)
        if missing > 0:
            with one_thread():
                held.run.advance(missing)
        return held.run.record.until(step)


@one_thread()
def law_cells(task: Task, log_weights: tuple[float, ...]) -> Cells:
    """The distribution at some log weights, over the cells of the page's plane that have a probability to be seen."""
    logs = torch.tensor(log_weights, dtype=torch.float64)
    urn = task.urn
    with torch.no_grad():
        if len(urn.group_sizes) == 3:
            listed = _listed(urn.total_count, urn.group_sizes)
            probabilities = listed.probabilities(logs)
            seen = probabilities > SEEN
            return Cells(listed.counts[seen].numpy().astype(int), probabilities[seen].numpy())
        first_law = task.law(logs).marginal_log_prob()[0].exp()
        first = torch.nonzero(first_law > 0)[:, 0]
        rest = FisherHypergeometric(urn.total_count - first, list(urn.group_sizes[1:]), log_weights=logs[1:])
        joint = (first_law[first, None] * rest.marginal_log_prob()[:, 0].exp()).numpy()
    rows, second = np.nonzero(joint > SEEN)
    return Cells(np.column_stack([first.numpy()[rows], second]), joint[rows, second])


@lru_cache(maxsize=32)
def ground(total: int, sizes: tuple[int, ...], loss: Loss, rest: tuple[float, ...]) -> Ground | None:
    """The loss over the plane; nothing for two groups, whose counts lie on a line.

    Args:
        total: number of elements drawn.
        sizes: number of elements in each group.
        loss: the loss.
        rest: shares of the groups after the second in what they get together, on more than three groups.
    """
    if len(sizes) == 2:
        return None
    plane = Plane.of(total, sizes)
    if plane.spread <= 0:
        return None
    counts, inside, box = plane.grid(_COLUMNS, np.array(rest))
    return Ground(fog(loss.at(torch.from_numpy(counts).clamp(min=0)).numpy(), inside), box)


class _Held:
    """A descent that may be taken on by one session at a time."""

    def __init__(self, run: DescentRun):
        self.run = run
        self.lock = threading.Lock()


@lru_cache(maxsize=64)
def _held(task: Task, method: Method, draws: int, rate: float, optimizer: str, seed: int) -> _Held:
    urn = task.urn
    run = DescentRun(
        method.estimator(draws),
        task.loss,
        urn.total_count,
        list(urn.group_sizes),
        task.log_weights,
        learning_rate=rate,
        num_samples=draws,
        seed=seed,
        optimizer="adam" if optimizer == "Adam" else "sgd",
        separable=True,
    )
    return _Held(run)


@lru_cache(maxsize=32)
def _listed(total: int, sizes: tuple[int, ...]) -> ListedUrn:
    return ListedUrn(total, torch.tensor(sizes))


def _kept(values: torch.Tensor) -> np.ndarray:
    """An array that nobody can write into."""
    array = values.numpy()
    array.flags.writeable = False
    return array
