"""A quality report's samples: distance from the exact distribution and p-values, at each temperature."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour
from hypergeo.figures.core.panels import Box, Json, Panel, arrange, axis_title, caption
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.series import log_ticks
from hypergeo.quality import QualityReport
from hypergeo.quality.samples import SampleQuality

__all__ = ["evidence_panel", "sample_figure", "wasserstein_panel"]

SMALLEST = 1e-12  # smaller p-values are drawn at this value
_SYMBOLS = {("exact", False): "circle", ("exact", True): "diamond", ("merged", False): "circle-open", ("merged", True): "x"}
_DASHES = {"exact": "solid", "merged": "dot"}


def sample_figure(report: QualityReport, palette: Palette, *, narrow: bool = False) -> PlainFigure:
    """Draws each sampler's distance from the exact distribution and p-values, at each temperature.

    Args:
        report: report with samples.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    panels = [wasserstein_panel(report.samples, palette), evidence_panel(report.samples, palette)]
    if narrow:
        boxes, height, margin = [Box(0.14, 1, 0.52, 0.8), Box(0.14, 1, 0.06, 0.34)], 680, (4, 12, 8, 34)
    else:
        boxes, height, margin = [Box(0.05, 0.48, 0, 0.83), Box(0.56, 0.99, 0, 0.83)], 360, (8, 8, 8, 44)
    return arrange(panels, boxes, palette, height=height, legend=Box(0, 1, 0, 1.0), margin=margin)


def wasserstein_panel(rows: Sequence[SampleQuality], palette: Palette) -> Panel:
    """Draws the Wasserstein distance against temperature, with that of equally many exact samples.

    Args:
        rows: sample quality of a report.
        palette: colours of the figure.

    Returns:
        The panel, to be placed in a figure.
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
        "name": "95 % of exact samples",
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
            **log_ticks(low, high),
        },
        annotations=[
            caption("Wasserstein distance from the exact distribution, in counts", palette),
            axis_title("temperature τ", palette),
        ],
    )


def evidence_panel(rows: Sequence[SampleQuality], palette: Palette) -> Panel:
    """Draws the smallest corrected p-value against temperature; below the line the difference is significant.

    Args:
        rows: sample quality of a report.
        palette: colours of the figure.

    Returns:
        The panel, to be placed in a figure.
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
        "text": f"below {level:g}: significant",
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
        annotations=[caption("Smallest p-value of its tests, corrected", palette), axis_title("temperature τ", palette), note],
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
        "name": html.escape(first.label.removesuffix(" conditionals")),  # short: the legend has one line
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
