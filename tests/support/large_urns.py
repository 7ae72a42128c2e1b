"""Moments of urns too large for rational arithmetic: plain convolutions of SciPy's binomial tables, in float64.

Nothing here imports the package under test.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, reduce

import numpy as np
from scipy import optimize, stats
from scipy.special import expit

__all__ = ["LargeUrn"]


class LargeUrn:
    """Fisher's noncentral hypergeometric distribution, through the product of all groups' tables.

    Args:
        total_count: number of elements drawn.
        group_sizes: number of elements in each group.
        log_weights: natural logarithms of the weights, finite.
    """

    def __init__(self, total_count: int, group_sizes: Sequence[int], log_weights: Sequence[float]):
        self.total_count = total_count
        sizes, logs = np.asarray(group_sizes), np.asarray(log_weights, dtype=np.float64)
        reach = np.abs(logs).max() + np.log(sizes.sum()) + 1
        tilt = optimize.brentq(lambda t: (sizes * expit(logs + t)).sum() - total_count, -reach, reach)
        chances = expit(logs + tilt)
        self.counts = [np.arange(min(size, total_count) + 1) for size in sizes]
        self.tables = [stats.binom.pmf(x, m, p) for x, m, p in zip(self.counts, sizes, chances, strict=True)]
        self._free = sizes * chances

    def _expected(self, factors: Sequence[np.ndarray]) -> float:
        """Returns ``E[Π_k factors_k(x_k)]``."""
        weighted = [table * factor for table, factor in zip(self.tables, factors, strict=True)]
        return self._at_total(weighted) / self._whole

    def _at_total(self, tables: list[np.ndarray]) -> float:
        *others, last = tables
        rest = reduce(np.convolve, others)[: self.total_count + 1]
        first = self.total_count - np.arange(len(last))
        inside = (first >= 0) & (first < len(rest))
        return float(last[inside] @ rest[first[inside]])

    @cached_property
    def _whole(self) -> float:
        return self._at_total(self.tables)

    def central_moment(self, powers: Sequence[int]) -> float:
        """Returns ``E[Π_k (x_k - E[x_k])^powers_k]``."""
        return self._expected([(x - m) ** float(p) for x, m, p in zip(self.counts, self.mean, powers, strict=True)])

    @cached_property
    def mean(self) -> np.ndarray:
        """Expected counts, shape ``(K,)``."""
        shifts = []
        for k, centre in enumerate(self._free):
            factors = [x - centre if j == k else np.ones(len(x)) for j, x in enumerate(self.counts)]
            shifts.append(centre + self._expected(factors))
        return np.array(shifts)

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance matrix of the counts, shape ``(K, K)``."""
        one = np.eye(len(self.tables), dtype=int)
        return np.array([[self.central_moment(a + b) for b in one] for a in one])
