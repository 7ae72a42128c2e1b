"""The support of group counts: whole numbers (or reals) between 0 and the group sizes that add up to the number drawn."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import constraints

__all__ = ["group_counts", "relaxed_group_counts"]


class _GroupCounts(constraints.Constraint):
    """Count vectors that an urn can yield.

    Args:
        total_count: number of elements drawn, shape ``batch_shape``.
        group_sizes: number of elements in each group, shape ``batch_shape + (K,)``.

    Example:
        >>> import torch
        >>> urn = group_counts(torch.tensor(3), torch.tensor([2, 2]))
        >>> urn.check(torch.tensor([[1, 2], [3, 0], [1, 1]]))
        tensor([ True, False, False])
    """

    is_discrete = True
    event_dim = 1

    def __init__(self, total_count: Tensor, group_sizes: Tensor):
        self.total_count = total_count
        self.group_sizes = group_sizes
        super().__init__()

    def check(self, value: Tensor) -> Tensor:
        """Returns whether each count vector, shape ``(..., K)``, lies in the support; shape ``(...)``."""
        whole = (value % 1 == 0).all(-1)
        inside = ((value >= 0) & (value <= self.group_sizes)).all(-1)
        return whole & inside & (value.double().sum(-1) == self.total_count)

    def __repr__(self) -> str:
        name = type(self).__name__.lstrip("_")
        return f"{name}(total_count={self.total_count.tolist()}, group_sizes={self.group_sizes.tolist()})"


class _RelaxedGroupCounts(_GroupCounts):
    """Real-valued count vectors within the bounds of the urn whose sum equals the number drawn, up to rounding.

    Args:
        total_count: number of elements drawn, shape ``batch_shape``.
        group_sizes: number of elements in each group, shape ``batch_shape + (K,)``.

    Example:
        >>> import torch
        >>> urn = relaxed_group_counts(torch.tensor(3), torch.tensor([2, 2]))
        >>> urn.check(torch.tensor([[1.25, 1.75], [2.5, 0.5]]))
        tensor([ True, False])
    """

    is_discrete = False

    def check(self, value: Tensor) -> Tensor:
        """Returns whether each relaxed count vector, shape ``(..., K)``, lies in the support; shape ``(...)``."""
        inside = ((value >= 0) & (value <= self.group_sizes)).all(-1)
        precision = torch.finfo(value.dtype if value.is_floating_point() else torch.float64).eps
        slack = 8 * precision * (1 + self.total_count) * value.shape[-1] ** 0.5
        return inside & ((value.double().sum(-1) - self.total_count).abs() <= slack)


group_counts = _GroupCounts
relaxed_group_counts = _RelaxedGroupCounts
