"""Counts of each group: exact marginal probabilities as outlines over histograms of samples, one row for each group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour
from hypergeo.figures.core.panels import Panel, axis_title

from .lattice import window

__all__ = ["histogram_shares", "marginals_panel"]

HEADROOM = 1.75  # upper end of the axis in multiples of the highest exact probability; taller bars are cut off there
FEW = 16  # counts of a group up to which rare ones are drawn, too
TITLE = 0.24  # height of a row's title, as a fraction of the row


def histogram_shares(samples: np.ndarray, low: int, high: int) -> np.ndarray:
    """Computes the fraction of samples in bins of width one around the whole numbers from ``low`` to ``high``.

    Args:
        samples: real counts, shape ``(T, S)``.
        low: centre of the first bin.
        high: centre of the last bin.

    Returns:
        Fractions, shape ``(T, high - low + 1)``.

    Example:
        >>> histogram_shares(np.array([[0.2, 0.9, 1.1, 2.0]]), 0, 2)
        array([[0.25, 0.5 , 0.25]])
    """
    bins = np.clip(np.rint(samples).astype(int), low, high) - low
    return np.stack([np.bincount(row, minlength=high - low + 1) for row in bins]) / samples.shape[-1]


def marginals_panel(
    probabilities: np.ndarray, samples: np.ndarray, palette: Palette, *, titles: Sequence[str], at: int | None = None
) -> Panel:
    """Draws every group's exact marginal distribution and samples over one axis of counts, one frame for each temperature.

    Each row has its own scale, which ends above the highest exact probability. Rare counts of a large group are left out.

    Args:
        probabilities: exact marginal probabilities of ``0, 1, ..``, shape ``(K, M + 1)``.
        samples: counts at each temperature, shape ``(T, S, K)``.
        palette: colours of the figure.
        titles: text above each row, ``K`` of them.
        at: index of the only temperature that is drawn; by default there is a frame for each. The axes are the same in
            both cases.

    Returns:
        The panel, to be placed in a figure.
    """
    groups = len(probabilities)
    drawn_at = slice(None) if at is None else slice(at, at + 1)
    places, bases, shares, heights, colours = [], [], [], [], []
    lines_x: list[float | None] = []
    lines_y: list[float | None] = []
    for group, law in enumerate(probabilities):
        low, high = _drawn(law, samples[..., group, None])
        exact = law[low : high + 1]
        ceiling = min(1.0, HEADROOM * exact.max())
        scale = (1 - TITLE) / ceiling
        base = float(groups - 1 - group)
        share = histogram_shares(samples[drawn_at, :, group], low, high)
        places.append(np.arange(low, high + 1))
        bases.append(np.full(high - low + 1, base))
        shares.append(share)
        heights.append(np.minimum(share, ceiling) * scale)
        colours += [group_colour(group)] * (high - low + 1)
        edges = np.repeat(np.arange(low, high) + 0.5, 2).tolist()
        lines_x += [low - 0.5, low - 0.5, *edges, high + 0.5, high + 0.5, None]
        lines_y += [base, *(base + scale * np.repeat(exact, 2)).tolist(), base, None]
    drawn = np.concatenate(heights, 1).astype(np.float32)
    percentages = (100 * np.concatenate(shares, 1)).round(2)
    x = np.concatenate(places)
    middle, reach = (x.min() + x.max()) / 2, max((x.max() - x.min()) / 2 + 0.75, 2.75)
    fills = {
        "type": "bar",
        "x": x,
        "base": np.concatenate(bases),
        "y": drawn[0],
        "width": 1,
        "showlegend": False,
        "marker": {"color": colours, "opacity": 0.78, "line": {"width": 0}},
        "customdata": percentages[0],
        "hovertemplate": "count %{x}: %{customdata:.1f} % of the samples<extra></extra>",
    }
    outlines = {
        "type": "scatter",
        "mode": "lines",
        "x": lines_x,
        "y": lines_y,
        "showlegend": False,
        "hoverinfo": "skip",
        "line": {"color": palette.exact, "width": 1.6},
    }
    words = {
        "type": "scatter",
        "mode": "text",
        "x": np.full(groups, middle - reach),
        "y": np.arange(groups, 0, -1) - 0.05,
        "text": list(titles),
        "textposition": "bottom right",
        "textfont": {"size": 12, "color": palette.text},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return Panel(
        traces=[fills, outlines, words],
        xaxis={
            "range": [middle - reach, middle + reach],
            "tickformat": "d",
            "dtick": max(1, int(np.ceil((x.max() - x.min() + 1) / 13))),
            "ticks": "",
        },
        yaxis={
            "range": [-0.02, groups],
            "tickvals": list(range(groups)),
            "showticklabels": False,
            "showgrid": True,
            "showline": False,
        },
        # plotly.js removes scatter traces that are not in the frames from axes with moving bars, so frames have all traces.
        moving=[0, 1, 2],
        frames=[
            [{"type": "bar", "y": row, "customdata": shown}, {}, {}] for row, shown in zip(drawn, percentages, strict=True)
        ],
        annotations=[axis_title("balls drawn from the group", palette)],
    )


def _drawn(law: np.ndarray, samples: np.ndarray) -> tuple[int, int]:
    """Returns the bounds of a group's drawn counts: they change seldom, so that the axis stays while a parameter moves.

    Example:
        >>> _drawn(np.ones(30) / 30, np.array([[3.0], [19.0]]))
        (0, 29)
        >>> _drawn(np.eye(30)[11], np.array([[9.0], [19.0]]))
        (8, 20)
    """
    low, high = (int(bound[0]) for bound in window(np.arange(len(law))[:, None], law, samples))
    if len(law) <= FEW or high - low + 1 > len(law) / 2:
        return 0, len(law) - 1
    step = 2 ** max(int(np.log2(high - low + 1)) - 2, 0)
    return low // step * step, min(-(-high // step) * step, len(law) - 1)
