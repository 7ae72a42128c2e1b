"""Two ways to take a relaxed draw apart into splits: the exact conditionals, and the published sampler's merged ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from hypergeo.numerics.binomials import BinomialTerms, solve_tilt
from hypergeo.numerics.log_convolution import log_convolve
from hypergeo.numerics.partition import Layout, Level, Tree
from hypergeo.numerics.sampling import interleave
from hypergeo.numerics.urn_rows import Rows
from hypergeo.numerics.windows import windows

from .relaxed_split import Totals, split

__all__ = ["ExactConditionals", "MergedConditionals", "gumbel"]

_DROP = 38.0  # nats below the mode: less than the rounding error of a probability, at temperature one or less
_LARGEST_DROP = 300.0  # beyond it tables stay whole


def gumbel(shape: tuple[int, ...], device: torch.device, generator: torch.Generator | None = None) -> Tensor:
    """Samples independent standard Gumbel variables, float64; from torch's global generator when ``generator`` is omitted.

    Example:
        >>> gumbel((2, 3), torch.device("cpu")).shape
        torch.Size([2, 3])
    """
    uniform = torch.rand(shape, dtype=torch.float64, device=device, generator=generator)
    return uniform.clamp_(min=torch.finfo(torch.float64).tiny).log_().neg_().log_().neg_()


class ExactConditionals:
    """Draws down a balanced tree of the groups, whose conditionals are exact at any weights.

    Args:
        rows: the urns.
    """

    def __init__(self, rows: Rows):
        self.rows = rows
        self.layout = Layout.of(rows.sizes, rows.total)
        # Noise is laid out as if no weight were zero, so that it stays when one becomes so.
        self.noise_layout = Layout.of(rows.given_sizes, rows.given_total)
        self._depth = len(self.layout.levels) - 1
        self.noise_length = sum(pairs * width for pairs, width in self._blocks())

    def _bounds(self, depth: int) -> tuple[Tensor, Tensor]:
        """Sizes of the left and the right nodes of a level's pairs."""
        sizes = self.layout.levels[depth].sizes.double()
        end = sizes.shape[1] // 2 * 2
        return sizes[:, 0:end:2], sizes[:, 1:end:2]

    def _fresh(self, tree: Tree, num_draws: int, generator: torch.Generator | None) -> list[Tensor]:
        """New noise for every level of a tree, top first, each of shape ``(S, T, P, W)``."""
        shapes = [(level.table.shape[1] // 2, level.width) for level in reversed(tree.levels[: self._depth])]
        lengths = [pairs * width for pairs, width in shapes]
        shape = num_draws, len(self.rows.log_weights), sum(lengths)
        drawn = gumbel(shape, self.rows.log_weights.device, generator)
        return [block.unflatten(-1, shape) for block, shape in zip(drawn.split(lengths, -1), shapes, strict=True)]

    def _laid_out(self, tree: Tree, noise: Tensor) -> list[Tensor]:
        """Given noise likewise, as far as the tree's tables reach."""
        blocks = []
        begin = 0
        for depth, (pairs, width) in zip(reversed(range(self._depth)), self._blocks(), strict=True):
            block, level = noise[..., begin : begin + pairs * width].unflatten(-1, (pairs, width)), tree.levels[depth]
            begin += pairs * width
            reference = self.noise_layout.levels[depth]
            if level.low is not reference.low:
                low = tree.reference_low(depth) if reference.capped else reference.low
                block = _within(block, level.pairs[0], low[:, : 2 * pairs : 2])
            blocks.append(block)
        return blocks

    def _blocks(self) -> list[tuple[int, int]]:
        """Splits and candidate counts of each level, top first."""
        return [(level.sizes.shape[1] // 2, level.width) for level in reversed(self.noise_layout.levels[: self._depth])]

    def draw(
        self, num_draws: int, noise: Tensor | None, temperature: Tensor, hard: bool, generator: torch.Generator | None = None
    ) -> Tensor:
        """Relaxed counts.

        Args:
            num_draws: draws for each row (S).
            noise: Gumbel noise, shape ``(S, T, noise_length)``; drawn as it is needed when ``None``.
            temperature: shape ``(S, T, 1)`` or ``(1, 1, 1)``.
            hard: whether counts are whole.
            generator: source of the noise that is not given; torch's global one when ``None``.

        Returns:
            float64, shape ``(S, T, K)``.
        """
        drop = _DROP * max(1.0, float(temperature.detach().max()))
        tree = Tree(self.rows, drop if drop <= _LARGEST_DROP else None, root=False, draws=num_draws)
        totals = _Drawn.whole(self.rows, num_draws)
        blocks = self._fresh(tree, num_draws, generator) if noise is None else self._laid_out(tree, noise)
        parent = None
        for depth, block in zip(reversed(range(self._depth)), blocks, strict=True):
            level = tree.levels[depth]
            left, right = level.pairs
            totals = totals.divided(left, right, parent, block, temperature, self._bounds(depth), hard)
            parent = level
        return totals.value


class MergedConditionals:
    """Draws the groups in the order listed, each against all that remain merged into one group of their mean weight.

    Exact only where the remaining groups share one weight (Sutter et al., ICLR 2023, section 4.1).

    Args:
        rows: the urns.
    """

    def __init__(self, rows: Rows):
        self.rows = rows
        sizes, total = rows.sizes, rows.total[:, None]
        self.rest_sizes = sizes.sum(-1, keepdim=True) - sizes.cumsum(-1)
        present = sizes.sum(-1, keepdim=True)
        splits = sizes.shape[1] - 1
        self.width = int(torch.minimum(sizes[:, :-1], total).max().item()) + 1 if splits else 1
        self.rest_low = (total - present + self.rest_sizes).clamp(min=0)[:, :-1]
        most = torch.minimum(self.rest_sizes[:, :-1], total)
        self.rest_width = int((most - self.rest_low).max().item()) + 1 if splits else 1
        given = torch.minimum(rows.given_sizes[:, :-1], rows.given_total[:, None])
        self.noise_width = int(given.max().item()) + 1 if splits else 1
        self.noise_length = splits * self.noise_width

    def _tables(self) -> tuple[Tensor, Tensor]:
        """Log-probabilities of every group but the last, and of what remains after it, ``(T, K - 1, …)``."""
        rows = self.rows
        logits = rows.log_weights + solve_tilt(rows.log_weights, rows.sizes.double(), rows.total.double())
        present = (rows.sizes > 0).expand(logits.shape)
        mass = torch.where(present, logits + rows.sizes.clamp(min=1).log(), -torch.inf)
        # A guard far below every group keeps the gradient finite where nothing remains.
        guarded = pad(mass, (0, 1), value=-1e4).flip(-1)
        rest = torch.logcumsumexp(guarded, -1).flip(-1)[:, 1:-1] - self.rest_sizes[:, :-1].clamp(min=1).log()
        rest = torch.where(self.rest_sizes[:, :-1] > 0, rest, 0.0)

        def table(sizes: Tensor, low: Tensor, width: int, odds: Tensor) -> Tensor:
            counts = low[..., None] + torch.arange(width, device=low.device)
            return BinomialTerms(sizes[..., None].double(), counts.double()).log_pmf(odds[..., None])

        first = table(rows.sizes[:, :-1], torch.zeros_like(rows.sizes[:, :-1]), self.width, logits[:, :-1])
        return first, table(self.rest_sizes[:, :-1], self.rest_low, self.rest_width, rest)

    def draw(
        self, num_draws: int, noise: Tensor | None, temperature: Tensor, hard: bool, generator: torch.Generator | None = None
    ) -> Tensor:
        """Relaxed counts; arguments and result as in :meth:`ExactConditionals.draw`."""
        totals = _Drawn.whole(self.rows, num_draws)
        groups = self.rows.sizes.shape[1]
        if groups == 1:
            return totals.value
        first, rest = self._tables()
        if noise is None:
            noise = gumbel((*totals.value.shape[:2], self.noise_length), first.device, generator)
        parents = self._parents(first, rest) if groups > 2 else None
        counts = []
        for k in range(groups - 1):
            one = slice(k, k + 1)
            left = Level(first[:, one], torch.zeros_like(self.rest_low[:, one]))
            right = Level(rest[:, one], self.rest_low[:, one])
            parent = None if k == 0 or parents is None else Level(parents[:, k - 1 : k], self.rest_low[:, k - 1 : k])
            block = noise[:, :, None, k * self.noise_width :][..., : self.width]
            bounds = self.rows.sizes[:, one].double(), self.rest_sizes[:, one].double()
            both = totals.divided(left, right, parent, block, temperature, bounds, hard)
            counts.append(both.value[..., :1])
            totals = both.right()
        return torch.cat([*counts, totals.value], -1)

    def _parents(self, first: Tensor, rest: Tensor) -> Tensor:
        """Normalizers of the conditionals after the first, on the tables of what remained before them."""
        rows, splits = first.shape[:2]
        shift = (self.rest_low[:, :-1] - self.rest_low[:, 1:]).expand(rows, splits - 1).reshape(-1)
        tables = log_convolve(first[:, 1:].flatten(0, 1), rest[:, 1:].flatten(0, 1), shift, self.rest_width)
        return tables.view(rows, splits - 1, -1)


class _Drawn:
    """Totals that have been drawn for the nodes of a level, with by how much soft draws exceed hard ones."""

    def __init__(self, value: Tensor, excess: Tensor | None):
        self.value, self.excess = value, excess

    @staticmethod
    def whole(rows: Rows, num_draws: int) -> _Drawn:
        """The root's total, which is the number drawn."""
        return _Drawn(rows.total.double()[None, :, None].expand(num_draws, len(rows.log_weights), 1), None)

    def right(self) -> _Drawn:
        """What the right one of a single pair got."""
        return _Drawn(self.value[..., 1:], None if self.excess is None else self.excess[..., 1:])

    def divided(
        self,
        left: Level,
        right: Level,
        parent: Level | None,
        noise: Tensor,
        temperature: Tensor,
        bounds: tuple[Tensor, Tensor],
        hard: bool,
    ) -> _Drawn:
        """Splits the totals of the paired nodes in two; an odd one stays.

        Soft draws are held within the children's sizes, given as ``bounds``; hard ones are by themselves.
        """
        pairs = left.table.shape[1]
        drawn, waiting = self.value[..., :pairs], self.value[..., pairs:]
        excess = None if self.excess is None else self.excess[..., :pairs]
        base = left.low + right.low
        totals = _located(drawn, excess, base, parent, hard)
        position, beyond = split(left.table, right.table, totals, noise, temperature[..., None], hard)
        first = position + left.low
        left_size, right_size = bounds
        alone = right_size == 0 if bool((right_size == 0).any()) else None
        if hard:
            outer = torch.zeros_like(beyond) if excess is None else excess
            if alone is not None:  # all of it, and all of its gradient
                first, beyond = torch.where(alone, drawn, first), torch.where(alone, outer, beyond)
            late = waiting if self.excess is None else self.excess[..., pairs:]
            return _Drawn(interleave(first, drawn - first, waiting), interleave(beyond, outer - beyond, late))
        first = torch.clamp(first, (drawn - right_size).clamp(min=0), torch.minimum(drawn, left_size))
        if alone is not None:
            first = torch.where(alone, drawn, first)
        second = torch.clamp(drawn - first, torch.zeros_like(right_size), right_size)
        return _Drawn(interleave(first, second, waiting), None)


def _located(drawn: Tensor, excess: Tensor | None, base: Tensor, parent: Level | None, hard: bool) -> Totals:
    """Between which whole totals, and how far, the soft law of a split is evaluated."""
    value = drawn - base
    if parent is None:
        return Totals(value, value.detach(), None, None)
    pairs = drawn.shape[-1]
    low = parent.low[:, :pairs]
    if parent.width == 1:
        return Totals(value, (low - base).expand_as(value).double(), None, None)
    position = drawn.detach() - low
    if hard and excess is not None:
        position = position + 0.5 * excess.sign()
    lower = position.floor().clamp(0, parent.width - 2)
    fraction = (position - lower).clamp(0, 1)
    steps = parent.table[:, :pairs].diff(dim=-1).nan_to_num(0.0, 0.0, 0.0)
    ratio = steps.gather(-1, lower.long().permute(1, 2, 0)).permute(2, 0, 1)
    return Totals(value, lower + (low - base), fraction, ratio)


def _within(block: Tensor, level: Level, reference_low: Tensor) -> Tensor:
    """The noise of the counts that a trimmed table still holds, shape ``(S, T, P, W)``."""
    draws, rows, pairs, width = block.shape
    first = (level.low - reference_low).expand(rows, pairs)
    if not bool(first.any()):
        return block[..., : level.width]
    flat = pad(block.reshape(1, -1), (0, level.width))
    begins = torch.arange(0, draws * rows * pairs * width, width, device=block.device).view(draws, -1) + first.reshape(-1)
    return windows(flat, begins.flatten(), level.width).view(draws, rows, pairs, level.width)
