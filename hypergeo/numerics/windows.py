"""Slices of many rows, each from its own start."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["window", "windows"]


def window(table: Tensor, start: int | Tensor, width: int) -> Tensor:
    """Copies ``width`` entries of each row from ``start`` on; zero outside the table.

    Args:
        table: rows of numbers, shape ``(rows, X)``.
        start: first entry: one for all rows, or shape ``(rows,)``.
        width: number of entries.

    Returns:
        Shape ``(rows, width)``.
    """
    size = table.shape[-1]
    if isinstance(start, int):
        if start == 0 and width == size:
            return table
        inside = table[:, max(start, 0) : max(start + width, 0)]
        return torch.nn.functional.pad(inside, (max(-start, 0), width - inside.shape[-1] - max(-start, 0)))
    low, high = int(min(start.min().item(), 0)), int(max(start.max().item() + width - size, 0))
    padded = torch.nn.functional.pad(table, (-low, high))
    return windows(padded, (start - low)[:, None], width)[:, 0]


def windows(table: Tensor, starts: Tensor, width: int) -> Tensor:
    """Copies several slices of each row.

    Args:
        table: rows of numbers, shape ``(rows, X)``.
        starts: first entry of each slice, shape ``(n,)`` or ``(rows, n)``.
        width: number of entries of a slice.

    Returns:
        Shape ``(rows, n, width)``.

    Example:
        >>> windows(torch.arange(5)[None], torch.tensor([0, 2]), 3)
        tensor([[[0, 1, 2],
                 [2, 3, 4]]])
    """
    rows, size = table.shape
    base = torch.arange(0, rows * size, size, device=table.device)[:, None] + starts
    return table.reshape(-1).unfold(0, width, 1).index_select(0, base.flatten()).view(rows, -1, width)
