"""Distribution functions of single counts in both tails, their ends and their gradients, against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import pytest
import torch
from torch.autograd import gradcheck

from hypergeo import FisherHypergeometric, WalleniusHypergeometric
from tests.support.reference import RationalUrn, log_error, relative_error, shared_urn

URNS = {
    "tails": (60, (60, 60, 60), (1.0, 1.1, 0.9)),
    "deep tails": (100, (100, 100), (1e3, 1e-3)),
    "zero weight": (6, (5, 4, 6), (2.0, 0.0, 0.5)),
    "forced": (11, (5, 4, 6), (2.0, 3.0, 1e-9)),
    "certain": (15, (5, 4, 6), (2.0, 3.0, 1.0)),
    "one group": (3, (7,), (2.0,)),
}


@cache
def marginals(law: type, name: str) -> list[list[Fraction]]:
    urn = shared_urn(*URNS[name])
    if law is FisherHypergeometric:
        return urn.marginals()
    joint = urn.wallenius_law
    return [
        [sum((p for x, p in joint.items() if x[k] == c), Fraction(0)) for c in range(size + 1)]
        for k, size in enumerate(urn.group_sizes)
    ]


CASES: list[Any] = [(FisherHypergeometric, name) for name in URNS]
CASES += [(WalleniusHypergeometric, name) for name in ("zero weight", "forced", "certain", "one group")]


@pytest.mark.parametrize(("law", "name"), CASES)
def test_both_tails_have_all_their_digits(law: type, name: str) -> None:
    """Relative errors are 1e-12 at most, down to the smallest double; logarithms also below that."""
    total, sizes, weights = URNS[name]
    urn = law(total, list(sizes), list(weights))
    thresholds = torch.arange(-1, max(sizes) + 1, dtype=torch.float64)[:, None].expand(-1, len(sizes))
    results = [f(thresholds).tolist() for f in (urn.cdf, urn.survival, urn.log_cdf, urn.log_survival)]
    smallest = Fraction(1)
    for k, row in enumerate(marginals(law, name)):
        for place in range(len(thresholds)):
            lower = sum(row[:place], Fraction(0))
            cdf, survival, log_cdf, log_survival = (r[place][k] for r in results)
            for got, logarithm, exact in ((cdf, log_cdf, lower), (survival, log_survival, 1 - lower)):
                if exact == 0 or exact > Fraction(1, 10**300):
                    assert relative_error(got, exact) <= 1e-12
                    assert got <= 1
                smallest = min(smallest, exact or smallest)
                assert log_error(logarithm, exact) <= 1e-12 * (1 + abs(logarithm) / 100 if exact else 1)
                assert logarithm <= 0
    if name == "deep tails":
        assert smallest < Fraction(1, 10**500)


@pytest.mark.parametrize(("law", "name"), CASES)
def test_quantiles_invert_the_distribution_function_to_its_ends(law: type, name: str) -> None:
    total, sizes, weights = URNS[name]
    for dtype in (torch.float64, torch.float32):
        urn = law(total, list(sizes), torch.tensor(weights, dtype=dtype))
        for k, row in enumerate(marginals(law, name)):
            possible = [c for c, p in enumerate(row) if p]
            assert urn.icdf(torch.zeros(len(sizes), dtype=dtype))[k].item() == possible[0]
            assert urn.icdf(torch.ones(len(sizes), dtype=dtype))[k].item() == possible[-1]
            for count in possible:
                probability = urn.cdf(torch.full((len(sizes),), float(count), dtype=dtype))
                if 0 < probability[k] < 1:
                    assert urn.icdf(probability)[k].item() <= count
                    if row[count] > 1e-5:
                        assert urn.icdf(probability)[k].item() == count


def test_a_quantile_of_one_is_the_largest_count() -> None:
    assert FisherHypergeometric(180, [200] * 3, [1.0, 5.0, 1.0]).icdf(torch.ones(3)).tolist() == [180.0] * 3


@pytest.mark.parametrize("law", [FisherHypergeometric, WalleniusHypergeometric])
@pytest.mark.parametrize("function", ["cdf", "survival", "log_cdf", "log_survival"])
def test_gradients(law: type, function: str) -> None:
    logs = torch.tensor([[0.3, -1.0, 0.5], [1.0, 0.0, 2.0]], dtype=torch.float64, requires_grad=True)
    value = torch.tensor([[0.0, 3.0, 1.0], [2.0, 1.0, 2.0]])
    assert gradcheck(lambda w: getattr(law(5, [4, 5, 3], log_weights=w), function)(value), (logs,))


def test_the_gradient_in_a_tail_is_a_difference_of_conditional_means() -> None:
    """``d log P(x_k > c) / d log w_j = E[x_j | x_k > c] - E[x_j]`` in rational arithmetic, in a tail of 1e-145."""
    total, sizes, weights = 60, (60, 60, 60), (1.0, 1e-3, 2.0)
    logs = torch.tensor(weights, dtype=torch.float64).log().requires_grad_()
    tail = FisherHypergeometric(total, list(sizes), log_weights=logs).log_survival([0.0, 58.0, 0.0])[1]
    assert tail < -200
    (gradient,) = torch.autograd.grad(tail, logs)
    urn = RationalUrn(total, sizes, [Fraction(w) for w in weights])
    tail_law = {x: urn.pmf(x) for x in urn.support() if x[1] > 58}
    mass = sum(tail_law.values())
    for j in range(3):
        expected = sum(x[j] * p for x, p in tail_law.items()) / mass - urn.mean[j]
        assert gradient[j].item() == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("law", [FisherHypergeometric, WalleniusHypergeometric])
def test_nothing_exceeds_its_bound(law: type) -> None:
    urns = [law(15, [10] * 3, [1.0, 2.0, 4.0]), law(5, [8, 8], [1e-300, 1.0]), law(30, [10] * 3, [0.3, 0.7, 1.1])]
    for urn in urns:
        assert (urn.log_prob(urn.enumerate_support()) <= 0).all()
        assert (urn.marginal_log_prob() <= 0).all()
        assert (urn.cdf(urn.group_sizes) == 1).all()
        assert (urn.survival(urn.group_sizes) == 0).all()
        assert (urn.mean <= urn.group_sizes).all()
        assert urn.entropy() >= 0
        assert (urn.variance >= 0).all()
