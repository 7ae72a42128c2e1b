"""Exact sampling down the tree: each total is split between two children by inverting its conditional distribution."""

from __future__ import annotations

import torch
from torch import Tensor

from .log_convolution import log_terms
from .partition import Level, Tree
from .urn_rows import Rows
from .windows import windows

__all__ = ["interleave", "sample_counts"]

_DROP = 80.0  # tables omit at most e^-80 of the mass
_TABLE_ENTRIES = 1 << 24  # largest number of elements of a table of all conditionals
_TEMPORARY_ENTRIES = 1 << 21  # largest number of elements of a temporary tensor


def sample_counts(rows: Rows, num_samples: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Samples independently from Fisher's distribution.

    Args:
        rows: ``T`` urns.
        num_samples: number of samples of each urn.
        generator: random generator; torch's global one when omitted.

    Returns:
        int64 counts of shape ``(num_samples, T, K)``.
    """
    tree = Tree(rows, _DROP, root=False)
    urns = rows.log_weights.shape[0]
    totals = rows.total.expand(urns)[None, :, None].expand(num_samples, urns, 1)
    above = Level(totals.new_zeros((urns, 1, 1)), rows.total[:, None])
    for level in reversed(tree.levels):
        left, right = level.pairs
        pairs = left.table.shape[1]
        if pairs:
            drawn = totals[..., :pairs]
            entries = urns * pairs * above.width * left.width
            whole = entries <= _TABLE_ENTRIES and above.width <= 2 * num_samples
            invert = _invert_table if whole else _invert_rows
            first = invert(left, right, above, drawn, generator)
            totals = interleave(first, drawn - first, totals[..., pairs:])
        above = level
    return totals


def interleave(left: Tensor, right: Tensor, waiting: Tensor) -> Tensor:
    """Joins the totals of a level from those of its left nodes, its right nodes and the odd node, along the last axis.

    Args:
        left: totals of the left nodes, shape ``(…, P)``.
        right: totals of the right nodes, shape ``(…, P)``.
        waiting: total of the odd node, shape ``(…, 1)`` or ``(…, 0)``.

    Returns:
        Totals in the order of the nodes, shape ``(…, 2 P)`` or ``(…, 2 P + 1)``.

    Example:
        >>> interleave(torch.tensor([1, 2]), torch.tensor([3, 4]), torch.tensor([9]))
        tensor([1, 3, 2, 4, 9])
    """
    paired = torch.stack([left, right], -1).flatten(-2)
    return torch.cat([paired, waiting], -1) if waiting.shape[-1] else paired


def uniform(shape: torch.Size, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Samples uniform random numbers in [0, 1) with the dtype and device of another tensor.

    Args:
        shape: shape of the result.
        like: tensor of any shape.
        generator: random generator; torch's global one if ``None``.

    Returns:
        Random numbers of the requested shape.
    """
    return torch.rand(shape, dtype=like.dtype, device=like.device, generator=generator)


def _invert_table(left: Level, right: Level, above: Level, drawn: Tensor, generator: torch.Generator | None) -> Tensor:
    """Returns samples of the left totals from cumulative tables of all conditionals, by one binary search each."""
    urns, pairs = left.table.shape[:2]
    nodes = urns * pairs
    low = above.low[:, :pairs].expand(urns, pairs)
    shift = (low - left.low - right.low).reshape(-1)
    terms = log_terms(left.table.reshape(nodes, -1), right.table.reshape(nodes, -1), shift, 0, above.width)
    top = terms.amax(-1, keepdim=True)
    cumulative = (terms - torch.where(top == -torch.inf, 0.0, top)).exp_().cumsum(-1)
    whole = cumulative[..., -1:]
    fraction = torch.where(whole > 0, cumulative / whole, 1.0)
    # Row u of a node covers the numbers from u to u + 1, so one search gives row and entry.
    flat = (fraction + torch.arange(above.width, device=low.device)[:, None]).view(nodes, -1)
    row = (drawn - low).permute(1, 2, 0).reshape(nodes, -1)
    base = row.to(flat.dtype)
    goal = torch.minimum(base + uniform(base.shape, base, generator), torch.nextafter(base + 1, base)).contiguous()
    index = torch.searchsorted(flat, goal, right=True) - row * left.width
    return index.view(urns, pairs, -1).permute(2, 0, 1) + left.low


def _invert_rows(left: Level, right: Level, above: Level, drawn: Tensor, generator: torch.Generator | None) -> Tensor:
    """Returns samples of the left totals from only the conditionals that occur, in chunks of samples."""
    urns, pairs = left.table.shape[:2]
    nodes = urns * pairs
    margin = left.width
    padded = torch.nn.functional.pad(right.table.flip(-1).reshape(nodes, -1), (margin, margin), value=-torch.inf)
    last = right.width - 1 + margin
    starts = (last - (drawn - left.low - right.low)).clamp(0, right.width + margin).permute(1, 2, 0).reshape(nodes, -1)
    step = max(1, _TEMPORARY_ENTRIES // (nodes * left.width))
    indices = []
    for chunk in starts.split(step, -1):
        terms = left.table.reshape(nodes, 1, -1) + windows(padded, chunk, left.width)
        cumulative = (terms - terms.amax(-1, keepdim=True)).exp_().cumsum_(-1)
        whole = cumulative[..., -1:]
        goal = torch.minimum(uniform(whole.shape, whole, generator) * whole, torch.nextafter(whole, torch.zeros_like(whole)))
        indices.append((cumulative <= goal).sum(-1))
    return torch.cat(indices, -1).view(urns, pairs, -1).permute(2, 0, 1) + left.low
