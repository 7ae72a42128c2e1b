"""Maximum-likelihood weights: the score at the optimum, standard errors, SciPy for two groups, and counts at their bounds."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, nchypergeom_fisher

from hypergeo import FisherHypergeometric


def test_the_expected_counts_at_the_fit_are_the_observed_ones() -> None:
    torch.manual_seed(0)
    counts = FisherHypergeometric(40, [20, 30, 10, 25], [1.0, 5.0, 0.2, 2.0]).sample((300,))
    fit = FisherHypergeometric.fit(counts, [20, 30, 10, 25])
    assert fit.converged
    assert not fit.at_bounds.any()
    assert abs(float(fit.log_weights.sum())) < 1e-12
    mean = FisherHypergeometric(40, [20, 30, 10, 25], fit.weights).mean
    torch.testing.assert_close(mean, counts.mean(0), rtol=1e-9, atol=1e-9)


def test_totals_and_sizes_may_differ_by_row() -> None:
    torch.manual_seed(1)
    totals, sizes = torch.tensor([5, 9, 12, 20] * 50), torch.tensor([[6, 7, 9], [10, 10, 10]] * 100)
    counts = FisherHypergeometric(totals, sizes, [1.0, 3.0, 0.5]).sample()
    fit = FisherHypergeometric.fit(counts, sizes)
    mean = FisherHypergeometric(totals, sizes, fit.weights).mean
    torch.testing.assert_close(mean.sum(0), counts.sum(0), rtol=1e-9, atol=1e-9)
    log_likelihood = FisherHypergeometric(totals, sizes, fit.weights).log_prob(counts).sum()
    assert math.isclose(fit.log_likelihood, float(log_likelihood), rel_tol=1e-10)


def test_errors_cover_the_truth() -> None:
    """Squared errors in units of the fit's covariance are chi-squared, two degrees for each of 200 fits; false alarm 1e-6."""
    torch.manual_seed(2)
    truth = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).log()
    truth = truth - truth.mean()
    law = FisherHypergeometric(15, [10, 10, 10], log_weights=truth)
    information = 100 * law.covariance_matrix
    distances, inside = 0.0, 0
    for counts in law.sample((200, 100)):
        fit = FisherHypergeometric.fit(counts, [10, 10, 10])
        error = fit.log_weights - truth
        distances += float(error @ information @ error)
        interval = fit.confidence_interval(0.95)
        inside += int(((interval[:, 0] <= truth.exp()) & (truth.exp() <= interval[:, 1])).sum())
        expected = torch.linalg.pinv(
            100 * FisherHypergeometric(15, [10, 10, 10], fit.weights).covariance_matrix, hermitian=True
        )
        torch.testing.assert_close(fit.standard_errors, expected.diagonal().sqrt(), rtol=1e-8, atol=0.0)
    assert chi2.ppf(5e-7, 400) <= distances <= chi2.ppf(1 - 5e-7, 400)
    assert 0.9 <= inside / 600 <= 0.99


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


def test_groups_at_their_bounds_are_named_and_the_others_fitted() -> None:
    counts = torch.tensor([[0, 4, 3, 2], [0, 4, 2, 3], [0, 4, 4, 1]])
    fit = FisherHypergeometric.fit(counts, [5, 4, 6, 6])
    assert fit.weights[:2].tolist() == [0.0, math.inf]
    assert fit.at_bounds.tolist() == [True, True, False, False]
    assert fit.standard_errors.isnan().tolist() == [True, True, False, False]
    mean = FisherHypergeometric(5, [6, 6], fit.weights[2:]).mean
    torch.testing.assert_close(mean, torch.tensor([3.0, 2.0], dtype=torch.float64))


def test_forced_counts_say_nothing() -> None:
    fit = FisherHypergeometric.fit([[3, 4, 0], [3, 4, 0]], [3, 4, 0])
    assert fit.weights.isnan().all()
    assert not fit.at_bounds.any()


def test_groups_that_separate_are_reported_and_do_not_diverge_silently() -> None:
    """Groups 1 and 2 always take their joint maximum, though neither alone is at a bound."""
    fit = FisherHypergeometric.fit([[2, 3, 0, 0], [3, 3, 1, 1], [3, 3, 2, 0], [3, 2, 0, 0]], [3, 3, 3, 3])
    assert not fit.converged
    assert fit.standard_errors.isnan().all()


@pytest.mark.parametrize(
    ("counts", "sizes", "words"),
    [
        ([[1, 2]], [1, 1], "got 2.0 with size 1.0 in row 0, group 1"),
        ([[1.5, 2]], [4, 4], "whole numbers"),
        ([[1, 2, 3]], [4, 4], r"\(1, 3\) and \(2,\)"),
        ([["a"]], [4], "regular arrays"),
        (torch.empty(0, 2), [4, 4], "at least one row"),
    ],
)
def test_bad_counts_are_named(counts: object, sizes: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FisherHypergeometric.fit(counts, sizes)
