"""Tables for sampling down the tree of an urn's groups: where each total is split, and the way back to the log weights.

As in :mod:`.partition`, each node holds the log-probabilities of its total. Here a table may lack a constant, no table is as
wide as the group sizes where the mass is narrower, and gradients go back through all tables by hand.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from .binomials import BinomialTerms, solve_tilt
from .log_convolution import log_convolution, log_convolution_backward
from .partition import Layout

__all__ = ["SplitTables", "TreeShape", "window_reach"]

_SMALL = 1 << 14  # terms of convolutions, and numbers to sample, below which whole tables cost less than narrow ones
_LARGEST_DROP = 300.0  # nats below the mode beyond which tables stay whole, unless they are very wide
_WIDE_DROP = 100.0
_IMPOSSIBLE = -1e30


def window_reach(variance: float, third: float, drop: float) -> tuple[float, float]:
    """How far below and above its mean a sum of Bernoulli variables has all but about ``exp(-drop)`` of its mass.

    By Bernstein's inequality, where the third cumulant stands for the variance times its bound: the tail on the side to
    which a total leans less is no wider than that of a normal distribution.

    Args:
        variance: of the sum.
        third: its third cumulant.
        drop: in nats.

    Example:
        >>> below, above = window_reach(4.0, 0.0, 8.0)
        >>> below, above
        (8.0, 8.0)
    """
    lean = third / (variance + 1e-300) * (drop / 3)
    spread = (2 * drop * variance + lean**2) ** 0.5
    return spread - min(lean, 0.0), spread + max(lean, 0.0)


class TreeShape:
    """What sampling must know of an urn before any weight is known.

    Args:
        sizes: group sizes, int64, shape ``(R, K)``.
        total: numbers drawn, int64, shape ``(R,)``.
    """

    def __init__(self, sizes: Tensor, total: Tensor):
        self.layout = Layout(sizes, total)
        self.levels = self.layout.levels[:-1]
        self.pairs = [level.sizes.shape[1] // 2 for level in self.levels]
        self.noise_length = sum(pairs * level.width for pairs, level in zip(self.pairs, self.levels, strict=True))
        self.terms = sum(
            pairs * below.width * level.width
            for pairs, below, level in zip(self.pairs, self.levels, self.levels[1:], strict=False)
        )
        self.capped = any(level.capped for level in self.levels)
        self.least = int(sizes.amin().item())
        self.sizes = [
            (level.sizes[:, 0 : 2 * pairs : 2].double(), level.sizes[:, 1 : 2 * pairs : 2].double())
            for pairs, level in zip(self.pairs, self.levels, strict=True)
        ]
        self.alone = [right == 0 if bool((right == 0).any()) else None for _, right in self.sizes]

    @staticmethod
    def of(sizes: Tensor, total: Tensor) -> TreeShape:
        """The shape for some rows of sizes and totals, remembered where all rows share one urn."""
        if len(sizes) > 1:
            return TreeShape(sizes, total)
        return _remembered(tuple(sizes[0].tolist()), int(total.item()), sizes.device)

    @cached_property
    @torch.inference_mode(False)
    def coefficients(self) -> Tensor:
        """``log C(m, x)`` of each group, ``x`` from its smallest count on, and as many impossible ones; ``(R, K, 2 W)``.

        Of two groups, the sum of both for every count of the first one, ``(R, 1, 2 W)``.
        """
        level = self.levels[0]
        counts = level.low[..., None] + torch.arange(level.width, device=level.low.device)
        if level.sizes.shape[1] == 2:
            counts = torch.stack([counts[:, 0], self.layout.total[:, None] - counts[:, 0]], 1)
        values = BinomialTerms(level.sizes[..., None].double(), counts.double()).log_coefficient()
        values = values.sum(1, keepdim=True) if level.sizes.shape[1] == 2 else values
        return pad(values.clamp(min=_IMPOSSIBLE), (0, level.width), value=_IMPOSSIBLE)

    @cached_property
    @torch.inference_mode(False)
    def nodes(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """First and last group of every node of all levels, leaves first, and its least and most total, ``(R, nodes)``."""
        ranges, level = [], [(k, k + 1) for k in range(self.levels[0].sizes.shape[1])]
        for pairs in self.pairs:
            ranges += level
            level = [(level[2 * p][0], level[2 * p + 1][1]) for p in range(pairs)] + level[2 * pairs :]
        first, last = torch.tensor(ranges, device=self.layout.total.device).T
        return first, last, torch.cat([x.low for x in self.levels], -1), torch.cat([x.high for x in self.levels], -1)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # what is kept must serve autograd later
def _remembered(sizes: tuple[int, ...], total: int, device: torch.device) -> TreeShape:
    return TreeShape(torch.tensor([sizes], device=device), torch.tensor([total], device=device))


class SplitTables:
    """Tables of the nodes whose totals are split, without gradient; :meth:`backward` takes gradients back to the log weights.

    Args:
        shape: the tree.
        log_weights: finite, float64, shape ``(T, K)``.
        samples: number of samples of each row.
        drop: nats below its mode at which a table may end.
        dtype: of the tables; small ones stay float64.

    Attributes:
        tables: log-probabilities of the totals of each level's nodes, up to a constant each, leaves first, ``(T, P, W)``.
            Of two groups, the conditional ones of the first group's count.
        begins: the totals that they begin at, int64, ``(R or T, P)``.
    """

    def __init__(self, shape: TreeShape, log_weights: Tensor, samples: int, drop: float, dtype: torch.dtype):
        self.shape = shape
        rows, groups = log_weights.shape
        levels = shape.levels
        self.small = rows * max(shape.terms, samples * shape.noise_length) <= _SMALL and not shape.capped
        self.two = groups == 2
        if self.small:
            logits = log_weights
            self.begins, self.widths = [level.low for level in levels], [level.width for level in levels]
            self.references = self.begins
            values = shape.coefficients[..., : self.widths[0]]
        else:
            sizes, total = shape.layout.sizes, shape.layout.total
            logits = log_weights + solve_tilt(log_weights, sizes.double(), total.double(), tolerance=0.1)
            self._narrow(logits, drop)
            values = self._coefficients()
        if self.two:
            logits = logits[:, :1] - logits[:, 1:]
        steps = torch.arange(self.widths[0], dtype=torch.float64, device=logits.device)
        leaves = torch.addcmul(values, steps, logits[..., None])
        if not self.small:
            leaves = (leaves - leaves.amax(-1, keepdim=True)).to(dtype)
        self.tables = [leaves]
        self.joins: list[tuple[int, int | Tensor, bool, tuple[Tensor, ...]]] = []
        for depth in range(1, len(levels)):
            self._join(depth, drop)

    def _narrow(self, logits: Tensor, drop: float) -> None:
        """Finds windows outside of which about ``exp(-drop)`` of the mass lies, by Bernstein's inequality with the skewness.

        The third cumulant of a sum of Bernoulli variables stands where the inequality has the variance times its bound: the
        tail on the side to which a total leans less is no wider than that of a normal distribution.
        """
        shape = self.shape
        first, last, low, high = shape.nodes
        share = torch.sigmoid(logits)
        mean = share * shape.layout.sizes
        variance = mean * (1 - share)
        moments = pad(torch.stack([mean, variance, variance * (1 - 2 * share)]).cumsum(-1), (1, 0))
        mean, variance, third = moments[..., last] - moments[..., first]
        if shape.capped:
            widths = [torch.full((level.low.shape[1],), level.width, device=low.device) for level in shape.levels]
            width = torch.cat(widths)
            reference = torch.minimum(mean.round().long() - width // 2, high - width + 1).maximum(low)
            capped = torch.cat([torch.full_like(w, level.capped) for w, level in zip(widths, shape.levels, strict=True)]).bool()
            low = torch.where(capped, reference, low)
            high = torch.where(capped, torch.minimum(high, low + width - 1), high)
            drop = min(drop, _WIDE_DROP) if drop > _LARGEST_DROP else drop
        if drop <= _LARGEST_DROP:
            lean = third / (variance + 1e-300) * (drop / 3)
            spread = (2 * drop * variance + lean**2).sqrt_()
            begin = (mean - spread + lean.clamp(max=0)).floor_().maximum(low).minimum(high)
            end = (mean + spread + lean.clamp(min=0)).ceil_().minimum(high).maximum(begin)
        else:
            begin, end = low.double().expand(mean.shape), high.double().expand(mean.shape)
        widths = (end - begin).amax(0).tolist()
        self.begins, self.references, self.widths = [], [], []
        at = 0
        for level in shape.levels:
            to = at + level.low.shape[1]
            self.begins.append(begin[:, at:to].long())
            self.references.append(low[:, at:to])
            widest = int(max(widths[at:to])) + 1
            self.widths.append(max([widest, *self.widths[-1:]]))
            at = to

    def _coefficients(self) -> Tensor:
        """Binomial coefficients on the leaves' windows, shape ``(T, K, W)``; of two groups ``(T, 1, W)``."""
        begin, width = self.begins[0], self.widths[0]
        level = self.shape.levels[0]
        if level.capped:
            counts = begin[..., None] + torch.arange(width, device=begin.device)
            if self.two:
                counts = torch.stack([counts[:, 0], self.shape.layout.total[:, None] - counts[:, 0]], 1)
            values = BinomialTerms(level.sizes[..., None].double(), counts.double()).log_coefficient().clamp(min=_IMPOSSIBLE)
            return values.sum(1, keepdim=True) if self.two else values
        whole = self.shape.coefficients
        rows, nodes, length = whole.shape
        at = (begin - level.low)[:, :nodes] + torch.arange(0, whole.numel(), length, device=begin.device).view(rows, nodes)
        return whole.view(-1).unfold(0, width, 1).index_select(0, at.flatten()).view(*at.shape, width)

    def _join(self, depth: int, drop: float) -> None:
        below, width = self.tables[-1], self.widths[depth]
        rows, nodes, size = below.shape
        pairs = nodes // 2
        starts = self.begins[depth - 1]
        shift: int | Tensor
        if self.small:
            shift = self.shape.levels[depth].shift
        else:
            shift = self.begins[depth][:, :pairs] - starts[:, 0 : 2 * pairs : 2] - starts[:, 1 : 2 * pairs : 2]
        if isinstance(shift, Tensor):
            shift = shift.expand(rows, pairs).reshape(-1)
        left, right = (below[:, side : 2 * pairs : 2].reshape(rows * pairs, size) for side in (0, 1))
        table, linear, saved = log_convolution(left, right, shift, width, self.small or drop > _LARGEST_DROP)
        self.joins.append((pairs, shift, linear, saved))
        table = table.view(rows, pairs, width)
        if nodes > 2 * pairs:  # what it loses here, the other groups rule out
            if not self.small:
                self.begins[depth] = torch.cat([self.begins[depth][:, :pairs], starts[:, -1:]], 1)
            table = torch.cat([table, pad(below[:, -1:], (0, width - size), value=-torch.inf)], 1)
        self.tables.append(table)

    def backward(self, grads: list[Tensor]) -> Tensor:
        """The gradient to the log weights, shape ``(T, K)``, from those to all tables, leaves first."""
        total = grads[-1]
        for below, grad, (pairs, shift, linear, saved) in zip(
            reversed(self.tables[:-1]), reversed(grads[:-1]), reversed(self.joins), strict=True
        ):
            rows, nodes, size = below.shape
            joined = total[:, :pairs].reshape(rows * pairs, -1)
            sides = log_convolution_backward(joined, shift, linear, saved)
            passed = torch.stack([side.view(rows, pairs, size) for side in sides], 2).flatten(1, 2)
            if nodes > 2 * pairs:
                passed = torch.cat([passed, pad(total[:, -1:], (0, size - total.shape[-1]))], 1)
            total = grad + passed
        steps = torch.arange(total.shape[-1], dtype=total.dtype, device=total.device)
        rate = (total * steps).sum(-1).double()
        return torch.cat([rate, -rate], -1) if self.two else rate

    def noise(self, given: Tensor, depth: int, layout: TreeShape) -> Tensor:
        """The part of a level's noise that is for the counts on its left tables, shape ``(S, T, P, X)``.

        Args:
            given: noise for all counts that the layout lists, shape ``(S, T, P, W)``.
            depth: of the level, zero at the leaves.
            layout: what the noise is laid out for.
        """
        pairs, width = self.shape.pairs[depth], self.widths[depth]
        level = layout.levels[depth]
        begin, reference = self.begins[depth], self.references[depth] if level.capped else level.low
        if begin is reference:
            return given
        samples, rows, _, size = given.shape
        flat = pad(given.reshape(-1), (0, width))
        first = (begin - reference)[:, 0 : 2 * pairs : 2]
        at = torch.arange(0, given.numel(), size, device=given.device).view(samples, rows, pairs) + first
        return flat.unfold(0, width, 1).index_select(0, at.flatten()).view(samples, rows, pairs, width)
