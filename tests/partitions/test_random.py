"""Exact random partitions: probabilities by enumeration and by all orderings, and samples that follow them.

Each test of samples raises a false alarm with probability 1e-6. A G-test of 200,000 samples over the merged cells sees, with
probability 0.999, any distribution at ``detectable_distance`` from the exact one: 0.014 for the partitions of six elements,
0.012 for the sizes; a planted distribution of that distance, and sizes of another distribution, are seen.
"""

from __future__ import annotations

import itertools
import math
import re
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, WalleniusHypergeometric
from hypergeo.partitions import RandomPartition
from tests.support.reference import FALSE_ALARM, RationalUrn, detectable_distance, g_test, mixture

DRAWS = 200_000
URN = ((4, 3, 5), (1.0, 2.5, 0.3))
LABELS = list(itertools.product(range(3), repeat=6))


def logits(num_elements: int, groups: int, seed: int = 0, scale: float = 1.5) -> Tensor:
    return scale * torch.randn(num_elements, groups, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def one_hot(labels: object, groups: int = 3) -> Tensor:
    return torch.nn.functional.one_hot(torch.as_tensor(labels), groups).double()


def six(order: tuple[int, ...] = (0, 1, 2), scores: Tensor | None = None, **more: object) -> RandomPartition:
    urn = FisherHypergeometric(6, *URN, **more)
    return RandomPartition(urn, logits(6, 3) if scores is None else scores, order=order, validate_args=False)


@cache
def law() -> dict[tuple[int, ...], float]:
    probabilities = six().log_prob(one_hot(LABELS)).exp().tolist()
    return dict(zip(LABELS, probabilities, strict=True))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_probabilities_of_all_partitions_sum_to_one(order):
    weights = torch.tensor(URN[1], dtype=torch.float64).log().requires_grad_()
    scores = logits(6, 3).requires_grad_()
    urn = FisherHypergeometric(6, URN[0], log_weights=weights)
    partition = RandomPartition(urn, scores, order=order, validate_args=False)
    probabilities = partition.log_prob(one_hot(LABELS)).exp()
    total = probabilities.sum()
    assert abs(total.item() - 1) <= 1e-12
    total.backward()
    assert weights.grad.abs().max() <= 1e-12
    assert scores.grad.abs().max() <= 1e-12
    sizes = one_hot(LABELS).sum(-2)
    for counts, exact in RationalUrn(6, *URN).law.items():
        same = (sizes == torch.tensor(counts)).all(-1)
        assert abs(probabilities.detach()[same].sum().item() - float(exact)) <= 1e-12


def test_probability_is_the_sum_over_orderings_where_groups_share_their_scores():
    """With rates common to all groups the choices are one race: the sum over all 720 orderings of the elements."""
    partition = RandomPartition([2, 1, 3], logits(6, 3))
    rates = torch.tensor([0.3, 2.0, 1.0, 0.05, 4.0, 1.5], dtype=torch.float64)
    vars(partition)["log_rates"] = rates.log().expand(2, 6)
    expected: dict[tuple[int, ...], float] = {}
    for ordering in itertools.permutations(range(6)):
        left, chance = rates.sum().item(), 1.0
        for element in ordering:
            chance *= rates[element].item() / left
            left -= rates[element].item()
        groups = dict(zip(ordering, (0, 0, 1, 2, 2, 2), strict=True))
        labels = tuple(groups[element] for element in range(6))
        expected[labels] = expected.get(labels, 0.0) + chance
    assert math.isclose(sum(expected.values()), 1.0, abs_tol=1e-12)
    probabilities = partition.log_prob(one_hot(list(expected))).exp()
    assert (probabilities - torch.tensor(list(expected.values()), dtype=torch.float64)).abs().max() <= 1e-12


def test_probability_of_two_elements_by_hand():
    """Two elements, one each: the first group takes element 0 with probability w_0 / (w_0 + w_1)."""
    partition = RandomPartition([1, 1], [[1.0, 0.0], [0.0, 0.0]])
    rates = -torch.log1p(-partition.plan[:, 0])
    assert torch.allclose(partition.log_prob(torch.eye(2)).exp(), rates[0] / rates.sum(), rtol=1e-13)


class TestSamples:
    @staticmethod
    @cache
    def labels() -> np.ndarray:
        torch.manual_seed(1)
        return six().sample((DRAWS,)).argmax(-1).numpy()

    def test_partitions_follow_their_probabilities(self):
        assert g_test(self.labels(), law()) > FALSE_ALARM

    def test_a_planted_distribution_at_the_stated_distance_is_seen(self):
        """A fraction of the samples has two elements exchanged, at ``detectable_distance`` from the distribution."""
        distance = detectable_distance(DRAWS, 300)
        assert distance < 0.02
        exchanged = {(b, a, *rest): p for (a, b, *rest), p in law().items()}
        separation = 0.5 * sum(abs(p - exchanged[labels]) for labels, p in law().items())
        rng = np.random.default_rng(0)
        labels = self.labels().copy()
        moved = rng.random(DRAWS) < distance / separation
        labels[moved] = labels[moved][:, [1, 0, 2, 3, 4, 5]]
        assert g_test(labels, law()) < FALSE_ALARM

    @pytest.mark.parametrize(
        ("num_elements", "sizes", "weights"), [(12, (8, 6, 9), (1.0, 3.0, 0.4)), (30, (12, 20, 15), (2.0, 1.0, 0.5))]
    )
    def test_sizes_follow_their_distribution(self, num_elements, sizes, weights):
        torch.manual_seed(2)
        urn = FisherHypergeometric(num_elements, sizes, weights)
        counts = RandomPartition(urn, logits(num_elements, 3)).sample((DRAWS,)).sum(-2).numpy()
        exact = RationalUrn(num_elements, sizes, weights)
        assert g_test(counts, exact.law) > FALSE_ALARM
        assert (
            g_test(counts, exact.wallenius_law if num_elements < 13 else mixture(exact.law, exact.merged_law, 0.5))
            < FALSE_ALARM
        )

    @pytest.mark.parametrize("order", [(2, 0, 1), (1, 2, 0)])
    def test_samples_of_another_order_follow_its_probabilities(self, order):
        torch.manual_seed(3)
        partition = six(order)
        probabilities = partition.log_prob(one_hot(LABELS)).exp().tolist()
        samples = partition.sample((DRAWS // 4,)).argmax(-1).numpy()
        assert g_test(samples, dict(zip(LABELS, probabilities, strict=True))) > FALSE_ALARM

    def test_given_sizes_and_those_of_wallenius(self):
        torch.manual_seed(4)
        fixed = RandomPartition([1, 2, 3], logits(6, 3))
        assert (fixed.sample((1000,)).sum(-2) == torch.tensor([1.0, 2.0, 3.0])).all()
        urn = WalleniusHypergeometric(6, *URN)
        drawn = RandomPartition(urn, logits(6, 3)).sample((DRAWS // 4,)).sum(-2).numpy()
        assert g_test(drawn, RationalUrn(6, *URN).wallenius_law) > FALSE_ALARM

    def test_a_generator_decides_alone(self):
        before = torch.get_rng_state()
        first = six().sample((5,), generator=torch.Generator().manual_seed(7))
        again = six().sample((5,), generator=torch.Generator().manual_seed(7))
        assert torch.equal(first, again)
        assert torch.equal(torch.get_rng_state(), before)


def test_a_batch_is_its_rows():
    scores = torch.stack([logits(7, 3, seed) for seed in range(4)])
    sizes = torch.tensor([[2, 2, 3], [7, 0, 0], [1, 5, 1], [0, 3, 4]])
    batch = RandomPartition(sizes, scores)
    value = batch.sample((3,))
    for row in range(4):
        alone = RandomPartition(sizes[row], scores[row])
        assert torch.allclose(batch.plan[row], alone.plan, atol=1e-13)
        assert torch.allclose(batch.log_prob(value)[:, row], alone.log_prob(value[:, row]), atol=1e-12)
    wide = six().expand((2, 5))
    assert wide.sample((3,)).shape == (3, 2, 5, 6, 3)
    assert torch.allclose(wide.log_prob(one_hot(LABELS[100])), six().log_prob(one_hot(LABELS[100])).expand(2, 5))


@pytest.mark.parametrize("shift", [torch.full((6, 1), 2.5), torch.tensor([[3.0, -40.0, 0.5]]), torch.randn(6, 1) * 100])
def test_shifting_rows_or_columns_of_the_logits_changes_nothing(shift):
    value = one_hot(LABELS[::29])
    value = value[six().support.check(value)]
    moved = six(scores=logits(6, 3) + shift.double())
    assert (moved.plan - six().plan).abs().max() <= 1e-12
    assert (moved.log_prob(value) - six().log_prob(value)).abs().max() <= 1e-11


def test_the_plan_has_the_sums_that_it_promises():
    partition = six()
    assert torch.allclose(partition.plan.sum(-1), torch.ones(6).double(), atol=1e-13)
    mean = FisherHypergeometric(6, *URN).mean
    assert torch.allclose(partition.plan.sum(-2), (mean + 0.05) * 6 / 6.15, atol=1e-12)


def test_the_gradient_of_the_plan_is_the_implicit_one():
    weights = torch.tensor(URN[1], dtype=torch.float64).log().requires_grad_()

    def plan(scores: Tensor, logs: Tensor) -> Tensor:
        return RandomPartition(FisherHypergeometric(6, URN[0], log_weights=logs), scores).plan

    assert torch.autograd.gradcheck(plan, (logits(6, 3).requires_grad_(), weights))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("sizes", "num_elements"),
    [([0, 5, 0], 5), ([5], 5), ([1], 1), ([0, 1], 1), ([3, 0, 2], 5), ([0, 0, 0, 9], 9)],
)
def test_edges_are_finite(sizes, num_elements, dtype):
    for scale in (0.0, 1.0, 1e3):
        scores = (logits(num_elements, len(sizes)).sign() * scale).to(dtype).requires_grad_()
        partition = RandomPartition(sizes, scores)
        value = partition.sample((20,))
        assert value.dtype == dtype
        assert partition.support.check(value).all()
        log_prob = partition.log_prob(value)
        assert torch.isfinite(log_prob).all()
        (grad,) = torch.autograd.grad(log_prob.sum(), scores)
        assert torch.isfinite(grad).all()


def test_what_is_outside_the_support_has_no_probability():
    partition = six()
    outside = torch.zeros(2, 6, 3).double()
    outside[0, :, 0] = 1.0  # six of a group of four
    assert (partition.log_prob(outside) == -torch.inf).all()
    with pytest.raises(ValueError, match="one-hot rows"):
        RandomPartition(FisherHypergeometric(6, *URN), logits(6, 3), validate_args=True).log_prob(outside)


@pytest.mark.parametrize(
    ("value", "shape"),
    [(torch.zeros(6, 2), "(6, 2)"), (torch.zeros(5, 3), "(5, 3)"), (torch.zeros(3), "(3,)"), ([[1, 0, 0]] * 6, "list")],
)
def test_values_of_another_shape_are_refused(value, shape):
    with pytest.raises(ValueError, match=re.escape(f"value must be a tensor of shape (..., 6, 3); got {shape}.")):
        six().log_prob(value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([2, 2], torch.zeros(5, 2)), ("sum of sizes", "5", "4")),
        (([2, 3], torch.zeros(5, 3)), ("sizes", "3 groups", "2")),
        (([2.5, 2.5], torch.zeros(5, 2)), ("sizes", "whole")),
        (([2, 3], torch.full((5, 2), torch.nan)), ("logits", "finite", "nan")),
        (([2, 3], torch.zeros(5)), ("logits", "(..., N, K)")),
        (([2, 3], "words"), ("logits",)),
        ((5, torch.zeros(5, 2)), ("sizes must be a distribution of sizes, or whole numbers, one for each group; got 5.",)),
        (
            ([[2, 3]] * 3, torch.zeros(4, 5, 2)),
            ("sizes and logits must broadcast: got batches (3,) and (4,).",),
        ),
        (
            (FisherHypergeometric(5, [[3, 3]] * 3), torch.zeros(4, 5, 2)),
            ("sizes and logits must broadcast: got batches (3,) and (4,).",),
        ),
        ((FisherHypergeometric(4, [3, 3]), torch.zeros(5, 2)), ("sizes.total_count", "5", "4")),
    ],
)
def test_errors_name_the_argument(arguments, words):
    with pytest.raises(ValueError, match="must") as caught:
        RandomPartition(*arguments, validate_args=True)
    assert all(word in str(caught.value) for word in words)
    with pytest.raises(ValueError, match=r"permutation of 0\.\.1"):
        RandomPartition([2, 3], torch.zeros(5, 2), order=[0, 0])
