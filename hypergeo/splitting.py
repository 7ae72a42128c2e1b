"""One relaxed split: how much of a node's total goes to its left child, by Gumbel-softmax over the conditional law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["Totals", "split"]

_SLOPE_MARGIN = 0.25


@dataclass(frozen=True)
class Totals:
    """Where the parents' totals lie on their tables, for every draw; each tensor of shape ``(S, T, P)``.

    Attributes:
        value: the totals themselves, counted from the first entries of the children's tables; carries the gradient.
        lower: the whole number at or below the total at which the soft law is evaluated.
        fraction: how far above ``lower`` that is, in [0, 1); ``None`` where all totals are whole.
        log_ratio: ``log A(lower + 1) - log A(lower)`` of the parent's table, with gradient.
    """

    value: Tensor
    lower: Tensor
    fraction: Tensor | None
    log_ratio: Tensor | None


def split(
    left: Tensor, right: Tensor, totals: Totals, noise: Tensor, temperature: Tensor, hard: bool
) -> tuple[Tensor, Tensor]:
    """Draws the left child's total given the parent's.

    With ``p(x | r)`` the conditional law, ``y = softmax((log p(x | r) + noise) / τ)`` over the left child's table and the
    soft draw is ``Σ x y_x``. Between two whole numbers the conditional law is interpolated linearly in probability.

    A hard draw is the position of the largest noisy logit at the parent's whole total, which has exactly the conditional
    law. Its gradient is that of the soft draw. A change of the parent's total that moves the hard draw moves it by one, so
    the soft law is then evaluated half way between the two whole totals in question: its slope there is the difference
    of the two conditional laws, also where their supports differ.

    Args:
        left: log-probabilities of the left child's total, shape ``(T, P, X)``.
        right: likewise of the right child's, shape ``(T, P, Y)``.
        totals: the parents' totals.
        noise: Gumbel noise, shape ``(S, T, P, X)``.
        temperature: τ, broadcast to ``(S, T, 1, 1)``.
        hard: whether to return the hard draw.

    Returns:
        The draw, and by how much the soft draw exceeds it (zeros unless ``hard``), each of shape ``(S, T, P)``.
        Gradients of the draw reach both tables, the total, the parent's table and τ.
    """
    return _Split.apply(
        left, right, totals.value, totals.log_ratio, totals.lower, totals.fraction, noise, temperature, hard
    )


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        left: Tensor,
        right: Tensor,
        value: Tensor,
        log_ratio: Tensor | None,
        lower: Tensor,
        fraction: Tensor | None,
        noise: Tensor,
        temperature: Tensor,
        hard: bool,
    ) -> tuple[Tensor, Tensor]:
        width = left.shape[-1]
        noisy_left = left + noise
        chosen = (_Beside(right, value, width).look_up() + noisy_left).argmax(-1).to(value.dtype) if hard else None
        if chosen is not None and not any(ctx.needs_input_grad):
            return chosen, torch.zeros_like(chosen)
        beside = _Beside(right, lower, width)
        opposite, log_odds = beside.look_up(), None
        if fraction is not None and log_ratio is not None:
            upper = beside.look_up(1).sub_(log_ratio[..., None])
            log_odds = (upper - opposite).nan_to_num_(0.0, torch.inf, -torch.inf)
            opposite.add_(torch.log1p(-fraction)[..., None])
            opposite = torch.logaddexp(opposite, upper.add_(fraction.log()[..., None]))
        scaled = opposite.add_(noisy_left).div_(temperature)
        weights = scaled.softmax(-1)
        mean = weights @ torch.arange(width, dtype=weights.dtype, device=weights.device)
        ctx.save_for_backward(
            right, lower, fraction, weights, mean, temperature, log_odds, scaled if ctx.needs_input_grad[7] else None
        )
        if chosen is None:
            excess = torch.zeros_like(mean)
            ctx.mark_non_differentiable(excess)
            return mean, excess
        excess = mean - chosen
        ctx.mark_non_differentiable(excess)
        return chosen, excess

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        right, lower, fraction, weights, mean, temperature, log_odds, scaled = ctx.saved_tensors
        position = torch.arange(weights.shape[-1], dtype=weights.dtype, device=weights.device)
        per_logit = (position - mean[..., None]).mul_(weights).mul_(grad[..., None] / temperature)
        grad_left = grad_right = grad_value = grad_ratio = grad_temperature = None
        if ctx.needs_input_grad[0]:
            grad_left = per_logit.sum(0)
        upper = None if log_odds is None else per_logit * _share(log_odds, fraction)
        if ctx.needs_input_grad[1]:
            beside = _Beside(right, lower, weights.shape[-1])
            grad_right = beside.collect(per_logit) if upper is None else beside.collect(per_logit - upper, upper)
        if upper is not None and ctx.needs_input_grad[3]:
            grad_ratio = -upper.sum(-1)
        if log_odds is not None and ctx.needs_input_grad[2]:
            # d log p(x | r) / dr is share / f - (1 - share) / (1 - f), which is unbounded near whole totals for counts that
            # only one of the neighbours allows; the slope is taken no closer to them than this.
            near = fraction.clamp(_SLOPE_MARGIN, 1 - _SLOPE_MARGIN)
            grad_value = (per_logit * _share(log_odds, near)).sum(-1) / (near * (1 - near))
        if ctx.needs_input_grad[7]:
            finite = torch.where(weights > 0, scaled, 0.0)
            per_draw = -(per_logit * finite).sum((-1, -2), keepdim=True)
            grad_temperature = per_draw.sum_to_size(temperature.shape)
        return grad_left, grad_right, grad_value, grad_ratio, None, None, None, grad_temperature, None


def _share(log_odds: Tensor, fraction: Tensor) -> Tensor:
    """The upper neighbour's share of an interpolated probability."""
    return torch.sigmoid((log_odds + torch.logit(fraction)[..., None]).nan_to_num_(0.0, torch.inf, -torch.inf))


class _Beside:
    """Entries of the right table that stand beside each entry of the left one, for whole totals."""

    def __init__(self, right: Tensor, totals: Tensor, width: int):
        self.right, self.width = right, width
        self.shape = (*totals.shape, width)
        self.margin = width + 1
        size = right.shape[-1]
        # Entry i of the left table meets entry total - i of the right one, entry (size - 1 - total) + i of its reverse.
        starts = size - 1 - totals.detach().long() + self.margin
        self.starts = starts.clamp(1, size + 2 * self.margin - width).flatten(1)

    def look_up(self, above: int = 0) -> Tensor:
        """``log b(r + above - x)``, shape ``(S, T, P, X)``."""
        nodes = self.starts.shape[1]
        padded = pad(self.right.flip(-1).reshape(nodes, -1), (self.margin, self.margin), value=-torch.inf)
        rows = torch.arange(0, padded.numel(), padded.shape[-1], device=padded.device)
        index = (self.starts - above + rows).flatten()
        return padded.view(-1).unfold(0, self.width, 1).index_select(0, index).view(self.shape)

    def collect(self, values: Tensor, upper: Tensor | None = None) -> Tensor:
        """Sums what belongs to each entry of the right table over all draws, shape ``(T, P, Y)``."""
        total = self._collect(values, 0)
        return total if upper is None else total + self._collect(upper, 1)

    def _collect(self, values: Tensor, above: int) -> Tensor:
        draws, rows, nodes, width = values.shape
        size = self.right.shape[-1]
        padded = pad(values.reshape(-1, width), (size, size))
        # The reverse of the look-up: entry j of the reversed right table met entry j - start of the draw's window.
        starts = (size + self.margin - self.starts + above).flatten().clamp(0, width + size)
        index = starts + torch.arange(0, padded.numel(), padded.shape[-1], device=starts.device)
        aligned = padded.view(-1).unfold(0, size, 1).index_select(0, index)
        return aligned.view(draws, rows, nodes, size).sum(0).flip(-1)
