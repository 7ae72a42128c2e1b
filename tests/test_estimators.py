"""Gradient estimators against the exact gradient: bias, spread, and what the interface promises."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric
from hypergeo.estimators import (
    Estimator,
    Exact,
    ExactMarginal,
    GumbelSoftmax,
    LinearizedControlVariate,
    ScoreFunction,
    StraightThrough,
)

from .reference import RationalUrn

TARGET = torch.tensor([5.0, 5.0, 5.0], dtype=torch.float64)
OBJECTIVES: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x @ torch.tensor([1.0, -2.0, 0.5], dtype=x.dtype),
    "quadratic": lambda x: (x - TARGET.to(x.dtype)).square().sum(-1),
    "absolute value": lambda x: (x - TARGET.to(x.dtype)).abs().sum(-1),
    "step": lambda x: (x[..., 0] >= 4).to(x.dtype),
}
SMOOTH: dict[str, Callable[[Tensor], Tensor]] = {
    "quadratic": OBJECTIVES["quadratic"],
    "exponential": lambda x: (x / 5).exp().sum(-1),
    "cubic": lambda x: x[..., 0] ** 3 - x[..., 1] ** 2 * x[..., 2],
}
URNS = [(15, (10, 10, 10), (1.0, 2.0, 4.0)), (6, (3, 9, 5), (2.0, 1.0, 0.3)), (8, (8, 8, 8), (1.0, 1.0, 1.0))]
UNBIASED: list[Estimator] = [ScoreFunction(), LinearizedControlVariate(), LinearizedControlVariate(curvature=False)]
ALL: list[Estimator] = [*UNBIASED, ScoreFunction(None), ExactMarginal(), StraightThrough(0.5), GumbelSoftmax(0.5), Exact()]


def gradients(
    estimator: Estimator,
    urn: tuple[int, tuple[int, ...], tuple[float, ...]],
    objective: Callable[[Tensor], Tensor],
    num_samples: int,
    number: int,
) -> Tensor:
    """Independent estimates of the gradient in the log weights, one for each copy of the urn in a batch: ``(number, K)``."""
    total_count, sizes, weights = urn
    logs = torch.tensor(weights, dtype=torch.float64).log().repeat(number, 1).requires_grad_()
    law = FisherHypergeometric(total_count, sizes, log_weights=logs)
    return torch.autograd.grad(estimator.surrogate_loss(law, objective, num_samples).sum(), logs)[0]


def exact_gradient(urn: tuple[int, tuple[int, ...], tuple[float, ...]], objective: Callable[[Tensor], Tensor]) -> Tensor:
    """``Cov(f(x), x)`` by enumeration, without a backward pass."""
    law = FisherHypergeometric(*urn)
    counts = law.enumerate_support()
    probability, values = law.log_prob(counts).exp(), objective(counts)
    mean = probability @ counts
    return (probability * (values - probability @ values)) @ (counts - mean)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("urn", URNS, ids=str)
def test_the_exact_gradient_is_the_covariance_with_the_objective(
    urn: tuple[int, tuple[int, ...], tuple[float, ...]], objective: Callable[[Tensor], Tensor]
) -> None:
    found = gradients(Exact(), urn, objective, 1, 2)
    torch.testing.assert_close(found, exact_gradient(urn, objective).expand(2, -1), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("urn", URNS, ids=str)
@pytest.mark.parametrize("estimator", UNBIASED, ids=repr)
def test_no_bias_is_detectable(
    estimator: Estimator, urn: tuple[int, tuple[int, ...], tuple[float, ...]], objective: Callable[[Tensor], Tensor]
) -> None:
    """z-tests on 20,000 estimates of four samples: false alarm 1e-6 in each of 36 cases of three, so 1e-4 in all.

    Power: a bias of a tenth of one estimate's standard deviation is 14 standard errors, and is missed with probability 1e-15.
    """
    torch.manual_seed(1)
    found = gradients(estimator, urn, objective, 4, 20_000)
    error = found.mean(0) - exact_gradient(urn, objective)
    bound = 4.9 * found.std(0) / math.sqrt(len(found))
    assert (error.abs() <= bound + 1e-10).all()


@pytest.mark.parametrize(
    "wrong", [StraightThrough(0.5, "merged"), GumbelSoftmax(0.5, "merged")], ids=["straight-through", "soft"]
)
def test_the_merged_rule_is_caught_as_biased_where_exact_conditionals_are_not(wrong: StraightThrough | GumbelSoftmax) -> None:
    """The published rule misses a linear gradient by more than 10 % of its norm, exact conditionals by less than 5 %."""
    urn, objective = (15, (10, 10, 10), (1.0, 10.0, 1.0)), OBJECTIVES["linear"]
    truth = exact_gradient(urn, objective)
    torch.manual_seed(2)
    for estimator, low, high in ((wrong, 0.1, 10.0), (type(wrong)(0.5), 0.0, 0.05)):
        error = gradients(estimator, urn, objective, 2_000, 40).mean(0) - truth
        assert low <= error.norm() / truth.norm() <= high


def test_a_flipped_sign_is_caught() -> None:
    """The check of :func:`test_no_bias_is_detectable`, on estimates of the wrong sign, must fail: the gap is 2 gradients."""
    torch.manual_seed(1)
    found = -gradients(LinearizedControlVariate(), URNS[0], OBJECTIVES["absolute value"], 4, 20_000)
    error = found.mean(0) - exact_gradient(URNS[0], OBJECTIVES["absolute value"])
    assert (error.abs() > 4.9 * found.std(0) / math.sqrt(len(found)) + 1e-10).any()


@pytest.mark.parametrize("urn", URNS, ids=str)
def test_linear_gradients_are_rows_of_the_rational_covariance(urn: tuple[int, tuple[int, ...], tuple[float, ...]]) -> None:
    row = torch.tensor([float(c) for c in RationalUrn(*urn).covariance[0]], dtype=torch.float64)
    for estimator in (Exact(), ExactMarginal()):
        torch.testing.assert_close(gradients(estimator, urn, lambda x: x[..., 0], 1, 1)[0], row, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("curvature", [True, False])
def test_an_infinite_slope_at_the_mean_leaves_the_estimate_finite(curvature: bool) -> None:
    weights = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    law = FisherHypergeometric(5, [4, 5, 6], weights)
    LinearizedControlVariate(curvature).surrogate_loss(law, lambda x: x.sqrt().sum(-1), 4).backward()
    assert weights.grad is not None
    assert weights.grad.isfinite().all()


def test_the_exact_marginal_is_exact_for_linear_objectives() -> None:
    found = gradients(ExactMarginal(), URNS[0], OBJECTIVES["linear"], 1, 100)
    assert (found - exact_gradient(URNS[0], OBJECTIVES["linear"])).abs().max() <= 1e-10


@pytest.mark.parametrize("name", ["quadratic", "absolute value"])
def test_the_exact_marginal_with_one_sample_beats_leave_one_out_with_four(name: str) -> None:
    """By root mean squared error; 20,000 estimates each know it to about 1 %, and the gap is 12 % or more."""
    torch.manual_seed(3)
    truth = exact_gradient(URNS[0], OBJECTIVES[name])
    one = gradients(ExactMarginal(), URNS[0], OBJECTIVES[name], 1, 20_000) - truth
    four = gradients(ScoreFunction(), URNS[0], OBJECTIVES[name], 4, 20_000) - truth
    assert one.square().sum(-1).mean().sqrt() < four.square().sum(-1).mean().sqrt()


@pytest.mark.parametrize("objective", SMOOTH.values(), ids=SMOOTH)
def test_the_control_variate_spreads_a_third_of_leave_one_out(objective: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(4)
    ours, plain = (gradients(e, URNS[0], objective, 4, 4_000).std(0).norm() for e in (UNBIASED[1], UNBIASED[0]))
    assert ours <= plain / 3


@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_the_loss_has_the_shape_of_the_batch_and_the_dtype_of_the_weights(estimator: Estimator) -> None:
    logs = torch.zeros(2, 1, 3, requires_grad=True)
    law = FisherHypergeometric([5, 7], [[4, 5, 6], [3, 3, 8]], log_weights=logs)
    loss = estimator.surrogate_loss(law, OBJECTIVES["quadratic"], 4)
    assert loss.shape == (2, 2)
    assert loss.dtype == torch.float32
    loss.sum().backward()
    assert logs.grad is not None
    assert logs.grad.isfinite().all()
    assert (logs.grad.sum(-1).abs() <= 1e-3 * logs.grad.abs().sum(-1)).all()


@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_flat_objectives_and_weights_of_zero_have_finite_gradients(estimator: Estimator) -> None:
    weights = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    law = FisherHypergeometric(5, [4, 5, 6], weights)
    estimator.surrogate_loss(law, OBJECTIVES["step"], 3).backward()
    assert weights.grad is not None
    assert weights.grad.isfinite().all()
    assert weights.grad[1] == 0


@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_the_objectives_own_parameters_get_their_gradient(estimator: Estimator) -> None:
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    law = FisherHypergeometric(*URNS[0])
    loss = estimator.surrogate_loss(law, lambda x: scale * x.sum(-1), 5)
    loss.backward()
    assert scale.grad is not None
    torch.testing.assert_close(scale.grad, torch.tensor(15.0, dtype=torch.float64))
    torch.testing.assert_close(loss.detach(), torch.tensor(30.0, dtype=torch.float64))


def test_exact_says_what_it_cannot_list_and_the_others_how_many_samples_they_need() -> None:
    with pytest.raises(ValueError, match=r"at most 2,000,000 count vectors.*allow"):
        Exact().surrogate_loss(FisherHypergeometric(300, [100] * 6), lambda x: x.sum(-1), 1)
    with pytest.raises(ValueError, match="num_samples must be at least 2"):
        ScoreFunction().surrogate_loss(FisherHypergeometric(*URNS[0]), lambda x: x.sum(-1), 1)
    with pytest.raises(ValueError, match="num_samples must be at least 1"):
        ExactMarginal().surrogate_loss(FisherHypergeometric(*URNS[0]), lambda x: x.sum(-1), 0)
    with pytest.raises(ValueError, match="baseline"):
        ScoreFunction("moving average")  # type: ignore[arg-type]


def test_a_thousand_groups_need_no_matrix_of_covariances() -> None:
    """For equal weights the covariance is known: ``n (M - n) / (M - 1) / K (δ - 1 / K)``."""
    logs = torch.zeros(1000, dtype=torch.float64, requires_grad=True)
    law = FisherHypergeometric(1000, [10] * 1000, log_weights=logs)
    slope = torch.linspace(-1, 1, 1000, dtype=torch.float64)
    ExactMarginal().surrogate_loss(law, lambda x: x @ slope, 1).backward()
    factor = 1000 * 9000 / 9999 / 1000
    assert logs.grad is not None
    torch.testing.assert_close(logs.grad, factor * (slope - slope.mean()), rtol=1e-9, atol=1e-9)
