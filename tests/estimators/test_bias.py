"""No bias in a million samples; biased estimators are rejected."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric
from hypergeo.estimators import (
    Estimator,
    ExactMarginal,
    GumbelSoftmax,
    LinearizedControlVariate,
    Objective,
    ScoreFunction,
    StraightThrough,
)
from tests.support.gradient_problems import OBJECTIVES, URNS, Problem, bias, exact_gradient, gradients

# The estimator, the number of samples of each estimate, and of all estimates. `python -m tests.benchmarks unbiased` uses
# a million samples for each; here the simplest estimator, and one sample per expansion, which costs more than it, use fewer.
CASES: list[tuple[Estimator, int, int]] = [
    (ScoreFunction(None), 1, 250_000),
    (ScoreFunction(), 4, 1_000_000),
    (LinearizedControlVariate(), 16, 1_000_000),
    (LinearizedControlVariate(), 1, 100_000),
    (LinearizedControlVariate(curvature=False), 8, 250_000),
]


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("urn", URNS, ids=str)
@pytest.mark.parametrize(("estimator", "num_samples", "total"), CASES, ids=lambda value: f"{value!r}")
def test_no_bias_is_detectable(estimator: Estimator, num_samples: int, total: int, urn: Problem, name: str) -> None:
    """t-tests of each component: false alarm 1e-6 over all cases together.

    Power, as computed by ``Bias.seen``: a bias of 6 % of the gradient (of 4 % for the estimators with a baseline) would be
    missed with probability 1e-6 at a million samples.
    """
    torch.manual_seed(1)
    result = bias(estimator, urn, OBJECTIVES[name](urn), num_samples, total)
    assert not result.significant, (result.error / result.noise, result.limit)
    most = 0.06 if estimator == ScoreFunction(None) else 0.04
    assert result.seen < most * (1_000_000 / total) ** 0.5


@dataclass(frozen=True)
class Wrong:
    """An estimator with a mistake in it, of a kind that people make."""

    mistake: str

    def surrogate_loss(
        self,
        distribution: FisherHypergeometric,
        objective: Objective,
        num_samples: int,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        if self.mistake == "sign":
            loss = ScoreFunction().surrogate_loss(distribution, objective, num_samples, generator=generator)
            return 2 * loss.detach() - loss
        counts = distribution.sample((num_samples,), generator=generator)
        values = objective(counts)
        if self.mistake == "own sample in the baseline":
            return values.mean(0) + ((values - values.mean(0)) * distribution.log_prob(counts)).mean(0)
        if self.mistake == "three per cent":
            loss = ScoreFunction().surrogate_loss(distribution, objective, num_samples, generator=generator)
            return loss.detach() + 1.03 * (loss - loss.detach())
        # A quadratic is taken off as a control variate, and its gradient never put back.
        rest = values - (counts - distribution.mean.detach()).square().sum(-1)
        advantage = (rest - rest.mean(0)) * (num_samples / (num_samples - 1))
        return values.mean(0) + (advantage * distribution.log_prob(counts)).mean(0)


@pytest.mark.parametrize(
    ("wrong", "name", "num_samples", "total"),
    [
        (Wrong("sign"), "linear", 4, 40_000),
        (Wrong("sign"), "absolute value", 4, 40_000),
        (Wrong("sign"), "step", 4, 40_000),
        (Wrong("own sample in the baseline"), "absolute value", 16, 1_000_000),
        (Wrong("three per cent"), "absolute value", 4, 1_000_000),
        (Wrong("control variate without its gradient"), "linear", 4, 200_000),
        (ExactMarginal(), "absolute value", 4, 400_000),
        (GumbelSoftmax(0.5), "quadratic", 4, 100_000),
        (StraightThrough(0.5, "merged"), "linear", 4, 100_000),
        (GumbelSoftmax(0.5, "merged"), "linear", 4, 100_000),
    ],
    ids=str,
)
def test_biased_estimators_are_caught(wrong: Estimator, name: str, num_samples: int, total: int) -> None:
    """The same test rejects them with at most as many samples."""
    torch.manual_seed(1)
    assert bias(wrong, URNS[0], OBJECTIVES[name](URNS[0]), num_samples, total).significant


@pytest.mark.parametrize("kind", [StraightThrough, GumbelSoftmax])
def test_the_merged_rule_is_biased_where_exact_conditionals_are_nearly_not(
    kind: type[StraightThrough] | type[GumbelSoftmax],
) -> None:
    """The published rule misses a linear gradient by more than 10 % of its norm, exact conditionals by less than 5 %."""
    urn = Problem(15, (10, 10, 10), (1.0, 10.0, 1.0))
    objective = OBJECTIVES["linear"](urn)
    truth = exact_gradient(urn, objective)
    torch.manual_seed(2)
    for estimator, low, high in ((kind(0.5, "merged"), 0.1, 10.0), (kind(0.5), 0.0, 0.05)):
        error = gradients(estimator, urn, objective, 2_000, 40).mean(0) - truth
        assert low <= error.norm() / truth.norm() <= high
