"""Group sizes: those of one sample as bars, the expected ones as dark outlines."""

from __future__ import annotations

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour, translucent
from hypergeo.figures.core.panels import Panel, caption

__all__ = ["sizes_panel"]


def sizes_panel(sizes: np.ndarray, expected: np.ndarray, palette: Palette, *, title: str) -> Panel:
    """Draws one bar for each group.

    Args:
        sizes: group sizes of the sample, shape ``(K,)``.
        expected: mean of the exact distribution, or the sizes that are fixed, shape ``(K,)``.
        palette: colours of the figure.
        title: text above the panel.

    Returns:
        The panel, to be placed in a figure.
    """
    rows = list(range(len(sizes)))
    most = float(max(sizes.max(), expected.max(), 1))
    return Panel(
        traces=[
            {
                "type": "bar",
                "orientation": "h",
                "x": np.round(sizes, 4).tolist(),
                "y": rows,
                "width": 0.62,
                "marker": {"color": [translucent(group_colour(group), 0.85) for group in rows], "line": {"width": 0}},
                "showlegend": False,
                "hovertemplate": "group %{customdata}: %{x:.3g} elements here<extra></extra>",
                "customdata": [group + 1 for group in rows],
            },
            {
                "type": "bar",
                "orientation": "h",
                "x": np.round(expected, 4).tolist(),
                "y": rows,
                "width": 0.8,
                "marker": {"color": "rgba(0,0,0,0)", "line": {"width": 1.8, "color": palette.exact}},
                "showlegend": False,
                "hovertemplate": "group %{customdata}: %{x:.4g} elements expected<extra></extra>",
                "customdata": [group + 1 for group in rows],
            },
        ],
        xaxis={"range": [0, 1.08 * most], "nticks": 5, "showline": True},
        yaxis={
            "range": [len(rows) - 0.5, -0.5],
            "tickvals": rows,
            "ticktext": [f'<span style="color:{group_colour(k)}">■</span> {k + 1}' for k in rows],
            "ticks": "",
        },
        annotations=[caption(title, palette)],
    )
