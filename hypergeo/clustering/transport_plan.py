"""Entropic optimal transport of points to clusters of given sizes, and its gradients by the envelope theorem."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["TransportPlan", "assign", "assignment_loss"]

_TOLERANCE = 1e-10
_RIDGE = 1e-14
_EPS = torch.finfo(torch.float64).eps
_MAX_STEPS = 500
_SINKHORN_EVERY = 8


@dataclass(frozen=True)
class TransportPlan:
    """How much of each point belongs to each cluster, when the clusters' sizes are given.

    Attributes:
        plan: ``P``, nonnegative, each row sums to one and column ``k`` to ``n_k``; shape ``batch_shape + (N, K)``.
        loss: ``J(n)``, in nats, shape ``batch_shape``.
        row_potentials: ``f``, shape ``batch_shape + (N,)``.
        column_potentials: ``g``, by which ``J`` grows with each size; shape ``batch_shape + (K,)``. Only their differences
            mean something; their mean, weighted by the sizes, is zero.
        residual: largest relative error of a column's sum, shape ``batch_shape``.
        steps: Newton steps taken.
    """

    plan: Tensor
    loss: Tensor
    row_potentials: Tensor
    column_potentials: Tensor
    residual: Tensor
    steps: int

    def log_plan(self, cost: Tensor) -> Tensor:
        """Logarithms of the plan, also where its entries are too small to be written.

        Args:
            cost: ``C``, of which this is the plan, shape ``batch_shape + (N, K)``.

        Returns:
            Finite, shape ``batch_shape + (N, K)``.
        """
        sizes = self.plan.sum(-2, keepdim=True).clamp(min=torch.finfo(self.plan.dtype).tiny)
        return (sizes / cost.shape[-2]).log() + self.row_potentials[..., None] + self.column_potentials[..., None, :] - cost


@torch.no_grad()
def assign(cost: Tensor, sizes: Tensor, start: Tensor | None = None, *, max_steps: int = _MAX_STEPS) -> TransportPlan:
    r"""The best soft assignment of points to clusters of given sizes.

    .. math:: J(n) = \min_P \sum_{ik} P_{ik} C_{ik} + P_{ik} \log \frac{P_{ik}}{n_k / N},
        \qquad \sum_k P_{ik} = 1,\; \sum_i P_{ik} = n_k

    The optimum is ``P_ik = (n_k / N) exp(f_i + g_k - C_ik)``. The rows' constraint gives ``f`` from ``g``, which leaves a
    concave problem in the ``K`` numbers ``g``. Newton's method climbs it within a trust region, with a step of Sinkhorn's
    algorithm first and now and then, all in logarithms and float64: costs may be large and clusters empty. An empty one gets
    no point, and its potential is the limit as its size falls to zero.

    Args:
        cost: ``C``, finite, shape ``batch_shape + (N, K)``; the negative log-density of each point in each cluster.
        sizes: ``n``, nonnegative, not necessarily whole, each row sums to ``N``; shape ``batch_shape + (K,)``.
        start: column potentials to start from, those of a similar problem; zeros when omitted.
        max_steps: at most so many Newton steps.

    Raises:
        ValueError: where shapes do not fit or sizes do not sum to the number of points.

    Example:
        >>> cost = torch.tensor([[0.0, 2.0], [0.0, 2.0], [2.0, 0.0], [2.0, 0.0]])
        >>> found = assign(cost, torch.tensor([3.0, 1.0]))
        >>> found.plan.sum(0)
        tensor([3., 1.])
        >>> bool(found.column_potentials[0] > found.column_potentials[1])  # a smaller first cluster would cost less
        True

    References:
        M. Cuturi, "Sinkhorn distances: lightspeed computation of optimal transport", NeurIPS 2013, algorithm 1.
        C. Brauer, C. Clason, D. Lorenz, B. Wirth, "A Sinkhorn-Newton method for entropic optimal transport", 2017, section 3.
    """
    _check(cost, sizes, start)
    batch, (points, groups) = cost.shape[:-2], cost.shape[-2:]
    normed = sizes.reshape(-1, groups).double()
    dual = _Dual(cost.reshape(-1, points, groups).double().mT.contiguous(), normed * (points / normed.sum(-1, keepdim=True)))
    steps = dual.ascend(torch.zeros_like(normed) if start is None else start.reshape(-1, groups).double(), max_steps)
    rows, columns = dual.gauged()

    def shaped(value: Tensor) -> Tensor:
        return value.reshape(batch + value.shape[1:]).to(cost.dtype)

    return TransportPlan(shaped(dual.plan.mT), shaped(dual.value), shaped(rows), shaped(columns), shaped(dual.error()), steps)


class _Dual:
    """The concave dual problem in the column potentials, one for each row of a batch.

    Args:
        cost: shape ``(R, K, N)``.
        sizes: shape ``(R, K)``.
    """

    def __init__(self, cost: Tensor, sizes: Tensor):
        self.cost, self.sizes = cost, sizes
        self.points = cost.shape[-1]
        self.present = sizes > 0
        self.log_share = (sizes / self.points).log()
        self.scale = torch.where(self.present, sizes, 1.0).rsqrt() * self.present
        self.ridge = torch.where(self.present, _RIDGE, 1.0)
        self.columns = self.plan = self.rows = self.value = cost  # until at() has been called

    def at(self, columns: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The potentials, and the plan, row potentials and value of the dual that go with them."""
        logits = (self.log_share + columns)[..., None] - self.cost
        top = logits.amax(1, keepdim=True)
        plan = (logits - top).exp_()
        norm = plan.sum(1, keepdim=True)
        rows = -(top + norm.log())[:, 0]
        return columns, plan.div_(norm), rows, rows.sum(-1) + (self.sizes * columns).sum(-1)

    def error(self) -> Tensor:
        """Largest relative error of the columns' sums, shape ``(R,)``."""
        return torch.where(self.present, (self.plan.sum(-1) / self.sizes - 1).abs(), 0.0).amax(-1)

    def limits(self) -> Tensor:
        """Column potentials that would mend each column on its own: the step of Sinkhorn's algorithm, shape ``(R, K)``."""
        return math.log(self.points) - (self.rows[:, None] - self.cost).logsumexp(-1)

    def ascend(self, columns: Tensor, max_steps: int) -> int:
        """Climbs to the maximum from some column potentials; the number of steps that took."""
        self.columns, self.plan, self.rows, self.value = self.at(columns)
        self._sinkhorn(torch.ones_like(self.present[:, 0]))
        # No sum can be better than the rounding of the logits behind it.
        tolerance = _TOLERANCE + 10 * _EPS * self.cost.abs().amax((-1, -2))
        radius = torch.ones_like(self.value)
        for step in range(max_steps):
            moving = self.error() > tolerance
            if not bool(moving.any()):
                return step
            if step % _SINKHORN_EVERY == _SINKHORN_EVERY - 1:
                self._sinkhorn(moving)
            else:
                radius = self._newton(moving, radius)
        return max_steps

    def _sinkhorn(self, moving: Tensor) -> None:
        """A step of Sinkhorn's algorithm: never down, and where plans are nearly hard it moves on when Newton's steps stall."""
        self._take(self.at(torch.where(self.present, self.limits(), self.columns)), moving)

    def _take(self, tried: tuple[Tensor, ...], better: Tensor) -> None:
        now = self.columns, self.plan, self.rows, self.value
        if not bool(better.all()):
            pairs = zip(tried, now, strict=True)
            tried = tuple(torch.where(better.view(-1, *(1,) * (new.dim() - 1)), new, old) for new, old in pairs)
        self.columns, self.plan, self.rows, self.value = tried

    def _newton(self, moving: Tensor, radius: Tensor) -> Tensor:
        """One step of the rows that still move, no further than a radius; the radii for the next one."""
        sums = self.plan.sum(-1)
        unit = (self.sizes / self.points).sqrt()
        curvature = torch.diag_embed(sums) - self.plan @ self.plan.mT
        curvature = self.scale[:, :, None] * curvature * self.scale[:, None] + unit[:, :, None] * unit[:, None]
        curvature.diagonal(dim1=-2, dim2=-1).add_(self.ridge)
        direction = self.scale * torch.linalg.solve_ex(curvature, self.scale * (self.sizes - sums)).result
        reach = direction.amax(-1) - direction.amin(-1)
        tried = self.at(self.columns + direction * (radius / reach.clamp(min=1e-30)).clamp(max=1.0)[:, None])
        slack = 10 * _EPS * self.rows.abs().sum(-1)
        better = (tried[-1] >= self.value - slack) & moving
        self._take(tried, better)
        gone = torch.minimum(radius, reach)
        return torch.where(better, torch.maximum(radius, 2 * gone), 0.25 * gone)

    def gauged(self) -> tuple[Tensor, Tensor]:
        """Row and column potentials, those of empty columns as limits, the columns' mean weighted by the sizes at zero."""
        columns = self.columns if bool(self.present.all()) else torch.where(self.present, self.columns, self.limits())
        shift = (self.sizes * columns).sum(-1, keepdim=True) / self.points
        return self.rows + shift, columns - shift


class _AssignmentLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cost: Tensor, sizes: Tensor, start: Tensor | None, out: list[TransportPlan]) -> Tensor:
        found = assign(cost, sizes, start)
        out.append(found)
        ctx.save_for_backward(found.plan, found.column_potentials)
        return found.loss.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        plan, columns = ctx.saved_tensors
        return grad[..., None, None] * plan, grad[..., None] * columns, None, None


def assignment_loss(cost: Tensor, sizes: Tensor, start: Tensor | None = None) -> tuple[Tensor, TransportPlan]:
    """The loss ``J(n)`` of :func:`assign`, differentiable once with respect to costs and sizes.

    No gradient passes through the iterations: by the envelope theorem ``dJ/dC = P`` and ``dJ/dn = g``, up to a constant that
    sizes with a fixed sum do not feel.

    Args:
        cost: shape ``batch_shape + (N, K)``.
        sizes: shape ``batch_shape + (K,)``.
        start: column potentials to start from, shape ``batch_shape + (K,)``.

    Returns:
        The loss, shape ``batch_shape``, and the plan with its potentials, without gradient.

    Raises:
        ValueError: as :func:`assign` does.

    Example:
        >>> cost = torch.tensor([[0.0, 2.0], [2.0, 0.0]], requires_grad=True)
        >>> loss, found = assignment_loss(cost, torch.tensor([1.0, 1.0]))
        >>> loss.backward()
        >>> bool((cost.grad == found.plan).all())
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
