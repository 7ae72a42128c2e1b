"""Gradients as arrows: many thin ones for single estimates, a filled one for their mean, an outlined one for the exact one."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypergeo.figures.core.palette import Palette, translucent
from hypergeo.figures.core.panels import float32

__all__ = ["arrow_outline", "exact_arrow", "filled_path", "mean_arrow", "sample_arrows", "spread_ellipse"]

_HEAD = 2.6  # width of an arrow's head, in widths of its shaft
_THIN_HEAD = 6.0  # the same of a single estimate
_EXACT_WIDTH, _MEAN_WIDTH = 1.0, 0.62  # so that a mean without bias fills the outline and leaves its edge free


def arrow_outline(start: np.ndarray, tip: np.ndarray, width: float, *, head: float = _HEAD) -> np.ndarray:
    """Computes the outlines of arrows with a shaft of a certain width; a short arrow has no shaft.

    Args:
        start: start of the arrows, shape ``(2,)`` or ``(..., 2)``.
        tip: tips of the arrows, shape ``(..., 2)``.
        width: width of the shaft.
        head: width of the head, in widths of the shaft.

    Returns:
        Closed paths, shape ``(..., 8, 2)``.

    Example:
        >>> arrow_outline(np.zeros(2), np.array([10.0, 0.0]), 1.0)[3].tolist()
        [10.0, 0.0]
    """
    along = tip - start
    length = np.hypot(along[..., :1], along[..., 1:])
    along = np.where(length > 0, along, [1.0, 0.0]) / np.where(length > 0, length, 1.0)
    across = np.stack([-along[..., 1], along[..., 0]], -1)
    longest = 1.05 * head * width
    here = np.minimum(longest, length)
    half, wide = (0.5 * here / longest * width * part if width > 0 else 0.0 for part in (1.0, head))
    neck = tip - here * along
    points = [
        start + half * across,
        neck + half * across,
        neck + wide * across,
        tip,
        neck - wide * across,
        neck - half * across,
        start - half * across,
        start + half * across,
    ]
    return np.stack(points, -2)


def sample_arrows(
    start: np.ndarray, tips: np.ndarray, width: float, colour: str, *, name: str, legend: bool = True
) -> dict[str, Any]:
    """Draws single estimates, as thin arrows in one filled path: lines and markers would take several times as long.

    Args:
        start: common start of the arrows, shape ``(2,)``.
        tips: tips of the arrows, shape ``(S, 2)``.
        width: width of a shaft.
        colour: colour as ``#rrggbb``.
        name: name in the legend.
        legend: whether the legend shows it.

    Returns:
        The trace.
    """
    outlines = arrow_outline(start, tips, width, head=_THIN_HEAD)  # closed at the common start, where one follows another
    return {**filled_path(outlines.reshape(-1, 2), translucent(colour, 0.6)), "name": name, "showlegend": legend}


def filled_path(points: np.ndarray, colour: str) -> dict[str, Any]:
    """Draws a closed path without its line, such as many arrows one after another.

    Args:
        points: points of the path, shape ``(N, 2)``.
        colour: colour of the inside.

    Returns:
        The trace, without an entry in the legend.
    """
    return {**_polygon(points), "fill": "toself", "fillcolor": colour, "line": {"width": 0}, "showlegend": False}


def mean_arrow(
    start: np.ndarray, tip: np.ndarray, width: float, colour: str, palette: Palette, *, name: str, legend: bool = True
) -> dict[str, Any]:
    """Draws the mean of the estimates, as a filled arrow inside the outline of the exact gradient.

    Args:
        start: start of the arrow, shape ``(2,)``.
        tip: tip of the arrow, shape ``(2,)``.
        width: width of the exact gradient's shaft.
        colour: colour as ``#rrggbb``.
        palette: colours of the figure.
        name: name in the legend.
        legend: whether the legend shows it.

    Returns:
        The trace.
    """
    return {
        **_polygon(arrow_outline(start, tip, _MEAN_WIDTH * width)),
        "name": name,
        "showlegend": legend,
        "fill": "toself",
        "fillcolor": colour,
        "line": {"color": colour, "width": 1},
    }


def exact_arrow(start: np.ndarray, tip: np.ndarray, width: float, palette: Palette, *, legend: bool = True) -> dict[str, Any]:
    """Draws the exact gradient, as an outlined arrow.

    Args:
        start: start of the arrow, shape ``(2,)``.
        tip: tip of the arrow, shape ``(2,)``.
        width: width of the shaft.
        palette: colours of the figure.
        legend: whether the legend shows it.

    Returns:
        The trace.
    """
    return {
        **_polygon(arrow_outline(start, tip, _EXACT_WIDTH * width)),
        "name": "exact gradient",
        "showlegend": legend,
        "line": {"color": palette.exact, "width": 2},
    }


def spread_ellipse(centre: np.ndarray, covariance: np.ndarray, colour: str, *, reach: float = 1.0) -> dict[str, Any]:
    """Draws the dispersion of the tips: an ellipse with a multiple of the standard deviation along each of its axes.

    Args:
        centre: mean of the tips, shape ``(2,)``.
        covariance: covariance of the tips, shape ``(2, 2)``.
        colour: colour as ``#rrggbb``.
        reach: number of standard deviations.

    Returns:
        The trace.
    """
    values, axes = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, 49)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    points = centre + reach * (axes @ (np.sqrt(np.clip(values, 0, None))[:, None] * circle)).T
    return {
        **_polygon(points),
        "showlegend": False,
        "line": {"color": colour, "width": 1.4, "dash": "dot"},
        "fill": "toself",
        "fillcolor": translucent(colour, 0.1),
    }


def _polygon(points: np.ndarray) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "x": float32(points[:, 0]), "y": float32(points[:, 1]), "hoverinfo": "skip"}
