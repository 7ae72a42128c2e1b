"""Maximum-likelihood weights: results of BiasedUrn and SciPy, standard errors and their coverage, counts at their bounds."""

from __future__ import annotations

import itertools
import math
import subprocess
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import binom, chi2, nchypergeom_fisher
from scipy.stats.contingency import odds_ratio
from torch import Tensor

from hypergeo import FisherHypergeometric
from hypergeo.distributions.fitting import WeightFit, fit_weights
from tests.benchmarks.peers.biasedurn import BiasedUrn
from tests.support.biasedurn_figures import FIGURES, MEAN, R_SCRIPT, VARIANCE, Figures
from tests.support.reference import FALSE_ALARM, RationalUrn


def contrast_errors(fit: WeightFit) -> Tensor:
    """Returns the standard errors of the log ratios of all other weights to the first, shape ``(K - 1,)``."""
    variance = fit.covariance.diagonal()
    return (variance[1:] + variance[0] - 2 * fit.covariance[0, 1:]).sqrt()


@pytest.mark.parametrize("figures", FIGURES, ids=["four groups", "sizes by row", "two groups"])
def test_weights_errors_and_likelihood_are_biased_urns(figures: Figures) -> None:
    """Tolerances are the accuracy of R's optimiser and of its numerical Hessian."""
    fit = FisherHypergeometric.fit(figures.counts, figures.sizes)
    assert fit.converged
    ratios = fit.log_weights[1:] - fit.log_weights[0]
    torch.testing.assert_close(ratios, torch.tensor(figures.log_ratios, dtype=torch.float64), rtol=0.0, atol=3e-7)
    torch.testing.assert_close(contrast_errors(fit), torch.tensor(figures.errors, dtype=torch.float64), rtol=1e-4, atol=0.0)
    assert math.isclose(fit.log_likelihood, figures.log_likelihood, abs_tol=1e-8)


def test_moments_are_biased_urns() -> None:
    law = FisherHypergeometric(40, [20, 30, 10, 25], [1.0, 5.0, 0.2, 2.0])
    torch.testing.assert_close(law.mean, torch.tensor(MEAN, dtype=torch.float64), rtol=0.0, atol=1e-9)
    torch.testing.assert_close(law.variance, torch.tensor(VARIANCE, dtype=torch.float64), rtol=0.0, atol=1e-8)


@pytest.mark.skipif(BiasedUrn().missing is not None, reason="needs R and BiasedUrn")
def test_the_figures_are_what_the_script_prints() -> None:
    printed = subprocess.run(["Rscript", "-e", R_SCRIPT], capture_output=True, text=True, check=True, timeout=120).stdout
    expected = [(*f.log_ratios, *f.errors, f.log_likelihood) for f in FIGURES] + [MEAN, VARIANCE]
    lines = [[float(word) for word in line.split()] for line in printed.splitlines() if line.strip()]
    assert len(lines) == len(expected)
    for line, known in zip(lines, expected, strict=True):
        np.testing.assert_allclose(line, known, rtol=1e-5)


def test_two_groups_as_scipy_maximises() -> None:
    torch.manual_seed(3)
    counts = FisherHypergeometric(12, [15, 20], [3.0, 1.0]).sample((80,))
    fit = FisherHypergeometric.fit(counts, [15, 20])
    first = counts[:, 0].numpy()
    best = minimize_scalar(
        lambda log_odds: -nchypergeom_fisher.logpmf(first, 35, 15, 12, math.exp(log_odds)).sum(),
        bounds=(-5, 5),
        options={"xatol": 1e-9},
    )
    assert math.isclose(float(fit.log_weights[0] - fit.log_weights[1]), best.x, abs_tol=1e-6)
    assert math.isclose(fit.log_likelihood, -best.fun, rel_tol=1e-10)


@pytest.mark.parametrize("table", [[[8, 7], [4, 16]], [[1, 9], [11, 3]], [[30, 2], [170, 198]], [[1, 1], [1, 1]]])
def test_one_row_is_the_conditional_odds_ratio_of_a_contingency_table(table: list[list[int]]) -> None:
    """A table's first row, given its margins, has Fisher's distribution: SciPy's conditional estimate is the same maximum."""
    fit = fit_weights(table[0], np.sum(table, 0))
    assert fit.converged
    expected = odds_ratio(np.array(table), kind="conditional").statistic
    assert math.isclose(float(fit.weights[0] / fit.weights[1]), expected, rel_tol=1e-7)


def test_the_expected_counts_at_the_fit_are_the_observed_ones() -> None:
    torch.manual_seed(0)
    counts = FisherHypergeometric(40, [20, 30, 10, 25], [1.0, 5.0, 0.2, 2.0]).sample((300,))
    fit = FisherHypergeometric.fit(counts, [20, 30, 10, 25])
    assert fit.converged
    assert fit.blocks == ((0, 1, 2, 3),)
    assert not fit.at_bounds.any()
    assert abs(float(fit.log_weights.sum())) < 1e-12
    mean = FisherHypergeometric(40, [20, 30, 10, 25], fit.weights).mean
    torch.testing.assert_close(mean, counts.mean(0), rtol=1e-9, atol=1e-9)


def test_totals_and_sizes_may_differ_by_row_and_forced_rows_change_nothing() -> None:
    torch.manual_seed(1)
    totals, sizes = torch.tensor([5, 9, 12, 20] * 50), torch.tensor([[6, 7, 9], [10, 10, 10]] * 100)
    counts = FisherHypergeometric(totals, sizes, [1.0, 3.0, 0.5]).sample()
    fit = FisherHypergeometric.fit(counts, sizes)
    mean = FisherHypergeometric(totals, sizes, fit.weights).mean
    torch.testing.assert_close(mean.sum(0), counts.sum(0), rtol=1e-9, atol=1e-9)
    log_likelihood = FisherHypergeometric(totals, sizes, fit.weights).log_prob(counts).sum()
    assert math.isclose(fit.log_likelihood, float(log_likelihood), rel_tol=1e-10)
    forced = torch.tensor([[0, 0, 0], [6, 7, 9], [3, 0, 0]])
    more = FisherHypergeometric.fit(
        torch.cat([counts, forced]), torch.cat([sizes, torch.tensor([[6, 7, 9], [6, 7, 9], [3, 0, 0]])])
    )
    torch.testing.assert_close(more.log_weights, fit.log_weights, rtol=0.0, atol=1e-9)
    torch.testing.assert_close(more.covariance, fit.covariance, rtol=1e-8, atol=0.0)


def test_many_different_urns_reach_the_maximum_by_approximate_steps() -> None:
    """With more urns than each step's information includes, the score is zero and the errors are the exact ones."""
    torch.manual_seed(6)
    sizes = torch.randint(3, 40, (1500, 3))
    totals = (sizes.sum(-1) * torch.rand(1500)).long()
    weights = torch.tensor([1.0, 20.0, 0.3], dtype=torch.float64)
    counts = FisherHypergeometric(totals, sizes, weights).sample()
    fit = fit_weights(counts, sizes)
    assert fit.converged
    law = FisherHypergeometric(totals, sizes, fit.weights)
    torch.testing.assert_close(law.mean.sum(0), counts.sum(0), rtol=1e-9, atol=0.0)
    information = law.covariance_matrix.sum(0)
    torch.testing.assert_close(fit.covariance, torch.linalg.pinv(information, hermitian=True, rtol=1e-9), rtol=1e-6, atol=1e-12)
    error = fit.log_weights - (weights.log() - weights.log().mean())
    assert float(error @ information @ error) < chi2.isf(FALSE_ALARM, 2)


def test_standard_errors_are_those_of_a_numerical_hessian() -> None:
    """References are second differences of the likelihood in rational arithmetic, without rounding."""
    counts, sizes = [(4, 1, 7), (3, 2, 7), (5, 0, 7)], (8, 5, 9)
    fit = fit_weights(counts, sizes)
    step = 1e-3

    def log_likelihood(first: float, second: float) -> float:
        weights = [Fraction(math.exp(first)), Fraction(math.exp(second)), Fraction(1)]
        urn = RationalUrn(12, sizes, weights)
        return sum(math.log(urn.pmf(row)) for row in counts)

    at = [float(fit.log_weights[k] - fit.log_weights[2]) for k in (0, 1)]
    hessian = np.zeros((2, 2))
    for i, j, up, across in itertools.product((0, 1), (0, 1), (1, -1), (1, -1)):
        moved = list(at)
        moved[i] += up * step
        moved[j] += across * step
        hessian[i, j] += up * across * log_likelihood(*moved) / (4 * step**2)
    numerical = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    variance = fit.covariance.diagonal()
    ours = (variance[:2] + variance[2] - 2 * fit.covariance[:2, 2]).sqrt()
    np.testing.assert_allclose(ours, numerical, rtol=1e-5)
    assert torch.equal(fit.standard_errors, variance.sqrt())


def test_errors_cover_the_truth() -> None:
    """Squared errors in units of the true covariance are chi-squared, two degrees for each of 100 fits; false alarm 1e-6.

    The 300 intervals hold the truth as often as a binomial at 95 % allows, with a thrice larger variance, since a fit's three
    intervals are dependent; false alarm below 1e-6. Standard errors too small by a factor of 1.42 are detected with
    probability 0.99 (`test_power`).
    """
    torch.manual_seed(2)
    truth = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).log()
    truth = truth - truth.mean()
    law = FisherHypergeometric(15, [10, 10, 10], log_weights=truth)
    information = 100 * law.covariance_matrix
    distances, inside = 0.0, 0
    for counts in law.sample((100, 100)):
        fit = FisherHypergeometric.fit(counts, [10, 10, 10])
        error = fit.log_weights - truth
        distances += float(error @ information @ error)
        interval = fit.confidence_interval(0.95)
        inside += int(((interval[:, 0] <= truth.exp()) & (truth.exp() <= interval[:, 1])).sum())
    assert chi2.ppf(FALSE_ALARM / 2, 200) <= distances <= chi2.isf(FALSE_ALARM / 2, 200)
    low, high = (float(binom.ppf(q, 100, 0.95)) / 100 for q in (FALSE_ALARM / 2, 1 - FALSE_ALARM / 2))
    assert low <= inside / 300 <= high
    assert low > 0.75


def test_a_flipped_sign_would_not_pass() -> None:
    """Inverted weights, the most likely sign error, differ from the truth by many standard errors."""
    torch.manual_seed(2)
    counts = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0]).sample((100,))
    fit = FisherHypergeometric.fit(counts, [10, 10, 10])
    assert ((fit.log_weights + fit.log_weights).abs() / fit.standard_errors)[[0, 2]].min() > 10


def test_groups_at_their_bounds_are_named_and_the_others_fitted() -> None:
    counts = torch.tensor([[0, 4, 3, 2], [0, 4, 2, 3], [0, 4, 4, 1]])
    fit = FisherHypergeometric.fit(counts, [5, 4, 6, 6])
    assert fit.converged
    assert fit.weights[:2].tolist() == [0.0, math.inf]
    assert fit.at_bounds.tolist() == [True, True, False, False]
    assert fit.standard_errors.isnan().tolist() == [True, True, False, False]
    assert fit.blocks == ((2, 3),)
    mean = FisherHypergeometric(5, [6, 6], fit.weights[2:]).mean
    torch.testing.assert_close(mean, torch.tensor([3.0, 2.0], dtype=torch.float64))
    # As the bounded weights approach their bounds, the likelihood of all counts approaches the reported one.
    near = FisherHypergeometric(
        9, [5, 4, 6, 6], log_weights=torch.tensor([-40.0, 40.0, *fit.log_weights[2:].tolist()]).double()
    )
    assert math.isclose(float(near.log_prob(counts).sum()), fit.log_likelihood, abs_tol=1e-9)


def test_forced_counts_say_nothing() -> None:
    fit = FisherHypergeometric.fit([[3, 4, 0], [3, 4, 0]], [3, 4, 0])
    assert fit.weights.isnan().all()
    assert not fit.at_bounds.any()
    assert fit.blocks == ()
    assert fit.log_likelihood == 0


def test_groups_that_separate_are_named_and_do_not_diverge() -> None:
    """Groups 0 and 1 always take their joint maximum, though neither alone is at a bound: ratios within pairs are known."""
    counts = torch.tensor([[2, 3, 0, 0], [3, 3, 1, 1], [3, 3, 2, 0], [3, 2, 0, 0]])
    fit = FisherHypergeometric.fit(counts, [3, 3, 3, 3])
    assert not fit.converged
    assert not fit.at_bounds.any()
    assert fit.standard_errors.isnan().all()
    assert sorted(fit.blocks) == [(0, 1), (2, 3)]
    # Group 0 and 1 share five of six twice, evenly; 2 and 3 share two of six twice, three to one.
    assert math.isclose(float(fit.log_weights[0]), float(fit.log_weights[1]), abs_tol=1e-9)
    mean = FisherHypergeometric([2, 2], [3, 3], fit.weights[2:]).mean.sum(0)
    torch.testing.assert_close(mean, torch.tensor([3.0, 1.0], dtype=torch.float64))
    # The likelihood increases towards the reported one, and does not reach it.
    far = [
        float(
            FisherHypergeometric(counts.sum(-1), [3, 3, 3, 3], log_weights=fit.log_weights + torch.tensor([gap, gap, 0.0, 0.0]))
            .log_prob(counts)
            .sum()
        )
        for gap in (5.0, 10.0, 30.0)
    ]
    assert far[0] < far[1] < far[2] <= fit.log_likelihood + 1e-9
    assert math.isclose(far[2], fit.log_likelihood, abs_tol=1e-9)


def test_groups_that_are_never_compared_are_blocks_of_their_own() -> None:
    fit = FisherHypergeometric.fit([[2, 3, 0, 0], [0, 0, 1, 2]], [[5, 5, 0, 0], [0, 0, 4, 4]])
    assert not fit.converged
    assert sorted(fit.blocks) == [(0, 1), (2, 3)]
    assert fit.weights.isfinite().all()


@pytest.mark.parametrize("often", [3, 3_000])
def test_weights_far_apart(often: int) -> None:
    """Groups that are sometimes not drawn whole are not at their bounds: the score is zero at their weights."""
    counts = torch.tensor([[9, 10, 11]] * 3 + [[10, 10, 10]] * often + [[10, 9, 11]])
    fit = FisherHypergeometric.fit(counts, [10, 10, 40])
    assert fit.converged
    mean = FisherHypergeometric(30, [10, 10, 40], fit.weights).mean
    torch.testing.assert_close(mean, counts.double().mean(0), rtol=1e-9, atol=0.0)


def test_one_hundred_thousand_rows() -> None:
    """Many rows of one urn are as exact as few rows, and as fast, since equal urns are combined."""
    torch.manual_seed(5)
    counts = FisherHypergeometric(40, [20] * 4, [1.0, 2.0, 3.0, 4.0]).sample((100_000,))
    fit = FisherHypergeometric.fit(counts, [20] * 4)
    mean = FisherHypergeometric(40, [20] * 4, fit.weights).mean
    torch.testing.assert_close(mean, counts.mean(0), rtol=1e-9, atol=0.0)
    few = FisherHypergeometric.fit(counts[:1_000], [20] * 4)
    torch.testing.assert_close(fit.standard_errors * 10, few.standard_errors, rtol=0.1, atol=0.0)


@pytest.mark.parametrize(
    ("counts", "sizes", "words"),
    [
        ([[1, 2]], [1, 1], "got 2.0 with size 1.0 in row 0, group 1"),
        ([[1.5, 2]], [4, 4], "whole numbers"),
        ([[1, 2, 3]], [4, 4], r"\(1, 3\) and \(2,\)"),
        ([["a"]], [4], "counts.*regular array"),
        (torch.empty(0, 2), [4, 4], "at least one row"),
        ([[1, 2]] * 3, [[4, 4]] * 2, "one row or one for each of 3 counts; got 2"),
        ([[math.nan, 1]], [4, 4], "whole numbers"),
    ],
)
def test_bad_counts_are_named(counts: object, sizes: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FisherHypergeometric.fit(counts, sizes)
