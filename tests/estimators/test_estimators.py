"""What the estimators' interface promises: shapes, dtypes, gradients of all that has one, and errors that people understand."""

from __future__ import annotations

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
    Objective,
    ScoreFunction,
    StraightThrough,
)
from tests.support.gradient_problems import OBJECTIVES, URNS, Problem, exact_gradient, gradients

ALL: list[Estimator] = [
    ScoreFunction(),
    ScoreFunction(None),
    LinearizedControlVariate(),
    LinearizedControlVariate(curvature=False),
    ExactMarginal(),
    StraightThrough(0.5),
    StraightThrough(0.5, "merged"),
    GumbelSoftmax(0.5),
    Exact(),
]
every_estimator = pytest.mark.parametrize("estimator", ALL, ids=repr)


def squared_distance(x: Tensor) -> Tensor:
    return (x - 5).square().sum(-1)


def step(x: Tensor) -> Tensor:
    return (x[..., 0] >= 4).to(x.dtype)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("urn", URNS, ids=str)
def test_the_exact_gradient_is_the_rational_covariance_with_the_objective(urn: Problem, name: str) -> None:
    objective = OBJECTIVES[name](urn)
    estimates = gradients(Exact(), urn, objective, 1, 2)
    torch.testing.assert_close(estimates, exact_gradient(urn, objective).expand(2, -1), rtol=1e-11, atol=1e-11)


def test_estimators_are_of_the_protocol_and_have_words() -> None:
    assert all(isinstance(estimator, Estimator) for estimator in ALL)
    assert repr(StraightThrough(0.5)) == "StraightThrough(temperature=0.5, conditionals='exact')"


@every_estimator
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loss_has_the_shape_of_the_batch_and_the_dtype_of_the_weights(estimator: Estimator, dtype: torch.dtype) -> None:
    logs = torch.zeros(2, 1, 3, dtype=dtype, requires_grad=True)
    law = FisherHypergeometric([5, 7], [[4, 5, 6], [3, 3, 8]], log_weights=logs)
    seen = []

    def objective(x: Tensor) -> Tensor:
        seen.append(x.dtype)
        return squared_distance(x)

    loss = estimator.surrogate_loss(law, objective, 4)
    assert loss.shape == (2, 2)
    assert loss.dtype == dtype
    assert set(seen) == {dtype}
    loss.sum().backward()
    assert logs.grad is not None
    assert logs.grad.isfinite().all()
    # Scaling all weights changes nothing, so the components add up to zero.
    assert (logs.grad.sum(-1).abs() <= 1e-3 * logs.grad.abs().sum(-1)).all()


@every_estimator
@pytest.mark.parametrize("num_samples", [2, 5])
def test_the_objective_receives_possible_counts(estimator: Estimator, num_samples: int) -> None:
    """Or relaxed ones: they add up to the number drawn, and lie between zero and the group sizes."""
    sizes = torch.tensor([[4, 5, 6], [30, 1, 2], [2, 0, 7]])
    law = FisherHypergeometric([5, 7, 9], sizes, [[1.0, 3.0, 0.1], [1.0, 20.0, 1.0], [1.0, 1.0, 1.0]])

    def objective(x: Tensor) -> Tensor:
        assert x.shape[1:] == (3, 3)
        if getattr(estimator, "conditionals", "exact") == "exact":
            torch.testing.assert_close(x.sum(-1).detach(), law.total_count.double().expand(x.shape[:-1]))
        assert (x >= -1e-9).all()
        assert (x <= sizes + 1e-9).all()
        return squared_distance(x)

    estimator.surrogate_loss(law, objective, num_samples)


@every_estimator
def test_each_urn_of_a_batch_has_an_objective_of_its_own(estimator: Estimator) -> None:
    """Targets of the batch's shape, also for an expanded distribution: an urn's objective affects only its own gradient."""
    targets = torch.tensor([[3.0, 5.0, 7.0], [8.0, 4.0, 3.0]], dtype=torch.float64)
    logs = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)

    def objective(x: Tensor) -> Tensor:
        return (x - targets).square().sum(-1)

    law = FisherHypergeometric(15, [10, 10, 10], log_weights=logs)
    loss = estimator.surrogate_loss(law, objective, 400)
    assert torch.autograd.grad(loss[0], logs, retain_graph=True)[0][1].abs().max() == 0
    batch = torch.autograd.grad(loss.sum(), logs)[0]
    wide = FisherHypergeometric(15, [10, 10, 10], log_weights=torch.zeros(3, dtype=torch.float64)).expand([2])
    assert estimator.surrogate_loss(wide, objective, 3).shape == (2,)
    for gradient, target in zip(batch, targets, strict=True):
        exact = exact_gradient(Problem(15, (10, 10, 10), (1.0, 1.0, 1.0)), lambda x, t=target: (x - t).square().sum(-1))
        assert float(gradient @ exact) > 0.8 * float(gradient.norm() * exact.norm())


@every_estimator
def test_flat_objectives_and_weights_of_zero_have_finite_gradients(estimator: Estimator) -> None:
    weights = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    law = FisherHypergeometric(5, [4, 5, 6], weights)
    estimator.surrogate_loss(law, step, 3).backward()
    assert weights.grad is not None
    assert weights.grad.isfinite().all()
    assert weights.grad[1] == 0


@every_estimator
@pytest.mark.parametrize(
    "constant",
    [
        lambda x: torch.full(x.shape[:-1], 2.0, dtype=x.dtype),
        lambda x: 2 + 0 * x.sum(-1),
        lambda x: x.new_ones(x.shape[:-1]) * 2,
    ],
)
def test_objectives_that_do_not_depend_on_the_counts_have_a_gradient_of_zero(estimator: Estimator, constant: Objective) -> None:
    logs = torch.zeros(4, 3, requires_grad=True)
    loss = estimator.surrogate_loss(FisherHypergeometric(15, [10, 10, 10], log_weights=logs), constant, 4)
    torch.testing.assert_close(loss.detach(), torch.full((4,), 2.0))
    loss.sum().backward()
    assert logs.grad is not None
    bound = 30 if estimator == ScoreFunction(None) else 1e-4  # without a baseline, a constant is noise
    assert logs.grad.abs().max() <= bound


@every_estimator
@pytest.mark.parametrize("values", [lambda x: x[..., 0] >= 4, lambda x: x[..., 0].long()], ids=["bool", "int64"])
def test_truth_values_and_whole_numbers_are_numbers(estimator: Estimator, values: Objective) -> None:
    logs = torch.zeros(3, requires_grad=True)
    loss = estimator.surrogate_loss(FisherHypergeometric(15, [10, 10, 10], log_weights=logs), values, 4)
    assert loss.dtype == torch.float32
    loss.backward()
    assert logs.grad is not None
    assert logs.grad.isfinite().all()


@every_estimator
def test_the_objectives_own_parameters_get_their_gradient(estimator: Estimator) -> None:
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    loss = estimator.surrogate_loss(FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0]), lambda x: scale * x.sum(-1), 5)
    loss.backward()
    assert scale.grad is not None
    torch.testing.assert_close(scale.grad, torch.tensor(15.0, dtype=torch.float64))
    torch.testing.assert_close(loss.detach(), torch.tensor(30.0, dtype=torch.float64))


@every_estimator
def test_laws_without_gradient_are_evaluated(estimator: Estimator) -> None:
    """Weights that need no gradient, and no gradient wanted, as when a trained model is tried."""
    law = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
    assert not estimator.surrogate_loss(law, squared_distance, 3).requires_grad
    logs = torch.zeros(3, requires_grad=True)
    with torch.no_grad():
        loss = estimator.surrogate_loss(FisherHypergeometric(15, [10, 10, 10], log_weights=logs), squared_distance, 3)
    assert not loss.requires_grad
    assert loss.isfinite()


@pytest.mark.parametrize(
    ("estimator", "autocast"),
    [
        *((estimator, None) for estimator in ALL),
        (LinearizedControlVariate(), torch.bfloat16),
        (GumbelSoftmax(0.5), torch.bfloat16),
    ],
    ids=str,
)
def test_a_network_learns_to_reach_sizes_in_a_training_loop(estimator: Estimator, autocast: torch.dtype | None) -> None:
    """A batch of urns of different sizes, float32 weights that a layer gives, and a mean distance that falls by 40 %."""
    torch.manual_seed(5)
    features = torch.eye(4)
    layer = torch.nn.Linear(4, 3)
    sizes = torch.tensor([[10, 10, 10], [20, 5, 8], [9, 9, 9], [6, 12, 20]])
    targets = torch.tensor([[8.0, 5.0, 2.0], [9.0, 4.0, 2.0], [1.0, 7.0, 7.0], [2.0, 3.0, 10.0]])
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)

    @torch.no_grad()
    def distance() -> float:
        return float((FisherHypergeometric(15, sizes, log_weights=layer(features)).mean - targets).abs().sum(-1).mean())

    before = distance()
    for _ in range(40):
        with torch.autocast("cpu", dtype=autocast or torch.bfloat16, enabled=autocast is not None):
            law = FisherHypergeometric(15, sizes, log_weights=layer(features).float())
            loss = estimator.surrogate_loss(law, lambda x: (x - targets).square().sum(-1), 8).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert distance() < (0.6 if getattr(estimator, "conditionals", "exact") == "exact" else 0.8) * before


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (lambda x: x, r"objective must map counts of shape \(\d+, 2, 3\) to .* \(\d+, 2\), .* got shape \(\d+, 2, 3\)"),
        (lambda x: x.sum(), r"got shape \(\)"),
        (lambda x: x.sum(-1).mean(0), r"got shape \(2,\)"),
        (lambda x: x.sum(-1, keepdim=True), r"got shape \(\d+, 2, 1\)"),
        (lambda x: 3.0, r"objective must return a tensor of shape \(\d+, 2\); got float"),
        (lambda x: None, "got NoneType"),
    ],
    ids=["counts", "sum of all", "mean over samples", "kept axis", "number", "nothing"],
)
@every_estimator
def test_objectives_of_the_wrong_shape_are_named(estimator: Estimator, values: Callable[[Tensor], Tensor], words: str) -> None:
    law = FisherHypergeometric(15, [10, 10, 10], torch.ones(2, 3))
    with pytest.raises(ValueError, match=words):
        estimator.surrogate_loss(law, values, 4)


@pytest.mark.parametrize("estimator", ALL[:-1], ids=repr)
@pytest.mark.parametrize(
    ("num_samples", "words"),
    [(0, "must be at least [12] for this estimator; got 0"), (-3, "got -3"), (2.0, "whole number; got 2.0"), ("4", "got '4'")],
)
def test_invalid_numbers_of_samples_are_named(estimator: Estimator, num_samples: object, words: str) -> None:
    law = FisherHypergeometric(15, [10, 10, 10])
    with pytest.raises(ValueError, match=f"num_samples.*{words}"):
        estimator.surrogate_loss(law, squared_distance, num_samples)  # type: ignore[arg-type]


def test_one_sample_has_no_others_to_leave_out() -> None:
    with pytest.raises(ValueError, match="num_samples must be at least 2"):
        ScoreFunction().surrogate_loss(FisherHypergeometric(15, [10, 10, 10]), squared_distance, 1)


def test_exact_says_what_it_cannot_list_and_baselines_must_be_known() -> None:
    with pytest.raises(ValueError, match=r"at most 2,000,000 count vectors.*allow"):
        Exact().surrogate_loss(FisherHypergeometric(300, [100] * 6), lambda x: x.sum(-1), 1)
    with pytest.raises(ValueError, match="at most 10 count vectors"):
        Exact(max_support=10).surrogate_loss(FisherHypergeometric(15, [10, 10, 10]), squared_distance)
    with pytest.raises(ValueError, match="baseline"):
        ScoreFunction("moving average")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="conditionals"):
        StraightThrough(0.5, "approximate").surrogate_loss(FisherHypergeometric(15, [10, 10, 10]), squared_distance, 2)
    with pytest.raises(ValueError, match="temperature"):
        GumbelSoftmax(-1.0).surrogate_loss(FisherHypergeometric(15, [10, 10, 10]), squared_distance, 2)
