"""The published check as a figure: distances from Fisher's distribution and from a reference with merged conditionals."""

from __future__ import annotations

import math

from hypergeo.figures.core.palette import Palette, group_colour
from hypergeo.figures.core.panels import Box, Json, Panel, arrange, caption
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.quality.published_check import PublishedCheck

__all__ = ["check_panel", "published_figure"]

_NAMES = {"exact": "Exact conditionals", "merged": "Merged conditionals"}
_TITLES = {"exact": "Against Fisher's distribution", "merged": "Against a reference with merged conditionals"}


def published_figure(check: PublishedCheck, palette: Palette, *, narrow: bool = False) -> PlainFigure:
    """Draws distances of exact and merged conditionals from Fisher's distribution and from the merged one.

    Args:
        check: results of the check.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    panels = [check_panel(check, reference, palette, legend=reference == "exact") for reference in ("exact", "merged")]
    if narrow:
        boxes, height, margin = [Box(0.13, 1, 0.56, 0.84), Box(0.13, 1, 0.05, 0.33)], 640, (4, 10, 8, 34)
    else:
        boxes, height, margin = [Box(0.05, 0.48, 0, 0.84), Box(0.55, 0.99, 0, 0.84)], 380, (8, 8, 8, 46)
    return arrange(panels, boxes, palette, height=height, legend=Box(0, 1, 0, 1.0), margin=margin)


def check_panel(check: PublishedCheck, reference: str, palette: Palette, *, legend: bool = True) -> Panel:
    """Draws the median Kolmogorov-Smirnov distance at each second weight, crosses where a test was rejected.

    Args:
        check: results of the check.
        reference: ``"exact"`` or ``"merged"``.
        palette: colours of the figure.
        legend: whether its traces are in the legend.

    Returns:
        The panel, to be placed in a figure.
    """
    top = max(row.median_distance for row in check.rows)
    weights = sorted({row.second_weight for row in check.rows})
    tests = sum(row.tests for row in check.of("exact", reference))
    # Dvoretzky, Kiefer and Wolfowitz, with Massart's constant: no correct sampler is rejected below a distance beyond this one.
    limit = math.sqrt(math.log(2 * tests / check.level) / (2 * check.num_samples))
    ends = [weights[0] - 0.4, weights[-1] + 0.4]
    traces: list[Json] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [*ends, ends[1], ends[0]],
            "y": [0, 0, limit, limit],
            "fill": "toself",
            "fillcolor": "rgba(128,140,152,0.22)",
            "line": {"width": 0},
            "name": "sampling error",
            "showlegend": legend,
            "hoverinfo": "skip",
        }
    ]
    for rule in ("exact", "merged"):
        rows = check.of(rule, reference)
        colour = palette.relaxed if rule == "exact" else group_colour(4)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [row.second_weight for row in rows],
                "y": [row.median_distance for row in rows],
                "name": _NAMES[rule],
                "showlegend": legend,
                "line": {"color": colour, "width": 2, "dash": "solid" if rule == "exact" else "dot"},
                "marker": {
                    "size": 9,
                    "color": colour,
                    "symbol": ["x" if row.rejected else ("circle" if rule == "exact" else "circle-open") for row in rows],
                },
                "customdata": [f"{row.rejected} of {row.tests} tests rejected" for row in rows],
                "hovertemplate": f"{_NAMES[rule]}, w₂ = %{{x:g}}<br>distance %{{y:.3f}}<br>%{{customdata}}<extra></extra>",
            }
        )
    return Panel(
        traces=traces,
        xaxis={"range": ends, "tickvals": weights, "ticktext": [f"{weight:g}" for weight in weights], "showline": True},
        yaxis={"range": [0, 1.08 * max(top, limit)], "showgrid": True, "nticks": 6},
        annotations=[
            caption(_TITLES[reference], palette),
            {
                "text": "weight of group 2   (✕ significant)",
                "xref": "x domain",
                "yref": "y domain",
                "x": 0.5,
                "y": 0,
                "yshift": -20,
                "xanchor": "center",
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": 12, "color": palette.muted},
            },
        ],
    )
