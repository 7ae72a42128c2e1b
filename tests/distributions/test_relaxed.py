"""The relaxation: bounds and sums at every temperature, the limit, hard samples, reusable noise, merged conditionals.

The statistical tests use the G-test of ``test_fisher_sampling``, whose false-alarm rate (1e-6) and power hold here too:
100,000 samples over 20 cells detect a total variation of 0.016, over 80 cells 0.02.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from tests.support.reference import (
    FALSE_ALARM,
    RationalUrn,
    detectable_distance,
    draw,
    g_test,
    merge_cells,
    shared_urn,
    total_variation,
)

DRAWS = 100_000
TEMPERATURES = [1e-3, 0.1, 1.0, 10.0, 1e3]
URNS: dict[str, tuple[int, tuple[int, ...], tuple[float, ...]]] = {
    "three groups": (6, (4, 3, 5), (1.0, 2.5, 0.3)),
    "published example": (20, (20, 20, 20), (1.0, 5.0, 1.0)),
    "five groups": (8, (3, 4, 2, 5, 4), (0.5, 1.0, 4.0, 2.0, 0.1)),
    "six groups, one empty": (9, (2, 0, 5, 3, 4, 1), (1.0, 7.0, 0.2, 3.0, 1.0, 5.0)),
    "far weights": (7, (4, 6, 5), (1e6, 1.0, 0.5)),
    "two groups": (12, (15, 20), (1.0, 3.0)),
}
SOFT_URNS: dict[str, tuple[int, Any, Any]] = {
    **URNS,
    "none drawn": (0, (4, 3, 5), (1.0, 2.5, 0.3)),
    "all drawn": (12, (4, 3, 5), (1.0, 2.5, 0.3)),
    "zero weight": (6, (4, 3, 5), (1.0, 0.0, 0.3)),
    "forced by zero weights": (9, (4, 3, 5), (1.0, 0.0, 0.3)),
    "extreme weights": (9, (4, 3, 5, 8), (1e20, 1e-20, 1.0, 1e10)),
    "single elements": (4, (1,) * 9, tuple(2.0**k for k in range(9))),
    "one group": (4, (6,), (2.0,)),
    "large": (180, (200, 200, 200), (1.0, 5.0, 1.0)),
    "thirty groups": (200, (20,) * 30, tuple(1.1**k for k in range(30))),
}


def relaxed(temperature: float, name: str, **more: Any) -> RelaxedFisherHypergeometric:
    return RelaxedFisherHypergeometric(temperature, *SOFT_URNS[name], **more)


def assert_within_bounds(samples: Tensor, name: str) -> None:
    total_count, sizes, _ = SOFT_URNS[name]
    assert samples.isfinite().all()
    assert ((samples.sum(-1) - total_count).abs() <= 1e-9 * total_count).all()
    assert (samples >= 0).all()
    assert (samples <= torch.tensor(sizes)).all()


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", URNS)
def test_hard_samples_follow_the_exact_law_at_every_temperature(name: str, temperature: float) -> None:
    samples = relaxed(temperature, name, straight_through=True).rsample((DRAWS,))
    assert g_test(samples.numpy(), shared_urn(*URNS[name]).law) > FALSE_ALARM


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("with_noise", [False, True])
@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("name", ["three groups", "five groups"])
def test_hard_samples_follow_the_law_with_noise_given_or_not_with_gradient_or_not(
    name: str, gradient: bool, with_noise: bool, conditionals: str
) -> None:
    total_count, sizes, weights = URNS[name]
    logs = torch.tensor(weights, dtype=torch.float64).log().requires_grad_(gradient)
    law = RelaxedFisherHypergeometric(
        1.0, total_count, sizes, log_weights=logs, straight_through=True, conditionals=conditionals
    )
    samples = law.rsample((DRAWS,), noise=law.sample_noise((DRAWS,)) if with_noise else None)
    assert samples.requires_grad is gradient
    urn = shared_urn(*URNS[name])
    assert g_test(samples.detach().numpy(), urn.law if conditionals == "exact" else urn.merged_law) > FALSE_ALARM


@pytest.mark.parametrize("temperature", [0.1, 10.0])
def test_p_values_of_hard_samples_are_uniform(temperature: float) -> None:
    """Kolmogorov-Smirnov over 200 seeds rejects an error of 0.3 of the distribution function with probability 0.999."""
    law, urn = relaxed(temperature, "five groups", straight_through=True), shared_urn(*URNS["five groups"])
    p_values = []
    for seed in range(200):
        torch.manual_seed(seed)
        p_values.append(g_test(law.rsample((10_000,)).numpy(), urn.law))
    assert stats.kstest(p_values, "uniform").pvalue > FALSE_ALARM


def test_hard_samples_of_large_groups() -> None:
    samples = relaxed(0.5, "large", straight_through=True).rsample((200_000,))
    assert g_test(samples.numpy(), shared_urn(*SOFT_URNS["large"]).law) > FALSE_ALARM


@pytest.mark.parametrize(("rows", "samples"), [(60_000, 1), (100, 600)])
def test_hard_samples_of_many_rows_in_float32(rows: int, samples: int) -> None:
    """Float32 weights, a vector for each of many rows: tables, convolutions and noise are float32.

    Power: a distribution at a total variation of 0.032 from the exact one is rejected with probability 0.999.
    """
    total_count, sizes, weights = urn = (30, (20, 25, 15, 30), (1.0, 3.0, 0.5, 2.0))
    exact = shared_urn(*urn).law
    logs = torch.tensor(weights).log().repeat(rows, 1).requires_grad_()
    law = RelaxedFisherHypergeometric(0.5, total_count, sizes, log_weights=logs, straight_through=True)
    counts = law.rsample((samples,)).detach()
    assert counts.dtype == torch.float32
    cells = len(np.unique(merge_cells(np.array([float(p) for p in exact.values()]) * rows * samples, 100.0)))
    assert detectable_distance(rows * samples, cells) < 0.032
    assert g_test(counts.flatten(0, 1).numpy(), exact) > FALSE_ALARM / 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("urn", [(15, (10, 10, 10), (1.0, 2.0, 4.0)), (100, (90, 80, 70), (1.0, 2.0, 0.5))])
def test_hard_samples_one_at_a_time(urn: tuple[int, tuple[int, ...], tuple[float, ...]], dtype: torch.dtype) -> None:
    """Each of 2,000 calls returns one sample. Power: a total variation of 0.125 is rejected with probability 0.999."""
    total_count, sizes, weights = urn
    exact = shared_urn(*urn).law
    logs = torch.tensor(weights, dtype=dtype).log().requires_grad_()
    law = RelaxedFisherHypergeometric(0.5, total_count, sizes, log_weights=logs, straight_through=True)
    counts = torch.stack([law.rsample().detach() for _ in range(2_000)])
    cells = len(np.unique(merge_cells(np.array([float(p) for p in exact.values()]) * 2_000, 50.0)))
    assert detectable_distance(2_000, cells) < 0.125
    assert g_test(counts.numpy(), exact, 50.0) > FALSE_ALARM / 4


def test_hard_samples_of_a_batch() -> None:
    """Samples of each urn in a batch of different totals, sizes, weights and temperatures have the urn's distribution."""
    totals, sizes = torch.tensor([5, 8, 3]), torch.tensor([[4, 3, 5, 0], [2, 6, 3, 4], [5, 5, 5, 1]])
    weights = torch.tensor([[[1.0, 2.0, 0.5, 1.0]], [[3.0, 1.0, 1.0, 0.25]]])
    law = RelaxedFisherHypergeometric(torch.tensor([0.1, 1.0, 10.0]), totals, sizes, weights, straight_through=True)
    assert law.batch_shape == (2, 3)
    samples = law.rsample((50_000,)).numpy()
    for i in range(2):
        for j in range(3):
            urn = RationalUrn(int(totals[j]), sizes[j].tolist(), weights[i, 0].tolist())
            assert g_test(samples[:, i, j], urn.law) > FALSE_ALARM / 6


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", SOFT_URNS)
def test_samples_keep_sum_and_bounds(name: str, temperature: float, conditionals: str) -> None:
    for straight_through in (False, True):
        law = relaxed(temperature, name, conditionals=conditionals, straight_through=straight_through)
        samples = law.rsample((300,))
        assert_within_bounds(samples, name)
        assert law.support.check(samples).all()
        if straight_through:
            assert torch.equal(samples, samples.round())


@pytest.mark.parametrize("name", ["three groups", "five groups", "large"])
def test_soft_samples_are_not_whole_at_moderate_temperatures(name: str) -> None:
    samples = relaxed(1.0, name).rsample((100,))
    assert ((samples - samples.round()).abs() > 1e-3).any(-1).double().mean() > 0.9


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_soft_samples_have_one_law_with_noise_given_or_not(temperature: float, conditionals: str) -> None:
    """Two-sample Kolmogorov-Smirnov tests of each count detect a difference of 0.035 with 20,000 samples each."""
    law = relaxed(temperature, "five groups", conditionals=conditionals)
    drawn, reused = law.rsample((20_000,)), law.rsample((20_000,), noise=law.sample_noise((20_000,)))
    for one, other in zip(drawn.T.numpy(), reused.T.numpy(), strict=True):
        assert stats.ks_2samp(one, other).pvalue > FALSE_ALARM / 5


def test_soft_samples_approach_the_hard_ones_of_the_same_noise() -> None:
    """The mean distance |soft - hard| of a count decreases with the temperature, to below 0.005 at 1e-3.

    It is positive at any temperature, as for some noise the scores of two counts differ by less than the temperature.
    """
    urn = 30, [9, 14, 6, 21, 11], [1.0, 2.0, 0.5, 1.5, 0.8]
    hard_law = RelaxedFisherHypergeometric(1.0, *urn, straight_through=True)
    noise = hard_law.sample_noise((5_000,))
    hard = hard_law.rsample((5_000,), noise=noise)
    distances = []
    for temperature in (1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0):
        soft = RelaxedFisherHypergeometric(temperature, *urn).rsample((5_000,), noise=noise)
        distances.append((soft - hard).abs().mean().item())
    assert distances == sorted(distances)
    assert distances[0] < 0.005
    assert distances[-1] > 0.5


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("name", ["three groups", "five groups", "six groups, one empty", "large", "thirty groups"])
def test_every_single_soft_sample_tends_to_its_hard_one(name: str, conditionals: str) -> None:
    law = relaxed(1.0, name, straight_through=True, conditionals=conditionals)
    noise = law.sample_noise((200,))
    hard = law.rsample((200,), noise=noise)
    soft = relaxed(1e-7, name, conditionals=conditionals).rsample((200,), noise=noise)
    assert ((soft - hard).abs().amax(-1) < 1e-3).double().mean() >= 0.99


@pytest.mark.parametrize("name", ["three groups", "six groups, one empty", "thirty groups"])
def test_hard_samples_of_one_noise_are_the_same_at_all_temperatures(name: str) -> None:
    noise = relaxed(1.0, name).sample_noise((500,))
    first, *others = (relaxed(t, name, straight_through=True).rsample((500,), noise=noise) for t in TEMPERATURES)
    assert all(torch.equal(first, other) for other in others)
    assert len(first.unique(dim=0)) > 10


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
def test_noise(conditionals: str) -> None:
    """Noise is a float64 tensor whose layout depends on the counts and the conditionals alone."""
    counts: dict[str, Any] = {"total_count": 30, "group_sizes": [9, 14, 6, 21, 11], "conditionals": conditionals}
    law = RelaxedFisherHypergeometric(0.5, **counts, weights=torch.rand(4, 1, 5) + 0.1)
    torch.manual_seed(7)
    noise = law.sample_noise((3, 2))
    assert noise.dtype == torch.float64
    assert noise.shape[:-1] == (3, 2, 4, 1)
    assert noise.isfinite().all()
    torch.manual_seed(7)
    assert torch.equal(law.sample_noise((3, 2)), noise)
    for temperature, weights in ((1e-3, [1e9, 1.0, 1e-9, 1.0, 1.0]), (1e3, [1.0] * 5)):
        for straight_through in (False, True):
            other = RelaxedFisherHypergeometric(temperature, **counts, weights=weights, straight_through=straight_through)
            assert other.sample_noise().shape == noise.shape[-1:]
    values = law.sample_noise((20_000,))[:, 0, 0].flatten()[:200_000]
    assert stats.kstest(values.numpy(), stats.gumbel_r.cdf).pvalue > FALSE_ALARM


@pytest.mark.parametrize("conditionals", ["exact", "merged"])
@pytest.mark.parametrize("weights", [[0.0, 1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0, 1.0]])
def test_noise_has_one_layout_for_weights_of_zero_too(weights: list[float], conditionals: str) -> None:
    urn = 20, [9, 14, 6, 21, 11]
    noise = RelaxedFisherHypergeometric(1.0, *urn, conditionals=conditionals).sample_noise((3,))
    samples = RelaxedFisherHypergeometric(1.0, *urn, weights, conditionals=conditionals).rsample((3,), noise=noise)
    assert samples.shape == (3, 5)


@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("conditionals", ["exact", "merged"])
def test_noise_decides_the_samples(conditionals: str, straight_through: bool) -> None:
    law = relaxed(0.5, "five groups", conditionals=conditionals, straight_through=straight_through)
    noise = law.sample_noise((50,))
    samples = law.rsample((50,), noise=noise)
    assert torch.equal(law.rsample((50,), noise=noise), samples)
    assert torch.equal(law.rsample((5, 10), noise=noise.view(5, 10, -1)), samples.view(5, 10, -1))
    torch.testing.assert_close(law.rsample(noise=noise[3]), samples[3], rtol=1e-12, atol=1e-12)
    assert len(samples.unique(dim=0)) > 10
    assert not torch.equal(law.rsample((50,)), samples)


@pytest.mark.parametrize(
    "change", [lambda n: n[:-1], lambda n: n[..., :-1], lambda n: n[0], lambda n: n[None], lambda n: n[..., :0]]
)
@pytest.mark.parametrize("conditionals", ["exact", "merged"])
def test_noise_of_a_wrong_shape_is_refused(conditionals: str, change: Any) -> None:
    law = relaxed(0.5, "five groups", conditionals=conditionals)
    noise = law.sample_noise((10,))
    wrong = change(noise)
    with pytest.raises(ValueError, match="noise") as error:
        law.rsample((10,), noise=wrong)
    assert str(tuple(wrong.shape)) in str(error.value)
    assert str(tuple(noise.shape)) in str(error.value)


@pytest.mark.parametrize("name", ["three groups", "published example", "five groups"])
def test_merged_samples_follow_the_published_rule_not_fishers_law(name: str) -> None:
    urn = shared_urn(*URNS[name])
    samples = relaxed(0.5, name, straight_through=True, conditionals="merged").rsample((DRAWS,)).numpy()
    assert g_test(samples, urn.merged_law) > FALSE_ALARM
    assert g_test(samples, urn.law) < FALSE_ALARM
    # and exact samples do not have the distribution of merged conditionals
    assert g_test(draw(urn.law, DRAWS, seed=1), urn.merged_law) < FALSE_ALARM


def test_merged_samples_of_large_groups() -> None:
    """The total variation between merged conditionals and Fisher's distribution is 0.36 here."""
    urn = shared_urn(*SOFT_URNS["large"])
    assert total_variation(urn.law, urn.merged_law) == pytest.approx(0.36, abs=0.005)
    samples = relaxed(0.5, "large", straight_through=True, conditionals="merged").rsample((DRAWS,)).numpy()
    assert g_test(samples, urn.merged_law) > FALSE_ALARM
    assert g_test(samples, urn.law) < FALSE_ALARM


def test_merged_rule_is_exact_for_equal_weights() -> None:
    samples = RelaxedFisherHypergeometric(0.5, 6, [4, 3, 5], straight_through=True, conditionals="merged").rsample((DRAWS,))
    assert g_test(samples.numpy(), RationalUrn(6, (4, 3, 5), (1, 1, 1)).law) > FALSE_ALARM


def test_high_temperature_soft_samples_forget_the_noise() -> None:
    """At a temperature of 1e3 the softmax is nearly uniform: soft samples hardly vary, hard ones still do."""
    noise = relaxed(1e3, "published example").sample_noise((200,))
    soft = relaxed(1e3, "published example").rsample((200,), noise=noise)
    hard = relaxed(1e3, "published example", straight_through=True).rsample((200,), noise=noise)
    assert soft.std(0).max() < 0.1
    assert hard.std(0).min() > 0.5


def test_what_the_distribution_exposes() -> None:
    law = RelaxedFisherHypergeometric(0.25, 6, [4, 3, 5], [1.0, 2.5, 0.3], straight_through=True, conditionals="merged")
    assert float(law.temperature) == 0.25
    assert law.straight_through is True
    assert law.conditionals == "merged"
    base = law.base_dist
    assert isinstance(base, FisherHypergeometric)
    assert torch.equal(base.mean, FisherHypergeometric(6, [4, 3, 5], [1.0, 2.5, 0.3]).mean)
    wide = law.expand((7,))
    assert float(wide.temperature.flatten()[0]) == 0.25
    assert (wide.straight_through, wide.conditionals, wide.base_dist.batch_shape) == (True, "merged", (7,))
    soft = RelaxedFisherHypergeometric(0.25, 6, [4, 3, 5])
    assert (soft.straight_through, soft.conditionals, soft.support.is_discrete) == (False, "exact", False)
    assert law.support.is_discrete
