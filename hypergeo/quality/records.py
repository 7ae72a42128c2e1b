"""The parameters of an urn as plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypergeo.distributions.fisher import FisherHypergeometric

__all__ = ["UrnRecord"]


@dataclass(frozen=True)
class UrnRecord:
    """Holds the parameters of an urn as plain numbers.

    Attributes:
        total_count: number of elements drawn.
        group_sizes: number of elements of each group.
        log_weights: log weight of each group; minus infinity for a weight of zero.
    """

    total_count: int
    group_sizes: tuple[int, ...]
    log_weights: tuple[float, ...]

    @classmethod
    def of(cls, distribution: FisherHypergeometric) -> UrnRecord:
        """Copies the parameters of a distribution.

        Args:
            distribution: distribution without a batch.

        Returns:
            The parameters as plain numbers.
        """
        return cls(
            int(distribution.total_count),
            tuple(distribution.group_sizes.tolist()),
            tuple(distribution.log_weights.detach().double().tolist()),
        )

    @property
    def weights(self) -> tuple[float, ...]:
        """Weight of each group."""
        return tuple(math.exp(value) for value in self.log_weights)

    def law(self) -> FisherHypergeometric:
        """Creates the exact distribution of the urn.

        Returns:
            Fisher's noncentral hypergeometric distribution without a batch.
        """
        return FisherHypergeometric(self.total_count, list(self.group_sizes), log_weights=list(self.log_weights))
