"""Results of several clustering methods over seeds: a figure of every seed, and an HTML page that opens offline."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from hypergeo._records import html_table
from hypergeo.clustering.benchmark.study import ClusterStudy
from hypergeo.figures.core.html_page import drawn_figure, html_page
from hypergeo.figures.core.palette import LIGHT, Palette, group_colour, translucent
from hypergeo.figures.core.panels import Box, Panel, arrange, caption
from hypergeo.figures.core.plain_figure import PlainFigure

__all__ = ["study_alt", "study_figure", "study_html"]

_ROW = 30
_LEAST_WIDTH = 900
_ABOVE, _BELOW = 34, 34
_TITLES = {
    "size_error": ("Size error, % (less is better)", 100.0),
    "adjusted_rand_index": ("Adjusted Rand index (more is better)", 1.0),
}


def study_figure(study: ClusterStudy, palette: Palette = LIGHT) -> PlainFigure:
    """Draws a row for each method: size error, adjusted Rand index and sizes of the clusters.

    Each seed is a pale dot; means are diamonds, with bars of two standard errors. Sizes are means over seeds. Each cluster has
    the colour of the class that it is matched with, and lines mark the sizes of the classes.

    Args:
        study: results of the study.
        palette: colours of the figure.

    Returns:
        The figure.
    """
    panels = [
        *(_scores(study, name, palette) for name in _TITLES if name in study.scores),
        _sizes(study, palette),
    ]
    height = _ABOVE + _ROW * len(study.methods) + _BELOW
    names = 0.3
    width = (1 - names) / len(panels)
    top, bottom = 1 - _ABOVE / height, _BELOW / height
    boxes = [Box(names + i * width + 0.008, names + (i + 1) * width - 0.022, bottom, top) for i in range(len(panels))]
    for panel in panels[1:]:
        panel.yaxis["showticklabels"] = False
    return arrange(panels, boxes, palette, height=height, margin=(0, 8, 0, 0))


def _rows(study: ClusterStudy) -> dict[str, Any]:
    """Returns the vertical axis: methods, the first on top."""
    number = len(study.methods)
    return {
        "range": [-0.6, number - 0.4],
        "tickvals": list(range(number)),
        "ticktext": study.methods[::-1],
        "showgrid": True,
    }


def _at(study: ClusterStudy) -> list[tuple[str, int]]:
    return [(method, len(study.methods) - 1 - place) for place, method in enumerate(study.methods)]


def _scores(study: ClusterStudy, score: str, palette: Palette) -> Panel:
    title, scale = _TITLES[score]
    values = {method: scale * np.array(study.values(method, score)) for method in study.methods}
    everything = np.concatenate(list(values.values()))
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": everything,
        "y": np.concatenate([np.full(len(values[method]), float(row)) for method, row in _at(study)]),
        "text": [f"{method}, seed {run.seed}" for method in study.methods for run in study.of(method)],
        "marker": {"size": 8, "color": translucent(palette.relaxed, 0.4), "line": {"width": 0}},
        "cliponaxis": False,
        "hovertemplate": "%{text}: %{x:.3g}<extra></extra>",
    }
    several = len(study.seeds) > 1
    errors = [2 * float(values[m].std(ddof=1)) / math.sqrt(len(values[m])) if several else 0.0 for m in study.methods]
    means = {
        "type": "scatter",
        "mode": "markers",
        "x": [float(values[method].mean()) for method in study.methods],
        "y": [row for _, row in _at(study)],
        "text": study.methods,
        "error_x": {"type": "data", "array": errors, "color": palette.exact, "thickness": 1.5, "width": 4},
        "marker": {"symbol": "diamond", "size": 9, "color": palette.exact},
        "cliponaxis": False,
        "hovertemplate": "%{text}: mean %{x:.3g} ± %{error_x.array:.2g}<extra></extra>",
    }
    ends = np.array([float(values[method].mean()) for method in study.methods])
    ends = np.concatenate([everything, ends - errors, ends + errors])
    low, high = float(ends.min()), float(ends.max())
    room = 0.06 * max(high - low, 0.05 * scale)
    xaxis = {"range": [min(low, 0.0) if score == "size_error" else low - room, high + room], "showgrid": True, "nticks": 5}
    return Panel([dots, means], xaxis, _rows(study), annotations=[caption(title, palette)])


def _sizes(study: ClusterStudy, palette: Palette) -> Panel:
    true = np.mean([run.true_sizes for run in study.runs], 0) if study.runs[0].true_sizes else np.zeros(0)
    most = max(float(study.sizes(method).max()) for method in study.methods)
    traces: list[dict[str, Any]] = []
    if len(true):
        number = len(study.methods)
        lines = {
            "type": "scatter",
            "mode": "lines",
            "x": [value for size in true for value in (float(size), float(size), None)],
            "y": [-0.6, number - 0.4, None] * len(true),
            "line": {"color": palette.exact, "width": 1},
            "hoverinfo": "skip",
        }
        traces.append(lines)
        most = max(most, float(true.max()))
    for method, row in _at(study):
        sizes = study.sizes(method)
        dots = {
            "type": "scatter",
            "mode": "markers",
            "x": sizes,
            "y": np.full(len(sizes), float(row)),
            "text": [f"{method}, cluster {k + 1}" for k in range(len(sizes))],
            "marker": {
                "size": 10,
                "color": [group_colour(k) for k in range(len(sizes))],
                "line": {"color": palette.exact, "width": 0.75},
            },
            "cliponaxis": False,
            "hovertemplate": "%{text}: %{x:.1f}<extra></extra>",
        }
        traces.append(dots)
    title = "Mean sizes; lines: those of the classes" if len(true) else "Mean sizes"
    xaxis = {"range": [0.0, 1.05 * most], "showgrid": False, "nticks": 5, "showline": True}
    return Panel(traces, xaxis, _rows(study), annotations=[caption(title, palette)])


def study_alt(study: ClusterStudy) -> str:
    """Describes :func:`study_figure` as text.

    Args:
        study: results of the study.

    Returns:
        The alternative text.
    """
    if "size_error" not in study.scores:
        summary = "; ".join(f"{method}: {', '.join(f'{size:.0f}' for size in study.sizes(method))}" for method in study.methods)
        return f"Mean sizes of each method. {summary}."
    summary = "; ".join(
        f"{method}: size error {100 * study.statistics(method, 'size_error').mean:.1f} %, "
        f"ARI {study.statistics(method, 'adjusted_rand_index').mean:.3f}"
        for method in study.methods
    )
    return f"Size error, adjusted Rand index and sizes of each method. {summary}."


def study_html(study: ClusterStudy) -> str:
    """Writes the study as an HTML page: figure, tables and, in the element ``study``, every run as JSON.

    Args:
        study: results of the study.

    Returns:
        The HTML document.

    Example:
        >>> from hypergeo.clustering.benchmark.study import ClusterRun
        >>> page = study_html(ClusterStudy([ClusterRun("ours", 0, {}, 0.1, (2.0, 1.0))]))
        >>> "<table>" in page, "<script src=" in page
        (True, False)
    """
    seeds = len(study.seeds)
    summary = f"{seeds} seeds, mean ± standard deviation" if seeds > 1 else "One seed"
    figure = drawn_figure(study_figure(study, LIGHT), study_alt(study), True)
    parts = [
        "<h1>Clusters of learned sizes</h1>",
        f"<p>{summary}. Pale dots are seeds, diamonds their means, bars two standard errors.</p>",
        f'<div class="scroll"><div style="min-width:{_LEAST_WIDTH}px">{figure}</div></div>',
        _plain(*study.table()),
    ]
    if comparisons := study.comparisons(study.methods[0]):
        head, rows = study.comparison_table(comparisons)
        parts.append(f"<h2>{html.escape(study.methods[0])}: improvement over other methods</h2>")
        parts.append("<p>Mean ± standard error over the same seeds; a win or loss is more than two standard errors.</p>")
        parts.append(_plain(head, rows))
    settings = "".join(f"<dt>{html.escape(str(k))}</dt><dd>{html.escape(str(v))}</dd>" for k, v in study.settings.items())
    parts.append(f"<h2>Settings</h2><dl>{settings}</dl>")
    data = json.dumps([asdict(run) for run in study.runs]).replace("<", "\\u003c")
    parts.append(f'<script type="application/json" id="study">{data}</script>')
    return html_page("Clusters of learned sizes", "".join(parts))


def _plain(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return html_table(head, [(row, False) for row in rows])
