"""Statistics of numbers that were measured once per seed: summaries and paired comparisons."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["PairedComparison", "SeedStatistics"]


@dataclass(frozen=True)
class SeedStatistics:
    """Summarises a number over seeds.

    Attributes:
        mean: mean over seeds.
        deviation: standard deviation over seeds; ``None`` for a single seed.
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> SeedStatistics:
        """Summarises the values of all seeds.

        Args:
            values: at least one value.

        Returns:
            Mean and standard deviation.

        Example:
            >>> SeedStatistics.of([1.0, 3.0])
            SeedStatistics(mean=2.0, deviation=1.4142135623730951)
        """
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


@dataclass(frozen=True)
class PairedComparison:
    """Summarises the differences between two methods with the same seeds.

    Attributes:
        difference: mean difference over seeds.
        standard_error: standard error of the mean difference.
        low: lower end of the confidence interval of the mean difference.
        high: upper end of the interval.
        seeds: number of seeds.
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
            differences: difference of each seed, at least two.
            standard_errors: half the width of the interval in standard errors; by default the 95 % interval of Student's t.

        Returns:
            The comparison.

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
        """Judges the comparison: ``"win"``, ``"loss"``, or ``"tie"`` if the interval contains 0.

        Args:
            larger_is_better: whether a positive difference is a win.

        Returns:
            The verdict.

        Example:
            >>> PairedComparison(-0.4, 0.1, -0.6, -0.2, 5).verdict(), PairedComparison(0.1, 0.1, -0.2, 0.4, 5).verdict()
            ('win', 'tie')
        """
        if self.low <= 0 <= self.high:
            return "tie"
        return "win" if (self.difference > 0) == larger_is_better else "loss"
