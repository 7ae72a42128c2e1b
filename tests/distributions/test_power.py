"""Every kind of statistical check detects its stated error: one planted error of exactly that size for each.

All checks raise a false alarm with probability 1e-6 and detect the stated error with probability 0.99 or more:

| check | in | smallest detected error |
| :--- | :--- | :--- |
| G-test of S samples over C cells | `g_test` everywhere | total variation `detectable_distance(S, C)` |
| distance of the mean of 4,000 samples | `test_fisher_sampling` | 0.12 standard deviations of one group of three |
| uniformity of 200 p-values | `test_fisher_sampling`, `test_relaxed` | total variation 0.014 |
| z-tests of 20 groups, 20,000 samples | `test_wallenius_sampling` | 0.06 standard deviations of a mean |
| squared errors of 100 fits | `test_fitting` | standard errors too small by a factor of 1.42 |
| false alarms in 2,000 tests at 5 % | `quality/test_goodness_of_fit` | 1.83 times the nominal rate |
| false alarms in 100,000 tests at 1 % | `quality/test_goodness_of_fit` | 1.37 times the nominal rate |
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo import FisherHypergeometric, WalleniusHypergeometric
from tests.support.reference import FALSE_ALARM, Law, RationalUrn, detectable_distance, draw, g_test, merge_cells, mixture

THREE = (6, (4, 3, 5), (1.0, 2.5, 0.3))
FIVE = (8, (3, 4, 2, 5, 4), (0.5, 1.0, 4.0, 2.0, 0.1))
WIDE = (20, (20, 20, 20), (1.0, 5.0, 1.0))


def planted(law: Law, other: Law, samples: int, least: float = 100.0) -> tuple[Law, float]:
    """Returns a mixture of two distributions at the stated total variation from the first, and that distance.

    Args:
        law: exact distribution.
        other: distribution to mix with it.
        samples: number of samples of the G-test.
        least: least expected number in a cell of the G-test.
    """
    expected = np.array([float(p) for p in law.values() if p])
    cells = merge_cells(expected * samples, least)
    difference = np.array([float(other[x]) for x, p in law.items() if p]) - expected
    distance = 0.5 * float(np.abs(np.bincount(cells, difference)).sum())
    stated = detectable_distance(samples, len(np.unique(cells)))
    assert stated < distance, "the other law is too near to plant an error of the stated size"
    return mixture(law, other, Fraction(stated / distance)), stated


@pytest.mark.parametrize("urn", [THREE, FIVE, WIDE], ids=str)
@pytest.mark.parametrize(("samples", "least"), [(200_000, 100.0), (100_000, 100.0), (50_000, 100.0), (4_000, 50.0)])
def test_g_tests(urn: tuple[int, tuple[int, ...], tuple[float, ...]], samples: int, least: float) -> None:
    exact = RationalUrn(*urn)
    wrong, stated = planted(exact.law, RationalUrn(*urn[:2], (*urn[2][1:], urn[2][0])).law, samples, least)
    assert stated < {200_000: 0.021, 100_000: 0.028, 50_000: 0.037, 4_000: 0.11}[samples]
    assert g_test(draw(wrong, samples, seed=1), exact.law, least) < FALSE_ALARM
    assert g_test(draw(exact.law, samples, seed=1), exact.law, least) > FALSE_ALARM


def test_distance_of_the_mean_of_large_urns() -> None:
    """One weight is changed so that its group's mean changes by 0.12 standard deviations."""
    sizes, weights, draws = [20_000] * 3, torch.tensor([1.0, 2.0, 3.0]).double(), 4_000
    law = FisherHypergeometric(20_000, sizes, weights)
    deviation = float(law.variance[0].sqrt())
    moved = FisherHypergeometric(20_000, sizes, weights * torch.tensor([float(np.exp(0.12 / deviation)), 1.0, 1.0]).double())
    assert float(moved.mean[0] - law.mean[0]) == pytest.approx(0.12 * deviation, rel=0.01)
    covariance = law.covariance_matrix.numpy()[:-1, :-1]
    for source, seen in ((law, False), (moved, True)):
        shift = (source.sample((draws,)).numpy().mean(0) - law.mean.numpy())[:-1]
        p_value = stats.chi2.sf(draws * shift @ np.linalg.solve(covariance, shift), 2)
        assert bool(p_value < FALSE_ALARM / 2) is seen


def test_uniformity_of_p_values() -> None:
    """One G-test of 10,000 samples does not detect a total variation of 0.014, but 200 of them together do."""
    exact = RationalUrn(*THREE)
    other = RationalUrn(*THREE[:2], THREE[2][::-1]).law
    expected = np.array([float(p) for p in exact.law.values()])
    distance = 0.5 * float(np.abs(np.array([float(p) for p in other.values()]) - expected).sum())
    wrong = mixture(exact.law, other, Fraction(0.014 / distance))
    sources = {"wrong": wrong, "exact": exact.law}
    p_values = {name: [g_test(draw(law, 10_000, seed), exact.law) for seed in range(200)] for name, law in sources.items()}
    assert stats.kstest(p_values["wrong"], "uniform").pvalue < FALSE_ALARM
    assert stats.kstest(p_values["exact"], "uniform").pvalue > FALSE_ALARM


def test_means_of_wallenius_distribution() -> None:
    """One of twenty weights is changed so that its group's mean changes by 0.06 standard deviations."""
    sizes, draws, total = torch.arange(20) * 2 + torch.arange(20) % 2, 20_000, 150
    logs = torch.linspace(-3, 3, 20, dtype=torch.float64)
    law = WalleniusHypergeometric(total, sizes, log_weights=logs)
    mean, deviation = law.mean, law.variance.sqrt()
    group, step = 10, 1e-4
    unit = torch.zeros(20, dtype=torch.float64)
    unit[group] = 1
    slope = (WalleniusHypergeometric(total, sizes, log_weights=logs + step * unit).mean - mean)[group] / step
    moved = WalleniusHypergeometric(total, sizes, log_weights=logs + 0.06 * deviation[group] / slope * unit)
    limit = stats.norm.isf(FALSE_ALARM / 2 / (5 * 20 + 210))
    assert stats.norm.cdf(0.06 * draws**0.5 - limit) > 0.99
    z = (moved.sample((draws,)).mean(0) - mean) / deviation * draws**0.5
    assert z[group].abs() > limit


@pytest.mark.parametrize(
    ("limit", "of_error"),
    [
        (stats.chi2.isf(FALSE_ALARM / 2, 200), stats.chi2(200, scale=1.42**2)),
        (stats.binom.isf(5e-7, 2000, 0.05), stats.binom(2000, 1.83 * 0.05)),
        (stats.binom.isf(1e-7, 100_000, 1.1 * 0.01), stats.binom(100_000, 1.37 * 0.01)),
    ],
    ids=["standard errors", "false alarms at 5 %", "false alarms at 1 %"],
)
def test_sums_of_many_trials(limit: float, of_error: stats.rv_frozen) -> None:  # type: ignore[name-defined]
    """The stated error exceeds the limit with probability 0.99, and its sums do so."""
    assert of_error.sf(limit) >= 0.99
    assert (of_error.rvs(100, random_state=0) > limit).mean() > 0.95
