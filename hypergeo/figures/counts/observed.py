"""Histograms of the samples so far inside the outlines of the exact probabilities: one row for each group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour
from hypergeo.figures.core.panels import Panel

__all__ = ["observed_panel"]

BLOCK = 25  # up to this number of samples, each sample adds a block of the same height
HEADROOM = 1.5  # upper end of the axis in multiples of the highest exact probability; taller bars are cut off there
RARE = 1e-4


def observed_panel(
    exact: np.ndarray,
    other: np.ndarray,
    seen: np.ndarray,
    draws: int,
    palette: Palette,
    *,
    names: tuple[str, str],
    titles: Sequence[str],
    span: tuple[np.ndarray, np.ndarray],
    row_height: float,
) -> Panel:
    """Draws every group's sampled counts, its exact distribution, and another one for comparison, over one axis of counts.

    Bars are fractions of the samples. With fewer than ``BLOCK`` samples they are fractions of ``BLOCK``, so that they grow.

    Args:
        exact: marginal probabilities of ``0, 1, ..``, shape ``(K, M + 1)``.
        other: marginal probabilities of the distribution for comparison, shape ``(K, M + 1)``; drawn only where they
            differ.
        seen: number of samples with each count, shape ``(K, M + 1)``.
        draws: number of samples.
        palette: colours of the figure.
        names: names of the exact distribution and of the other one, for the legend.
        titles: text above each row, ``K`` of them.
        span: least and greatest count of each group that is drawn at any time, so that the axis stays, ``(K,)`` each.
        row_height: expected height of a row in pixels, which sets the fraction that titles take.

    Returns:
        The panel, to be placed in a figure.
    """
    groups = len(exact)
    title = min(0.4, 19.0 / row_height)
    places, bases, heights, counts, shares, colours = [], [], [], [], [], []
    lines: list[list[float | None]] = [[], []]
    dots: list[list[float | None]] = [[], []]
    for group in range(groups):
        law, compared = exact[group], other[group]
        likely = np.flatnonzero(np.maximum(law, compared) >= RARE)
        low, high = min(int(likely[0]), int(span[0][group])), max(int(likely[-1]), int(span[1][group]))
        here = slice(low, high + 1)
        ceiling = min(1.0, HEADROOM * float(np.maximum(law, compared).max()))
        scale, base = (1 - title) / ceiling, float(groups - 1 - group)
        places.append(np.arange(low, high + 1))
        bases.append(np.full(high - low + 1, base))
        heights.append(np.minimum(seen[group, here] / max(draws, BLOCK), ceiling) * scale)
        counts.append(seen[group, here])
        shares.append(law[here])
        colours += [group_colour(group)] * (high - low + 1)
        _stairs(lines, law[here] * scale, low, base)
        if np.abs(law - compared).max() > 1e-9:
            _stairs(dots, compared[here] * scale, low, base)
    x = np.concatenate(places)
    width = max(float(x.max() - x.min()) + 1.5, 5.5)
    left = max(float(x.min() + x.max() - width) / 2, -0.75)
    outline = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    traces = [
        {
            "type": "bar",
            "x": x,
            "base": np.concatenate(bases),
            "y": np.concatenate(heights),
            "width": 1,
            "showlegend": False,
            "marker": {"color": colours, "opacity": 0.78, "line": {"width": 0}},
            "customdata": np.column_stack([np.concatenate(counts), 100 * np.concatenate(shares)]).round(2).tolist(),
            "hovertemplate": f"count %{{x}}: %{{customdata[0]}} of {draws:,} samples<br>"
            "exact probability %{customdata[1]:.1f} %<extra></extra>",
        },
        {**outline, "name": names[0], "x": lines[0], "y": lines[1], "line": {"color": palette.exact, "width": 1.6}},
        {
            **outline,
            "name": names[1],
            "x": dots[0],
            "y": dots[1],
            "showlegend": bool(dots[0]),
            "line": {"color": palette.muted, "width": 1.2, "dash": "dot"},
        },
        # A separate legend entry for the bars, because their own would have the first group's colour.
        {
            "type": "scatter",
            "mode": "markers",
            "name": "sampled",
            "x": [-99],
            "y": [-99],
            "hoverinfo": "skip",
            "marker": {"symbol": "square", "size": 12, "color": palette.relaxed, "opacity": 0.78},
        },
    ]
    return Panel(
        traces=traces,
        xaxis={
            "range": [left, left + width],
            "tickformat": "d",
            "dtick": max(1, int(np.ceil((x.max() - x.min() + 1) / 16))),
            "ticks": "",
        },
        yaxis={
            "range": [-0.02, groups],
            "tickvals": list(range(groups)),
            "showticklabels": False,
            "showgrid": True,
            "showline": False,
        },
        annotations=[
            _words(words, palette.text, yref="y", x=0, y=groups - group, xanchor="left", yanchor="top")
            for group, words in enumerate(titles)
        ]
        + [
            _words(
                "balls drawn from the group",
                palette.muted,
                yref="y domain",
                x=0.5,
                y=0,
                yshift=-18,
                xanchor="center",
                yanchor="top",
            )
        ],
    )


def _stairs(line: list[list[float | None]], heights: np.ndarray, low: int, base: float) -> None:
    """Adds the outline of bars of width one to a line, with a gap after it."""
    edges = low - 0.5 + np.repeat(np.arange(len(heights) + 1), 2)
    line[0] += [*edges.tolist(), None]
    line[1] += [base, *(base + np.repeat(heights, 2)).round(5).tolist(), base, None]


def _words(text: str, colour: str, **place: object) -> dict[str, object]:
    return {"text": text, "xref": "x domain", "showarrow": False, "font": {"size": 12, "color": colour}, **place}
