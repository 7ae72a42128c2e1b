"""Hard relaxed samples of small urns, in few tensor operations: each split reads a row of a table of all its conditionals."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import pad

from hypergeo.numerics.binomials import log_binomial
from hypergeo.numerics.split_tables import TreeShape

from .conditionals import gumbel

__all__ = ["SmallSample", "SmallShape"]

_LARGEST = 1 << 14  # numbers to sample, and entries of tables, up to which the overhead of operations dominates
_IMPOSSIBLE = -1e30
_SMALLEST = 1e-300  # replaces a probability of zero, without effect on samples at a temperature of one or less


class _Level:
    """Indices of the children's entries of a level's splits in one row of its tables, whose last entry is impossible.

    Attributes:
        index: indices of the left and the right child's entry, for every total and every left count, shape ``(2, P, U, X)``.
        between: matrix from conditional probabilities to those at whole totals and half way between, shape ``(2 U - 1, U)``.
        slope: matrix from conditional probabilities to the derivative in the total half way, shape ``(2 U - 1, U)``.
        left_low: the left children's least totals, shape ``(P,)``.
        parent_low: least totals of the split nodes, shape ``(P,)``.
        last: last row of each split node, shape ``(P,)``.
        waiting: index of the first entry of the nodes that are not split here.
    """

    def __init__(self, low: Tensor, high: Tensor, begin: Tensor, end: int, above_low: Tensor, above_high: Tensor):
        device = low.device
        pairs, width = len(low) // 2, high - low + 1
        left, right = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
        self.pairs, self.left_low, self.parent_low = pairs, low[left], above_low[:pairs]
        self.last = 2 * (above_high - above_low)[:pairs]
        self.waiting = int(begin[2 * pairs].item()) if len(low) > 2 * pairs else end
        totals = torch.arange(int(self.last.max().item()) // 2 + 1, device=device)[None, :, None]
        counts = torch.arange(int(width[left].max().item()), device=device)
        met = (self.parent_low - low[left] - low[right])[:, None, None] + totals - counts
        inside = (counts < width[left, None, None]) & (met >= 0) & (met < width[right, None, None])
        inside &= totals <= (self.last // 2)[:, None, None]
        entries = torch.stack([(begin[left, None, None] + counts).expand_as(met), begin[right, None, None] + met])
        self.index = torch.where(inside, entries, end)
        self.size, self.flat = end + 1, self.index.flatten()
        self.rows, self.width = 2 * totals.shape[1] - 1, len(counts)
        step = torch.arange(self.rows, device=device)[:, None] - 2 * torch.arange(totals.shape[1], device=device)
        self.between = ((step == 0) + 0.5 * (step.abs() == 1)).double()
        self.slope = (step == -1).double() - (step == 1).double()
        self.offsets = self.rows * torch.arange(pairs, device=device)
        self.counting = counts.double()


class SmallShape:
    """Holds tables of a small urn for hard samples at any weights; created by :meth:`of`.

    Args:
        shape: tree of the urn, whose sizes have shape ``(1, K)``.
    """

    def __init__(self, shape: TreeShape):
        levels = shape.layout.levels
        leaves = levels[0]
        width = leaves.high[0] - leaves.low[0] + 1
        begin, end = width.cumsum(0) - width, int(width.sum().item())
        self.levels: list[_Level] = []
        for below, above in pairwise(levels):
            self.levels.append(_Level(below.low[0], below.high[0], begin, end, above.low[0], above.high[0]))
            totals = self.levels[-1].index.shape[2]
            joined = below.low.shape[1] // 2
            end = totals * joined + (end - int(begin[-1].item()) if below.low.shape[1] > 2 * joined else 0)
            begin = totals * torch.arange(above.low.shape[1], device=begin.device)
        self.groups = torch.repeat_interleave(torch.arange(len(width), device=width.device), width)
        self.counts = leaves.low[0][self.groups] + torch.arange(len(self.groups), device=width.device)
        self.counts = (self.counts - (width.cumsum(0) - width)[self.groups]).double()
        coefficients = log_binomial(leaves.sizes[0][self.groups], self.counts)
        self.coefficients = pad(coefficients, (0, 1), value=_IMPOSSIBLE)
        self.groups, self.counts = pad(self.groups, (0, 1)), pad(self.counts, (0, 1))
        self.number = len(width)
        self.noise_widths = [level.width for level in levels[:-1]]

    @staticmethod
    def of(shape: TreeShape, rows: int, samples: int) -> SmallShape | None:
        """Computes the tables of an urn, unless rows have different sizes, or tables or samples are large.

        Args:
            shape: tree of the urns, whose sizes have shape ``(R, K)``.
            rows: number of urns (T).
            samples: number of samples of each (S).

        Returns:
            The tables, or ``None``.
        """
        if len(shape.layout.sizes) > 1 or shape.capped or rows * max(4 * shape.terms, samples * shape.noise_length) > _LARGEST:
            return None
        return _remembered(shape)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # cached tensors must support autograd later
def _remembered(shape: TreeShape) -> SmallShape:
    return SmallShape(shape)


class SmallSample:
    """Computes hard samples at temperatures of at most one, and their gradients, as defined by :class:`.split.Split`.

    Args:
        shape: the urn.
        log_weights: log weights, float64, shape ``(T, K)``.
    """

    def __init__(self, shape: SmallShape, log_weights: Tensor):
        self.shape, self.rows = shape, len(log_weights)
        table = torch.addcmul(shape.coefficients, shape.counts, log_weights.index_select(1, shape.groups))
        self.conditional = []
        for level in shape.levels:
            terms = table.index_select(1, level.flat).view(self.rows, 2, *level.index.shape[1:]).sum(1)
            # With one total per node, constants cancel and no table is needed.
            self.conditional.append(terms if level.rows == 1 else terms.softmax(-1))
            if level is not shape.levels[-1]:
                table = torch.cat([terms.logsumexp(-1).flatten(1), table[:, level.waiting :]], 1)

    def noise(self, provided: Tensor | None, samples: int, generator: torch.Generator | None) -> list[Tensor]:
        """Returns Gumbel noise for each level.

        Args:
            provided: noise in the public layout, shape ``(S, T, L)``; sampled if ``None``.
            samples: number of samples of each urn (S).
            generator: source of the random numbers; torch's global generator if ``None``.

        Returns:
            Noise of each level, top first, each of shape ``(S, T, P, X)``.
        """
        shapes = [(level.pairs, level.width) for level in reversed(self.shape.levels)]
        device = self.shape.counts.device
        if provided is None:
            lengths = [pairs * width for pairs, width in shapes]
            whole = gumbel((samples, self.rows, sum(lengths)), device, generator)
            return [
                block.view(samples, self.rows, *shape) for block, shape in zip(whole.split(lengths, -1), shapes, strict=True)
            ]
        laid_out = list(reversed(self.shape.noise_widths))
        blocks = provided.double().split([pairs * width for (pairs, _), width in zip(shapes, laid_out, strict=True)], -1)
        return [block.unflatten(-1, (pairs, -1))[..., :width] for block, (pairs, width) in zip(blocks, shapes, strict=True)]

    def forward(self, noise: list[Tensor], temperature: float | Tensor) -> Tensor:
        """Samples whole counts.

        Args:
            noise: noise for each level, top first, shape ``(S, T, P, X)``.
            temperature: τ, one number or shape ``(S, T, 1)``.

        Returns:
            Counts, int64, shape ``(S, T, K)``.
        """
        self.temperature = temperature
        sharp = temperature if isinstance(temperature, float) else temperature[..., None]
        self.steps: list[tuple[Tensor, Tensor, Tensor | None, Tensor | None]] = []
        totals = self.shape.levels[-1].parent_low.expand(1, self.rows, 1)
        excess: Tensor | None = None
        for level, conditional, block in zip(reversed(self.shape.levels), reversed(self.conditional), noise, strict=True):
            drawn, waiting = totals.tensor_split((level.pairs,), -1)
            outer = None if excess is None else excess[..., : level.pairs]
            probabilities: Tensor | None = None
            at: Tensor | None = None
            if level.rows == 1 or outer is None:
                soft = conditional[:, :, 0] + block
                position = soft.argmax(-1)
            else:
                probabilities = (level.between @ conditional).clamp_(min=_SMALLEST)
                logits = probabilities.log()
                row = (drawn - level.parent_low) * 2
                near = torch.minimum((row + outer.sign()).clamp_(min=0), level.last).long()
                base = _rows(self.rows, level.pairs, level.rows, row.device)
                at = (near + base).flatten()
                both = torch.cat([(row + base).flatten(), at])
                hard, soft = logits.view(-1, level.width).index_select(0, both).view(2, *block.shape).add_(block).unbind()
                position = hard.argmax(-1)
            weights = (soft / sharp).softmax(-1)
            mean = weights @ level.counting
            self.steps.append((weights, mean, probabilities, at))
            first, beyond = position + level.left_low, mean - position
            totals = _joined(first, drawn - first, waiting)
            if level is not self.shape.levels[0]:
                late = beyond[..., :0] if excess is None else excess[..., level.pairs :]
                excess = _joined(beyond, -beyond if outer is None else outer - beyond, late)
        return totals

    def backward(self, grad: Tensor) -> Tensor:
        """Computes the gradient with respect to the log weights, by operations that ``torch.func.vmap`` can batch.

        Args:
            grad: gradient with respect to the counts, shape ``(S, T, K)``.

        Returns:
            Gradient, shape ``(T, K)``.
        """
        of_rows = []
        grad = grad.double()
        for level, conditional, (weights, mean, whole, at) in zip(
            self.shape.levels, self.conditional, reversed(self.steps), strict=True
        ):
            pairs = level.pairs
            of_total, waiting = grad[..., 1 : 2 * pairs : 2], grad[..., 2 * pairs :]
            rate = (grad[..., 0 : 2 * pairs : 2] - of_total) / self.temperature
            per_logit = (level.counting - mean[..., None]) * weights * rate[..., None]
            grad = torch.cat([of_total, waiting], -1) if waiting.shape[-1] else of_total
            if at is None or whole is None:
                of_rows.append(per_logit.sum(0)[:, :, None])
                continue
            flat = per_logit.view(-1, level.width)
            slope = (level.slope @ conditional / whole).view(-1, level.width).index_select(0, at)
            of_slope = (flat * slope).sum(-1).view(of_total.shape)
            grad = torch.cat([of_total + of_slope, waiting], -1) if waiting.shape[-1] else of_total + of_slope
            summed = torch.zeros(whole.numel() // level.width, level.width, dtype=grad.dtype, device=grad.device)
            of_rows.append(summed.index_add(0, at, flat).view(whole.shape) / whole)
        above: Tensor | None = None
        for level, conditional, of_whole in zip(
            reversed(self.shape.levels), reversed(self.conditional), of_rows[::-1], strict=True
        ):
            of_terms = of_whole
            if level.rows > 1:
                of_terms = level.between.mT @ of_whole
                of_terms = of_terms - (conditional * of_terms).sum(-1, keepdim=True)
                assert above is not None  # the highest level has one row
                of_terms = of_terms + above[:, : level.pairs * (level.rows // 2 + 1)].view(self.rows, level.pairs, -1, 1)
                of_terms = conditional * of_terms
            of_terms = of_terms.flatten(1).repeat(1, 2)
            below = torch.zeros(self.rows, level.size, dtype=of_terms.dtype, device=of_terms.device)
            below = below.index_add(1, level.flat, of_terms)
            if above is not None and level.waiting < level.size - 1:
                below = below + pad(above[:, level.pairs * (level.rows // 2 + 1) :], (level.waiting, 0))
            above = below
        of_weights = torch.zeros(self.rows, self.shape.number, dtype=grad.dtype, device=grad.device)
        assert above is not None
        return of_weights.index_add(1, self.shape.groups, above * self.shape.counts)


def _joined(left: Tensor, right: Tensor, waiting: Tensor) -> Tensor:
    paired = torch.stack([left, right], -1).flatten(-2)
    return torch.cat([paired, waiting.expand(*paired.shape[:2], -1)], -1) if waiting.shape[-1] else paired


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _rows(urns: int, pairs: int, rows: int, device: torch.device) -> Tensor:
    """Returns the index of the first row of each split, shape ``(T, P)``."""
    return rows * torch.arange(urns * pairs, device=device).view(urns, pairs)
