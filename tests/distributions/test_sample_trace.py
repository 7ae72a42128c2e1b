"""The trace of one relaxed sample against the sampler and autograd, its conditionals against fractions; sequential splits."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from hypergeo.distributions import SampleTrace, trace_sample
from tests.support.reference import FALSE_ALARM, RationalUrn, g_test

URNS: dict[str, tuple[int, tuple[int, ...], tuple[float, ...]]] = {
    "two groups": (7, (4, 9), (1.0, 0.25)),
    "three groups": (10, (8, 8, 8), (1.0, 2.0, 4.0)),
    "five groups": (8, (3, 4, 2, 5, 4), (0.5, 1.0, 4.0, 2.0, 0.125)),
    "six groups, one empty": (9, (2, 0, 5, 3, 4, 1), (1.0, 8.0, 0.25, 3.0, 1.0, 5.0)),
    "zero weight": (6, (4, 3, 5), (1.0, 0.0, 0.25)),
    "zero weight last": (6, (4, 3, 5), (1.0, 2.0, 0.0)),
    "none drawn": (0, (4, 3, 5), (1.0, 2.0, 0.25)),
    "all drawn": (12, (4, 3, 5), (1.0, 2.0, 0.25)),
    "extreme weights": (9, (4, 3, 5, 8), (1e20, 1e-20, 1.0, 1e10)),
    "large": (180, (200, 200, 200), (1.0, 5.0, 1.0)),
}
KINDS = ("exact", "sequential", "merged")


def sampled(name: str, kind: str, straight_through: bool, temperature: float = 0.5) -> tuple[SampleTrace, Tensor, Tensor]:
    """Returns a trace, and for the same noise the sampler's counts, shape ``(K,)``, and their Jacobian, shape ``(K, K)``."""
    total, sizes, weights = URNS[name]
    logs = torch.tensor(weights, dtype=torch.float64).log().requires_grad_()
    law = RelaxedFisherHypergeometric(
        temperature, total, sizes, log_weights=logs, straight_through=straight_through, conditionals=kind
    )
    torch.manual_seed(len(name))
    noise = law.sample_noise()
    counts = law.rsample(noise=noise)
    rows = [torch.autograd.grad(count, logs, retain_graph=True)[0] for count in counts]
    return trace_sample(law, noise), counts.detach(), torch.stack(rows)


@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", URNS)
def test_a_trace_ends_at_the_sample_and_at_its_gradient(name: str, kind: str, straight_through: bool) -> None:
    for temperature in (0.01, 10.0):
        trace, counts, jacobian = sampled(name, kind, straight_through, temperature)
        torch.testing.assert_close(trace.counts, counts, rtol=1e-11, atol=1e-11)
        torch.testing.assert_close(trace.jacobian, jacobian, rtol=1e-9, atol=1e-9 * (1 + float(jacobian.abs().max())))


@pytest.mark.parametrize("straight_through", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in URNS if name != "extreme weights"])
def test_each_step_of_a_split_follows_from_the_one_before(name: str, kind: str, straight_through: bool) -> None:
    temperature = 0.5
    trace, counts, _ = sampled(name, kind, straight_through, temperature)
    sizes = [size if weight else 0 for size, weight in zip(*URNS[name][1:], strict=True)]
    totals = {tuple(range(len(sizes))): torch.tensor(float(URNS[name][0]), dtype=torch.float64)}
    for split in trace.splits:
        total = totals.pop(tuple(sorted(split.left + split.right)))
        torch.testing.assert_close(split.total, total)
        assert float(split.log_prob.exp().sum()) == pytest.approx(1, abs=1e-12)
        torch.testing.assert_close(split.weights, split.scaled.softmax(-1))
        torch.testing.assert_close(split.soft, (split.weights * split.candidates).sum())
        noisy = split.log_prob + split.noise
        assert split.hard == split.candidates[noisy.argmax()]
        if straight_through:
            assert split.taken == split.hard or not any(sizes[k] for k in split.right)
            assert abs(float(split.slope_total - split.total)) in (0, 0.5)
        else:
            assert split.slope_total == split.total
            kept = split.log_prob.isfinite()
            expected = (noisy - noisy.max())[kept] / temperature
            torch.testing.assert_close(split.scaled[kept], expected, rtol=1e-9, atol=1e-9)
            left, right = (sum(sizes[k] for k in groups) for groups in (split.left, split.right))
            least, most = max(0.0, float(split.total) - right), min(float(split.total), left)
            assert float(split.taken) == pytest.approx(min(max(float(split.soft), least), most), abs=1e-9) or right == 0
        totals |= {split.left: split.taken, split.right: split.total - split.taken}
    assert sorted(totals) == [(k,) for k in range(len(sizes))]
    torch.testing.assert_close(torch.stack([totals[k,] for k in range(len(sizes))]), counts)


def conditional(name: str, left: tuple[int, ...], right: tuple[int, ...], total: int) -> Counter[int]:
    """Returns the exact distribution of the left groups' sum, by enumeration in fractions.

    Args:
        name: name of the urn.
        left: groups whose sum is distributed.
        right: other groups of the split.
        total: whole total of the split.
    """
    _, sizes, weights = URNS[name]
    urn = RationalUrn(total, [sizes[k] for k in left + right], [weights[k] for k in left + right])
    probabilities: Counter[int] = Counter()
    for counts, probability in urn.law.items():
        probabilities[sum(counts[: len(left)])] += probability  # type: ignore[assignment]
    return probabilities


@pytest.mark.parametrize("kind", ["exact", "sequential"])
@pytest.mark.parametrize("name", ["two groups", "three groups", "five groups", "six groups, one empty", "zero weight"])
def test_exact_conditionals_are_those_of_enumeration(name: str, kind: str) -> None:
    """Between whole totals, probabilities are interpolated linearly."""
    for split in sampled(name, kind, straight_through=False)[0].splits:
        total = float(split.total)
        low = int(total + 1e-9)
        share = Fraction(total) - low if total - low > 1e-9 else Fraction(0)
        below = conditional(name, split.left, split.right, low)
        above = conditional(name, split.left, split.right, low + 1) if share else Counter[int]()
        for candidate, probability in zip(split.candidates.tolist(), split.log_prob.exp().tolist(), strict=True):
            expected = (1 - share) * below[candidate] + share * above[candidate]
            assert probability == pytest.approx(float(expected), abs=1e-8)


@pytest.mark.parametrize("kind", ["sequential", "merged"])
def test_groups_are_split_off_in_the_order_listed(kind: str) -> None:
    trace = sampled("five groups", kind, straight_through=False)[0]
    assert [split.left for split in trace.splits] == [(0,), (1,), (2,), (3,)]
    assert [split.right for split in trace.splits] == [(1, 2, 3, 4), (2, 3, 4), (3, 4), (4,)]


def test_the_tree_halves_the_groups() -> None:
    trace = sampled("five groups", "exact", straight_through=False)[0]
    assert [(split.left, split.right) for split in trace.splits] == [
        ((0, 1, 2, 3), (4,)),
        ((0, 1), (2, 3)),
        ((0,), (1,)),
        ((2,), (3,)),
    ]


@pytest.mark.parametrize("name", ["three groups", "five groups", "six groups, one empty"])
def test_sequential_samples_have_the_exact_distribution(name: str) -> None:
    """G-test with false-alarm rate 1e-6; 50,000 samples detect a total variation of 0.03 with power 0.999."""
    torch.manual_seed(5)
    law = RelaxedFisherHypergeometric(2.0, *URNS[name], straight_through=True, conditionals="sequential")
    samples = law.rsample((50_000,), noise=law.sample_noise((50_000,)))
    assert g_test(samples.numpy(), RationalUrn(*URNS[name]).law) > FALSE_ALARM


def test_sequential_gradients_are_near_the_covariance() -> None:
    """Straight-through gradient of the mean within 5 % of the covariance (Frobenius); its Monte-Carlo error is below 1 %."""
    torch.manual_seed(6)
    logs = torch.tensor([1.0, 2.0, 4.0, 1.0], dtype=torch.float64).log().requires_grad_()
    law = RelaxedFisherHypergeometric(0.5, 10, [8, 8, 8, 4], log_weights=logs, straight_through=True, conditionals="sequential")
    blocks = []
    for _ in range(10):
        mean = law.rsample((4_000,)).mean(0)
        blocks.append(torch.stack([torch.autograd.grad(count, logs, retain_graph=True)[0] for count in mean]))
    gradient = torch.stack(blocks)
    exact = FisherHypergeometric(10, [8, 8, 8, 4], log_weights=logs.detach()).covariance_matrix
    assert (gradient.std(0) / 10**0.5).norm() / exact.norm() < 0.01
    assert (gradient.mean(0) - exact).norm() / exact.norm() < 0.05


def test_sequential_and_merged_samples_share_their_noise_and_differ_by_the_conditionals_alone() -> None:
    laws: dict[str, Any] = {kind: RelaxedFisherHypergeometric(0.5, 10, [8, 8, 8], conditionals=kind) for kind in KINDS[1:]}
    noise = laws["merged"].sample_noise((20,))
    same = [law.rsample((20,), noise=noise) for law in laws.values()]
    torch.testing.assert_close(*same, rtol=1e-7, atol=1e-7)  # one weight: the merged conditionals are exact
    weights = [1.0, 8.0, 1.0]
    other = [
        RelaxedFisherHypergeometric(0.5, 10, [8, 8, 8], weights, conditionals=kind).rsample((20,), noise=noise)
        for kind in KINDS[1:]
    ]
    assert float((other[0] - other[1]).abs().max()) > 0.5


def test_both_conditionals_are_compared_at_the_same_totals() -> None:
    """References are two whole groups of the mean weight for merged, and a separate trace for exact conditionals."""
    urn: tuple[int, list[int], list[float]] = (10, [8, 8, 8], [1.0, 8.0, 1.0])
    laws = {kind: RelaxedFisherHypergeometric(0.5, *urn, conditionals=kind) for kind in KINDS[1:]}
    noise = laws["merged"].sample_noise()
    for kind, other in (("merged", "sequential"), ("sequential", "merged")):
        first = trace_sample(laws[kind], noise, compare_with=other).splits[0]
        torch.testing.assert_close(first.other_log_prob, trace_sample(laws[other], noise).splits[0].log_prob)
        merged = first.log_prob if kind == "merged" else first.other_log_prob
        pair = RationalUrn(10, [8, 16], [1, Fraction(9, 2)])
        expected = [float(pair.pmf([x, 10 - x])) for x in range(9)]
        torch.testing.assert_close(merged.exp(), torch.tensor(expected, dtype=torch.float64), rtol=1e-7, atol=1e-9)
    own = trace_sample(laws["merged"], noise)
    assert all(torch.equal(split.log_prob, split.other_log_prob) for split in own.splits)
    with pytest.raises(ValueError, match=r"compare_with must be 'merged', or one of .* got 'exact'"):
        trace_sample(laws["merged"], noise, compare_with="exact")


def test_float32_weights_and_single_groups() -> None:
    law = RelaxedFisherHypergeometric(0.5, 10, [8, 8, 8], torch.tensor([1.0, 2.0, 4.0]))
    noise = law.sample_noise()
    np.testing.assert_allclose(trace_sample(law, noise).counts, law.rsample(noise=noise), rtol=1e-5)
    alone = trace_sample(RelaxedFisherHypergeometric(0.5, 3, [5]), torch.zeros(0))
    assert (alone.splits, alone.counts.tolist(), alone.jacobian.tolist()) == ((), [3.0], [[0.0]])


def test_a_batch_and_wrong_noise_are_refused() -> None:
    with pytest.raises(ValueError, match=r"distribution must be a single urn; got batch_shape \(2,\)"):
        trace_sample(RelaxedFisherHypergeometric(0.5, [3, 4], [5, 5]), torch.zeros(6))
    with pytest.raises(ValueError, match=r"noise must be a tensor of shape \(6,\), as sample_noise gives; got \(5,\)"):
        trace_sample(RelaxedFisherHypergeometric(0.5, 5, [5, 5]), torch.zeros(5))
