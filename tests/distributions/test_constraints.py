"""Supports of the distributions: membership by brute force, batches, rounding."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from hypergeo.distributions.constraints import group_counts, relaxed_group_counts
from tests.support.reference import RationalUrn

URNS = [(3, (2, 3, 1)), (0, (2, 1)), (6, (2, 3, 1)), (2, (0, 3, 0)), (4, (5,)), (5, (1, 2, 1, 2))]


@pytest.mark.parametrize(("total_count", "group_sizes"), URNS)
def test_members_are_exactly_the_enumerated_counts(total_count: int, group_sizes: tuple[int, ...]) -> None:
    members = set(RationalUrn(total_count, group_sizes, [1] * len(group_sizes)).support())
    around = list(product(*(range(-1, m + 2) for m in group_sizes)))
    constraint = group_counts(torch.tensor(total_count), torch.tensor(group_sizes))
    for values in (torch.tensor(around), torch.tensor(around, dtype=torch.float64)):
        assert constraint.check(values).tolist() == [x in members for x in around]


@pytest.mark.parametrize(("total_count", "group_sizes"), URNS)
def test_relaxed_members_include_the_hull_of_the_counts(total_count: int, group_sizes: tuple[int, ...]) -> None:
    corners = torch.tensor(list(RationalUrn(total_count, group_sizes, [1] * len(group_sizes)).support()), dtype=torch.float64)
    shares = torch.distributions.Dirichlet(torch.ones(len(corners), dtype=torch.float64)).sample((100,))
    inside = (shares @ corners).clamp(min=torch.zeros(()), max=torch.tensor(group_sizes))
    constraint = relaxed_group_counts(torch.tensor(total_count), torch.tensor(group_sizes))
    assert constraint.check(inside).all()
    assert constraint.check(corners).all()


@pytest.mark.parametrize(
    ("value", "whole", "relaxed"),
    [
        ([1.0, 2.0], True, True),
        ([1.5, 1.5], False, True),
        ([2.5, 0.5], False, False),
        ([-0.5, 3.5], False, False),
        ([1.0, 1.9], False, False),
        ([1.0, 2.0 + 1e-15], False, False),
        ([1.0 + 1e-15, 2.0], False, True),
        ([1.0 + 1e-9, 2.0], False, False),
        ([float("nan"), 2.0], False, False),
        ([1.0, float("inf")], False, False),
    ],
)
def test_single_values(value: list[float], whole: bool, relaxed: bool) -> None:
    urn = torch.tensor(3), torch.tensor([2, 2])
    counts = torch.tensor(value, dtype=torch.float64)
    assert group_counts(*urn).check(counts).item() is whole
    assert relaxed_group_counts(*urn).check(counts).item() is relaxed


def test_rounding_is_judged_in_the_precision_of_the_value() -> None:
    constraint = relaxed_group_counts(torch.tensor(3), torch.tensor([2, 2]))
    value = torch.tensor([1.0 + 1e-6, 2.0])
    assert constraint.check(value.float()).item() is True
    assert constraint.check(value.double()).item() is False


@pytest.mark.parametrize("constraint", [group_counts, relaxed_group_counts])
def test_batches_broadcast_against_values(constraint: type) -> None:
    urns = constraint(torch.tensor([2, 3]), torch.tensor([[2, 2], [3, 1]]))
    values = torch.tensor([[[1, 1]], [[2, 1]], [[3, 0]]])
    assert urns.check(values).tolist() == [[True, False], [False, True], [False, True]]


def test_what_a_constraint_says_of_itself() -> None:
    urn = torch.tensor(3), torch.tensor([2, 2])
    assert group_counts(*urn).is_discrete
    assert not relaxed_group_counts(*urn).is_discrete
    for constraint, name in ((group_counts, "group_counts"), (relaxed_group_counts, "relaxed_group_counts")):
        assert constraint(*urn).event_dim == 1
        shown = repr(constraint(*urn)).lower().replace("_", "")
        assert name.replace("_", "") in shown
        assert "totalcount=3" in shown
        assert "groupsizes=[2, 2]" in shown
