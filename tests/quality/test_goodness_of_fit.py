"""Tests of fit against enumeration with fractions and SciPy, and their false alarms against what they promise."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo import FisherHypergeometric
from hypergeo.quality import goodness_of_fit
from hypergeo.quality.goodness_of_fit import g_test, holm, ks_p_value, ks_test, nearest_counts, pool_cells, support_size


def all_outcomes(probabilities: list[Fraction], number: int) -> list[tuple[Fraction, Fraction]]:
    """Returns the Kolmogorov-Smirnov distance and the probability of every outcome of ``number`` samples."""
    result = []
    for drawn in itertools.product(range(number + 1), repeat=len(probabilities)):
        if sum(drawn) == number:
            ways = math.factorial(number) // math.prod(map(math.factorial, drawn))
            chance = ways * math.prod((p**k for p, k in zip(probabilities, drawn, strict=True)), start=Fraction(1))
            gaps = (
                abs(Fraction(a, number) - b)
                for a, b in zip(itertools.accumulate(drawn), itertools.accumulate(probabilities), strict=True)
            )
            result.append((max(gaps), chance))
    return result


@pytest.mark.parametrize("number", [1, 2, 5, 9])
@pytest.mark.parametrize(
    "probabilities",
    [
        [Fraction(1, 4), Fraction(3, 4)],
        [Fraction(1, 7), Fraction(2, 7), Fraction(4, 7)],
        [Fraction(k, 16) for k in (1, 9, 4, 2)],
    ],
    ids=str,
)
def test_ks_p_values_are_those_of_enumeration(probabilities, number):
    outcomes = all_outcomes(probabilities, number)
    law = np.array([float(p) for p in probabilities])
    for distance in {d for d, _ in outcomes}:
        expected = float(sum((chance for d, chance in outcomes if d >= distance), start=Fraction(0)))
        result = ks_p_value(float(distance), law, number)
        if expected > 1e-8:
            assert result == pytest.approx(expected, rel=1e-8)
        else:
            assert expected <= result <= 1e-8


@pytest.mark.parametrize("number", [10, 100])
def test_ks_p_values_become_the_continuous_ones_for_many_values(number):
    """With at least 20 values per sample, the discrete distance is hardly smaller than the continuous one."""
    law = np.full(20 * number, 1 / (20 * number))
    for quantile in (0.5, 0.05, 1e-4):
        distance = stats.kstwo.isf(quantile, number)
        assert ks_p_value(distance, law, number) == pytest.approx(stats.kstwo.sf(distance - 0.5 / len(law), number), rel=0.1)


def test_long_convolutions_by_fourier_transforms_give_the_same(monkeypatch):
    law = stats.binom.pmf(np.arange(31), 30, 0.4)
    direct = [ks_p_value(d, law, 2000) for d in (0.01, 0.02, 0.04)]
    monkeypatch.setattr(goodness_of_fit, "_DIRECT", 0)
    assert [ks_p_value(d, law, 2000) for d in (0.01, 0.02, 0.04)] == pytest.approx(direct, rel=1e-6, abs=1e-9)


def test_unresolved_ks_p_values_are_bounds_and_never_rise():
    law = stats.binom.pmf(np.arange(11), 10, 0.5)
    values = [ks_p_value(d, law, 500) for d in np.linspace(0, 0.5, 101)]
    assert values[0] == 1
    assert all(later <= earlier * (1 + 1e-9) + 1e-12 for earlier, later in itertools.pairwise(values))
    assert 0 < values[-1] < 1e-100


def test_ks_distances_are_those_of_the_distribution_functions():
    law = FisherHypergeometric(7, [3, 9, 4], [0.2, 5.0, 1.0])
    counts = law.sample((57,))
    result = ks_test(counts, law)
    for group in range(3):
        seen = np.array([(counts[:, group] <= x).double().mean() for x in range(10)])
        exact = law.cdf(torch.arange(10).double()[:, None].expand(-1, 3))[:, group].numpy()
        assert result.distances[group].item() == pytest.approx(np.abs(seen - exact).max(), abs=1e-14)


def test_ks_counts_what_the_law_cannot_give_where_it_is():
    law = FisherHypergeometric(2, [2, 2])
    result = ks_test(torch.tensor([[-1, 9], [-1, 9]]), law)
    assert result.distances.tolist() == pytest.approx([1.0, 1.0])


def test_ks_false_alarms_are_the_nominal_ones():
    """2,000 sets of exact samples, false alarm 1e-6. A rate 1.83 times the nominal 5 % is missed with probability 0.01."""
    law = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0]).marginal_log_prob()[0].exp().numpy()
    drawn = np.random.default_rng(0).multinomial(200, law / law.sum(), 2000)
    distances = np.abs(drawn.cumsum(-1) / 200 - law.cumsum()).max(-1)
    p_values = np.array([ks_p_value(distance, law, 200) for distance in distances])
    for level in (0.3, 0.05):
        # A discrete p-value is at most as often below a level as the level says, and here hardly less often.
        assert 0.6 * level < (p_values <= level).mean()
        assert (p_values <= level).sum() <= stats.binom.isf(5e-7, 2000, level)


@pytest.mark.parametrize("urn", [(15, [10, 10, 10], [1.0, 2.0, 4.0]), (12, [6] * 5, [1.0, 2.0, 3.0, 4.0, 5.0])], ids=str)
def test_g_is_scipys_over_williams_factor(urn):
    law = FisherHypergeometric(*urn)
    counts = law.sample((3000,))
    result = g_test(counts, law)
    assert result is not None
    support = law.enumerate_support()
    probabilities = law.log_prob(support).exp().numpy()
    cells = pool_cells(probabilities, 3000, goodness_of_fit.EXPECTED)
    place = {tuple(row): cell for row, cell in zip(support.tolist(), cells.tolist(), strict=True)}
    observed = np.bincount([place[tuple(row)] for row in counts.tolist()], minlength=cells[-1] + 1)
    expected = 3000 * np.array([probabilities[cells == cell].sum() for cell in range(cells[-1] + 1)])
    assert expected.min() >= goodness_of_fit.EXPECTED
    statistic = stats.power_divergence(observed, expected, lambda_="log-likelihood").statistic
    k = len(expected)
    factor = 1 + ((3000 / expected).sum() - 1) / (6 * 3000 * (k - 1))
    assert result.degrees == k - 1
    assert result.statistic == pytest.approx(statistic / factor, rel=1e-9)
    assert result.p_value == pytest.approx(stats.chi2.sf(statistic / factor, k - 1), rel=1e-7)


@pytest.mark.parametrize(
    ("urn", "number"), [((15, [10] * 3, [1.0, 2, 4]), 1000), ((12, [6] * 5, [1.0, 2, 3, 4, 5]), 5000)], ids=str
)
def test_g_false_alarms_are_within_a_tenth_of_the_nominal_ones(urn, number):
    """100,000 sets of samples, false alarm 1e-6: at 1 % a rate 37 % above the nominal one is missed with probability 0.01."""
    law = FisherHypergeometric(*urn)
    probabilities = law.log_prob(law.enumerate_support()).exp().numpy()
    cells = pool_cells(probabilities, number, goodness_of_fit.EXPECTED)
    masses = np.bincount(cells, probabilities)
    sets = 100_000 if len(masses) < 100 else 20_000
    observed = np.random.default_rng(0).multinomial(number, masses / masses.sum(), sets)
    expected = number * masses
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(observed > 0, observed * np.log(observed / expected), 0.0)
    degrees = len(masses) - 1
    factor = 1 + ((1 / masses).sum() - 1) / (6 * number * degrees)
    p_values = stats.chi2.sf(2 * terms.sum(1) / factor, degrees)
    for level in (0.1, 0.01):
        alarms = (p_values <= level).sum()
        assert stats.binom.ppf(1e-7, sets, 0.9 * level) <= alarms <= stats.binom.isf(1e-7, sets, 1.1 * level)


def test_g_sees_what_no_marginal_shows():
    """Pairs of samples exchange the counts of groups 2 and 4, so that every group's counts stay the same."""
    law = FisherHypergeometric(6, [4, 4, 4, 4])
    counts = law.sample((20_000,))
    ones, others = ((counts == torch.tensor(vector)).all(-1).nonzero()[:, 0] for vector in ([1, 2, 2, 1], [2, 1, 1, 2]))
    number = min(len(ones), len(others))
    traded = counts.clone()
    traded[ones[:number]] = traded.new_tensor([1, 1, 2, 2])
    traded[others[:number]] = traded.new_tensor([2, 2, 1, 1])
    assert torch.equal(ks_test(counts, law).p_values, ks_test(traded, law).p_values)
    assert ks_test(traded, law).p_values.min() > 1e-6
    assert g_test(counts, law).p_value > 1e-6
    assert g_test(traded, law).p_value < 1e-9


def test_hashes_that_collide_are_drawn_again(monkeypatch):
    law = FisherHypergeometric(6, [4, 4, 4])
    counts = law.sample((500,))
    expected, drawn = g_test(counts, law), [torch.zeros(3).long()] * 2
    plain = torch.randint
    monkeypatch.setattr(torch, "randint", lambda *args, **kwargs: drawn.pop() if drawn else plain(*args, **kwargs))
    assert g_test(counts, law) == expected
    assert not drawn


def test_g_is_left_out_where_the_law_cannot_be_listed_or_has_one_cell():
    assert g_test(torch.tensor([[50] * 6]), FisherHypergeometric(300, [100] * 6)) is None
    assert g_test(torch.tensor([[2, 3]]), FisherHypergeometric(5, [2, 3])) is None
    assert support_size(FisherHypergeometric(300, [100] * 6)) is None
    assert support_size(FisherHypergeometric(5, [2, 3])) == 1


def test_zero_weights_are_part_of_the_law():
    law = FisherHypergeometric(5, [4, 4, 4], [0.0, 1.0, 2.0])
    assert g_test(law.sample((500,)), law).p_value > 1e-6
    counts = law.sample((500,))
    counts[0] = torch.tensor([1.0, 2.0, 2.0])
    assert g_test(counts, law).p_value == 0
    counts[0] = torch.tensor([5.0, 0.0, 0.0])  # more than the group has
    assert g_test(counts, law).p_value == 0


def test_many_binary_groups_are_told_apart():
    """A hundred groups: far more combinations of counts than a number in base two could name."""
    law = FisherHypergeometric(2, [1] * 100)
    counts = law.sample((60_000,))
    result = g_test(counts, law)
    assert result is not None
    assert result.degrees > 1000
    assert result.p_value > 1e-6


@pytest.mark.parametrize("total", [3, 9])
def test_nearest_counts_are_the_nearest_of_all(total):
    law = FisherHypergeometric(total, [4, 5, 6, 2])
    support = law.enumerate_support()
    torch.manual_seed(1)
    real = support[torch.randint(len(support), (200,))] * 0.7 + support[torch.randint(len(support), (200,))] * 0.3
    result = nearest_counts(real, law.total_count)
    assert bool(law.support.check(result).all())
    best = torch.cdist(real, support).amin(-1)
    torch.testing.assert_close((result - real).norm(dim=-1), best)


def test_holm_is_the_closed_test_of_bonferroni():
    values = [0.001, 0.2, 0.04, 0.011, 0.9, 0.04]
    subsets = [s for size in range(1, 7) for s in itertools.combinations(range(6), size)]
    expected = [max(min(1.0, len(s) * min(values[i] for i in s)) for s in subsets if index in s) for index in range(6)]
    assert holm(values) == pytest.approx(expected)
    assert holm([]) == []


LAW = FisherHypergeometric(3, [2, 2], [1.0, 2.0])


@pytest.mark.parametrize("test", [ks_test, g_test])
@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (torch.zeros(5, 3), r"shape \(S, 2\) .* got \(5, 3\)"),
        (torch.zeros(0, 2), r"at least one row"),
        (torch.tensor([[1.5, 1.5]]), "whole; got 1.5"),
    ],
)
def test_errors_name_what_is_wrong(test, counts, words):
    with pytest.raises(ValueError, match=words):
        test(counts, LAW)
