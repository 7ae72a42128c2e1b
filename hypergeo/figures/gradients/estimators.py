"""Estimators side by side: arrows against the exact gradient, bias and standard deviation on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypergeo.figures.core.layout import MARGIN, Pixels
from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Box, Panel, arrange, caption
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.counts.plane import Plane

from .arrows import exact_arrow, mean_arrow, sample_arrows, spread_ellipse

__all__ = ["STYLES", "Compared", "Style", "estimators_figure"]

_LEAST = 960  # width in pixels at which titles keep apart
_SHOWN = 40


@dataclass(frozen=True)
class Style:
    """Colour, line and symbol of an estimator in every figure."""

    colour: str
    dash: str
    symbol: str


STYLES = {
    "Gumbel-softmax": Style("#3A7DD9", "solid", "circle"),
    "Gumbel-softmax (merged)": Style("#3A7DD9", "dot", "circle-open"),
    "straight-through": Style("#B8519A", "solid", "square"),
    "straight-through (merged)": Style("#B8519A", "dot", "square-open"),
    "exact marginal": Style("#1B936C", "solid", "diamond"),
    "score function": Style("#C8691B", "solid", "triangle-up"),
    "control variate": Style("#7D69D6", "dashdot", "star"),
    "exact": Style("#7A8794", "dash", "x"),
}


@dataclass(frozen=True)
class Compared:
    """Holds one estimator's estimates of one gradient.

    Attributes:
        key: name of the estimator in ``STYLES``.
        label: name of the estimator on the figure.
        note: line under the name.
        estimates: estimates as arrows in counts, not to scale, shape ``(S, K)``.
        bias: norm of the bias and the ends of its interval, relative to the exact gradient norm.
        spread: root of the summed variances, relative to the exact gradient norm.
    """

    key: str
    label: str
    note: str
    estimates: np.ndarray
    bias: tuple[float, float, float]
    spread: float


def estimators_figure(
    compared: Sequence[Compared], exact: np.ndarray, plane: Plane, palette: Palette, *, narrow: bool = False
) -> PlainFigure:
    """Draws one small picture for each estimator at the left, all at one scale; bias and standard deviation at the right.

    Args:
        compared: the estimators.
        exact: the exact gradient as an arrow in counts, shape ``(K,)``.
        plane: coordinates of counts.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    arrow = plane.shift(exact)
    reach = _reach(compared, arrow, plane)
    small = [_small(one, arrow, plane, reach, palette) for one in compared]
    dots = _dots(compared, palette)
    columns, height = (2, 0) if narrow else (4, 540)
    rows = -(-len(small) // columns)
    if narrow:
        each = 150
        above = Pixels(rows * (each + 46) + 40 + 34 * len(compared) + 60)
        boxes = []
        for row in range(rows):
            above.take(40)
            box = above.box(0, 1, each)
            above.take(6)
            here = range(min(columns, len(small) - row * columns))
            boxes += [Box(at / columns + 0.01, (at + 1) / columns - 0.01, box.bottom, box.top) for at in here]
        above.take(40)
        boxes.append(above.box(0.36, 1, 34 * len(compared)))
        return arrange([*small, dots], boxes, palette, height=above.height)
    pixels = Pixels(height)
    each = (height - 2 * MARGIN - 44 * rows) // rows
    boxes = []
    for number in range(len(small)):
        row, column = divmod(number, columns)
        bottom = (rows - 1 - row) * (each + 44)
        boxes.append(
            Box(0.6 * column / columns, 0.6 * (column + 1) / columns - 0.008, pixels.up(bottom), pixels.up(bottom + each))
        )
    boxes.append(Box(0.765, 0.99, pixels.up(44), pixels.up(height - 2 * MARGIN - 44)))
    return arrange([*small, dots], boxes, palette, height=height, least=_LEAST)


def _reach(compared: Sequence[Compared], exact: np.ndarray, plane: Plane) -> float:
    """Returns half the side of every small picture: it holds the exact arrow, the means and most of the estimates."""
    wanted = [0.7 * float(np.linalg.norm(exact))]
    for one in compared:
        drawn = plane.shift(one.estimates)
        wanted.append(1.1 * float(np.linalg.norm(drawn.mean(0) - exact / 2)))
        wanted.append(float(np.quantile(np.linalg.norm(drawn - exact / 2, axis=-1), 0.6)))
    return max(max(wanted), 1e-9)


def _small(one: Compared, exact: np.ndarray, plane: Plane, reach: float, palette: Palette) -> Panel:
    style, origin = STYLES[one.key], np.zeros(2)
    drawn = plane.shift(one.estimates)
    width = 0.11 * reach
    samples = sample_arrows(origin, drawn[:_SHOWN], 0.12 * width, style.colour, name=one.label, legend=False)
    traces: list[dict[str, Any]] = [samples]
    if len(drawn) > 1:
        traces.append(spread_ellipse(drawn.mean(0), np.cov(drawn.T), style.colour))
    traces.append(mean_arrow(origin, drawn.mean(0), width, style.colour, palette, name=one.label, legend=False))
    traces.append(exact_arrow(origin, exact, width, palette, legend=False))
    frame = {"visible": True, "showticklabels": False, "ticks": "", "showline": True, "mirror": True, "constrain": "range"}
    (x, y), half = exact / 2, reach
    return Panel(
        traces=traces,
        xaxis={**frame, "range": [x - half, x + half]},
        yaxis={**frame, "range": [y - half, y + half], "scaleanchor": "x"},
        annotations=[
            caption(f"<b>{one.label}</b><br>{one.note}", palette, size=11),
        ],
    )


def _dots(compared: Sequence[Compared], palette: Palette) -> Panel:
    """Returns the bias as a filled mark with its interval and the standard deviation as an outline, relative to the
    exact norm.
    """
    rows = np.arange(len(compared))[::-1].astype(float)
    shown = [value for one in compared for value in (one.bias[0], one.bias[2], one.spread) if value > 1e-4]
    low, high = max(min(shown, default=0.1) / 2, 2e-3), max(max(shown, default=1.0) * 1.6, 1.0)
    low, high = 10 ** np.floor(np.log10(low)), high

    def at(value: float) -> float:
        return float(np.clip(value, low, high))

    traces: list[dict[str, Any]] = []
    for row, one in zip(rows, compared, strict=True):
        style = STYLES[one.key]
        rim = style.colour if style.symbol.endswith("-open") else palette.exact
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [at(one.bias[1]), at(one.bias[2])],
                "y": [row + 0.14] * 2,
                "line": {"color": style.colour, "width": 3},
                "showlegend": False,
                "hoverinfo": "skip",
            }
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [at(one.bias[0]), at(one.spread)],
                "y": [row + 0.14, row - 0.16],
                "marker": {
                    "symbol": [style.symbol, "line-ns-open"],
                    "size": [9, 13],
                    "color": style.colour,
                    "opacity": 1,
                    "line": {"width": [2 if style.symbol.endswith("-open") else 1, 2.5], "color": [rim, style.colour]},
                },
                "customdata": [
                    f"bias {one.bias[0]:.2g} ({one.bias[1]:.2g} to {one.bias[2]:.2g})",
                    f"standard deviation {one.spread:.2g}",
                ],
                "hovertemplate": f"{one.label}: %{{customdata}}<extra></extra>",
                "cliponaxis": False,
                "showlegend": False,
            }
        )
    ticks = [10.0**power for power in range(-4, 5) if low * 0.99 <= 10.0**power <= high * 1.01]
    return Panel(
        traces=traces,
        xaxis={
            "type": "log",
            "range": [float(np.log10(low)), float(np.log10(high))],
            "tickvals": ticks,
            "ticktext": [("≤ " if tick == ticks[0] else "") + f"{tick:g}" for tick in ticks],
            "showline": True,
            "showgrid": True,
        },
        yaxis={
            "range": [-0.6, len(compared) - 0.4],
            "tickvals": rows.tolist(),
            "ticktext": [one.label for one in compared],
            "tickfont": {"size": 11, "color": palette.text},
        },
        annotations=[
            {
                **caption(
                    "● bias and its 95 % interval, ❙ standard deviation of one<br>estimate; relative to the gradient norm",
                    palette,
                ),
                "xshift": -118,
            }
        ],
    )
