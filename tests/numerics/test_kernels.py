"""Binomial terms, lists of count vectors, slices of rows and rows of batches, each against plain Python."""

from __future__ import annotations

import itertools
import math
from unittest import mock

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo import FisherHypergeometric
from hypergeo.numerics import enumeration
from hypergeo.numerics.binomials import log_binomial, log_binomial_pmf, solve_tilt, stirling_remainder
from hypergeo.numerics.enumeration import count_support, enumerate_counts
from hypergeo.numerics.sampling import interleave
from hypergeo.numerics.urn_rows import Rows
from hypergeo.numerics.windows import window, windows


@pytest.mark.parametrize("count", [0, 1, 2, 14, 15, 16, 17, 40, 1_000, 10**6])
def test_stirlings_remainder_on_both_sides_of_its_table(count: int) -> None:
    """To 2e-15 of the largest term; from mathematical constants where ``log x!`` itself would cancel."""
    result = stirling_remainder(torch.tensor(float(count), dtype=torch.float64)).item()
    if count <= 40:
        wanted = math.log(math.factorial(count)) - (count * math.log(count) - count if count else 0.0)
        assert result == pytest.approx(wanted, abs=3e-14)
    else:
        wanted = 0.5 * math.log(2 * math.pi * count) + 1 / (12 * count) - 1 / (360 * count**3)
        assert result == pytest.approx(wanted, rel=1e-15)


@pytest.mark.parametrize("size", [0, 1, 5, 15, 16, 17, 60, 400])
def test_binomial_coefficients_are_pythons(size: int) -> None:
    counts = torch.arange(-2, size + 3)
    result = log_binomial(torch.tensor(size), counts).tolist()
    for count, value in zip(counts.tolist(), result, strict=True):
        wanted = math.log(math.comb(size, count)) if 0 <= count <= size else -math.inf
        assert value == pytest.approx(wanted, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("logit", [-30.0, -1.5, 0.0, 0.7, 12.0])
def test_binomial_probabilities_are_scipys_and_have_the_score_for_gradient(logit: float) -> None:
    size = torch.tensor(50.0, dtype=torch.float64)
    counts = torch.arange(51, dtype=torch.float64)
    odds = torch.tensor(logit, dtype=torch.float64, requires_grad=True)
    result = log_binomial_pmf(size, counts, odds)
    chance = 1 / (1 + math.exp(-logit))
    wanted = stats.binom.logpmf(counts.numpy(), 50, chance) if abs(logit) < 20 else None
    if wanted is not None:
        np.testing.assert_allclose(result.detach(), wanted, rtol=1e-12, atol=1e-11)
    (score,) = torch.autograd.grad(result[7] + result[20], odds)
    assert score.item() == pytest.approx(27 - 100 * chance, rel=1e-12)


@pytest.mark.parametrize(
    ("total", "sizes"), [(11, [10, 8, 12]), (0, [5, 5, 5]), (15, [5, 5, 5]), (1, [1, 0, 900]), (899, [1, 0, 900])]
)
def test_the_tilt_centres_the_expected_total(total: int, sizes: list[int]) -> None:
    """Half an element away where nothing or everything is drawn; groups without elements have no say, whatever their weight."""
    logs = torch.tensor([[3.0, -400.0 if sizes[1] == 0 else -7.0, 0.5]], dtype=torch.float64)
    m, n = torch.tensor([sizes], dtype=torch.float64), torch.tensor([total], dtype=torch.float64)
    tilt = solve_tilt(logs, m, n)
    assert tilt.shape == (1, 1)
    expected = float((m * torch.sigmoid(logs + tilt)).sum())
    assert expected == pytest.approx(min(max(total, 0.5), sum(sizes) - 0.5), abs=1e-4)


@pytest.mark.parametrize("scale", [10.0, 200.0, 1e4, 1e6, 1e9, 1e12, 1e15])
@pytest.mark.parametrize("tolerance", [1e-6, 0.1])
def test_the_expected_total_is_right_in_units_of_its_standard_deviation(scale: float, tolerance: float) -> None:
    """Windows reach so many standard deviations from the mean: a centre that errs by a share of the variance lies outside."""
    generator = torch.Generator().manual_seed(0)
    for spread in (1.0, 5.0, 30.0):
        logs = spread * torch.randn(60, 5, dtype=torch.float64, generator=generator)
        sizes = (scale * torch.rand(60, 5, dtype=torch.float64, generator=generator)).ceil()
        total = (sizes.sum(-1) * torch.rand(60, dtype=torch.float64, generator=generator)).floor()
        for row in range(60):  # one by one, as all rows of a batch go on until the last is done
            m, n = sizes[row : row + 1], total[row : row + 1]
            p = torch.sigmoid(logs[row : row + 1] + solve_tilt(logs[row : row + 1], m, n, tolerance))
            error = (m * p).sum() - n.clamp(min=0.5).minimum(m.sum() - 0.5)
            assert float(error.abs()) <= 1.01 * tolerance * (1 + float((m * p * (1 - p)).sum())) ** 0.5


URNS = [(3, [2, 2, 2]), (0, [2, 0, 1]), (5, [2, 0, 3, 1]), (7, [9]), (6, [1, 2, 3]), (4, [4, 4]), (9, [3, 3, 3, 3])]


@pytest.mark.parametrize(("total", "sizes"), URNS)
def test_lists_of_count_vectors_are_those_of_a_loop_over_all(total: int, sizes: list[int]) -> None:
    wanted = [x for x in itertools.product(*(range(m + 1) for m in sizes)) if sum(x) == total]
    result = enumerate_counts(total, torch.tensor(sizes))
    assert [tuple(row) for row in result.tolist()] == wanted
    assert result.dtype == torch.int64
    assert count_support(total, torch.tensor(sizes)) == len(wanted)


def test_numbers_of_count_vectors_beyond_any_list() -> None:
    assert count_support(500, torch.tensor([1000] * 3)) == math.comb(502, 2)
    assert count_support(3, torch.tensor([1] * 100)) == math.comb(100, 3)
    assert count_support(7, torch.tensor([2, 2])) == 0


def test_lists_too_long_to_hold_are_refused_and_those_that_just_fit_are_made() -> None:
    with mock.patch.object(enumeration, "_LISTED", 21):
        assert len(enumerate_counts(3, torch.tensor([2, 2, 2]))) == 7
        with pytest.raises(ValueError, match=r"total_count = 3 and group_sizes = \[3, 2, 2\] allow 8 .*at most 7 can"):
            enumerate_counts(3, torch.tensor([3, 2, 2]))


@pytest.mark.parametrize(("start", "width"), [(s, w) for s in (-7, -2, 0, 1, 4) for w in (1, 3, 5, 9) if s + w > 0])
def test_a_window_is_zero_outside_of_its_table(start: int, width: int) -> None:
    table = torch.arange(1.0, 11.0).view(2, 5)
    wanted = torch.zeros(2, width)
    for s in range(width):
        if 0 <= start + s < 5:
            wanted[:, s] = table[:, start + s]
    assert torch.equal(window(table, start, width), wanted)
    assert torch.equal(window(table, torch.tensor([start, start]), width), wanted)
    mixed = window(table, torch.tensor([start, 1]), width)
    assert torch.equal(mixed[0], wanted[0])
    assert torch.equal(mixed[1], window(table, 1, width)[1])


def test_windows_of_rows_begin_where_they_are_told() -> None:
    table = torch.arange(12).view(2, 6)
    assert windows(table, torch.tensor([[0, 3], [2, 1]]), 3).tolist() == [[[0, 1, 2], [3, 4, 5]], [[8, 9, 10], [7, 8, 9]]]
    assert windows(table, torch.tensor([1]), 2).tolist() == [[[1, 2]], [[7, 8]]]


def test_levels_are_interleaved_with_what_waits() -> None:
    left, right = torch.tensor([[1, 2], [5, 6]]), torch.tensor([[3, 4], [7, 8]])
    assert interleave(left, right, torch.tensor([[9], [0]])).tolist() == [[1, 3, 2, 4, 9], [5, 7, 6, 8, 0]]
    assert interleave(left, right, torch.empty(2, 0, dtype=torch.int64)).tolist() == [[1, 3, 2, 4], [5, 7, 6, 8]]


def test_rows_are_the_different_urns_and_find_their_way_back() -> None:
    """A batch of three axes, one of which repeats rows: what is computed once stands wherever it belongs."""
    weights = torch.arange(1.0, 13.0, dtype=torch.float64).view(4, 1, 3)
    law = FisherHypergeometric(5, [4, 5, 6], weights).expand((2, 4, 3))
    rows = Rows.of(law)
    assert rows.log_weights.shape == (4, 3)
    assert rows.sizes.shape == (1, 3)
    assert rows.total.tolist() == [5]
    assert rows.repeats(law.batch_shape) == 6
    value = torch.arange(8).view(4, 2)
    restored = rows.restore(value, law.batch_shape)
    assert restored.shape == (2, 4, 3, 2)
    assert all(torch.equal(restored[i, j, k], value[j]) for i in range(2) for j in range(4) for k in range(3))
    draws = torch.arange(5 * 6 * 4 * 3).view(30, 4, 3)
    placed = rows.restore_draws(draws, torch.Size([5]), law.batch_shape)
    assert placed.shape == (5, 2, 4, 3, 3)
    assert torch.equal(rows.gather_draws(placed, 1, law.batch_shape), draws)
    for j in range(4):
        assert set(placed[:, :, j, :, 0].flatten().tolist()) == set(draws[:, j, 0].tolist())


def test_groups_that_cannot_be_drawn_are_rows_of_size_zero_and_weight_one() -> None:
    law = FisherHypergeometric([3, 2], [[4, 0, 3], [4, 2, 3]], [[1.0, 2.0, 0.0], [1.0, 0.0, 3.0]])
    rows = Rows.of(law)
    assert rows.sizes.tolist() == [[4, 0, 0], [4, 0, 3]]
    assert rows.given_sizes.tolist() == [[4, 0, 3], [4, 2, 3]]
    torch.testing.assert_close(rows.log_weights.exp(), torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 3.0]]).double())
