"""Estimators by the gradient of the log probability: unbiased for any objective, smooth or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.numerics.moments import mean_and_covariance, mean_and_variance
from hypergeo.numerics.urn_rows import Rows

from .base import checked_samples
from .expansion import Objective, around_mean, at_mean, evaluate, uses_matrix
from .partitions import PlannedPartition, score_loss

__all__ = ["LinearizedControlVariate", "ScoreFunction"]


@dataclass(frozen=True)
class ScoreFunction:
    """The score-function estimator (REINFORCE): unbiased for any objective, smooth or not, with a large variance.

    Args:
        baseline: ``"leave-one-out"`` subtracts the mean objective of the other samples from each sample's objective (RLOO, at
            least two samples); ``None`` subtracts nothing.

    Raises:
        ValueError: if the baseline has another value.

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

    def surrogate_loss(
        self,
        distribution: FisherHypergeometric | PlannedPartition,
        objective: Objective,
        num_samples: int,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Estimates the expected objective; the backward pass estimates its gradient.

        Args:
            distribution: Fisher's distribution, or random partitions with an objective of their matrices.
            objective: maps counts ``(num_samples,) + batch_shape + (K,)`` to ``(num_samples,) + batch_shape``.
            num_samples: number of samples for each urn of the batch, at least two with the baseline.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            Shape ``batch_shape``.
        """
        if not isinstance(distribution, FisherHypergeometric):
            centred = self.baseline is not None
            return score_loss(distribution, objective, num_samples, leave_one_out=centred, generator=generator)
        num_samples = checked_samples(num_samples, 2 if self.baseline else 1)
        counts = distribution.sample((num_samples,), generator=generator)
        values = evaluate(objective, counts)
        advantage = _leave_one_out(values.detach()) if self.baseline else values.detach()
        with torch.no_grad():
            score = counts - distribution.mean
        return values.mean(0) + _score_term(distribution, score, advantage)


@dataclass(frozen=True)
class LinearizedControlVariate:
    """Applies the score function to the objective minus its expansion around the exact mean; unbiased for any objective.

    The expansion is a polynomial in the counts, whose gradient is computed exactly, without sampling: that of the linear part
    is the covariance times the slope, and that of the quadratic part follows from the gradient of the covariance. The
    remainder varies less than the objective, so that its score-function estimate, with a leave-one-out baseline, has a smaller
    variance. For quadratics the remainder is zero; for an objective without a slope, such as a step, the estimator is the
    plain score function.

    The expansion is fitted to the objective's values and slopes at some points around the mean, once for any number of
    samples. There are about six points for each group, or 32 in total for more than 16 groups. In the latter case only the
    curvature along each group is subtracted, and no matrix is formed. The fit also adapts to kinks.

    Args:
        curvature: ``False`` for the first-order expansion at the mean, as in the reference: one evaluation, but a larger
            variance if the objective has a kink nearby.

    Example:
        >>> log_weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], log_weights=log_weights)
        >>> LinearizedControlVariate().surrogate_loss(urn, lambda x: x[..., 0], 2).backward()
        >>> torch.allclose(log_weights.grad, urn.covariance_matrix[0].detach())
        True

    References:
        S. Gu, S. Levine, I. Sutskever, A. Mnih, "MuProp: unbiased backpropagation for stochastic neural networks", ICLR 2016,
        equation 5; this package fits over the distribution instead of taking derivatives at its mean.
    """

    curvature: bool = True

    def surrogate_loss(
        self,
        distribution: FisherHypergeometric,
        objective: Objective,
        num_samples: int,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Estimates the expected objective; the backward pass estimates its gradient.

        Args:
            distribution: Fisher's distribution; its weights carry the gradient.
            objective: maps counts ``(num_samples,) + batch_shape + (K,)`` to ``(num_samples,) + batch_shape``.
            num_samples: number of samples for each urn of the batch, at least one.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            Shape ``batch_shape``.
        """
        num_samples = checked_samples(num_samples, 1)
        batch, dtype = distribution.batch_shape, distribution.dtype
        spread = None
        if self.curvature:
            rows = Rows.of(distribution)
            mean, spread = (mean_and_covariance if uses_matrix(rows.sizes.shape[-1]) else mean_and_variance)(rows)
            expansion = around_mean(objective, mean.detach(), spread.detach(), rows, batch, dtype)
            mean, spread = (rows.restore(moment, batch).to(dtype) for moment in (mean, spread))
        else:
            mean = distribution.mean
            expansion = at_mean(objective, mean.detach())
        counts = distribution.sample((num_samples,), generator=generator)
        values = evaluate(objective, counts)
        score = counts - mean.detach()
        rest = values.detach() - expansion(score)
        if self.curvature:
            # An additional sample with remainder zero joins the leave-one-out baseline, which is imprecise for few samples.
            advantage = rest * (1 + 1 / num_samples) - rest.mean(0)
        else:
            advantage = _leave_one_out(rest) if num_samples > 1 else rest
        return values.mean(0) + expansion.gradient_of_expectation(mean, spread) + _score_term(distribution, score, advantage)


def _leave_one_out(values: Tensor) -> Tensor:
    """Returns each sample's value less the mean of the others' values, along the first axis."""
    return (values - values.mean(0)) * (len(values) / (len(values) - 1))


def _score_term(distribution: FisherHypergeometric, score: Tensor, advantage: Tensor) -> Tensor:
    """Returns zero, with the gradient of ``mean(advantage · log p(counts))``, whose score is the counts less their mean."""
    log_weights = distribution.log_weights
    direction = (advantage[..., None] * score).mean(0)
    shown = torch.where(log_weights > -torch.inf, log_weights, 0.0)
    return (direction * (shown - shown.detach())).sum(-1)
