"""Arguments of an urn: conversion and refusal of values; the registry has the invalid arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hypergeo.distributions.urn import UrnDistribution

LINEAR = [1.0, 2.0, 0.5]


@pytest.mark.parametrize("argument", ["weights", "log_weights"])
@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (LINEAR, torch.float64),
        ((1, 2, 3), torch.float64),
        (np.array(LINEAR), torch.float64),
        (np.array(LINEAR, dtype=np.float32), torch.float64),
        (np.array([1, 2, 3]), torch.float64),
        (torch.tensor([1, 2, 3]), torch.float64),
        (torch.tensor(LINEAR, dtype=torch.float32), torch.float32),
        (torch.tensor(LINEAR, dtype=torch.float64), torch.float64),
    ],
    ids=lambda p: f"{type(p).__name__}-{getattr(p, 'dtype', '')}" if not isinstance(p, torch.dtype) else str(p),
)
def test_only_floating_point_tensors_set_the_dtype(argument: str, values: Any, dtype: torch.dtype) -> None:
    urn = UrnDistribution(3, [2, 3, 1], **{argument: values})
    assert urn.weights.dtype == urn.log_weights.dtype == dtype
    expected = torch.as_tensor(values).to(dtype)
    torch.testing.assert_close(getattr(urn, argument), expected, rtol=0, atol=0)
    torch.testing.assert_close(urn.log_weights.exp(), urn.weights)


@pytest.mark.parametrize(
    "sizes", [[2, 3, 1], (2.0, 3.0, 1.0), np.array([2, 3, 1], dtype=np.uint8), torch.tensor([2.0, 3.0, 1.0])]
)
@pytest.mark.parametrize("total", [3, 3.0, np.int32(3), np.array(3), torch.tensor(3), torch.tensor(3, dtype=torch.int16)])
def test_counts_are_whole_numbers_whatever_holds_them(sizes: Any, total: Any) -> None:
    urn = UrnDistribution(total, sizes)
    assert urn.total_count.dtype == urn.group_sizes.dtype == torch.int64
    assert (urn.total_count.item(), urn.group_sizes.tolist()) == (3, [2, 3, 1])


def test_weights_are_equal_when_omitted() -> None:
    urn = UrnDistribution(3, [2, 3, 1])
    assert urn.weights.tolist() == [1.0, 1.0, 1.0]
    assert urn.weights.dtype == torch.float64


def test_weights_keep_their_values_and_gradient() -> None:
    weights = torch.tensor([0.1, 1e-300, 1e300], dtype=torch.float64, requires_grad=True)
    urn = UrnDistribution(3, [2, 3, 1], weights)
    assert torch.equal(urn.weights, weights)
    urn.log_weights.sum().backward()
    torch.testing.assert_close(weights.grad, 1 / weights.detach())


def test_a_weight_of_zero_has_a_finite_gradient() -> None:
    weights = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    urn = UrnDistribution(3, [2, 3, 1], weights)
    assert urn.log_weights[1] == -torch.inf
    urn.log_weights[[0, 2]].sum().backward()
    assert weights.grad is not None
    assert weights.grad.tolist() == [1.0, 0.0, 0.5]


def test_every_argument_broadcasts() -> None:
    urn = UrnDistribution(torch.tensor([[1], [2]]), torch.tensor([[2, 3, 1], [4, 4, 4], [1, 1, 1]]), torch.ones(5, 1, 1, 3))
    assert urn.batch_shape == (5, 2, 3)
    assert urn.event_shape == (3,)
    assert urn.total_count.shape == (5, 2, 3)
    assert urn.group_sizes.shape == urn.weights.shape == urn.log_weights.shape == (5, 2, 3, 3)
    assert urn.total_count[0, :, 0].tolist() == [1, 2]
    assert urn.group_sizes[3, 1, :, 0].tolist() == [2, 4, 1]


def test_one_number_of_elements_serves_all_groups_only_by_broadcasting() -> None:
    urn = UrnDistribution(3, [5], [1.0, 2.0, 3.0])
    assert urn.event_shape == (3,)
    assert urn.group_sizes.tolist() == [5, 5, 5]


def test_expand_copies_nothing() -> None:
    urn = UrnDistribution(3, [2, 3, 1], LINEAR)
    wide = urn.expand((1000, 7))
    for name in ("total_count", "group_sizes", "weights", "log_weights"):
        assert getattr(wide, name).data_ptr() == getattr(urn, name).data_ptr()
        assert getattr(wide, name).shape[:2] == (1000, 7)


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 5), (4,)])
def test_numbers_for_another_number_of_groups_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"must broadcast: got shapes \(\), \(3,\) and \({', '.join(map(str, shape))},?\)"):
        UrnDistribution(2, [2, 3, 1], torch.ones(shape))


def test_a_bad_entry_of_a_batch_is_located() -> None:
    with pytest.raises(ValueError, match=r"total_count.*at most.*6.*got 9.*\(1,\)"):
        UrnDistribution([2, 9], [2, 3, 1])
    with pytest.raises(ValueError, match=r"weights.*got -2\.0.*\(1, 0\)"):
        UrnDistribution(2, [2, 3], [[1.0, 1.0], [-2.0, 1.0]])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("few", "regular array.*few"),
        ([1, 1, 0], "add up to total_count = 3.*1.0, 1.0, 0.0"),
        (torch.tensor(3), r"3 groups.*\(\)"),
        (torch.tensor([1, 2]), r"3 groups.*\(2,\)"),
        (torch.zeros(5, 3), r"\(5, 3\).*batch_shape \(2,\)"),
        (torch.tensor([1, 1, 0]), "add up to total_count = 3.*1, 1, 0"),
        (torch.tensor([3, 0, 0]), r"group_sizes = \[2, 3, 1\].*3, 0, 0"),
        (torch.tensor([-1, 3, 1]), "between 0 and.*-1, 3, 1"),
        (torch.tensor([1.5, 1.5, 0.0]), "whole.*1.5, 1.5, 0.0"),
        (torch.tensor([float("nan"), 2.0, 1.0]), "whole.*nan"),
        (torch.tensor([[1, 2, 0], [1, 1, 1], [0, 3, 1]])[:, None], "0, 3, 1"),
    ],
)
def test_values_outside_the_support_are_refused(value: Any, words: str) -> None:
    urn = UrnDistribution([3, 3], [2, 3, 1])
    with pytest.raises(ValueError, match=f"value.*{words}"):
        urn._validate_sample(value)


def test_values_of_the_support_pass() -> None:
    urn = UrnDistribution([3, 4], [2, 3, 1])
    urn._validate_sample(torch.tensor([[1, 2, 0], [1, 3, 0]]))
    urn._validate_sample(torch.tensor([[1.0, 2.0, 0.0], [2.0, 2.0, 0.0]]).expand(7, 2, 3))
