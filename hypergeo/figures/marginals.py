"""Counts of one group: the exact marginal law as an outline over a filled histogram of relaxed samples."""

from __future__ import annotations

import numpy as np

from .palette import Palette, group_colour
from .panels import Panel, caption

__all__ = ["histogram_shares", "marginal_panel"]


def histogram_shares(samples: np.ndarray, low: int, high: int) -> np.ndarray:
    """Share of samples in bins of width one around the whole numbers from ``low`` to ``high``.

    Args:
        samples: real counts, shape ``(T, S)``.
        low: centre of the first bin.
        high: centre of the last bin.

    Returns:
        Shares, shape ``(T, high - low + 1)``.

    Example:
        >>> histogram_shares(np.array([[0.2, 0.9, 1.1, 2.0]]), 0, 2)
        array([[0.25, 0.5 , 0.25]])
    """
    bins = np.clip(np.rint(samples).astype(int), low, high) - low
    return np.stack([np.bincount(row, minlength=high - low + 1) for row in bins]) / samples.shape[-1]


def marginal_panel(probabilities: np.ndarray, samples: np.ndarray, palette: Palette, *, group: int, title: str) -> Panel:
    """One group's exact marginal law and relaxed samples, one frame for each temperature.

    Args:
        probabilities: exact marginal law over ``0, 1, ..``, shape ``(M + 1,)``.
        samples: relaxed counts of the group at each temperature, shape ``(T, S)``.
        palette: the inks.
        group: index of the group, from 0, for its colour.
        title: words above the panel.
    """
    possible = np.flatnonzero(probabilities > 0)
    low, high = int(possible[0]), int(possible[-1])
    exact = probabilities[low : high + 1]
    shares = histogram_shares(samples, low, high).astype(np.float32)
    values = np.arange(low, high + 1)
    ceiling = min(1.0, 1.9 * exact.max()) * 1.04
    fills = {
        "type": "bar",
        "x": values,
        "y": shares[0],
        "width": 1,
        "showlegend": False,
        "marker": {"color": group_colour(group), "opacity": 0.75, "line": {"width": 0}},
        "hovertemplate": "%{x}: %{y:.1%} of the relaxed samples<extra></extra>",
    }
    edges = np.repeat(np.arange(low, high) + 0.5, 2).tolist()
    outline = {
        "type": "scatter",
        "mode": "lines",
        "x": [low - 0.5, low - 0.5, *edges, high + 0.5, high + 0.5],
        "y": [0, *np.repeat(exact, 2).tolist(), 0],
        "showlegend": False,
        "hoverinfo": "skip",
        "line": {"color": palette.exact, "width": 1.6},
    }
    middle, reach = (low + high) / 2, max((high - low) / 2 + 0.75, 2.75)
    step = max(1, int(np.ceil((high - low + 1) / 9)))
    return Panel(
        traces=[fills, outline],
        xaxis={
            "range": [middle - reach, middle + reach],
            "tickmode": "array",
            "tickvals": values[::step],
            "showline": True,
            "ticks": "",
        },
        yaxis={"range": [0, ceiling], "visible": False},
        # plotly.js drops a still scatter from axes on which bars glide, so the outline takes part in every frame.
        moving=[0, 1],
        frames=[[{"type": "bar", "y": row}, {}] for row in shares],
        annotations=[caption(title, palette)],
    )
