"""Relaxed partitions: exact sums at every temperature, exact samples in the limit, and gradients against exact ones.

Comparisons of sampled gradients use fixed seeds and bounds of 4.9 standard errors (false alarm 1e-6 each).
"""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, WalleniusHypergeometric
from hypergeo.partitions import RandomPartition, RelaxedRandomPartition
from hypergeo.partitions.membership import first_of, soft_members

from .test_random import LABELS, URN, logits, one_hot


@pytest.mark.parametrize("temperature", [1e-3, 1e-2, 0.1, 1.0, 10.0])
@pytest.mark.parametrize(("num_elements", "groups"), [(6, 3), (64, 4), (300, 2), (1000, 10)])
@pytest.mark.parametrize("straight_through", [False, True])
def test_rows_and_columns_have_their_sums(temperature, num_elements, groups, straight_through):
    torch.manual_seed(0)
    urn = FisherHypergeometric(num_elements, [num_elements] * groups, torch.linspace(0.5, 2.0, groups).double())
    partition = RelaxedRandomPartition(
        temperature, urn, logits(num_elements, groups), straight_through=straight_through, size_temperature=0.5
    )
    noise = partition.sample_noise((4,))
    value = partition.rsample((4,), noise)
    assert (value.sum(-1) - 1).abs().max() <= 1e-12
    own = noise.shape[-1] - (groups - 1) * num_elements
    sizes = partition._sizes.rsample((4,), noise[..., :own])
    assert (value.sum(-2) - sizes).abs().max() <= 1e-9
    assert value.min() >= 0
    assert partition.support.check(value).all()


def test_the_same_noise_converges_to_an_exact_sample():
    """64 elements, four groups: at temperature 1e-4 fewer than 0.03 elements are moved, and the largest entries agree."""
    torch.manual_seed(0)
    urn = FisherHypergeometric(64, [40, 30, 30, 20], torch.tensor([1.0, 2.0, 0.5, 3.0]).double())
    scores = logits(64, 4)
    exact = RelaxedRandomPartition(1.0, urn, scores, straight_through=True)
    noise = exact.sample_noise((500,))
    hard = exact.rsample((500,), noise)
    moved = []
    for temperature in (1.0, 0.1, 1e-2, 1e-3, 1e-4):
        soft = RelaxedRandomPartition(temperature, urn, scores).rsample((500,), noise)
        moved.append(0.5 * (soft - hard).abs().sum((-1, -2)).mean().item())
    assert moved == sorted(moved, reverse=True)
    assert moved[-1] <= 0.03
    assert (soft.argmax(-1) == hard.argmax(-1)).all(-1).double().mean() >= 0.99


def test_straight_through_samples_are_the_exact_ones_of_their_noise():
    torch.manual_seed(0)
    urn = FisherHypergeometric(6, *URN)
    partition = RelaxedRandomPartition(2.0, urn, logits(6, 3), straight_through=True)
    value = partition.rsample((2000,))
    assert RandomPartition(urn, logits(6, 3)).support.check(value.round()).all()
    assert (value - value.round()).abs().max() < 1e-12


@pytest.mark.parametrize("size_temperature", [0.2, 0.5])
@pytest.mark.parametrize("straight_through", [False, True])
def test_gradient_of_the_sizes_is_the_covariance(size_temperature, straight_through):
    """Within 3 % of the exact one by Frobenius' norm, with 60,000 samples: their error is about 0.8 %."""
    torch.manual_seed(0)
    weights = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).log().requires_grad_()
    urn = FisherHypergeometric(9, [5, 6, 7], log_weights=weights)
    partition = RelaxedRandomPartition(
        0.5, urn, logits(9, 3), size_temperature=size_temperature, straight_through=straight_through
    )
    sizes = partition.rsample((60_000,)).sum(-2).mean(0)
    gradients = torch.stack([torch.autograd.grad(size, weights, retain_graph=True)[0] for size in sizes])
    exact = urn.covariance_matrix.detach()
    assert (gradients - exact).norm() <= 0.03 * exact.norm()


def exact_gradient(objective: object, scores: Tensor, sizes: object) -> Tensor:
    """Returns the gradient in the logits of the exact expectation over all partitions of six elements."""
    scores = scores.clone().requires_grad_()
    value = one_hot(LABELS)
    partition = RandomPartition(sizes, scores, validate_args=False)
    expected = (partition.log_prob(value).exp() * objective(value)).sum()
    return torch.autograd.grad(expected, scores)[0]


def sampled_gradient(objective: object, temperature: float, samples: int) -> tuple[Tensor, Tensor]:
    """Returns the mean of relaxed gradients in the logits, and its standard error."""
    torch.manual_seed(0)
    scores = logits(6, 3).expand(samples, 6, 3).clone().requires_grad_()
    value = RelaxedRandomPartition(temperature, [1, 2, 3], scores).rsample()
    (each,) = torch.autograd.grad(objective(value).sum(), scores)
    return each.mean(0), each.std(0) / samples**0.5


def linear(value: Tensor) -> Tensor:
    return (value * logits(6, 3, seed=5)).sum((-1, -2))


def test_logit_gradients_of_cold_samples_match_enumeration():
    """Linear objective, temperature 0.05: within 4.9 standard errors of the exact gradient and 2 % of its norm.

    Power: a gradient with a relative error of a fifth is rejected.
    """
    exact = exact_gradient(linear, logits(6, 3), [1, 2, 3])
    mean, error = sampled_gradient(linear, 0.05, 40_000)
    bound = 4.9 * error + 0.02 * exact.norm()
    assert ((mean - exact).abs() <= bound).all()
    assert not ((mean - 1.2 * exact).abs() <= bound).all()


def test_bias_of_curved_objectives_vanishes_with_the_temperature():
    """The relative error of the gradient of a squared objective falls from about 0.7 at 0.3 to 0.2 at 0.05 (noise 0.04)."""
    exact = exact_gradient(lambda value: linear(value).square(), logits(6, 3), [1, 2, 3])
    errors = [
        ((sampled_gradient(lambda value: linear(value).square(), tau, 40_000)[0] - exact).norm() / exact.norm()).item()
        for tau in (0.3, 0.05)
    ]
    assert errors[1] < 0.35 < 0.5 < errors[0]


def test_soft_members_have_the_gradient_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(3, 7, dtype=torch.float64, generator=generator).requires_grad_()
    left = (0.2 + 0.8 * torch.rand(3, 7, dtype=torch.float64, generator=generator)).requires_grad_()
    size = torch.tensor([1.2, 2.0, 0.5], dtype=torch.float64, requires_grad=True)
    temperature = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(soft_members, (keys, left, size, temperature))


@pytest.mark.parametrize("temperature", [1e-4, 1e-2, 1.0, 100.0])
def test_soft_members_sum_to_the_size_whatever_it_is(temperature):
    generator = torch.Generator().manual_seed(0)
    keys = 30 * torch.randn(40, 200, dtype=torch.float64, generator=generator)
    left = torch.rand(40, 200, dtype=torch.float64, generator=generator)
    left[:20] = 1.0
    total = left.sum(-1)
    size = torch.rand(40, dtype=torch.float64, generator=generator) * total
    size[:10] = size[:10].round()
    size[10:14] = torch.tensor([0.0, 1e-9, 1e-300, 3 - 1e-12], dtype=torch.float64)
    size[14:17] = total[14:17] - torch.tensor([0.0, 1e-9, 1e-13], dtype=torch.float64)
    members = soft_members(keys, left, size, torch.tensor([temperature], dtype=torch.float64))
    assert (members.sum(-1) - size).abs().max() <= 1e-10
    assert ((members >= 0) & (members <= left)).all()


def test_first_of_takes_the_largest_that_are_left():
    keys, left = torch.tensor([[5.0, 1.0, 3.0, 4.0]]), torch.tensor([[False, True, True, True]])
    assert first_of(keys, left, torch.tensor([2])).tolist() == [[False, False, True, True]]
    assert first_of(keys, left, torch.tensor([0])).sum() == 0


def test_noise_is_kept_and_checked():
    partition = RelaxedRandomPartition(0.5, FisherHypergeometric(6, *URN), logits(6, 3))
    noise = partition.sample_noise((2,), generator=torch.Generator().manual_seed(1))
    assert torch.equal(partition.rsample((2,), noise), partition.rsample((2,), noise))
    first = partition.rsample((2,), generator=torch.Generator().manual_seed(1))
    assert torch.equal(first, partition.rsample((2,), noise))
    with pytest.raises(ValueError, match="noise must be a result of sample_noise"):
        partition.rsample((3,), noise)


def test_batches_temperatures_and_expansion():
    torch.manual_seed(0)
    scores = torch.stack([logits(7, 3, seed) for seed in range(4)])
    temperature = torch.tensor([0.1, 0.5, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    sizes = torch.tensor([[2, 2, 3], [7, 0, 0], [1, 5, 1], [0, 3, 4]])
    batch = RelaxedRandomPartition(temperature, sizes, scores)
    noise = batch.sample_noise((3,))
    value = batch.rsample((3,), noise)
    for row in range(4):
        alone = RelaxedRandomPartition(temperature.detach()[row], sizes[row], scores[row])
        assert torch.allclose(value[:, row], alone.rsample((3,), noise[:, row]), atol=1e-12)
    value.square().sum().backward()
    assert torch.isfinite(temperature.grad).all()
    assert batch.expand((2, 4)).rsample((3,)).shape == (3, 2, 4, 7, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e3])
@pytest.mark.parametrize("temperature", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("straight_through", [False, True])
def test_gradients_are_finite_everywhere(dtype, scale, temperature, straight_through):
    torch.manual_seed(0)
    for sizes in ([0, 5, 0], [5], [3, 0, 2], [1, 1, 1, 1, 1]):
        scores = (logits(5, len(sizes)) * scale).to(dtype).requires_grad_()
        value = RelaxedRandomPartition(temperature, sizes, scores, straight_through=straight_through).rsample((20,))
        assert value.dtype == dtype
        assert torch.isfinite(value).all()
        (grad,) = torch.autograd.grad(value.square().sum(), scores)
        assert torch.isfinite(grad).all()
    weights = torch.tensor([3.0, -300.0, 0.0], dtype=dtype, requires_grad=True)
    urn = FisherHypergeometric(5, [5, 5, 0], log_weights=weights)
    scores = (logits(5, 3) * scale).to(dtype).requires_grad_()
    value = RelaxedRandomPartition(temperature, urn, scores, straight_through=straight_through).rsample((20,))
    grads = torch.autograd.grad(value.square().sum(), (weights, scores))
    assert all(torch.isfinite(grad).all() for grad in grads)


def test_sizes_of_wallenius_are_sampled_exactly():
    torch.manual_seed(0)
    partition = RelaxedRandomPartition(0.5, WalleniusHypergeometric(6, *URN), logits(6, 3))
    sizes = partition.rsample((50,)).sum(-2)
    assert (sizes - sizes.round()).abs().max() < 1e-9


def test_temperatures_that_do_not_broadcast_are_refused():
    words = (
        "temperature of shape (3,) and size_temperature of shape (2,) must broadcast with batch_shape ().",
        "temperature of shape (3,) and size_temperature of shape (3,) must broadcast with batch_shape (4,).",
    )
    for scores, more, message in (
        (torch.zeros(5, 2), {"size_temperature": torch.ones(2)}, words[0]),
        (torch.zeros(4, 5, 2), {}, words[1]),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            RelaxedRandomPartition(torch.ones(3), [2, 3], scores, **more)


@pytest.mark.parametrize("name", ["temperature", "size_temperature"])
@pytest.mark.parametrize("wrong", [0.0, -1.0, float("nan"), "warm"])
def test_errors_name_the_temperature(name, wrong):
    with pytest.raises(ValueError, match=f"{name} must be (a )?positive"):
        RelaxedRandomPartition(**{"temperature": 1.0, name: wrong}, sizes=[2, 3], logits=torch.zeros(5, 2), validate_args=True)
