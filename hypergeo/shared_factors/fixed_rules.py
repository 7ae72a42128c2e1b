"""Rules that say which latent dimensions two views share, given how far apart their posteriors are."""

from __future__ import annotations

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


class _Certain(SharingRule):
    """A rule that draws nothing."""

    def decide(
        self,
        parameters: Tensor,
        distances: Tensor,
        noise: Tensor | None,
        temperature: float,
        num_shared: Tensor | None,
    ) -> Decision:
        gates = self.gates(distances, num_shared).to(distances.dtype)
        law = one_hot(gates.sum(-1).round().long(), distances.shape[-1] + 1).to(distances.dtype)
        nothing = torch.zeros_like(gates[..., 0])
        return Decision(gates, nothing, law, torch.full_like(nothing, torch.nan))

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        raise NotImplementedError


class AdaptiveThreshold(_Certain):
    """AdaVAE's rule: a dimension is shared where it is nearer than half-way; see :func:`adavae_shared`."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        return adavae_shared(distances)


class FixedThreshold(_Certain):
    """A dimension is shared where its distance is below a number of nats, which somebody has to choose.

    Args:
        nats: the threshold: one number, or one for each model, shape ``(R,)``.
    """

    def __init__(self, nats: float | Tensor):
        self.nats = torch.as_tensor(nats, dtype=torch.float32)
        if not bool((self.nats > 0).all()):
            raise ValueError(f"nats must be positive; got {nats!r}.")

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        return distances < self.nats.reshape(-1, 1, 1)


class AlwaysHalf(_Certain):
    """Half of the dimensions, rounded down, are shared: the closest ones."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        return closest(distances, torch.full_like(distances[..., 0], distances.shape[-1] // 2))


class Oracle(_Certain):
    """As many dimensions are shared as the pair's label says: the closest ones."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        if num_shared is None:
            raise ValueError("The oracle needs labels: how many factors each pair shares.")
        return closest(distances, num_shared.to(distances.dtype).clamp(max=distances.shape[-1]))


class Unshared(_Certain):
    """A plain autoencoder: nothing is shared."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        return torch.zeros_like(distances)
