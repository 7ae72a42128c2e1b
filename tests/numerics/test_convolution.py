"""Every way of convolving tables, entered by name: values and gradients against a plain sum over all terms in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp
from torch import Tensor

from hypergeo.numerics import linear_convolution, log_convolution
from hypergeo.numerics.linear_convolution import convolve, correlate
from hypergeo.numerics.log_convolution import log_convolve

WAYS = {
    "sums of logarithms": (log_convolution, "log_terms"),
    "bands": (log_convolution, "_Bands"),
    "by rows": (linear_convolution, "_by_rows"),
    "gradient by rows": (linear_convolution, "_correlate_by_rows"),
    "by blocks": (linear_convolution, "_by_blocks"),
    "shifted copies": (linear_convolution, "windows"),
}


@contextmanager
def ways_entered() -> Iterator[dict[str, int]]:
    """Counts the calls of each way; the counts are there once the block ends."""
    calls: dict[str, int] = {}
    probes = {
        name: mock.patch.object(module, function, wraps=getattr(module, function)) for name, (module, function) in WAYS.items()
    }
    started = {name: probe.start() for name, probe in probes.items()}
    try:
        yield calls
    finally:
        for name, probe in probes.items():
            calls[name] = started[name].call_count
            probe.stop()


@dataclass(frozen=True)
class Case:
    """Shapes of two tables, and the ways that their convolution and its gradient must take."""

    rows: int
    left: int
    right: int
    forward: str
    backward: str
    tails: bool = True
    trials: int = 0  # of the binomial tables; wide ones span thousands of nats


CASES = {
    "short": Case(3, 9, 12, "sums of logarithms", "sums of logarithms"),
    "copies": Case(3, 60, 80, "shifted copies", "shifted copies"),
    "rows": Case(70, 60, 50, "by rows", "gradient by rows"),
    "rows in chunks": Case(66, 8, 2100, "by rows", "gradient by rows", tails=False),
    "blocks": Case(2, 300, 500, "by blocks", "by blocks"),
    "blocks, other order": Case(1, 500, 300, "by blocks", "by blocks"),
    "one block": Case(1, 30, 4500, "by blocks", "by blocks", tails=False),
    "wide range": Case(1, 900, 820, "sums of logarithms", "sums of logarithms", trials=899),
    "bands": Case(1, 1501, 1471, "bands", "bands", trials=3000),
    "bands of rows": Case(3, 901, 1100, "bands", "bands", trials=2500),
}


def tables(case: Case, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Returns log-concave binomial tables, some of whose rows are truncated at the ends."""
    rng = np.random.default_rng(seed)
    result = []
    for length in (case.left, case.right):
        trials = max(case.trials, length - 1)
        first = rng.integers(0, trials - length + 2, case.rows)
        chance = np.clip((first + length * rng.uniform(0.2, 0.8, case.rows)) / trials, 0.01, 0.99)
        table = stats.binom.logpmf(first[:, None] + np.arange(length), trials, chance[:, None])
        if not case.tails or not case.trials:
            table = np.maximum(table, table.max(-1, keepdims=True) - 250 + table / 1e3)
        table[0, :2] = -np.inf
        table[-1, -2:] = -np.inf
        result.append(torch.from_numpy(table))
    return result[0], result[1]


def plain(left: Tensor, right: Tensor, rate: Tensor, shift: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the convolution and its two gradients, row by row, as sums over all terms."""
    if left.shape[-1] > right.shape[-1]:
        values, of_right, of_left = plain(right, left, rate, shift)
        return values, of_left, of_right
    values, of_left, of_right = [], [], []
    for a, b, g, first in zip(left.numpy(), right.numpy(), rate.numpy(), shift, strict=True):
        terms = np.full((len(a), len(a) + len(b) - 1), -np.inf)
        for x, term in enumerate(a):
            terms[x, x : x + len(b)] = term + b
        out = logsumexp(terms, 0)
        possible = np.isfinite(out)
        mass = np.zeros(len(out))
        mass[first : first + len(g)] = g * possible[first : first + len(g)]
        shares = mass * np.exp(terms - np.where(possible, out, 0.0))
        values.append(out[first : first + len(g)])
        of_left.append(shares.sum(-1))
        of_right.append(sum(shares[x, x : x + len(b)] for x in range(len(a))))
    return np.stack(values), np.stack(of_left), np.stack(of_right)


@pytest.mark.parametrize("place", ["everything", "a part", "parts of its own for each row"])
@pytest.mark.parametrize("name", CASES)
def test_every_way_of_convolving(name: str, place: str) -> None:
    """Values to 1e-11 nats and gradients to 1e-10, whatever part of the outputs is wanted."""
    case = CASES[name]
    left, right = (table.requires_grad_() for table in tables(case))
    size = case.left + case.right - 1
    begins = [0] * case.rows if place == "everything" else [5 + (row % 3) * (place != "a part") for row in range(case.rows)]
    width = size if place == "everything" else size - 9
    shift = torch.tensor(begins) if place.startswith("parts") else begins[0]
    rate = torch.from_numpy(np.random.default_rng(1).normal(size=(case.rows, width)))
    with ways_entered() as forward:
        result = log_convolve(left, right, shift, width, tails=case.tails)
    with ways_entered() as backward:
        gradients = torch.autograd.grad(torch.where(result > -torch.inf, result, 0.0), (left, right), rate)
    assert forward[case.forward] > 0, forward
    assert backward[case.backward] > 0, backward
    linear = case.forward in ("by rows", "by blocks", "shifted copies")
    assert (forward["sums of logarithms"] + forward["bands"] > 0) is not linear, "one way only"
    values, of_left, of_right = plain(left.detach(), right.detach(), rate, begins)
    np.testing.assert_allclose(result.detach(), values, rtol=1e-13, atol=1e-11)
    np.testing.assert_allclose(gradients[0], of_left, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(gradients[1], of_right, rtol=1e-10, atol=1e-10)


def test_few_outputs_of_wide_tables_are_sums_of_logarithms() -> None:
    left, right = tables(Case(3, 700, 900, "", "", trials=4000))
    shift = torch.tensor([300, 700, 1100])
    with ways_entered() as entered:
        result = log_convolve(left, right, shift, 3)
    assert entered["sums of logarithms"] == 1
    assert entered["shifted copies"] == entered["by blocks"] == entered["by rows"] == 0
    values = plain(left, right, torch.zeros(3, 3, dtype=torch.float64), shift.tolist())[0]
    np.testing.assert_allclose(result, values, rtol=1e-13, atol=1e-11)


@pytest.mark.parametrize("rows", [1, 3, 70])
@pytest.mark.parametrize(("x", "y"), [(1, 1), (1, 5), (4, 3), (40, 70), (200, 900)])
@pytest.mark.parametrize("start", [0, 1, -3])
def test_linear_convolution_and_its_gradient(rows: int, x: int, y: int, start: int) -> None:
    """Whole numbers, so that every sum is exact; outputs before the first and after the last are zero."""
    rng = np.random.default_rng(x + y)
    a, b = (torch.from_numpy(rng.integers(-9, 10, (rows, length)).astype(float)) for length in (x, y))
    width = x + y + 2
    rate = torch.from_numpy(rng.integers(-9, 10, (rows, width)).astype(float))
    whole = np.stack([np.convolve(p, q) for p, q in zip(a.numpy(), b.numpy(), strict=True)])
    padded = np.pad(whole, ((0, 0), (3, 3 + width)))
    assert np.array_equal(convolve(a, b, start, width), padded[:, 3 + start : 3 + start + width])
    outputs = np.zeros((rows, x + y - 1))
    for s in range(width):
        if 0 <= s + start < x + y - 1:
            outputs[:, s + start] = rate[:, s]
    rates = correlate(rate, a, b, start)
    for result, other in zip(rates, (b, a), strict=True):
        wanted = np.stack([np.correlate(o, p, "valid") for o, p in zip(outputs, other.numpy(), strict=True)])
        assert np.array_equal(result, wanted)


def test_a_table_of_nothing_has_no_gradient() -> None:
    """Where no term is possible, the output is minus infinity and its gradient zero, never NaN."""
    left = torch.full((2, 30), -torch.inf, dtype=torch.float64)
    left[1, 3] = 0.5
    left.requires_grad_()
    right = torch.linspace(0, -1, 40, dtype=torch.float64).repeat(2, 1).requires_grad_()
    for width in (5, 69):
        result = log_convolve(left, right, 0, width)
        assert (result[0] == -torch.inf).all()
        wanted = torch.full((width,), -torch.inf, dtype=torch.float64)
        reached = min(width - 3, 40)
        wanted[3 : 3 + reached] = (right[1] + 0.5).detach()[:reached]
        torch.testing.assert_close(result[1].detach(), wanted)
        gradients = torch.autograd.grad(result[1, 3:10].sum(), (left, right))
        assert all(bool(gradient.isfinite().all()) for gradient in gradients)
        assert gradients[0][1, 3] == min(width - 3, 7)


def test_a_width_is_needed_where_rows_start_at_different_outputs() -> None:
    left, right = tables(CASES["short"])
    with pytest.raises(ValueError, match="needs a width"):
        log_convolve(left, right, torch.tensor([0, 1, 2]))
    same = log_convolve(left, right, torch.tensor([2, 2, 2]))
    assert same.shape[-1] == left.shape[-1] + right.shape[-1] - 3
    assert torch.equal(same, log_convolve(left, right)[:, 2:])


@pytest.mark.parametrize("name", ["short", "blocks", "rows", "bands"])
def test_gradients_of_one_table_alone_are_those_of_both(name: str) -> None:
    case = CASES[name]
    left, right = tables(case)
    both = [table.clone().requires_grad_() for table in (left, right)]
    together = torch.autograd.grad(log_convolve(both[0], both[1], tails=case.tails).logsumexp(-1).sum(), both)
    for which in (0, 1):
        alone = [left.clone(), right.clone()]
        alone[which].requires_grad_()
        result = log_convolve(alone[0], alone[1], tails=case.tails).logsumexp(-1).sum()
        (gradient,) = torch.autograd.grad(result, alone[which])
        torch.testing.assert_close(gradient, together[which], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shift", [0, 7, [7, 0, 30, 12]])
@pytest.mark.parametrize(("x", "y"), [(3, 4), (60, 90)], ids=["logarithms", "linear"])
def test_moments_of_gradients_are_those_of_the_gradients(x: int, y: int, shift: int | list[int]) -> None:
    """Gradients of any sum: where it is zero, an error in the middle of the tables cancels."""
    left, right = torch.randn(4, x, dtype=torch.float64), torch.randn(4, y, dtype=torch.float64)
    first = torch.tensor(shift).clamp(max=x) if isinstance(shift, list) else min(shift, x)
    width = x + y - 1 - int(torch.as_tensor(first).max())
    out, linear, saved = log_convolution.log_convolution(left, right, first, width, True)
    assert linear == (x > 10)
    grad = torch.rand_like(out)
    sides = log_convolution.log_convolution_backward(grad, first, linear, saved)
    expected = [(side * torch.arange(side.shape[-1])).sum(-1) for side in sides]
    moments = log_convolution.log_convolution_moments(grad, first, linear, saved)
    for moment, reference in zip(moments, expected, strict=True):
        torch.testing.assert_close(moment, reference, rtol=1e-9, atol=1e-9)
