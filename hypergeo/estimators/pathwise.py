"""Estimators whose gradient passes through the counts: relaxed samples, and exact samples that move with their mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric

from .base import checked_samples
from .expansion import Objective, evaluate

__all__ = ["ExactMarginal", "GumbelSoftmax", "StraightThrough"]


@dataclass(frozen=True)
class GumbelSoftmax:
    """Uses relaxed samples in both passes: low variance, but values and gradients are biased at any positive temperature.

    Args:
        temperature: temperature of the relaxation (τ), positive.
        conditionals: ``"exact"``, or ``"merged"`` for the conditionals of the published sampler.

    Example:
        >>> import torch
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

    def surrogate_loss(
        self,
        distribution: FisherHypergeometric,
        objective: Objective,
        num_samples: int,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Estimates the expected objective by its mean over relaxed counts; the backward pass estimates its gradient.

        Args:
            distribution: Fisher's distribution; its weights carry the gradient.
            objective: maps counts ``(num_samples,) + batch_shape + (K,)`` to ``(num_samples,) + batch_shape``.
            num_samples: number of samples for each urn of the batch, at least one.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            Shape ``batch_shape``.
        """
        return _relaxed_loss(self.temperature, self.conditionals, False, distribution, objective, num_samples, generator)


@dataclass(frozen=True)
class StraightThrough:
    """Uses whole counts forward and the relaxation's gradient backward: unbiased values, gradients with a small bias.

    Args:
        temperature: temperature of the relaxation (τ), positive.
        conditionals: ``"exact"``, or ``"merged"`` for the conditionals of the published sampler.

    Example:
        >>> import torch
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
        return _relaxed_loss(self.temperature, self.conditionals, True, distribution, objective, num_samples, generator)


@dataclass(frozen=True)
class ExactMarginal:
    """Uses exact samples forward, and backward the Jacobian of the exact mean, which is the covariance.

    The estimator is exact for linear objectives, with no variance. It is biased for curved ones, because the slope of the
    objective varies between samples. The covariance is never formed: its product with a vector is one backward pass through
    the tables.

    Example:
        >>> import torch
        >>> log_weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], log_weights=log_weights)
        >>> ExactMarginal().surrogate_loss(urn, lambda x: x[..., 0], 1).backward()
        >>> torch.allclose(log_weights.grad, urn.covariance_matrix[0].detach())
        True

    References:
        K. Ahmed, Z. Zeng, M. Niepert, G. Van den Broeck, "SIMPLE: a gradient estimator for k-subset sampling", ICLR 2023.
    """

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
        counts = distribution.sample((num_samples,), generator=generator)
        mean = distribution.mean
        return _average(objective, counts + (mean - mean.detach()))


def _relaxed_loss(
    temperature: float,
    conditionals: str,
    hard: bool,
    distribution: FisherHypergeometric,
    objective: Objective,
    num_samples: int,
    generator: torch.Generator | None,
) -> Tensor:
    num_samples = checked_samples(num_samples, 1)
    relaxed = RelaxedFisherHypergeometric(
        temperature,
        distribution.total_count,
        distribution.group_sizes,
        log_weights=distribution.log_weights,
        straight_through=hard,
        conditionals=conditionals,
        validate_args=distribution._validate_args,
    )
    return _average(objective, relaxed.rsample((num_samples,), generator=generator))


def _average(objective: Objective, counts: Tensor) -> Tensor:
    """Returns the mean objective of the samples. Flat objectives, such as steps, have a gradient of zero and not ``None``."""
    return (evaluate(objective, counts) + 0 * counts.sum(-1)).mean(0)
