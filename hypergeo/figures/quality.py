"""A quality report's figures: samples against temperature, and estimators side by side."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from hypergeo.gradient_quality import GradientQuality, Measured
from hypergeo.quality import QualityReport
from hypergeo.sample_quality import SampleQuality

from .palette import Palette, group_colour
from .panels import Box, Json, Panel, arrange, caption

__all__ = ["evidence_panel", "gradient_figure", "intervals_panel", "sample_figure", "wasserstein_panel"]

SMALLEST = 1e-12  # p-values below it are drawn at it
ROW = 34  # pixels of an estimator's line
_SYMBOLS = {("exact", False): "circle", ("exact", True): "diamond", ("merged", False): "circle-open", ("merged", True): "x"}
_DASHES = {"exact": "solid", "merged": "dot"}


def sample_figure(report: QualityReport, palette: Palette, *, narrow: bool = False) -> go.Figure:
    """Distance of each sampler's draws from the exact law, and the evidence against them, at each temperature.

    Args:
        report: with samples.
        palette: the inks.
        narrow: whether the page is a telephone's width.
    """
    panels = [wasserstein_panel(report.samples, palette), evidence_panel(report.samples, palette)]
    if narrow:
        boxes, height, margin = [Box(0.14, 1, 0.52, 0.8), Box(0.14, 1, 0.06, 0.34)], 680, (4, 12, 8, 34)
    else:
        boxes, height, margin = [Box(0.05, 0.48, 0, 0.83), Box(0.56, 0.99, 0, 0.83)], 360, (8, 8, 8, 44)
    return arrange(panels, boxes, palette, height=height, legend=Box(0, 1, 0, 1.0), margin=margin)


def gradient_figure(report: QualityReport, palette: Palette, *, narrow: bool = False) -> go.Figure:
    """Bias, direction and error at equal cost of each estimator, one line each.

    Args:
        report: with gradients.
        palette: the inks.
        narrow: whether the page is a telephone's width.
    """
    rows = report.gradients
    norm = report.reference.norm if report.reference is not None else 0.0
    scale, unit = (norm, "of the gradient") if norm else (1.0, "")
    evaluations = [Measured(*(row.rmse_at_equal_evaluations / scale,) * 3) for row in rows]
    times = [Measured(*(row.rmse_at_equal_time / scale,) * 3) for row in rows]
    cost = f"{report.equal_evaluations or 0:g} evaluations (●) or {1e3 * (report.equal_seconds or 0):.2g} ms (◇)"
    panels = [
        intervals_panel(
            rows, [[_scaled(row.bias, scale) for row in rows]], palette, title=f"Bias {unit}", zero=True, narrow=narrow
        ),
        intervals_panel(
            rows, [[row.cosine for row in rows]], palette, title="Cosine with the exact gradient", named=narrow, narrow=narrow
        ),
        intervals_panel(rows, [evaluations, times], palette, title=f"Error for {cost}", log=True, named=narrow, narrow=narrow),
    ]
    if narrow:
        inner = ROW * len(rows)
        height = 3 * (inner + 74) + 16
        part = (inner + 74) / (height - 16)
        boxes = [Box(0.42, 0.98, 1 - part * k - part + 36 / (height - 16), 1 - part * k - 30 / (height - 16)) for k in range(3)]
        return arrange(panels, boxes, palette, height=height)
    boxes = [Box(0.25, 0.48, 0, 1), Box(0.51, 0.73, 0, 1), Box(0.76, 0.99, 0, 1)]
    return arrange(panels, boxes, palette, height=ROW * len(rows) + 84, margin=(8, 8, 40, 40))


def wasserstein_panel(rows: Sequence[SampleQuality], palette: Palette) -> Panel:
    """Wasserstein's distance against temperature, above the noise of as many exact samples.

    Args:
        rows: of a report.
        palette: the inks.
    """
    floor = rows[0].wasserstein_floor
    values = [value for row in rows for value in (row.wasserstein, floor.mean, floor.quantile) if value > 1e-9] or [1.0]
    low, high = min(values) / 1.6, max(values) * 1.5
    ends = _ends(rows)
    band: Json = {
        "type": "scatter",
        "mode": "lines",
        "x": [*ends, ends[1], ends[0]],
        "y": [low, low, max(floor.quantile, low), max(floor.quantile, low)],
        "fill": "toself",
        "fillcolor": "rgba(128,140,152,0.22)",
        "line": {"width": 0},
        "name": "noise of as many exact samples",
        "hoverinfo": "skip",
    }
    expected: Json = {
        "type": "scatter",
        "mode": "lines",
        "x": list(ends),
        "y": [max(floor.mean, low)] * 2,
        "line": {"color": palette.exact, "width": 1.4, "dash": "dash"},
        "showlegend": False,
        "hoverinfo": "skip",
    }
    lines = [
        _line(series, [max(row.wasserstein, low) for row in series], palette, "distance %{y:.3g} counts", legend=True)
        for series in _series(rows)
    ]
    return Panel(
        traces=[band, expected, *lines],
        xaxis=_temperature_axis(rows),
        yaxis={
            "type": "log",
            "range": np.log10([low, high]).tolist(),
            "showgrid": True,
            **_decades(low, high),
        },
        annotations=[caption("Wasserstein distance from the exact law, in counts", palette), _below("temperature τ", palette)],
    )


def evidence_panel(rows: Sequence[SampleQuality], palette: Palette) -> Panel:
    """Smallest corrected p-value against temperature; below the line the draws can be told from exact ones.

    Args:
        rows: of a report.
        palette: the inks.
    """
    level, ends = rows[0].level, _ends(rows)
    line: Json = {
        "type": "scatter",
        "mode": "lines",
        "x": list(ends),
        "y": [level, level],
        "line": {"color": palette.exact, "width": 1.4, "dash": "dash"},
        "showlegend": False,
        "hoverinfo": "skip",
    }
    lines = [
        _line(series, [max(row.adjusted_p_value, SMALLEST) for row in series], palette, "p = %{y:.2g}", legend=False)
        for series in _series(rows)
    ]
    ticks = [1.0, 1e-3, 1e-6, 1e-9, SMALLEST]
    note = {
        "text": f"below {level:g}: told apart",
        "xref": "x domain",
        "yref": "y",
        "x": 0.99,
        "y": float(np.log10(level)),
        "xanchor": "right",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 11, "color": palette.muted},
    }
    return Panel(
        traces=[line, *lines],
        xaxis=_temperature_axis(rows),
        yaxis={
            "type": "log",
            "range": [np.log10(SMALLEST) - 0.6, 0.6],
            "tickvals": ticks,
            "ticktext": ["1", "10⁻³", "10⁻⁶", "10⁻⁹", "≤ 10⁻¹²"],
            "showgrid": True,
        },
        annotations=[caption("Smallest p-value of its tests, corrected", palette), _below("temperature τ", palette), note],
    )


def intervals_panel(
    rows: Sequence[GradientQuality],
    measured: Sequence[Sequence[Measured | None]],
    palette: Palette,
    *,
    title: str,
    zero: bool = False,
    log: bool = False,
    named: bool = True,
    narrow: bool = False,
) -> Panel:
    """One line for each estimator, with a dot and its interval; what a report calls biased has the colour of a warning.

    Args:
        rows: the estimators.
        measured: one series, or two of which the second has diamonds, each with a number for each estimator or none.
        palette: the inks.
        title: words above the panel.
        zero: whether to draw a line at zero.
        log: whether the axis is logarithmic.
        named: whether the lines carry the estimators' names.
        narrow: whether those names must be broken.
    """
    places = list(range(len(rows)))[::-1]
    colours = [group_colour(4) if row.verdict == "biased" else palette.relaxed for row in rows]
    known = [one for series in measured for one in series if one is not None]
    positive = [one.value for one in known if one.value > 0]
    foot = min(positive, default=1.0) / 3
    traces: list[Json] = []
    for number, series in enumerate(measured):
        shown = [(one, y, colour) for one, y, colour in zip(series, places, colours, strict=True) if one is not None]
        values = [max(one.value, foot) if log else one.value for one, _, _ in shown]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": values,
                "y": [y + (0.13 if len(measured) > 1 and number == 0 else -0.13 * number) for _, y, _ in shown],
                "marker": {
                    "size": 10,
                    "symbol": "diamond-open" if number else "circle",
                    "color": [colour for _, _, colour in shown],
                    "line": {"width": 1.5 if number else 0},
                },
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [max(0.0, one.high - one.value) for one, _, _ in shown],
                    "arrayminus": [max(0.0, one.value - one.low) for one, _, _ in shown],
                    "color": palette.muted,
                    "thickness": 1.4,
                    "width": 4,
                    "visible": not log,
                },
                "customdata": [one.value for one, _, _ in shown],
                "hovertemplate": "%{customdata:.3g}<extra></extra>",
                "showlegend": False,
            }
        )
    xaxis: Json = {"showgrid": True, "showline": True, "nticks": 5}
    if log:
        top = max([one.value for one in known] + [foot])
        xaxis |= {
            "type": "log",
            "range": [float(np.log10(foot)) - 0.3, float(np.log10(top)) + 0.3],
            **_decades(1.2 * foot, 2 * top),
        }
        if any(one.value < foot for one in known):  # nothing is zero on a logarithmic axis: it is drawn at its foot
            xaxis |= {"tickvals": [foot, *xaxis["tickvals"]], "ticktext": ["0", *xaxis["ticktext"]]}
    else:
        low, high = min([one.low for one in known] + [0.0]), max([one.high for one in known] + [0.01])
        xaxis["range"] = [low - 0.05 * (high - low), high + 0.05 * (high - low)]
    if zero:
        xaxis |= {"zeroline": True, "zerolinecolor": palette.exact, "zerolinewidth": 1.4}
    return Panel(
        traces=traces,
        xaxis=xaxis,
        yaxis={
            "range": [-0.6, len(rows) - 0.4],
            "tickvals": places,
            "ticktext": [_name(row, narrow) for row in rows] if named else [""] * len(rows),
            "showgrid": True,
            "tickfont": {"size": 11 if narrow else 12, "color": palette.text},
        },
        annotations=[caption(title, palette)],
    )


def _series(rows: Sequence[SampleQuality]) -> list[list[SampleQuality]]:
    kinds = dict.fromkeys((row.conditionals, row.straight_through) for row in rows)
    return [sorted((r for r in rows if (r.conditionals, r.straight_through) == kind), key=_temperature) for kind in kinds]


def _line(series: Sequence[SampleQuality], values: Sequence[float], palette: Palette, words: str, *, legend: bool) -> Json:
    first = series[0]
    kind = (first.conditionals or "exact", bool(first.straight_through))
    colour = palette.relaxed if kind[0] == "exact" else group_colour(4)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [_temperature(row) for row in series],
        "y": list(values),
        "name": html.escape(first.label),
        "showlegend": legend,
        "line": {"color": colour, "width": 2, "dash": _DASHES[kind[0]]},
        "marker": {"size": 9, "symbol": _SYMBOLS[kind], "color": colour},
        "hovertemplate": f"{html.escape(first.label)}<br>τ = %{{x:.3g}}: {words}<extra></extra>",
    }


def _temperature(row: SampleQuality) -> float:
    return row.temperature or 1.0


def _ends(rows: Sequence[SampleQuality]) -> tuple[float, float]:
    temperatures = [_temperature(row) for row in rows]
    return min(temperatures) / 1.3, max(temperatures) * 1.3


def _temperature_axis(rows: Sequence[SampleQuality]) -> Json:
    ticks = sorted({_temperature(row) for row in rows})
    if len(ticks) > 6:
        ticks = [10.0**power for power in range(-6, 7) if ticks[0] <= 10.0**power <= ticks[-1]]
    return {
        "type": "log",
        "range": np.log10(_ends(rows)).tolist(),
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
        "showline": True,
    }


def _decades(low: float, high: float) -> Json:
    """Ticks of a logarithmic axis, few enough to be read, as plain numbers."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for digits in ((1, 2, 5), (1,)):
        ticks = [digit * 10.0**power for power in powers for digit in digits if low <= digit * 10.0**power <= high]
        if len(ticks) <= 6:
            break
    return {"tickvals": ticks, "ticktext": [f"{tick:.12g}" if 1e-4 <= tick < 1e6 else f"{tick:.0e}" for tick in ticks]}


def _below(text: str, palette: Palette) -> Json:
    return {
        "text": text,
        "xref": "x domain",
        "yref": "y domain",
        "x": 0.5,
        "y": 0,
        "yshift": -20,
        "xanchor": "center",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 12, "color": palette.muted},
    }


def _scaled(measured: Measured, scale: float) -> Measured:
    return Measured(measured.value / scale, measured.low / scale, measured.high / scale)


def _name(row: GradientQuality, narrow: bool) -> str:
    label = html.escape(row.label)
    if narrow:
        label = label.replace(" (", "<br>(")
    return (
        label
        if row.temperature is None
        else f"{label}{'<br>' if narrow and '<br>' not in label else ', '}τ = {row.temperature:g}"
    )
