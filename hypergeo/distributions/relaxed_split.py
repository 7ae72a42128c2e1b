"""One relaxed split: how much of a node's total goes to its left child, by Gumbel-softmax over the conditional law."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

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


def split(left: Tensor, right: Tensor, totals: Totals, noise: Tensor, temperature: Tensor, hard: bool) -> tuple[Tensor, Tensor]:
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
    return _Split.apply(left, right, totals.value, totals.log_ratio, totals.lower, totals.fraction, noise, temperature, hard)


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
        beside = _Beside(right, lower, width)
        soft = not hard or any(ctx.needs_input_grad)
        noisy_left = left + noise
        logits = beside.look_up()
        log_odds = chosen = None
        if soft and fraction is not None and log_ratio is not None:
            upper = beside.look_up(1)
            if hard:
                above = (value > lower)[..., None]
                chosen = torch.where(above, upper, logits).add_(noisy_left).argmax(-1)
            upper.sub_(log_ratio[..., None])
            log_odds = (upper - logits).nan_to_num_(0.0, torch.inf, -torch.inf)
            logits.add_(torch.log1p(-fraction)[..., None])
            logits = torch.logaddexp(logits, upper.add_(fraction.log()[..., None]))
        elif hard:
            chosen = (beside.look_up(value - lower) if fraction is not None else logits).add(noisy_left).argmax(-1)
        if not soft and chosen is not None:
            drawn = chosen.to(value.dtype)
            return drawn, torch.zeros_like(drawn)
        scaled = logits.add_(noisy_left).div_(temperature)
        weights = scaled.softmax(-1)
        mean = weights @ _counting(width, weights.device)
        ctx.beside, ctx.width, ctx.hard = beside.without_table(), width, hard
        ctx.save_for_backward(fraction, weights, mean, temperature, log_odds, scaled if ctx.needs_input_grad[7] else None)
        drawn = mean if chosen is None else chosen.to(mean.dtype)
        excess = mean - drawn
        ctx.mark_non_differentiable(excess)
        return drawn, excess

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        fraction, weights, mean, temperature, log_odds, scaled = ctx.saved_tensors
        per_logit = (_counting(ctx.width, weights.device) - mean[..., None]).mul_(weights)
        per_logit.mul_((grad / temperature[..., 0])[..., None])
        grad_left = grad_right = grad_value = grad_ratio = grad_temperature = None
        if ctx.needs_input_grad[0]:
            grad_left = per_logit.sum(0)
        upper = None
        if log_odds is not None:
            share = _share(log_odds, fraction)
            upper = per_logit * share
            of_upper = upper.sum(-1)
            if ctx.needs_input_grad[3]:
                grad_ratio = -of_upper
            if ctx.needs_input_grad[2]:
                # d log p(x | r) / dr is share / f - (1 - share) / (1 - f), which is unbounded near whole totals for counts
                # that only one of the neighbours allows; the slope is taken no closer to them than this.
                near = fraction.clamp(_SLOPE_MARGIN, 1 - _SLOPE_MARGIN)
                if not ctx.hard:
                    of_upper = (per_logit * _share(log_odds, near)).sum(-1)
                grad_value = of_upper / (near * (1 - near))
        if ctx.needs_input_grad[1]:
            grad_right = ctx.beside.collect(per_logit, upper)
        if ctx.needs_input_grad[7]:
            finite = torch.where(weights > 0, scaled, 0.0)
            per_draw = -(per_logit * finite).sum((-1, -2), keepdim=True)
            grad_temperature = per_draw.sum_to_size(temperature.shape)
        return grad_left, grad_right, grad_value, grad_ratio, None, None, None, grad_temperature, None


def _share(log_odds: Tensor, fraction: Tensor) -> Tensor:
    """The upper neighbour's share of an interpolated probability."""
    return torch.sigmoid((log_odds + torch.logit(fraction)[..., None]).nan_to_num_(0.0, torch.inf, -torch.inf))


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept must serve autograd later
def _counting(width: int, device: torch.device) -> Tensor:
    return torch.arange(width, dtype=torch.float64, device=device)


class _Beside:
    """Entries of the right table that stand beside each entry of the left one, for whole totals.

    Entry ``i`` of the left table meets entry ``total - i`` of the right one, so its reverse is read in one stretch.
    """

    def __init__(self, right: Tensor, totals: Tensor, width: int):
        self.width = width
        self.table_shape = right.shape
        self.shape = (*totals.shape, width)
        rows, nodes, self.size = right.shape
        self.margin = width + 1
        length = self.size + 2 * self.margin
        self.reversed = right.new_full((rows, nodes, length), -torch.inf)
        self.reversed[..., self.margin : self.margin + self.size] = right.flip(-1)
        self.starts = (self.size - 1 + self.margin - totals).long()
        self.offsets = torch.arange(0, rows * nodes * length, length, device=right.device).view(rows, nodes)

    def without_table(self) -> _Beside:
        """The positions alone, which are all that the way back needs."""
        del self.reversed
        return self

    def look_up(self, above: int | Tensor = 0) -> Tensor:
        """``log b(r + above - x)``, shape ``(S, T, P, X)``."""
        starts = self.starts + self.offsets
        if isinstance(above, Tensor):
            starts = starts - above.long()
        elif above:
            starts = starts - above
        return self.reversed.view(-1).unfold(0, self.width, 1).index_select(0, starts.view(-1)).view(self.shape)

    def collect(self, values: Tensor, upper: Tensor | None) -> Tensor:
        """Sums what belongs to each entry of the right table over all draws, shape ``(T, P, Y)``.

        Args:
            values: what belongs to the entries met, shape ``(S, T, P, X)``.
            upper: the part of it that belongs to the entries one above.
        """
        size, width = self.size, self.width
        padded = values.new_zeros((*values.shape[:3], width + 2 * size + 1))
        if upper is None:
            padded[..., size + 1 : size + 1 + width] = values
        else:
            padded[..., size : size + width] = upper
            padded[..., size + 1 : size + 1 + width] += values - upper
        # Entry j of the reversed right table met entry j + margin - start of a draw's window, one later in padded.
        starts = (size + 1 + self.margin - self.starts).view(-1)
        starts += torch.arange(0, padded.numel(), padded.shape[-1], device=starts.device)
        aligned = padded.view(-1).unfold(0, size, 1).index_select(0, starts).view(-1, *self.table_shape)
        return aligned.sum(0).flip(-1)
