"""Wallenius' distribution of one small urn against rational arithmetic, SciPy, and the distribution's own log-probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import nchypergeom_wallenius

from hypergeo import FisherHypergeometric, WalleniusHypergeometric
from hypergeo.numerics.wallenius.small_urn import wallenius_probabilities, wallenius_tables
from tests.support.reference import RationalUrn

SMALL = [
    (3, [2, 2, 2], [1.0, 2.0, 3.0]),
    (5, [4, 3], [1.0, 0.25]),
    (1, [4, 3, 2], [0.5, 1.0, 8.0]),
    (6, [3, 1, 4], [0.01, 1.0, 100.0]),
    (7, [3, 1, 4], [0.01, 1.0, 100.0]),
    (4, [1, 1, 1, 1, 1], [1.0, 2.0, 4.0, 8.0, 16.0]),
    (4, [3, 0, 4], [1.0, 5.0, 2.0]),
    (4, [3, 2, 4], [1.0, 0.0, 2.0]),
    (5, [3, 3, 3], [2.0, 2.0, 2.0]),
]
LARGE = [
    (40, [20, 20, 20, 20, 20, 20], [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]),
    (60, [30, 30, 30, 30, 30, 30], [0.01, 0.1, 1.0, 10.0, 100.0, 1.0]),
    (119, [20, 20, 20, 20, 20, 20], [0.01, 0.1, 1.0, 10.0, 100.0, 1.0]),
    (30, [30, 30], [0.01, 100.0]),
    (1000, [700, 700], [1.0, 3.0]),
]
FORCED = [
    (0, [3, 2, 1], [1.0, 2.0, 3.0], [0, 0, 0]),
    (6, [3, 2, 1], [1.0, 2.0, 3.0], [3, 2, 1]),
    (4, [3, 2, 1], [1.0, 0.0, 3.0], [3, 0, 1]),
    (2, [0, 5, 0], [1.0, 2.0, 3.0], [0, 2, 0]),
    (2, [4, 5], [1.0, 0.0], [2, 0]),
    (0, [0, 0], [1.0, 1.0], [0, 0]),
]


@pytest.mark.parametrize(("total", "sizes", "weights"), SMALL)
def test_everything_agrees_with_rational_arithmetic(total, sizes, weights):
    exact = RationalUrn(total, sizes, weights).wallenius_law
    support = np.array(list(exact))
    chances = np.array([float(p) for p in exact.values()])
    law = wallenius_tables(total, sizes, weights)
    marginals = np.zeros((len(sizes), max(sizes) + 1))
    for group in range(len(sizes)):
        np.add.at(marginals[group], support[:, group], chances)
    np.testing.assert_allclose(law.marginals, marginals, atol=1e-13)
    np.testing.assert_allclose(law.mean, chances @ support, atol=1e-13)
    np.testing.assert_allclose(law.covariance, np.cov(support.T, aweights=chances, ddof=0), atol=1e-12)
    np.testing.assert_allclose(wallenius_probabilities(law, torch.tensor(support), sizes, weights), chances, atol=1e-13)
    assert law.error < 1e-12


@pytest.mark.parametrize(("total", "sizes", "weights"), SMALL)
def test_sensitivity_is_the_derivative_of_the_mean(total, sizes, weights):
    """The mean is a sum over the support, whose terms automatic differentiation takes to the weights."""
    logs = torch.tensor(weights).double().log().requires_grad_()
    support = FisherHypergeometric(total, sizes, weights).enumerate_support()
    support = support[(support[:, torch.tensor(weights) == 0] == 0).all(-1)]
    mean = WalleniusHypergeometric(total, sizes, log_weights=logs).log_prob(support).exp() @ support
    expected = torch.stack([torch.autograd.grad(one, logs, retain_graph=True)[0] for one in mean]).nan_to_num()
    sensitivity = wallenius_tables(total, sizes, weights).sensitivity
    np.testing.assert_allclose(sensitivity, expected, atol=1e-11)


@pytest.mark.parametrize(("total", "sizes", "weights"), LARGE)
def test_large_urns_agree_with_the_moments_of_the_race(total, sizes, weights):
    law, other = wallenius_tables(total, sizes, weights), WalleniusHypergeometric(total, sizes, weights)
    np.testing.assert_allclose(law.mean, other.mean, atol=1e-10)
    np.testing.assert_allclose(law.covariance.diagonal(), other.variance, atol=1e-8)
    np.testing.assert_allclose(law.marginals @ torch.arange(law.marginals.shape[1]).double(), other.mean, atol=1e-10)


@pytest.mark.parametrize(("total", "sizes", "weights"), LARGE)
def test_large_urns_answer_to_their_weights_as_differences_say(total, sizes, weights):
    """Differences of fourth order have an error of about 1e-6 at this step."""
    step, groups = 0.02, len(sizes)
    shifts = step * torch.tensor([-2.0, -1.0, 1.0, 2.0]).double()[:, None, None] * torch.eye(groups).double()
    means = WalleniusHypergeometric(total, sizes, log_weights=torch.tensor(weights).double().log() + shifts).mean
    slopes = (means[0] - 8 * means[1] + 8 * means[2] - means[3]) / (12 * step)
    np.testing.assert_allclose(
        wallenius_tables(total, sizes, weights).sensitivity, slopes.T, atol=2e-6 * max(1.0, total / 100) ** 2
    )


@pytest.mark.parametrize(("total", "sizes", "weights"), SMALL + LARGE)
def test_what_must_hold_of_any_urn(total, sizes, weights):
    law = wallenius_tables(total, sizes, weights)
    np.testing.assert_allclose(law.marginals.sum(-1), 1, atol=1e-12)
    assert bool((law.marginals >= 0).all())
    assert law.mean.sum().item() == pytest.approx(total, abs=1e-10)
    for matrix in (law.covariance, law.sensitivity):
        np.testing.assert_allclose(matrix.sum(0), 0, atol=1e-11 + 1e-13 * total**2)
        np.testing.assert_allclose(matrix.sum(1), 0, atol=1e-11 + 1e-13 * total**2)
    scaled = wallenius_tables(total, sizes, [1000 * weight for weight in weights])
    np.testing.assert_allclose(scaled.marginals, law.marginals, atol=1e-12)


@pytest.mark.parametrize(("total", "sizes", "weights"), [(20, [30, 30], [1.0, 4.0]), (7, [10, 4], [3.0, 1.0])])
def test_two_groups_agree_with_scipy(total, sizes, weights):
    other = nchypergeom_wallenius(sum(sizes), sizes[0], total, weights[0] / weights[1])
    law = wallenius_tables(total, sizes, weights)
    # SciPy's own accuracy is about 1e-10.
    np.testing.assert_allclose(law.marginals[0, : sizes[0] + 1], other.pmf(np.arange(sizes[0] + 1)), atol=1e-9)


def test_with_equal_weights_it_is_the_central_law():
    law, central = wallenius_tables(12, [10, 8, 6], [3.0, 3.0, 3.0]), FisherHypergeometric(12, [10, 8, 6])
    np.testing.assert_allclose(law.marginals, central.marginal_log_prob().exp(), atol=1e-13)
    np.testing.assert_allclose(law.covariance, central.covariance_matrix, atol=1e-12)
    # But its sensitivity to the weights differs from that of Fisher's distribution.
    assert float((law.sensitivity - central.covariance_matrix).abs().max()) > 0.1


@pytest.mark.parametrize(("total", "sizes", "weights", "counts"), FORCED)
def test_forced_counts(total, sizes, weights, counts):
    law = wallenius_tables(total, sizes, weights)
    assert law.mean.tolist() == counts
    assert law.marginals[range(len(sizes)), counts].tolist() == [1.0] * len(sizes)
    assert not law.covariance.any()
    assert not law.sensitivity.any()
    vectors = torch.tensor([counts, [*counts[:-1], counts[-1] + 1]])
    assert wallenius_probabilities(law, vectors, sizes, weights).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("total", "sizes", "weights", "words"),
    [
        (4, [2, 1], [1.0, 2.0], "between 0 and 3, .* got 4"),
        (3, [2, 2], [1.0, 0.0], "between 0 and 2, .* got 3"),
        (-1, [2, 2], [1.0, 1.0], "got -1"),
        (9, [15000, 15000], [1.0, 1.0], "at most 20000; got 30000"),
    ],
)
def test_what_cannot_be_drawn_is_said(total, sizes, weights, words):
    with pytest.raises(ValueError, match=words):
        wallenius_tables(total, sizes, weights)
