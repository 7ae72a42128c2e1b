"""Fisher's noncentral hypergeometric distribution as a prior of cluster sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hypergeo._validate import require_real
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric

from .base import SizePrior, centred

__all__ = ["HypergeometricSizes"]


class HypergeometricSizes(SizePrior):
    r"""Hypergeometric prior: points take the ``m_k`` places of the clusters without replacement, at least ``l_k`` of cluster k.

    The ``n_k − l_k`` points that are free to choose follow Fisher's noncentral hypergeometric distribution with groups of
    ``m_k − l_k`` places, and all labellings with the same counts are equally probable:

    .. math:: \log p = \sum_k \Big[ (n_k - l_k) \log w_k + \log\binom{m_k - l_k}{n_k - l_k} + \log n_k! \Big]
              - \log Z - \log N!

    Between whole numbers the factorials are gamma functions. The function is concave in the counts, so its value at the
    expected counts of random labels is at least its expectation. Without minimum sizes the difference is about half of ``Σ_k
    Var(n_k) / (m_k − E n_k)`` nats. The settings may be changed at any time.

    Args:
        num_points: number of points, ``N``.
        num_clusters: number of clusters, ``K``.
        capacities: ``m``, largest size of each cluster, one number or ``K`` of them; ``N`` each when omitted. Capacities above
            ``N`` limit nothing, but affect the prior: as they grow, labels become independent.
        minimum_sizes: ``l``, smallest size of each cluster, one number or ``K`` of them; zero when omitted.
        temperature: temperature of the relaxed samples.
        straight_through: whether sampled sizes are whole.
        conditionals: ``"exact"`` or ``"merged"``, see :class:`RelaxedFisherHypergeometric`.

    If a setting is invalid, a ``ValueError`` names it, its value and what is allowed.

    Example:
        >>> prior = HypergeometricSizes(8, 3, capacities=[4, 3, 3], minimum_sizes=1)
        >>> sizes = prior.draw(torch.tensor([[9.0, 0.0, -9.0]]), [np.random.default_rng(0)])
        >>> bool((sizes <= torch.tensor([4, 3, 3])).all()), bool((sizes >= 1).all()), round(float(sizes.sum()), 4)
        (True, True, 8.0)

    References:
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, section 5.3.
    """

    def __init__(
        self,
        num_points: int,
        num_clusters: int,
        *,
        capacities: Any = None,
        minimum_sizes: Any = None,
        temperature: float = 1.0,
        straight_through: bool = False,
        conditionals: str = "exact",
    ):
        super().__init__(num_points, num_clusters)
        self._minimum = torch.zeros(num_clusters).long()
        self.capacities = capacities
        self.minimum_sizes = minimum_sizes
        self.conditionals = conditionals
        self.temperature = temperature
        self.straight_through = straight_through

    @property
    def capacities(self) -> Tensor:
        """Largest size of each cluster, int64, shape ``(K,)``."""
        return self._capacities

    @capacities.setter
    def capacities(self, value: Any) -> None:
        self._capacities = self._checked("capacities", self.num_points if value is None else value)

    @property
    def minimum_sizes(self) -> Tensor:
        """Smallest size of each cluster, int64, shape ``(K,)``."""
        return self._minimum

    @minimum_sizes.setter
    def minimum_sizes(self, value: Any) -> None:
        self._minimum = self._checked("minimum_sizes", 0 if value is None else value)

    def _checked(self, name: str, value: Any) -> Tensor:
        """Returns a bound of the sizes as a tensor, after checking that it is compatible with the other bound.

        Raises:
            ValueError: if the bound is invalid.
        """
        try:
            counts = np.broadcast_to(np.asarray(value, dtype=float), (self.num_clusters,))
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a whole number or {self.num_clusters} of them; got {value!r}.") from None
        if not (np.isfinite(counts).all() and (counts == counts.round()).all() and (counts >= 0).all()):
            raise ValueError(f"{name} must be whole numbers, zero or more; got {counts.tolist()}.")
        bound, total = torch.tensor(counts.astype(np.int64)), int(counts.sum())
        upper = name == "capacities"
        if total < self.num_points if upper else total > self.num_points:
            allowed = "leave room for all" if upper else "not add up to more than the"
            raise ValueError(f"{name} must {allowed} {self.num_points} points; {bound.tolist()} add up to {total}.")
        other, others = (self._minimum, "minimum_sizes") if upper else (self._capacities, "capacities")
        if bool((bound < other).any() if upper else (bound > other).any()):
            limit = "at least" if upper else "at most"
            raise ValueError(f"{name} must be {limit} the {others}, {other.tolist()}; got {bound.tolist()}.")
        self._noise_length: int | None = None
        return bound

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Minimum sizes and capacities, each of shape ``(K,)``."""
        return self._minimum, self._capacities

    @property
    def conditionals(self) -> str:
        """``"exact"``, or ``"merged"`` as in the published sampler."""
        return self._conditionals

    @conditionals.setter
    def conditionals(self, value: str) -> None:
        if value not in ("exact", "merged"):
            raise ValueError(f'conditionals must be "exact" or "merged"; got {value!r}.')
        self._conditionals = value
        self._noise_length = None

    @property
    def temperature(self) -> float:
        """Temperature of the relaxed samples, above zero."""
        return self._temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        self._temperature = float(require_real("temperature", value, "a positive number", gt=0))

    @property
    def _urn(self) -> tuple[int, Tensor]:
        """Number of points that are free to choose, and number of places of each cluster from which they choose."""
        return self.num_points - int(self._minimum.sum()), self._capacities - self._minimum

    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """Samples relaxed sizes, differentiable in the log weights.

        Args:
            log_weights: log weights, shape ``(R, K)``.
            generators: random generator of each row.

        Returns:
            Sizes, shape ``(R, K)``; each row sums to ``N``.
        """
        distribution = RelaxedFisherHypergeometric(
            self.temperature,
            *self._urn,
            log_weights=log_weights,
            straight_through=self.straight_through,
            conditionals=self.conditionals,
            validate_args=False,
        )
        if self._noise_length is None:
            self._noise_length = distribution.sample_noise(generator=torch.Generator()).shape[-1]
        noise = np.stack([generator.gumbel(size=self._noise_length) for generator in generators])
        return self._minimum + distribution.rsample(noise=torch.from_numpy(noise))

    def mean(self, log_weights: Tensor) -> Tensor:
        """Computes the exact mean, which is also the mean of whole samples and of samples at temperature zero.

        Its gradient is correct to leading order in the counts. It is zero exactly where the true gradient is zero.

        Args:
            log_weights: log weights, shape ``(…, K)``.

        Returns:
            Expected sizes, shape ``(…, K)``.
        """
        return self._minimum + _Mean.apply(log_weights, *self._urn)

    def log_weights_for(self, counts: Tensor, *, roughly: bool = True) -> Tensor:
        """Computes the log weights for which the expected sizes are the counts, clamped to half a point from both bounds.

        Args:
            counts: real numbers, shape ``(…, K)``.
            roughly: whether an error of about one in the expected sizes is acceptable, which saves time.

        Returns:
            float64, shape ``(…, K)``.
        """
        places = self._urn[1].double()
        least = (places / 2).clamp(max=0.5)
        taken = (counts.double() - self._minimum).maximum(least).minimum(places - least)
        fraction = torch.where(places > 0, taken / places.clamp(min=1), 0.5)
        logs = torch.logit(fraction)
        for _ in range(0 if roughly else 2):
            logs = centred(logs)
            # The covariance is close to that of independent binomials given their sum. This Newton step ignores the sum.
            logs = logs + (taken + self._minimum - self.mean(logs)) / (taken * (1 - fraction)).clamp(min=0.25)
        return logs

    def log_prob(self, counts: Tensor, log_weights: Tensor) -> Tensor:
        """Computes the log-probability of one labelling, differentiable in counts and log weights; see the class.

        Args:
            counts: real numbers, shape ``(…, K)``.
            log_weights: log weights, shape ``(K,)``.

        Returns:
            float64, shape ``(…)``; ``-inf`` for counts outside the bounds by one or more.
        """
        counts, (free, places) = counts.double(), self._urn
        left, above = self._capacities - counts + 1, counts - self._minimum + 1
        ways = torch.lgamma(places.double() + 1) - torch.lgamma(left.clamp(min=1e-12))
        ways = ways + torch.lgamma(counts + 1) - torch.lgamma(above.clamp(min=1e-12))
        terms = torch.where((left > 0) & (above > 0), (counts - self._minimum) * log_weights + ways, -torch.inf)
        distribution = FisherHypergeometric(free, places, log_weights=log_weights, validate_args=False)
        return terms.sum(-1) - distribution.log_normalizer - math.lgamma(self.num_points + 1)


class _Mean(torch.autograd.Function):
    """Exact mean. The gradient uses the covariance of independent binomials given their sum instead of Fisher's, which is
    free."""

    @staticmethod
    def forward(ctx: Any, log_weights: Tensor, num_points: int, capacities: Tensor) -> Tensor:
        mean = FisherHypergeometric(num_points, capacities, log_weights=log_weights, validate_args=False).mean
        places = capacities.to(mean.dtype)
        ctx.save_for_backward((mean * (places - mean) / places.clamp(min=1)).clamp(min=0))
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (variance,) = ctx.saved_tensors
        scaled = variance * grad
        total = variance.sum(-1, keepdim=True).clamp(min=torch.finfo(grad.dtype).tiny)
        return scaled - variance * (scaled.sum(-1, keepdim=True) / total), None, None
