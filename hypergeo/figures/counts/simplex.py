"""Counts of three groups on a triangle: exact probabilities as rings, relaxed samples as discs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hypergeo.figures.core.palette import Palette, blend, group_colour
from hypergeo.figures.core.panels import Panel
from hypergeo.quality.goodness_of_fit import nearest_counts

from .lattice import MOVING, cell_shares, lattice_frames, lattice_traces, window

__all__ = ["CORNERS", "barycentric", "corner_labels", "simplex_panel", "triangle", "unreachable"]

ZOOM = 0.6  # rare counts are left out if this reduces the side of the triangle to at most this fraction
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])


def barycentric(counts: np.ndarray, lowest: np.ndarray, spread: float) -> np.ndarray:
    """Computes positions of counts of three groups in a triangle. At corner ``k``, group ``k`` has all elements that are free.

    Args:
        counts: counts of the groups, shape ``(..., 3)``.
        lowest: least count of each group, shape ``(3,)``; the sides of the triangle.
        spread: number of free elements, ``sum(counts) - sum(lowest)``.

    Returns:
        Horizontal and vertical positions, shape ``(..., 2)``; the sides have length one.

    Example:
        >>> barycentric(np.array([0, 0, 4]), np.zeros(3), 4).round(3)
        array([0.5  , 0.866])
    """
    if spread <= 0:
        return np.broadcast_to(CORNERS.mean(0), (*counts.shape[:-1], 2))
    return ((counts - lowest) / spread) @ CORNERS


def simplex_panel(
    support: np.ndarray,
    probabilities: np.ndarray,
    samples: np.ndarray,
    soft: np.ndarray,
    palette: Palette,
    *,
    shown: int = 150,
    follow: int = 0,
    side: float = 500.0,
    at: int | None = None,
) -> Panel:
    """Draws exact probabilities and relaxed samples of three groups, one frame for each temperature.

    The triangle is the smallest one that holds the support or, if most of the support is rare, the likely counts and the
    samples.

    Args:
        support: all count vectors, shape ``(N, 3)``.
        probabilities: their probabilities, shape ``(N,)``.
        samples: samples at each temperature with the same noise, shape ``(T, S, 3)``; the discs.
        soft: the soft samples behind them, drawn as dots, of the same shape; ``samples`` itself unless straight-through.
        palette: colours of the figure.
        shown: number of samples drawn as dots.
        follow: index of the sample whose path is drawn.
        side: expected length of the triangle's side in pixels, which sets the size of the discs.
        at: index of the only temperature that is drawn; by default there is a frame for each. The axes are the same in
            both cases.

    Returns:
        The panel, to be placed in a figure.
    """
    lowest = support.min(0)
    spread = float(support[0].sum() - lowest.sum())
    likely, _ = window(support, probabilities, np.concatenate([samples, soft]) if soft is not samples else samples)
    if support[0].sum() - likely.sum() <= ZOOM * spread:
        lowest, spread = likely, float(support[0].sum() - likely.sum())
        inside = (support >= lowest).all(1)
        support, probabilities = support[inside], probabilities[inside]
    radix = int(support.max()) + 1
    place = np.zeros(radix**2, dtype=int)
    place[support[:, 0] * radix + support[:, 1]] = np.arange(len(support))
    drawn = slice(None) if at is None else slice(at, at + 1)
    whole = nearest_counts(torch.tensor(samples[drawn])).long().numpy()
    shares = cell_shares(place[whole[..., 0] * radix + whole[..., 1]], len(support))
    path = barycentric(soft[:, follow], lowest, spread)
    traces = lattice_traces(
        barycentric(support, lowest, spread),
        probabilities,
        support,
        path,
        palette,
        colours=blend((support - lowest) ** 2.0),
        spacing=side / max(spread, 1),
        follow=follow,
        discs="relaxed samples" if soft is samples else "straight-through samples",
        dots="single samples" if soft is samples else "their soft samples",
    )
    return Panel(
        traces=[triangle(palette), *traces, unreachable(lowest, support.max(0), spread, palette)],
        xaxis={"visible": False, "range": [-0.08, 1.08], "constrain": "domain"},
        yaxis={"visible": False, "range": [-0.09, 0.95], "scaleanchor": "x", "constrain": "domain"},
        moving=[1 + index for index in MOVING],
        frames=lattice_frames(shares, barycentric(soft[drawn, :shown], lowest, spread), path[drawn]),
        annotations=corner_labels(lowest, spread, palette),
    )


def triangle(palette: Palette) -> dict[str, Any]:
    """Draws the triangle's outline.

    Args:
        palette: colours of the figure.

    Returns:
        The trace.
    """
    outline = CORNERS[[0, 1, 2, 0]]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": outline[:, 0],
        "y": outline[:, 1],
        "hoverinfo": "skip",
        "showlegend": False,
        "line": {"color": palette.grid, "width": 1.5},
    }


def unreachable(lowest: np.ndarray, highest: np.ndarray, spread: float, palette: Palette) -> dict[str, Any]:
    """Shades the corners of the triangle that no sample can reach.

    Args:
        lowest: counts at the sides of the triangle, shape ``(3,)``.
        highest: the greatest count of each group, shape ``(3,)``.
        spread: count of a group at its corner, less that at the side.
        palette: colours of the figure.

    Returns:
        The trace.
    """
    outline: list[list[float | None]] = []
    for group, share in enumerate((highest - lowest) / max(spread, 1)):
        if share < 1 and spread > 0:
            towards = CORNERS[[(group + 1) % 3, (group + 2) % 3]]
            first, second = CORNERS[group] + (1 - share) * (towards - CORNERS[group])
            outline += [*np.round([CORNERS[group], first, second, CORNERS[group]], 6).tolist(), [None, None]]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "impossible",
        "x": [place[0] for place in outline],
        "y": [place[1] for place in outline],
        "fill": "toself",
        "fillcolor": palette.grid,
        "opacity": 0.6,
        "hoverinfo": "skip",
        "showlegend": bool(outline),
        "legendrank": 2000,
        "line": {"color": palette.grid, "width": 1},
    }


def corner_labels(lowest: np.ndarray, spread: float, palette: Palette) -> list[dict[str, Any]]:
    """Labels each corner of the triangle with its count.

    Args:
        lowest: counts at the sides of the triangle, shape ``(3,)``.
        spread: count of a group at its corner, less that at the side.
        palette: colours of the figure.

    Returns:
        One annotation for each corner.
    """
    return [
        {
            "text": f'<span style="color:{group_colour(group)}">■</span> Group {group + 1}: {int(lowest[group] + spread)}',
            "xref": "x",
            "yref": "y",
            "x": x,
            "y": y,
            "xanchor": ("left", "right", "center")[group],
            "yanchor": ("top", "top", "bottom")[group],
            "xshift": (-14, 14, 0)[group],
            "yshift": (-6, -6, 6)[group],
            "showarrow": False,
            "font": {"size": 13, "color": palette.text},
        }
        for group, (x, y) in enumerate(CORNERS)
    ]
