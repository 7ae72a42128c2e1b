"""Wallenius' probabilities against exact recursions over single elements and scipy, their gradients and edge cases."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from hypergeo import WalleniusHypergeometric
from hypergeo.numerics.wallenius.moments import wallenius_log_marginals
from hypergeo.numerics.wallenius.small_urn import wallenius_tables
from tests.support.reference import RationalUrn, log, log_error


def errors(law: WalleniusHypergeometric, counts: Any, exact: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns the absolute errors of ``log_prob``, and the stated bounds, both of shape ``(N,)``."""
    log_prob, bound = law.log_prob_with_error(torch.tensor(counts))
    return np.array([log_error(got, p) for got, p in zip(log_prob.tolist(), exact, strict=True)]), bound.numpy()


def support(total: int, sizes: list[int]) -> Tensor:
    """Returns all count vectors, shape ``(N, K)``."""
    return torch.tensor(list(RationalUrn(total, sizes, [1] * len(sizes)).support()))


URNS = [
    (3, [2, 2, 2], [1, 2, 3]),
    (7, [5, 4, 6], [1, 5, 2]),
    (6, [3, 3, 3, 3], [1 / 7, 1, 3, 20]),
    (9, [6, 1, 0, 7], [2, 9, 4, 1 / 3]),
    (8, [5, 5, 5], [1e-9, 1, 1e9]),
    (5, [4, 4, 4, 4], [1e-4, 1e4, 1, 1]),
    (11, [4, 4, 4], [7, 1, 2]),
    (4, [6, 5], [1, 30]),
]


@pytest.mark.parametrize(("total", "sizes", "weights"), URNS)
def test_log_prob_matches_recursion_over_draws(total: int, sizes: list[int], weights: list[float]) -> None:
    exact = RationalUrn(total, sizes, weights).wallenius_law
    law = WalleniusHypergeometric(total, sizes, [float(w) for w in weights])
    error, bound = errors(law, list(exact), list(exact.values()))
    assert (error <= bound).all()
    assert error.max() <= 1e-13
    assert bound.max() <= 5e-13


@pytest.mark.parametrize(("total", "sizes", "weights"), URNS)
def test_sums_to_one_over_the_support(total: int, sizes: list[int], weights: list[float]) -> None:
    law = WalleniusHypergeometric(total, sizes, [float(w) for w in weights])
    assert law.log_prob(support(total, sizes)).exp().sum().item() == pytest.approx(1, abs=1e-13)


@pytest.mark.parametrize("odds", [1e-3, 0.2, 1.0, 2.5, 1e3])
@pytest.mark.parametrize(("total", "sizes"), [(12, (20, 15)), (30, (20, 15)), (1, (3, 4)), (60, (100, 80))])
def test_two_groups_match_scipy(total: int, sizes: list[int], odds: float) -> None:
    first = np.arange(max(0, total - sizes[1]), min(total, sizes[0]) + 1)
    expected = stats.nchypergeom_wallenius(sum(sizes), sizes[0], total, odds).pmf(first)
    counts = torch.tensor(np.stack([first, total - first], -1))
    got = WalleniusHypergeometric(total, sizes, [odds, 1.0]).log_prob(counts).exp().numpy()
    # scipy integrates to about 1e-8 relative, and returns zero below about 1e-300
    np.testing.assert_allclose(got, expected, rtol=2e-7, atol=1e-14)


def test_large_counts_match_recursion_in_fixed_point() -> None:
    sizes, weights, last, unit = (2000, 1500), (3, 2), (900, 500), 10**400
    row = [0] * (last[1] + 1)
    for i in range(last[0] + 1):
        for j in range(last[1] + 1):
            if i == j == 0:
                row[0] = unit
                continue
            first, second = weights[0] * (sizes[0] - i), weights[1] * (sizes[1] - j)
            came = row[j] * (first + weights[0]) // (first + weights[0] + second) if i else 0
            if j:
                came += row[j - 1] * (second + weights[1]) // (first + second + weights[1])
            row[j] = came
    law = WalleniusHypergeometric(sum(last), sizes, [float(w) for w in weights])
    error, bound = errors(law, [last], [Fraction(row[-1], unit)])
    assert error[0] <= bound[0] <= 1e-12
    assert error[0] <= 1e-13


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [
        ((2, 1, 3), (4, 5, 6)),
        ((300, 20, 150), (400, 500, 600)),
        ((30_000, 35_500, 100), (90_000, 100_000, 321)),
        ((5, 5), (100_000, 5)),
    ],
)
def test_equal_weights_are_central(counts: list[int], sizes: list[int]) -> None:
    central = Fraction(math.prod(map(math.comb, sizes, counts)), math.comb(sum(sizes), sum(counts)))
    for weight, most in ((1.0, 1e-11), (1e-30, 1e-10), (7e20, 1e-10)):
        law = WalleniusHypergeometric(sum(counts), sizes, [weight] * len(sizes))
        error, bound = errors(law, [counts], [central])
        assert error[0] <= bound[0] <= most


def test_error_bound_holds_and_is_not_idle() -> None:
    """On 150 random urns (seed fixed) the bound holds, and is within 1e-13 plus a few hundred roundings of the result."""
    generator = np.random.default_rng(3)
    ratios = []
    for _ in range(150):
        sizes = generator.integers(0, 6, size=3)
        total = int(generator.integers(0, sizes.sum() + 1))
        weights = np.exp(generator.normal(size=3) * 10 ** generator.uniform(-2, 1.3))
        exact = RationalUrn(total, sizes.tolist(), weights.tolist()).wallenius_law
        law = WalleniusHypergeometric(total, sizes, weights)
        error, bound = errors(law, list(exact), list(exact.values()))
        size = np.array([abs(float(log(p))) for p in exact.values()])
        assert (error <= bound).all()
        assert (bound <= 1e-13 + 400 * np.finfo(float).eps * size).all()
        ratios += (error[bound > 0] / bound[bound > 0]).tolist()
    assert max(ratios) > 0.02


def test_a_quadrature_that_does_not_converge_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hypergeo.numerics.wallenius.moments._HALVINGS", 0)
    with pytest.raises(ArithmeticError, match="did not converge"):
        _ = WalleniusHypergeometric(5, [4, 3, 5], [1.0, 2.0, 3.0]).mean
    with pytest.raises(ArithmeticError, match="marginals of Wallenius' distribution did not converge"):
        wallenius_log_marginals(torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[4, 3, 5]]), torch.tensor([5]))
    monkeypatch.setattr("hypergeo.numerics.wallenius.small_urn._HALVINGS", 0)
    with pytest.raises(ArithmeticError, match="distribution of 5 elements did not converge"):
        wallenius_tables(5, [4, 3, 5], [1.0, 2.0, 3.0])
    monkeypatch.setattr("hypergeo.numerics.wallenius.probability._HALVINGS", 1)
    log_prob, error = WalleniusHypergeometric(5, [4, 3, 5], [1.0, 20.0, 3.0]).log_prob_with_error(torch.tensor([0, 2, 3]))
    exact = RationalUrn(5, [4, 3, 5], [1, 20, 3]).wallenius_law[0, 2, 3]
    assert log_error(log_prob.item(), exact) <= error.item()
    assert error.item() > 1e-12


def test_scale_of_the_weights_does_not_matter() -> None:
    log_weights = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
    counts = support(7, [5, 4, 6])
    base = WalleniusHypergeometric(7, [5, 4, 6], log_weights=log_weights).log_prob(counts)
    for shift in (-700.0, -30.0, 30.0, 700.0):
        moved = WalleniusHypergeometric(7, [5, 4, 6], log_weights=log_weights + shift).log_prob(counts)
        torch.testing.assert_close(moved, base, rtol=0, atol=1e-11)


def test_gradient_matches_the_exact_law() -> None:
    """References are central differences in rational arithmetic, with an error of the squared step, 1e-24."""
    total, sizes, weights = 6, [4, 3, 5], [Fraction(1, 2), Fraction(2), Fraction(5)]
    step = Fraction(1, 10**12)
    leaf = torch.tensor([float(w) for w in weights], dtype=torch.float64, requires_grad=True)
    law = WalleniusHypergeometric(total, sizes, leaf)

    def moved(k: int, by: Fraction) -> Any:
        return RationalUrn(total, sizes, [w + by * (j == k) for j, w in enumerate(weights)]).wallenius_law

    sides = [(moved(k, step), moved(k, -step)) for k in range(3)]
    for x in support(total, sizes).tolist():
        (got,) = torch.autograd.grad(law.log_prob(torch.tensor(x)), leaf, retain_graph=True)
        expected = [float(log(up[tuple(x)]) - log(down[tuple(x)])) * 5e11 for up, down in sides]
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("total", "sizes", "log_weights"),
    [
        (5, [4, 3, 5], [0.3, -1.0, 2.0]),
        (9, [4, 3, 5], [3.0, -3.0, 0.0]),
        (11, [4, 3, 5], [0.3, -1.0, 2.0]),
        (4, [4, 0, 5], [0.3, -1.0, 2.0]),
    ],
)
def test_gradcheck(total: int, sizes: list[int], log_weights: list[float]) -> None:
    counts = support(total, sizes)
    leaf = torch.tensor(log_weights, dtype=torch.float64, requires_grad=True)

    def by_logs(logs: Tensor) -> Tensor:
        return WalleniusHypergeometric(total, sizes, log_weights=logs).log_prob(counts)

    def by_weights(weights: Tensor) -> Tensor:
        return WalleniusHypergeometric(total, sizes, weights).log_prob(counts)

    assert gradcheck(by_logs, leaf)
    assert gradcheck(by_weights, leaf.exp().detach().requires_grad_())
    assert gradgradcheck(lambda logs: by_logs(logs)[::5], leaf)


def test_gradient_is_the_score() -> None:
    """The expected score is zero, and the score sums to zero over the groups because the scale does not matter."""
    counts = support(6, [3, 5, 2, 4])
    leaf = torch.tensor([0.5, -2.0, 1.0, 4.0], dtype=torch.float64).repeat(len(counts), 1).requires_grad_()
    log_prob = WalleniusHypergeometric(6, [3, 5, 2, 4], log_weights=leaf).log_prob(counts)
    (scores,) = torch.autograd.grad(log_prob.sum(), leaf)
    torch.testing.assert_close(scores.sum(-1), torch.zeros(len(counts), dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(log_prob.detach().exp() @ scores, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-12)


def test_fuzz_stays_finite() -> None:
    """Empty groups, nothing or all drawn, forced groups, log weights to +-50, both precisions: no NaN anywhere."""
    generator = np.random.default_rng(11)
    for trial in range(300):
        groups = int(generator.integers(1, 7))
        sizes = generator.integers(0, 10 ** generator.integers(1, 4), size=groups) * (generator.random(groups) < 0.8)
        present = int(sizes.sum())
        total = [0, present, max(0, present - 1), int(generator.integers(0, present + 1))][trial % 4]
        dtype = (torch.float64, torch.float32)[trial // 4 % 2]
        logs = torch.tensor(generator.uniform(-50, 50, size=groups), dtype=dtype, requires_grad=True)
        law = WalleniusHypergeometric(total, sizes, log_weights=logs)
        drawn = law.sample((3,))
        assert law.support.check(drawn).all()
        spread = torch.as_tensor(stats.multivariate_hypergeom(sizes, total).rvs(3, random_state=generator))
        for counts in (drawn, spread):
            log_prob, error = law.log_prob_with_error(counts)
            assert log_prob.isfinite().all()
            assert (error >= 0).all()
            assert error.isfinite().all()
            assert log_prob.dtype == error.dtype == dtype
            assert (log_prob <= error).all()
            (grad,) = torch.autograd.grad(log_prob.sum(), logs)
            assert grad.isfinite().all()


def test_weights_hundreds_of_nats_apart() -> None:
    leaf = torch.tensor([0.0, 800.0, -800.0], dtype=torch.float64, requires_grad=True)
    law = WalleniusHypergeometric(5, [3, 4, 6], log_weights=leaf)
    log_prob = law.log_prob(torch.tensor([[1, 4, 0], [0, 4, 1], [1, 3, 1]]))
    # sure; the light group before the first, 6 e^-800 of 3; and two such jumps down
    assert log_prob[0].item() == pytest.approx(0, abs=1e-13)
    assert log_prob[1].item() == pytest.approx(math.log(6 / 3) - 800, rel=1e-13)
    assert -2500 < log_prob[2].item() < -1590
    (grad,) = torch.autograd.grad(log_prob[1], leaf)
    torch.testing.assert_close(grad, torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64), rtol=0, atol=1e-12)
    assert torch.equal(law.sample((10,)), torch.tensor([1.0, 4.0, 0.0], dtype=torch.float64).expand(10, 3))


@pytest.mark.parametrize(
    ("total", "sizes", "counts"),
    [(0, [3, 2], [0, 0]), (5, [3, 2], [3, 2]), (2, [4], [2]), (2, [0, 4, 0], [0, 2, 0]), (0, [0, 0], [0, 0])],
)
def test_certain_urns(total: int, sizes: list[int], counts: list[int]) -> None:
    leaf = torch.linspace(-1, 2, len(sizes), dtype=torch.float64).requires_grad_()
    law = WalleniusHypergeometric(total, sizes, log_weights=leaf)
    log_prob, error = law.log_prob_with_error(torch.tensor(counts))
    assert log_prob.item() == 0
    assert error.item() == 0
    assert torch.equal(torch.autograd.grad(log_prob, leaf)[0], torch.zeros(len(sizes), dtype=torch.float64))
    assert torch.equal(law.sample((4,)), torch.tensor(counts, dtype=torch.float64).expand(4, -1))


def test_zero_weights_are_never_drawn() -> None:
    weights = torch.tensor([2.0, 0.0, 1.0], dtype=torch.float64, requires_grad=True)
    law = WalleniusHypergeometric(4, [3, 5, 4], weights)
    without = WalleniusHypergeometric(4, [3, 4], [2.0, 1.0])
    counts = torch.tensor([[a, 0, 4 - a] for a in range(4)])
    log_prob = law.log_prob(counts)
    torch.testing.assert_close(log_prob, without.log_prob(counts[:, ::2]), rtol=0, atol=1e-14)
    assert law.log_prob(torch.tensor([2, 1, 1])).item() == -torch.inf
    assert (law.sample((200,))[:, 1] == 0).all()
    (grad,) = torch.autograd.grad(log_prob.sum() + law.log_prob(torch.tensor([1, 1, 2])).clamp(min=-9), weights)
    assert grad.isfinite().all()
    all_drawable = WalleniusHypergeometric(7, [3, 5, 4], [2.0, 0.0, 1.0])
    assert all_drawable.log_prob(torch.tensor([3, 0, 4])).item() == 0
    assert torch.equal(all_drawable.sample(), torch.tensor([3.0, 0.0, 4.0], dtype=torch.float64))


def test_outside_the_support() -> None:
    law = WalleniusHypergeometric(3, [2, 4], [1.0, 3.0], validate_args=False)
    outside = torch.tensor([[3.0, 0.0], [-1.0, 4.0], [1.0, 1.0], [0.5, 2.5]])
    assert (law.log_prob(outside) == -torch.inf).all()
    with pytest.raises(ValueError, match=r"value must hold whole counts between 0 and group_sizes = \[2, 4\]"):
        WalleniusHypergeometric(3, [2, 4], [1.0, 3.0], validate_args=True).log_prob(torch.tensor([3, 0]))
    with pytest.raises(ValueError, match="total_count must be at most"):
        WalleniusHypergeometric(7, [2, 4], validate_args=True)


def test_batches_broadcast() -> None:
    totals = torch.tensor([[0], [2], [5]])
    sizes = torch.tensor([[3, 2, 4], [1, 6, 0]])
    weights = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64) + torch.tensor([[0.0], [0.5]], dtype=torch.float64)
    law = WalleniusHypergeometric(totals, sizes, weights)
    assert law.batch_shape == (3, 2)
    assert law.event_shape == (3,)
    drawn = law.sample((7,))
    assert drawn.shape == (7, 3, 2, 3)
    assert law.support.check(drawn).all()
    log_prob = law.log_prob(drawn)
    assert log_prob.shape == (7, 3, 2)
    for i, j in itertools.product(range(3), range(2)):
        single = WalleniusHypergeometric(int(totals[i, 0]), sizes[j], weights[j])
        torch.testing.assert_close(log_prob[:, i, j], single.log_prob(drawn[:, i, j]), rtol=0, atol=1e-14)
    assert torch.equal(law.expand((4, 3, 2)).log_prob(drawn[:4]), log_prob[:4])
    assert law.expand((4, 3, 2)).sample((2,)).shape == (2, 4, 3, 2, 3)
    assert law.sample((0,)).shape == (0, 3, 2, 3)
    assert law.log_prob(law.sample((0,))).shape == (0, 3, 2)


def test_float32_against_float64() -> None:
    logs = torch.tensor([0.4, -1.1, 2.3])
    single = WalleniusHypergeometric(30, [20, 30, 40], log_weights=logs)
    double = WalleniusHypergeometric(30, [20, 30, 40], log_weights=logs.double())
    counts = double.sample((50,)).long()
    low, bound = single.log_prob_with_error(counts)
    assert low.dtype == single.sample().dtype == torch.float32
    assert ((low.double() - double.log_prob(counts)).abs() <= bound).all()
    assert (bound <= 2e-7 * (1 + low.abs())).all()


def test_thousand_groups_of_up_to_a_hundred_thousand() -> None:
    sizes = torch.randint(0, 100_001, (1000,))
    leaf = torch.randn(1000, dtype=torch.float64, requires_grad=True)
    law = WalleniusHypergeometric(int(sizes.sum()) // 3, sizes, log_weights=leaf)
    drawn = law.sample((20,))
    assert law.support.check(drawn).all()
    log_prob, error = law.log_prob_with_error(drawn)
    assert (log_prob < 0).all()
    assert (error < 1e-9).all()
    (grad,) = torch.autograd.grad(log_prob.sum(), leaf)
    assert grad.isfinite().all()
    assert grad.sum().abs() < 1e-6
