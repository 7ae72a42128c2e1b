"""Entropic optimal transport of points to clusters of fixed sizes, and its gradients by the envelope theorem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hypergeo.partitions.column_potentials import ColumnPotentials

__all__ = ["TransportPlan", "assign", "assignment_loss"]

_MAX_STEPS = 500


@dataclass(frozen=True)
class TransportPlan:
    """Holds the soft assignment of points to clusters of fixed sizes.

    Attributes:
        plan: ``P``, nonnegative, each row sums to one and column ``k`` to ``n_k``; shape ``batch_shape + (N, K)``.
        loss: ``J(n)``, in nats, shape ``batch_shape``.
        row_potentials: ``f``, shape ``batch_shape + (N,)``.
        column_potentials: ``g``, the derivative of ``J`` with respect to each size; shape ``batch_shape + (K,)``. Only their
            differences are meaningful; their mean, weighted by the sizes, is zero.
        residual: largest relative error of a column's sum, shape ``batch_shape``.
        steps: number of Newton steps.
    """

    plan: Tensor
    loss: Tensor
    row_potentials: Tensor
    column_potentials: Tensor
    residual: Tensor
    steps: int

    def log_plan(self, cost: Tensor) -> Tensor:
        """Computes the logarithms of the plan, also for entries that underflow.

        Args:
            cost: cost ``C`` of this plan, shape ``batch_shape + (N, K)``.

        Returns:
            Finite logarithms, shape ``batch_shape + (N, K)``.
        """
        sizes = self.plan.sum(-2, keepdim=True).clamp(min=torch.finfo(self.plan.dtype).tiny)
        return (sizes / cost.shape[-2]).log() + self.row_potentials[..., None] + self.column_potentials[..., None, :] - cost


@torch.no_grad()
def assign(cost: Tensor, sizes: Tensor, start: Tensor | None = None, *, max_steps: int = _MAX_STEPS) -> TransportPlan:
    r"""Computes the best soft assignment of points to clusters of fixed sizes.

    .. math:: J(n) = \min_P \sum_{ik} P_{ik} C_{ik} + P_{ik} \log \frac{P_{ik}}{n_k / N},
        \qquad \sum_k P_{ik} = 1,\; \sum_i P_{ik} = n_k

    The optimum is ``P_ik = (n_k / N) exp(f_i + g_k - C_ik)``. The rows' constraint determines ``f`` from ``g``, which leaves a
    concave problem in the ``K`` numbers ``g``. Newton's method with a trust region solves it, with occasional steps of
    Sinkhorn's algorithm, all in logarithms and float64: costs may be large and clusters empty. An empty cluster gets no point,
    and its potential is the limit as its size falls to zero.

    A ``ValueError`` is raised if shapes do not fit or sizes do not sum to the number of points.

    Args:
        cost: ``C``, finite, shape ``batch_shape + (N, K)``; the negative log-density of each point in each cluster.
        sizes: ``n``, nonnegative, not necessarily whole, each row sums to ``N``; shape ``batch_shape + (K,)``.
        start: column potentials to start from, those of a similar problem, shape ``batch_shape + (K,)``; zeros when omitted.
        max_steps: largest number of Newton steps.

    Returns:
        Plan, loss and potentials.

    Example:
        >>> cost = torch.tensor([[0.0, 2.0], [0.0, 2.0], [2.0, 0.0], [2.0, 0.0]])
        >>> result = assign(cost, torch.tensor([3.0, 1.0]))
        >>> result.plan.sum(0)
        tensor([3., 1.])
        >>> bool(result.column_potentials[0] > result.column_potentials[1])  # a smaller first cluster would cost less
        True

    References:
        M. Cuturi, "Sinkhorn distances: lightspeed computation of optimal transport", NeurIPS 2013, algorithm 1.
        C. Brauer, C. Clason, D. Lorenz, B. Wirth, "A Sinkhorn-Newton method for entropic optimal transport", 2017, section 3.
    """
    _check(cost, sizes, start)
    batch, (points, groups) = cost.shape[:-2], cost.shape[-2:]
    normed = sizes.reshape(-1, groups).double()
    dual = ColumnPotentials(
        cost.reshape(-1, points, groups).double().mT.contiguous(), normed * (points / normed.sum(-1, keepdim=True))
    )
    steps = dual.ascend(torch.zeros_like(normed) if start is None else start.reshape(-1, groups).double(), max_steps)
    rows, columns = dual.gauged()

    def shaped(value: Tensor) -> Tensor:
        return value.reshape(batch + value.shape[1:]).to(cost.dtype)

    return TransportPlan(shaped(dual.plan.mT), shaped(dual.value), shaped(rows), shaped(columns), shaped(dual.error()), steps)


class _AssignmentLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cost: Tensor, sizes: Tensor, start: Tensor | None, out: list[TransportPlan]) -> Tensor:
        result = assign(cost, sizes, start)
        out.append(result)
        ctx.save_for_backward(result.plan, result.column_potentials)
        return result.loss.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        plan, columns = ctx.saved_tensors
        return grad[..., None, None] * plan, grad[..., None] * columns, None, None


def assignment_loss(cost: Tensor, sizes: Tensor, start: Tensor | None = None) -> tuple[Tensor, TransportPlan]:
    """Computes the loss ``J(n)`` of :func:`assign`, differentiable once with respect to costs and sizes.

    The gradient is not propagated through the iterations: by the envelope theorem ``dJ/dC = P`` and ``dJ/dn = g``, up to a
    constant that does not matter for sizes with a fixed sum. A ``ValueError`` is raised as by :func:`assign`.

    Args:
        cost: cost of each point in each cluster, shape ``batch_shape + (N, K)``.
        sizes: group sizes, shape ``batch_shape + (K,)``.
        start: column potentials to start from, shape ``batch_shape + (K,)``; zeros when omitted.

    Returns:
        The loss, shape ``batch_shape``, and the plan with its potentials, without gradient.

    Example:
        >>> cost = torch.tensor([[0.0, 2.0], [2.0, 0.0]], requires_grad=True)
        >>> loss, result = assignment_loss(cost, torch.tensor([1.0, 1.0]))
        >>> loss.backward()
        >>> bool((cost.grad == result.plan).all())
        True
    """
    out: list[TransportPlan] = []
    loss = _AssignmentLoss.apply(cost, sizes, start, out)
    return loss, out[0]


def _check(cost: Tensor, sizes: Tensor, start: Tensor | None) -> None:
    if not (isinstance(cost, Tensor) and isinstance(sizes, Tensor)) or cost.dtype not in (torch.float32, torch.float64):
        raise ValueError("cost and sizes must be tensors of dtype float32 or float64.")
    if cost.dim() < 2 or sizes.shape != cost.shape[:-2] + cost.shape[-1:] or not cost.shape[-1] or not cost.shape[-2]:
        raise ValueError(
            f"cost must have shape (..., N, K) and sizes (..., K) with the same leading axes; "
            f"got {tuple(cost.shape)} and {tuple(sizes.shape)}."
        )
    if start is not None and start.shape != sizes.shape:
        raise ValueError(f"start must have the shape of sizes, {tuple(sizes.shape)}; got {tuple(start.shape)}.")
    if not bool(torch.isfinite(cost).all()):
        raise ValueError("cost must be finite; it has infinite or NaN entries.")
    total = sizes.sum(-1)
    bad = ~((sizes >= 0).all(-1) & ((total - cost.shape[-2]).abs() <= 1e-4 * cost.shape[-2]))
    if bool(bad.any()):
        first = sizes[bad][0] if sizes.dim() > 1 else sizes
        raise ValueError(f"sizes must be nonnegative and sum to the number of points, {cost.shape[-2]}; got {first.tolist()}.")
