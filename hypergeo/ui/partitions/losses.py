"""Losses on the page on partitions, with the Python that the page shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["LOSSES", "Loss", "home_of"]


@dataclass(frozen=True)
class Loss:
    """A loss of one-hot or relaxed assignment matrices.

    Attributes:
        meaning: what the loss measures.
        source: Python expression of ``y``, shape ``(..., N, K)``, and ``home``, shape ``(N, K)``.
        compute: function from ``y`` and ``home`` to losses of shape ``(...)``.
    """

    meaning: str
    source: str
    compute: Callable[[Tensor, Tensor], Tensor]


def home_of(num_elements: int, groups: int) -> Tensor:
    """Returns the home group of each element; consecutive elements share one.

    Args:
        num_elements: number of elements.
        groups: number of groups.

    Returns:
        One-hot rows, shape ``(N, K)``.

    Example:
        >>> home_of(4, 2).argmax(-1).tolist()
        [0, 0, 1, 1]
    """
    labels = torch.arange(num_elements) * groups // num_elements
    return torch.nn.functional.one_hot(labels, groups).double()


LOSSES = {
    "misplaced": Loss(
        "number of elements outside their block's group",
        "num_elements - (y * home).sum((-1, -2))",
        lambda y, home: len(home) - (y * home).sum((-1, -2)),
    ),
    "misplaced²": Loss(
        "squared number of elements outside their block's group",
        "(num_elements - (y * home).sum((-1, -2))).square()",
        lambda y, home: (len(home) - (y * home).sum((-1, -2))).square(),
    ),
    "uneven sizes": Loss(
        "squared distance of the sizes from equal ones",
        "(y.sum(-2) - num_elements / groups).square().sum(-1)",
        lambda y, home: (y.sum(-2) - len(home) / home.shape[1]).square().sum(-1),
    ),
    "separated": Loss(
        "1 if elements 1 and 2 are in different groups, else 0",
        "1 - (y[..., 0, :] * y[..., 1, :]).sum(-1)",
        lambda y, home: 1 - (y[..., 0, :] * y[..., 1, :]).sum(-1),
    ),
}
"""Losses by name."""
