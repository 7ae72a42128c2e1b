"""Differentiable convolution of log-probability tables with full relative precision, also in the tails.

A direct sum of positive terms keeps relative precision. Tables whose entries fit the range of a double are therefore convolved
in linear space, by plain sums of products. Others stay in log space: each output is a log-sum-exp over the whole support if
that is small, or else over the window that contains the mass (the tables are log-concave).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .linear_convolution import convolve, correlate
from .windows import windows

__all__ = ["log_convolution", "log_convolution_backward", "log_convolution_moments", "log_convolve", "log_terms"]

_LINEAR_RANGE = 330.0  # the product of two factors of e^-330 is a normal double
_DIRECT_TERMS = 4096  # for fewer terms a log-sum-exp is faster than sums of products
_TEMPORARY_ENTRIES = 1 << 21  # largest number of elements of a temporary tensor
_SMALLEST = {torch.float64: 1e-290, torch.float32: 1e-32}  # smaller sums, whose inverses may overflow, have no gradient
_LOWEST = -1e29  # replaces the maximum of a table without entries; impossible entries may be any lower number
_NEGLIGIBLE = 45.0  # terms that are this many nats below the largest one are negligible


def log_convolve(
    left: Tensor, right: Tensor, shift: int | Tensor = 0, width: int | None = None, *, tails: bool = True
) -> Tensor:
    """Computes ``log Σ_x exp(left[x] + right[s - x])`` for ``s = shift, …, shift + width - 1``.

    Both tables must be log-concave along their last axis, as products, sums and reversals of binomial tables are.

    Args:
        left: logarithms of nonnegative numbers, shape ``(rows, X)``; ``-inf`` is zero.
        right: logarithms of nonnegative numbers, shape ``(rows, Y)``.
        shift: index of the first output: one for all rows, or shape ``(rows,)``.
        width: number of outputs; all ``X + Y - 1 - shift`` when omitted.
        tails: whether outputs below e^-330 times the largest one are needed; false is faster.

    Returns:
        Shape ``(rows, width)``, differentiable in both tables. The gradient is zero, never NaN, where an output is ``-inf``.

    Raises:
        ValueError: if the width is omitted and the rows have different shifts.

    Example:
        >>> coin = torch.tensor([[0.5, 0.5]], dtype=torch.float64).log()
        >>> log_convolve(coin, coin).exp()
        tensor([[0.2500, 0.5000, 0.2500]], dtype=torch.float64)
    """
    size = left.shape[-1] + right.shape[-1] - 1
    if isinstance(shift, Tensor):
        first = shift.flatten()[0].item()
        if bool((shift == first).all()):
            shift = int(first)
    if width is None:
        if isinstance(shift, Tensor):
            raise ValueError("log_convolve needs a width when the rows start at different outputs.")
        width = size - shift
    return _LogConvolve.apply(left, right, shift, width, tails)


class _LogConvolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, shift: int | Tensor, width: int, tails: bool) -> Tensor:
        ctx.shift = shift
        out, ctx.linear, saved = log_convolution(left, right, shift, width, tails)
        ctx.save_for_backward(*saved)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        return *log_convolution_backward(grad, ctx.shift, ctx.linear, ctx.saved_tensors), None, None, None


def log_convolution(
    left: Tensor, right: Tensor, shift: int | Tensor, width: int, tails: bool
) -> tuple[Tensor, bool, tuple[Tensor, ...]]:
    """Convolves as :func:`log_convolve`, without autograd.

    Args:
        left: logarithms of nonnegative numbers, shape ``(rows, X)``.
        right: logarithms of nonnegative numbers, shape ``(rows, Y)``.
        shift: index of the first output: one for all rows, or shape ``(rows,)``.
        width: number of outputs.
        tails: whether outputs below e^-330 times the largest one are needed.

    Returns:
        The result, shape ``(rows, width)``, and the arguments of :func:`log_convolution_backward`: whether the sums are in
        linear space, and saved tensors.
    """
    if width > 8 and left.shape[0] * width * min(left.shape[-1], right.shape[-1]) > _DIRECT_TERMS:
        scaled = _scaled([left, right], tails)
        if scaled is not None:
            (a, b), tops = scaled
            sums = convolve(a, b, shift, width)
            return sums.log() + tops, True, (a, b, sums)
    out = _log_sums(left, right, shift, width)
    return out, False, (left, right, out)


def log_convolution_backward(
    grad: Tensor, shift: int | Tensor, linear: bool, saved: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """Computes the gradients of :func:`log_convolution` with respect to the left and the right table.

    Args:
        grad: gradient with respect to the result, shape ``(rows, width)``.
        shift: index of the first output: one for all rows, or shape ``(rows,)``.
        linear: whether the sums are in linear space.
        saved: tensors that :func:`log_convolution` returned: both tables and the outputs, shapes ``(rows, X)``, ``(rows, Y)``
            and ``(rows, width)``.

    Returns:
        Two gradients, shapes ``(rows, X)`` and ``(rows, Y)``.
    """
    a, b, out = saved
    if linear:
        rate_a, rate_b = correlate(torch.where(out > _SMALLEST[out.dtype], grad / out, 0.0), a, b, shift)
        return a * rate_a, b * rate_b
    return _log_sums_backward(a, b, out, grad, shift), _log_sums_backward(b, a, out, grad, shift)


def log_convolution_moments(
    grad: Tensor, shift: int | Tensor, linear: bool, saved: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """Sums the gradients of :func:`log_convolution` times the positions ``0, 1, …`` in the left and the right table.

    The sum over one table is itself a convolution, and the positions of both add up to that of the output: one convolution
    replaces the two correlations of :func:`log_convolution_backward`.

    Args:
        grad: gradient with respect to the outputs, shape ``(rows, width)``.
        shift: first output, one for all rows or shape ``(rows,)``.
        linear: whether sums were in linear space.
        saved: tensors that :func:`log_convolution` returned: both tables and the outputs, shapes ``(rows, X)``, ``(rows, Y)``
            and ``(rows, width)``.

    Returns:
        Sums for the left and for the right table, each of shape ``(rows,)``.
    """
    if not linear:
        sides = log_convolution_backward(grad, shift, linear, saved)
        left, right = (side @ torch.arange(side.shape[-1], dtype=side.dtype, device=side.device) for side in sides)
        return left, right
    a, b, sums = saved
    width = sums.shape[-1]
    # Positions count from the middle, where rounding errors are least.
    middle = (a.shape[-1] - 1) / 2
    places = torch.arange(a.shape[-1], dtype=a.dtype, device=a.device) - middle
    share = torch.where(sums > _SMALLEST[sums.dtype], grad / sums, 0.0)
    left = (share * convolve(a * places, b, shift, width)).sum(-1)
    outputs = torch.arange(width, dtype=a.dtype, device=a.device) + (shift[:, None] if isinstance(shift, Tensor) else shift)
    kept = share * sums
    both = (kept * (outputs - middle)).sum(-1)
    return left + middle * kept.sum(-1), both - left


def _scaled(tables: list[Tensor], tails: bool) -> tuple[list[Tensor], Tensor] | None:
    """Returns the tables in linear space with maxima of one, and the sum of the log maxima; ``None`` if tails would
    underflow."""
    if tables[0].shape == tables[1].shape:
        tables = [torch.stack(tables)]
    tops = [table.amax(-1, keepdim=True).clamp_(min=_LOWEST) for table in tables]
    drops = [table - top for table, top in zip(tables, tops, strict=True)]
    if tails and any(bool(((drop < -_LINEAR_RANGE) & (drop > _LOWEST)).any()) for drop in drops):
        return None
    if len(drops) == 1:
        return list(drops[0].exp_().unbind(0)), tops[0].sum(0)
    return [drop.exp_() for drop in drops], tops[0] + tops[1]


def log_terms(left: Tensor, right: Tensor, shift: int | Tensor, first: int, last: int) -> Tensor:
    """Computes all terms ``left[x] + right[s + shift - x]`` for ``s`` from ``first`` to ``last - 1``.

    Args:
        left: logarithms of nonnegative numbers, shape ``(rows, X)``.
        right: logarithms of nonnegative numbers, shape ``(rows, Y)``.
        shift: offset of the outputs: one for all rows, or shape ``(rows,)``.
        first: first output.
        last: end of the outputs, exclusive.

    Returns:
        Terms, shape ``(rows, last - first, X)``; ``-inf`` outside the tables.

    Example:
        >>> log_terms(torch.tensor([[1.0, 2.0]]), torch.tensor([[10.0, 20.0]]), 0, 0, 3)
        tensor([[[11., -inf],
                 [21., 12.],
                 [-inf, 22.]]])
    """
    terms, size = left.shape[-1], right.shape[-1]
    outputs = torch.arange(first, last, device=left.device) + (shift[:, None] if isinstance(shift, Tensor) else shift)
    padded = torch.nn.functional.pad(right.flip(-1), (terms, terms), value=-torch.inf)
    starts = (size - 1 - outputs + terms).clamp(0, size + terms)
    return left[:, None] + windows(padded, starts, terms)


def _log_sums(left: Tensor, right: Tensor, shift: int | Tensor, width: int) -> Tensor:
    """Returns the convolution by one log-sum-exp for each output."""
    if left.shape[-1] > right.shape[-1]:
        left, right = right, left
    if left.shape[0] * width * left.shape[-1] > _TEMPORARY_ENTRIES:
        bands = _Bands(left, right, shift, width)
        return torch.cat([bands.terms(s).logsumexp(-1) for s in bands.chunks()], -1)
    return log_terms(left, right, shift, 0, width).logsumexp(-1)


def _log_sums_backward(left: Tensor, right: Tensor, out: Tensor, grad: Tensor, shift: int | Tensor) -> Tensor:
    """Returns the gradient to ``left``. The gradient of each output is distributed in proportion to its terms."""
    out = torch.where(out == -torch.inf, 0.0, out)
    width = out.shape[-1]
    if left.shape[0] * width * left.shape[-1] <= _TEMPORARY_ENTRIES:
        proportions = (log_terms(left, right, shift, 0, width) - out[..., None]).exp_()
        return (grad[:, None] @ proportions)[:, 0]
    bands = _Bands(left, right, shift, width)
    total = torch.zeros_like(left)
    for s in bands.chunks():
        proportions = (bands.terms(s) - out[:, s, None]).exp_() * grad[:, s, None]
        total.scatter_add_(-1, bands.positions(s).clamp(0, left.shape[-1] - 1).flatten(1), proportions.flatten(1))
    return total


class _Bands:
    """For each output, the terms around the largest one that determine its sum.

    For log-concave factors, merging the two lists of slopes gives the largest term of output ``s``. Terms decrease at least
    geometrically on both sides of it.
    """

    def __init__(self, left: Tensor, right: Tensor, shift: int | Tensor, width: int):
        self.left, self.right, self.width = left, right, width
        self.outputs = torch.arange(width, device=left.device) + (shift[:, None] if isinstance(shift, Tensor) else shift)
        self.outputs = self.outputs.expand(left.shape[0], width)
        self.center = self._largest_terms()
        self.reach = self._reach()

    def _largest_terms(self) -> Tensor:
        slopes, begins = [], []
        for table in (self.left, self.right):
            finite = table > -torch.inf
            begins.append(finite.to(torch.uint8).argmax(-1, keepdim=True))
            slope = torch.where(finite[:, 1:] & finite[:, :-1], table.diff(dim=-1), -torch.inf)
            before = torch.arange(slope.shape[-1], device=slope.device) < begins[-1]
            slopes.append(torch.where(before, torch.inf, slope))
        order = torch.sort(torch.cat(slopes, -1), dim=-1, descending=True, stable=True).indices
        from_left = (order < slopes[0].shape[-1]).cumsum(-1)
        steps = self.outputs.clamp(0, order.shape[-1])
        return torch.where(steps > 0, from_left.gather(-1, (steps - 1).clamp(min=0)), 0)

    def _terms_at(self, x: Tensor, outputs: Tensor) -> Tensor:
        y = outputs - x
        flat = x.shape[0], -1
        left = self.left.gather(-1, x.clamp(0, self.left.shape[-1] - 1).view(flat)).view(x.shape)
        right = self.right.gather(-1, y.clamp(0, self.right.shape[-1] - 1).view(flat)).view(x.shape)
        inside = (x >= 0) & (x < self.left.shape[-1]) & (y >= 0) & (y < self.right.shape[-1])
        return torch.where(inside, left + right, -torch.inf)

    def _reach(self) -> int:
        top = self._terms_at(self.center, self.outputs)
        floor = torch.where(top == -torch.inf, torch.inf, top - _NEGLIGIBLE)
        limit = min(self.left.shape[-1], self.right.shape[-1])
        reach = 32
        while reach < limit:
            edge = torch.maximum(
                self._terms_at(self.center - reach, self.outputs), self._terms_at(self.center + reach, self.outputs)
            )
            if not bool((edge > floor).any()):
                break
            reach = reach * 5 // 4
        return min(reach, limit)

    def chunks(self) -> list[slice]:
        """Returns slices of the outputs whose terms fit into one temporary tensor."""
        step = max(1, _TEMPORARY_ENTRIES // (self.left.shape[0] * (2 * self.reach + 1)))
        return [slice(s, min(s + step, self.width)) for s in range(0, self.width, step)]

    def positions(self, outputs: slice) -> Tensor:
        """Returns the indices into ``left`` of the terms of some outputs, shape ``(rows, outputs, 2 reach + 1)``."""
        return self.center[:, outputs, None] + torch.arange(-self.reach, self.reach + 1, device=self.center.device)

    def terms(self, outputs: slice) -> Tensor:
        """Returns the logarithms of the terms of some outputs, shape ``(rows, outputs, 2 reach + 1)``."""
        x = self.positions(outputs)
        return self._terms_at(x, self.outputs[:, outputs, None].expand(x.shape))
