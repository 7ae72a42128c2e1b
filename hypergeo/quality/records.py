"""An urn as plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypergeo.distributions.fisher import FisherHypergeometric

__all__ = ["UrnRecord"]


@dataclass(frozen=True)
class UrnRecord:
    """An urn as plain numbers; the log weight of a group that cannot be drawn is minus infinity."""

    total_count: int
    group_sizes: tuple[int, ...]
    log_weights: tuple[float, ...]

    @classmethod
    def of(cls, distribution: FisherHypergeometric) -> UrnRecord:
        """The urn of a law without a batch."""
        return cls(
            int(distribution.total_count),
            tuple(distribution.group_sizes.tolist()),
            tuple(distribution.log_weights.detach().double().tolist()),
        )

    @property
    def weights(self) -> tuple[float, ...]:
        """Importance of each group."""
        return tuple(math.exp(value) for value in self.log_weights)

    def law(self) -> FisherHypergeometric:
        """The urn's exact law."""
        return FisherHypergeometric(self.total_count, list(self.group_sizes), log_weights=list(self.log_weights))
