"""What holds for every public distribution of partitions, over the registry of their arguments."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from hypergeo import ConditionalCategorical, RelaxedRandomPartition
from tests.support.partition_registry import EXAMPLES, PARTITIONS, Example

EXACT = [example for example in EXAMPLES if example.law is not RelaxedRandomPartition]


def each(examples: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("example", examples, ids=str)


def test_every_distribution_of_partitions_has_examples():
    assert {example.law for example in EXAMPLES} == set(PARTITIONS)


@each(EXAMPLES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
def test_samples(example: Example, shape: tuple[int, ...]):
    partition = example.build(example.logits)
    assert partition.batch_shape == example.batch_shape
    assert partition.event_shape == example.logits.shape[-2:]
    value = partition.sample(torch.Size(shape))
    assert value.shape == (*shape, *example.batch_shape, *partition.event_shape)
    assert value.dtype == example.logits.dtype
    assert not value.requires_grad
    assert partition.support.check(value).all()
    assert partition.support.event_dim == 2


@each(EXAMPLES)
def test_a_generator_decides_alone(example: Example):
    partition = example.build(example.logits)
    before = torch.get_rng_state()
    first, again = (partition.sample((4,), generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)


@each(EXACT)
def test_log_prob_of_samples(example: Example):
    logits = example.logits.clone().requires_grad_()
    partition = example.build(logits)
    value = partition.sample((4,))
    log_prob = partition.log_prob(value)
    assert log_prob.shape == (4, *example.batch_shape)
    assert log_prob.dtype == example.logits.dtype
    assert torch.isfinite(log_prob).all()
    assert (log_prob <= 1e-6).all()
    (grad,) = torch.autograd.grad(log_prob.sum(), logits)
    assert torch.isfinite(grad).all()


@each(EXAMPLES)
def test_expanded_copied_and_pickled_it_stays_the_same(example: Example):
    partition = example.build(example.logits)
    wide = partition.expand((2, *example.batch_shape))
    assert wide.batch_shape == (2, *example.batch_shape)
    for other in (copy.deepcopy(partition), pickle.loads(pickle.dumps(partition)), partition.expand(example.batch_shape)):
        first, again = (law.sample((3,), generator=torch.Generator().manual_seed(1)) for law in (partition, other))
        assert torch.equal(first, again)
    value = wide.sample((3,))
    assert wide.support.check(value).all()
    if example in EXACT:
        expected = partition.log_prob(value[:, 0])
        assert torch.allclose(wide.log_prob(value)[:, 0], expected, atol=1e-6 if value.dtype == torch.float32 else 1e-12)


@each(EXAMPLES)
def test_repr_is_one_line_that_names_the_class(example: Example):
    shown = repr(example.build(example.logits))
    assert shown.startswith(f"{example.law.__name__}(")
    assert "\n" not in shown
    highest = example.build(example.logits).support.highest.tolist()
    assert repr(example.build(example.logits).support).endswith(f", highest={highest})")


@each([example for example in EXAMPLES if example.law is RelaxedRandomPartition])
def test_relaxed_samples_have_gradients(example: Example):
    torch.manual_seed(0)
    logits = example.logits.clone().requires_grad_()
    partition = example.build(logits)
    value = partition.rsample((3,))
    assert value.requires_grad
    (grad,) = torch.autograd.grad(value.square().sum(), logits)
    assert torch.isfinite(grad).all()
    with pytest.raises(NotImplementedError, match="closed-form"):
        partition.log_prob(value)


def test_the_symmetric_distribution_ignores_the_order_of_the_groups():
    logits = EXAMPLES[0].logits
    partition = ConditionalCategorical([1, 2, 2], logits)
    moved = ConditionalCategorical([2, 1, 2], logits[:, [1, 0, 2]])
    value = partition.sample((20,))
    assert torch.allclose(partition.log_prob(value), moved.log_prob(value[..., [1, 0, 2]]), atol=1e-12)
