"""One sample among a thousand: the exact distribution as rings, soft samples as dots, and the splits that lead to this one."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Panel, caption, float32
from hypergeo.figures.counts.plane import Plane

__all__ = ["cloud_panel", "segment"]

_LARGEST_RING = 46.0  # pixels


def cloud_panel(
    cells: np.ndarray,
    probabilities: np.ndarray,
    samples: np.ndarray,
    path: np.ndarray,
    whole: np.ndarray,
    palette: Palette,
    *,
    plane: Plane,
    side: float,
    title: str,
    line: np.ndarray | None,
    shown: bool,
    followed: np.ndarray,
) -> Panel:
    """Draws counts in the triangle of three groups, or those of the first two groups.

    Args:
        cells: possible counts, shape ``(N, K)`` for three groups, else ``(N, 2)``.
        probabilities: probability of each cell, shape ``(N,)``.
        samples: soft samples, shape ``(S, K)``.
        path: this sample at temperatures in order, shape ``(T, K)``.
        whole: the straight-through sample of the same noise, shape ``(K,)``.
        palette: colours of the figure.
        plane: coordinates of counts.
        side: expected length of the plane's side in pixels.
        title: text above the panel.
        line: ends of the line that contains the sample after the first split, shape ``(2, K)``; ``None`` before it.
        shown: whether the samples are visible.
        followed: counts of this sample, shape ``(K,)``.

    Returns:
        A panel whose traces do not depend on what is visible.
    """
    at = plane.place(cells.astype(float))
    diameter = min(0.94 * side * plane.cell / plane.side, _LARGEST_RING)
    ring = {
        "size": float32(probabilities),
        "sizemode": "area",
        "sizeref": 2 * float(probabilities.max()) / diameter**2,
        "color": "rgba(0,0,0,0)",
        "line": {"color": palette.exact, "width": 1.2},
    }
    names = ["(" + ", ".join(map(str, cell)) + ")" for cell in cells.tolist()]
    nothing = np.empty((0, samples.shape[1]))
    traces = [
        _points(plane.place(samples if shown else nothing), "markers", size=4, color=palette.relaxed, opacity=0.45),
        {
            **_points(at, "markers"),
            "marker": ring,
            "customdata": [[name, round(100 * float(share), 3)] for name, share in zip(names, probabilities, strict=True)],
            "hoverinfo": "all",
            "hovertemplate": "%{customdata[0]}<br>exact: %{customdata[1]:.2f} %<extra></extra>",
        },
        _line(plane.place(nothing if line is None else line), palette.follow, "solid"),
        _line(plane.place(path if shown else nothing), palette.follow, "dot"),
        {
            **_quiet(plane.place(np.stack([whole, followed]) if shown else nothing), "markers"),
            "marker": {
                "symbol": ["star", "circle"],
                "size": [15, 13],
                "color": palette.follow,
                "opacity": 1,
                "line": {"color": palette.exact, "width": 1.5},
            },
        },
    ]
    panel = plane.panel(traces, palette)
    panel.annotations.append({**caption(title, palette, size=13), "yshift": 6})
    return panel


def segment(fixed: int, value: float, plane: Plane) -> np.ndarray:
    """Computes the ends of the line of all counts with one count fixed, within the bounds of the others.

    Args:
        fixed: index of the group whose count is fixed, from 0.
        value: the fixed count.
        plane: plane of the urn.

    Returns:
        Both ends, shape ``(2, K)``.

    Example:
        >>> segment(0, 2.5, Plane.of(6, (4, 4, 4))).tolist()
        [[2.5, 3.5, 0.0], [2.5, 0.0, 3.5]]
    """
    ends = []
    others = [group for group in range(len(plane.lowest)) if group != fixed]
    for order in (others, others[::-1]):
        end = plane.lowest.astype(float).copy()
        end[fixed] = value
        rest = plane.total - end.sum()
        for group in order:
            more = min(max(rest, 0.0), float(plane.highest[group] - plane.lowest[group]))
            end[group] += more
            rest -= more
        ends.append(end)
    return np.array(ends)


def _points(at: np.ndarray, mode: str, **marker: Any) -> dict[str, Any]:
    return {**_quiet(at, mode), "marker": {**marker, "line": {"width": 0}}}


def _line(at: np.ndarray, colour: str, dash: str) -> dict[str, Any]:
    return {**_quiet(at, "lines"), "line": {"color": colour, "width": 2, "dash": dash}}


def _quiet(at: np.ndarray, mode: str) -> dict[str, Any]:
    x, y = float32(at[:, 0]), float32(at[:, 1])
    return {"type": "scatter", "mode": mode, "showlegend": False, "hoverinfo": "skip", "cliponaxis": False, "x": x, "y": y}
