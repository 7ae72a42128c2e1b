"""A quality report's gradients: estimators side by side, one line each."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour
from hypergeo.figures.core.panels import Box, Json, Panel, arrange, caption
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.series import log_ticks
from hypergeo.quality import QualityReport
from hypergeo.quality.gradients import GradientQuality, Measured

__all__ = ["gradient_figure", "intervals_panel"]

LEAST = 820  # width in pixels at which the panels' titles do not overlap
ROW = 34  # pixels of an estimator's line


def gradient_figure(report: QualityReport, palette: Palette, *, narrow: bool = False) -> PlainFigure:
    """Draws bias, direction and error at equal cost of each estimator, one line each.

    Args:
        report: report with gradients.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    rows = report.gradients
    norm = report.reference.norm if report.reference is not None else 0.0
    scale, unit = (norm, "of the gradient") if norm else (1.0, "")
    evaluations = [Measured(*(row.rmse_at_equal_evaluations / scale,) * 3) for row in rows]
    times = [Measured(*(row.rmse_at_equal_time / scale,) * 3) for row in rows]
    cost = f"{report.equal_evaluations or 0:g} evaluations (●), {1e3 * (report.equal_seconds or 0):.3g} ms (◇)"
    panels = [
        intervals_panel(
            rows, [[_scaled(row.bias, scale) for row in rows]], palette, title=f"Bias {unit}", zero=True, narrow=narrow
        ),
        intervals_panel(
            rows, [[row.cosine for row in rows]], palette, title="Cosine with the exact gradient", named=narrow, narrow=narrow
        ),
        intervals_panel(rows, [evaluations, times], palette, title=f"Error, {cost}", log=True, named=narrow, narrow=narrow),
    ]
    if narrow:
        inner = ROW * len(rows)
        height = 3 * (inner + 74) + 16
        part = (inner + 74) / (height - 16)
        boxes = [Box(0.42, 0.98, 1 - part * k - part + 36 / (height - 16), 1 - part * k - 30 / (height - 16)) for k in range(3)]
        return arrange(panels, boxes, palette, height=height)
    boxes = [Box(0.25, 0.48, 0, 1), Box(0.51, 0.73, 0, 1), Box(0.76, 0.99, 0, 1)]
    return arrange(panels, boxes, palette, height=ROW * len(rows) + 84, margin=(8, 8, 40, 40), least=LEAST)


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
    """Draws one line for each estimator, with a dot and its interval; biased estimators have the colour of a warning.

    Args:
        rows: the estimators.
        measured: one series with a number or ``None`` for each estimator, or two series, of which the second has diamonds.
        palette: colours of the figure.
        title: text above the panel.
        zero: whether to draw a line at zero.
        log: whether the axis is logarithmic.
        named: whether the lines carry the estimators' names.
        narrow: whether those names must be broken.

    Returns:
        The panel, to be placed in a figure.
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
            **log_ticks(1.2 * foot, 2 * top),
        }
        if any(one.value < foot for one in known):  # nothing is zero on a logarithmic axis: it is drawn at its foot
            span = float(np.log10(top / foot)) + 0.6
            far = [place for place in xaxis["tickvals"] if np.log10(place / foot) > 0.14 * span]
            words = xaxis["ticktext"][len(xaxis["ticktext"]) - len(far) :]
            xaxis |= {"tickvals": [foot, *far], "ticktext": ["0", *words]}
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
