"""The support of partitions: each element belongs to one group, and no group exceeds its capacity."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import constraints

__all__ = ["partitions"]


class _Partitions(constraints.Constraint):
    """Constraint of one-hot rows whose column sums are within bounds.

    Args:
        lowest: smallest size of each group, shape ``batch_shape + (K,)``.
        highest: largest size of each group, shape ``batch_shape + (K,)``.
        discrete: whether entries must be 0 or 1; otherwise rows are nonnegative and sum to one, up to rounding.

    Example:
        >>> two = partitions(torch.tensor([1, 1]), torch.tensor([1, 1]))
        >>> two.check(torch.tensor([[[1, 0], [0, 1]], [[1, 0], [1, 0]]]))
        tensor([ True, False])
    """

    event_dim = 2

    def __init__(self, lowest: Tensor, highest: Tensor, *, discrete: bool = True):
        self.lowest, self.highest = lowest, highest
        self.is_discrete = discrete
        super().__init__()

    def check(self, value: Tensor) -> Tensor:
        """Checks whether each matrix is in the support.

        Args:
            value: matrices, shape ``(..., N, K)``.

        Returns:
            bool, shape ``(...)``.
        """
        rows, columns = value.sum(-1), value.sum(-2)
        if self.is_discrete:
            good = ((value == 0) | (value == 1)).all(-1).all(-1) & (rows == 1).all(-1)
            return good & ((columns >= self.lowest) & (columns <= self.highest)).all(-1)
        slack = 64 * torch.finfo(value.dtype if value.is_floating_point() else torch.float64).eps * value.shape[-1]
        good = ((value >= 0) & (value <= 1 + slack)).all(-1).all(-1) & ((rows - 1).abs() <= slack).all(-1)
        reach = max(slack * value.shape[-2], 1e-9)
        return good & ((columns >= self.lowest.double() - reach) & (columns <= self.highest.double() + reach)).all(-1)

    def __repr__(self) -> str:
        return f"Partitions(lowest={self.lowest.tolist()}, highest={self.highest.tolist()})"


partitions = _Partitions
