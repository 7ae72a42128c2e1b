"""Learning the number of factors that two images share: distances with thresholds, its distribution, agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hypergeo.figures.core.palette import Palette, translucent
from hypergeo.figures.core.panels import Panel, axis_title, caption, float32

__all__ = [
    "ADAVAE",
    "agreement_panel",
    "bars_panel",
    "cuts_panel",
    "law_panel",
]

ADAVAE = "#D55E00"
"""Colour of AdaVAE's numbers. They are also dashed lines or diamonds, so that colour is not the only cue."""

_LEAST = 1e-2  # nats; smaller distances are drawn at this value


def cuts_panel(distances: np.ndarray, ours: float, adavae: float, true: float | None, palette: Palette, *, title: str) -> Panel:
    """Draws distances by rank, closest first, and the threshold of each rule.

    Args:
        distances: sorted distances of pairs in each dimension, in nats, shape ``(N, d)``.
        ours: expected number of shared dimensions; the learned threshold is drawn after this rank.
        adavae: distance below which AdaVAE shares a dimension, the median over pairs.
        true: number of shared factors, or ``None`` where pairs differ.
        palette: colours of the figure.
        title: text above the panel.

    Returns:
        The panel, to be placed in a figure.
    """
    seen = np.maximum(distances, _LEAST)
    low, middle, high = np.quantile(seen, [0.1, 0.5, 0.9], axis=0)
    ranks = np.arange(1, distances.shape[1] + 1)
    top = 10 ** np.ceil(np.log10(max(float(high.max()), 1.0)))
    bottom, ends = np.log10(_LEAST / 2), [_LEAST / 2, float(top)]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [0.4, distances.shape[1] + 0.6],
            "y": [adavae, adavae],
            "line": {"color": ADAVAE, "width": 1.8, "dash": "dash"},
            "hovertemplate": "AdaVAE shares below %{y:.3g} nats<extra></extra>",
        },
        _upright(np.nan if true is None else true + 0.5, ends, {"color": palette.exact, "width": 2.6}, "truth"),
        _upright(ours + 0.5, ends, {"color": palette.relaxed, "width": 2.4, "dash": "dot"}, f"learned: {ours:.2f} shared"),
        {
            "type": "scatter",
            "mode": "markers",
            "x": ranks,
            "y": float32(middle),
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": float32(high - middle),
                "arrayminus": float32(middle - low),
                "color": palette.relaxed,
                "thickness": 3,
                "width": 0,
            },
            "marker": {"size": 9, "color": palette.relaxed, "line": {"color": palette.exact, "width": 1}},
            "hovertemplate": "rank %{x}: median %{y:.3g} nats<extra></extra>",
        },
    ]
    for trace in traces:
        trace["showlegend"] = False
    powers = np.arange(-2, int(np.log10(top)) + 1, 1 if top < 100 else 2)
    return Panel(
        traces=traces,
        xaxis={"range": [0.4, distances.shape[1] + 0.6], "tickvals": ranks.tolist(), "showline": True},
        yaxis={
            "type": "log",
            "range": [bottom, float(np.log10(top))],
            "tickvals": [float(10.0**power) for power in powers],
            "ticktext": [f"{10.0**power:g}" for power in powers],
            "showgrid": True,
        },
        annotations=[caption(title, palette), axis_title("dimension, closest first", palette)],
    )


def law_panel(
    law: np.ndarray, palette: Palette, *, adavae: np.ndarray, true: np.ndarray, even: np.ndarray, title: str
) -> Panel:
    """Draws the distribution of the number as bars, the true numbers as outlines.

    Args:
        law: probability of each number, shape ``(d + 1,)``.
        palette: colours of the figure.
        adavae: fraction of pairs to which AdaVAE assigns each number, shape ``(d + 1,)``.
        true: fraction of pairs that share each number, shape ``(d + 1,)``.
        even: probability of each number at weight one, the start of training, shape ``(d + 1,)``.
        title: text above the panel.

    Returns:
        The panel, to be placed in a figure.
    """
    numbers = np.arange(len(law))
    place = np.flatnonzero(true > 0)
    gap = np.full(len(place), np.nan)
    left, right = place - 0.42, place + 0.42
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": numbers,
            "y": float32(law),
            "width": 0.7,
            "marker": {"color": translucent(palette.relaxed, 0.85)},
            "hovertemplate": "%{x} shared: probability %{y:.3f}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": numbers,
            "y": float32(even),
            "marker": {"symbol": "line-ew", "size": 9, "line": {"color": palette.muted, "width": 1.5}},
            "hovertemplate": "at the start: probability %{y:.3f}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": float32(np.column_stack([left, left, right, right, gap]).ravel()),
            "y": float32(np.column_stack([0 * left, true[place], true[place], 0 * left, gap]).ravel()),
            "line": {"color": palette.exact, "width": 2},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": float32(numbers[adavae > 0]),
            "y": float32(adavae[adavae > 0]),
            "marker": {"symbol": "diamond", "size": 8, "color": ADAVAE, "line": {"color": palette.exact, "width": 0.8}},
            "hovertemplate": "AdaVAE: %{x} in a fraction %{y:.3f} of pairs<extra></extra>",
        },
    ]
    for trace in traces:
        trace["showlegend"] = False
    return Panel(
        traces=traces,
        xaxis={"range": [-0.6, len(law) - 0.4], "tickvals": numbers.tolist(), "showline": True},
        yaxis={"range": [0, 1.03], "tickvals": [0, 0.5, 1], "showgrid": True},
        annotations=[caption(title, palette), axis_title("number shared, k", palette)],
    )


def agreement_panel(
    true: np.ndarray, ours: np.ndarray, adavae: np.ndarray, most: int, palette: Palette, *, title: str
) -> Panel:
    """Draws estimates against the true number, where pairs differ: means and standard deviations.

    Args:
        true: number of factors that each pair shares, shape ``(N,)``.
        ours: expected numbers, shape ``(N,)``.
        adavae: numbers by AdaVAE's threshold, shape ``(N,)``.
        most: number of dimensions.
        palette: colours of the figure.
        title: text above the panel.

    Returns:
        The panel, to be placed in a figure.
    """
    numbers = np.unique(true)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [0, most],
            "y": [0, most],
            "line": {"color": palette.exact, "width": 2},
            "hoverinfo": "skip",
        }
    ]
    kinds = (
        (ours, "ours", palette.relaxed, "circle", -0.08),
        (adavae, "AdaVAE", ADAVAE, "diamond", 0.08),
    )
    for values, name, colour, symbol, aside in kinds:
        groups = [values[true == number] for number in numbers]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": float32(numbers + aside),
                "y": float32(np.array([group.mean() for group in groups])),
                "error_y": {
                    "type": "data",
                    "array": float32(np.array([group.std() for group in groups])),
                    "color": colour,
                    "thickness": 2,
                    "width": 0,
                },
                "marker": {"symbol": symbol, "size": 9, "color": colour, "line": {"color": palette.exact, "width": 1}},
                "hovertemplate": f"{name}: %{{y:.2f}}<extra></extra>",
            }
        )
    for trace in traces:
        trace["showlegend"] = False
    return Panel(
        traces=traces,
        xaxis={"range": [-0.6, most + 0.6], "tickvals": list(range(most + 1)), "showline": True},
        yaxis={"range": [-0.4, most + 0.4], "tickvals": list(range(most + 1)), "showgrid": True},
        annotations=[caption(title, palette), axis_title("factors that a pair truly shares", palette)],
    )


def bars_panel(
    values: np.ndarray,
    names: Sequence[str],
    palette: Palette,
    *,
    title: str,
    format: str = ".2f",
) -> Panel:
    """Draws horizontal bars with labels on the left.

    Args:
        values: lengths of the bars, shape ``(N,)``.
        names: labels of the bars.
        palette: colours of the figure.
        title: text above the panel.
        format: number format at the bars' ends.

    Returns:
        The panel, to be placed in a figure.
    """
    rows = np.arange(len(values))
    most = max(float(values.max()), 1e-6)
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "x": float32(values),
            "y": rows,
            "width": 0.62,
            "marker": {"color": translucent(palette.relaxed, 0.85)},
            "hovertemplate": f"%{{x:{format}}}<extra></extra>",
        }
    ]
    for trace in traces:
        trace["showlegend"] = False
    return Panel(
        traces=traces,
        xaxis={"range": [0, 1.08 * most], "showline": True, "nticks": 5},
        yaxis={"range": [len(values) - 0.45, -0.55], "tickvals": rows.tolist(), "ticktext": list(names), "ticks": ""},
        annotations=[caption(title, palette)],
    )


def _upright(place: float, ends: list[float], line: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": float32(np.array([place, place])),
        "y": ends,
        "line": line,
        "hovertemplate": f"{name}<extra></extra>",
    }
