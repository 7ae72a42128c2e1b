"""Direct convolution of rows of numbers and its gradient, by the fastest of three methods for the size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from .windows import window, windows

__all__ = ["convolve", "correlate"]

_MATRIX = 1 << 17  # largest number of elements of a tensor of all shifted copies
_MANY_ROWS = 64
_CACHED = 1 << 17  # elements of a factor that fit in the processor's cache


def convolve(a: Tensor, b: Tensor, shift: int | Tensor, width: int) -> Tensor:
    """Computes ``Σ_x a[x] b[s - x]`` for ``s = shift, …, shift + width - 1``.

    Args:
        a: rows of the first factor, shape ``(rows, X)``.
        b: rows of the second factor, shape ``(rows, Y)``.
        shift: index of the first output: one for all rows, or shape ``(rows,)``.
        width: number of outputs.

    Returns:
        Shape ``(rows, width)``.

    Example:
        >>> convolve(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]), 0, 3)
        tensor([[ 3., 10.,  8.]])
    """
    if a.shape[-1] > b.shape[-1]:
        a, b = b, a
    rows, terms = a.shape
    size = b.shape[-1]
    if rows * width * terms <= _MATRIX:
        outputs = torch.arange(width, device=a.device) + (shift[:, None] if isinstance(shift, Tensor) else shift)
        starts = (size - 1 + terms - outputs).clamp(0, size + terms)
        shifted = windows(pad(b.flip(-1), (terms, terms)), starts, terms)
        return (shifted * a[:, None]).sum(-1)
    return window(_by_rows(a, b) if rows >= _MANY_ROWS else _by_blocks(a, b), shift, width)


def correlate(rate: Tensor, a: Tensor, b: Tensor, shift: int | Tensor) -> tuple[Tensor, Tensor]:
    """Computes the gradient of :func:`convolve`: ``Σ_s rate[s] b[s + shift - x]`` and ``Σ_s rate[s] a[s + shift - y]``.

    Args:
        rate: gradient with respect to the outputs, shape ``(rows, width)``.
        a: rows of the first factor, shape ``(rows, X)``.
        b: rows of the second factor, shape ``(rows, Y)``.
        shift: index of the first output: one for all rows, or shape ``(rows,)``.

    Returns:
        Gradients with respect to ``a`` and ``b``, shapes ``(rows, X)`` and ``(rows, Y)``.

    Example:
        >>> one = torch.tensor([[1.0]])
        >>> correlate(one, torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]), 1)
        (tensor([[4., 3.]]), tensor([[2., 1.]]))
    """
    rows, x, y = a.shape[0], a.shape[-1], b.shape[-1]
    whole = window(rate, -shift, x + y - 1)
    if rows * x * y <= _MATRIX:
        beside = windows(whole, torch.arange(x, device=a.device), y)
        return (beside * b[:, None]).sum(-1), (beside * a[..., None]).sum(1)
    if rows >= _MANY_ROWS:
        return _correlate_by_rows(whole, a, b)
    return _by_blocks(whole, b.flip(-1))[:, y - 1 : y - 1 + x], _by_blocks(whole, a.flip(-1))[:, x - 1 : x - 1 + y]


def _by_rows(a: Tensor, b: Tensor) -> Tensor:
    """Returns the convolution for many rows: one multiply-add over all rows for each entry of the shorter factor, rows
    innermost."""
    rows, terms = a.shape
    size = b.shape[-1]
    out = a.new_zeros((terms + size - 1, rows))
    for chunk in _row_chunks(rows, size):
        part, longer = out[:, chunk], b[chunk].T.contiguous()
        for x, factor in enumerate(a[chunk].T.contiguous().unbind(0)):
            part[x : x + size].addcmul_(longer, factor)
    return out.T


def _correlate_by_rows(whole: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    rows, x, y = a.shape[0], a.shape[-1], b.shape[-1]
    rate_a, rate_b = a.new_zeros((x, rows)), b.new_zeros((y, rows))
    for chunk in _row_chunks(rows, max(x, y)):
        longer, columns_a, columns_b = (t[chunk].T.contiguous() for t in (whole, a, b))
        for rate, factors in ((rate_a[:, chunk], columns_b), (rate_b[:, chunk], columns_a)):
            for begin, factor in enumerate(factors.unbind(0)):
                rate.addcmul_(longer[begin : begin + rate.shape[0]], factor)
    return rate_a.T, rate_b.T


def _row_chunks(rows: int, size: int) -> list[slice]:
    step = max(64, _CACHED // size)
    return [slice(begin, min(begin + step, rows)) for begin in range(0, rows, step)]


def _by_blocks(a: Tensor, b: Tensor) -> Tensor:
    """Returns the convolution for few long rows: a matrix product of blocks of the shorter factor and shifted copies of the
    longer one."""
    if a.shape[-1] > b.shape[-1]:
        a, b = b, a
    rows, terms = a.shape
    block = terms if terms <= 32 else max(16, int(terms**0.5))
    blocks = -(-terms // block)
    padded = pad(a, (0, blocks * block - terms)).view(rows, blocks, block)
    length = b.shape[-1] + block - 1
    shifted = windows(pad(b, (block - 1, block - 1)), torch.arange(block - 1, -1, -1, device=a.device), length)
    parts = padded @ shifted
    if blocks == 1:
        return parts[:, 0]
    # Row i must be added i blocks further to the right. Padding each row by one block shifts the rows accordingly.
    total = length + (blocks - 1) * block
    skewed = pad(parts, (0, total + block - length)).view(rows, -1)
    return skewed[:, : blocks * total].view(rows, blocks, total).sum(1)[:, : terms + b.shape[-1] - 1]
