"""The balls in an urn: numbered and coloured by group, larger where their weight is larger, some of them drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour, translucent
from hypergeo.figures.core.panels import Panel, caption

__all__ = ["ball_panel", "ball_sizes"]

GAP, WIDEST_GAP = 0.9, 2.2  # distance between the balls in the urn and the drawn ones, in rows
SMALLEST = 0.5  # diameter of the lightest balls, as a fraction of the heaviest ones'
NOTE = 34  # pixels for the words under the urn
FILL = 0.5  # opacity of the balls: numbers on them stay legible in both themes
KEYS = np.random.default_rng(8).random((64, 512))  # order of the elements in the urn; it does not depend on the other elements


def ball_sizes(weights: Sequence[float]) -> np.ndarray:
    """Computes diameters of balls, as fractions of the heaviest ball's: the fifth root of the weight, at least one half.

    Args:
        weights: weight of each group, shape ``(K,)``.

    Returns:
        The diameters, shape ``(K,)``.

    Example:
        >>> ball_sizes([1.0, 2.0, 4.0]).round(2)
        array([0.76, 0.87, 1.  ])
    """
    shares = np.asarray(weights, dtype=float)
    return np.maximum((shares / max(shares.max(initial=0.0), 1e-300)) ** 0.2, SMALLEST)


def ball_panel(
    sizes: Sequence[int],
    weights: Sequence[float],
    out: np.ndarray,
    palette: Palette,
    *,
    capacity: int,
    title: str,
    note: str,
    width: float,
    height: float,
) -> Panel:
    """Draws the urn with its balls, and above it the balls of the last sample; rings mark their places in the urn.

    Args:
        sizes: number of elements in each group, shape ``(K,)``.
        weights: weight of each group, shape ``(K,)``; balls of weight zero are hollow.
        out: sampled elements in the order in which they are shown, shape ``(n,)``; elements are numbered group by group.
        palette: colours of the figure.
        capacity: greatest number of balls above the urn.
        title: text above the sampled balls.
        note: text under the urn.
        width: expected width of the panel in pixels, which sets the size of the balls.
        height: expected height of the panel in pixels, which also sets the size of the balls.

    Returns:
        The panel, to be placed in a figure.
    """
    group = [k for k, size in enumerate(sizes) for _ in range(size)]
    number = len(group)
    columns, cell = _fit(number, capacity, width, height)
    rows, tray = -(-number // columns), max(1, -(-capacity // columns))
    order = np.argsort(np.concatenate([KEYS[k, :size] for k, size in enumerate(sizes)]), kind="stable")
    places = np.empty((number, 2))
    places[order] = _grid(number, columns)
    ghosts = places[out]
    gap = float(np.clip((height - NOTE) / cell - rows - tray, GAP, WIDEST_GAP))
    places[out] = _grid(capacity, columns, from_top=True)[: len(out)] + np.array([0, rows + gap])
    diameter = (0.83 * cell * ball_sizes(weights))[group]
    left, right, rim = -0.12, columns + 0.12, rows + 0.3
    wall = [(left - 0.12, rim), (left, rim - 0.12), (left, 0.3), (left + 0.08, 0.02), (left + 0.36, -0.12)]
    outline = np.array(wall + [(columns - x, y) for x, y in wall[::-1]])
    colours = [group_colour(k) for k in group]
    fills = [translucent(group_colour(k), FILL if weights[k] > 0 else 0.0) for k in group]
    top = rows + gap + tray
    tall = max(height / cell, top + 0.3)
    wide = max(width / cell, right - left + 0.4)
    return Panel(
        traces=[
            _quiet(
                mode="lines",
                x=outline[:, 0].tolist(),
                y=outline[:, 1].tolist(),
                line={"color": palette.muted, "width": 2, "shape": "spline", "smoothing": 0.4},
            ),
            _quiet(
                mode="markers",
                x=ghosts[:, 0].tolist(),
                y=ghosts[:, 1].tolist(),
                marker={
                    "size": (0.9 * diameter[out]).round(1).tolist(),
                    "color": "rgba(0,0,0,0)",
                    "opacity": 0.6,
                    "line": {"width": 1, "color": [colours[element] for element in out]},
                },
            ),
            {
                "type": "scatter",
                "mode": "markers+text",
                "showlegend": False,
                "cliponaxis": False,
                "x": places[:, 0].round(3).tolist(),
                "y": places[:, 1].round(3).tolist(),
                "text": [str(k + 1) for k in group],
                "textfont": {"size": float(np.clip(round(0.3 * cell), 8, 15)), "color": palette.text},
                "customdata": [f"{weights[k]:g}" for k in group],
                "hovertemplate": "group %{text}, weight %{customdata}<extra></extra>",
                "marker": {
                    "size": diameter.round(1).tolist(),
                    "color": fills,
                    "opacity": 1,
                    "line": {"width": 1.6, "color": colours},
                },
            },
        ],
        xaxis={
            "range": [(left + right - wide) / 2, (left + right + wide) / 2],
            "visible": False,
            "constrain": "domain",
        },
        yaxis={"range": [top + 0.1 - tall, top + 0.1], "visible": False, "scaleanchor": "x", "constrain": "domain"},
        annotations=[
            caption(title, palette, size=13),
            {
                "text": note,
                "xref": "x",
                "yref": "y",
                "x": (left + right) / 2,
                "y": -0.2,
                "xanchor": "center",
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": 12, "color": palette.muted},
            },
        ],
    )


def _fit(number: int, capacity: int, width: float, height: float) -> tuple[int, float]:
    """Returns the number of balls side by side that lets them be largest, and the pixels of each."""

    def cell(columns: int) -> float:
        rows = -(-number // columns) + max(1, -(-capacity // columns))
        return min(width / (columns + 0.6), (height - NOTE) / (rows + GAP), 64.0)

    best = max(range(1, max(number, capacity, 1) + 1), key=lambda columns: (cell(columns), columns))
    return best, cell(best)


def _grid(number: int, columns: int, *, from_top: bool = False) -> np.ndarray:
    """Returns centres of balls in rows, from the bottom or from the top; the row that is not full is centred."""
    rows = -(-number // columns)
    row, column = np.divmod(np.arange(number), columns)
    missing = rows * columns - number
    across = column + 0.5 + np.where(row == rows - 1, missing / 2, 0.0)
    up = (rows - 1 - row if from_top else row) + 0.5
    return np.column_stack([across, up]).reshape(-1, 2)


def _quiet(**options: Any) -> dict[str, Any]:
    return {"type": "scatter", "showlegend": False, "hoverinfo": "skip", "cliponaxis": False, **options}
