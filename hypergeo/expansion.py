"""Polynomials that follow an objective where a law has its mass: what a control variate takes off exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .batching import Rows

__all__ = ["Expansion", "Objective", "around_mean", "at_mean", "evaluate"]

Objective = Callable[[Tensor], Tensor]

_REACHES = (2.5, 1.25)  # how far out the two points on each side lie, in columns of the root of the covariance
_INSIDE = 0.95  # of the way to the edge of what can occur, for a point that would lie beyond it
_ROUNDING = 1e-9  # of a step's longest component, what moves a group by rounding only
_NULL = 1e-12  # of the largest variance in any direction, what counts as none


@dataclass(frozen=True)
class Expansion:
    """``value + slope · a + a · curvature · a / 2`` at distance ``a`` from the mean, for each law of a batch.

    Attributes:
        value: shape ``batch_shape``.
        slope: shape ``batch_shape + (K,)``.
        curvature: shape ``batch_shape + (K, K)``, or ``None`` where it is zero.
    """

    value: Tensor
    slope: Tensor
    curvature: Tensor | None = None

    def __call__(self, apart: Tensor) -> Tensor:
        """The polynomial at counts less their mean, shape ``(N,) + batch_shape + (K,)``; the result lacks the last axis."""
        found = self.value + (self.slope * apart).sum(-1)
        if self.curvature is None:
            return found
        return found + 0.5 * (torch.einsum("...ij,n...j->n...i", self.curvature, apart) * apart).sum(-1)


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
    objective: Objective, mean: Tensor, covariance: Tensor, rows: Rows, batch_shape: torch.Size, dtype: torch.dtype
) -> Expansion:
    """Second-order expansion over the law: exact for quadratics, and a good fit where the objective has kinks.

    The slope at one point says little about an objective that has a kink nearby. So slope and curvature are those of the
    plane fitted by least squares to the objective's slopes at ``4 K`` points around the mean: two on either side along each
    column of the root of the covariance. The points add up to what is drawn and lie within the bounds of the counts.

    Args:
        objective: maps counts ``(…, K)`` to ``(…)``.
        mean: of the rows' counts, float64, without gradient, shape ``(T, K)``.
        covariance: likewise, shape ``(T, K, K)``.
        rows: the urns.
        batch_shape: the shape that the rows restore to.
        dtype: of the counts that the objective is given, and of the result.

    References:
        S. Särkkä, "Bayesian filtering and smoothing", 2013, chapter 5: statistical linearisation, sigma points.
    """
    variances, axes = torch.linalg.eigh(covariance)
    varying = variances > _NULL * variances[..., -1:].clamp(min=1e-300)
    deviations = torch.where(varying, variances, 1.0).sqrt()
    root, whiten, within = (
        (axes * torch.where(varying, scale, 0.0)[..., None, :]) @ axes.mT
        for scale in (deviations, 1 / deviations, torch.ones_like(deviations))
    )
    lengths = [sign * reach for reach in _REACHES for sign in (1.0, -1.0)]
    steps, whitened = (torch.cat([length * matrix for length in lengths], -2) for matrix in (root, within))
    kept = _room(rows, mean, steps)
    steps, whitened = kept * steps, kept * whitened
    # Least squares in coordinates of unit variance, where the matrix of the points is well conditioned.
    apart = whitened - whitened.mean(-2, keepdim=True)
    moments = apart.mT @ apart + torch.eye(apart.shape[-1], device=apart.device) - within
    design = apart @ torch.linalg.pinv(moments, hermitian=True, rtol=1e-10) @ whiten

    def restored(value: Tensor) -> Tensor:
        return rows.restore(value, batch_shape).to(dtype)

    steps, points = (restored(value).movedim(-2, 0) for value in (steps, mean[:, None] + steps))
    values, slopes = _values_and_slopes(objective, points)
    curvature = torch.einsum("p...i,...pj->...ij", slopes, restored(design))
    curvature = restored(within) @ curvature
    curvature = 0.5 * (curvature + curvature.mT)
    slope = slopes.mean(0) - (curvature @ steps.mean(0)[..., None])[..., 0]
    found = Expansion(torch.zeros_like(values[0]), slope, curvature if bool(curvature.any()) else None)
    return Expansion((values - found(steps)).mean(0), found.slope, found.curvature)


def _values_and_slopes(objective: Objective, points: Tensor) -> tuple[Tensor, Tensor]:
    """The objective and its slopes at some points of each law; zero for a slope that is not finite, as of a root at zero.

    Any fixed expansion keeps an estimate unbiased, so what is missing costs precision and nothing else.
    """
    points = points.detach().clone().requires_grad_()
    with torch.enable_grad():
        values = evaluate(objective, points)
        slopes = torch.autograd.grad(values.sum(), points, allow_unused=True)[0] if values.requires_grad else None
    slopes = torch.zeros_like(points) if slopes is None else torch.where(slopes.isfinite(), slopes, 0.0)
    values = values.detach()
    return torch.where(values.isfinite(), values, 0.0), slopes


def _room(rows: Rows, mean: Tensor, steps: Tensor) -> Tensor:
    """By how much steps ``(T, P, K)`` from the mean must be shortened to stay within the counts' bounds: ``(T, P, 1)``."""
    low = (rows.total[:, None] - rows.sizes.sum(-1, keepdim=True) + rows.sizes).clamp(min=0)
    high = torch.minimum(rows.total[:, None], rows.sizes)
    room = torch.where(steps > 0, (high - mean)[:, None], (mean - low)[:, None]).clamp(min=0)
    length = steps.abs()
    moves = length > _ROUNDING * length.amax(-1, keepdim=True)
    share = torch.where(moves, _INSIDE * room / length.clamp(min=1e-300), torch.inf)
    return share.amin(-1, keepdim=True).clamp(max=1.0)
