"""Gradient descent on an urn's log weights with any gradient estimator, step by step, with exact records of every step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.numerics.adam import Adam
from hypergeo.objectives import CountedObjective

from .base import Estimator
from .expansion import Objective
from .expectation import ListedUrn, expected_separable

__all__ = ["Descent", "DescentRun", "descend"]


@dataclass(frozen=True)
class Descent:
    """Record of ``T`` steps of descent, as arrays.

    Attributes:
        log_weights: log weights before the first step and after each, less their mean, since only ratios of weights matter;
            shape ``(T + 1, K)``.
        means: exact mean counts at these log weights, shape ``(T + 1, K)``.
        losses: exact expected objective, shape ``(T + 1,)``; NaN if there are too many count vectors to list.
        exact_gradients: gradients of the expected objective in the log weights, shape ``(T + 1, K)``; NaN in the same case.
        gradients: estimated gradient of each step, shape ``(T, K)``.
        values: the estimator's value of the objective at each step, shape ``(T,)``.
        evaluations: number of count vectors at which each step evaluated the objective, shape ``(T,)``.
        seconds: wall time of each step, without the records, shape ``(T,)``.
    """

    log_weights: np.ndarray
    means: np.ndarray
    losses: np.ndarray
    exact_gradients: np.ndarray
    gradients: np.ndarray
    values: np.ndarray
    evaluations: np.ndarray
    seconds: np.ndarray

    def __repr__(self) -> str:
        return f"<Descent of {len(self)} step{'s' * (len(self) != 1)}: loss {self.losses[0]:.4g} to {self.losses[-1]:.4g}>"

    def __len__(self) -> int:
        return len(self.gradients)

    @property
    def gradient_norms(self) -> np.ndarray:
        """Norm of the estimated gradient of each step, shape ``(T,)``."""
        return np.linalg.norm(self.gradients, axis=-1)

    @property
    def exact_norms(self) -> np.ndarray:
        """Norm of the exact gradient before the first step and after each, shape ``(T + 1,)``."""
        return np.linalg.norm(self.exact_gradients, axis=-1)

    def until(self, step: int) -> Self:
        """Returns the record of the first steps.

        Args:
            step: number of steps.

        Returns:
            The record of these steps.
        """
        states = {"log_weights", "means", "losses", "exact_gradients"}
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return type(self)(**{name: value[: step + (name in states)] for name, value in parts.items()})

    def followed_by(self, other: Self) -> Self:
        """Returns the record of these steps followed by those of another record.

        Args:
            other: record that starts at the last log weights of this one.

        Returns:
            The record of all steps.
        """
        states = {"log_weights", "means", "losses", "exact_gradients"}
        return type(self)(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)[field.name in states :]])
                for field in fields(self)
            }
        )


class DescentRun:
    """A descent that advances by any number of steps at a time. The division into calls does not change the steps.

    The run has its own random generator. Its steps are those of a plain training loop that begins with
    ``torch.manual_seed(seed)``.

    Args:
        estimator: an object with ``surrogate_loss``.
        objective: function whose expectation is minimised; maps counts ``(…, K)`` to ``(…)``.
        total_count: number of elements drawn.
        group_sizes: number of elements in each group, ``K`` of them.
        log_weights: initial log weights, ``K`` numbers; minus infinity for a weight of zero, which stays zero.
        learning_rate: learning rate of the optimizer.
        num_samples: number of samples of each step.
        seed: seed of the samples.
        optimizer: ``"adam"`` with the defaults of ``torch.optim.Adam``, or ``"sgd"``.
        separable: whether the objective is a sum of functions of one count each, whose expectation is exact at any size.
        most: largest number of count vectors that are listed for the exact records.

    Raises:
        ValueError: if the optimizer has another name.

    Example:
        >>> from hypergeo.estimators import ExactMarginal
        >>> run = DescentRun(ExactMarginal(), lambda x: (x[..., 0] - 4) ** 2, 15, [10, 10, 10], [0.0, 0.0, 0.0],
        ...                  learning_rate=0.1, num_samples=4, seed=0)
        >>> run.advance(2)
        >>> run.advance(1)
        >>> run.record.means.shape, bool(run.record.losses[-1] < run.record.losses[0])
        ((4, 3), True)

    References:
        D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    def __init__(
        self,
        estimator: Estimator,
        objective: Objective,
        total_count: int,
        group_sizes: Sequence[int],
        log_weights: Sequence[float],
        *,
        learning_rate: float,
        num_samples: int,
        seed: int,
        optimizer: Literal["adam", "sgd"] = "adam",
        separable: bool = False,
        most: int = 20_000,
    ):
        if optimizer not in ("adam", "sgd"):
            raise ValueError(f"optimizer must be one of adam, sgd; got {optimizer!r}.")
        self.estimator = estimator
        self.objective = objective
        self.total_count = total_count
        self.group_sizes = torch.as_tensor(group_sizes)
        self.num_samples = num_samples
        self._separable = separable
        self._logs = torch.tensor(log_weights, dtype=torch.float64, requires_grad=True)
        self._urn(self._logs, validate_args=True)
        self._listed = ListedUrn.where_short(total_count, self.group_sizes, most)
        self._learning_rate = learning_rate
        self._adam = Adam(self._logs) if optimizer == "adam" else None
        self._generator = torch.Generator().manual_seed(seed)
        nothing = np.zeros(0)
        self.record = Descent(
            *self._exactly(self._logs.detach()[None]), nothing[:, None] + self._logs.detach().numpy(), *[nothing] * 3
        )

    def advance(self, steps: int) -> None:
        """Makes further steps.

        Args:
            steps: number of steps.
        """
        if steps <= 0:
            return
        states, gradients = [self._logs.detach().clone()], list[Tensor]()
        values, evaluations, seconds = list[float](), list[int](), list[float]()
        with torch.enable_grad():
            for _ in range(steps):
                start = time.perf_counter()
                counted = CountedObjective(self.objective)
                urn = self._urn(self._logs)
                loss = self.estimator.surrogate_loss(urn, counted, self.num_samples, generator=self._generator)
                (gradient,) = torch.autograd.grad(loss, self._logs)
                with torch.no_grad():
                    if self._adam is None:
                        self._logs -= self._learning_rate * gradient
                    else:
                        self._adam.step(self._logs, gradient, self._learning_rate)
                seconds.append(time.perf_counter() - start)
                gradients.append(gradient)
                values.append(loss.item())
                evaluations.append(counted.evaluations)
                states.append(self._logs.detach().clone())
        made = Descent(
            *self._exactly(torch.stack(states)),
            torch.stack(gradients).numpy(),
            np.array(values),
            np.array(evaluations),
            np.array(seconds),
        )
        self.record = self.record.followed_by(made)

    def _urn(self, logs: Tensor, validate_args: bool = False) -> FisherHypergeometric:
        return FisherHypergeometric(self.total_count, self.group_sizes, log_weights=logs, validate_args=validate_args)

    def _exactly(self, logs: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns centred log weights, means, losses and exact gradients at log weights ``(T, K)``."""
        finite = logs.isfinite()
        centred = logs - torch.where(finite, logs, 0.0).sum(-1, keepdim=True) / finite.sum(-1, keepdim=True).clamp(min=1)
        if self._listed is not None:
            means, losses, gradients = self._listed.moments(centred, self.objective)
            return centred.numpy(), means.numpy(), losses.numpy(), gradients.numpy()
        with torch.enable_grad():
            leaf = centred.clone().requires_grad_()
            urn = self._urn(leaf)
            if self._separable:
                losses = expected_separable(urn, self.objective)
                (gradients,) = torch.autograd.grad(losses.sum(), leaf)
            else:
                losses, gradients = torch.full(logs.shape[:1], torch.nan, dtype=logs.dtype), torch.full_like(logs, torch.nan)
        with torch.no_grad():
            means = urn.mean
        return centred.numpy(), means.numpy(), losses.detach().numpy(), gradients.numpy()


def descend(
    estimator: Estimator,
    objective: Objective,
    total_count: int,
    group_sizes: Sequence[int],
    log_weights: Sequence[float],
    *,
    steps: int,
    learning_rate: float,
    num_samples: int,
    seed: int,
    optimizer: Literal["adam", "sgd"] = "adam",
    separable: bool = False,
    most: int = 20_000,
) -> Descent:
    """Runs gradient descent on an urn's log weights. Exceptions are those of :class:`DescentRun`.

    Args:
        estimator: an object with ``surrogate_loss``.
        objective: function whose expectation is minimised; maps counts ``(…, K)`` to ``(…)``.
        total_count: number of elements drawn.
        group_sizes: number of elements in each group, ``K`` of them.
        log_weights: initial log weights, ``K`` numbers; minus infinity for a weight of zero, which stays zero.
        steps: number of steps.
        learning_rate: learning rate of the optimizer.
        num_samples: number of samples of each step.
        seed: seed of the samples.
        optimizer: ``"adam"`` with the defaults of ``torch.optim.Adam``, or ``"sgd"``.
        separable: whether the objective is a sum of functions of one count each, whose expectation is exact at any size.
        most: largest number of count vectors that are listed for the exact records.

    Returns:
        The record of all steps.

    Example:
        >>> from hypergeo.estimators import Exact
        >>> descent = descend(Exact(), lambda x: (x[..., 0] - 4) ** 2, 15, [10, 10, 10], [0.0, 0.0, 0.0],
        ...                   steps=20, learning_rate=0.1, num_samples=1, seed=0)
        >>> round(float(descent.losses[0]), 2), round(float(descent.losses[-1]), 2)
        (2.72, 1.72)
    """
    run = DescentRun(
        estimator,
        objective,
        total_count,
        group_sizes,
        log_weights,
        learning_rate=learning_rate,
        num_samples=num_samples,
        seed=seed,
        optimizer=optimizer,
        separable=separable,
        most=most,
    )
    run.advance(steps)
    return run.record
