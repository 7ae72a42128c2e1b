"""Estimators on random partitions against gradients by enumeration; false alarms of each test: 1e-6 by 4.9 standard errors."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, RandomPartition
from hypergeo.estimators import PlanEstimator, ScoreFunction

LABELS = torch.nn.functional.one_hot(torch.tensor(list(itertools.product(range(3), repeat=5))), 3).double()
LOGITS = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
TARGET = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def objective(value: Tensor) -> Tensor:
    return (value * TARGET).sum((-1, -2)).square()


def parameters() -> tuple[Tensor, Tensor]:
    return LOGITS.clone().requires_grad_(), torch.tensor([0.0, 0.7, -0.5], dtype=torch.float64, requires_grad=True)


def partition(logits: Tensor, log_weights: Tensor) -> RandomPartition:
    return RandomPartition(FisherHypergeometric(5, [3, 4, 5], log_weights=log_weights), logits, validate_args=False)


@pytest.mark.parametrize("baseline", ["leave-one-out", None])
def test_the_score_function_is_unbiased_in_logits_and_weights(baseline):
    """4,000 estimates of 8 samples; power: a relative error of a third in one entry is rejected."""
    logits, weights = parameters()
    expected = (partition(logits, weights).log_prob(LABELS).exp() * objective(LABELS)).sum()
    exact = torch.cat([grad.flatten() for grad in torch.autograd.grad(expected, (logits, weights))])
    many = LOGITS.expand(4000, 5, 3).clone().requires_grad_(), weights.detach().expand(4000, 3).clone().requires_grad_()
    loss = ScoreFunction(baseline).surrogate_loss(partition(*many), objective, 8, generator=torch.Generator().manual_seed(2))
    assert loss.shape == (4000,)
    grads = torch.autograd.grad(loss.sum(), many)
    each = torch.cat([grad.flatten(1) for grad in grads], 1)
    error = each.std(0) / len(each) ** 0.5
    assert ((each.mean(0) - exact).abs() <= 4.9 * error).all()
    assert not ((each.mean(0) - 1.33 * exact).abs() <= 4.9 * error).all()


def test_the_plan_has_no_noise_and_the_bias_that_it_states():
    """A linear objective with normal weights: below 0.4 of the gradient's norm at five elements."""
    logits, weights = parameters()
    linear = lambda value: (value * TARGET).sum((-1, -2))  # noqa: E731
    expected = (partition(logits, weights).log_prob(LABELS).exp() * linear(LABELS)).sum()
    (exact,) = torch.autograd.grad(expected, logits)
    grads = []
    for seed in (0, 1):
        loss = PlanEstimator().surrogate_loss(
            partition(logits, weights), linear, 3, generator=torch.Generator().manual_seed(seed)
        )
        grads.append(torch.autograd.grad(loss, logits)[0])
    assert torch.allclose(grads[0], grads[1], atol=1e-12)
    assert (grads[0] - exact).norm() <= 0.4 * exact.norm()


def test_errors_name_the_argument():
    law = partition(*parameters())
    with pytest.raises(ValueError, match="num_samples must be"):
        PlanEstimator().surrogate_loss(law, objective, 0)
    assert PlanEstimator().surrogate_loss(law, objective, 1).isfinite(), "one sample is enough"
    with pytest.raises(ValueError, match="objective must map matrices"):
        PlanEstimator().surrogate_loss(law, lambda value: value, 2)
