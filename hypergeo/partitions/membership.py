"""Membership of elements in a group: the exact choice of the largest keys, and its relaxation with exact sums."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["first_of", "soft_members"]

_STEPS = 100
_EPS = torch.finfo(torch.float64).eps
_LARGEST_EXPONENT = 700.0  # beyond this exp() leaves the range of float64


def first_of(keys: Tensor, left: Tensor, size: Tensor) -> Tensor:
    """Selects the remaining elements with the largest keys.

    Args:
        keys: key of each element, shape ``(R, N)``.
        left: mask of the remaining elements, bool, shape ``(R, N)``.
        size: number of elements to select, whole numbers, at most as many as remain, shape ``(R,)``.

    Returns:
        Mask, bool, shape ``(R, N)``; row ``r`` has ``size[r]`` ones.

    Example:
        >>> first_of(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[False, True, True]]), torch.tensor([1]))
        tensor([[False, False,  True]])
    """
    order = keys.masked_fill(~left, -torch.inf).argsort(-1, descending=True)
    chosen = torch.arange(keys.shape[-1], device=keys.device) < size[..., None]
    return torch.zeros_like(left).scatter_(-1, order, chosen)


def soft_members(keys: Tensor, left: Tensor, size: Tensor, temperature: Tensor) -> Tensor:
    """Computes relaxed memberships with an exact sum: ``y_i = r_i σ((z_i - t) / τ)`` with ``t`` such that ``Σ_i y_i = n``.

    Args:
        keys: ``z``, shape ``(R, N)``.
        left: ``r``, remaining fraction of each element, between 0 and 1, shape ``(R, N)``.
        size: ``n``, real, between 0 and ``Σ_i r_i``, shape ``(R,)``.
        temperature: ``τ``, positive, shape ``(R,)`` or ``(1,)``.

    Returns:
        Memberships ``y`` between 0 and ``r``, shape ``(R, N)``; differentiable once in all arguments.

    Example:
        >>> one = torch.ones(1, dtype=torch.float64)
        >>> soft_members(torch.tensor([[2.0, 0.0, 1.0]]).double(), torch.ones(1, 3).double(), one, one).sum().round(decimals=9)
        tensor(1., dtype=torch.float64)
    """
    members: Tensor = _SoftMembers.apply(keys, left, size, temperature)
    return members


class _SoftMembers(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, keys: Tensor, left: Tensor, size: Tensor, temperature: Tensor) -> Tensor:
        tau = temperature[..., None]
        scaled = keys / tau
        margin = scaled - _threshold(scaled, left, size)[..., None]
        chosen = torch.sigmoid(margin)
        members = left * torch.where((size <= 0)[..., None], 0.0, chosen)
        ctx.save_for_backward(margin, left, chosen, tau)
        return members

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        margin, left, chosen, tau = ctx.saved_tensors
        # The slopes r σ (1 - σ) may all underflow at low temperature. Their proportions are a softmax of their logarithms.
        log_slope = left.log() + 2 * torch.nn.functional.logsigmoid(margin) - margin
        proportions = _softmax(log_slope)
        mean = (proportions * grad).sum(-1, keepdim=True)
        pull = log_slope.exp() * (grad - mean)
        keys_gradient = pull / tau
        # margin = (z - t) / τ, and t changes so that the sum is constant. The temperature's derivative is the margin itself.
        temperature_gradient = -(keys_gradient * margin).sum(-1)
        return keys_gradient, chosen * (grad - mean), mean[..., 0], _like(temperature_gradient, tau[..., 0])


def _softmax(logits: Tensor) -> Tensor:
    """Returns the softmax of rows, zero for rows without a finite entry."""
    return torch.softmax(logits, -1).nan_to_num(0.0)


def _like(value: Tensor, shape: Tensor) -> Tensor:
    return value if value.shape == shape.shape else value.sum(0, keepdim=True)


def _threshold(scaled: Tensor, left: Tensor, size: Tensor) -> Tensor:
    """Returns the number ``s`` with ``Σ r σ(u - s) = n`` for each row, by Newton's method inside a bracket.

    The elements are divided where the running sum of ``r``, largest ``u`` first, is closest to ``n``. The sum of the
    memberships below must equal the missing memberships above, up to the rest of ``n``. The difference of the two logarithms is
    monotone in ``s`` and nearly linear even if both are tiny.
    """
    values, order = scaled.sort(-1, descending=True)
    weights = left.gather(-1, order)
    total = weights.sum(-1)
    none, all_elements = size <= 0, size >= total * (1 - 1e-15)
    above = weights.cumsum(-1) - 0.5 * weights <= size[..., None]
    rest = size - torch.where(above, weights, 0.0).sum(-1)
    excess, shortage = (-rest).clamp(min=0).log(), rest.clamp(min=0).log()
    logs = weights.log()
    upper, lower = logs.masked_fill(~above, -torch.inf), logs.masked_fill(above, -torch.inf)
    border = above.sum(-1, keepdim=True)
    last = values.shape[-1] - 1
    point = 0.5 * (values.gather(-1, (border - 1).clamp(min=0)) + values.gather(-1, border.clamp(max=last)))[..., 0]
    low, high = values[..., -1] - _LARGEST_EXPONENT, values[..., 0] + _LARGEST_EXPONENT
    done = none | all_elements
    for _ in range(_STEPS):
        margin = values - point[..., None]
        inside = torch.nn.functional.logsigmoid(margin)
        held, lacking = lower + inside, upper + (inside - margin)
        held_sum = torch.logaddexp(held.logsumexp(-1), excess)
        lacking_sum = torch.logaddexp(lacking.logsumexp(-1), shortage)
        gap = held_sum - lacking_sum
        chosen = inside.exp()
        parts = (held - held_sum[..., None]).exp() * (1 - chosen) + (lacking - lacking_sum[..., None]).exp() * chosen
        slope = parts.sum(-1).clamp(min=1e-3)  # between 1 and 2 in the relevant range
        low, high = torch.where(gap > 0, point, low), torch.where(gap < 0, point, high)
        moved = point + gap / slope
        slack = 4 * _EPS * point.abs()  # if rounding hides the sign of the gap, an end of the bracket may be the root
        moved = torch.where((moved >= low - slack) & (moved <= high + slack), moved, 0.5 * (low + high))
        near = done | ~(gap.abs() > 1e-8) | ((moved - point).abs() <= slack)
        point = torch.where(done | gap.isnan(), point, moved)  # the last step is used, because it squares the error
        done = near
        if bool(done.all()):
            break
    return torch.where(
        none, values[..., 0] + _LARGEST_EXPONENT, torch.where(all_elements, values[..., -1] - _LARGEST_EXPONENT, point)
    )
