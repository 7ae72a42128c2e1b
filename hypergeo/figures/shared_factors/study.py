"""A study of shared factors: estimated against true numbers, errors, and how well parts of the latents encode their factors."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np

from hypergeo._records import html_table
from hypergeo.figures.core.html_page import drawn_figure, html_page
from hypergeo.figures.core.palette import LIGHT, Palette, group_colour
from hypergeo.figures.core.panels import Box, Json, Panel, arrange, axis_title, caption
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.series import log_ticks
from hypergeo.numerics.seed_statistics import SeedStatistics
from hypergeo.shared_factors.result_tables import TABLE_NOTES, factor_sentences, factor_tables
from hypergeo.shared_factors.results import FactorResults, MethodSummary

__all__ = ["error_panel", "estimate_panel", "factor_alt", "factor_figure", "factor_html", "quality_panel"]

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "cross", "star", "hexagon")
_PARTS = (
    ("correlation", "correlation of the numbers"),
    ("mask_accuracy", "accuracy of the masks"),
    ("shared_r2", "R², shared factors"),
    ("independent_r2", "R², independent factors"),
)


def factor_figure(results: FactorResults, palette: Palette, *, narrow: bool = False) -> PlainFigure:
    """Draws all panels of a study.

    Args:
        results: results of the study.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    summary = results.summary()
    panels = [estimate_panel(summary, results.num_factors, palette), error_panel(summary, palette)]
    panels.append(quality_panel(summary, palette))
    if narrow:
        boxes = [Box(0.1, 1, 0.72, 0.86), Box(0.5, 1, 0.4, 0.62), Box(0.5, 1, 0.05, 0.3)]
        return arrange(panels, boxes, palette, height=1_150, legend=Box(0, 1, 0, 1.0), margin=(4, 12, 8, 34))
    boxes = [Box(0.04, 0.36, 0.53, 0.88), Box(0.62, 0.99, 0.53, 0.88), Box(0.25, 0.99, 0, 0.4)]
    return arrange(panels, boxes, palette, height=760, legend=Box(0, 1, 0, 1.0), margin=(8, 8, 8, 44))


def estimate_panel(summary: Sequence[MethodSummary], most: int, palette: Palette) -> Panel:
    """Draws the mean estimate against the number of factors that all pairs share. Estimates on the line are right.

    Args:
        summary: one summary for each method.
        most: number of factors.
        palette: colours of the figure.

    Returns:
        The panel, to be placed in a figure.
    """
    exact: Json = {
        "type": "scatter",
        "mode": "lines",
        "x": [0, most],
        "y": [0, most],
        "line": {"color": palette.exact, "width": 1.6},
        "name": "true number",
        "hoverinfo": "skip",
    }
    traces = [exact]
    for place, method in enumerate(summary):
        if not method.numbers:
            continue
        spreads = list(method.numbers.values())
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": list(method.numbers),
                "y": [spread.mean for spread in spreads],
                "error_y": {"array": [spread.deviation or 0.0 for spread in spreads], "thickness": 1, "width": 3},
                "line": {"color": _colour(place, palette), "width": 1.6, "dash": "solid" if place == 0 else "dot"},
                "marker": {"symbol": _SYMBOLS[place % len(_SYMBOLS)], "size": 8, "color": _colour(place, palette)},
                "name": method.method,
                "legendgroup": method.method,
                "hovertemplate": f"{method.method}<br>%{{x}} shared: %{{y:.2f}}<extra></extra>",
            }
        )
    return Panel(
        traces=traces,
        xaxis={"range": [-0.3, most + 0.3], "tickvals": list(range(most + 1))},
        yaxis={"range": [-0.3, most + 0.3], "tickvals": list(range(most + 1)), "showgrid": True},
        annotations=[
            caption("Estimated number, mean ± sd over seeds", palette),
            axis_title("factors that pairs share", palette),
        ],
    )


def error_panel(summary: Sequence[MethodSummary], palette: Palette) -> Panel:
    """Draws the mean squared error of the number, for pairs that share a fixed number and for pairs whose numbers differ.

    Args:
        summary: one summary for each method.
        palette: colours of the figure.

    Returns:
        The panel, to be placed in a figure.
    """
    estimating = [(place, method) for place, method in enumerate(summary) if method.fixed["squared_error"] or _varying(method)]
    kinds = (("fixed number", "circle", "fixed"), ("numbers differ", "diamond-open", "varying"))
    traces: list[Json] = []
    values = []
    for words, symbol, kind in kinds:
        for place, method in estimating:
            spread: SeedStatistics | None = getattr(method, kind)["squared_error"]
            if spread is None:
                continue
            values.append(max(spread.mean, 1e-4))
            traces.append(_dot(spread, method.method, words, symbol, _colour(place, palette)))
    low, high = (min(values) / 1.6, max(values) * 1.6) if values else (0.1, 1.0)
    return Panel(
        traces=traces,
        xaxis={"type": "log", "range": np.log10([low, high]).tolist(), "showgrid": True, **log_ticks(low, high)},
        yaxis=_names([method.method for _, method in estimating]),
        annotations=[
            caption("Squared error of the number: ● fixed, ◇ numbers differ", palette),
            axis_title("squared error, mean ± sd", palette),
        ],
    )


def quality_panel(summary: Sequence[MethodSummary], palette: Palette) -> Panel:
    """Draws correlation, masks and R² on pairs whose numbers differ, one row for each measure.

    Args:
        summary: one summary for each method.
        palette: colours of the figure.

    Returns:
        The panel, to be placed in a figure.
    """
    traces = []
    for place, method in enumerate(summary):
        shift = 0.7 * ((place + 0.5) / len(summary) - 0.5)  # one above the other: they are often alike
        measured = [
            (len(_PARTS) - 1 - row - shift, words, spread)
            for row, (name, words) in enumerate(_PARTS)
            if (spread := method.varying[name]) is not None
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [spread.mean for _, _, spread in measured],
                "y": [height for height, _, _ in measured],
                "text": [words for _, words, _ in measured],
                "error_x": {"array": [spread.deviation or 0.0 for _, _, spread in measured], "thickness": 1, "width": 3},
                "marker": {"symbol": _SYMBOLS[place % len(_SYMBOLS)], "size": 8, "color": _colour(place, palette)},
                "name": method.method,
                "legendgroup": method.method,
                "showlegend": not method.numbers,
                "hovertemplate": f"{method.method}<br>%{{text}}: %{{x:.2f}}<extra></extra>",
            }
        )
    return Panel(
        traces=traces,
        xaxis={"range": [-0.25, 1.02], "tickvals": [0, 0.25, 0.5, 0.75, 1], "showgrid": True},
        yaxis={
            "range": [-0.5, len(_PARTS) - 0.5],
            "tickvals": list(range(len(_PARTS))),
            "ticktext": [words for _, words in _PARTS][::-1],
            "zeroline": False,
        },
        annotations=[
            caption("Pairs whose numbers differ, mean ± sd over seeds", palette),
            axis_title("1 is best", palette),
        ],
    )


def factor_alt(results: FactorResults) -> str:
    """Describes :func:`factor_figure` as text.

    Args:
        results: results of the study.

    Returns:
        The alternative text.
    """
    estimated = []
    for method in results.summary():
        if method.numbers:
            numbers = ", ".join(f"{spread.mean:.2f} for {number}" for number, spread in method.numbers.items())
            estimated.append(f"{method.method}: {numbers}")
    estimates = "; ".join(estimated) or "no method estimates the number"
    return f"Estimated numbers of shared factors, by method and true number: {estimates}. Errors and measures are in the table."


def factor_html(results: FactorResults) -> str:
    """Writes a study as an HTML page that opens offline. Its element ``results`` contains the results as JSON.

    Args:
        results: results of the study.

    Returns:
        The HTML document.
    """
    settings = {"images": results.data, "seeds": ", ".join(map(str, results.seeds)), **results.settings}
    listed = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd>" for name, value in settings.items())
    parts = ["<h1>How many factors do two views share?</h1>"]
    parts.append(f"<ul>{''.join(f'<li>{html.escape(sentence)}</li>' for sentence in factor_sentences(results))}</ul>")
    parts.append(drawn_figure(factor_figure(results, LIGHT), factor_alt(results), True))
    for title, head, lines in factor_tables(results):
        parts.append(f"<h2>{title}</h2>{html_table(head, [(line, place == 0) for place, line in enumerate(lines)])}")
    parts.append(f"<p>{html.escape(TABLE_NOTES)}</p><h2>Settings</h2><dl>{listed}</dl>")
    data = results.to_json().replace("<", "\\u003c")
    parts.append(f'<script type="application/json" id="results">{data}</script>')
    return html_page("How many factors do two views share?", "".join(parts))


def _varying(method: MethodSummary) -> SeedStatistics | None:
    return method.varying["squared_error"]


def _dot(spread: SeedStatistics, name: str, words: str, symbol: str, colour: str) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [max(spread.mean, 1e-4)],
        "y": [name],
        "error_x": {"array": [spread.deviation or 0.0], "thickness": 1, "width": 3},
        "marker": {"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2}},
        "showlegend": False,
        "hovertemplate": f"{name}, {words}: %{{x:.3g}}<extra></extra>",
    }


def _names(names: Sequence[str]) -> Json:
    """Returns a vertical axis of labels, the first on top."""
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(names)[::-1],
        "range": [-0.6, len(names) - 0.4],
        "showgrid": True,
    }


def _colour(place: int, palette: Palette) -> str:
    """Returns the colour of a method: that of relaxed samples for the first one, and those of groups for the others, without
    the yellow that is invisible on white.
    """
    return palette.relaxed if place == 0 else group_colour((0, 4, 2, 3, 1, 7, 5)[(place - 1) % 7])
