"""Two decompositions of a relaxed sample into splits: the exact conditionals, and the published sampler's merged ones.

Both return the splits of a sample, top first, for log weights without gradient, and propagate gradients from the tables of the
splits back to the log weights.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from hypergeo.numerics.binomials import BinomialTerms, solve_tilt
from hypergeo.numerics.log_convolution import log_convolve
from hypergeo.numerics.split_tables import SplitTables, TreeShape
from hypergeo.numerics.urn_rows import Rows

from .split import Split

__all__ = ["DROPS", "Conditionals", "ExactConditionals", "MergedConditionals", "gumbel"]

# Entries so many nats below the mode change no sample at a temperature of one or less: they are below the rounding error of a
# probability, and in float32 below 2^-24, the resolution of the uniform numbers from which the noise is computed.
DROPS = {torch.float32: 17.0, torch.float64: 38.0}
Gradients = list[tuple[Tensor, Tensor | None, Tensor | None]]


def gumbel(
    shape: tuple[int, ...],
    device: torch.device,
    generator: torch.Generator | None = None,
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Samples independent standard Gumbel variables.

    Args:
        shape: shape of the result.
        device: device of the result.
        generator: source of the random numbers; torch's global one when omitted.
        dtype: dtype of the result.

    Returns:
        Gumbel variables, shape ``shape``.

    Example:
        >>> gumbel((2, 3), torch.device("cpu")).shape
        torch.Size([2, 3])
    """
    uniform = torch.rand(shape, dtype=dtype, device=device, generator=generator)
    return uniform.clamp_(min=torch.finfo(dtype).tiny).log_().neg_().log_().neg_()


class Conditionals(Protocol):
    """Splits of one batch of urns."""

    splits: list[Split]
    reverse: bool
    """Whether the groups come out in reverse order."""

    def noise(self, provided: Tensor | None, samples: int, generator: torch.Generator | None) -> list[Tensor]:
        """Returns Gumbel noise for each split.

        Args:
            provided: noise in the public layout, shape ``(S, T, L)``; sampled if ``None``.
            samples: number of samples of each urn (S).
            generator: source of the random numbers; torch's global generator if ``None``.

        Returns:
            Noise of each split, top first, shape ``(S, T, P, X)``.
        """

    def backward(self, grads: Gradients) -> Tensor:
        """Computes the gradient with respect to the log weights.

        Args:
            grads: gradients with respect to the left, right and parent tables of each split, top first; shapes ``(T, P, X)``,
                ``(T, P, Y)`` and ``(T, P, U)``.

        Returns:
            Gradient, shape ``(T, K)``.
        """


class ExactConditionals:
    """Splits along a balanced tree of the groups, whose conditionals are exact at any weights.

    Args:
        rows: the urns, without gradient.
        samples: number of samples of each.
        warmest: highest temperature.
        dtype: dtype of tables and noise, where they are large.
    """

    reverse = False

    def __init__(self, rows: Rows, samples: int, warmest: float, dtype: torch.dtype):
        self.shape = shape = TreeShape.of(rows.sizes, rows.total)
        drop = DROPS[dtype] * max(1.0, warmest)
        self.tables = SplitTables(self.shape, rows.log_weights, samples, drop, dtype)
        # The layout of the noise ignores weights of zero, so that it stays the same if a weight becomes zero.
        self.noise_shape = TreeShape.of(rows.given_sizes, rows.given_total)
        self.splits = []
        parent: Tensor | None = None
        parent_low = rows.total[:, None]
        levels = list(zip(shape.pairs, self.tables.tables, self.tables.begins, shape.sizes, shape.alone, strict=True))
        for pairs, table, low, sizes, alone in reversed(levels):
            left_low, right_low = low[:, 0 : 2 * pairs : 2], low[:, 1 : 2 * pairs : 2]
            right = None if self.tables.two else table[:, 1 : 2 * pairs : 2]
            above = None if parent is None else parent[:, :pairs]
            lows = left_low, right_low, parent_low[:, :pairs]
            self.splits.append(Split(table[:, 0 : 2 * pairs : 2], right, above, *lows, sizes, alone))
            parent, parent_low = table, low

    @staticmethod
    def noise_length(sizes: Tensor, total: Tensor) -> int:
        """Returns the number of noise values of one sample.

        Args:
            sizes: group sizes, shape ``(R, K)``.
            total: numbers of elements drawn, shape ``(R,)``.

        Returns:
            Length of the public layout of noise (L).
        """
        return TreeShape.of(sizes, total).noise_length

    def noise(self, provided: Tensor | None, samples: int, generator: torch.Generator | None) -> list[Tensor]:
        """Returns Gumbel noise for each split.

        Args:
            provided: noise in the public layout, shape ``(S, T, L)``; sampled if ``None``.
            samples: number of samples of each urn (S).
            generator: source of the random numbers; torch's global generator if ``None``.

        Returns:
            Noise of each split, top first, shape ``(S, T, P, X)``.
        """
        shapes = [(split.pairs, split.width) for split in self.splits]
        first = self.tables.tables[0]
        if provided is None:
            lengths = [pairs * width for pairs, width in shapes]
            whole = gumbel((samples, len(first), sum(lengths)), first.device, generator, first.dtype)
            return [block.unflatten(-1, shape) for block, shape in zip(whole.split(lengths, -1), shapes, strict=True)]
        blocks, begin = [], 0
        for depth in reversed(range(len(shapes))):
            pairs, width = self.noise_shape.pairs[depth], self.noise_shape.levels[depth].width
            block = provided[..., begin : begin + pairs * width].unflatten(-1, (pairs, width))
            begin += pairs * width
            # Groups of weight zero may shift the first counts of the tables.
            blocks.append(self.tables.noise(block, depth, self.noise_shape).to(first.dtype))
        return blocks

    def backward(self, grads: Gradients) -> Tensor:
        """Computes the gradient with respect to the log weights.

        Args:
            grads: gradients with respect to the left, right and parent tables of each split, top first; shapes ``(T, P, X)``,
                ``(T, P, Y)`` and ``(T, P, U)``.

        Returns:
            Gradient, shape ``(T, K)``.
        """
        of_tables: list[Tensor] = []
        for (left, right, parent), table in zip(grads, reversed(self.tables.tables), strict=True):
            if parent is not None and of_tables:
                rest = of_tables[-1].shape[1] - parent.shape[1]
                of_tables[-1] = of_tables[-1] + (pad(parent, (0, 0, 0, rest)) if rest else parent)
            both = left if right is None else torch.stack([left, right], 2).flatten(1, 2)
            rest = table.shape[1] - both.shape[1]
            of_tables.append(pad(both, (0, 0, 0, rest)) if rest else both)
        return self.tables.backward(of_tables[::-1])


class MergedConditionals:
    """Splits off one group after another, in the order listed, from the rest merged into one group of its mean weight.

    This is exact only where the remaining groups share one weight (Sutter et al., ICLR 2023, section 4.1).

    Args:
        rows: the urns, without gradient.
        samples: number of samples of each.
        warmest: highest temperature.
        dtype: dtype of tables and noise.
    """

    reverse = True

    def __init__(self, rows: Rows, samples: int, warmest: float, dtype: torch.dtype):
        self.rows = rows
        sizes, total = rows.sizes, rows.total[:, None]
        present = sizes.sum(-1, keepdim=True)
        self.rest_sizes = (present - sizes.cumsum(-1))[:, :-1]
        self.width = int(torch.minimum(sizes[:, :-1], total).max().item()) + 1
        self.rest_low = (total - present + self.rest_sizes).clamp(min=0)
        self.rest_width = int((torch.minimum(self.rest_sizes, total) - self.rest_low).max().item()) + 1
        self.noise_width = self.noise_length(rows.given_sizes, rows.given_total) // (sizes.shape[1] - 1)
        with torch.enable_grad():
            self.leaf = rows.log_weights.detach().requires_grad_()
            self.tables = self._tables(self.leaf)
        first, rest, *parents = (table.detach().to(dtype) for table in self.tables)
        self.splits = []
        above, low = None, total
        for k in range(sizes.shape[1] - 1):
            one = slice(k, k + 1)
            rest_low = self.rest_low[:, one]
            bounds = sizes[:, one].double(), self.rest_sizes[:, one].double()
            alone = bounds[1] == 0 if bool((bounds[1] == 0).any()) else None
            # The rest precedes the group, since it is split next; groups are kept in reverse order.
            split = Split(
                first[:, one], rest[:, one], above, torch.zeros_like(rest_low), rest_low, low, bounds, alone, swapped=True
            )
            self.splits.append(split)
            above, low = parents[0][:, one] if parents and k < parents[0].shape[1] else None, rest_low

    @staticmethod
    def noise_length(sizes: Tensor, total: Tensor) -> int:
        """Returns the number of noise values of one sample.

        Args:
            sizes: group sizes, shape ``(R, K)``.
            total: numbers of elements drawn, shape ``(R,)``.

        Returns:
            Length of the public layout of noise (L).
        """
        most = torch.minimum(sizes, total[:, None])[:, :-1]
        return most.shape[1] * (int(most.max().item()) + 1) if most.shape[1] else 0

    def noise(self, provided: Tensor | None, samples: int, generator: torch.Generator | None) -> list[Tensor]:
        """Returns Gumbel noise for each split.

        Args:
            provided: noise in the public layout, shape ``(S, T, L)``; sampled if ``None``.
            samples: number of samples of each urn (S).
            generator: source of the random numbers; torch's global generator if ``None``.

        Returns:
            Noise of each split, top first, shape ``(S, T, 1, X)``.
        """
        left = self.splits[0].left
        if provided is None:
            shape = samples, len(left), len(self.splits), self.noise_width
            return list(gumbel(shape, left.device, generator, left.dtype)[..., : self.width].split(1, -2))
        return list(provided.unflatten(-1, (-1, self.noise_width))[..., : self.width].to(left.dtype).split(1, -2))

    def backward(self, grads: Gradients) -> Tensor:
        """Computes the gradient with respect to the log weights.

        Args:
            grads: gradients with respect to the left, right and parent tables of each split, top first; shapes ``(T, P, X)``,
                ``(T, P, Y)`` and ``(T, P, U)``.

        Returns:
            Gradient, shape ``(T, K)``.
        """
        columns = [torch.cat(column, 1) for column in zip(*[grad[:2] for grad in grads], strict=True)]
        parents = [grad[2] for grad in grads if grad[2] is not None]
        columns += [torch.cat(parents, 1)] if parents else []
        gradients = torch.autograd.grad(
            self.tables[: len(columns)], self.leaf, [column.double() for column in columns], retain_graph=True
        )
        return gradients[0]

    def _tables(self, log_weights: Tensor) -> list[Tensor]:
        """Returns log-probabilities of every group but the last, of the rest after it, and of the rest before the next."""
        rows = self.rows
        logits = log_weights + solve_tilt(log_weights, rows.sizes.double(), rows.total.double())
        present = (rows.sizes > 0).expand(logits.shape)
        mass = torch.where(present, logits + rows.sizes.clamp(min=1).log(), -torch.inf)
        # A guard far below every group keeps the gradient finite where nothing remains.
        guarded = pad(mass, (0, 1), value=-1e4).flip(-1)
        rest = torch.logcumsumexp(guarded, -1).flip(-1)[:, 1:-1] - self.rest_sizes.clamp(min=1).log()
        rest = torch.where(self.rest_sizes > 0, rest, 0.0)

        def table(sizes: Tensor, low: Tensor, width: int, odds: Tensor) -> Tensor:
            counts = low[..., None] + torch.arange(width, device=low.device)
            return BinomialTerms(sizes[..., None].double(), counts.double()).log_pmf(odds[..., None])

        first = table(rows.sizes[:, :-1], torch.zeros_like(rows.sizes[:, :-1]), self.width, logits[:, :-1])
        others = table(self.rest_sizes, self.rest_low, self.rest_width, rest)
        urns, splits = first.shape[:2]
        if splits == 1:
            return [first, others]
        shift = (self.rest_low[:, :-1] - self.rest_low[:, 1:]).expand(urns, splits - 1).reshape(-1)
        parents = log_convolve(first[:, 1:].flatten(0, 1), others[:, 1:].flatten(0, 1), shift, self.rest_width)
        return [first, others, parents.view(urns, splits - 1, -1)]
