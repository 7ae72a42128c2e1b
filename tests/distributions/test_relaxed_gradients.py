"""Gradients of relaxed samples: straight-through gradients against the exact covariance, and a descent with them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from tests.support.reference import shared_urn

URNS = [(180, (200, 200, 200)), (15, (10, 10, 10))]
WEIGHTS = [(1.0, 1.0, 1.0), (1.0, 5.0, 1.0), (5.0, 1.0, 0.5), (0.4, 1.0, 4.0), (1.0, 1.0, 10.0), (10.0, 10.0, 1.0)]
SETTINGS = [(0.5, w) for w in WEIGHTS] + [(1.0, w) for w in WEIGHTS] + [(0.1, (1.0, 5.0, 1.0)), (0.1, (1.0, 1.0, 10.0))]
TOLERANCE, MONTE_CARLO = 0.05, 0.01
# At temperature one a softmax over few likely counts is too smooth: with weights that differ by a factor of 10 and groups of
# 10, the variances are 5.5 % too small, measured with 400,000 samples.
DIAGONAL_TOLERANCE = {0.1: TOLERANCE, 0.5: TOLERANCE, 1.0: 0.065}
DRAWS = {0.1: 400_000, 0.5: 40_000, 1.0: 40_000}  # the gradient's variance grows as the temperature falls
BLOCK = 2_000


def jacobian(samples: Tensor, logs: Tensor) -> Tensor:
    """Returns the gradient of the mean of each count with respect to the log weights, shape ``(K, K)``.

    Args:
        samples: relaxed samples, shape ``(S, K)``; their constant sum gives the last row.
        logs: log weights, shape ``(K,)``.
    """
    rows = [torch.autograd.grad(mean, logs, retain_graph=True)[0] for mean in samples.mean(0)[:-1]]
    return torch.stack([*rows, -torch.stack(rows).sum(0)])


@pytest.mark.parametrize(("temperature", "weights"), SETTINGS, ids=str)
@pytest.mark.parametrize(("total_count", "sizes"), URNS, ids=str)
def test_straight_through_gradient_of_the_mean(
    total_count: int, sizes: tuple[int, ...], temperature: float, weights: tuple[float, ...]
) -> None:
    """The error is 5 % of the covariance (Frobenius norm) and of each variance at most, and 6.5 % at temperature one.

    The Monte-Carlo error, from the variance between blocks of samples, must be below 1 % for both; it is not subtracted.
    """
    logs = torch.tensor(weights, dtype=torch.float64).log().requires_grad_()
    law = RelaxedFisherHypergeometric(temperature, total_count, sizes, log_weights=logs, straight_through=True)
    (of_the_sum,) = torch.autograd.grad(law.rsample((BLOCK,)).sum(-1).mean(), logs)
    assert of_the_sum.abs().max() < 1e-9 * total_count
    blocks = torch.stack([jacobian(law.rsample((BLOCK,)), logs) for _ in range(DRAWS[temperature] // BLOCK)])
    gradient, standard_error = blocks.mean(0), blocks.std(0) / len(blocks) ** 0.5
    exact = torch.tensor([[float(c) for c in row] for row in shared_urn(total_count, sizes, weights).covariance]).double()
    assert standard_error.norm() / exact.norm() < MONTE_CARLO
    assert (standard_error.diagonal() / exact.diagonal()).max() < MONTE_CARLO
    assert (gradient - exact).norm() / exact.norm() <= TOLERANCE
    assert ((gradient - exact).diagonal().abs() / exact.diagonal()).max() <= DIAGONAL_TOLERANCE[temperature]


@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("temperature", [1e-3, 0.5, 1e3])
def test_the_temperature_has_a_gradient(temperature: float, conditionals: str, straight_through: bool) -> None:
    warmth = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
    law = RelaxedFisherHypergeometric(
        warmth, 15, [10, 8, 6, 4], [1.0, 3.0, 0.5, 2.0], straight_through=straight_through, conditionals=conditionals
    )
    (gradient,) = torch.autograd.grad(law.rsample((100,)).square().sum(), warmth)
    assert gradient.shape == ()
    assert gradient.isfinite()
    assert gradient != 0 or temperature < 0.5


@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("conditionals", ["exact", "merged"])
def test_gradients_reach_each_urn_of_a_batch_and_no_other(conditionals: str, straight_through: bool) -> None:
    weights = torch.rand(4, 1, 3, dtype=torch.float64) + 0.5
    weights.requires_grad_()
    law = RelaxedFisherHypergeometric(
        0.5, [5, 7], [4, 5, 6], weights, straight_through=straight_through, conditionals=conditionals
    )
    samples = law.rsample((10,))
    assert samples.shape == (10, 4, 2, 3)
    (everything,) = torch.autograd.grad(samples.square().sum(), weights, retain_graph=True)
    assert everything.shape == weights.shape
    assert (everything != 0).all()
    (second,) = torch.autograd.grad(samples[:, 1].square().sum(), weights)
    assert (second[1] != 0).all()
    assert (second[[0, 2, 3]] == 0).all()


@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("conditionals", ["exact", "merged"])
def test_the_sum_of_the_counts_has_no_gradient(conditionals: str, straight_through: bool) -> None:
    """The sum of the counts is constant, so its gradient is zero."""
    logs = torch.tensor([0.3, -1.0, 2.0, 0.0], dtype=torch.float64, requires_grad=True)
    law = RelaxedFisherHypergeometric(
        0.7, 15, [10, 8, 6, 4], log_weights=logs, straight_through=straight_through, conditionals=conditionals
    )
    samples = law.rsample((200,))
    (of_one,) = torch.autograd.grad(samples[:, 0].sum(), logs, retain_graph=True)
    (of_sum,) = torch.autograd.grad(samples.sum(), logs)
    assert of_sum.abs().max() <= 1e-9 * of_one.abs().max()


def test_straight_through_has_the_gradient_of_a_soft_path() -> None:
    """Gradients of hard and of soft samples have the same signs, for each group against the others."""
    logs = torch.tensor([0.3, -1.0, 1.0], dtype=torch.float64, requires_grad=True)
    soft = RelaxedFisherHypergeometric(0.5, 15, [10, 8, 6], log_weights=logs)
    hard = RelaxedFisherHypergeometric(0.5, 15, [10, 8, 6], log_weights=logs, straight_through=True)
    noise = soft.sample_noise((20_000,))
    for law in (soft, hard):
        assert torch.equal(jacobian(law.rsample((20_000,), noise=noise), logs).sign(), 2 * torch.eye(3).double() - 1)


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_soft_gradient_is_that_of_the_soft_sample(temperature: float, conditionals: str) -> None:
    """For one noise, differences of each soft sample agree with its gradient, in the weights and the temperature.

    Two groups have one split, whose total is whole: beside a whole total the slope of later splits is bounded.
    """
    logs = torch.tensor([0.3, -1.0], dtype=torch.float64).repeat(200, 1).requires_grad_()
    warmth = torch.full((200,), temperature, dtype=torch.float64, requires_grad=True)
    steps, heat = torch.randn(200, 2, dtype=torch.float64), torch.randn(200, dtype=torch.float64)

    def first_count(step: float) -> Tensor:
        law = RelaxedFisherHypergeometric(
            warmth + step * heat, 15, [10, 18], log_weights=logs + step * steps, conditionals=conditionals
        )
        return law.rsample(noise=noise)[:, 0]

    noise = RelaxedFisherHypergeometric(1.0, 15, [10, 18], log_weights=logs, conditionals=conditionals).sample_noise()
    gradients = torch.autograd.grad(first_count(0.0).sum(), (logs, warmth))
    slope = (gradients[0] * steps).sum(-1) + gradients[1] * heat
    step = 1e-6 * temperature
    difference = ((first_count(step) - first_count(-step)) / (2 * step)).detach()
    torch.testing.assert_close(slope, difference, rtol=1e-5, atol=1e-6)


def test_gradient_of_an_optimisation_finds_the_weights() -> None:
    """Stochastic gradient descent on straight-through samples brings the mean counts to a target."""
    target = FisherHypergeometric(15, [10, 10, 10], [1.0, 3.0, 0.5]).mean
    logs = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([logs], lr=0.05)
    for _ in range(200):
        law = RelaxedFisherHypergeometric(0.5, 15, [10, 10, 10], log_weights=logs, straight_through=True)
        loss = (law.rsample((500,)).mean(0) - target).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    mean = FisherHypergeometric(15, [10, 10, 10], log_weights=logs.detach()).mean
    assert (mean - target).abs().max() < 0.2


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("empty", [(1,), (1, 3), (3, 4)], ids=str)
def test_groups_that_give_nothing_take_no_gradient(empty: tuple[int, ...], straight_through: bool, conditionals: str) -> None:
    """A weight or a size of zero gives a zero gradient; the counts of the other groups have the whole gradient.

    The sum of the counts is fixed: for any noise, columns of each sample's Jacobian sum to zero, and rows and columns of
    empty groups are zero.
    """
    sizes, weights = [4, 5, 6, 5, 3], [1.0, 2.0, 0.5, 1.5, 1.0]
    for by_weight in (True, False):
        shown = [0 if k in empty and not by_weight else size for k, size in enumerate(sizes)]
        chosen = torch.tensor([0.0 if k in empty and by_weight else weight for k, weight in enumerate(weights)]).double()
        logs = chosen.log().requires_grad_()
        law = RelaxedFisherHypergeometric(
            0.5, 6, shown, log_weights=logs, straight_through=straight_through, conditionals=conditionals
        )
        gradient = jacobian(law.rsample((20_000,)), logs)
        kept = [k for k in range(5) if k not in empty]
        assert gradient[list(empty)].abs().max() < 1e-12
        assert gradient[:, list(empty)].abs().max() < 1e-12
        assert gradient.sum(0).abs().max() < 1e-9
        if conditionals == "exact":
            exact = FisherHypergeometric(6, [sizes[k] for k in kept], [weights[k] for k in kept]).covariance_matrix
            assert (gradient[kept][:, kept] - exact).norm() / exact.norm() < 0.1
