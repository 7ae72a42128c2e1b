"""Urns and objectives for tests of gradient estimators, their exact gradients in rational arithmetic, and a test of bias.

The tests and the benchmark share them; the benchmark runs the same check for longer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from hypergeo import FisherHypergeometric
from hypergeo.estimators import Estimator, LinearizedControlVariate, ScoreFunction

from .reference import FALSE_ALARM, RationalUrn

__all__ = [
    "OBJECTIVES",
    "PLAIN",
    "SMOOTH",
    "UNBIASED",
    "URNS",
    "Bias",
    "Form",
    "Problem",
    "bias",
    "exact_gradient",
    "gradients",
    "random_objectives",
    "rmse",
]

Objective = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Problem:
    """An urn: number of elements drawn, group sizes and weights."""

    drawn: int
    sizes: tuple[int, ...]
    weights: tuple[float, ...]

    def __str__(self) -> str:
        return f"n={self.drawn}, m={self.sizes}, w={self.weights}"

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.sizes)

    def even(self) -> Tensor:
        """Returns equal counts with the right sum, shape ``(K,)``: the targets of the objectives."""
        return torch.full((self.groups,), self.drawn / self.groups, dtype=torch.float64)

    def law(self) -> FisherHypergeometric:
        """Returns the distribution, without a batch."""
        return FisherHypergeometric(self.drawn, self.sizes, self.weights)


URNS = (
    Problem(15, (10, 10, 10), (1.0, 2.0, 4.0)),
    Problem(6, (3, 9, 5), (2.0, 1.0, 0.3)),
    Problem(12, (15, 20), (3.0, 1.0)),
    Problem(9, (4, 6, 3, 8), (1.0, 0.2, 5.0, 1.0)),
)


def _linear(urn: Problem) -> Objective:
    slope = torch.linspace(-1.0, 2.0, urn.groups, dtype=torch.float64)
    return lambda x: x @ slope.to(x.dtype)


def _quadratic(urn: Problem) -> Objective:
    return lambda x: (x - urn.even().to(x.dtype)).square().sum(-1)


def _absolute(urn: Problem) -> Objective:
    return lambda x: (x - urn.even().to(x.dtype)).abs().sum(-1)


def _step(urn: Problem) -> Objective:
    return lambda x: (x[..., 0] >= urn.drawn / urn.groups).to(x.dtype)


OBJECTIVES: dict[str, Callable[[Problem], Objective]] = {
    "linear": _linear,
    "quadratic": _quadratic,
    "absolute value": _absolute,
    "step": _step,
}

SMOOTH: dict[str, Callable[[Problem], Objective]] = {
    "quadratic": _quadratic,
    "cubic": lambda urn: lambda x: x[..., 0] ** 3 - x[..., 1] ** 2 * x[..., -1],
    "exponential": lambda urn: lambda x: (x / 5).exp().sum(-1),
    "log-cosh": lambda urn: lambda x: (x - urn.even().to(x.dtype)).cosh().log().sum(-1),
    "softplus": lambda urn: lambda x: torch.nn.functional.softplus(x - urn.even().to(x.dtype)).sum(-1),
    "x log x": lambda urn: lambda x: torch.special.xlogy(x, x).sum(-1),
    "product": lambda urn: lambda x: x[..., 0] * x[..., 1],
    "root of the distance": lambda urn: lambda x: ((x - urn.even().to(x.dtype)).square().sum(-1) + 1).sqrt(),
}

PLAIN = URNS[0]


@dataclass(frozen=True)
class Form:
    """Quadratic form of the distance to a target, or absolute values of the distance.

    Args:
        target: shape ``(K,)``.
        matrix: shape ``(K, K)`` for a quadratic form; shape ``(K,)`` for weights of absolute values.
        together: whether weights are applied before the absolute value.
    """

    target: Tensor
    matrix: Tensor
    together: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """Returns the values of counts ``(…, K)``, shape ``(…)``."""
        distance = x - self.target.to(x.dtype)
        matrix = self.matrix.to(x.dtype)
        if matrix.dim() == 2:
            return (distance @ matrix * distance).sum(-1)
        return (distance @ matrix).abs() if self.together else distance.abs() @ matrix


def random_objectives(number: int, seed: int = 0) -> dict[str, list[Objective]]:
    """Returns quadratics and absolute values for the urn ``PLAIN``, with kinks at whole counts, ``number`` of each kind."""
    random = torch.Generator().manual_seed(seed)
    law, groups = PLAIN.law(), PLAIN.groups
    result: dict[str, list[Objective]] = {}
    for k in range(number):
        matrix = torch.randn(groups, groups, dtype=torch.float64, generator=random)
        near = law.mean + law.variance.sqrt() * torch.randn(groups, dtype=torch.float64, generator=random)
        weights = torch.rand(groups, dtype=torch.float64, generator=random)
        cuts = torch.randint(0, PLAIN.drawn + 1, (2,), generator=random).sort().values.double()
        sizes = torch.stack([cuts[0], cuts[1] - cuts[0], PLAIN.drawn - cuts[1]])
        kinds = {
            "quadratic": Form(10 * weights, matrix @ matrix.mT),
            "distance to whole numbers that add up": Form(sizes, torch.ones_like(sizes)),
            "distance to near the mean": Form(near, torch.ones_like(sizes)),
            "weighted distance to near the mean": Form(near, weights),
            "absolute value of one group": Form(near, torch.eye(groups, dtype=torch.float64)[k % groups]),
            "absolute value of a sum over groups": Form(near, matrix[0], together=True),
        }
        for kind, objective in kinds.items():
            result.setdefault(kind, []).append(objective)
    return result


# An estimator that must have no bias, and its number of samples per estimate.
UNBIASED: tuple[tuple[Estimator, int], ...] = (
    (ScoreFunction(None), 1),
    (ScoreFunction(), 4),
    (LinearizedControlVariate(), 4),
    (LinearizedControlVariate(), 1),
    (LinearizedControlVariate(curvature=False), 1),
)
_COMPARISONS = len(UNBIASED) * len(OBJECTIVES) * sum(urn.groups for urn in URNS)
_CHUNKS = 200
_MOST_POINTS = 1 << 20


@cache
def _law(urn: Problem) -> tuple[np.ndarray, np.ndarray]:
    law = RationalUrn(urn.drawn, urn.sizes, urn.weights).law
    return np.array(list(law), dtype=np.float64), np.array([float(p) for p in law.values()])


def exact_gradient(urn: Problem, objective: Objective) -> Tensor:
    """Returns the gradient of the expected objective in the log weights: the rational ``Cov(f(x), x)``, shape ``(K,)``."""
    counts, probability = _law(urn)
    values = objective(torch.from_numpy(counts)).double().numpy()
    return torch.from_numpy((probability * (values - probability @ values)) @ (counts - probability @ counts))


def gradients(estimator: Estimator, urn: Problem, objective: Objective, num_samples: int, number: int) -> Tensor:
    """Returns independent estimates of the gradient in the log weights, shape ``(number, K)``."""
    logs = torch.tensor(urn.weights, dtype=torch.float64).log().repeat(number, 1).requires_grad_()
    law = FisherHypergeometric(urn.drawn, urn.sizes, log_weights=logs)
    return torch.autograd.grad(estimator.surrogate_loss(law, objective, num_samples).sum(), logs)[0]


def rmse(estimator: Estimator, urn: Problem, objective: Objective, num_samples: int, number: int = 20_000) -> float:
    """Returns the root mean squared error norm of one estimate, from ``number`` of them."""
    error = gradients(estimator, urn, objective, num_samples, number) - exact_gradient(urn, objective)
    return float(error.square().sum(-1).mean().sqrt())


@dataclass(frozen=True)
class Bias:
    """Holds the estimated bias of an estimator and its uncertainty.

    Attributes:
        error: mean estimate minus the exact gradient, shape ``(K,)``.
        noise: standard errors of the mean, shape ``(K,)``.
        exact: the exact gradient, shape ``(K,)``.
        scale: errors below this are rounding.
    """

    error: Tensor
    noise: Tensor
    exact: Tensor
    scale: float

    @property
    def limit(self) -> float:
        """Largest error of an unbiased estimate in standard errors, with a false-alarm rate of 1e-6 over all cases of this
        module."""
        return float(stats.t.isf(FALSE_ALARM / 2 / _COMPARISONS, _CHUNKS - 1))

    @property
    def significant(self) -> bool:
        """Whether the bias is significant."""
        return bool((self.error.abs() > self.limit * self.noise + self.scale).any())

    @property
    def seen(self) -> float:
        """Smallest relative bias, the same for all components, that is missed with a probability of at most 1e-6."""
        reach = (self.limit + float(stats.norm.isf(FALSE_ALARM))) * self.noise + self.scale
        return float((reach / self.exact.abs().clamp(min=1e-300)).min())


def bias(estimator: Estimator, urn: Problem, objective: Objective, num_samples: int, draws: int) -> Bias:
    """Estimates the bias from estimates with ``draws`` samples in total.

    The estimates are computed in 200 chunks of copies of one distribution, which share their tables; the means of the chunks
    are compared with the exact gradient.

    Args:
        estimator: the estimator.
        urn: the urn.
        objective: the objective.
        num_samples: samples per estimate.
        draws: samples of all estimates together.

    Returns:
        The bias with its standard errors.
    """
    copies = math.ceil(draws / num_samples / _CHUNKS)
    part = max(1, min(_CHUNKS, _MOST_POINTS // (copies * (num_samples + 4 * urn.groups))))
    means = []
    for rows in torch.arange(_CHUNKS).split(part):
        logs = torch.tensor(urn.weights, dtype=torch.float64).log().repeat(len(rows), 1, 1).requires_grad_()
        law = FisherHypergeometric(urn.drawn, urn.sizes, log_weights=logs).expand([len(rows), copies])
        loss = estimator.surrogate_loss(law, objective, num_samples).mean(1).sum()
        means.append(torch.autograd.grad(loss, logs)[0][:, 0])
    result, exact = torch.cat(means), exact_gradient(urn, objective)
    return Bias(result.mean(0) - exact, result.std(0) / _CHUNKS**0.5, exact, 1e-10 * (1 + float(exact.norm())))
