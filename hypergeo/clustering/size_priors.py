"""Priors of the clusters' sizes: Fisher's noncentral hypergeometric distribution, learned mixing weights, or equal sizes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hypergeo._validate import require_real
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric

__all__ = ["CategoricalSizes", "HypergeometricSizes", "SizePrior", "UniformSizes", "centred", "size_prior"]

_LARGEST_LOG_WEIGHT = 15.0
_SETTINGS = ("capacities", "minimum_sizes", "temperature", "straight_through", "conditionals")


def centred(log_weights: Tensor) -> Tensor:
    """Shifts log weights to mean zero, as only ratios of weights matter, and limits them to 15 either way.

    Args:
        log_weights: shape ``(…, K)``.
    """
    return (log_weights - log_weights.mean(-1, keepdim=True)).clamp(-_LARGEST_LOG_WEIGHT, _LARGEST_LOG_WEIGHT)


class SizePrior(ABC):
    """Distribution of the labels of ``N`` points in ``K`` clusters that depends on the clusters' sizes alone.

    It has one log weight per cluster, which belongs to the model that uses it and is passed to each method.

    Args:
        num_points: ``N``.
        num_clusters: ``K``.
    """

    learned: ClassVar[bool] = True
    """Whether the log weights matter."""

    def __init__(self, num_points: int, num_clusters: int):
        self.num_points, self.num_clusters = num_points, num_clusters

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest possible size of each cluster, int64, each of shape ``(K,)``."""
        return torch.zeros(self.num_clusters).long(), torch.full((self.num_clusters,), self.num_points)

    @abstractmethod
    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """Samples sizes, differentiable in the log weights.

        Args:
            log_weights: shape ``(R, K)``.
            generators: randomness of each row.

        Returns:
            Shape ``(R, K)``; each row sums to ``N``.
        """

    @abstractmethod
    def mean(self, log_weights: Tensor) -> Tensor:
        """Expected sizes, shape ``(…, K)``, differentiable once in the log weights of that shape."""

    @abstractmethod
    def log_weights_for(self, counts: Tensor, *, roughly: bool = True) -> Tensor:
        """Log weights that make some counts most probable; the expected sizes are then the counts.

        Args:
            counts: real, shape ``(…, K)``.
            roughly: up to an error of about one in the expected sizes, where that saves time.

        Returns:
            float64, shape ``(…, K)``.
        """

    @abstractmethod
    def log_prob(self, counts: Tensor, log_weights: Tensor) -> Tensor:
        """Log-probability of one labelling with given counts: that of the counts divided by the number of such labellings.

        Args:
            counts: real, shape ``(…, K)``; column sums of soft labels are allowed.
            log_weights: shape ``(K,)``.

        Returns:
            float64, shape ``(…)``.
        """


class UniformSizes(SizePrior):
    """Equal sizes: each label is as probable as any other.

    Example:
        >>> UniformSizes(2, 4).log_prob(torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.zeros(4)).exp()
        tensor(0.0625, dtype=torch.float64)
    """

    learned = False

    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """``N / K`` each."""
        return self.mean(log_weights)

    def mean(self, log_weights: Tensor) -> Tensor:
        """``N / K`` each."""
        return torch.full_like(log_weights, self.num_points / self.num_clusters, requires_grad=False)

    def log_weights_for(self, counts: Tensor, *, roughly: bool = True) -> Tensor:
        """Zeros: no weights give other sizes."""
        return torch.zeros_like(counts, dtype=torch.float64)

    def log_prob(self, counts: Tensor, log_weights: Tensor) -> Tensor:
        """``−N log K``."""
        return -counts.double().sum(-1) * math.log(self.num_clusters)


class CategoricalSizes(SizePrior):
    """Independent labels with learned mixing weights ``π = softmax(log w)``, as in every mixture model. Nothing is sampled.

    Example:
        >>> prior, logs = CategoricalSizes(4, 2), torch.tensor([3.0, 1.0]).double().log()
        >>> prior.mean(logs), prior.log_prob(torch.tensor([4.0, 0.0]), logs).exp()
        (tensor([3., 1.], dtype=torch.float64), tensor(0.3164, dtype=torch.float64))
    """

    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """``N π``."""
        return self.mean(log_weights)

    def mean(self, log_weights: Tensor) -> Tensor:
        """``N π``."""
        return self.num_points * log_weights.softmax(-1)

    def log_weights_for(self, counts: Tensor, *, roughly: bool = True) -> Tensor:
        """Logarithms of the counts; an empty cluster counts as a thousandth."""
        return counts.double().clamp(min=1e-3).log()

    def log_prob(self, counts: Tensor, log_weights: Tensor) -> Tensor:
        """``Σ_k n_k log π_k``."""
        return torch.special.xlogy(counts.double(), log_weights.softmax(-1)).sum(-1)


class HypergeometricSizes(SizePrior):
    r"""Sizes sampled without replacement: of the ``m_k`` places of each cluster, ``l_k`` are taken first, then further ones.

    The ``n_k − l_k`` points that are free to choose follow Fisher's noncentral hypergeometric distribution with groups of
    ``m_k − l_k`` places, and all labellings with the same counts are equally probable:

    .. math:: \log p = \sum_k \Big[ (n_k - l_k) \log w_k + \log\binom{m_k - l_k}{n_k - l_k} + \log n_k! \Big]
              - \log Z - \log N!

    Between whole numbers the factorials are gamma functions. The function is concave in the counts, so that at the expected
    counts of random labels it is never below its expectation: without minimum sizes by about half of
    ``Σ_k Var(n_k) / (m_k − E n_k)`` nats above. The settings may be changed at any time.

    Args:
        num_points: ``N``.
        num_clusters: ``K``.
        capacities: ``m``, largest size of each cluster, one number or ``K`` of them; ``N`` each when omitted. Above ``N`` they
            limit nothing, but matter still: as they grow, labels become independent.
        minimum_sizes: ``l``, smallest size of each cluster, one number or ``K`` of them; zero when omitted.
        temperature: of the relaxed samples.
        straight_through: whether sampled sizes are whole.
        conditionals: ``"exact"`` or ``"merged"``, see :class:`RelaxedFisherHypergeometric`.

    Raises:
        ValueError: naming the setting, its value and what is allowed.

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
        """One bound of all sizes, which must go with the other one."""
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
        """Number of points that are free to choose, and of places that they choose from in each cluster."""
        return self.num_points - int(self._minimum.sum()), self._capacities - self._minimum

    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """One relaxed sample a row."""
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
        """Exact mean, which samples have at temperature zero or where they are whole.

        Its gradient is right to leading order in the counts, and vanishes exactly where the true one does.
        """
        return self._minimum + _Mean.apply(log_weights, *self._urn)

    def log_weights_for(self, counts: Tensor, *, roughly: bool = True) -> Tensor:
        """Log weights at which the expected sizes are the counts, kept half a point away from both bounds."""
        places = self._urn[1].double()
        least = (places / 2).clamp(max=0.5)
        taken = (counts.double() - self._minimum).maximum(least).minimum(places - least)
        share = torch.where(places > 0, taken / places.clamp(min=1), 0.5)
        logs = torch.logit(share)
        for _ in range(0 if roughly else 2):
            logs = centred(logs)
            # The covariance is close to that of independent binomials given their sum: a Newton step without the latter.
            logs = logs + (taken + self._minimum - self.mean(logs)) / (taken * (1 - share)).clamp(min=0.25)
        return logs

    def log_prob(self, counts: Tensor, log_weights: Tensor) -> Tensor:
        """See the class; differentiable in counts and log weights. ``-inf`` beyond the bounds by one and more."""
        counts, (free, places) = counts.double(), self._urn
        left, above = self._capacities - counts + 1, counts - self._minimum + 1
        ways = torch.lgamma(places.double() + 1) - torch.lgamma(left.clamp(min=1e-12))
        ways = ways + torch.lgamma(counts + 1) - torch.lgamma(above.clamp(min=1e-12))
        terms = torch.where((left > 0) & (above > 0), (counts - self._minimum) * log_weights + ways, -torch.inf)
        distribution = FisherHypergeometric(free, places, log_weights=log_weights, validate_args=False)
        return terms.sum(-1) - distribution.log_normalizer - math.lgamma(self.num_points + 1)


class _Mean(torch.autograd.Function):
    """Exact mean; backwards, the covariance of independent binomials given their sum instead of Fisher's, at no cost."""

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


_PRIORS: dict[str, type[SizePrior]] = {
    "hypergeometric": HypergeometricSizes,
    "categorical": CategoricalSizes,
    "uniform": UniformSizes,
}


def size_prior(name: str, num_points: int, num_clusters: int, **settings: Any) -> SizePrior:
    """A prior by its name.

    Args:
        name: ``"hypergeometric"``, ``"categorical"`` or ``"uniform"``.
        num_points: ``N``.
        num_clusters: ``K``.
        settings: of :class:`HypergeometricSizes`.

    Raises:
        ValueError: for another name, or settings that the prior does not have.

    Example:
        >>> size_prior("uniform", 9, 3).mean(torch.zeros(1, 3))
        tensor([[3., 3., 3.]])
    """
    if name not in _PRIORS:
        raise ValueError(f"prior must be one of {', '.join(_PRIORS)}; got {name!r}.")
    if unknown := [setting for setting in settings if setting not in _SETTINGS]:
        raise ValueError(f"A prior has the settings {', '.join(_SETTINGS)}; got {', '.join(unknown)}.")
    if settings and name != "hypergeometric":
        raise ValueError(f"Only the hypergeometric prior has {', '.join(settings)}; this one is {name}.")
    return _PRIORS[name](num_points, num_clusters, **settings)
