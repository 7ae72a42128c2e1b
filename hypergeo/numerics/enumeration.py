"""Enumeration and number of the count vectors of an urn."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["count_support", "enumerate_counts"]

_LISTED = 50_000_000  # largest number of elements of the enumerated tensor


def count_support(total_count: int, group_sizes: Tensor) -> int:
    """Counts the vectors that add up to ``total_count`` within ``group_sizes``.

    Args:
        total_count: number of elements drawn.
        group_sizes: whole numbers, shape ``(K,)``.

    Returns:
        Number of count vectors.

    Example:
        >>> count_support(3, torch.tensor([2, 2, 2]))
        7
    """
    ways = [1] + [0] * total_count
    for size in group_sizes.tolist():
        running, below = 0, list(ways)
        for r in range(total_count + 1):
            running += below[r] - (below[r - size - 1] if r > size else 0)
            ways[r] = running
    return ways[total_count]


def enumerate_counts(total_count: int, group_sizes: Tensor) -> Tensor:
    """Enumerates all count vectors in lexicographic order.

    Args:
        total_count: number of elements drawn.
        group_sizes: whole numbers, shape ``(K,)``.

    Returns:
        int64, shape ``(N, K)``.

    Raises:
        ValueError: if there are too many vectors.

    Example:
        >>> enumerate_counts(2, torch.tensor([1, 2]))
        tensor([[0, 2],
                [1, 1]])
    """
    groups = group_sizes.shape[0]
    number = count_support(total_count, group_sizes)
    if number * groups > _LISTED:
        raise ValueError(
            f"total_count = {total_count} and group_sizes = {group_sizes.tolist()} allow {number:,} count vectors; "
            f"at most {_LISTED // groups:,} can be listed."
        )
    beyond = torch.cat([group_sizes.flip(0).cumsum(0).flip(0)[1:], group_sizes.new_zeros(1)])
    counts = group_sizes.new_zeros((1, 0))
    rest = group_sizes.new_tensor([total_count])
    for size, after in zip(group_sizes, beyond, strict=True):
        low = (rest - after).clamp(min=0)
        choices = (torch.minimum(rest, size) - low + 1).clamp(min=0)
        begins = choices.cumsum(0) - choices
        row = torch.repeat_interleave(choices)
        chosen = torch.arange(len(row), device=row.device) - begins[row] + low[row]
        counts = torch.cat([counts[row], chosen[:, None]], 1)
        rest = rest[row] - chosen
    return counts
