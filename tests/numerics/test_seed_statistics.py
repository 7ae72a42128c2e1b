"""Statistics over seeds: means, standard errors, and intervals of paired differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hypergeo.numerics.seed_statistics import PairedComparison


@pytest.mark.parametrize("seeds", [2, 5, 30])
def test_the_interval_is_that_of_the_paired_t_test(seeds: int) -> None:
    differences = np.random.default_rng(seeds).normal(0.3, 1.0, seeds)
    interval = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    comparison = PairedComparison.of(differences.tolist())
    assert (comparison.low, comparison.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert (comparison.difference, comparison.seeds) == (pytest.approx(differences.mean()), seeds)
    assert comparison.standard_error == pytest.approx(stats.sem(differences))
