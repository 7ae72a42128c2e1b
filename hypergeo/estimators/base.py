"""Gradient estimators of ``E[f(x)]`` over Fisher's law, behind one interface.

Each estimator has ``surrogate_loss(distribution, objective, num_samples)``: its value estimates the expected objective and
its backward pass gives the estimate of the gradient, so it stands where a loss stands in a training loop. ``objective`` maps
counts ``(…, K)`` to ``(…)``; relaxing estimators call it with relaxed counts, so it must be defined between whole numbers.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric
from hypergeo.numerics.enumeration import count_support, enumerate_counts
from hypergeo.numerics.moments import mean_and_covariance, mean_and_variance
from hypergeo.numerics.urn_rows import Rows

from .expansion import Objective, around_mean, at_mean, evaluate, uses_matrix

__all__ = [
    "Estimator",
    "Exact",
    "ExactMarginal",
    "GumbelSoftmax",
    "LinearizedControlVariate",
    "Objective",
    "ScoreFunction",
    "StraightThrough",
]


@runtime_checkable
class Estimator(Protocol):
    """What every estimator offers."""

    def surrogate_loss(self, distribution: FisherHypergeometric, objective: Objective, num_samples: int) -> Tensor:
        """An estimate of ``E[objective(x)]`` whose backward pass estimates its gradient.

        Args:
            distribution: Fisher's law; its weights carry the gradient.
            objective: maps counts ``(num_samples,) + batch_shape + (K,)`` to ``(num_samples,) + batch_shape``.
            num_samples: number of draws for each law of the batch, each of which the objective is evaluated at.

        Returns:
            Shape ``batch_shape``.

        Raises:
            ValueError: for a number of draws that the estimator cannot use, and for an objective whose values are not one
                number for each vector of counts.
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
        num_samples = _samples(num_samples, 1)
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
        num_samples = _samples(num_samples, 2 if self.baseline else 1)
        counts = distribution.sample((num_samples,))
        values = evaluate(objective, counts)
        advantage = _leave_one_out(values.detach()) if self.baseline else values.detach()
        with torch.no_grad():
            apart = counts - distribution.mean
        return values.mean(0) + _score_term(distribution, apart, advantage)


@dataclass(frozen=True)
class LinearizedControlVariate:
    """Unbiased: the objective is expanded around the exact mean, and the score function handles what is left.

    The expansion is a polynomial in the counts, whose gradient is known exactly, without sampling: the slope's is the
    covariance times the slope, and the curvature's follows from the covariance's own. The rest varies less than the objective
    does, so its score-function estimate, with a leave-one-out baseline, spreads less. For quadratics nothing is left; an
    objective without a slope, such as a step, leaves the plain score function.

    The expansion is fitted to the objective's values and slopes at some points around the mean, once for any number of draws:
    about six points for each group, or 32 where there are more than 16 groups; then only the curvature along each group is
    taken off, and no matrix is formed. So it follows kinks, too.

    Args:
        curvature: ``False`` for the first-order expansion at the mean, that of the reference: one evaluation, but no help, and
            some harm, where the objective has a kink nearby.

    Example:
        >>> log_weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], log_weights=log_weights)
        >>> LinearizedControlVariate().surrogate_loss(urn, lambda x: x[..., 0], 2).backward()
        >>> torch.allclose(log_weights.grad, urn.covariance_matrix[0].detach())
        True

    References:
        S. Gu, S. Levine, I. Sutskever, A. Mnih, "MuProp: unbiased backpropagation for stochastic neural networks", ICLR 2016,
        equation 5; the fit over the law in place of a derivative at its mean is this package's.
    """

    curvature: bool = True

    def surrogate_loss(self, distribution: FisherHypergeometric, objective: Objective, num_samples: int) -> Tensor:
        """See :meth:`Estimator.surrogate_loss`."""
        num_samples = _samples(num_samples, 1)
        batch, dtype = distribution.batch_shape, distribution.log_weights.dtype
        spread = None
        if self.curvature:
            rows = Rows.of(distribution)
            mean, spread = (mean_and_covariance if uses_matrix(rows.sizes.shape[-1]) else mean_and_variance)(rows)
            expansion = around_mean(objective, mean.detach(), spread.detach(), rows, batch, dtype)
            mean, spread = (rows.restore(moment, batch).to(dtype) for moment in (mean, spread))
        else:
            mean = distribution.mean
            expansion = at_mean(objective, mean.detach())
        counts = distribution.sample((num_samples,))
        values = evaluate(objective, counts)
        apart = counts - mean.detach()
        rest = values.detach() - expansion(apart)
        if self.curvature:
            # Leave-one-out with one draw more, whose rest is zero as the expansion has it: few draws make a poor baseline.
            advantage = rest * (1 + 1 / num_samples) - rest.mean(0)
        else:
            advantage = _leave_one_out(rest) if num_samples > 1 else rest
        return values.mean(0) + expansion.gradient_of_expectation(mean, spread) + _score_term(distribution, apart, advantage)


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
        probability = distribution.log_prob(counts).exp()
        return torch.where(listed & (probability > 0), probability * evaluate(objective, counts), 0.0).sum(0)

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
    num_samples = _samples(num_samples, 1)
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
    return (evaluate(objective, counts) + 0 * counts.sum(-1)).mean(0)


def _samples(num_samples: int, least: int) -> int:
    try:
        number = operator.index(num_samples)
    except TypeError:
        raise ValueError(f"num_samples must be a whole number; got {num_samples!r}.") from None
    if number < least:
        raise ValueError(f"num_samples must be at least {least} for this estimator; got {number}.")
    return number


def _leave_one_out(values: Tensor) -> Tensor:
    """Each draw's value less the mean of the others' values, along the first axis."""
    return (values - values.mean(0)) * (len(values) / (len(values) - 1))


def _score_term(distribution: FisherHypergeometric, score: Tensor, advantage: Tensor) -> Tensor:
    """Zero, with the gradient of ``mean(advantage · log p(counts))``, whose score is the counts less their mean."""
    log_weights = distribution.log_weights
    direction = (advantage[..., None] * score).mean(0)
    shown = torch.where(log_weights > -torch.inf, log_weights, 0.0)
    return (direction * (shown - shown.detach())).sum(-1)
