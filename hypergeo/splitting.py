"""One relaxed split: how much of a node's total goes to its left child, by Gumbel-softmax over the conditional law."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from .convolution import windows

__all__ = ["split"]


def split(left: Tensor, right: Tensor, drawn: Tensor, noise: Tensor, temperature: Tensor, hard: bool) -> Tensor:
    """Draws the left child's total given the parent's.

    With ``a`` and ``b`` the children's probabilities, ``y = softmax((log a(x) + log b(r - x) + noise) / τ)`` over the
    left child's table and the draw is ``Σ x y_x``. For a real ``r`` the right factor is interpolated linearly in
    probability between the whole numbers around ``r - x``. Totals here count from the first entry of each table.

    Args:
        left: log-probabilities of the left child's total, shape ``(T, P, X)``.
        right: likewise of the right child's, shape ``(T, P, Y)``.
        drawn: the parent's total ``r``, shape ``(S, T, P)``; whole numbers when ``hard``.
        noise: Gumbel noise, shape ``(S, T, P, X)``.
        temperature: τ, broadcast to ``(S, T, 1, 1)``.
        hard: whether to return the position of the largest noisy logit (which has exactly the conditional law) instead
            of the mean; gradients are those of the mean in both cases.

    Returns:
        Shape ``(S, T, P)``. Gradients reach both tables, the total (through the local slope of ``log b``) and τ.
    """
    return _Split.apply(left, right, drawn, noise, temperature, hard)


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, left: Tensor, right: Tensor, drawn: Tensor, noise: Tensor, temperature: Tensor, hard: bool
    ) -> Tensor:
        beside = _Beside(right, drawn.detach(), left.shape[-1])
        opposite, upper_share = beside.whole(), None
        if not hard:
            opposite, upper_share = beside.interpolated(opposite)
        noisy = opposite.add_(left).add_(noise)
        ctx.hard = hard
        if hard and not any(ctx.needs_input_grad):
            return noisy.argmax(-1).to(drawn.dtype)
        chosen = noisy.argmax(-1) if hard else None
        scaled = noisy.div_(temperature)
        weights = scaled.softmax(-1)
        position = torch.arange(left.shape[-1], dtype=weights.dtype, device=weights.device)
        mean = weights @ position
        ctx.save_for_backward(right, drawn, weights, mean, temperature, upper_share, scaled if ctx.needs_input_grad[4] else None)
        return mean if chosen is None else chosen.to(mean.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        right, drawn, weights, mean, temperature, upper_share, scaled = ctx.saved_tensors
        position = torch.arange(weights.shape[-1], dtype=weights.dtype, device=weights.device)
        per_logit = (position - mean[..., None]).mul_(weights).mul_(grad[..., None] / temperature)
        beside = _Beside(right, drawn, weights.shape[-1])
        grad_left = grad_right = grad_drawn = grad_temperature = None
        if ctx.needs_input_grad[0]:
            grad_left = per_logit.sum(0)
        if ctx.needs_input_grad[1]:
            grad_right = beside.collect(per_logit, upper_share)
        if ctx.needs_input_grad[2]:
            grad_drawn = (per_logit * beside.slopes(ctx.hard)).sum(-1)
        if ctx.needs_input_grad[4]:
            finite = torch.where(weights > 0, scaled, 0.0)
            per_draw = -(per_logit * finite).sum((-1, -2), keepdim=True)
            grad_temperature = per_draw.sum_to_size(temperature.shape)
        return grad_left, grad_right, grad_drawn, None, grad_temperature, None


class _Beside:
    """Entries of the right table that stand beside each entry of the left one, for every draw."""

    def __init__(self, right: Tensor, drawn: Tensor, width: int):
        self.right, self.width = right, width
        self.shape = (*drawn.shape, width)
        self.floor = drawn.floor()
        self.fraction = drawn - self.floor
        self.margin = width + 1
        size = right.shape[-1]
        # Entry i of the left table meets entry floor - i of the right one, entry (size - 1 - floor) + i of its reverse.
        starts = (size - 1 - self.floor.long() + self.margin).clamp(1, size + 2 * self.margin - width)
        self.starts = starts.permute(1, 2, 0).reshape(right.shape[0] * right.shape[1], -1)

    def _look_up(self, table: Tensor, value: float, offset: int = 0) -> Tensor:
        nodes = table.shape[0] * table.shape[1]
        padded = pad(table.flip(-1).reshape(nodes, -1), (self.margin, self.margin), value=value)
        if self.shape[0] == 1 or nodes == 1:
            return windows(padded, self.starts + offset, self.width).view(self.shape)
        rows = torch.arange(0, padded.numel(), padded.shape[-1], device=padded.device)[:, None]
        index = (self.starts + offset + rows).T.flatten()
        return padded.view(-1).unfold(0, self.width, 1).index_select(0, index).view(self.shape)

    def whole(self) -> Tensor:
        """``log b(floor(r) - x)``, shape ``(S, T, P, X)``."""
        return self._look_up(self.right, -torch.inf)

    def interpolated(self, lower: Tensor) -> tuple[Tensor, Tensor]:
        """``log`` of the interpolated ``b(r - x)`` and the upper neighbour's share of it."""
        fraction = self.fraction[..., None]
        upper = self._look_up(self.right, -torch.inf, -1).add_(fraction.log())
        total = torch.logaddexp(lower + torch.log1p(-fraction), upper)
        share = torch.where(total == -torch.inf, 0.0, (upper - torch.where(total == -torch.inf, 0.0, total)).exp())
        return total, share

    def slopes(self, hard: bool) -> Tensor:
        """Local slope of ``log b`` at ``r - x``: of the cell it lies in, or the mean of both cells at a whole number."""
        table = self.right
        if table.shape[-1] == 1:
            return torch.zeros((), dtype=table.dtype, device=table.device)
        finite = table > -torch.inf
        cell = torch.where(finite[..., 1:] & finite[..., :-1], table.diff(dim=-1), torch.nan)
        # Beyond either end of the support the slope of the last cell continues.
        lower = torch.cat([torch.full_like(table[..., :1], torch.nan), cell], -1)
        upper = torch.cat([cell, torch.full_like(table[..., :1], torch.nan)], -1)
        lower, upper = torch.where(lower.isnan(), upper, lower), torch.where(upper.isnan(), lower, upper)
        values = 0.5 * (lower + upper) if hard else upper
        first = torch.where(lower.isnan(), 0.0, lower)[..., :1]
        values = torch.where(values.isnan(), 0.0, values)
        if hard:
            return self._look_up(values, 0.0)
        # Just below the first entry (r - x in (-1, 0)) the cell is the one before it.
        return self._look_up(torch.cat([first, values], -1)[..., 1:], 0.0)

    def collect(self, per_logit: Tensor, upper_share: Tensor | None) -> Tensor:
        """Sums what belongs to each entry of the right table over all draws, shape ``(T, P, Y)``."""
        if upper_share is None:
            return self._collect(per_logit, 0)
        upper = per_logit * upper_share
        return self._collect(per_logit - upper, 0) + self._collect(upper, -1)

    def _collect(self, values: Tensor, offset: int) -> Tensor:
        draws, rows, nodes, width = values.shape
        size = self.right.shape[-1]
        padded = pad(values.reshape(-1, width), (size, size))
        # The reverse of the look-up: entry j of the reversed right table met entry j - start of the draw's window.
        shift = size + self.margin - (self.starts + offset)
        starts = shift.T.reshape(-1).clamp(0, width + size)
        index = starts + torch.arange(0, padded.numel(), padded.shape[-1], device=starts.device)
        aligned = padded.view(-1).unfold(0, size, 1).index_select(0, index)
        return aligned.view(draws, rows, nodes, size).sum(0).flip(-1)
