"""Arrays of the gradients page: many estimates at once, and descents that go on where they stopped.

Results are cached by functools and not by Streamlit, because Streamlit takes a quarter of a step's time to hash the arguments.
All arguments are plain values, and the arrays are read-only.
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
    "Cells",
    "Estimates",
    "LossBackground",
    "Task",
    "descent",
    "estimates",
    "exact_gradient",
    "loss_background",
    "probable_cells",
]

CURVE = TEMPERATURES[::2]
"""Temperatures of the curve of bias and standard deviation: 13 of them, from 0.01 to 10."""

SEEN = 1e-5
"""Probability below which a ring would be smaller than a pixel."""

_COLUMNS = 400  # pixels of the picture of the loss, from left to right


@dataclass(frozen=True)
class Task:
    """The start of a descent and its objective.

    Attributes:
        urn: the urn, with the weights at the start.
        loss: the loss whose expectation is minimised.
    """

    urn: Urn
    loss: Loss

    @property
    def log_weights(self) -> tuple[float, ...]:
        """Logarithms of the ``K`` weights at the start."""
        with np.errstate(divide="ignore"):
            return tuple(np.log(np.array(self.urn.weights, dtype=float)).tolist())

    def distribution(self, log_weights: torch.Tensor) -> FisherHypergeometric:
        """Returns the distribution of the counts at other log weights.

        Args:
            log_weights: log weights of the groups, shape ``(…, K)``.

        Returns:
            Distribution of batch shape ``(…)`` and event shape ``(K,)``.
        """
        urn = self.urn
        return FisherHypergeometric(urn.total_count, list(urn.group_sizes), log_weights=log_weights, validate_args=False)


class Estimates(NamedTuple):
    """Independent estimates of one gradient.

    Attributes:
        gradients: estimates of the gradient in the log weights, shape ``(S, K)``.
        evaluations: number of count vectors at which one estimate evaluates the loss.
    """

    gradients: np.ndarray
    evaluations: float


class Cells(NamedTuple):
    """The distribution over the cells of the page's plane.

    Attributes:
        counts: counts of three groups, shape ``(N, 3)``, else those of groups 1 and 2, shape ``(N, 2)``.
        probabilities: probability of each cell, shape ``(N,)``.
    """

    counts: np.ndarray
    probabilities: np.ndarray


class LossBackground(NamedTuple):
    """The loss as a picture behind the page's plane.

    Attributes:
        picture: the picture as a ``data:`` address.
        box: left, right, lower and upper end of the picture in coordinates of the plane.
    """

    picture: str
    box: tuple[float, float, float, float]


@lru_cache(maxsize=128)
@one_thread()
def exact_gradient(task: Task, log_weights: tuple[float, ...]) -> np.ndarray:
    """Computes the gradient of the expected loss in the log weights.

    Args:
        task: the urn and the loss.
        log_weights: log weight of each of the ``K`` groups.

    Returns:
        The gradient, shape ``(K,)``.
    """
    with torch.enable_grad():
        logs = torch.tensor(log_weights, dtype=torch.float64, requires_grad=True)
        return _read_only(torch.autograd.grad(expected_separable(task.distribution(logs), task.loss), logs)[0])


@lru_cache(maxsize=256)
@one_thread()
def estimates(task: Task, log_weights: tuple[float, ...], method: Method, draws: int, number: int, seed: int) -> Estimates:
    """Computes independent gradient estimates in one backward pass.

    Args:
        task: the urn and the loss.
        log_weights: log weight of each of the ``K`` groups.
        method: the estimator.
        draws: number of samples per estimate.
        number: number of estimates.
        seed: seed of all samples.

    Returns:
        Gradients of shape ``(number, K)`` and their cost.
    """
    counted = CountedObjective(task.loss)
    copies = 1 if method.kind == "exact" else number
    with torch.enable_grad():
        logs = torch.tensor(log_weights, dtype=torch.float64).repeat(copies, 1).requires_grad_()
        generator = torch.Generator().manual_seed(seed)
        loss = method.estimator(draws).surrogate_loss(task.distribution(logs), counted, draws, generator=generator)
        (gradients,) = torch.autograd.grad(loss.sum(), logs)
    return Estimates(_read_only(gradients.expand(number, -1)), counted.evaluations / copies)


def descent(task: Task, method: Method, draws: int, rate: float, optimizer: str, seed: int, step: int) -> Descent:
    """Makes the first steps of a descent, of which only those are computed that were not made before.

    Args:
        task: the urn at the start and the loss.
        method: the estimator.
        draws: number of samples per estimate.
        rate: learning rate.
        optimizer: ``"Adam"``, or ``"plain"`` for gradient descent.
        seed: seed of all samples.
        step: number of steps.

    Returns:
        The record of the steps.
    """
    shared = _shared_run(task, method, draws, rate, optimizer, seed)
    with shared.lock:
        missing = step - len(shared.run.record)
        if missing > 0:
            with one_thread():
                shared.run.advance(missing)
        return shared.run.record.until(step)


@one_thread()
def probable_cells(task: Task, log_weights: tuple[float, ...]) -> Cells:
    """Computes the distribution over the cells of the page's plane whose probability is above ``SEEN``.

    Args:
        task: the urn.
        log_weights: log weight of each of the ``K`` groups.

    Returns:
        Counts and probabilities of ``N`` cells, shapes ``(N, 3)`` or ``(N, 2)``, and ``(N,)``.
    """
    logs = torch.tensor(log_weights, dtype=torch.float64)
    urn = task.urn
    with torch.no_grad():
        if len(urn.group_sizes) == 3:
            listed = _listed(urn.total_count, urn.group_sizes)
            probabilities = listed.probabilities(logs)
            seen = probabilities > SEEN
            return Cells(listed.counts[seen].numpy().astype(int), probabilities[seen].numpy())
        marginal = task.distribution(logs).marginal_log_prob()[0].exp()
        first = torch.nonzero(marginal > 0)[:, 0]
        rest = FisherHypergeometric(urn.total_count - first, list(urn.group_sizes[1:]), log_weights=logs[1:])
        joint = (marginal[first, None] * rest.marginal_log_prob()[:, 0].exp()).numpy()
    rows, second = np.nonzero(joint > SEEN)
    return Cells(np.column_stack([first.numpy()[rows], second]), joint[rows, second])


@lru_cache(maxsize=32)
def loss_background(total: int, sizes: tuple[int, ...], loss: Loss, rest: tuple[float, ...]) -> LossBackground | None:
    """Draws the loss over the plane of the counts.

    Args:
        total: number of elements drawn.
        sizes: number of elements in each group.
        loss: the loss.
        rest: assumed proportions of the groups after the second one; they matter if there are more than three groups.

    Returns:
        The picture; ``None`` if the counts lie on a line or a point, as those of two groups.
    """
    if len(sizes) == 2:
        return None
    plane = Plane.of(total, sizes)
    if plane.spread <= 0:
        return None
    counts, inside, box = plane.grid(_COLUMNS, np.array(rest))
    return LossBackground(fog(loss.at(torch.from_numpy(counts).clamp(min=0)).numpy(), inside), box)


class _SharedRun:
    """A descent of several sessions, which one session at a time may continue."""

    def __init__(self, run: DescentRun):
        self.run = run
        self.lock = threading.Lock()


@lru_cache(maxsize=64)
def _shared_run(task: Task, method: Method, draws: int, rate: float, optimizer: str, seed: int) -> _SharedRun:
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
    return _SharedRun(run)


@lru_cache(maxsize=32)
def _listed(total: int, sizes: tuple[int, ...]) -> ListedUrn:
    return ListedUrn(total, torch.tensor(sizes))


def _read_only(values: torch.Tensor) -> np.ndarray:
    """Returns a read-only array of any shape."""
    array = values.numpy()
    array.flags.writeable = False
    return array
