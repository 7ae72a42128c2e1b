"""Estimators whose gradient runs through the counts: relaxed draws, and exact draws moved with their mean."""

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
    """Relaxed draws forward and backward: low spread, biased forward and backward at any temperature above zero.

    Args:
        temperature: of the relaxation, positive.
        conditionals: ``"exact"``, or ``"merged"`` for the published sampler's rule.

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
        """See :meth:`Estimator.surrogate_loss`; the value is the mean objective of relaxed counts."""
        return _relaxed_loss(self.temperature, self.conditionals, False, distribution, objective, num_samples, generator)


@dataclass(frozen=True)
class StraightThrough:
    """Whole counts forward, the relaxation's gradient backward: the forward pass is unbiased, the gradient nearly so.

    Args:
        temperature: of the relaxation, positive.
        conditionals: ``"exact"``, or ``"merged"`` for the published sampler's rule.

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
        """See :meth:`Estimator.surrogate_loss`."""
        return _relaxed_loss(self.temperature, self.conditionals, True, distribution, objective, num_samples, generator)


@dataclass(frozen=True)
class ExactMarginal:
    """Exact draws forward, the Jacobian of the exact mean, which is the covariance, backward.

    Exact for linear objectives, with no spread; biased for curved ones by how the slope of the objective varies with the
    draw. The covariance is never formed: its product with a vector is one backward pass through the tables.

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
        """See :meth:`Estimator.surrogate_loss`."""
        num_samples = checked_samples(num_samples, 1)
        counts = distribution.sample((num_samples,), generator=generator)
        mean = distribution.mean
        return _average(objective, counts + (mean - mean.detach()))


def _relaxed_loss(
    temperature: float,
    conditionals: str,
    hard: bool,
    law: FisherHypergeometric,
    objective: Objective,
    num_samples: int,
    generator: torch.Generator | None,
) -> Tensor:
    num_samples = checked_samples(num_samples, 1)
    relaxed = RelaxedFisherHypergeometric(
        temperature,
        law.total_count,
        law.group_sizes,
        log_weights=law.log_weights,
        straight_through=hard,
        conditionals=conditionals,
        validate_args=law._validate_args,
    )
    return _average(objective, relaxed.rsample((num_samples,), generator=generator))


def _average(objective: Objective, counts: Tensor) -> Tensor:
    """Mean objective of the draws; flat objectives, such as steps, get a gradient of zero rather than none."""
    return (evaluate(objective, counts) + 0 * counts.sum(-1)).mean(0)
