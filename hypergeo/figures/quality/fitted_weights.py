"""Weights that fit observed counts, with their intervals, beside reference weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour
from hypergeo.figures.core.panels import Box, Json, Panel, arrange, caption
from hypergeo.figures.core.plain_figure import PlainFigure

__all__ = ["counts_figure", "weights_panel"]

REACH = 3.0  # factor from the greatest and least finite weight to the arrows for infinite weights and weights of zero


def weights_panel(
    weights: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    references: Sequence[float],
    palette: Palette,
    *,
    title: str,
    names: Sequence[str] = (),
) -> Panel:
    """Draws fitted weights as dots with intervals, and reference weights as dark open diamonds, one line for each group.

    Args:
        weights: fitted weights; zero and infinite ones are drawn as arrows at the ends of the axis, NaN not at all.
        intervals: ends of each weight's interval; NaN where there is none.
        references: weights to compare with, on the same scale.
        palette: colours of the figure.
        title: text above the panel.
        names: names of the groups; ``Group 1``, ``Group 2``, .. when omitted.

    Returns:
        The panel, to be placed in a figure.
    """
    known = [value for value in (*weights, *references, *(end for pair in intervals for end in pair)) if 0 < value < math.inf]
    low, high = (min(known), max(known)) if known else (1.0, 1.0)
    low, high = min(low, high / 2) / 1.4, max(high, 2 * low) * 1.4
    if any(value in (0.0, math.inf) for value in (*weights, *references)):
        low, high = low / REACH, high * REACH
    places = list(range(len(weights)))[::-1]
    shown = [
        (min(max(weight, low * 1.15), high / 1.15), y, group)
        for group, (weight, y) in enumerate(zip(weights, places, strict=True))
        if not math.isnan(weight)
    ]
    symbols = [{0.0: "triangle-left", math.inf: "triangle-right"}.get(weights[group], "circle") for _, _, group in shown]
    ends = [intervals[group] if weights[group] not in (0.0, math.inf) else (math.nan, math.nan) for _, _, group in shown]
    fitted: Json = {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _, _ in shown],
        "y": [y for _, y, _ in shown],
        "marker": {"size": 11, "symbol": symbols, "color": [group_colour(group) for _, _, group in shown]},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [
                0.0 if math.isnan(end[1]) else min(end[1], 1e3 * high) - x for end, (x, _, _) in zip(ends, shown, strict=True)
            ],
            "arrayminus": [0.0 if math.isnan(end[0]) else x - end[0] for end, (x, _, _) in zip(ends, shown, strict=True)],
            "color": palette.text,
            "thickness": 1.6,
            "width": 5,
        },
        "customdata": [
            f"{weights[group]:.4g}" if math.isnan(end[0]) else f"{weights[group]:.4g} ({end[0]:.4g} to {end[1]:.4g})"
            for end, (_, _, group) in zip(ends, shown, strict=True)
        ],
        "hovertemplate": "fitted: %{customdata}<extra></extra>",
        "showlegend": False,
    }
    asked: Json = {
        "type": "scatter",
        "mode": "markers",
        "x": [min(max(weight, low * 1.15), high / 1.15) for weight in references],
        "y": [y + 0.22 for y in places],
        "marker": {"size": 10, "symbol": "diamond-open", "color": palette.exact, "line": {"width": 1.8}},
        "customdata": [f"{weight:.4g}" for weight in references],
        "hovertemplate": "of the distribution: %{customdata}<extra></extra>",
        "showlegend": False,
    }
    return Panel(
        traces=[fitted, asked],
        xaxis={"type": "log", "range": np.log10([low, high]).tolist(), "showgrid": True, "showline": True, **_ticks(low, high)},
        yaxis={
            "range": [-0.55, len(weights) - 0.45],
            "tickvals": places,
            "ticktext": list(names) or [f"Group {group + 1}" for group in range(len(weights))],
            "tickfont": {"size": 12, "color": palette.text},
            "showgrid": True,
        },
        annotations=[
            caption(title, palette),
            {
                "text": "weight, geometric mean one",
                "xref": "x domain",
                "yref": "y domain",
                "x": 0.5,
                "y": 0,
                "yshift": -18,
                "xanchor": "center",
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": 12, "color": palette.muted},
            },
        ],
    )


def counts_figure(marginals: Panel, weights: Panel, palette: Palette, *, groups: int, narrow: bool = False) -> PlainFigure:
    """Draws observed counts over the exact distribution of each group, beside the fitted weights.

    Args:
        marginals: counts of each group.
        weights: result of :func:`weights_panel`.
        palette: colours of the figure.
        groups: number of groups, for the height.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    if narrow:
        first, second = 84 * groups + 20, 44 * groups + 20
        height = first + second + 170
        inner = height - 60
        boxes = [Box(0.02, 0.98, 1 - first / inner, 1), Box(0.2, 0.97, 0, second / inner)]
        return arrange([marginals, weights], boxes, palette, height=height, margin=(4, 4, 14, 46))
    boxes = [Box(0.01, 0.56, 0, 1), Box(0.68, 0.99, 0, 0.92)]
    return arrange([marginals, weights], boxes, palette, height=min(max(112 * groups + 50, 300), 520), margin=(8, 8, 14, 46))


def _ticks(low: float, high: float) -> Json:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for digits in ((1, 2, 5), (1,)):
        ticks = [digit * 10.0**power for power in powers for digit in digits if low <= digit * 10.0**power <= high]
        if len(ticks) <= 6:
            break
    return {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
