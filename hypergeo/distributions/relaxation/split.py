"""One level of a relaxed sample: nodes whose totals are split in two, by Gumbel-softmax over the conditional distribution.

Forward and backward passes are written by hand; all nodes of the level and all samples go through every operation together.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["Split"]

_SLOPE_MARGIN = 0.25
_FLOOR = -1e30  # log-probability of the impossible; finite, so that differences are never NaN


class Split:
    """Splits the totals of the first ``P`` nodes of a level in two; the other nodes go on to the next level.

    With ``p(x | r)`` the conditional distribution, ``y = softmax((log p(x | r) + noise) / τ)`` over the left child's table and
    the soft sample is ``Σ x y_x``. Between two whole totals the conditional distribution is interpolated linearly in
    probability. A hard sample is the position of the largest noisy logit at the whole total, which has exactly the conditional
    distribution. Its gradient is that of the soft sample. A change of the total that moves the hard sample moves it by one, so
    the soft distribution is then evaluated half way between the two whole totals in question: its slope there is the
    difference of the two conditional distributions, also where their supports differ.

    Args:
        left: log-probabilities of the left children's totals, shape ``(T, P, X)``.
        right: log-probabilities of the right children's totals, shape ``(T, P, Y)``; ``None`` if ``left`` is
            conditional already.
        parent: log-probabilities of the totals that are split, shape ``(T, P, U)``; ``None`` if these are the same in all
            samples.
        left_low: the left children's smallest totals, int64, shape ``(R, P)`` with ``R`` one or ``T``.
        right_low: the right children's smallest totals, int64, shape ``(R, P)``.
        parent_low: smallest totals that are split, int64, shape ``(R, P)``.
        sizes: numbers of elements below the left and below the right children, float64, each of shape ``(R, P)``.
        alone: mask of right children without elements, shape ``(R, P)``; ``None`` if all have elements.
        swapped: whether the right children precede the left ones.
    """

    def __init__(
        self,
        left: Tensor,
        right: Tensor | None,
        parent: Tensor | None,
        left_low: Tensor,
        right_low: Tensor,
        parent_low: Tensor,
        sizes: tuple[Tensor, Tensor],
        alone: Tensor | None,
        swapped: bool = False,
    ):
        self.left = left.clamp(min=_FLOOR)
        self.pairs, self.width = left.shape[1:]
        self.left_low, self.parent_low, self.swapped = left_low, parent_low, swapped
        self.sizes, self.alone = sizes, alone
        self.right_shape = None if right is None else right.shape
        self.steps: Tensor | None = None
        if right is not None:
            rows, nodes, size = right.shape
            margin = self.width + 1
            self.reversed = right.new_full((rows, nodes, size + 2 * margin), _FLOOR)
            self.reversed[..., margin : margin + size] = right.flip(-1).clamp_(min=_FLOOR)
            self.above = parent_low - left_low - right_low  # difference of a total's index on the children's tables
        if parent is not None and parent.shape[-1] > 1:
            self.steps = parent.diff(dim=-1).nan_to_num_(0.0, 0.0, 0.0)

    def forward(
        self, totals: Tensor, excess: Tensor | None, noise: Tensor, temperature: Tensor, hard: bool, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Samples the totals of the level below.

        Args:
            totals: totals of this level's nodes, float64, shape ``(S or 1, R or T, N)``.
            excess: soft samples of the totals less the totals, of the same shape; ``None`` if the totals are exact.
            noise: Gumbel noise, shape ``(S, T, P, X)``.
            temperature: τ, broadcast to ``(S, T, 1, 1)``.
            hard: whether samples are whole.
            keep: whether :meth:`backward` will follow.

        Returns:
            Totals and excess of the level below, each of shape ``(S, T, N + P)``; no excess where samples are soft.
        """
        drawn, waiting = totals[..., : self.pairs], totals[..., self.pairs :]
        outer = None if excess is None else excess[..., : self.pairs]
        self.hard = hard
        if self.steps is None:
            logits = self.left[None] if self.right_shape is None else self._beside(None, self.width).add_(self.left)
            logits = logits + noise
            position = logits.argmax(-1) if hard else None
        else:
            logits, position = self._between(drawn, outer, noise, hard, keep)
        if not hard or keep:
            scaled = logits.div_(temperature)
            self.weights, self.temperature = scaled.softmax(-1), temperature
            self.mean = self.weights @ _counting(self.width, scaled.dtype, scaled.device)
            self.scaled = scaled if keep else None
        if position is None:
            return self._bounded(drawn, waiting), None
        first = position + self.left_low.double()
        if self.alone is not None:
            first = torch.where(self.alone, drawn, first)
        below = self._joined(first, drawn - first, waiting)
        if not keep:
            return below, None
        beyond = self.mean - position
        if self.alone is not None:  # the left child gets all elements and the whole gradient
            beyond = torch.where(self.alone, 0.0 if outer is None else outer, beyond)
        late = waiting.expand(*beyond.shape[:2], -1) if excess is None else excess[..., self.pairs :]
        return below, self._joined(beyond, -beyond if outer is None else outer - beyond, late)

    def _bounded(self, drawn: Tensor, waiting: Tensor) -> Tensor:
        """Returns soft totals of the level below, clamped to the children's sizes."""
        left_size, right_size = self.sizes
        least, most = (drawn - right_size).clamp_(min=0), torch.minimum(drawn, left_size)
        free = self.mean + self.left_low.double()
        first = torch.minimum(torch.maximum(free, least), most)
        # A sample at a bound moves as the bound does: with the total, or not at all.
        self.held = free != first
        self.moving = self.held & torch.where(free < least, least > 0, drawn <= left_size)
        if self.alone is not None:
            first = torch.where(self.alone, drawn, first)
        return self._joined(first, torch.minimum((drawn - first).clamp_(min=0), right_size), waiting)

    def _between(
        self, drawn: Tensor, outer: Tensor | None, noise: Tensor, hard: bool, keep: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Returns noisy logits between the two whole totals around each soft one, and the hard position at whole totals."""
        assert self.steps is not None
        position = drawn - self.parent_low
        place = position if outer is None else position + 0.5 * outer.sign()
        floor = place.floor().clamp_(0, self.steps.shape[-1] - 1)
        self.lower, self.fraction = floor.long(), (place - floor).clamp_(0, 1)
        right = self._beside(self.lower, self.width + 1)
        low, high = right[..., 1:] + self.left, right[..., :-1] + self.left
        chosen = torch.where((position > floor)[..., None], high, low).add_(noise).argmax(-1) if hard else None
        if chosen is not None and not keep:
            return low, chosen
        self.ratio_at = self.lower + _offsets(*self.steps.shape, self.steps.device)
        high -= torch.take(self.steps, self.ratio_at)[..., None]
        if not hard:
            self.odds = high - low
        low += (-self.fraction).log1p_().clamp_(min=_FLOOR).to(low.dtype)[..., None]
        high += self.fraction.log().clamp_(min=_FLOOR).to(low.dtype)[..., None]
        logits = torch.logaddexp(low, high)
        self.share = high.sub_(logits).exp_() if keep else None  # fraction of each probability from the upper neighbour
        return logits.add_(noise), chosen

    def _beside(self, lower: Tensor | None, width: int) -> Tensor:
        """Reads entries ``r - x`` of the right table for all ``x``, after those of ``r + 1`` where they are one wider.

        Entry ``x`` of the left table meets entry ``r - x`` of the right one, so its reverse is read in one stretch.

        Args:
            lower: index of the whole total below each soft one, shape ``(S, T, P)``; ``None`` if there is one total.
            width: number of entries to read.

        Returns:
            Shape ``(S, T, P, width)``.
        """
        assert self.right_shape is not None
        size = self.right_shape[-1]
        met = self.above[None] if lower is None else lower + self.above
        self.met = met.clamp(-2, self.width + size - 1).expand(-1, *self.reversed.shape[:2])
        starts = _offsets(*self.reversed.shape, met.device, size + 2 * self.width - width) - self.met
        entries = self.reversed.view(-1).unfold(0, width, 1).index_select(0, starts.flatten())
        return entries.view(*starts.shape, width)

    def _joined(self, left: Tensor, right: Tensor, waiting: Tensor) -> Tensor:
        paired = torch.stack((right, left) if self.swapped else (left, right), -1).flatten(-2)
        return torch.cat([paired, waiting.expand(*paired.shape[:2], -1)], -1) if waiting.shape[-1] else paired

    def backward(
        self, grad: Tensor, of_temperature: bool
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Propagates a gradient from the level below to this one, by operations that ``torch.func.vmap`` can batch.

        Args:
            grad: gradient with respect to the totals of the level below, shape ``(S, T, N + P)``.
            of_temperature: whether τ needs a gradient.

        Returns:
            Gradients with respect to this level's totals, shape ``(S, T, N)``, to the tables ``left``, ``right`` and
            ``parent``, and to τ, of its shape.
        """
        first, of_total = grad[..., 0 : 2 * self.pairs : 2], grad[..., 1 : 2 * self.pairs : 2]
        if self.swapped:
            first, of_total = of_total, first
        rate = first - of_total
        if not self.hard:
            of_total = torch.where(self.moving, first, of_total)
            rate = torch.where(self.held, 0.0, rate)
        if self.alone is not None:
            of_total, rate = torch.where(self.alone, first, of_total), torch.where(self.alone, 0.0, rate)
        rate = (rate / self.temperature[..., 0]).to(self.weights.dtype)
        counting = _counting(self.width, self.weights.dtype, self.weights.device)
        per_logit = (counting - self.mean[..., None]) * self.weights * rate[..., None]
        of_left, of_right, of_parent, of_warmth = per_logit.sum(0), None, None, None
        if self.steps is not None and self.share is not None:
            upper = per_logit * self.share
            of_upper = upper.sum(-1)
            of_parent = torch.zeros(self.steps.numel(), dtype=upper.dtype, device=upper.device)
            of_parent = of_parent.index_add(0, self.ratio_at.flatten(), -of_upper.flatten()).view(self.steps.shape)
            of_parent = pad(of_parent, (1, 0)) - pad(of_parent, (0, 1))
            # d log p(x | r) / dr is share / f - (1 - share) / (1 - f), which is unbounded near whole totals for counts
            # that only one of the neighbours allows; the slope is taken no closer to them than this.
            near = self.fraction.clamp(_SLOPE_MARGIN, 1 - _SLOPE_MARGIN)
            if not self.hard:
                of_upper = (per_logit * torch.sigmoid(self.odds + near.logit().to(upper.dtype)[..., None])).sum(-1)
            of_total = of_total + of_upper / (near * (1 - near))
            of_right = self._collect(per_logit - upper, upper)
        elif self.right_shape is not None:
            of_right = self._collect(of_left[None], None)
        if of_temperature:
            # Candidates of weight zero have a logit that cannot be multiplied.
            assert self.scaled is not None
            of_warmth = -(per_logit * torch.where(self.weights > 0, self.scaled, 0.0)).sum((-1, -2), keepdim=True)
            of_warmth = of_warmth.sum_to_size(self.temperature.shape)
        waiting = grad[..., 2 * self.pairs :]
        of_total = torch.cat([of_total, waiting], -1) if waiting.shape[-1] else of_total
        return of_total, of_left, of_right, of_parent, of_warmth

    def _collect(self, values: Tensor, upper: Tensor | None) -> Tensor:
        """Sums the gradients of each entry of the right table over all samples.

        Args:
            values: gradients of the entries met, shape ``(S, T, P, X)``.
            upper: gradients of the entries one above, of the same shape.

        Returns:
            Shape ``(T, P, Y)``.
        """
        assert self.right_shape is not None
        size = self.right_shape[-1]
        padded = pad(values, (size + 1, size))
        if upper is not None:
            padded = padded + pad(upper, (size, size + 1))
        starts = self.met.flatten() + _offsets(1, self.met.numel(), padded.shape[-1], self.met.device, 2)[0]
        aligned = padded.reshape(-1).unfold(0, size, 1).index_select(0, starts)
        return aligned.view(-1, *self.right_shape).sum(0).flip(-1)


@lru_cache(maxsize=256)
@torch.inference_mode(False)  # cached tensors must support autograd later
def _counting(width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.arange(width, dtype=dtype, device=device)


@lru_cache(maxsize=256)
@torch.inference_mode(False)  # cached tensors must support autograd later
def _offsets(rows: int, nodes: int, length: int, device: torch.device, place: int = 0) -> Tensor:
    """Returns the index of one entry of each node's table in the memory of all tables, shape ``(rows, nodes)``."""
    return torch.arange(place, place + rows * nodes * length, length, device=device).view(rows, nodes)
