"""Where the sizes of clusters come from: the relaxed hypergeometric law, learned shares, or all alike."""

from __future__ import annotations

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

__all__ = ["CategoricalSizes", "HypergeometricSizes", "SizePrior", "UniformSizes", "size_prior"]


class SizePrior(ABC):
    """Sizes of ``K`` clusters that add up to ``N``, from one log weight a cluster.

    Args:
        num_points: ``N``.
        num_clusters: ``K``.
    """

    learned: ClassVar[bool] = True
    """Whether the log weights matter."""

    def __init__(self, num_points: int, num_clusters: int):
        self.num_points, self.num_clusters = num_points, num_clusters

    @abstractmethod
    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """Sizes to assign points by, differentiable in the log weights.

        Args:
            log_weights: shape ``(R, K)``.
            generators: randomness of each row.

        Returns:
            Shape ``(R, K)``; each row sums to ``N``.
        """

    @abstractmethod
    def mean(self, log_weights: Tensor) -> Tensor:
        """Expected sizes, shape ``(R, K)``, differentiable once in the log weights."""

    def log_weights_for(self, counts: Tensor) -> Tensor:
        """Log weights at which the expected sizes are near some counts, shape ``(R, K)``; an empty cluster counts as half."""
        return counts.double().clamp(min=0.5).log()


class UniformSizes(SizePrior):
    """All clusters have the same size."""

    learned = False

    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """``N / K`` each."""
        return torch.full_like(log_weights, self.num_points / self.num_clusters, requires_grad=False)

    def mean(self, log_weights: Tensor) -> Tensor:
        """``N / K`` each."""
        return self.draw(log_weights, ())

    def log_weights_for(self, counts: Tensor) -> Tensor:
        """Zeros: no weights give other sizes."""
        return torch.zeros_like(counts, dtype=torch.float64)


class CategoricalSizes(SizePrior):
    """Sizes proportional to the weights, as in a mixture model with learned shares. Nothing is drawn.

    Example:
        >>> CategoricalSizes(8, 2).mean(torch.tensor([[0.0, 0.0]]))
        tensor([[4., 4.]])
    """

    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """``N softmax(log w)``."""
        return self.num_points * log_weights.softmax(-1)

    def mean(self, log_weights: Tensor) -> Tensor:
        """``N softmax(log w)``."""
        return self.draw(log_weights, ())


class HypergeometricSizes(SizePrior):
    """Sizes drawn without replacement: cluster ``k`` has ``m_k`` places, ``N`` of all places are taken.

    Its settings may be changed at any time.

    Args:
        num_points: ``N``.
        num_clusters: ``K``.
        capacities: ``m``, the most points each cluster can hold, one number or ``K`` of them; ``N`` each when omitted.
        temperature: of the relaxed draws.
        straight_through: whether drawn sizes are whole.
        conditionals: ``"exact"`` or ``"merged"``, see :class:`RelaxedFisherHypergeometric`.

    Raises:
        ValueError: naming the setting, its value and what is allowed.

    Example:
        >>> prior = HypergeometricSizes(8, 3, capacities=[4, 3, 3])
        >>> sizes = prior.draw(torch.tensor([[5.0, 0.0, 0.0]]), [np.random.default_rng(0)])
        >>> bool((sizes <= torch.tensor([4, 3, 3])).all()), round(float(sizes.sum()), 4)
        (True, 8.0)
    """

    def __init__(
        self,
        num_points: int,
        num_clusters: int,
        *,
        capacities: Any = None,
        temperature: float = 1.0,
        straight_through: bool = False,
        conditionals: str = "exact",
    ):
        super().__init__(num_points, num_clusters)
        self._conditionals = "exact"
        self.capacities = capacities
        self.conditionals = conditionals
        self.temperature = temperature
        self.straight_through = straight_through

    @property
    def capacities(self) -> Tensor:
        """The most points that each cluster can hold, int64, shape ``(K,)``."""
        return self._capacities

    @capacities.setter
    def capacities(self, value: Any) -> None:
        try:
            given = np.asarray(self.num_points if value is None else value, dtype=float)
            places = np.broadcast_to(given, (self.num_clusters,))
        except (TypeError, ValueError):
            raise ValueError(f"capacities must be a whole number or {self.num_clusters} of them; got {value!r}.") from None
        if not (np.isfinite(places).all() and (places == places.round()).all() and (places >= 0).all()):
            raise ValueError(f"capacities must be whole numbers, zero or more; got {places.tolist()}.")
        if places.sum() < self.num_points:
            raise ValueError(
                f"capacities must leave room for all {self.num_points} points; {places.astype(int).tolist()} "
                f"add up to {int(places.sum())}."
            )
        self._capacities = torch.tensor(np.minimum(places, self.num_points)).long()
        self._noise_length: int | None = None

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
        """Of the relaxed draws, above zero."""
        return self._temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        self._temperature = float(require_real("temperature", value, "a positive number", gt=0))

    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """One relaxed draw a row."""
        law = RelaxedFisherHypergeometric(
            self.temperature,
            self.num_points,
            self.capacities,
            log_weights=log_weights,
            straight_through=self.straight_through,
            conditionals=self.conditionals,
            validate_args=False,
        )
        if self._noise_length is None:
            self._noise_length = law.sample_noise().shape[-1]
        noise = np.stack([generator.gumbel(size=self._noise_length) for generator in generators])
        return law.rsample(noise=torch.from_numpy(noise))

    def mean(self, log_weights: Tensor) -> Tensor:
        """Mean of Fisher's law, which draws have at temperature zero or where they are whole.

        Its gradient is right to leading order in the counts, and vanishes exactly where the true one does.
        """
        return _Mean.apply(log_weights, self.num_points, self.capacities)

    def log_weights_for(self, counts: Tensor) -> Tensor:
        """Log-odds of a place being taken, which give Fisher's mean but for terms of order one."""
        places = self.capacities.double()
        taken = counts.double().clamp(min=0.5).minimum((places - 0.5).clamp(min=0.25))
        return torch.logit(taken / places.clamp(min=0.5))


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
    known = ("capacities", "temperature", "straight_through", "conditionals")
    if unknown := [setting for setting in settings if setting not in known]:
        raise ValueError(f"A prior has the settings {', '.join(known)}; got {', '.join(unknown)}.")
    if settings and name != "hypergeometric":
        raise ValueError(f"Only the hypergeometric prior has {', '.join(settings)}; this one is {name}.")
    return _PRIORS[name](num_points, num_clusters, **settings)
