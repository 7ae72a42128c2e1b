"""Samples and moments of Wallenius' distribution against exact recursions over single elements and exponential clocks."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo import WalleniusHypergeometric
from tests.support.reference import FALSE_ALARM, RationalUrn, g_test, mixture, total_variation

from .test_wallenius import URNS


def exact_moments(total: int, sizes: list[int], weights: list[float]) -> tuple[list[float], list[float]]:
    law = RationalUrn(total, sizes, weights).wallenius_law
    mean = [sum(p * x[k] for x, p in law.items()) for k in range(len(sizes))]
    square = [sum(p * x[k] ** 2 for x, p in law.items()) for k in range(len(sizes))]
    return [float(m) for m in mean], [float(s - m**2) for s, m in zip(square, mean, strict=True)]


def check_moments(law: WalleniusHypergeometric, total: int, sizes: list[int], weights: list[float]) -> None:
    mean, variance = exact_moments(total, sizes, weights)
    np.testing.assert_allclose(law.mean.numpy(), mean, rtol=1e-12, atol=1e-18)
    np.testing.assert_allclose(law.variance.numpy(), variance, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize(("total", "sizes", "weights"), URNS)
def test_mean_and_variance_match_recursion_over_draws(total: int, sizes: list[int], weights: list[float]) -> None:
    check_moments(WalleniusHypergeometric(total, sizes, [float(w) for w in weights]), total, sizes, weights)


def test_mean_and_variance_of_random_urns() -> None:
    generator = np.random.default_rng(17)
    for _ in range(60):
        sizes = generator.integers(0, 6, size=3).tolist()
        total = int(generator.integers(0, sum(sizes) + 1))
        weights = np.exp(generator.normal(size=3) * 10 ** generator.uniform(-2, 1.4)).tolist()
        check_moments(WalleniusHypergeometric(total, sizes, weights), total, sizes, weights)


def test_mean_and_variance_of_a_batch() -> None:
    weights = torch.tensor([[[1.0, 0.0, 2.0]], [[1.0, 0.5, 8.0]]], dtype=torch.float64, requires_grad=True)
    totals, sizes = [0, 2, 5], [[3, 2, 4], [2, 6, 3], [1, 6, 4]]
    law = WalleniusHypergeometric(totals, sizes, weights)
    assert law.mean.shape == law.variance.shape == (2, 3, 3)
    assert law.mean.requires_grad
    for i, j in itertools.product(range(2), range(3)):
        mean, variance = exact_moments(totals[j], sizes[j], weights[i, 0].tolist())
        np.testing.assert_allclose(law.mean[i, j].detach().numpy(), mean, rtol=1e-12, atol=1e-18)
        np.testing.assert_allclose(law.variance[i, j].detach().numpy(), variance, rtol=1e-12, atol=1e-18)
    assert torch.equal(law.expand((4, 2, 3)).mean[3], law.mean)
    single = WalleniusHypergeometric(4, [3, 2, 4], torch.tensor([1.0, 3.0, 2.0])).mean
    assert single.dtype == torch.float32


def test_equal_weights_have_the_central_moments() -> None:
    sizes = torch.tensor([3000, 500, 1])
    law = WalleniusHypergeometric(1200, sizes)
    share = sizes.double() / 3501
    torch.testing.assert_close(law.mean, 1200 * share, rtol=1e-12, atol=0)
    torch.testing.assert_close(law.variance, 1200 * share * (1 - share) * (3501 - 1200) / 3500, rtol=1e-11, atol=0)


@pytest.mark.parametrize("log_weights", [[0.0, 0.0, 0.0], [0.3, -1.2, 2.0], [50.0, 0.0, -50.0], [800.0, -800.0, 0.0]])
def test_mean_is_finite_far_apart(log_weights: list[float]) -> None:
    law = WalleniusHypergeometric(range(13), [4, 3, 5], log_weights=log_weights)
    np.testing.assert_allclose(law.mean.sum(-1), law.total_count, rtol=0, atol=1e-12)
    assert ((law.mean >= 0) & (law.mean <= law.group_sizes)).all()
    assert ((law.variance >= 0) & law.variance.isfinite()).all()


@pytest.mark.parametrize(
    ("total", "sizes", "weights"),
    [
        (3, [2, 2, 2], [1, 2, 3]),
        (7, [5, 4, 6], [1, 5, 2]),
        (6, [3, 3, 3, 3], [1, 1, 3, 20]),
        (8, [2, 2, 2, 2, 4], [1, 3, 0, 9, 2]),
    ],
)
def test_samples_follow_the_exact_law(total: int, sizes: list[int], weights: list[float]) -> None:
    """G-test of the joint vector of 200,000 samples against the recursion over single elements, false alarm 1e-6.

    Power: a mixture with Fisher's distribution (the usual confusion) at a total variation of 2 % must fail.
    """
    urn = RationalUrn(total, sizes, weights)
    drawn = WalleniusHypergeometric(total, sizes, [float(w) for w in weights]).sample((200_000,)).numpy().astype(int)
    assert g_test(drawn, urn.wallenius_law) > FALSE_ALARM
    near = mixture(urn.wallenius_law, urn.law, Fraction(0.02 / total_variation(urn.wallenius_law, urn.law)))
    assert g_test(drawn, near) < FALSE_ALARM


def test_large_urns_follow_the_law() -> None:
    """Counts of thousands, with binomials by rejection: G-test of 200,000 samples, false alarm 1e-6.

    Power: odds of 3.006 instead of 3, which change the mean by 5 % of the standard deviation, must fail.
    """
    first = torch.arange(500, 2501)
    counts = torch.stack([first, 2500 - first], -1)

    def law(odds: float) -> WalleniusHypergeometric:
        return WalleniusHypergeometric(2500, [3000, 2000], [1.0, odds])

    def table(odds: float) -> dict[tuple[int, ...], Fraction]:
        p = law(odds).log_prob(counts).exp()
        assert p.sum().item() == pytest.approx(1, abs=1e-12)
        return {tuple(x): Fraction(q) for x, q in zip(counts.tolist(), p.tolist(), strict=True)}

    drawn = law(3.0).sample((200_000,)).numpy().astype(int)
    assert g_test(drawn, table(3.0)) > FALSE_ALARM
    assert g_test(drawn, table(3.006)) < FALSE_ALARM


def test_many_groups_match_the_race_of_elements() -> None:
    """Twenty groups against exponential clocks on each of 390 elements: total false-alarm rate 1e-6.

    Z-tests of means, variances and covariances with 20,000 samples each. Power: a shift of a group's mean by 6 %
    of its standard deviation would fail in more than 99 % of runs.
    """
    sizes, draws, total = torch.arange(20) * 2 + torch.arange(20) % 2, 20_000, 150
    logs = torch.linspace(-3, 3, 20, dtype=torch.float64)[torch.randperm(20)]
    group = torch.repeat_interleave(torch.arange(20), sizes)
    clocks = torch.empty(draws, len(group), dtype=torch.float64).exponential_() * (-logs[group]).exp()
    arrived = torch.zeros(draws, 20, dtype=torch.float64).scatter_add_(
        1, group[clocks.topk(total, largest=False).indices], torch.ones(draws, total, dtype=torch.float64)
    )
    law = WalleniusHypergeometric(total, sizes, log_weights=logs)
    drawn, centre = law.sample((draws,)), law.mean
    limit = stats.norm.isf(FALSE_ALARM / 2 / (5 * 20 + 210))
    for counts in (drawn, arrived):
        assert ((counts.mean(0) - centre).abs() <= limit * (law.variance / draws).sqrt() + 1e-12).all()
        squares = (counts - centre) ** 2
        assert ((squares.mean(0) - law.variance).abs() <= limit * (squares.var(0) / draws).sqrt() + 1e-12).all()
    for statistic in (lambda x: x, lambda x: ((x - centre)[:, :, None] * (x - centre)[:, None]).flatten(1)):
        ours, theirs = statistic(drawn), statistic(arrived)
        spread = ((ours.var(0) + theirs.var(0)) / draws).sqrt()
        assert ((ours.mean(0) - theirs.mean(0)).abs() <= limit * spread + 1e-12).all()


def test_sample_is_detached_and_follows_the_seed() -> None:
    law = WalleniusHypergeometric(9, [5, 6, 7], torch.tensor([1.0, 2.0, 3.0], requires_grad=True))
    assert not law.has_rsample
    assert not law.sample((2,)).requires_grad
    torch.manual_seed(5)
    first = law.sample((20,))
    torch.manual_seed(5)
    assert torch.equal(first, law.sample((20,)))
