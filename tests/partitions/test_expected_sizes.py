"""Expected sizes by the characteristic function: against rational arithmetic, and against convolutions where urns are large."""

from __future__ import annotations

import math

import pytest
import torch

from hypergeo import FisherHypergeometric
from hypergeo.partitions.expected_sizes import expected_sizes
from tests.support.reference import RationalUrn


@pytest.mark.parametrize(
    ("total", "sizes", "weights"),
    [
        (6, (4, 3, 5), (1.0, 2.5, 0.25)),
        (9, (9, 9), (1.0, 64.0)),
        (0, (3, 2), (1.0, 2.0)),
        (5, (3, 2), (1.0, 2.0)),
        (4, (3, 2, 6), (0.0, 2.0, 1.0)),
        (1, (1, 1, 1, 1), (1.0, 2.0, 4.0, 8.0)),
    ],
)
def test_means_and_derivatives_are_those_of_rational_arithmetic(total, sizes, weights):
    law = {counts: float(chance) for counts, chance in RationalUrn(total, sizes, weights).law.items()}
    logs = torch.tensor([math.log(weight) if weight else -math.inf for weight in weights], dtype=torch.float64).requires_grad_()
    mean = expected_sizes(torch.tensor(total), torch.tensor(sizes), logs)
    groups = range(len(sizes))
    exact = [sum(chance * counts[k] for counts, chance in law.items()) for k in groups]
    assert mean.tolist() == pytest.approx(exact, abs=1e-13)
    for k in groups:
        (grad,) = torch.autograd.grad(mean[k], logs, retain_graph=True)
        covariance = [sum(p * counts[k] * counts[j] for counts, p in law.items()) - exact[k] * exact[j] for j in groups]
        assert grad.tolist() == pytest.approx(covariance, abs=1e-12)


@pytest.mark.parametrize(("total", "sizes"), [(1000, [1000] * 10), (500, [3, 2000, 700]), (64, [64, 0, 64])])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_large_urns_agree_with_convolutions(total, sizes, scale):
    """Batches of two urns: an absolute error of rounding, however extreme the weights."""
    logs = scale * torch.randn(2, len(sizes), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    urn = FisherHypergeometric(total, sizes, log_weights=logs.requires_grad_())
    mean = expected_sizes(urn.total_count, urn.group_sizes, urn.log_weights)
    assert (mean - urn.mean).abs().max() <= 1e-14 * total * len(sizes)
    loss = torch.randn(2, len(sizes), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    ours, theirs = (torch.autograd.grad((values * loss).sum(), logs, retain_graph=True)[0] for values in (mean, urn.mean))
    assert (ours - theirs).abs().max() <= 1e-13 * total * len(sizes)
