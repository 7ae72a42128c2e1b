"""The statistical checks of this folder see the errors that they state: one planted error of exactly that size for each.

What they state, each seen with probability 0.99:

| check | in | false alarm | smallest error seen |
| :--- | :--- | ---: | :--- |
| Kolmogorov-Smirnov tests of 20,000 samples, 4 groups | `test_published_check` | 1e-5 | distribution functions 0.027 apart |
| 300 p-values at 5 % | `test_gradients` | 1e-6 | 3.5 times the nominal rate |
| misses of 300 intervals of 95 % | `test_gradients` | 1e-4 | 16 % of misses |
| 400 p-values of skewed estimates at 1 % | `test_gradients` | 1e-4 | a rate of 7.3 % |
| 40 reports at level 0.2 | `test_report` | 1e-6 | alarms in 74 % of reports |
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo import FisherHypergeometric
from hypergeo.quality.goodness_of_fit import ks_test

POWER = 0.99
# Number of trials, level, false-alarm rate, and the rate of alarms that is seen.
COUNTS = {
    "p-values": (300, 0.05, 1e-6, 0.172),
    "intervals": (300, 0.055, 1e-4, 0.16),
    "skewed estimates": (400, 0.015, 1e-4, 0.073),
    "reports": (40, 0.2, 1e-6, 0.74),
}


@pytest.mark.parametrize(("trials", "level", "false_alarm", "seen"), COUNTS.values(), ids=COUNTS)
def test_counted_alarms(trials: int, level: float, false_alarm: float, seen: float) -> None:
    """The stated rate is exceeded nearly always, one that is a tenth smaller is not, and the nominal one almost never is."""
    limit = stats.binom.isf(false_alarm, trials, level)
    assert stats.binom.sf(limit, trials, level) <= false_alarm
    assert stats.binom.sf(limit, trials, seen) >= POWER
    assert stats.binom.sf(limit, trials, 0.9 * seen) < POWER
    planted = np.random.default_rng(1).random((200, trials)) < seen
    assert (planted.sum(1) > limit).mean() > 0.95


@pytest.mark.parametrize("seed", range(5))
def test_kolmogorov_smirnov_tests_of_20_000_samples(seed: int) -> None:
    """A mixture whose distribution functions are 0.027 from the exact ones, at the worst count of the worst group."""
    exact = FisherHypergeometric(9, [6, 1, 8, 5], [1.0, 2.0, 4.0, 1.0])
    other = FisherHypergeometric(9, [6, 1, 8, 5], [1.0, 2.0, 9.0, 1.0])
    tables = [law.marginal_log_prob().exp().cumsum(-1) for law in (exact, other)]
    share = 0.027 / float((tables[0] - tables[1]).abs().max())
    assert share < 1, "the other distribution is too near to plant an error of the stated size"
    generator = torch.Generator().manual_seed(seed)
    right, wrong = (law.sample((20_000,), generator=generator) for law in (exact, other))
    planted = torch.where(torch.rand(20_000, 1, generator=generator) < share, wrong, right)
    assert ks_test(planted, exact).p_values.min() < 2.5e-6
    assert ks_test(right, exact).p_values.min() > 2.5e-6
