"""Newton and Sinkhorn steps for the dual of entropic optimal transport: column potentials for which a plan has the required
column sums."""

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
    """Solves the concave dual problem of entropic transport in the column potentials, for each row of a batch.

    The method is Newton's with a trust region and occasional steps of Sinkhorn's algorithm, in logarithms and float64.

    Args:
        cost: cost of each point in each column, shape ``(R, K, N)``.
        sizes: column sums, shape ``(R, K)``.

    Attributes:
        columns: column potentials, shape ``(R, K)``.
        plan: plan for these potentials, shape ``(R, K, N)``.
        rows: row potentials, shape ``(R, N)``.
        value: value of the dual, shape ``(R,)``.
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
        """Computes the plan, row potentials and value of the dual for column potentials.

        Args:
            columns: column potentials, shape ``(R, K)``.

        Returns:
            The column potentials, shape ``(R, K)``, the plan, shape ``(R, K, N)``, the row potentials, shape ``(R, N)``, and
            the value of the dual, shape ``(R,)``.
        """
        logits = (self.log_share + columns)[..., None] - self.cost
        top = logits.amax(1, keepdim=True)
        plan = (logits - top).exp_()
        norm = plan.sum(1, keepdim=True)
        rows = -(top + norm.log())[:, 0]
        return columns, plan.div_(norm), rows, rows.sum(-1) + (self.sizes * columns).sum(-1)

    def error(self) -> Tensor:
        """Computes the largest relative error of the column sums.

        Returns:
            Errors, shape ``(R,)``.
        """
        return torch.where(self.present, (self.plan.sum(-1) / self.sizes - 1).abs(), 0.0).amax(-1)

    def limits(self) -> Tensor:
        """Computes the column potentials that correct each column on its own, which is the step of Sinkhorn's algorithm.

        Returns:
            Column potentials, shape ``(R, K)``.
        """
        return math.log(self.points) - (self.rows[:, None] - self.cost).logsumexp(-1)

    def ascend(self, columns: Tensor, max_steps: int) -> int:
        """Maximises the dual from initial column potentials.

        Args:
            columns: initial column potentials, shape ``(R, K)``.
            max_steps: largest number of steps.

        Returns:
            Number of steps.
        """
        self.columns, self.plan, self.rows, self.value = self.at(columns)
        self._sinkhorn(torch.ones_like(self.present[:, 0]))
        # The sums cannot be more accurate than the rounding of the logits.
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
        """Takes a step of Sinkhorn's algorithm. It never decreases the dual, and makes progress for nearly hard plans where
        Newton steps stall."""
        self._take(self.at(torch.where(self.present, self.limits(), self.columns)), moving)

    def _take(self, tried: tuple[Tensor, ...], better: Tensor) -> None:
        current = self.columns, self.plan, self.rows, self.value
        if not bool(better.all()):
            pairs = zip(tried, current, strict=True)
            tried = tuple(torch.where(better.view(-1, *(1,) * (new.dim() - 1)), new, old) for new, old in pairs)
        self.columns, self.plan, self.rows, self.value = tried

    def _newton(self, moving: Tensor, radius: Tensor) -> Tensor:
        """Takes one Newton step within the radii for the rows that have not converged.

        Returns:
            Radii for the next step, shape ``(R,)``.
        """
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
        step_length = torch.minimum(radius, reach)
        return torch.where(better, torch.maximum(radius, 2 * step_length), 0.25 * step_length)

    def gauged(self) -> tuple[Tensor, Tensor]:
        """Shifts the potentials so that the mean of the columns, weighted by the sizes, is zero. Empty columns have their
        limits.

        Returns:
            Row potentials, shape ``(R, N)``, and column potentials, shape ``(R, K)``.
        """
        columns = self.columns if bool(self.present.all()) else torch.where(self.present, self.columns, self.limits())
        shift = (self.sizes * columns).sum(-1, keepdim=True) / self.points
        return self.rows + shift, columns - shift
