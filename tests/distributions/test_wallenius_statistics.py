"""Moments, mode, entropy, marginals and fits of Wallenius' distribution, against recursions in rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from hypergeo import FisherHypergeometric, WalleniusHypergeometric
from hypergeo.distributions import wallenius
from hypergeo.numerics.wallenius.moments import wallenius_log_marginals
from tests.support.reference import log, log_error, shared_urn

URNS = {
    "three groups": (6, (4, 3, 5), (1.0, 2.5, 0.3)),
    "far weights": (12, (8, 9, 7), (1.0, 100.0, 0.01)),
    "zero weight": (5, (4, 3, 5), (1.0, 0.0, 0.25)),
    "empty group": (4, (4, 0, 5), (1.0, 2.0, 0.25)),
    "two groups": (7, (8, 9), (1.0, 2.5)),
    "one drawn": (1, (2, 5, 1), (0.5, 1.0, 8.0)),
    "none drawn": (0, (2, 3), (1.0, 2.0)),
    "all drawn": (5, (2, 3), (1.0, 2.0)),
    "one group": (3, (5,), (2.0,)),
}


@pytest.mark.parametrize("name", URNS)
def test_statistics(name: str) -> None:
    total, sizes, weights = URNS[name]
    law, exact = WalleniusHypergeometric(total, list(sizes), list(weights)), shared_urn(*URNS[name]).wallenius_law
    groups = range(len(sizes))
    mean = [sum(x[k] * p for x, p in exact.items()) for k in groups]
    covariance = [[float(sum(x[i] * x[j] * p for x, p in exact.items()) - mean[i] * mean[j]) for j in groups] for i in groups]
    torch.testing.assert_close(law.mean, torch.tensor([float(m) for m in mean]).double(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(law.covariance_matrix, torch.tensor(covariance, dtype=torch.float64), rtol=1e-11, atol=1e-12)
    assert exact[tuple(int(x) for x in law.mode.tolist())] == max(exact.values())
    entropy = -sum(float(p) * float(log(p)) for p in exact.values())
    assert law.entropy().item() == pytest.approx(entropy, rel=1e-12, abs=1e-13)
    support = law.enumerate_support()
    listed = {tuple(map(int, x)): p for x, p in zip(support.tolist(), law.log_prob(support).exp().tolist(), strict=True)}
    assert {x for x, p in listed.items() if p} == set(exact)
    assert all(listed[x] == pytest.approx(float(p), rel=1e-12) for x, p in exact.items())


@pytest.mark.parametrize("name", URNS)
@pytest.mark.parametrize("listed", [True, False])
def test_marginals_to_their_tails(name: str, listed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marginals are sums over all count vectors, or integrals over time for larger urns."""
    if not listed:
        monkeypatch.setattr(wallenius, "_LISTED", 0)
    total, sizes, weights = URNS[name]
    got = WalleniusHypergeometric(total, list(sizes), list(weights)).marginal_log_prob()
    exact = shared_urn(*URNS[name]).wallenius_law
    for k, size in enumerate(sizes):
        for count in range(max(sizes) + 1):
            p = sum((q for x, q in exact.items() if x[k] == count), Fraction(0)) if count <= size else Fraction(0)
            assert log_error(got[k, count].item(), p) <= 1e-12, (k, count)


def test_marginals_of_a_larger_urn_in_a_tail() -> None:
    """For two groups, marginals are the joint probabilities, which have another quadrature."""
    logs = torch.tensor([[0.0, 1.5]], dtype=torch.float64)
    table, low = wallenius_log_marginals(logs, torch.tensor([[150, 200]]), torch.tensor([120]))
    counts = torch.arange(121)
    joint = WalleniusHypergeometric(120, [150, 200], log_weights=logs[0]).log_prob(torch.stack([counts, 120 - counts], -1))
    assert low.tolist() == [[0, 0]]
    assert joint.min() < -150
    torch.testing.assert_close(table[0, 0], joint, rtol=0, atol=1e-11)


def test_equal_weights_are_fishers() -> None:
    fisher, law = FisherHypergeometric(40, [30, 25, 45]), WalleniusHypergeometric(40, [30, 25, 45])
    torch.testing.assert_close(law.covariance_matrix, fisher.covariance_matrix, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(law.survival([30.0, 20.0, 35.0]), fisher.survival([30.0, 20.0, 35.0]), rtol=1e-10, atol=0)
    assert law.log_prob(law.mode) == pytest.approx(float(fisher.log_prob(fisher.mode)), rel=1e-12)


def test_the_mode_of_a_large_urn_cannot_be_bettered_by_one_exchange() -> None:
    law = WalleniusHypergeometric(4_000, [3_000, 2_000, 5_000, 1_000], [1.0, 2.0, 0.5, 7.0])
    best = law.log_prob(law.mode)
    one = torch.eye(4, dtype=torch.float64)
    assert (law.log_prob(law.mode + (one[:, None] - one).flatten(0, 1)) <= best).all()
    assert (law.mode - law.mean).abs().max() < 2


def test_a_fit_is_where_the_score_vanishes() -> None:
    truth = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    counts = WalleniusHypergeometric(15, [10] * 3, truth).sample((400,))
    fit = WalleniusHypergeometric.fit(counts, [10] * 3)
    assert fit.converged
    logs = fit.log_weights.clone().requires_grad_()
    log_likelihood = WalleniusHypergeometric(15, [10] * 3, log_weights=logs).log_prob(counts).sum()
    assert torch.autograd.grad(log_likelihood, logs)[0].abs().max() < 1e-6
    assert fit.log_likelihood == pytest.approx(float(log_likelihood.detach()), rel=1e-12)
    error = fit.log_weights - (truth.log() - truth.log().mean())
    assert (error.abs() < 5 * fit.standard_errors).all()
    fisher = FisherHypergeometric.fit(counts, [10] * 3)
    assert ((fisher.log_weights - fit.log_weights).abs() > 2 * fit.standard_errors).any()  # the model matters
    assert WalleniusHypergeometric.fit([[0, 3]], [5, 7]).weights.tolist() == [0.0, 1.0]


def test_what_is_too_large_is_said() -> None:
    large = WalleniusHypergeometric(500, [400] * 5)
    with pytest.raises(ValueError, match="entropy sums over at most 200,000"):
        large.entropy()
    with pytest.raises(ValueError, match=r"at most 65,536 different counts of a group; .* allow 65,537"):
        WalleniusHypergeometric(2**16, [2**16, 2**16]).marginal_log_prob()
    with pytest.raises(ValueError, match="at most 20000"):
        WalleniusHypergeometric(500, [40_000] * 2).covariance_matrix  # noqa: B018
