"""What a rule that says which latent dimensions two views share is, given how far apart their posteriors are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Decision", "SharingRule", "adavae_shared", "closest"]


@dataclass(frozen=True)
class Decision:
    """What a rule says of ``R × B`` pairs.

    Attributes:
        gates: how much each dimension is shared, from 0 to 1, shape ``(R, B, d)``.
        penalty: what the rule's law costs, in nats, shape ``(R, B)``.
        law: probability of each number of shared dimensions, shape ``(R, B, d + 1)``.
        log_weight: of the group of shared dimensions against the other, shape ``(R, B)``; NaN for rules without weights.
    """

    gates: Tensor
    penalty: Tensor
    law: Tensor
    log_weight: Tensor


def closest(distances: Tensor, number: Tensor) -> Tensor:
    """Gates that open for the ``number`` closest dimensions; for the next one partly, where the number is not whole.

    Args:
        distances: shape ``(…, d)``.
        number: from 0 to ``d``, shape ``(…)``; differentiable.

    Returns:
        From 0 to 1, shape ``(…, d)``; their sum is ``number``.

    Example:
        >>> closest(torch.tensor([3.0, 1.0, 2.0]), torch.tensor(1.25))
        tensor([0.0000, 1.0000, 0.2500])
    """
    ranks = distances.argsort(dim=-1, stable=True).argsort(dim=-1)
    return (number[..., None] - ranks).clamp(0, 1)


def adavae_shared(distances: Tensor) -> Tensor:
    """The dimensions that AdaVAE takes for shared: those nearer than half-way between the closest and the farthest.

    Args:
        distances: shape ``(…, d)``.

    Returns:
        True or false, shape ``(…, d)``.

    Example:
        >>> adavae_shared(torch.tensor([0.1, 0.2, 4.0]))
        tensor([ True,  True, False])

    References:
        F. Locatello et al., "Weakly-supervised disentanglement without compromises", ICML 2020, section 5.
    """
    low, high = distances.aminmax(dim=-1, keepdim=True)
    return distances < 0.5 * (low + high)


class SharingRule:
    """How a rule turns distances into gates; those with a law learn its parameters with the autoencoder's.

    Attributes:
        learned: whether there is anything to learn, after a warm-up.
    """

    learned = False

    def length(self, dimensions: int) -> int:
        """How many parameters the rule has."""
        return 0

    def start(self, dimensions: int, generators: Sequence[torch.Generator]) -> Tensor:
        """First parameters, shape ``(R, length)``."""
        return torch.zeros(len(generators), self.length(dimensions))

    def decide(
        self,
        parameters: Tensor,
        distances: Tensor,
        noise: Tensor | None,
        temperature: float,
        num_shared: Tensor | None,
    ) -> Decision:
        """Gates of pairs.

        Args:
            parameters: shape ``(R, length)``.
            distances: of the two posteriors in each dimension, shape ``(R, B, d)``.
            noise: even between 0 and 1, shape ``(R, B, d + 1)``; without any, the expected number is taken.
            temperature: of relaxed draws.
            num_shared: what pairs truly share, shape ``(R, B)``, which the oracle alone looks at.
        """
        raise NotImplementedError
