"""An assignment matrix as a heat map: one row for each element, one column for each group, and the sums of both."""

from __future__ import annotations

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour, translucent
from hypergeo.figures.core.panels import Json, Panel, caption

__all__ = ["assignment_panel"]

_DENSEST = 0.55  # opacity of an entry of one: numbers stand out from it in both themes
_LINES = 24  # of text that fit into a panel's height
_LEGIBLE = 28  # largest number of rows for which every entry has its number
_FULL = 0.999  # an entry of one stays within the colours of its own group


def assignment_panel(
    matrix: np.ndarray,
    palette: Palette,
    *,
    title: str,
    note: str,
    targets: np.ndarray,
    exact: np.ndarray | None = None,
    chosen: tuple[int, int] | None = None,
) -> Panel:
    """Draws entries as fills in the colours of the groups, row sums to the right and column sums below.

    Args:
        matrix: nonnegative entries, shape ``(N, K)``.
        palette: colours of the figure.
        title: text above the panel.
        note: text under the panel, before the required column sums.
        targets: required column sums, shape ``(K,)``.
        exact: group of each element in the exact partition, shape ``(N,)``, drawn as dark outlines.
        chosen: element and group of an entry that is marked.

    Returns:
        The panel, to be placed in a figure.
    """
    num_elements, groups = matrix.shape
    columns = list(range(groups))
    scale: list[list[object]] = []
    for group in columns:
        scale += [[group / groups, translucent(group_colour(group), 0)]]
        scale += [[(group + 1) / groups, translucent(group_colour(group), _DENSEST)]]
    legible = num_elements <= _LEGIBLE
    numbers = [[f"{entry:.2f}" if entry >= 0.005 else "" for entry in row] for row in matrix]
    fills: Json = {
        "type": "heatmap",
        "x": columns,
        "y": list(range(num_elements)),
        "z": (np.arange(groups) + _FULL * matrix.clip(0, 1)).round(4).tolist(),
        "zmin": 0,
        "zmax": groups,
        "colorscale": scale,
        "showscale": False,
        "xgap": 2,
        "ygap": 1,
        "text": numbers if legible else [[""] * groups] * num_elements,
        "customdata": [[[f"{entry:.3g}", group + 1] for group, entry in enumerate(row)] for row in matrix],
        "texttemplate": "%{text}",
        "textfont": {"size": 11, "color": palette.text},
        "hovertemplate": "element %{y}, group %{customdata[1]}: %{customdata[0]}<extra></extra>",
    }
    every = 1 if legible else 2
    ticks = list(range(0, num_elements, every))
    sums, gap = matrix.sum(0), num_elements / _LINES
    below = [num_elements - 0.5 + 0.6 * gap, num_elements - 0.5 + 1.7 * gap]
    return Panel(
        traces=[
            fills,
            _outlines([] if exact is None else list(enumerate(exact.tolist())), palette.exact, 1.6),
            _outlines([] if chosen is None else [chosen], palette.follow, 2.4),
            {
                "type": "scatter",
                "mode": "text",
                "x": [groups - 0.1] * len(ticks) + columns + columns,
                "y": [*ticks, *[below[0]] * groups, *[below[1]] * groups],
                "text": [
                    *(_sum(value) for value in matrix.sum(1)[::every]),
                    *(f"<b>{_sum(value)}</b>" for value in sums),
                    *(_sum(value) for value in targets),
                ],
                "textfont": {"size": 11, "color": palette.text},
                "cliponaxis": False,
                "showlegend": False,
                "hoverinfo": "skip",
            },
        ],
        xaxis={
            "range": [-0.5, groups + 0.4],
            "tickvals": [*columns, groups - 0.1],
            "ticktext": [*(f'<span style="color:{group_colour(k)}">■</span> {k + 1}' for k in columns), "sum"],
            "side": "top",
            "ticks": "",
        },
        yaxis={
            "range": [num_elements - 0.5 + 2.2 * gap, -0.5],
            "tickvals": [*ticks, *below],
            "ticktext": [*(str(element + 1) for element in ticks), "sum", note],
            "ticks": "",
        },
        annotations=[{**caption(title, palette, size=13), "yshift": 20}],
    )


def _outlines(entries: list[tuple[int, int]], colour: str, width: float) -> Json:
    """Returns rectangles around entries (element, group)."""
    across, down = np.array([-0.46, 0.46, 0.46, -0.46, -0.46, np.nan]), np.array([-0.44, -0.44, 0.44, 0.44, -0.44, np.nan])
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [None if np.isnan(x) else group + float(x) for _, group in entries for x in across],
        "y": [None if np.isnan(y) else element + float(y) for element, _ in entries for y in down],
        "line": {"color": colour, "width": width},
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _sum(value: float) -> str:
    """Returns a sum with two decimals, or without decimals if it is whole up to rounding.

    Example:
        >>> _sum(5.999999999999), _sum(5.25)
        ('6', '5.25')
    """
    return f"{value:.0f}" if abs(value - round(value)) < 1e-9 else f"{value:.2f}"
