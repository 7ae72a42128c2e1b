"""The symmetric distribution: its normaliser by enumeration, the saddlepoint's error as stated, and samples that follow it."""

from __future__ import annotations

import itertools

import pytest
import torch

from hypergeo.partitions import ConditionalCategorical
from tests.support.reference import FALSE_ALARM, g_test

from .test_random import logits, one_hot


def all_labels(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    listed = [group for group, size in enumerate(sizes) for _ in range(size)]
    return sorted(set(itertools.permutations(listed)))


@pytest.mark.parametrize("sizes", [(2, 1, 3), (0, 2, 4), (6, 0, 0), (3, 3), (6,), (1, 1, 1, 3)])
@pytest.mark.parametrize("scale", [0.0, 1.5, 300.0])
def test_normaliser_is_the_sum_over_all_partitions(sizes, scale):
    scores = scale * logits(6, len(sizes))
    value = one_hot(all_labels(sizes), len(sizes))
    exact = (value * scores).sum((-1, -2)).logsumexp(0)
    distribution = ConditionalCategorical(sizes, scores, method="exact")
    assert abs(distribution.log_normalizer.item() - exact.item()) <= 1e-12 * (1 + abs(exact.item()))
    assert abs(distribution.log_prob(value).exp().sum().item() - 1) <= 1e-11


def test_gradient_of_the_normaliser_is_the_membership_probability():
    scores = logits(6, 3).requires_grad_()
    partition = ConditionalCategorical((2, 1, 3), scores)
    (grad,) = torch.autograd.grad(partition.log_normalizer, scores)
    value = one_hot(all_labels((2, 1, 3)))
    marginals = (partition.log_prob(value).exp()[:, None, None] * value).sum(0)
    assert torch.allclose(grad, marginals.detach(), atol=1e-12)


@pytest.mark.parametrize(
    ("num_elements", "sizes", "bound"), [(6, (2, 1, 3), 0.05), (64, (20, 10, 16, 18), 0.001), (40, (40, 0), 1e-9)]
)
def test_error_of_the_saddlepoint_is_as_stated(num_elements, sizes, bound):
    for seed in range(5):
        scores = logits(num_elements, len(sizes), seed, scale=1.0)
        exact = ConditionalCategorical(sizes, scores, method="exact").log_normalizer
        near = ConditionalCategorical(sizes, scores, method="saddlepoint").log_normalizer
        assert (near - exact).abs() <= bound
    scores.requires_grad_()
    (grad,) = torch.autograd.grad(ConditionalCategorical(sizes, scores, method="saddlepoint").log_normalizer, scores)
    assert torch.isfinite(grad).all()


def test_samples_follow_the_distribution():
    """G-test of 100,000 samples over 60 partitions, false alarm 1e-6; it sees the distribution of other logits."""
    torch.manual_seed(0)
    partition = ConditionalCategorical((2, 1, 3), logits(6, 3))
    labels = all_labels((2, 1, 3))
    samples = partition.sample((100_000,)).argmax(-1).numpy()
    law = dict(zip(labels, partition.log_prob(one_hot(labels)).exp().tolist(), strict=True))
    assert g_test(samples, law) > FALSE_ALARM
    other = ConditionalCategorical((2, 1, 3), logits(6, 3) * 1.05).log_prob(one_hot(labels)).exp().tolist()
    assert g_test(samples, dict(zip(labels, other, strict=True))) < FALSE_ALARM


def test_importance_weights_estimate_the_normaliser():
    """1,000 weighted samples: within 4.9 standard errors, by the weights' own standard deviation."""
    torch.manual_seed(0)
    partition = ConditionalCategorical((4, 3, 5), logits(12, 3))
    weighted = partition.importance_sample(1000)
    ratio = (weighted.log_weights - partition.log_normalizer).exp()
    assert abs(ratio.mean().item() - 1) <= 4.9 * ratio.std().item() / 1000**0.5
    assert 300 < weighted.effective_sample_size.item() <= 1000
    assert partition.support.check(weighted.value).all()


def test_a_batch_is_its_rows():
    scores = torch.stack([logits(7, 3, seed) for seed in range(3)])
    sizes = torch.tensor([[2, 2, 3], [7, 0, 0], [0, 3, 4]])
    for method in ("exact", "saddlepoint"):
        batch = ConditionalCategorical(sizes, scores, method=method)
        alone = [ConditionalCategorical(n, s, method=method).log_normalizer for n, s in zip(sizes, scores, strict=True)]
        assert torch.allclose(batch.log_normalizer, torch.stack(alone), atol=1e-12)
    exact = ConditionalCategorical(sizes, scores)
    value = exact.sample((5,))
    assert exact.log_prob(value).shape == (5, 3)
    assert exact.expand((2, 3)).log_prob(value[:2]).shape == (2, 3)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match='method must be "auto", "exact" or "saddlepoint"'):
        ConditionalCategorical([1, 1], torch.zeros(2, 2), method="guess")
    with pytest.raises(ValueError, match="sizes must sum to the number of elements, 2"):
        ConditionalCategorical([1, 2], torch.zeros(2, 2), validate_args=True)
    with pytest.raises(ValueError, match="sizes must list one number for each of the 3 groups of logits; got 2"):
        ConditionalCategorical([1, 1], torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"sizes and logits must broadcast: got batches \(3,\) and \(4,\)"):
        ConditionalCategorical([[1, 1]] * 3, torch.zeros(4, 2, 2))
    two = ConditionalCategorical([1, 1], torch.zeros(2, 2), validate_args=True)
    with pytest.raises(ValueError, match=r"one-hot rows whose column sums are sizes = \[1, 1\]; got another matrix"):
        two.log_prob(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    with pytest.raises(ValueError, match="would visit"):
        ConditionalCategorical([100] * 10, torch.zeros(1000, 10), method="exact")
    far = ConditionalCategorical([100] * 10, torch.zeros(1000, 10))
    assert far.method == "saddlepoint"
    with pytest.raises(NotImplementedError, match="importance_sample"):
        far.sample()
    with pytest.raises(ValueError, match="num_samples must be at least 1"):
        far.importance_sample(0)


@pytest.mark.parametrize("scale", [30.0, 1e3])
def test_the_saddlepoint_is_finite_where_memberships_are_certain(scale):
    scores = (scale * logits(64, 4)).requires_grad_()
    sizes = scores.detach().argmax(-1).bincount(minlength=4)
    exact = ConditionalCategorical(sizes, scores.detach(), method="exact").log_normalizer
    near = ConditionalCategorical(sizes, scores, method="saddlepoint").log_normalizer
    assert (near - exact).abs() <= 0.5
    assert torch.isfinite(torch.autograd.grad(near, scores)[0]).all()
