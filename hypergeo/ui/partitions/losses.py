"""Losses of a partition for the page on partitions, with the Python that snippets show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["LOSSES", "Loss", "home_of"]


@dataclass(frozen=True)
class Loss:
    """A loss of one-hot or relaxed matrices.

    Attributes:
        meaning: what it measures.
        source: the same as a Python expression of ``y``, shape ``(..., N, K)``, and ``home``.
        compute: maps ``y`` and ``home`` to ``(...)``.
    """

    meaning: str
    source: str
    compute: Callable[[Tensor, Tensor], Tensor]


def home_of(num_elements: int, groups: int) -> Tensor:
    """Returns the home group of each element as one-hot rows, shape ``(N, K)``: consecutive elements share one.

    Example:
        >>> home_of(4, 2).argmax(-1).tolist()
        [0, 0, 1, 1]
    """
    labels = torch.arange(num_elements) * groups // num_elements
    return torch.nn.functional.one_hot(labels, groups).double()


LOSSES = {
    "misplaced": Loss(
        "elements outside their block's group",
        "num_elements - (y * home).sum((-1, -2))",
        lambda y, home: len(home) - (y * home).sum((-1, -2)),
    ),
    "misplaced²": Loss(
        "the square of that",
        "(num_elements - (y * home).sum((-1, -2))).square()",
        lambda y, home: (len(home) - (y * home).sum((-1, -2))).square(),
    ),
    "uneven sizes": Loss(
        "squared distance of the sizes from equal ones",
        "(y.sum(-2) - num_elements / groups).square().sum(-1)",
        lambda y, home: (y.sum(-2) - len(home) / home.shape[1]).square().sum(-1),
    ),
    "separated": Loss(
        "one unless elements 1 and 2 share a group",
        "1 - (y[..., 0, :] * y[..., 1, :]).sum(-1)",
        lambda y, home: 1 - (y[..., 0, :] * y[..., 1, :]).sum(-1),
    ),
}
"""Losses by name."""
