"""Lines over steps or temperatures with labels at their ends, which need neither legend nor colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .palette import Palette
from .panels import Json, Panel, axis_title, caption, float32

__all__ = ["Line", "lines_panel", "log_ticks", "nice_above", "nice_range", "spread_out"]

_DIGITS = ((1, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,))  # first digits of ticks; the first choice that fits is used


@dataclass(frozen=True)
class Line:
    """Describes one line.

    Attributes:
        x: positions, shape ``(N,)``.
        y: values, shape ``(N,)``; NaN is not drawn.
        colour: colour of the line.
        name: name of the line, for the label under the pointer.
        end: text at the last point; no text if empty.
        dash: plotly's name of the dash.
        width: width in pixels.
        symbol: marker at the last point; no marker if empty.
        marked: whether every point has a marker, not only the last one.
    """

    x: np.ndarray
    y: np.ndarray
    colour: str
    name: str
    end: str = ""
    dash: str = "solid"
    width: float = 2.0
    symbol: str = "circle"
    marked: bool = False


def lines_panel(
    lines: Sequence[Line],
    palette: Palette,
    *,
    title: str,
    xtitle: str,
    xrange: tuple[float, float],
    yrange: tuple[float, float],
    height: float,
    logx: bool = False,
    logy: bool = False,
    xticks: Sequence[float] = (),
    labels: float = 0.0,
    size: float = 11.0,
) -> Panel:
    """Draws lines with labels at their ends.

    Args:
        lines: the lines, the most important last.
        palette: colours of the figure.
        title: text above the panel.
        xtitle: title of the horizontal axis.
        xrange: ends of the horizontal axis.
        yrange: ends of the vertical axis.
        height: expected height in pixels, which keeps the labels from overlapping.
        logx: whether the horizontal axis is logarithmic.
        logy: whether the vertical axis is logarithmic.
        xticks: ticks of the horizontal axis; plotly's choice if empty.
        labels: width for the labels at the right, as a fraction of the panel's width.
        size: font size of the labels in pixels.

    Returns:
        The panel, to be placed in a figure.
    """
    left, right = np.log10(xrange) if logx else xrange
    low, high = np.log10(yrange) if logy else yrange
    traces = [*(_line(line, palette) for line in lines), *_last_points(lines, palette)]
    ends = [line for line in lines if line.end and np.isfinite(line.y[-1])]
    at = np.array([line.y[-1] for line in ends], dtype=float)
    at = np.log10(np.maximum(at, 1e-300)) if logy else at
    at = spread_out(np.clip(at, low, high), 1.45 * size * (high - low) / height, low, high)
    words: list[dict[str, Any]] = [
        {
            "text": f'<span style="color:{line.colour}">■</span> {line.end}' if line.colour != palette.exact else line.end,
            "xref": "x",
            "yref": "y",
            "x": float(np.log10(line.x[-1]) if logx else line.x[-1]),
            "y": float(y),
            "xanchor": "left",
            "yanchor": "middle",
            "xshift": 7,
            "showarrow": False,
            "font": {"size": size, "color": palette.text},
        }
        for line, y in zip(ends, at, strict=True)
    ]
    xaxis: dict[str, Any] = {
        "type": "log" if logx else "linear",
        "range": [left, right + labels / (1 - labels) * (right - left)],
        "showline": True,
    }
    if xticks:
        xaxis |= {"tickvals": list(xticks), "ticktext": [f"{tick:g}" for tick in xticks]}
    yaxis: dict[str, Any] = {"type": "log" if logy else "linear", "range": [low, high], "showgrid": True, "nticks": 5}
    yaxis["exponentformat"] = "none"
    if logy:
        yaxis |= log_ticks(*yrange, _DIGITS, 7)
    return Panel(
        traces=traces,
        xaxis=xaxis,
        yaxis=yaxis,
        annotations=[
            caption(title, palette),
            *words,
            *([axis_title(xtitle, palette)] if xtitle else []),
        ],
    )


def spread_out(positions: np.ndarray, gap: float, low: float = -np.inf, high: float = np.inf) -> np.ndarray:
    """Moves positions as little as their order allows, so that none are closer than ``gap`` and none are out of bounds.

    Args:
        positions: positions, shape ``(N,)``.
        gap: least distance of two neighbours.
        low: least position allowed.
        high: greatest position allowed.

    Returns:
        The new positions, shape ``(N,)``.

    Example:
        >>> spread_out(np.array([1.0, 1.0, 5.0]), 1.0)
        array([0.5, 1.5, 5. ])
    """
    order = np.argsort(positions, kind="stable")
    groups: list[list[float]] = []  # each: the sum of wanted first positions, and how many there are
    for rank, position in enumerate(positions[order]):
        groups.append([position - rank * gap, 1])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] >= groups[-1][0] / groups[-1][1]:
            total, number = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += number
    if not len(positions):
        return positions
    level = np.repeat([total / number for total, number in groups], [int(number) for _, number in groups])
    result = np.empty_like(positions, dtype=float)
    # If they do not all fit, some lie below the lower end.
    level = np.minimum(np.maximum(level, low), high - gap * (len(positions) - 1))
    result[order] = level + gap * np.arange(len(positions))
    return result


def nice_above(value: float) -> float:
    """Rounds a number up to 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten, so that axes seldom change.

    Args:
        value: nonnegative number.

    Returns:
        The least such number that is not below ``value``.

    Example:
        >>> nice_above(0.0), nice_above(2.1), nice_above(61)
        (1.0, 3.0, 80.0)
    """
    if not value > 0 or not np.isfinite(value):
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(digit * power for digit in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if digit * power >= value * (1 - 1e-12)))


def nice_range(low: float, high: float) -> tuple[float, float]:
    """Widens a range to multiples of a fifth of its rounded length, so that axes seldom change.

    Args:
        low: least value.
        high: greatest value.

    Returns:
        The ends of the axis.

    Example:
        >>> nice_range(0.41, 2.3), nice_range(7.0, 7.0)
        ((0.4, 2.4), (7.0, 7.2))
    """
    step = nice_above(high - low) / 5
    bottom, top = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return float(round(bottom * step, 12)), float(round(max(top, bottom + 1) * step, 12))


def _line(line: Line, palette: Palette) -> dict[str, Any]:
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": float32(line.x),
        "y": float32(line.y),
        "line": {"color": line.colour, "width": line.width, "dash": line.dash},
        "cliponaxis": False,
        "showlegend": False,
        "hovertemplate": f"{line.name}: %{{y:.4g}}<extra></extra>",
    }
    if line.marked:
        trace |= {"mode": "lines+markers", "marker": _marker(line.symbol, 7, line.colour, palette)}
    return trace


def _last_points(lines: Sequence[Line], palette: Palette) -> list[dict[str, Any]]:
    """Returns a trace of markers; as markers of their lines, each point of a line would be an element of the page."""
    ended = [line for line in lines if line.symbol and not line.marked]
    if not ended:
        return []
    shown = [line for line in ended if len(line.x)]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": float32(np.array([line.x[-1] for line in shown])),
            "y": float32(np.array([line.y[-1] for line in shown])),
            "text": [line.name for line in shown],
            "marker": _marker([line.symbol for line in shown], 8, [line.colour for line in shown], palette),
            "cliponaxis": False,
            "showlegend": False,
            "hovertemplate": "%{text}: %{y:.4g}<extra></extra>",
        }
    ]


def _marker(symbol: str | list[str], size: int, colour: str | list[str], palette: Palette) -> dict[str, Any]:
    return {"symbol": symbol, "size": size, "color": colour, "opacity": 1, "line": {"color": palette.exact, "width": 1}}


def log_ticks(low: float, high: float, digits: Sequence[Sequence[int]] = ((1, 2, 5), (1,)), most: int = 6) -> Json:
    """Chooses ticks of a logarithmic axis, few enough to be read, as plain numbers.

    Args:
        low: lower end of the axis, positive.
        high: upper end.
        digits: first digits of the ticks; of several choices the first with few enough ticks.
        most: greatest number of ticks.

    Returns:
        ``tickvals`` and ``ticktext`` as plotly takes them.

    Example:
        >>> log_ticks(0.04, 3)["ticktext"]
        ['0.05', '0.1', '0.2', '0.5', '1', '2']
    """
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for choice in digits:
        ticks = [digit * 10.0**power for power in powers for digit in choice]
        ticks = [tick for tick in ticks if 0.999 * low <= tick <= 1.001 * high]
        if len(ticks) <= most:
            break
    return {"tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
