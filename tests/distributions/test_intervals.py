"""Confidence intervals of fitted weights: Wald's, by profiles of the likelihood, and exact ones against SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize
from scipy.stats import binom, chi2, nchypergeom_fisher
from scipy.stats.contingency import odds_ratio

from hypergeo import FisherHypergeometric, WalleniusHypergeometric
from hypergeo.distributions.fitting import fit_weights
from hypergeo.distributions.likelihood import Likelihood
from tests.support.reference import FALSE_ALARM

TABLES = [[[75, 285], [1, 1140]], [[8, 7], [4, 16]], [[1, 9], [11, 3]], [[0, 5], [7, 3]], [[5, 0], [3, 9]], [[1, 1], [1, 1]]]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_exact_intervals_are_those_of_the_conditional_odds_ratio(table: list[list[int]], level: float) -> None:
    fit = FisherHypergeometric.fit([np.array(table)[:, 0]], np.sum(table, 1))
    interval = fit.confidence_interval(level, method="exact")
    expected = odds_ratio(np.array(table), kind="conditional").confidence_interval(level)
    np.testing.assert_allclose(interval[0], expected, rtol=1e-7)
    np.testing.assert_allclose(interval[1], [1 / expected[1], 1 / expected[0] if expected[0] else math.inf], rtol=1e-7)


def test_the_published_interval() -> None:
    low, high = FisherHypergeometric.fit([[75, 1]], [360, 1141]).confidence_interval(0.95, method="exact")[0].tolist()
    assert low == pytest.approx(51.6, abs=0.05)
    assert high == pytest.approx(12015, abs=0.5)


def test_exact_intervals_of_counts_that_equal_weights_make_impossible() -> None:
    """With equal weights the observed counts have a probability of about exp(-6,800). The tails at the limits are SciPy's."""
    urn, observed = (10_000, 5_000, 5_000), 4_990
    low, high = FisherHypergeometric.fit([[observed, 10]], [5_000, 5_000]).confidence_interval(0.95, method="exact")[0].tolist()
    assert nchypergeom_fisher(*urn, low).sf(observed - 1) == pytest.approx(0.025, rel=1e-4)
    assert nchypergeom_fisher(*urn, high).cdf(observed) == pytest.approx(0.025, rel=1e-4)


def test_exact_intervals_of_several_urns_invert_the_distribution_of_the_sum() -> None:
    """The reference is the sum's distribution by direct convolution of SciPy's tables."""
    counts, sizes = np.array([[3, 4], [2, 5], [1, 4], [2, 3]]), np.array([[6, 9], [6, 9], [4, 7], [4, 7]])
    low, high = FisherHypergeometric.fit(counts, sizes).confidence_interval(0.9, method="exact")[0].tolist()

    def tail(odds: float, upper: bool) -> float:
        sums = np.ones(1)
        for (first, second), (m, other) in zip(counts, sizes, strict=True):
            law = nchypergeom_fisher(m + other, m, first + second, odds)
            sums = np.convolve(sums, law.pmf(np.arange(m + 1)))
        observed = counts[:, 0].sum()
        return float(sums[observed:].sum() if upper else sums[: observed + 1].sum())

    assert low == pytest.approx(brentq(lambda o: tail(o, True) - 0.05, 1e-3, 10), rel=1e-8)
    assert high == pytest.approx(brentq(lambda o: tail(o, False) - 0.05, 0.1, 1e3), rel=1e-8)


def profile(counts: torch.Tensor, sizes: list[int], group: int, value: float) -> float:
    """Returns the largest log-likelihood with one fixed log weight, by SciPy's optimiser.

    Args:
        counts: samples, shape ``(N, 3)``.
        sizes: group sizes.
        group: group of the fixed weight.
        value: its log weight minus the mean of all log weights.
    """
    others = [k for k in range(3) if k != group]

    def minus(free: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.tensor(free, requires_grad=True)
        logs: list[torch.Tensor] = [point[0]] * 3
        logs[others[0]], logs[others[1]] = point[0], -point[0]
        logs[group] = torch.tensor(1.5 * value, dtype=torch.float64)
        loss = -FisherHypergeometric(15, sizes, log_weights=torch.stack(logs)).log_prob(counts).sum()
        return float(loss.detach()), torch.autograd.grad(loss, point)[0].numpy()

    return -minimize(minus, [0.0], jac=True, tol=1e-13).fun


def test_profile_limits_are_where_the_likelihood_ratio_test_begins_to_reject() -> None:
    counts, sizes = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0]).sample((12,)), [10, 10, 10]
    fit = FisherHypergeometric.fit(counts, sizes)
    intervals = fit.confidence_interval(0.9, method="profile")
    assert ((intervals[:, 0] < fit.weights) & (fit.weights < intervals[:, 1])).all()
    for group in range(3):
        for limit in intervals[group].log().tolist():
            assert 2 * (fit.log_likelihood - profile(counts, sizes, group, limit)) == pytest.approx(chi2.ppf(0.9, 1), abs=1e-6)


@pytest.mark.parametrize("law", [FisherHypergeometric, WalleniusHypergeometric])
def test_many_counts_bring_the_intervals_together(law: type) -> None:
    fit = law.fit(law(15, [10, 10, 10], [1.0, 2.0, 4.0]).sample((2_000,)), [10, 10, 10])
    for relative_to in (None, 0):
        wald, likelihood = (fit.confidence_interval(0.95, m, relative_to=relative_to) for m in ("wald", "profile"))
        torch.testing.assert_close(likelihood, wald, rtol=2e-3, atol=0)
    assert fit.confidence_interval(relative_to=0)[0].tolist() == [1.0, 1.0]


def test_profile_limits_take_few_steps_from_those_of_wald() -> None:
    """Many counts have a likelihood close to a Gaussian one, so each of six limits takes at most four Newton steps."""
    looks = []

    class Counted(Likelihood):
        def look(self, log_weights: torch.Tensor) -> tuple[float, torch.Tensor]:
            looks.append(log_weights)
            return super().look(log_weights)

    counts = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0]).sample((2_000,))
    fit = fit_weights(counts, [10, 10, 10], likelihood=Counted)
    looks.clear()
    fit.confidence_interval(0.95, "profile")
    assert 6 * 4 <= len(looks) <= 6 * 16


def test_weights_at_a_bound_have_a_limit_on_the_other_side() -> None:
    fit = FisherHypergeometric.fit([[0, 3]], [5, 7])
    assert fit.weights.tolist() == [0.0, 1.0]
    assert float(fit.weights[0] / fit.weights[1]) == 0
    assert fit.converged
    low, high = fit.confidence_interval(0.95, "profile")[0].tolist()
    assert low == 0
    probability = nchypergeom_fisher(12, 5, 3, high).pmf(0)
    assert -2 * math.log(probability) == pytest.approx(chi2.ppf(0.95, 1), rel=1e-8)
    assert FisherHypergeometric.fit([[5, 3]], [5, 7]).weights.tolist() == [math.inf, 1.0]
    three = FisherHypergeometric.fit([[0, 3, 7]], [5, 7, 7])
    assert three.weights.tolist() == [0.0, 1.0, math.inf]


@pytest.mark.parametrize("method", ["profile", "exact"])
def test_intervals_cover_the_truth(method: str) -> None:
    """At least 262 of 300 intervals cover the truth, binomial false alarm 1e-6; intervals half as wide would cover 67 %."""
    samples = FisherHypergeometric(12, [15, 20], [3.0, 1.0]).sample((300,))
    covered = 0
    for sample, times in zip(*samples.unique(dim=0, return_counts=True), strict=True):  # equal counts have equal intervals
        fit = FisherHypergeometric.fit(sample[None], [15, 20])
        low, high = fit.confidence_interval(0.95, method, **({"relative_to": 1} if method == "profile" else {}))[0].tolist()
        covered += int(times) * (low <= 3.0 <= high)
    assert covered >= binom.ppf(FALSE_ALARM, 300, 0.95 if method == "exact" else 0.93)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1.5,), "level.*1.5"),
        (("often",), "level.*often"),
        ((0.95, "bootstrap"), "method.*wald.*profile.*exact.*bootstrap"),
        ((0.95, "exact"), "two groups; got 3"),
        ((0.95, "wald", 3), "relative_to must be the number of a group, 0 to 2; got 3"),
        ((0.95, "wald", True), "relative_to must be the number of a group, 0 to 2; got True"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple, words: str) -> None:
    level, method, relative_to = (*arguments, *("wald", None)[len(arguments) - 1 :])
    with pytest.raises(ValueError, match=words):
        FisherHypergeometric.fit([[3, 5, 7]], [10, 10, 10]).confidence_interval(level, method, relative_to=relative_to)


def test_sums_of_too_many_values_are_refused() -> None:
    fit = FisherHypergeometric.fit([[2**25, 2**25]], [2**26, 2**26])
    with pytest.raises(ValueError, match=r"up to 16,777,216 values; .* allow 67,108,865, from 1 different urns.*profile"):
        fit.confidence_interval(0.9, "exact")


@pytest.mark.parametrize("relative_to", [0, 1])
def test_exact_intervals_relative_to_one_group(relative_to: int) -> None:
    fit = FisherHypergeometric.fit([[8, 4]], [15, 20])
    interval = fit.confidence_interval(0.9, "exact", relative_to=relative_to)
    expected = np.array(odds_ratio(np.array([[8, 7], [4, 16]]), kind="conditional").confidence_interval(0.9))
    np.testing.assert_allclose(interval[1 - relative_to], 1 / expected[::-1] if relative_to == 0 else expected, rtol=1e-7)
    assert interval[relative_to].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("counts", [[[0, 5]], [[0, 5], [0, 5]], [[5, 0]]])
def test_a_ratio_between_two_bounds_has_one_limit(counts: list[list[int]]) -> None:
    """All elements drawn are of one group, so one weight is zero and the other infinite."""
    fit = FisherHypergeometric.fit(counts, [6, 5] if counts[0][1] else [5, 6])
    assert fit.log_weights.isinf().all()
    assert fit.confidence_interval(0.95, "profile").tolist() == [[0.0, math.inf]] * 2
    absent = counts[0].index(0)
    interval = fit.confidence_interval(0.95, "profile", relative_to=1 - absent)
    assert interval[1 - absent].tolist() == [1.0, 1.0]
    low, high = interval[absent].tolist()
    assert low == 0
    probability = nchypergeom_fisher(11, 6, 5, high).pmf(0)
    assert -2 * len(counts) * math.log(probability) == pytest.approx(chi2.ppf(0.95, 1), rel=1e-8)
    inverse = fit.confidence_interval(0.95, "profile", relative_to=absent)
    torch.testing.assert_close(inverse[1 - absent], torch.tensor([1 / high, math.inf], dtype=torch.float64))


def test_ratios_that_counts_do_not_identify_have_no_profile_limits() -> None:
    """Limits remain for ratios within the connected groups, as if the other group were not there."""
    bounds = FisherHypergeometric.fit([[0, 3, 4]], [5, 3, 7])
    assert bounds.weights[:2].tolist() == [0.0, math.inf]
    assert bounds.confidence_interval(0.95, "profile", relative_to=0)[1].isnan().all(), "both at a bound"
    forced = FisherHypergeometric.fit([[2, 3, 0]], [5, 6, 0]).confidence_interval(0.95, "profile")
    assert forced[2].isnan().all()
    torch.testing.assert_close(forced[:2], FisherHypergeometric.fit([[2, 3]], [5, 6]).confidence_interval(0.95, "profile"))
    for counts, sizes in (([[3, 4, 0]], [3, 4, 0]), ([[2, 3, 0, 0], [0, 0, 1, 2]], [[5, 5, 0, 0], [0, 0, 4, 4]])):
        assert FisherHypergeometric.fit(counts, sizes).confidence_interval(0.95, "profile").isnan().all()


@pytest.mark.parametrize(("size", "tolerance"), [(10**6, 1e-7), (10**8, 1e-5), (10**11, 1e-2)])
def test_profile_limits_of_large_groups_are_as_accurate_as_the_likelihood(size: int, tolerance: float) -> None:
    """One element is left, of the first group with odds 50 / (size w): the limit of w has a closed form."""
    fit = FisherHypergeometric.fit([[50, size - 1]], [50, size])
    low, high = fit.confidence_interval(0.95, "profile", relative_to=1)[0].tolist()
    assert low == pytest.approx(50 / (size * math.expm1(chi2.ppf(0.95, 1) / 2)), rel=tolerance)
    assert high == math.inf


def test_exact_intervals_are_fishers_alone() -> None:
    with pytest.raises(ValueError, match="Fisher"):
        WalleniusHypergeometric.fit([[3, 5]], [10, 10]).confidence_interval(0.95, "exact")


def test_a_fit_shows_itself() -> None:
    fit = FisherHypergeometric.fit([[3, 5, 7], [0, 8, 7]], [10, 10, 10])
    assert "\n" not in repr(fit)
    assert repr(fit).startswith("WeightFit(weights=[")
    html = fit._repr_html_()
    assert html.count("<tr>") == 4
    assert f"{float(fit.weights[0]):.4g}" in html
