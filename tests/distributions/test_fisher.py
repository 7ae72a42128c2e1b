"""Fisher's distribution against rational arithmetic, scipy and identities; ``test_fisher_sampling`` has the samples."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from hypergeo import FisherHypergeometric
from tests.support.reference import (
    RationalUrn,
    log_error,
    mixture,
    relative_entropy,
    relative_error,
    shared_urn,
    total_variation,
)

PROBABILITY = 1e-12  # allowed relative error of probabilities and of the normalising constant
MOMENT = 1e-11  # allowed relative error of means, variances and covariances, entry by entry


def _random_urn(seed: int) -> tuple[int, list[int], list[float]]:
    """Returns a random urn: up to nine groups of up to 20, weights from 1e-9 to 1e9, some of them equal."""
    rng = random.Random(seed)
    groups = rng.randint(2, 9)
    sizes = [rng.randint(0 if seed % 3 else 1, 20) for _ in range(groups)]
    spread = rng.choice([0.3, 2.0, 9.0])
    weights = [10 ** rng.uniform(-spread, spread) for _ in range(groups)]
    if seed % 4 == 0:
        weights[-1] = weights[0]
    return rng.randint(0, sum(sizes)), sizes, weights


URNS: dict[str, tuple[int, list[int], list[float]]] = {
    "equal weights": (20, [10, 20, 15], [1.0, 1.0, 1.0]),
    "published example": (20, [20, 20, 20], [1.0, 5.0, 1.0]),
    "nine groups of twenty": (90, [20] * 9, [10.0 ** (k - 4) for k in range(9)]),
    "nine groups, full range": (90, [20] * 9, [10.0 ** (2.25 * k - 9) for k in range(9)]),
    "nine groups, range in disorder": (45, [20, 3, 11, 0, 7, 20, 1, 9, 14], [1e9, 1e-9, 3.0, 7.0, 1e-5, 0.2, 1e9, 1e-9, 1e4]),
    "heavy group too small": (30, [5, 40, 40], [1e9, 1e-9, 1e-9]),
    "heavy group holds all": (30, [40, 40, 5], [1e9, 1e-9, 1e-9]),
    "light group drawn of need": (30, [10, 10, 12], [1e9, 1e-9, 1.0]),
    "one drawn": (1, [20, 1, 7], [1e-9, 1e9, 1.0]),
    "all but one drawn": (27, [20, 1, 7], [1e-9, 1e9, 1.0]),
    "single elements": (4, [1] * 9, [10.0 ** (2 * k - 8) for k in range(9)]),
    "two groups": (15, [20, 25], [1e9, 1e-9]),
    "two equal groups": (15, [20, 20], [0.1, 0.1]),
    "long tails": (60, [60, 60, 60], [1.0, 1.1, 0.9]),
    "longer tails": (200, [200, 200], [1e3, 1e-3]),
    "zero weight": (6, [5, 4, 6], [2.0, 0.0, 0.5]),
    "zero weights, forced": (11, [5, 4, 6], [2.0, 0.0, 1e-9]),
    "none drawn": (0, [5, 4, 6], [2.0, 1e-9, 1e9]),
    "all drawn": (15, [5, 4, 6], [2.0, 1e-9, 1e9]),
    "empty groups": (5, [0, 4, 0, 6, 0], [1e9, 3.0, 1e-9, 0.25, 1.0]),
    "one group": (3, [7], [1e9]),
    **{f"random {seed}": _random_urn(seed) for seed in range(30)},
}
SMALL = ["equal weights", "light group drawn of need", "all but one drawn", "single elements", "two groups", "zero weight"]
SMALL += ["zero weights, forced", "none drawn", "all drawn", "empty groups", "one group"]


@cache
def exact(name: str) -> RationalUrn:
    total, sizes, weights = URNS[name]
    return shared_urn(total, tuple(sizes), tuple(weights))


def fisher(name: str) -> FisherHypergeometric:
    return FisherHypergeometric(*URNS[name])


def outcomes(urn: RationalUrn, draws: int, seed: int) -> list[tuple[int, ...]]:
    """Returns distinct count vectors from the whole support, also the least likely ones.

    Args:
        urn: urn in rational arithmetic.
        draws: number of random vectors, of which duplicates are dropped.
        seed: seed of the vectors.
    """
    rng = random.Random(seed)
    vectors = set()
    for _ in range(draws):
        order = rng.sample(range(len(urn.group_sizes)), len(urn.group_sizes))
        left, counts = urn.total_count, [0] * len(order)
        for position, k in enumerate(order):
            rest = sum(urn.group_sizes[j] for j in order[position + 1 :])
            low, high = max(0, left - rest), min(left, urn.group_sizes[k])
            counts[k] = rng.choice([low, high, rng.randint(low, high)])
            left -= counts[k]
        vectors.add(tuple(counts))
    return sorted(vectors)


def worst(got: Tensor, want: Any, error: Any) -> float:
    """Returns the largest error over all entries.

    Args:
        got: numbers, of any shape.
        want: nested list of exact numbers, of the same shape.
        error: function that returns the error of one number.
    """
    values = got.tolist() if isinstance(got, Tensor) else got
    if isinstance(want, Fraction):
        return error(values, want)
    assert len(values) == len(want)
    return max(worst(g, w, error) for g, w in zip(values, want, strict=True))


@pytest.mark.parametrize("name", URNS)
def test_log_prob(name: str) -> None:
    urn = exact(name)
    counts = outcomes(urn, 200, seed=len(name))
    got = fisher(name).log_prob(torch.tensor(counts))
    assert worst(got, [urn.pmf(x) for x in counts], log_error) <= PROBABILITY


@pytest.mark.parametrize("name", URNS)
def test_log_normalizer_is_of_the_weights_as_given(name: str) -> None:
    assert worst(fisher(name).log_normalizer, exact(name).normalizer, log_error) <= PROBABILITY


@pytest.mark.parametrize("name", URNS)
def test_marginals_to_their_tails(name: str) -> None:
    urn = exact(name)
    width = max(urn.group_sizes) + 1
    want = [row + [Fraction(0)] * (width - len(row)) for row in urn.marginals()]
    assert worst(fisher(name).marginal_log_prob(), want, log_error) <= PROBABILITY


@pytest.mark.parametrize("name", URNS)
def test_moments(name: str) -> None:
    law, urn = fisher(name), exact(name)
    assert worst(law.mean, urn.mean, relative_error) <= MOMENT
    assert worst(law.variance, [urn.covariance[k][k] for k in range(len(urn.weights))], relative_error) <= MOMENT
    assert worst(law.covariance_matrix, urn.covariance, relative_error) <= MOMENT


@pytest.mark.parametrize("name", [name for name in URNS if name != "longer tails"])
def test_moments_from_log_weights(name: str) -> None:
    """Rounding of the log weights changes a weight by a relative 2e-15 at most, so the same bounds hold."""
    total_count, sizes, weights = URNS[name]
    logs = [math.log(w) if w else -math.inf for w in weights]
    law, urn = FisherHypergeometric(total_count, sizes, log_weights=logs), exact(name)
    assert worst(law.mean, urn.mean, relative_error) <= MOMENT
    assert worst(law.covariance_matrix, urn.covariance, relative_error) <= MOMENT


def test_a_batch_equals_its_urns_one_by_one() -> None:
    """Urns with different sizes, totals and weights in one batch; groups missing in a smaller urn are empty."""
    names = [name for name in URNS if name != "longer tails"]
    groups = max(len(URNS[name][1]) for name in names)
    totals, sizes, weights = zip(*(URNS[name] for name in names), strict=True)
    padded_sizes = [[*m, *[0] * (groups - len(m))] for m in sizes]
    padded_weights = [[*w, *[1.0] * (groups - len(w))] for w in weights]
    law = FisherHypergeometric(list(totals), padded_sizes, padded_weights)
    marginals = law.marginal_log_prob()
    assert marginals.shape == (len(names), groups, max(max(m) for m in sizes) + 1)
    for i, name in enumerate(names):
        urn = RationalUrn(totals[i], padded_sizes[i], padded_weights[i])
        assert worst(law.log_normalizer[i], urn.normalizer, log_error) <= PROBABILITY, name
        assert worst(law.mean[i], urn.mean, relative_error) <= MOMENT, name
        assert worst(law.covariance_matrix[i], urn.covariance, relative_error) <= MOMENT, name
        want = [row + [Fraction(0)] * (marginals.shape[-1] - len(row)) for row in urn.marginals()]
        assert worst(marginals[i], want, log_error) <= PROBABILITY, name


@pytest.mark.parametrize("name", SMALL)
def test_enumeration_entropy_and_mode(name: str) -> None:
    law, urn = fisher(name), exact(name)
    support = law.enumerate_support()
    assert support.shape == (len(urn.law), len(urn.weights))
    assert {tuple(map(int, x)) for x in support.tolist()} == set(urn.law)
    assert worst(law.log_prob(support), [urn.pmf([int(c) for c in x]) for x in support.tolist()], log_error) <= PROBABILITY
    assert abs(law.entropy().item() - float(urn.entropy())) <= 1e-11 * (1 + float(urn.entropy()))
    assert urn.pmf([int(c) for c in law.mode.tolist()]) == max(urn.law.values())


@pytest.mark.parametrize("name", [name for name in URNS if name not in SMALL])
def test_the_mode_cannot_be_bettered_by_exchanging_one_element(name: str) -> None:
    """The distribution is log-concave on an M-convex set, so a count vector that no exchange improves is a mode."""
    urn = exact(name)
    mode = [int(c) for c in fisher(name).mode.tolist()]
    best = urn.pmf(mode)
    assert best > 0
    for i in range(len(mode)):
        for j in range(len(mode)):
            other = [c + (k == i) - (k == j) for k, c in enumerate(mode)]
            assert urn.pmf(other) <= best


def test_divergence() -> None:
    p = RationalUrn(6, (4, 3, 5), (1.0, 2.5, 0.3))
    for weights in ((1.0, 2.5, 0.3), (2.0, 5.0, 0.6), (3.0, 0.25, 1.0), (1e-9, 1e9, 1.0)):
        q = RationalUrn(6, (4, 3, 5), weights)
        want = float(relative_entropy(p.law, q.law))
        got = torch.distributions.kl_divergence(
            FisherHypergeometric(6, [4, 3, 5], [1.0, 2.5, 0.3]), FisherHypergeometric(6, [4, 3, 5], list(weights))
        )
        assert abs(got.item() - want) <= 1e-12 * (1 + want)


def test_divergence_where_the_supports_differ() -> None:
    wide, narrow = FisherHypergeometric(3, [2, 3, 4], [1.0, 2.0, 3.0]), FisherHypergeometric(3, [2, 3, 4], [1.0, 0.0, 3.0])
    assert torch.distributions.kl_divergence(wide, narrow).item() == math.inf
    want = relative_entropy(RationalUrn(3, (2, 3, 4), (1, 0, 3)).law, RationalUrn(3, (2, 3, 4), (1, 2, 3)).law)
    assert torch.distributions.kl_divergence(narrow, wide).item() == pytest.approx(float(want), rel=1e-12)


@pytest.mark.parametrize(
    "name", ["equal weights", "light group drawn of need", "long tails", "two groups", "zero weight", "random 1"]
)
def test_marginal_distribution_function_and_quantiles(name: str) -> None:
    law, urn = fisher(name), exact(name)
    for count in range(-1, max(urn.group_sizes) + 2):
        got = law.cdf(torch.full((len(urn.weights),), float(count), dtype=torch.float64))
        want = [float(sum(row[: count + 1], Fraction(0))) if count >= 0 else 0.0 for row in urn.marginals()]
        torch.testing.assert_close(got, torch.tensor(want, dtype=torch.float64), rtol=1e-12, atol=1e-15)
    for q in (1e-9, 0.01, 0.25, 0.5, 0.9, 0.999999, 1.0):
        quantiles = law.icdf(torch.full((len(urn.weights),), q, dtype=torch.float64)).tolist()
        for row, x in zip(urn.marginals(), quantiles, strict=True):
            drawable = [c for c, p in enumerate(row) if p]
            below = sum(row[: int(x)], Fraction(0))
            slack = Fraction(1, 10**12)
            assert int(x) in drawable
            assert below - slack < q or int(x) == drawable[0]
            assert below + row[int(x)] + slack >= q


def test_two_groups_agree_with_scipy() -> None:
    for total_count, sizes, weights in ((7, [8, 9], [1.0, 2.5]), (30, [40, 25], [0.2, 1.0]), (12, [50, 5], [3.0, 1.0])):
        theirs = stats.nchypergeom_fisher(sum(sizes), sizes[0], total_count, weights[0] / weights[1])
        law = FisherHypergeometric(total_count, sizes, weights)
        first = np.arange(theirs.support()[0], theirs.support()[1] + 1)
        counts = torch.tensor(np.stack([first, total_count - first], -1))
        np.testing.assert_allclose(law.log_prob(counts).exp(), theirs.pmf(first), rtol=1e-10)
        np.testing.assert_allclose(law.mean[0], theirs.mean(), rtol=1e-10)
        np.testing.assert_allclose(law.variance[0], theirs.var(), rtol=1e-9)


def test_equal_weights_agree_with_scipy() -> None:
    sizes, total_count = [10, 20, 15, 5], 22
    theirs = stats.multivariate_hypergeom(sizes, total_count)
    law = FisherHypergeometric(total_count, sizes)
    counts = torch.tensor(theirs.rvs(500, random_state=3))
    np.testing.assert_allclose(law.log_prob(counts), theirs.logpmf(counts.numpy()), rtol=1e-11)
    np.testing.assert_allclose(law.mean, theirs.mean(), rtol=1e-12)
    np.testing.assert_allclose(law.covariance_matrix, theirs.cov(), rtol=1e-11)
    assert law.entropy().item() == pytest.approx(float(RationalUrn(total_count, sizes, [1] * 4).entropy()), rel=1e-12)


@pytest.mark.parametrize("factor", [2.0**-200, 2.0**-7, 2.0**31, 2.0**300])
def test_one_factor_on_all_weights_changes_only_the_normalizer(factor: float) -> None:
    sizes, weights = [9, 14, 6, 21], torch.tensor([0.3, 1.0, 40.0, 2.0], dtype=torch.float64)
    law, scaled = FisherHypergeometric(25, sizes, weights), FisherHypergeometric(25, sizes, weights * factor)
    counts = torch.tensor([[3, 8, 5, 9], [0, 0, 4, 21], [9, 14, 2, 0]])
    torch.testing.assert_close(scaled.log_prob(counts), law.log_prob(counts), rtol=0, atol=1e-11)
    torch.testing.assert_close(scaled.mean, law.mean, rtol=1e-11, atol=0)
    torch.testing.assert_close(scaled.covariance_matrix, law.covariance_matrix, rtol=1e-10, atol=0)
    torch.testing.assert_close(scaled.log_normalizer, law.log_normalizer + 25 * math.log(factor), rtol=1e-12, atol=0)


def test_the_order_of_the_groups_does_not_matter() -> None:
    sizes, weights = torch.tensor([9, 14, 6, 21, 3]), torch.tensor([0.3, 1.0, 40.0, 2.0, 1e-6], dtype=torch.float64)
    order = torch.tensor([4, 2, 0, 3, 1])
    law, turned = FisherHypergeometric(25, sizes, weights), FisherHypergeometric(25, sizes[order], weights[order])
    torch.testing.assert_close(turned.mean, law.mean[order], rtol=1e-12, atol=0)
    torch.testing.assert_close(turned.covariance_matrix, law.covariance_matrix[order][:, order], rtol=1e-11, atol=0)
    torch.testing.assert_close(turned.log_normalizer, law.log_normalizer, rtol=1e-13, atol=0)


@pytest.mark.parametrize(("total_count", "sizes"), [(20_000, [20_000] * 3), (200, [10] * 1000), (3_000, [40] * 100)])
def test_large_urns_of_equal_weights(total_count: int, sizes: list[int]) -> None:
    """References are closed forms of the central distribution."""
    law, m, everything = FisherHypergeometric(total_count, sizes, [2.0] * len(sizes)), sizes[0], sum(sizes)
    ways = math.lgamma(everything + 1) - math.lgamma(total_count + 1) - math.lgamma(everything - total_count + 1)
    assert law.log_normalizer.item() == pytest.approx(ways + total_count * math.log(2), rel=1e-12)
    share = Fraction(m, everything)
    spread = total_count * Fraction(everything - total_count, everything - 1)
    torch.testing.assert_close(law.mean, torch.full_like(law.mean, float(total_count * share)), rtol=1e-11, atol=0)
    variance = torch.full_like(law.variance, float(spread * share * (1 - share)))
    torch.testing.assert_close(law.variance, variance, rtol=1e-10, atol=0)
    covariance = torch.full_like(law.covariance_matrix, float(-spread * share * share))
    covariance.diagonal().copy_(variance)
    torch.testing.assert_close(law.covariance_matrix, covariance, rtol=1e-10, atol=0)


@pytest.mark.parametrize(("total_count", "sizes"), [(20_000, [20_000] * 3), (5_000, [10] * 1000), (100_000, [100_000, 60_000])])
def test_large_urns_of_unequal_weights(total_count: int, sizes: list[int]) -> None:
    """Counts sum to the total, so means sum to the total and each row of the covariance to zero."""
    weights = torch.logspace(-1, 1, len(sizes), dtype=torch.float64)
    law = FisherHypergeometric(total_count, sizes, weights)
    assert law.mean.sum().item() == pytest.approx(total_count, rel=1e-12)
    assert ((law.mean > 0) & (law.mean < law.group_sizes)).all()
    covariance = law.covariance_matrix
    assert (covariance.sum(-1).abs() <= 1e-9 * covariance.diagonal()).all()
    torch.testing.assert_close(law.variance, covariance.diagonal(), rtol=1e-10, atol=0)
    odds = weights / weights.sum()
    exchange = torch.zeros(len(sizes), dtype=torch.float64)
    exchange[0], exchange[-1] = 1, -1
    mode = law.mode.double()
    # p(x + e_0 - e_K) / p(x) in closed form
    ratio = (sizes[0] - mode[0]) / (mode[0] + 1) * odds[0] * mode[-1] / ((sizes[-1] - mode[-1] + 1) * odds[-1])
    difference = law.log_prob(mode + exchange) - law.log_prob(mode)
    assert difference.item() == pytest.approx(math.log(ratio), abs=1e-9)


def test_references_agree_with_scipy_and_with_one_another() -> None:
    """Rational arithmetic agrees with scipy (K = 2), its moments with its own enumeration and two published numbers."""
    two = RationalUrn(7, (8, 9), (1.0, 2.5))
    for law, theirs in ((two.law, stats.nchypergeom_fisher), (two.wallenius_law, stats.nchypergeom_wallenius)):
        for x, p in law.items():
            assert float(p) == pytest.approx(theirs(17, 9, 7, 2.5).pmf(x[1]), rel=1e-9)
    urn = RationalUrn(6, (4, 3, 5), (1.0, 2.5, 0.3))
    assert sum(urn.law.values()) == sum(urn.merged_law.values()) == sum(urn.wallenius_law.values()) == 1
    mean = [sum(x[k] * p for x, p in urn.law.items()) for k in range(3)]
    assert urn.mean == mean
    for i in range(3):
        assert urn.marginals()[i] == [sum(p for x, p in urn.law.items() if x[i] == c) for c in range(urn.group_sizes[i] + 1)]
        for j in range(3):
            assert urn.covariance[i][j] == sum(x[i] * x[j] * p for x, p in urn.law.items()) - mean[i] * mean[j]
    equal = RationalUrn(6, (4, 3, 5), (0.3, 0.3, 0.3))
    assert equal.law == equal.merged_law == equal.wallenius_law
    for weight, published in ((5, 0.36), (10, 0.58)):
        far = shared_urn(180, (200,) * 3, (1, weight, 1))
        assert total_variation(far.law, far.merged_law) == pytest.approx(published, abs=0.005)
    assert total_variation(urn.law, mixture(urn.law, urn.merged_law, Fraction(1, 10))) == pytest.approx(
        total_variation(urn.law, urn.merged_law) / 10, rel=1e-12
    )
