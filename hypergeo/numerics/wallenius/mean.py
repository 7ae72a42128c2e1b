"""The mean of Wallenius' distribution with its derivatives in the log weights, for autograd and ``torch.func``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hypergeo.numerics.cumulants import UrnTensors
from hypergeo.numerics.native import aligned, opaque, plain

from .moments import wallenius_mean_and_variance
from .small_urn import wallenius_tables

__all__ = ["mean", "second_moments"]


@opaque
def mean(log_weights: Tensor, group_sizes: Tensor, total_count: Tensor) -> Tensor:
    """Computes expected counts, differentiable once for urns of up to 20,000 elements.

    Args:
        log_weights: log weights, floating-point, shape ``batch + (K,)``; ``-inf`` for a weight of zero.
        group_sizes: group sizes, int64, shape ``batch + (K,)``.
        total_count: numbers of elements drawn, int64, shape ``batch``.

    Returns:
        float64, shape ``batch + (K,)``.

    Example:
        >>> log_weights = torch.tensor([1.0, 2.0, 3.0]).double().log()
        >>> mean(log_weights, torch.tensor([2, 2, 2]), torch.tensor(3))
        tensor([0.5918, 1.0499, 1.3582], dtype=torch.float64)
    """
    return _Mean.apply(log_weights, group_sizes, total_count[..., None])


@opaque
def second_moments(log_weights: Tensor, group_sizes: Tensor, total_count: Tensor) -> tuple[Tensor, Tensor]:
    """Computes covariances of the counts, and derivatives of the mean of group ``i`` in the log weight of group ``j``.

    A ``ValueError`` is raised for urns of more than 20,000 elements.

    Args:
        log_weights: log weights, floating-point, shape ``batch + (K,)``; ``-inf`` for a weight of zero.
        group_sizes: group sizes, int64, shape ``batch + (K,)``.
        total_count: numbers of elements drawn, int64, shape ``batch``.

    Returns:
        Two float64 tensors without gradient, each of shape ``batch + (K, K)``.
    """
    return _second_moments(*map(plain, (log_weights, group_sizes, total_count[..., None])))


@torch.no_grad()
def _second_moments(log_weights: Tensor, sizes: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    urn = UrnTensors(log_weights, sizes, drawn)
    rows = urn.rows()
    logs, row_sizes = rows.log_weights, rows.sizes.expand_as(rows.log_weights)
    urn_tables = []
    for total, m, log_w in zip(rows.total.expand(len(logs)).tolist(), row_sizes.tolist(), logs, strict=True):
        present = log_w[torch.tensor(m, device=log_w.device) > 0]
        scaled = (log_w - (present.max() if len(present) else 0.0)).clamp(min=-700.0).exp()
        urn_tables.append(wallenius_tables(total, m, scaled.tolist()))
    stacked = (
        torch.stack(part).to(logs.device) for part in ([a.covariance for a in urn_tables], [a.sensitivity for a in urn_tables])
    )
    covariance, sensitivity = (rows.restore(part, urn.batch_shape) for part in stacked)
    return covariance, sensitivity


class _Mean(torch.autograd.Function):
    @staticmethod
    @torch.inference_mode(False)
    def forward(log_weights: Tensor, sizes: Tensor, drawn: Tensor) -> Tensor:
        urn = UrnTensors(*map(plain, (log_weights, sizes, drawn)))
        rows = urn.rows()
        logs = rows.log_weights.detach()
        result, _ = wallenius_mean_and_variance(logs, rows.sizes.expand(logs.shape), rows.total.expand(len(logs)))
        return rows.restore(result, urn.batch_shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        sensitivity = _Sensitivity.apply(*ctx.saved_tensors)
        return (sensitivity.mT @ grad[..., None])[..., 0].to(ctx.saved_tensors[0].dtype), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        return (_Sensitivity.apply(*ctx.saved_tensors) @ tangent.double()[..., None])[..., 0]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Tensor) -> tuple[Tensor, int]:
        return _Mean.apply(*aligned(info, in_dims, arguments)), 0


class _Sensitivity(torch.autograd.Function):
    @staticmethod
    @torch.inference_mode(False)
    def forward(log_weights: Tensor, sizes: Tensor, drawn: Tensor) -> Tensor:
        return _second_moments(*map(plain, (log_weights, sizes, drawn)))[1].clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        raise NotImplementedError("The mean of Wallenius' distribution is differentiable once.")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Tensor) -> tuple[Tensor, int]:
        return _Sensitivity.apply(*aligned(info, in_dims, arguments)), 0
