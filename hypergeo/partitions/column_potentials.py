"""Newton and Sinkhorn steps on the dual of entropic optimal transport: column potentials that give a plan its column sums."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["ColumnPotentials"]

_TOLERANCE = 1e-10
_RIDGE = 1e-14
_EPS = torch.finfo(torch.float64).eps
_SINKHORN_EVERY = 8


class ColumnPotentials:
    """The concave dual problem of entropic transport in the column potentials, one for each row of a batch.

    Newton's method within a trust region, with a step of Sinkhorn's algorithm now and then, in logarithms and float64.

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
