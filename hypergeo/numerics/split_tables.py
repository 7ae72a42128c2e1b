"""Tables for sampling down the tree of an urn's groups, and the gradient from the tables back to the log weights.

As in :mod:`.partition`, each node holds the log-probabilities of its total. Here a table may omit an additive constant, tables
are only as wide as the mass, and a handwritten backward pass computes the gradients of all tables.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from .binomials import BinomialTerms, solve_tilt
from .log_convolution import log_convolution, log_convolution_backward, log_convolution_moments
from .partition import Layout

__all__ = ["SplitTables", "TreeShape", "window_reach"]

_SMALL = 1 << 14  # for fewer terms of convolutions and random numbers, complete tables are faster than narrow ones
_LARGEST_DROP = 300.0  # for more nats below the mode, tables stay complete unless they are very wide
_WIDE_DROP = 100.0
_IMPOSSIBLE = -1e30


def window_reach(variance: float, third: float, drop: float) -> tuple[float, float]:
    """Computes the distances from the mean beyond which a sum of Bernoulli variables has about ``exp(-drop)`` of its mass.

    The distances come from Bernstein's inequality, with the third cumulant in place of the product of variance and bound. The
    tail opposite to the skewness is therefore no wider than that of a normal distribution.

    Args:
        variance: variance of the sum.
        third: third cumulant of the sum.
        drop: nats below the mode.

    Returns:
        The distances below and above the mean.

    Example:
        >>> below, above = window_reach(4.0, 0.0, 8.0)
        >>> below, above
        (8.0, 8.0)
    """
    lean = third / (variance + 1e-300) * (drop / 3)
    spread = (2 * drop * variance + lean**2) ** 0.5
    return spread - min(lean, 0.0), spread + max(lean, 0.0)


class TreeShape:
    """Describes the tree for sampling before any weight is known.

    Args:
        sizes: group sizes, int64, shape ``(R, K)``.
        total: numbers of elements drawn, int64, shape ``(R,)``.
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
        """Returns the shape for rows of sizes and totals, cached if all rows share one urn.

        Args:
            sizes: group sizes, int64, shape ``(R, K)``.
            total: numbers of elements drawn, int64, shape ``(R,)``.

        Returns:
            The shape of the tree.
        """
        if sizes.shape[0] > 1:
            return TreeShape(sizes, total)
        return _remembered(tuple(sizes[0].tolist()), int(total.item()), sizes.device)

    @cached_property
    @torch.inference_mode(False)
    def coefficients(self) -> Tensor:
        """``log C(m, x)`` of each group, ``x`` from its smallest count on, followed by as many impossible entries; shape ``(R,
        K, 2 W)``.

        For two groups, the sum of both for every count of the first one, shape ``(R, 1, 2 W)``.
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
        """First and last group of every node of all levels, leaves first, shape ``(nodes,)``, and its smallest and largest
        total, shape ``(R, nodes)``.
        """
        ranges, level = [], [(k, k + 1) for k in range(self.levels[0].sizes.shape[1])]
        for pairs in self.pairs:
            ranges += level
            level = [(level[2 * p][0], level[2 * p + 1][1]) for p in range(pairs)] + level[2 * pairs :]
        first, last = torch.tensor(ranges, device=self.layout.total.device).T
        return first, last, torch.cat([x.low for x in self.levels], -1), torch.cat([x.high for x in self.levels], -1)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # autograd must be able to use the cached tensors later
def _remembered(sizes: tuple[int, ...], total: int, device: torch.device) -> TreeShape:
    return TreeShape(torch.tensor([sizes], device=device), torch.tensor([total], device=device))


class SplitTables:
    """Computes the tables of the nodes whose totals are split, without autograd; :meth:`backward` computes the gradients.

    Args:
        shape: the tree.
        log_weights: finite log weights, float64, shape ``(T, K)``.
        samples: number of samples of each row.
        drop: number of nats below its mode at which a table may end.
        dtype: dtype of the tables; small ones stay float64.

    Attributes:
        tables: log-probabilities of the totals of each level's nodes, up to a constant each, leaves first, shape ``(T, P, W)``.
            For two groups, the conditional log-probabilities of the first group's count.
        begins: first total of each table, int64, shape ``(R, P)`` or ``(T, P)``.
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
        """Computes windows that omit about ``exp(-drop)`` of the mass, by Bernstein's inequality with the skewness.

        See :func:`window_reach`.
        """
        shape = self.shape
        first, last, low, high = shape.nodes
        probabilities = torch.sigmoid(logits)
        mean = probabilities * shape.layout.sizes
        variance = mean * (1 - probabilities)
        moments = pad(torch.stack([mean, variance, variance * (1 - 2 * probabilities)]).cumsum(-1), (1, 0))
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
            reach = (2 * drop * variance + lean**2).sqrt_()
            begin = (mean - reach + lean.clamp(max=0)).floor_().maximum(low).minimum(high)
            end = (mean + reach + lean.clamp(min=0)).ceil_().minimum(high).maximum(begin)
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
        """Returns the binomial coefficients on the leaves' windows, shape ``(T, K, W)``; for two groups ``(T, 1, W)``."""
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
        if nodes > 2 * pairs:  # the other groups make the removed totals impossible
            if not self.small:
                self.begins[depth] = torch.cat([self.begins[depth][:, :pairs], starts[:, -1:]], 1)
            table = torch.cat([table, pad(below[:, -1:], (0, width - size), value=-torch.inf)], 1)
        self.tables.append(table)

    def backward(self, grads: list[Tensor]) -> Tensor:
        """Computes the gradient with respect to the log weights from those with respect to all tables.

        Args:
            grads: gradient with respect to each table, leaves first, shape ``(T, P, W)``.

        Returns:
            Gradient, shape ``(T, K)``.
        """
        total = grads[-1]
        joins = list(zip(self.tables[:-1], grads[:-1], self.joins, strict=True))
        for below, grad, (pairs, shift, linear, saved) in reversed(joins[1:]):
            rows, nodes, size = below.shape
            joined = total[:, :pairs].reshape(rows * pairs, -1)
            sides = log_convolution_backward(joined, shift, linear, saved)
            passed = torch.stack([side.view(rows, pairs, size) for side in sides], 2).flatten(1, 2)
            if nodes > 2 * pairs:
                passed = torch.cat([passed, pad(total[:, -1:], (0, size - total.shape[-1]))], 1)
            total = grad + passed
        rate = _mean_position(grads[0])
        if joins:  # the leaves' tables are linear in the log weights, so only means are needed of the groups that they join
            pairs, shift, linear, saved = self.joins[0]
            rows = len(total)
            joined = total[:, :pairs].reshape(rows * pairs, -1)
            passed = torch.stack(log_convolution_moments(joined, shift, linear, saved), -1).view(rows, 2 * pairs)
            rate = rate + torch.cat([passed, _mean_position(total[:, pairs:])], 1)
        rate = rate.double()
        return torch.cat([rate, -rate], -1) if self.two else rate

    def noise(self, values: Tensor, depth: int, layout: TreeShape) -> Tensor:
        """Selects the noise of a level for the counts on its left tables.

        Args:
            values: noise for all counts of the layout, shape ``(S, T, P, W)``.
            depth: depth of the level; zero at the leaves.
            layout: layout of the noise.

        Returns:
            Noise, shape ``(S, T, P, X)``.
        """
        pairs, width = self.shape.pairs[depth], self.widths[depth]
        level = layout.levels[depth]
        begin, reference = self.begins[depth], self.references[depth] if level.capped else level.low
        if begin is reference:
            return values
        samples, rows, _, size = values.shape
        flat = pad(values.reshape(-1), (0, width))
        first = (begin - reference)[:, 0 : 2 * pairs : 2]
        at = torch.arange(0, values.numel(), size, device=values.device).view(samples, rows, pairs) + first
        return flat.unfold(0, width, 1).index_select(0, at.flatten()).view(samples, rows, pairs, width)


def _mean_position(tables: Tensor) -> Tensor:
    return tables @ torch.arange(tables.shape[-1], dtype=tables.dtype, device=tables.device)
