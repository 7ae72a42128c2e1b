"""Interface of the rules that decide which latent dimensions two images share, from the distances of their posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Decision", "SharingRule", "adavae_shared", "closest"]


@dataclass(frozen=True)
class Decision:
    """Holds the decisions of a rule about ``R × B`` pairs.

    Attributes:
        gates: degree from 0 to 1 to which each dimension is shared, shape ``(R, B, d)``.
        penalty: penalty of the number's distribution, in nats, shape ``(R, B)``.
        law: probability of each number of shared dimensions, shape ``(R, B, d + 1)``.
        log_weight: log weight of the group of shared dimensions, shape ``(R, B)``; NaN for rules without weights.
    """

    gates: Tensor
    penalty: Tensor
    law: Tensor
    log_weight: Tensor


def closest(distances: Tensor, number: Tensor) -> Tensor:
    """Computes gates that are open for the ``number`` smallest distances. The next gate is open by the fractional part of
    ``number``.

    Args:
        distances: distance of the two posteriors in each dimension, shape ``(…, d)``.
        number: number from 0 to ``d``, shape ``(…)``; differentiable.

    Returns:
        Gates from 0 to 1, shape ``(…, d)``; their sum is ``number``.

    Example:
        >>> closest(torch.tensor([3.0, 1.0, 2.0]), torch.tensor(1.25))
        tensor([0.0000, 1.0000, 0.2500])
    """
    ranks = distances.argsort(dim=-1, stable=True).argsort(dim=-1)
    return (number[..., None] - ranks).clamp(0, 1)


def adavae_shared(distances: Tensor) -> Tensor:
    """Selects the dimensions that AdaVAE shares: distances below the middle of the smallest and the largest distance.

    Args:
        distances: distance of the two posteriors in each dimension, shape ``(…, d)``.

    Returns:
        True where a dimension is shared, shape ``(…, d)``.

    Example:
        >>> adavae_shared(torch.tensor([0.1, 0.2, 4.0]))
        tensor([ True,  True, False])

    References:
        F. Locatello et al., "Weakly-supervised disentanglement without compromises", ICML 2020, section 5.
    """
    low, high = distances.aminmax(dim=-1, keepdim=True)
    return distances < 0.5 * (low + high)


class SharingRule:
    """Turns distances into gates. Rules with a distribution learn its parameters together with the autoencoder's.

    Attributes:
        learned: whether the rule has learned parameters, and therefore a warm-up.
    """

    learned = False

    def length(self, dimensions: int) -> int:
        """Returns the number of learned parameters.

        Args:
            dimensions: number of latent dimensions, ``d``.

        Returns:
            Number of parameters of one model; 0 for rules without parameters.
        """
        return 0

    def start(self, dimensions: int, generators: Sequence[torch.Generator]) -> Tensor:
        """Returns the initial parameters.

        Args:
            dimensions: number of latent dimensions, ``d``.
            generators: one random generator for each of the ``R`` models.

        Returns:
            Parameters, shape ``(R, length)``.
        """
        return torch.zeros(len(generators), self.length(dimensions))

    def decide(
        self,
        parameters: Tensor,
        distances: Tensor,
        noise: Tensor | None,
        temperature: float,
        num_shared: Tensor | None,
    ) -> Decision:
        """Computes the gates of pairs. Subclasses implement this method.

        Args:
            parameters: parameters of the rule, shape ``(R, length)``.
            distances: distances of the two posteriors in each dimension, shape ``(R, B, d)``.
            noise: uniform numbers between 0 and 1, shape ``(R, B, d + 1)``; ``None`` takes the expected number.
            temperature: temperature of the relaxed samples.
            num_shared: number of factors that pairs share, shape ``(R, B)``; only the oracle uses it.

        Returns:
            Gates, penalty, probabilities and log weight of each pair.

        Raises:
            NotImplementedError: in this base class.
        """
        raise NotImplementedError
