"""The calibrated plan: membership probabilities of a softmax whose column sums are the sizes of the groups."""

from __future__ import annotations

import torch
from torch import Tensor

from .column_potentials import ColumnPotentials

__all__ = ["calibrated_log_plan", "log_rates", "reference_sizes"]

_SMOOTHING = 0.05
_MAX_STEPS = 500
_LARGEST_CORRECTION = 1e-6


def reference_sizes(mean: Tensor, num_elements: int) -> Tensor:
    """Computes smoothed expected sizes, so that no group is empty: ``(E[n] + ε) N / (N + K ε)`` with ε = 0.05.

    Args:
        mean: expected sizes, which sum to ``N``, shape ``batch_shape + (K,)``.
        num_elements: number of elements, ``N``.

    Returns:
        Sizes, shape ``batch_shape + (K,)``; each row sums to ``N``.

    Example:
        >>> reference_sizes(torch.tensor([0.0, 4.0], dtype=torch.float64), 4).sum()
        tensor(4., dtype=torch.float64)
    """
    return (mean + _SMOOTHING) * (num_elements / (num_elements + mean.shape[-1] * _SMOOTHING))


def calibrated_log_plan(logits: Tensor, sizes: Tensor) -> Tensor:
    """Computes the logarithm of the plan ``P_ik = softmax_k(ℓ_ik + λ_k)`` with ``Σ_i P_ik = n_k``.

    Newton's method computes the numbers ``λ`` without gradient. One differentiable Newton step makes the result differentiable
    once; its gradient is exactly the implicit gradient. Adding a constant to a row or a column of the logits does not change
    the result.

    Args:
        logits: ``ℓ``, finite, float64, shape ``batch_shape + (N, K)``.
        sizes: column sums ``n``, positive, float64, shape ``batch_shape + (K,)``; each row sums to ``N``.

    Returns:
        Logarithms of the plan, shape ``batch_shape + (N, K)``.

    Example:
        >>> logits = torch.tensor([[0.0, 0.0], [0.0, 3.0], [0.0, -1.0]], dtype=torch.float64)
        >>> calibrated_log_plan(logits, torch.tensor([1.0, 2.0], dtype=torch.float64)).exp().sum(0)
        tensor([1., 2.], dtype=torch.float64)
    """
    groups = logits.shape[-1]
    if groups == 1:
        return torch.zeros_like(logits) * logits
    with torch.no_grad():
        costs = -logits.reshape(-1, *logits.shape[-2:]).mT.contiguous()
        flat = sizes.reshape(-1, groups)
        dual = ColumnPotentials(costs, flat)
        dual.ascend(torch.zeros_like(flat), _MAX_STEPS)
        start = (dual.log_share + dual.columns).reshape(sizes.shape)
        plan = torch.log_softmax(logits + start[..., None, :], -1).exp()
        sums = plan.sum(-2)
        # The last potential is fixed. Without its row and column the curvature is positive definite.
        curvature = torch.diag_embed(sums) - plan.mT @ plan
        inverse = torch.zeros_like(curvature)
        inverse[..., :-1, :-1] = _inverse(curvature[..., :-1, :-1])
        correction = (inverse @ (sizes - sums)[..., None])[..., 0]
        # If all memberships are certain, the remaining errors of the sums are rounding and must not move the potentials.
        start = start + torch.where(correction.abs() < _LARGEST_CORRECTION, correction, 0.0)
    sums = torch.log_softmax(logits + start[..., None, :], -1).exp().sum(-2)
    moved = (sizes - sizes.detach()) - (sums - sums.detach())
    shift = start + (inverse @ moved[..., None])[..., 0]
    return torch.log_softmax(logits + shift[..., None, :], -1)


def _inverse(curvature: Tensor) -> Tensor:
    """Returns the inverse after scaling to unit diagonal, or a pseudo-inverse if memberships are nearly certain."""
    scale = curvature.diagonal(dim1=-2, dim2=-1).clamp(min=1e-100).rsqrt()
    scaled = scale[..., :, None] * curvature * scale[..., None, :]
    return scale[..., :, None] * torch.linalg.pinv(scaled, hermitian=True, rtol=1e-13) * scale[..., None, :]


def log_rates(log_plan: Tensor) -> Tensor:
    """Computes the logarithms of the rates at which the remaining elements enter each group except the last.

    ``w_ik = -log(1 - P_ik / Σ_{j≥k} P_ij) = softplus(log P_ik - log Σ_{j>k} P_ij)``.

    Args:
        log_plan: logarithms of the plan, shape ``batch_shape + (N, K)``.

    Returns:
        Shape ``batch_shape + (N, K - 1)``; finite where the logarithms of the plan are.

    Example:
        >>> log_rates(torch.log(torch.tensor([[0.5, 0.5]]))).exp()  # log 2
        tensor([[0.6931]])
    """
    later = log_plan.flip(-1).logcumsumexp(-1).flip(-1)[..., 1:]
    odds = log_plan[..., :-1] - later
    # Below -30 softplus(x) is exp(x) up to rounding, and above 30 it is x. Neither case may underflow or lose its gradient.
    middle = torch.nn.functional.softplus(odds.clamp(-30.0, 30.0)).log()
    return torch.where(odds < -30, odds, torch.where(odds > 30, odds.clamp(min=1.0).log(), middle))
