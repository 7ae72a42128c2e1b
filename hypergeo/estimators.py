"""Gradient estimators of ``E[f(x)]`` over Fisher's law, behind one interface.

Each estimator has ``surrogate_loss(distribution, objective, num_samples)``: its value estimates the expected objective and
its backward pass gives the estimate of the gradient, so it stands where a loss stands in a training loop. ``objective`` maps
counts ``(…, K)`` to ``(…)``; relaxing estimators call it with relaxed counts, so it must be defined between whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from .enumeration import count_support, enumerate_counts
from .fisher import FisherHypergeometric
from .relaxed import RelaxedFisherHypergeometric

__all__ = [
    "Estimator",
    "Exact",
    "ExactMarginal",
    "GumbelSoftmax",
    "LinearizedControlVariate",
    "ScoreFunction",
    "StraightThrough",
]

Objective = Callable[[Tensor], Tensor]
_MOST_CURVED = 32


@runtime_checkable
class Estimator(Protocol):
    """What every estimator offers."""

    def surrogate_loss(self, distribution: FisherHypergeometric, objective: Objective, num_samples: int) -> Tensor:
        """An estimate of ``E[objective(x)]`` whose backward pass estimates its gradient.

        Args:
            distribution: Fisher's law; its weights carry the gradient.
            objective: maps counts ``(num_samples,) + batch_shape + (K,)`` to ``(num_samples,) + batch_shape``.
            num_samples: number of evaluations of the objective for each law of the batch.

        Returns:
            Shape ``batch_shape``.
        """
        ...


@dataclass(frozen=True)
class GumbelSoftmax:
    """Relaxed draws forward and backward: low spread, biased forward and backward at any temperature above zero.

    Args:
        temperature: of the relaxation, positive.
        conditionals: ``"exact"``, or ``"merged"`` for the published sampler's rule.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> log_weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], log_weights=log_weights)
        >>> GumbelSoftmax(0.5).surrogate_loss(urn, lambda x: (x[..., 0] - 8) ** 2, 100).backward()
        >>> bool(log_weights.grad[0] < 0)
        True

    References:
        E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017.
        C. Maddison, A. Mnih, Y. W. Teh, "The concrete distribution", ICLR 2017.
    """

    temperature: float
    conditionals: str = "exact"

    def surrogate_loss(self, distribution: FisherHypergeometric, objective: Objective, num_samples: int) -> Tensor:
        """See :meth:`Estimator.surrogate_loss`; the value is the mean objective of relaxed counts."""
        return _relaxed_loss(self.temperature, self.conditionals, False, distribution, objective, num_samples)


@dataclass(frozen=True)
class StraightThrough:
    """Whole counts forward, the relaxation's gradient backward: the forward pass is unbiased, the gradient nearly so.

    Args:
        temperature: of the relaxation, positive.
        conditionals: ``"exact"``, or ``"merged"`` for the published sampler's rule.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> log_weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], log_weights=log_weights)
        >>> StraightThrough(0.5).surrogate_loss(urn, lambda x: x[..., 0], 4).detach() * 4 % 1
        tensor(0., dtype=torch.float64)

    References:
        Y. Bengio, N. Léonard, A. Courville, "Estimating or propagating gradients through stochastic neurons", 2013.
        E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017, section 2.2.
    """

    temperature: float
    conditionals: str = "exact"

    def surrogate_loss(self, distribution: FisherHypergeometric, objective: Objective, num_samples: int) -> Tensor:
        """See :meth:`Estimator.surrogate_loss`."""
        return _relaxed_loss(self.temperature, self.conditionals, True, distribution, objective, num_samples)


@dataclass(frozen=True)
class ExactMarginal:
    """Exact draws forward, the Jacobian of the exact mean, which is the covariance, backward.

    Exact for linear objectives, with no spread; biased for curved ones by how the slope of the objective varies with the
    draw. The covariance is never formed: its product with a vector is one backward pass through the tables.

    Example:
        >>> log_weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], log_weights=log_weights)
        >>> ExactMarginal().surrogate_loss(urn, lambda x: x[..., 0], 1).backward()
        >>> torch.allclose(log_weights.grad, urn.covariance_matrix[0].detach())
        True

    References:
        K. Ahmed, Z. Zeng, M. Niepert, G. Van den Broeck, "SIMPLE: a gradient estimator for k-subset sampling", ICLR 2023.
    """

    def surrogate_loss(self, distribution: FisherHypergeometric, objective: Objective, num_samples: int) -> Tensor:
        """See :meth:`Estimator.surrogate_loss`."""
        _require_samples(num_samples, 1)
        counts = distribution.sample((num_samples,))
        mean = distribution.mean
        return _average(objective, counts + (mean - mean.detach()))


@dataclass(frozen=True)
class ScoreFunction:
    """The score-function estimator (REINFORCE): unbiased for any objective, smooth or not, with a large spread.

    Args:
        baseline: ``"leave-one-out"`` subtracts from each draw's objective the mean of the others' (RLOO, at least two
            draws); ``None`` subtracts nothing.

    Raises:
        ValueError: for another baseline.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> log_weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], log_weights=log_weights)
        >>> ScoreFunction().surrogate_loss(urn, lambda x: (x[..., 0] > 5).double(), 1000).backward()
        >>> bool(log_weights.grad[0] > 0)
        True

    References:
        R. Williams, "Simple statistical gradient-following algorithms", Machine Learning 8, 1992.
        W. Kool, H. van Hoof, M. Welling, "Buy 4 REINFORCE samples, get a baseline for free!", ICLR 2019 workshop.
    """

    baseline: Literal["leave-one-out"] | None = "leave-one-out"

    def __post_init__(self) -> None:
        if self.baseline not in ("leave-one-out", None):
            raise ValueError(f'baseline must be "leave-one-out" or None; got {self.baseline!r}.')

    def surrogate_loss(self, distribution: FisherHypergeometric, objective: Objective, num_samples: int) -> Tensor:
        """See :meth:`Estimator.surrogate_loss`."""
        _require_samples(num_samples, 2 if self.baseline else 1)
        counts = distribution.sample((num_samples,))
        values = objective(counts)
        advantage = _leave_one_out(values.detach()) if self.baseline else values.detach()
        return values.mean(0) + _score_term(distribution, counts, advantage)


@dataclass(frozen=True)
class LinearizedControlVariate:
    """Unbiased: the objective is expanded at the exact mean, and the score function handles what is left.

    The linear part's gradient is the covariance times the slope, exactly, without sampling. With ``curvature`` the quadratic
    part's is that of the covariance, exactly too. The rest varies less than the objective does, so its score-function
    estimate (leave-one-out where there are two draws or more) spreads less. An objective without a slope, such as a step,
    leaves the plain score function. The expansion costs one evaluation of the objective and its derivatives.

    Args:
        curvature: whether the quadratic part is taken off as well; only where there are at most 32 groups, since the
            matrix of second derivatives is formed. ``False`` is the first-order control variate of the reference.

    Example:
        >>> log_weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], log_weights=log_weights)
        >>> LinearizedControlVariate().surrogate_loss(urn, lambda x: x[..., 0], 2).backward()
        >>> torch.allclose(log_weights.grad, urn.covariance_matrix[0].detach())
        True

    References:
        S. Gu, S. Levine, I. Sutskever, A. Mnih, "MuProp: unbiased backpropagation for stochastic neural networks", ICLR 2016,
        whose baseline is the first-order expansion.
    """

    curvature: bool = True

    def surrogate_loss(self, distribution: FisherHypergeometric, objective: Objective, num_samples: int) -> Tensor:
        """See :meth:`Estimator.surrogate_loss`."""
        _require_samples(num_samples, 1)
        mean = distribution.mean
        curved = self.curvature and mean.shape[-1] <= _MOST_CURVED
        value, slope, curvature = _expansion(objective, mean.detach(), curved)
        counts = distribution.sample((num_samples,))
        values = objective(counts)
        apart = counts - mean.detach()
        expanded = value + (slope * apart).sum(-1)
        exact = (slope * (mean - mean.detach())).sum(-1)
        if curvature is not None:
            expanded = expanded + 0.5 * torch.einsum("...i,...ij,...j->...", apart, curvature, apart)
            covariance = distribution.covariance_matrix
            exact = exact + 0.5 * (curvature * (covariance - covariance.detach())).sum((-1, -2))
        rest = values.detach() - expanded
        advantage = _leave_one_out(rest) if num_samples > 1 else rest
        return values.mean(0) + exact + _score_term(distribution, counts, advantage)


def _expansion(objective: Objective, centre: Tensor, curved: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    """Value, slope and (where it is not zero) curvature of the objective at one point of each law of the batch."""
    centre = centre.clone().requires_grad_()
    with torch.enable_grad():
        value = objective(centre[None])[0]
        slope = _slope(value, centre, create_graph=curved)
        rows = [_slope(part, centre) for part in slope.unbind(-1)] if curved and slope.requires_grad else None
    curvature = None if rows is None else torch.stack(rows, -1)
    if curvature is not None and not bool(curvature.any()):
        curvature = None
    # Any fixed expansion keeps the estimate unbiased; an infinite slope, as of a root at zero, would not be a number.
    if curvature is not None:
        curvature = torch.where(curvature.isfinite(), curvature, 0.0)
    return value.detach(), torch.where(slope.isfinite(), slope, 0.0).detach(), curvature


def _slope(value: Tensor, point: Tensor, create_graph: bool = False) -> Tensor:
    if not value.requires_grad:
        return torch.zeros_like(point)
    slope = torch.autograd.grad(value.sum(), point, retain_graph=True, create_graph=create_graph, allow_unused=True)[0]
    return torch.zeros_like(point) if slope is None else slope


@dataclass(frozen=True)
class Exact:
    """The expectation itself, by summing over all count vectors: no bias and no spread, where they can be listed.

    ``num_samples`` is not used.

    Args:
        max_support: the most count vectors it sums over.

    Raises:
        ValueError: by ``surrogate_loss``, when there are more.

    Example:
        >>> log_weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(2, [2, 2], log_weights=log_weights)
        >>> Exact().surrogate_loss(urn, lambda x: x[..., 0] ** 2, 1).detach()
        tensor(1.3333, dtype=torch.float64)
    """

    max_support: int = 2_000_000

    def surrogate_loss(self, distribution: FisherHypergeometric, objective: Objective, num_samples: int = 1) -> Tensor:
        """See :meth:`Estimator.surrogate_loss`."""
        counts, listed = self._supports(distribution)
        log_prob = distribution.log_prob(counts)
        return torch.where(listed, log_prob.exp() * objective(counts), 0.0).sum(0)

    def _supports(self, distribution: FisherHypergeometric) -> tuple[Tensor, Tensor]:
        """The support of every law of the batch, padded to one length, and which entries are not padding."""
        batch, groups = distribution.batch_shape, distribution.event_shape[0]
        urns = torch.cat([distribution.total_count[..., None], distribution.group_sizes], -1).reshape(-1, groups + 1)
        different, place = urns.unique(dim=0, return_inverse=True)
        for total, *sizes in different.tolist():
            number = count_support(total, torch.tensor(sizes))
            if number > self.max_support:
                raise ValueError(
                    f"Exact sums over at most {self.max_support:,} count vectors; total_count = {total} and "
                    f"group_sizes = {sizes} allow {number:,}."
                )
        lists = [enumerate_counts(int(urn[0]), urn[1:]) for urn in different]
        length = max(len(rows) for rows in lists)
        padded = torch.stack([torch.cat([rows, rows[:1].expand(length - len(rows), -1)]) for rows in lists])
        numbers = torch.tensor([len(rows) for rows in lists], device=urns.device)
        counts = padded[place].movedim(1, 0).reshape(length, *batch, groups)
        listed = (torch.arange(length, device=urns.device)[:, None] < numbers[place]).view(length, *batch)
        return counts.to(distribution.log_weights.dtype), listed


def _relaxed_loss(
    temperature: float, conditionals: str, hard: bool, law: FisherHypergeometric, objective: Objective, num_samples: int
) -> Tensor:
    _require_samples(num_samples, 1)
    relaxed = RelaxedFisherHypergeometric(
        temperature,
        law.total_count,
        law.group_sizes,
        log_weights=law.log_weights,
        straight_through=hard,
        conditionals=conditionals,
        validate_args=law._validate_args,
    )
    return _average(objective, relaxed.rsample((num_samples,)))


def _average(objective: Objective, counts: Tensor) -> Tensor:
    """Mean objective of the draws; flat objectives, such as steps, get a gradient of zero rather than none."""
    return (objective(counts) + 0 * counts.sum(-1)).mean(0)


def _require_samples(num_samples: int, least: int) -> None:
    if num_samples < least:
        raise ValueError(f"num_samples must be at least {least} for this estimator; got {num_samples}.")


def _leave_one_out(values: Tensor) -> Tensor:
    """Each draw's value less the mean of the others' values, along the first axis."""
    return (values - values.mean(0)) * (len(values) / (len(values) - 1))


def _score_term(distribution: FisherHypergeometric, counts: Tensor, advantage: Tensor) -> Tensor:
    """Zero, with the gradient of ``mean(advantage · log p(counts))``: advantages times counts less their mean."""
    log_weights = distribution.log_weights
    score = (advantage[..., None] * (counts - distribution.mean.detach())).mean(0)
    shown = torch.where(log_weights > -torch.inf, log_weights, 0.0)
    return (score * (shown - shown.detach())).sum(-1)
