"""Polynomials that follow an objective where a law has its mass: what a control variate takes off exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo.numerics.urn_rows import Rows

__all__ = ["Expansion", "Objective", "around_mean", "at_mean", "evaluate", "uses_matrix"]

Objective = Callable[[Tensor], Tensor]

_INSIDE = 0.8  # of the way from the mean to the least and the most that a group can give: no point lies further out
_NULL = 1e-12  # of the largest variance in any direction, what counts as none
_MATRIX_GROUPS = 16  # up to this many groups, curvature is a matrix; beyond, its diagonal
_JOINT = 8  # joint moves of many groups


@dataclass(frozen=True)
class Expansion:
    """A polynomial in how far counts are from their mean, for each law of a batch.

    Attributes:
        value: at the mean, shape ``batch_shape``.
        slope: shape ``batch_shape + (K,)``.
        curvature: second derivatives, shape ``batch_shape + (K, K)``, or with one axis of groups less for a diagonal matrix;
            ``None`` for zero.
    """

    value: Tensor
    slope: Tensor
    curvature: Tensor | None = None

    def __call__(self, apart: Tensor) -> Tensor:
        """Values at counts less their mean, shape ``(N,) + batch_shape + (K,)``; the result lacks the last axis."""
        found = self.value + (self.slope * apart).sum(-1)
        if self.curvature is None:
            return found
        if self.curvature.dim() == self.slope.dim():
            return found + 0.5 * (self.curvature * apart.square()).sum(-1)
        return found + 0.5 * (torch.einsum("...ij,n...j->n...i", self.curvature, apart) * apart).sum(-1)

    def gradient_of_expectation(self, mean: Tensor, spread: Tensor | None) -> Tensor:
        """Zero, with the gradient of the polynomial's expectation in what the moments depend on.

        Args:
            mean: expected counts, shape ``batch_shape + (K,)``.
            spread: their covariances or variances, of the shape of ``curvature``; not needed where there is none.
        """
        found = (self.slope * (mean - mean.detach())).sum(-1)
        if self.curvature is None or spread is None:
            return found
        axes = tuple(range(self.slope.dim() - 1, self.curvature.dim()))
        return found + 0.5 * (self.curvature * (spread - spread.detach())).sum(axes)


def evaluate(objective: Objective, counts: Tensor) -> Tensor:
    """The objective's values at counts ``(…, K)``, shape ``(…)``.

    Raises:
        ValueError: where the objective returns anything else.
    """
    values = objective(counts)
    if not isinstance(values, Tensor):
        raise ValueError(f"objective must return a tensor of shape {tuple(counts.shape[:-1])}; got {type(values).__name__}.")
    if values.shape != counts.shape[:-1]:
        raise ValueError(
            f"objective must map counts of shape {tuple(counts.shape)} to values of shape {tuple(counts.shape[:-1])}, one for "
            f"each vector of counts along the last axis; got shape {tuple(values.shape)}."
        )
    return values if values.is_floating_point() else values.to(counts.dtype)


def at_mean(objective: Objective, mean: Tensor) -> Expansion:
    """First-order expansion at the mean: one evaluation of the objective and of its slope.

    Args:
        objective: maps counts ``(…, K)`` to ``(…)``.
        mean: without gradient, shape ``batch_shape + (K,)``.
    """
    values, slopes = _values_and_slopes(objective, mean[None])
    return Expansion(values[0], slopes[0])


def around_mean(
    objective: Objective, mean: Tensor, spread: Tensor, rows: Rows, batch_shape: torch.Size, dtype: torch.dtype
) -> Expansion:
    """Second-order expansion over the law: its slope and curvature are those of the objective at points around the mean.

    The slope at one point says little about an objective that has a kink nearby. So a plane is fitted by least squares to
    the objective's slopes where the law has its mass. The points add up to what is drawn and keep within the counts' bounds.
    With a matrix of covariances the fit is exact for every quadratic; with variances it is for those that add up over groups.

    Args:
        objective: maps counts ``(…, K)`` to ``(…)``.
        mean: of the rows' counts, float64, without gradient, shape ``(T, K)``.
        spread: likewise, covariances ``(T, K, K)`` or variances ``(T, K)``, as :func:`uses_matrix` says.
        rows: the urns.
        batch_shape: the shape that the rows restore to.
        dtype: of the counts that the objective is given, and of the result.

    References:
        S. Särkkä, "Bayesian filtering and smoothing", 2013, chapter 5: statistical linearisation, sigma points.
    """

    def restored(value: Tensor) -> Tensor:
        return rows.restore(value, batch_shape).to(dtype)

    if spread.dim() == mean.dim():
        steps = _within_bounds(rows, mean, _joint_steps(spread))
        apart = steps - steps.mean(-2, keepdim=True)
        design = apart / apart.square().sum(-2, keepdim=True).clamp(min=1e-300)
    else:
        root, whiten, within = _roots(spread)
        steps = _within_bounds(rows, mean, _steps(root))
        whitened = steps @ whiten
        apart = whitened - whitened.mean(-2, keepdim=True)
        # In coordinates of unit variance the matrix of the points is well conditioned.
        moments = apart.mT @ apart + torch.eye(apart.shape[-1], device=apart.device) - within
        design = apart @ torch.linalg.pinv(moments, hermitian=True, rtol=1e-10) @ whiten
    steps, points, design = (restored(value).movedim(-2, 0) for value in (steps, mean[:, None] + steps, design))
    values, slopes = _values_and_slopes(objective, points)
    slope = slopes.mean(0)
    if spread.dim() == mean.dim():
        curvature = (slopes * design).sum(0)
        slope = slope - curvature * steps.mean(0)
    else:
        curvature = restored(within) @ torch.einsum("p...i,p...j->...ij", slopes, design)
        curvature = 0.5 * (curvature + curvature.mT)
        slope = slope - (curvature @ steps.mean(0)[..., None])[..., 0]
    found = Expansion(torch.zeros_like(values[0]), slope, curvature if bool(curvature.any()) else None)
    return Expansion((values - found(steps)).mean(0), found.slope, found.curvature)


def uses_matrix(groups: int) -> bool:
    """Whether an expansion's curvature is a matrix and not its diagonal: up to 16 groups."""
    return groups <= _MATRIX_GROUPS


def _values_and_slopes(objective: Objective, points: Tensor) -> tuple[Tensor, Tensor]:
    """The objective and its slopes at some points of each law; zero for what is not finite, as the slope of a root at zero.

    Any fixed expansion keeps an estimate unbiased, so what is missing costs precision and nothing else.
    """
    points = points.detach().clone().requires_grad_()
    with torch.enable_grad():
        values = evaluate(objective, points)
        slopes = torch.autograd.grad(values.sum(), points, allow_unused=True)[0] if values.requires_grad else None
    slopes = torch.zeros_like(points) if slopes is None else torch.where(slopes.isfinite(), slopes, 0.0)
    values = values.detach()
    return torch.where(values.isfinite(), values, 0.0), slopes


def _roots(covariance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Symmetric root of a singular covariance, the root's pseudoinverse, and the projection on what varies."""
    variances, axes = torch.linalg.eigh(covariance)
    varying = variances > _NULL * variances[..., -1:].clamp(min=1e-300)
    deviations = torch.where(varying, variances, 1.0).sqrt()
    root, whiten, within = (
        (axes * torch.where(varying, scale, 0.0)[..., None, :]) @ axes.mT
        for scale in (deviations, 1 / deviations, torch.ones_like(deviations))
    )
    return root, whiten, within


def _steps(root: Tensor) -> Tensor:
    """Steps from the mean, shape ``(T, P, K)``: each group by itself, and all groups together along cosines.

    The lengths were chosen by the spread that they leave of absolute values with kinks at random places.
    """
    groups = root.shape[-1]
    joint = groups**0.5 * _cosines(groups, root)[1:] @ root
    single: tuple[float, ...] = (1.2,)
    together: tuple[float, ...] = (1.5, 0.75)
    if groups == 2:  # one direction, in which a group and all groups are the same
        single, together = (), (1.48, 0.92, 0.35)
    elif groups <= 4:
        single, together = (2.3, 1.2), (1.4,)
    steps = [length * root for length in single] + [length * joint for length in together]
    return torch.cat([sign * step for step in steps for sign in (1.0, -1.0)], -2)


def _joint_steps(variance: Tensor) -> Tensor:
    """Steps from the mean of many groups together, shape ``(T, P, K)``: 32 of them, however many groups there are."""
    groups = variance.shape[-1]
    chosen = torch.linspace(1, groups - 1, _JOINT).round().long()
    joint = groups**0.5 * _cosines(groups, variance, chosen) * variance.sqrt()[:, None]
    share = variance / variance.sum(-1, keepdim=True).clamp(min=1e-300)
    joint = joint - joint.sum(-1, keepdim=True) * share[:, None]
    return torch.cat([length * joint for length in (1.4, -1.4, 0.7, -0.7)], -2)


def _cosines(groups: int, like: Tensor, chosen: Tensor | None = None) -> Tensor:
    """Orthonormal rows of the discrete cosine transform, all or those chosen; all but the first add up to zero."""
    place = torch.arange(groups, dtype=like.dtype, device=like.device)
    wave = place[:, None] if chosen is None else chosen.to(place)[:, None]
    scale = torch.where(wave > 0, (2 / groups) ** 0.5, (1 / groups) ** 0.5)
    return scale * torch.cos(torch.pi / groups * (place + 0.5) * wave)


def _within_bounds(rows: Rows, mean: Tensor, steps: Tensor) -> Tensor:
    """Steps ``(T, P, K)`` cut where they come near the counts' bounds, what is cut off made up for by the other groups."""
    low = (rows.total[:, None] - rows.sizes.sum(-1, keepdim=True) + rows.sizes).clamp(min=0)
    high = torch.minimum(rows.total[:, None], rows.sizes)
    up = (_INSIDE * (high - mean).clamp(min=0))[:, None]
    down = (_INSIDE * (low - mean).clamp(max=0))[:, None]
    steps = torch.minimum(torch.maximum(steps, down), up)
    missing = -steps.sum(-1, keepdim=True)
    room = torch.where(missing > 0, up - steps, steps - down)
    return steps + missing * room / room.sum(-1, keepdim=True).clamp(min=1e-300)
