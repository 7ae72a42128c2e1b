"""The main numerical kernel: log-partition functions of an urn and derived quantities, on a balanced tree of its groups.

Each node of the tree holds the log-probabilities of its total if every group is an independent, tilted binomial: ``A_k(x) = log
C(m_k, x) p_k^x (1 - p_k)^(m_k - x)`` at a leaf, and the convolution of its two children at an inner node. Fisher's distribution
is that of the leaves conditional on a root total of ``n``. The root's entry at ``n`` is therefore the normalizer, and a
downward pass gives the marginals. All results are differentiable once with respect to the log weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from .binomials import BinomialTerms, solve_tilt
from .log_convolution import log_convolve
from .urn_rows import Rows

__all__ = ["MASS", "MOMENT_DROP", "TAILS", "WHOLE", "Layout", "Level", "LevelLayout", "Tree", "mean_counts"]

# Largest width of complete tables, and the number of nats below the mode at which the windows of wider ones end.
MASS, TAILS, WHOLE = (1024, 100.0), (1 << 15, 800.0), (1 << 60, 0.0)
_TRIM_WIDTH = 24  # trimming narrower tables does not save time
_CACHED_ENTRIES = 1 << 18
MOMENT_DROP = 300.0  # nats below the mode that do not affect any moment, and that do not underflow in linear space


@dataclass(frozen=True)
class LevelLayout:
    """Describes the possible totals of the nodes of one level.

    Attributes:
        sizes: number of elements below each node, shape ``(R, P)``.
        low: smallest total of each node, shape ``(R, P)``.
        high: largest total of each node, shape ``(R, P)``.
        width: width of the level's tables.
        joined_width: width of the tables of nodes that join two.
        shift: difference between their smallest total and the sum of the children's smallest totals.
        capped: whether the tables are windows that may begin above ``low``.
    """

    sizes: Tensor
    low: Tensor
    high: Tensor
    width: int
    joined_width: int
    shift: int | Tensor
    capped: bool


class Layout:
    """Describes the tree over an urn's groups before any weight is known. Neighbours form pairs, and an odd last node moves up
    alone.

    Args:
        sizes: group sizes, int64, shape ``(R, K)``.
        total: numbers of elements drawn, int64, shape ``(R,)``.
        windows: largest width of complete tables, and the number of nats below the mode at which wider ones end.
    """

    def __init__(self, sizes: Tensor, total: Tensor, windows: tuple[int, float] = MASS):
        self.sizes, self.total, self.windows = sizes, total, windows
        self.present = sizes.sum(-1)
        self.levels = [self._level(sizes, None)]
        while self.levels[-1].sizes.shape[-1] > 1:
            self.levels.append(self._level(_pair_sums(self.levels[-1].sizes), self.levels[-1].low))
        self.leaf_terms = None if self.levels[0].capped else self.terms(self.levels[0].low)

    @staticmethod
    def of(sizes: Tensor, total: Tensor) -> Layout:
        """Returns the layout for rows of sizes and totals, cached if all rows share one small urn.

        Args:
            sizes: group sizes, int64, shape ``(R, K)``.
            total: numbers of elements drawn, int64, shape ``(R,)``.

        Returns:
            The layout.
        """
        if len(sizes) == 1 and int(sizes.shape[-1] * min(sizes.max().item(), total.item())) <= _CACHED_ENTRIES:
            return _remembered_layout(tuple(sizes[0].tolist()), int(total.item()), sizes.device)
        return Layout(sizes, total)

    def _level(self, sizes: Tensor, below: Tensor | None) -> LevelLayout:
        low = (self.total[:, None] - self.present[:, None] + sizes).clamp(min=0)
        high = torch.minimum(self.total[:, None], sizes)
        width = int((high - low).max().item()) + 1
        joined_width = width
        shift: int | Tensor = 0
        if below is not None:
            pairs = below.shape[-1] // 2
            joined_width = int((high - low)[:, :pairs].max().item()) + 1
            shifts = low[:, :pairs] - _pair_sums(below)[:, :pairs]
            shift = int(shifts[0, 0].item()) if bool((shifts == shifts[0, 0]).all()) else shifts
        full_width, drop = self.windows
        if width <= full_width:
            return LevelLayout(sizes, low, high, width, joined_width, shift, False)
        # For any weights, the variance of a total is at most a quarter of its size and at most its largest mean.
        variance = torch.minimum(sizes / 4, self.total[:, None].double()).max().item()
        reach = drop / 3 + (drop**2 / 9 + 2 * drop * variance) ** 0.5
        width = min(width, 2 * int(reach) + 1)
        return LevelLayout(sizes, low, high, width, min(width, joined_width), shift, True)

    def terms(self, low: Tensor) -> BinomialTerms:
        """Computes the binomial terms of every group on tables that start at ``low``.

        Args:
            low: first count of each table, shape ``(R, K)`` or ``(T, K)``.

        Returns:
            The binomial terms.
        """
        counts = low[..., None] + torch.arange(self.levels[0].width, device=low.device)
        return BinomialTerms(self.sizes[..., None].double(), counts.double())


@lru_cache(maxsize=32)
@torch.inference_mode(False)  # autograd must be able to use the cached tensors later
def _remembered_layout(sizes: tuple[int, ...], total: int, device: torch.device) -> Layout:
    return Layout(torch.tensor([sizes], device=device), torch.tensor([total], device=device))


@dataclass(frozen=True)
class Level:
    """Holds the log-probability tables of one level's nodes.

    Attributes:
        table: log-probabilities of the totals ``low, low + 1, …``, shape ``(T, P, W)``.
        low: first total of each table, shape ``(R, P)`` or ``(T, P)``.
    """

    table: Tensor
    low: Tensor

    @property
    def width(self) -> int:
        """Number of entries of each table."""
        return self.table.shape[-1]

    @cached_property
    def pairs(self) -> tuple[Level, Level]:
        """Left and right nodes of the pairs that the next level joins."""
        pairs = self.table.shape[1] // 2
        tables = self.table[:, : 2 * pairs].unflatten(1, (pairs, 2)).unbind(2)
        return Level(tables[0], self.low[:, 0 : 2 * pairs : 2]), Level(tables[1], self.low[:, 1 : 2 * pairs : 2])

    def counts(self) -> Tensor:
        """Computes the totals of the entries.

        Returns:
            Totals, shape ``(R, P, W)`` or ``(T, P, W)``.
        """
        return self.low[..., None] + torch.arange(self.width, device=self.low.device)

    def trimmed(self, drop: float) -> Level:
        """Removes the margins in which every table is ``drop`` nats below its largest entry.

        Args:
            drop: number of nats.

        Returns:
            The level, possibly narrower.
        """
        if self.width <= _TRIM_WIDTH:
            return self
        table = self.table.detach()
        carried = (table >= table.amax(-1, keepdim=True) - drop).to(torch.uint8)
        width = int(carried.sum(-1).max().item())
        if width > 0.9 * self.width:
            return self
        first = carried.argmax(-1).clamp_(max=self.width - width)
        index = first[..., None] + torch.arange(width, device=first.device)
        return Level(self.table.gather(-1, index), self.low + first)


class Tree:
    """Computes the tables of all nodes of an urn, from the leaves to the root, whose total is the number of elements drawn.

    Args:
        rows: ``T`` urns.
        drop: number of nats below its largest entry at which a table is trimmed; ``None`` keeps tables complete.
        windows: part of very wide tables to keep: the ``MASS``, the ``TAILS`` down to e^-800, or the ``WHOLE``.
        root: whether to compute the root's table, which sampling does not need.
    """

    def __init__(
        self,
        rows: Rows,
        drop: float | None,
        *,
        windows: tuple[int, float] = MASS,
        root: bool = True,
    ):
        self.rows, self.drop = rows, drop
        self.layout = Layout.of(rows.sizes, rows.total)
        if windows != MASS and any(level.capped for level in self.layout.levels):
            self.layout = Layout(rows.sizes, rows.total, windows)
        self.tilt = solve_tilt(rows.log_weights, rows.sizes.double(), rows.total.double())
        self.logits = rows.log_weights + self.tilt
        self.means: list[Tensor] = []
        if any(level.capped for level in self.layout.levels):
            self.means = [rows.sizes * torch.sigmoid(self.logits.detach())]
            while len(self.means) < len(self.layout.levels):
                self.means.append(_pair_sums(self.means[-1]))
        low = self.reference_low(0)
        terms = self.layout.leaf_terms or self.layout.terms(low)
        self.levels = [self._trimmed(Level(terms.log_pmf(self.logits[..., None]), low))]
        while len(self.levels) < len(self.layout.levels) - (not root):
            self.levels.append(self._trimmed(self._joined(self.levels[-1], len(self.levels))))

    def reference_low(self, depth: int) -> Tensor:
        """Computes the first total of each node's table at some depth, before trimming.

        Args:
            depth: depth of the level; zero for the leaves.

        Returns:
            First totals, shape ``(R, P)`` or ``(T, P)``.
        """
        level = self.layout.levels[depth]
        if not level.capped:
            return level.low
        start = self.means[depth].round().long() - level.width // 2
        return torch.minimum(start, level.high - level.width + 1).maximum(level.low)

    def _trimmed(self, level: Level) -> Level:
        return level if self.drop is None else level.trimmed(self.drop)

    def _joined(self, below: Level, depth: int) -> Level:
        left, right = below.pairs
        pairs = left.table.shape[1]
        layout = self.layout.levels[depth]
        as_laid_out = below.low is self.layout.levels[depth - 1].low and not layout.capped
        if as_laid_out:
            low, shift, width = layout.low[:, :pairs], layout.shift, layout.joined_width
        else:
            least = left.low + right.low
            low = torch.maximum(self.reference_low(depth)[:, :pairs], least)
            most = torch.minimum(layout.high[:, :pairs], least + 2 * below.width - 2)
            width = max(min(int((most - low).max().item()) + 1, layout.width), 1)
            shift = low - least
        table = _convolve_nodes(left.table, right.table, shift, width, tails=self.drop is None)
        if below.table.shape[1] == 2 * pairs:
            return Level(table, layout.low if as_laid_out else low)
        waiting = below.table[:, -1:, : layout.width]  # the other groups make the removed totals impossible
        both = max(width, waiting.shape[-1])
        table = torch.cat([_widened(table, both), _widened(waiting, both)], 1)
        if as_laid_out:
            return Level(table, layout.low)
        rows = max(len(low), len(below.low))
        return Level(table, torch.cat([low.expand(rows, -1), below.low[:, -1:].expand(rows, -1)], 1))

    def log_total(self) -> Tensor:
        """Returns the log-probability that the independent binomials add up to the number of elements drawn.

        Returns:
            Log-probabilities, shape ``(T,)``.
        """
        return self.levels[-1].table[:, 0, 0]

    def log_outside(self) -> list[Tensor]:
        """Computes, for every level, the log-probability that all other groups complete the number of elements drawn, given a
        node's total.

        Returns:
            Tables of each level, leaves first, shape ``(T, P, W)``.
        """
        outside = torch.zeros_like(self.levels[-1].table)
        tables = [outside]
        for above, level in zip(reversed(self.levels[1:]), reversed(self.levels[:-1]), strict=True):
            pairs = level.table.shape[1] // 2
            nodes = torch.arange(2 * pairs, device=outside.device)
            parent, sibling = nodes // 2, nodes ^ 1
            last = level.low[:, sibling] + level.width - 1
            shift = level.low[:, : 2 * pairs] - above.low[:, parent] + last
            others = level.table[:, sibling].flip(-1)
            below = _convolve_nodes(outside[:, parent], others, shift, level.width, tails=self.drop is None)
            if level.table.shape[1] > 2 * pairs:
                # An odd node is its own parent, on a table that may start at another total.
                index = level.low[:, -1:] - above.low[:, -1:] + torch.arange(level.width, device=nodes.device)
                inside = (index >= 0) & (index < outside.shape[-1])
                index = index.clamp(0, outside.shape[-1] - 1).expand(len(outside), -1)
                waited = torch.where(inside, outside[:, -1].gather(-1, index), -torch.inf)
                below = torch.cat([below, waited[:, None]], 1)
            outside = below
            tables.append(outside)
        return tables[::-1]

    def log_marginals(self) -> Level:
        """Computes the log-probabilities ``p(x_k)`` under Fisher's distribution, on the leaves' tables.

        Returns:
            Tables of shape ``(T, K, W)``.
        """
        leaves = self.levels[0]
        return Level(leaves.table + self.log_outside()[0] - self.log_total()[:, None, None], leaves.low)


def _widened(table: Tensor, width: int) -> Tensor:
    if table.shape[-1] == width:
        return table
    return torch.nn.functional.pad(table, (0, width - table.shape[-1]), value=-torch.inf)


def _pair_sums(nodes: Tensor) -> Tensor:
    """Returns sums of neighbours along the last axis. An odd last entry stays."""
    pairs = nodes.shape[-1] // 2
    joined = nodes[:, 0 : 2 * pairs : 2] + nodes[:, 1 : 2 * pairs : 2]
    return torch.cat([joined, nodes[:, 2 * pairs :]], -1) if nodes.shape[-1] > 2 * pairs else joined


def _convolve_nodes(left: Tensor, right: Tensor, shift: int | Tensor, width: int, tails: bool) -> Tensor:
    rows, nodes = left.shape[:2]
    if isinstance(shift, Tensor):
        shift = shift.expand(rows, nodes).reshape(-1)
    out = log_convolve(left.reshape(rows * nodes, -1), right.reshape(rows * nodes, -1), shift, width, tails=tails)
    return out.view(rows, nodes, width)


def mean_counts(log_weights: Tensor, sizes: Tensor, total: Tensor) -> Tensor:
    """Computes expected counts under Fisher's distribution, differentiable once: the derivative is the covariance.

    Args:
        log_weights: finite log weights, float64, shape ``(T, K)``.
        sizes: group sizes, int64, shape ``(R, K)`` with ``R`` one or ``T``.
        total: numbers of elements drawn, int64, shape ``(R,)``.

    Returns:
        Expected counts, shape ``(T, K)``.
    """
    tree = Tree(Rows.plain(log_weights, sizes, total), MOMENT_DROP)
    marginals = tree.log_marginals()
    return (marginals.table.exp() * marginals.counts()).sum(-1)
