"""Scores of models against constructed cases and independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from hypergeo.datasets import Sprites
from hypergeo.shared_factors import PairView
from hypergeo.shared_factors.autoencoder import symmetric_kl
from hypergeo.shared_factors.fixed_rules import (
    closest,
)
from hypergeo.shared_factors.scores import Collapse, collapse, correlation, masked_r2, match_factors, rank_correlations, score
from tests.support.sharing_rules import generator


def view_of(estimate: Tensor, mean: Tensor, log_var: Tensor | None = None, distances: Tensor | None = None) -> PairView:
    log_var = torch.full_like(mean, -3.0) if log_var is None else log_var
    distances = symmetric_kl(mean, log_var) if distances is None else distances
    d = mean.shape[-1]
    law = torch.nn.functional.one_hot(estimate.round().long(), d + 1).double()
    shared = closest(distances, estimate.round()) > 0.5
    return PairView(mean, log_var, distances, law, estimate, estimate, shared, estimate, mean)


def test_collapse_is_detected_and_named():
    mean = torch.randn(4, 50, 2, 3, generator=generator(1), dtype=torch.float64)
    log_var = torch.full_like(mean, -3.0)
    mean[3, ..., 1], log_var[3, ..., 1] = 0.05, 0.0
    estimate = torch.stack([torch.full((50,), 2.9), torch.full((50,), 0.2), torch.linspace(0, 3, 50), torch.full((50,), 1.0)])
    result = collapse(view_of(estimate.double(), mean, log_var))
    assert result == [
        Collapse(True, False, ()),
        Collapse(False, True, ()),
        Collapse(False, False, ()),
        Collapse(False, False, (1,)),
    ]
    assert [str(each) for each in result] == ["all shared", "none shared", "no collapse", "unused: dimension 2"]
    assert [bool(each) for each in result] == [True, True, False, True]


def test_scores_of_a_perfect_model_and_of_a_blind_one():
    pairs = Sprites().pairs(1_000, (0, 5), generator(2))
    order = torch.tensor([3, 0, 4, 1, 2])
    latents = (pairs.factors.double() * 2 - 1)[..., order] ** 3
    perfect = score(view_of(pairs.num_shared.double()[None], latents[None]), [pairs])[0]
    assert perfect.squared_error == perfect.pooled_squared_error == perfect.bias == 0
    assert perfect.correlation == pytest.approx(1.0)
    assert perfect.pooled_correlation == pytest.approx(1.0)
    assert perfect.mask_accuracy == 1.0
    assert perfect.shared_r2 > 0.8
    assert perfect.independent_r2 > 0.8
    blind_latents = torch.randn(latents.shape, generator=generator(3), dtype=torch.float64)
    blind = score(view_of(torch.full((1, 1_000), 2.0, dtype=torch.float64), blind_latents[None]), [pairs])[0]
    truth = pairs.num_shared.double()
    assert blind.squared_error == pytest.approx((truth - 2).square().mean().item())
    assert blind.bias == pytest.approx(2 - truth.mean().item())
    assert math.isnan(blind.correlation)
    assert blind.shared_r2 < 0.1
    assert blind.independent_r2 < 0.1
    assert abs(blind.mask_accuracy - 0.5) < 0.1


def test_pooling_averages_groups_of_the_same_number():
    pairs = Sprites().pairs(640, (1, 2), generator(4))
    noise = torch.randn(640, generator=generator(5), dtype=torch.float64)
    view = view_of((pairs.num_shared + noise)[None].clamp(0, 5), torch.randn(1, 640, 2, 5, generator=generator(6)).double())
    result = score(view, [pairs])[0]
    assert result.pooled_squared_error < result.squared_error / 5
    assert result.pooled_correlation > result.correlation + 0.2


def test_r2_by_least_squares():
    """A ridge regression is least squares with one more row for each coefficient, which should be zero."""
    latents = torch.randn(600, 3, generator=generator(7), dtype=torch.float64)
    kept = torch.rand(600, 3, generator=generator(8)) < 0.5
    factors = (latents[:, :1] ** 2 + latents[:, 1:2] + 0.1 * torch.randn(600, 1, generator=generator(9))).double()
    wanted = torch.rand(600, 1, generator=generator(10)) < 0.8
    scaled = (latents - latents.mean(0)) / latents.std(0) * kept
    columns = [torch.ones(600, dtype=torch.float64), *kept.double().T, *scaled.T]
    columns += [scaled[:, i] * scaled[:, j] for i in range(3) for j in range(i, 3)]
    features, rows = torch.stack(columns, 1).numpy(), wanted[:, 0].nonzero()[:, 0].numpy()
    fit, test = rows[::2], rows[1::2]
    target = factors[:, 0].numpy()
    held = np.sqrt(1e-3 * len(fit)) * np.eye(features.shape[1])
    known = np.concatenate([target[fit] - target[fit].mean(), np.zeros(len(held))])
    weights = np.linalg.lstsq(np.concatenate([features[fit], held]), known, rcond=None)[0]
    missed = target[test] - target[fit].mean() - features[test] @ weights
    expected = 1 - (missed**2).sum() / ((target[test] - target[test].mean()) ** 2).sum()
    assert masked_r2(latents, kept, factors, wanted) == pytest.approx(expected, abs=1e-9)
    assert math.isnan(masked_r2(latents, kept, factors, wanted & False))


def test_factors_are_matched_to_their_dimensions():
    factors = torch.rand(300, 3, generator=generator(11))
    latents = torch.stack(
        [factors[:, 2], torch.rand(300, generator=generator(12)), -(factors[:, 0] ** 5), factors[:, 1].exp()], 1
    )
    assert match_factors(latents, factors).tolist() == [2, 3, 0]
    assert sorted(match_factors(latents[:, :1], factors).tolist()) == [-1, -1, 0]


def test_correlations_by_hand():
    first, second = torch.randn(2, 30, generator=generator(13), dtype=torch.float64)
    expected = np.corrcoef(first.numpy(), second.numpy())[0, 1]
    assert correlation(first, second) == pytest.approx(expected)
    assert math.isnan(correlation(first, torch.ones(30)))
    assert math.isnan(correlation(first[:1], second[:1]))
    ranked = torch.tensor([[1.0, 7.0], [2.0, 7.0], [2.0, 7.0], [9.0, 7.0]])  # ranks 1, 2.5, 2.5, 4 and the same for all
    result = rank_correlations(ranked, torch.tensor([[4.0], [3.0], [2.0], [1.0]]))
    assert result.tolist() == [[pytest.approx(4.5 / (4.5 * 5) ** 0.5), 0.0]]
