"""Exact samples follow Fisher's distribution: G-tests on the joint vector, at least 100 expected in each cell.

Every test here raises a false alarm with probability 1e-6 (seeds are fixed, so it either does or does not). Power: a
G-test of S samples over C cells rejects, with probability 0.999, any distribution whose total variation from the exact one
over those cells is ``detectable_distance(S, C)``: 0.011 for 200,000 samples over 20 cells, 0.019 over 450. Tests here check
it: samples of Wallenius' distribution and of merged conditionals (distances of 0.13 to 0.27), and of a distribution at twice
the stated distance, are rejected.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo import FisherHypergeometric
from tests.support.reference import (
    FALSE_ALARM,
    Law,
    RationalUrn,
    detectable_distance,
    draw,
    g_test,
    merge_cells,
    mixture,
    shared_urn,
    total_variation,
)

DRAWS = 200_000
URNS: dict[str, tuple[int, tuple[int, ...], tuple[float, ...]]] = {
    "three groups": (6, (4, 3, 5), (1.0, 2.5, 0.3)),
    "published example": (20, (20, 20, 20), (1.0, 5.0, 1.0)),
    "equal weights": (15, (10, 10, 10), (1.0, 1.0, 1.0)),
    "heavy first": (15, (10, 10, 10), (10.0, 1.0, 1.0)),
    "five groups": (8, (3, 4, 2, 5, 4), (0.5, 1.0, 4.0, 2.0, 0.1)),
    "single elements": (4, (1,) * 8, (0.1, 0.2, 0.5, 1.0, 1.0, 2.0, 5.0, 10.0)),
    "two groups": (12, (15, 20), (1.0, 3.0)),
    "far weights": (7, (4, 6, 5), (1e6, 1.0, 0.5)),
    "zero weight and empty group": (5, (4, 3, 0, 6), (1.0, 0.0, 2.0, 0.5)),
    "nearly all drawn": (19, (6, 9, 7), (1.0, 3.0, 0.2)),
    "large groups": (180, (200, 200, 200), (1.0, 5.0, 1.0)),
}


@cache
def exact(name: str) -> RationalUrn:
    return shared_urn(*URNS[name])


def cells(law: Law, draws: int) -> int:
    expected = np.array([float(p) for p in law.values() if p]) * draws
    return len(np.unique(merge_cells(expected, 100.0)))


@pytest.mark.parametrize("name", URNS)
def test_joint_law_of_the_samples(name: str) -> None:
    samples = FisherHypergeometric(*URNS[name]).sample((DRAWS,))
    assert g_test(samples.numpy(), exact(name).law) > FALSE_ALARM


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_joint_law_of_a_batch(dtype: torch.dtype) -> None:
    """Urns with different totals, sizes and weights in one batch; the false-alarm rate is shared among the six."""
    totals, sizes = torch.tensor([[5], [8]]), torch.tensor([[4, 3, 5, 0], [2, 6, 3, 4], [5, 5, 5, 1]])
    weights = torch.tensor([[[1.0, 2.0, 0.5, 1.0]], [[3.0, 1.0, 1.0, 0.25]]], dtype=dtype)
    law = FisherHypergeometric(totals, sizes, weights)
    samples = law.sample((50_000,))
    assert samples.shape == (50_000, 2, 3, 4)
    for i in range(2):
        for j in range(3):
            urn = RationalUrn(int(totals[i, 0]), sizes[j].tolist(), weights[i, 0].tolist())
            assert g_test(samples[:, i, j].numpy(), urn.law) > FALSE_ALARM / 6


def test_rows_of_a_batch_are_independent() -> None:
    """First counts of two rows of one urn are distributed as the product of the marginals. Detects a distance of 0.02."""
    samples = FisherHypergeometric(6, [4, 3, 5], [1.0, 2.5, 0.3]).expand((2,)).sample((DRAWS,)).long().numpy()
    row = RationalUrn(6, (4, 3, 5), (1.0, 2.5, 0.3)).marginals()[0]
    pairs: Law = {(x, y): p * q for x, p in enumerate(row) for y, q in enumerate(row)}
    assert g_test(samples[:, :, 0], pairs) > FALSE_ALARM


def test_successive_samples_are_independent() -> None:
    """First counts of two neighbouring samples are distributed as the product of the marginals."""
    samples = FisherHypergeometric(6, [4, 3, 5], [1.0, 2.5, 0.3]).sample((DRAWS,)).long().numpy()
    row = RationalUrn(6, (4, 3, 5), (1.0, 2.5, 0.3)).marginals()[0]
    pairs: Law = {(x, y): p * q for x, p in enumerate(row) for y, q in enumerate(row)}
    assert g_test(samples[:, 0].reshape(-1, 2), pairs) > FALSE_ALARM


@pytest.mark.parametrize("name", ["three groups", "five groups"])
def test_p_values_are_uniform(name: str) -> None:
    """Kolmogorov-Smirnov over 200 seeds rejects a distribution function with an error of 0.3 with probability 0.999.

    A total variation of 0.014 from Fisher's distribution causes a larger error.
    """
    law, urn = FisherHypergeometric(*URNS[name]), exact(name)
    p_values = []
    for seed in range(200):
        torch.manual_seed(seed)
        p_values.append(g_test(law.sample((10_000,)).numpy(), urn.law))
    assert stats.kstest(p_values, "uniform").pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    ("total_count", "sizes", "weights"),
    [
        (200, [20] * 100, np.logspace(-1, 1, 100)),
        (2_000, [10] * 400, np.tile([0.5, 1.0, 2.0, 4.0], 100)),
        (20_000, [20_000] * 3, np.array([1.0, 2.0, 3.0])),
        (1_000, [5_000, 1, 300, 40, 2_000, 700], np.array([0.1, 50.0, 3.0, 10.0, 1.0, 1.0])),
    ],
)
def test_moments_of_samples_of_large_urns(total_count: int, sizes: list[int], weights: np.ndarray) -> None:
    """Without a joint table, the sample mean is standardised by the exact covariance, as are the variances.

    The squared distance of the mean is chi-squared with K - 1 degrees of freedom. A shift of 0.12 standard deviations of one
    group (K = 3), or of 0.25 (K = 400), is detected with probability 0.99. The variances are within six standard errors.
    """
    draws = 4_000
    law = FisherHypergeometric(total_count, sizes, weights)
    samples = law.sample((draws,)).numpy()
    assert (samples.sum(-1) == total_count).all()
    covariance = law.covariance_matrix.numpy()[:-1, :-1]
    shift = (samples.mean(0) - law.mean.numpy())[:-1]
    distance = draws * shift @ np.linalg.solve(covariance, shift)
    assert stats.chi2.sf(distance, len(sizes) - 1) > FALSE_ALARM / 2
    assert stats.chi2.cdf(distance, len(sizes) - 1) > FALSE_ALARM / 2
    spread = (samples - law.mean.numpy()) ** 2
    standard_error = spread.std(0) / draws**0.5
    limit = stats.norm.isf(FALSE_ALARM / (4 * len(sizes)))
    common = law.variance.numpy() > 0.05  # rarer events are far from normal
    assert (np.abs(spread.mean(0) - law.variance.numpy()) <= limit * standard_error)[common].all()


@pytest.mark.parametrize("name", ["three groups", "published example", "five groups"])
def test_the_laws_often_taken_for_fishers_would_be_found_out(name: str) -> None:
    """The G-test has its stated power: it rejects merged conditionals and Wallenius' distribution, but not Fisher's."""
    urn = exact(name)
    assert g_test(draw(urn.law, DRAWS, seed=1), urn.law) > FALSE_ALARM
    for wrong in (urn.merged_law, urn.wallenius_law):
        assert total_variation(urn.law, wrong) > detectable_distance(DRAWS, cells(urn.law, DRAWS))
        assert g_test(draw(wrong, DRAWS, seed=2), urn.law) < FALSE_ALARM


@pytest.mark.parametrize("name", ["three groups", "published example"])
def test_a_law_at_the_stated_distance_would_be_found_out(name: str) -> None:
    urn = exact(name)
    stated = detectable_distance(DRAWS, cells(urn.law, DRAWS))
    assert stated < 0.025
    # twice the stated distance over all outcomes, as merging the rare ones hides a part
    share = Fraction(2 * stated / total_variation(urn.law, urn.wallenius_law))
    wrong = mixture(urn.law, urn.wallenius_law, share)
    assert total_variation(urn.law, wrong) < 0.05
    assert g_test(draw(wrong, DRAWS, seed=3), urn.law) < FALSE_ALARM


def test_a_single_impossible_sample_is_found_out() -> None:
    urn = exact("three groups")
    samples = draw(urn.law, 1000, seed=4)
    samples[17] += [1, -1, 0] if samples[17, 0] == 4 else [5, -5, 0]
    assert g_test(samples, urn.law) == 0
