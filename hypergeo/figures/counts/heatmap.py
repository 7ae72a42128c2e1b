"""The effect of each weight on each mean count: a matrix of numbers, also in colour."""

from __future__ import annotations

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour
from hypergeo.figures.core.panels import Panel, caption

__all__ = ["heatmap_panel"]

# Colours from decreases to increases, through the page's background: they suit both themes and colour-blind readers.
_LOSES, _GAINS, _DENSEST = (213, 94, 0), (0, 114, 178), 0.6


def heatmap_panel(sensitivity: np.ndarray, palette: Palette, *, title: str, note: str) -> Panel:
    """Draws one row for each group's mean and one column for each weight that is increased.

    Args:
        sensitivity: derivative of the mean of group ``i`` in the log weight of group ``j``, shape ``(K, K)``.
        palette: colours of the figure.
        title: text above the panel.
        note: text under the panel.

    Returns:
        The panel, to be placed in a figure.
    """
    groups = len(sensitivity)
    # Colours follow the square root, so that small numbers are visible, too.
    shade = np.sign(sensitivity) * np.sqrt(np.abs(sensitivity))
    limit = max(float(np.abs(shade).max()), 1e-6)
    scale = [[0, _ink(_LOSES, _DENSEST)], [0.5, _ink(_LOSES, 0)], [0.5, _ink(_GAINS, 0)], [1, _ink(_GAINS, _DENSEST)]]
    numbers = [[_signed(value) for value in row] for row in sensitivity]
    each = list(range(groups))
    square = '<span style="color:{}">■</span> {}'
    return Panel(
        traces=[
            {
                "type": "heatmap",
                "x": each,
                "y": each,
                "z": shade.round(4).tolist(),
                "zmin": -limit,
                "zmax": limit,
                "colorscale": scale,
                "showscale": False,
                "xgap": 3,
                "ygap": 3,
                "text": numbers,
                "texttemplate": "%{text}",
                "textfont": {"size": 12 if groups < 6 else 11, "color": palette.text},
                "customdata": [[[i + 1, j + 1] for j in each] for i in each],
                "hovertemplate": "raising weight %{customdata[1]} by 1 % changes the mean of group %{customdata[0]} by "
                "%{text} hundredths of a ball<br>click: raise weight %{customdata[1]}<extra></extra>",
            }
        ],
        xaxis={
            "range": [-0.5, groups - 0.5],
            "tickvals": each,
            "ticktext": [square.format(group_colour(j), f"w<sub>{j + 1}</sub>") for j in each],
            "side": "top",
            "ticks": "",
        },
        yaxis={
            "range": [groups - 0.5, -0.5],
            "tickvals": each,
            "ticktext": [square.format(group_colour(i), f"E[x<sub>{i + 1}</sub>]") for i in each],
            "ticks": "",
        },
        annotations=[
            {**caption(title, palette, size=13), "yshift": 20},
            {
                "text": note,
                "xref": "x domain",
                "yref": "y domain",
                "x": 0,
                "y": 0,
                "yshift": -6,
                "xanchor": "left",
                "yanchor": "top",
                "align": "left",
                "showarrow": False,
                "font": {"size": 12, "color": palette.muted},
            },
        ],
    )


def _signed(value: float) -> str:
    """Returns a number with its sign, so that colour is not the only cue; what rounds to nothing is 0."""
    if abs(value) < 5e-4:
        return "0"
    return f"{value:+.2f}".replace("-", "−") if abs(value) >= 0.05 else f"{value:+.3f}".replace("-", "−")


def _ink(colour: tuple[int, int, int], opacity: float) -> str:
    return f"rgba({colour[0]},{colour[1]},{colour[2]},{opacity:g})"
