"""Rules without parameters that decide which latent dimensions two images share, from the distances of their posteriors."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from .learned_rules import Categorical, Hypergeometric
from .rules import Decision, SharingRule, adavae_shared, closest

__all__ = [
    "AdaptiveThreshold",
    "AlwaysHalf",
    "Categorical",
    "Decision",
    "FixedThreshold",
    "Hypergeometric",
    "Oracle",
    "SharingRule",
    "Unshared",
    "adavae_shared",
    "closest",
]


class _Certain(SharingRule, ABC):
    """A rule that is deterministic."""

    def decide(
        self,
        parameters: Tensor,
        distances: Tensor,
        noise: Tensor | None,
        temperature: float,
        num_shared: Tensor | None,
    ) -> Decision:
        gates = self.gates(distances, num_shared).to(distances.dtype)
        probabilities = one_hot(gates.sum(-1).round().long(), distances.shape[-1] + 1).to(distances.dtype)
        nothing = torch.zeros_like(gates[..., 0])
        return Decision(gates, nothing, probabilities, torch.full_like(nothing, torch.nan))

    @abstractmethod
    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Returns True where a dimension is shared, shape ``(R, B, d)``."""


class AdaptiveThreshold(_Certain):
    """Shares the dimensions whose distance is below AdaVAE's adaptive threshold; see :func:`adavae_shared`."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Computes the gates of pairs.

        Args:
            distances: distances of the two posteriors in each dimension, shape ``(R, B, d)``.
            num_shared: ignored.

        Returns:
            True where a dimension is shared, shape ``(R, B, d)``.
        """
        return adavae_shared(distances)


class FixedThreshold(_Certain):
    """Shares the dimensions whose distance is below a fixed threshold.

    Args:
        nats: positive threshold in nats: one number, or one for each model, shape ``(R,)``.

    Raises:
        ValueError: if a threshold is not positive.
    """

    def __init__(self, nats: float | Tensor):
        self.nats = torch.as_tensor(nats, dtype=torch.float32)
        if not bool((self.nats > 0).all()):
            raise ValueError(f"nats must be positive; got {nats!r}.")

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Computes the gates of pairs.

        Args:
            distances: distances of the two posteriors in each dimension, shape ``(R, B, d)``.
            num_shared: ignored.

        Returns:
            True where a dimension is shared, shape ``(R, B, d)``.
        """
        return distances < self.nats.reshape(-1, 1, 1)


class AlwaysHalf(_Certain):
    """Shares half of the dimensions, rounded down: those with the smallest distances."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Computes the gates of pairs.

        Args:
            distances: distances of the two posteriors in each dimension, shape ``(R, B, d)``.
            num_shared: ignored.

        Returns:
            1 where a dimension is shared and 0 elsewhere, shape ``(R, B, d)``.
        """
        return closest(distances, torch.full_like(distances[..., 0], distances.shape[-1] // 2))


class Oracle(_Certain):
    """Shares as many dimensions as the pair's label says: those with the smallest distances."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Computes the gates of pairs.

        Args:
            distances: distances of the two posteriors in each dimension, shape ``(R, B, d)``.
            num_shared: number of factors that each pair shares, shape ``(R, B)``.

        Returns:
            1 where a dimension is shared and 0 elsewhere, shape ``(R, B, d)``.

        Raises:
            ValueError: if the labels are missing.
        """
        if num_shared is None:
            raise ValueError("The oracle needs labels: how many factors each pair shares.")
        return closest(distances, num_shared.to(distances.dtype).clamp(max=distances.shape[-1]))


class Unshared(_Certain):
    """Shares no dimension, as in a plain autoencoder."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Computes the gates of pairs.

        Args:
            distances: distances of the two posteriors in each dimension, shape ``(R, B, d)``.
            num_shared: ignored.

        Returns:
            False everywhere, shape ``(R, B, d)``.
        """
        return torch.zeros_like(distances)
