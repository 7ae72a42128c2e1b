"""Soft samples of more than two groups and their gradients, against finite differences for one noise.

Splits whose total is not whole interpolate between the two whole totals around it. Beside a whole total their slope is bounded
by design, so gradients are compared where all totals lie between a quarter and three quarters of the way.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric

URNS = {
    "three groups": (11, (6, 9, 8), (1.0, 3.0, 0.5)),
    "four groups": (14, (6, 9, 4, 7), (1.0, 3.0, 0.5, 2.0)),
    "crowded, four groups": (21, (6, 9, 5, 7), (0.5, 1.0, 6.0, 2.0)),
    "five groups": (16, (5, 7, 4, 8, 6), (1.0, 0.3, 2.0, 1.5, 0.7)),
}


def intermediate_totals(samples: Tensor) -> Tensor:
    """Returns the totals of the tree's inner nodes except the root, by repeated sums of neighbours; shape ``(S, nodes)``."""
    levels, level = [], samples
    while level.shape[-1] > 2:
        pairs = level.shape[-1] // 2
        joined = level[:, : 2 * pairs].unflatten(-1, (pairs, 2)).sum(-1)
        level = torch.cat([joined, level[:, 2 * pairs :]], -1)
        levels.append(level[:, :pairs] if level.shape[-1] > 1 else level[:, :0])
    return torch.cat(levels, -1) if levels else samples[:, :0]


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("name", URNS)
def test_soft_gradients_are_differences_of_soft_samples(name: str, temperature: float) -> None:
    """Directions of weights and temperature are random, the noise is fixed, the tolerance 1e-5 of each sample's slope."""
    total, sizes, weights = URNS[name]
    generator = torch.Generator().manual_seed(0)
    draws = 600 if len(sizes) < 5 else 2_400
    logs = torch.tensor(weights, dtype=torch.float64).log().repeat(draws, 1).requires_grad_()
    warmth = torch.full((draws,), temperature, dtype=torch.float64, requires_grad=True)
    steps = torch.randn(draws, len(sizes), generator=generator, dtype=torch.float64)
    heat = 0.3 * torch.randn(draws, generator=generator, dtype=torch.float64)
    direction = torch.randn(len(sizes), generator=generator, dtype=torch.float64)
    noise = RelaxedFisherHypergeometric(1.0, total, sizes, log_weights=logs).sample_noise()

    def samples(step: float) -> Tensor:
        law = RelaxedFisherHypergeometric(warmth + step * heat, total, sizes, log_weights=logs + step * steps)
        return law.rsample(noise=noise)

    counts = samples(0.0)
    gradients = torch.autograd.grad((counts @ direction).sum(), (logs, warmth))
    slope = (gradients[0] * steps).sum(-1) + gradients[1] * heat
    step = 1e-6
    difference = ((samples(step) - samples(-step)) @ direction / (2 * step)).detach()
    place = intermediate_totals(counts.detach()) % 1
    between = ((place > 0.27) & (place < 0.73)).all(-1)
    assert between.sum() >= 15
    torch.testing.assert_close(slope[between], difference[between], rtol=1e-5, atol=2e-6)
    assert slope.isfinite().all()


def test_hot_and_cold_samples_of_four_groups() -> None:
    """Cold samples have the exact mean, within five standard errors; hot ones no longer depend on the noise.

    False alarm below 1e-5; a bias of 0.1 counts is detected with probability 0.99.
    """
    total, sizes, weights = URNS["four groups"]
    cold = RelaxedFisherHypergeometric(0.01, total, sizes, weights).rsample((6_000,))
    exact = FisherHypergeometric(total, sizes, weights)
    assert ((cold.mean(0) - exact.mean) / (exact.variance / 6_000).sqrt()).abs().max() < 5
    hot = RelaxedFisherHypergeometric(1e8, total, sizes, weights).rsample((5,))
    torch.testing.assert_close(hot, hot[:1].expand(5, -1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["four groups", "five groups"])
def test_straight_through_gradients_of_more_than_three_groups_are_near_the_covariance(name: str) -> None:
    """The error is 6 % of the covariance (Frobenius norm) at most, with a Monte-Carlo error below 1.5 %: detects 11 %."""
    total, sizes, weights = URNS[name]
    logs = torch.tensor(weights, dtype=torch.float64).log().requires_grad_()
    blocks = []
    for _ in range(10):
        samples = RelaxedFisherHypergeometric(0.5, total, sizes, log_weights=logs, straight_through=True).rsample((2_000,))
        rows = [torch.autograd.grad(mean, logs, retain_graph=True)[0] for mean in samples.mean(0)]
        blocks.append(torch.stack(rows))
    jacobians = torch.stack(blocks)
    exact = FisherHypergeometric(total, sizes, weights).covariance_matrix
    assert (jacobians.std(0) / 10**0.5).norm() / exact.norm() < 0.015
    assert (jacobians.mean(0) - exact).norm() / exact.norm() < 0.06
