"""Many groups: the product of the covariance with a vector, and the estimators built on it, without the matrix."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hypergeo import FisherHypergeometric
from hypergeo.estimators import Estimator, ExactMarginal, LinearizedControlVariate, ScoreFunction
from tests.support.reference import RationalUrn


class LargestTensor(TorchDispatchMode):
    """Records the most elements that any tensor held in memory has, backward passes included."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.untyped_storage().nbytes() // tensor.element_size())
        return made


def urn_with(groups: int, drawn: int) -> tuple[FisherHypergeometric, Tensor]:
    logs = torch.linspace(-1, 1, groups, dtype=torch.float64, requires_grad=True)
    return FisherHypergeometric(drawn, [10] * groups, log_weights=logs), logs


@pytest.mark.parametrize(
    "estimator", [ExactMarginal(), LinearizedControlVariate(), LinearizedControlVariate(False), ScoreFunction()], ids=repr
)
def test_no_tensor_is_as_large_as_the_covariance(estimator: Estimator) -> None:
    """3,000 groups of 10: the matrix has 9 million elements; the largest tensor has less than a third of that."""
    law, _ = urn_with(3_000, 1_000)
    slope = torch.linspace(-1, 1, 3_000, dtype=torch.float64)
    with LargestTensor() as largest:
        estimator.surrogate_loss(law, lambda x: (x @ slope).square(), 2).backward()
    assert 30_000 <= largest.elements < 3_000**2 / 3


def test_the_record_sees_the_matrix_where_it_is_formed() -> None:
    law, _ = urn_with(300, 100)
    with LargestTensor() as largest:
        law.covariance_matrix.sum().backward()
    assert largest.elements >= 300**2


def test_a_thousand_groups_of_equal_weight() -> None:
    """The covariance is known: ``n (M - n) / (M - 1) / K (δ - 1 / K)``."""
    logs = torch.zeros(1000, dtype=torch.float64, requires_grad=True)
    law = FisherHypergeometric(1000, [10] * 1000, log_weights=logs)
    slope = torch.linspace(-1, 1, 1000, dtype=torch.float64)
    for estimator in (ExactMarginal(), LinearizedControlVariate()):
        (gradient,) = torch.autograd.grad(estimator.surrogate_loss(law, lambda x: x @ slope, 1), logs)
        factor = 1000 * 9000 / 9999 / 1000
        torch.testing.assert_close(gradient, factor * (slope - slope.mean()), rtol=1e-9, atol=1e-9)


def test_sixty_groups_against_rational_arithmetic() -> None:
    """Sizes and weights that differ: one row of the covariance, as the gradient of one group's count."""
    sizes, weights = [k % 5 for k in range(60)], [1.0 + k % 7 for k in range(60)]
    exact = [float(row[11]) for row in RationalUrn(40, sizes, weights).covariance]
    logs = torch.tensor(weights, dtype=torch.float64).log().requires_grad_()
    law = FisherHypergeometric(40, sizes, log_weights=logs)
    for estimator in (ExactMarginal(), LinearizedControlVariate()):
        (gradient,) = torch.autograd.grad(estimator.surrogate_loss(law, lambda x: x[..., 11], 1), logs)
        torch.testing.assert_close(gradient, torch.tensor(exact, dtype=torch.float64), rtol=0.0, atol=1e-10)


def test_many_groups_have_a_third_of_the_standard_deviation() -> None:
    """40 groups, where only the curvature along each group is taken off; 400 estimates know a deviation to 4 %."""
    logs = torch.linspace(-1, 1, 40, dtype=torch.float64).repeat(400, 1).requires_grad_()
    law = FisherHypergeometric(100, [8] * 40, log_weights=logs)
    objectives = {
        "quadratic": lambda x: (x - 2.5).square().sum(-1),
        "exponential": lambda x: (x / 5).exp().sum(-1),
        "log-cosh": lambda x: (x - 2.5).cosh().log().sum(-1),
        "softplus": lambda x: torch.nn.functional.softplus(x - 2.5).sum(-1),
        "root of the distance": lambda x: ((x - 2.5).square().sum(-1) + 1).sqrt(),
        "absolute value": lambda x: (x - 2.5).abs().sum(-1),
    }
    for name, objective in objectives.items():
        ours, plain = (
            torch.autograd.grad(estimator.surrogate_loss(law, objective, 4).sum(), logs)[0].std(0).norm()
            for estimator in (LinearizedControlVariate(), ScoreFunction())
        )
        assert ours <= plain * (0.5 if name == "absolute value" else 1 / 3), name
