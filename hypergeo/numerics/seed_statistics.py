"""Numbers that were measured once for each seed: summed up, and compared in pairs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["PairedComparison", "SeedStatistics"]


@dataclass(frozen=True)
class SeedStatistics:
    """A number over seeds.

    Attributes:
        mean: over seeds.
        deviation: standard deviation over seeds; ``None`` for a single one.
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> SeedStatistics:
        """Sums up the values of all seeds, at least one.

        Example:
            >>> SeedStatistics.of([1.0, 3.0])
            SeedStatistics(mean=2.0, deviation=1.4142135623730951)
        """
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


@dataclass(frozen=True)
class PairedComparison:
    """Values of one method less those of another with the same seeds.

    Attributes:
        difference: mean over seeds.
        standard_error: of that mean, from the differences of each seed.
        low: lower end of the interval of the mean.
        high: upper end.
        seeds: how many there are.
    """

    difference: float
    standard_error: float
    low: float
    high: float
    seeds: int

    @classmethod
    def of(cls, differences: Sequence[float], standard_errors: float | None = None) -> PairedComparison:
        """Compares two methods by their differences.

        Args:
            differences: of each seed, at least two.
            standard_errors: half the width of the interval in standard errors; by default Student's t gives it 95 %.

        Example:
            >>> PairedComparison.of([0.1, 0.2, 0.3], 2.0).verdict(larger_is_better=True)
            'win'
        """
        number = len(differences)
        if standard_errors is None:
            from scipy.special import stdtrit

            standard_errors = float(stdtrit(number - 1, 0.975))
        mean, error = statistics.fmean(differences), statistics.stdev(differences) / number**0.5
        return cls(mean, error, mean - standard_errors * error, mean + standard_errors * error, number)

    def verdict(self, larger_is_better: bool = False) -> str:
        """``"win"``, ``"loss"``, or ``"tie"`` where the interval holds 0.

        Example:
            >>> PairedComparison(-0.4, 0.1, -0.6, -0.2, 5).verdict(), PairedComparison(0.1, 0.1, -0.2, 0.4, 5).verdict()
            ('win', 'tie')
        """
        if self.low <= 0 <= self.high:
            return "tie"
        return "win" if (self.difference > 0) == larger_is_better else "loss"
