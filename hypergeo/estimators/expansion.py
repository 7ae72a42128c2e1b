"""Polynomials that approximate an objective where a distribution has its mass, for control variates with exact means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo.numerics.urn_rows import Rows

__all__ = ["Expansion", "Objective", "around_mean", "at_mean", "evaluate", "uses_matrix"]

Objective = Callable[[Tensor], Tensor]

_INSIDE = 0.8  # largest distance of a point, as a fraction of the way from the mean to the bounds of a count
_NULL = 1e-12  # variances below this fraction of the largest one are treated as zero
_MATRIX_GROUPS = 16  # largest number of groups with a full matrix of curvatures; for more groups only its diagonal
_JOINT = 8  # number of joint moves of many groups


@dataclass(frozen=True)
class Expansion:
    """A polynomial in the deviation of counts from their mean, for each urn of a batch.

    Attributes:
        value: value at the mean, shape ``batch_shape``.
        slope: gradient at the mean, shape ``batch_shape + (K,)``.
        curvature: second derivatives, shape ``batch_shape + (K, K)``, or the diagonal of their matrix, shape
            ``batch_shape + (K,)``; ``None`` for zero.
    """

    value: Tensor
    slope: Tensor
    curvature: Tensor | None = None

    def __call__(self, deviation: Tensor) -> Tensor:
        """Evaluates the polynomial.

        Args:
            deviation: counts less their mean, shape ``(N,) + batch_shape + (K,)``.

        Returns:
            Values, shape ``(N,) + batch_shape``.
        """
        linear = self.value + (self.slope * deviation).sum(-1)
        if self.curvature is None:
            return linear
        if self.curvature.dim() == self.slope.dim():
            return linear + 0.5 * (self.curvature * deviation.square()).sum(-1)
        return linear + 0.5 * (torch.einsum("...ij,n...j->n...i", self.curvature, deviation) * deviation).sum(-1)

    def gradient_of_expectation(self, mean: Tensor, spread: Tensor | None) -> Tensor:
        """Returns zero, with the gradient of the polynomial's expectation in the weights that the moments depend on.

        Args:
            mean: expected counts, shape ``batch_shape + (K,)``.
            spread: covariances or variances of the counts, of the shape of ``curvature``; ``None`` if that is ``None``.

        Returns:
            Zero, shape ``batch_shape``.
        """
        linear = (self.slope * (mean - mean.detach())).sum(-1)
        if self.curvature is None or spread is None:
            return linear
        axes = tuple(range(self.slope.dim() - 1, self.curvature.dim()))
        return linear + 0.5 * (self.curvature * (spread - spread.detach())).sum(axes)


def evaluate(objective: Objective, counts: Tensor) -> Tensor:
    """Evaluates an objective and checks its values.

    Args:
        objective: maps counts ``(…, K)`` to ``(…)``.
        counts: counts, shape ``(…, K)``.

    Returns:
        Values, floating-point, shape ``(…)``.

    Raises:
        ValueError: if the objective does not return a tensor of this shape.
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
    """Computes the first-order expansion at the mean, by one evaluation of the objective and of its slope.

    Args:
        objective: maps counts ``(…, K)`` to ``(…)``.
        mean: expected counts, without gradient, shape ``batch_shape + (K,)``.

    Returns:
        The expansion, without curvature.
    """
    values, slopes = _values_and_slopes(objective, mean[None])
    return Expansion(values[0], slopes[0])


def around_mean(
    objective: Objective, mean: Tensor, spread: Tensor, rows: Rows, batch_shape: torch.Size, dtype: torch.dtype
) -> Expansion:
    """Computes a second-order expansion from the objective's slopes at points around the mean.

    The slope at one point is unreliable for an objective that has a kink nearby. Therefore a plane is fitted by least squares
    to the objective's slopes where the distribution has its mass. The points add up to the number drawn and are within bounds.
    With covariances the fit is exact for every quadratic; with variances it is exact for quadratics that are sums over groups.

    Args:
        objective: maps counts ``(…, K)`` to ``(…)``.
        mean: expected counts of the rows, float64, without gradient, shape ``(T, K)``.
        spread: covariances, shape ``(T, K, K)``, or variances, shape ``(T, K)``, of the rows' counts; see :func:`uses_matrix`.
        rows: the urns.
        batch_shape: the shape that the rows restore to.
        dtype: dtype of the counts that are passed to the objective, and of the result.

    Returns:
        The expansion, of shape ``batch_shape``.

    References:
        S. Särkkä, "Bayesian filtering and smoothing", 2013, chapter 5: statistical linearisation, sigma points.
    """

    def restored(value: Tensor) -> Tensor:
        return rows.restore(value, batch_shape).to(dtype)

    if spread.dim() == mean.dim():
        steps = _within_bounds(rows, mean, _joint_steps(spread))
        centred = steps - steps.mean(-2, keepdim=True)
        design = centred / centred.square().sum(-2, keepdim=True).clamp(min=1e-300)
    else:
        root, whiten, within = _roots(spread)
        steps = _within_bounds(rows, mean, _steps(root))
        whitened = steps @ whiten
        centred = whitened - whitened.mean(-2, keepdim=True)
        # In coordinates of unit variance the matrix of the points is well conditioned.
        moments = centred.mT @ centred + torch.eye(centred.shape[-1], device=centred.device) - within
        design = centred @ torch.linalg.pinv(moments, hermitian=True, rtol=1e-10) @ whiten
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
    around_zero = Expansion(torch.zeros_like(values[0]), slope, curvature if bool(curvature.any()) else None)
    return Expansion((values - around_zero(steps)).mean(0), around_zero.slope, around_zero.curvature)


def uses_matrix(groups: int) -> bool:
    """Returns whether the curvature of an expansion is a matrix, for up to 16 groups, or its diagonal.

    Args:
        groups: number of groups (K).

    Returns:
        Whether it is a matrix.
    """
    return groups <= _MATRIX_GROUPS


def _values_and_slopes(objective: Objective, points: Tensor) -> tuple[Tensor, Tensor]:
    """Computes the objective and its slopes at some points of each urn; values that are not finite become zero.

    An estimate is unbiased with any fixed expansion, so this reduces only precision.

    Args:
        objective: maps counts ``(…, K)`` to ``(…)``.
        points: counts, shape ``(P,) + batch_shape + (K,)``.

    Returns:
        Values, shape ``(P,) + batch_shape``, and slopes, of the shape of the points.
    """
    points = points.detach().clone().requires_grad_()
    with torch.enable_grad():
        values = evaluate(objective, points)
        slopes = torch.autograd.grad(values.sum(), points, allow_unused=True)[0] if values.requires_grad else None
    slopes = torch.zeros_like(points) if slopes is None else torch.where(slopes.isfinite(), slopes, 0.0)
    values = values.detach()
    return torch.where(values.isfinite(), values, 0.0), slopes


def _roots(covariance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the symmetric root of a singular covariance, its pseudoinverse, and the projection on its range."""
    variances, axes = torch.linalg.eigh(covariance)
    varying = variances > _NULL * variances[..., -1:].clamp(min=1e-300)
    deviations = torch.where(varying, variances, 1.0).sqrt()
    root, whiten, within = (
        (axes * torch.where(varying, scale, 0.0)[..., None, :]) @ axes.mT
        for scale in (deviations, 1 / deviations, torch.ones_like(deviations))
    )
    return root, whiten, within


def _steps(root: Tensor) -> Tensor:
    """Computes steps from the mean: each group by itself, and all groups together along cosines.

    The step lengths were chosen to reduce the remaining variance of absolute values with kinks at random places.

    Args:
        root: symmetric root of the covariance, shape ``(T, K, K)``.

    Returns:
        Shape ``(T, P, K)``.
    """
    groups = root.shape[-1]
    joint = groups**0.5 * _cosines(groups, root)[1:] @ root
    single: tuple[float, ...] = (1.2,)
    together: tuple[float, ...] = (1.5, 0.75)
    if groups == 2:  # there is one direction only, the same for a group and for all groups
        single, together = (), (1.48, 0.92, 0.35)
    elif groups <= 4:
        single, together = (2.3, 1.2), (1.4,)
    steps = [length * root for length in single] + [length * joint for length in together]
    return torch.cat([sign * step for step in steps for sign in (1.0, -1.0)], -2)


def _joint_steps(variance: Tensor) -> Tensor:
    """Returns steps from the mean of many groups together, shape ``(T, P, K)``: 32 for any number of groups."""
    groups = variance.shape[-1]
    chosen = torch.linspace(1, groups - 1, _JOINT).round().long()
    joint = groups**0.5 * _cosines(groups, variance, chosen) * variance.sqrt()[:, None]
    share = variance / variance.sum(-1, keepdim=True).clamp(min=1e-300)
    joint = joint - joint.sum(-1, keepdim=True) * share[:, None]
    return torch.cat([length * joint for length in (1.4, -1.4, 0.7, -0.7)], -2)


def _cosines(groups: int, like: Tensor, chosen: Tensor | None = None) -> Tensor:
    """Returns orthonormal rows of the discrete cosine transform, all or those chosen; all but the first add up to zero."""
    place = torch.arange(groups, dtype=like.dtype, device=like.device)
    wave = place[:, None] if chosen is None else chosen.to(place)[:, None]
    scale = torch.where(wave > 0, (2 / groups) ** 0.5, (1 / groups) ** 0.5)
    return scale * torch.cos(torch.pi / groups * (place + 0.5) * wave)


def _within_bounds(rows: Rows, mean: Tensor, steps: Tensor) -> Tensor:
    """Returns steps ``(T, P, K)`` clamped within the counts' bounds; the other groups compensate for the difference."""
    low = (rows.total[:, None] - rows.sizes.sum(-1, keepdim=True) + rows.sizes).clamp(min=0)
    high = torch.minimum(rows.total[:, None], rows.sizes)
    up = (_INSIDE * (high - mean).clamp(min=0))[:, None]
    down = (_INSIDE * (low - mean).clamp(max=0))[:, None]
    steps = torch.minimum(torch.maximum(steps, down), up)
    missing = -steps.sum(-1, keepdim=True)
    capacity = torch.where(missing > 0, up - steps, steps - down)
    return steps + missing * capacity / capacity.sum(-1, keepdim=True).clamp(min=1e-300)
