"""Two ways to take a relaxed draw apart into splits: the exact conditionals, and the published sampler's merged ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from .batching import Rows
from .binomials import BinomialTerms, solve_tilt
from .convolution import windows
from .partition import Layout, Level, Tree
from .sampling import interleave
from .splitting import split

__all__ = ["ExactConditionals", "MergedConditionals"]

_DROP = 80.0  # nats below the mode at which a count no longer matters to a draw at temperature one or less
_LARGEST_DROP = 300.0  # beyond it tables stay whole


class ExactConditionals:
    """Draws down a balanced tree of the groups, whose conditionals are exact at any weights.

    Args:
        rows: the urns.
    """

    def __init__(self, rows: Rows):
        self.rows = rows
        self.layout = Layout.of(rows.sizes, rows.total)
        self.noise_length = sum(pairs * width for pairs, width in self._blocks())

    def _blocks(self) -> list[tuple[int, int]]:
        """Splits and candidate counts of each level, top first."""
        return [(level.sizes.shape[1] // 2, level.width) for level in reversed(self.layout.levels[:-1])]

    def draw(self, noise: Tensor, temperature: Tensor, hard: bool) -> Tensor:
        """Relaxed counts.

        Args:
            noise: Gumbel noise, shape ``(S, T, noise_length)``.
            temperature: shape ``(S, T, 1)`` or ``(1, 1, 1)``.
            hard: whether counts are whole.

        Returns:
            float64, shape ``(S, T, K)``.
        """
        drop = _DROP * max(1.0, float(temperature.detach().max()))
        tree = Tree(self.rows, drop if drop <= _LARGEST_DROP else None, root=False)
        totals = self.rows.total.double()[None, :, None].expand(len(noise), noise.shape[1], 1)
        begin = 0
        for depth in range(len(self.layout.levels) - 2, -1, -1):
            level, sizes = tree.levels[depth], self.layout.levels[depth].sizes.double()
            pairs, width = sizes.shape[1] // 2, self.layout.levels[depth].width
            if pairs:
                left, right = level.pairs()
                block = noise[..., begin : begin + pairs * width].unflatten(-1, (pairs, width))
                block = _within(block, left, tree.reference_low(depth)[:, : 2 * pairs : 2])
                bounds = sizes[:, 0 : 2 * pairs : 2], sizes[:, 1 : 2 * pairs : 2]
                first, second = _halves(left, right, totals[..., :pairs], block, temperature, hard, bounds)
                totals = interleave(first, second, totals[..., pairs:])
                begin += pairs * width
        return totals


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
        self.width = int(torch.minimum(sizes[:, :-1], total).max().item()) + 1 if sizes.shape[1] > 1 else 1
        self.rest_low = (total - present + self.rest_sizes).clamp(min=0)[:, :-1]
        most = torch.minimum(self.rest_sizes[:, :-1], total)
        self.rest_width = int((most - self.rest_low).max().item()) + 1 if sizes.shape[1] > 1 else 1
        self.noise_length = (sizes.shape[1] - 1) * self.width

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

    def draw(self, noise: Tensor, temperature: Tensor, hard: bool) -> Tensor:
        """Relaxed counts; arguments and result as in :meth:`ExactConditionals.draw`."""
        totals = self.rows.total.double()[None, :, None].expand(len(noise), noise.shape[1], 1)
        if self.rows.sizes.shape[1] == 1:
            return totals
        first, rest = self._tables()
        counts = []
        for k in range(self.rows.sizes.shape[1] - 1):
            one = slice(k, k + 1)
            left = Level(first[:, one], torch.zeros_like(self.rest_low[:, one]))
            right = Level(rest[:, one], self.rest_low[:, one])
            block = noise[:, :, None, k * self.width : (k + 1) * self.width]
            bounds = self.rows.sizes[:, one].double(), self.rest_sizes[:, one].double()
            drawn, totals = _halves(left, right, totals, block, temperature, hard, bounds)
            counts.append(drawn)
        return torch.cat([*counts, totals], -1)


def _halves(
    left: Level, right: Level, drawn: Tensor, noise: Tensor, temperature: Tensor, hard: bool, bounds: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Splits each total into what the left and the right node get, within their sizes, shapes ``(S, T, P)``."""
    position = split(left.table, right.table, drawn - (left.low + right.low), noise, temperature[..., None], hard)
    first = position + left.low
    if hard:
        return first, drawn - first
    left_size, right_size = bounds
    first = torch.clamp(first, (drawn - right_size).clamp(min=0), torch.minimum(drawn, left_size))
    return first, torch.clamp(drawn - first, torch.zeros_like(right_size), right_size)


def _within(block: Tensor, level: Level, reference_low: Tensor) -> Tensor:
    """The noise of the counts that a trimmed table still holds, shape ``(S, T, P, W)``."""
    draws, rows, pairs, width = block.shape
    first = (level.low - reference_low).expand(rows, pairs)
    if not bool(first.any()):
        return block[..., : level.width]
    flat = pad(block.reshape(1, -1), (0, level.width))
    begins = torch.arange(0, draws * rows * pairs * width, width, device=block.device).view(draws, -1) + first.reshape(-1)
    return windows(flat, begins.flatten(), level.width).view(draws, rows, pairs, level.width)
