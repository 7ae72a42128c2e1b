"""Clusters during learning: points and contours, and bars of the sizes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from hypergeo.figures.core.layout import MARGIN, Pixels
from hypergeo.figures.core.palette import Palette, group_colour, translucent
from hypergeo.figures.core.panels import Box, Panel, arrange, caption, float32
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.gradients.arrows import arrow_outline, filled_path

__all__ = ["SYMBOLS", "beside_figure", "clusters_figure", "points_panel", "sizes_panel"]

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star", "hexagon")
"""Symbols of the clusters, so that colour is not the only cue."""

_NUMBERS = {
    "circle": 0,
    "square": 1,
    "diamond": 2,
    "triangle-up": 5,
    "triangle-down": 6,
    "pentagon": 13,
    "star": 17,
    "hexagon": 14,
}  # plotly's numbers of the symbols
_TURN = np.linspace(0, 2 * np.pi, 49)
_STRIP = 40  # number of samples in the strip
_APART = 0.045  # least distance of two labels of centres, as a fraction of the panel's side
_EXTENT = (320, 190)  # expected width and height of a panel of sizes, in pixels


def points_panel(
    points: np.ndarray,
    labels: np.ndarray,
    certainty: np.ndarray,
    means: np.ndarray,
    width: float,
    palette: Palette,
    *,
    title: str,
    axes: tuple[str, str] | None = None,
    names: Sequence[str] = (),
) -> Panel:
    """Draws points in the colour and with the symbol of their cluster, and circles of one and two standard deviations.

    Args:
        points: coordinates of the points, shape ``(N, 2)``.
        labels: cluster of each point, ``(N,)``.
        certainty: probability of each point's own cluster, ``(N,)``; points with a low probability are pale.
        means: centres, ``(K, 2)``.
        width: standard deviation of the clusters.
        palette: colours of the figure.
        title: text above the panel.
        axes: names of the horizontal and of the vertical axis, if they have a meaning.
        names: true class of each point, ``(N,)``, shown on hover.

    Returns:
        The panel, to be placed in a figure.
    """
    colours = [group_colour(cluster) for cluster in range(len(means))]
    edges = np.repeat(np.arange(len(means) + 1) / len(means), 2)[1:-1]
    circle = np.column_stack([np.cos(_TURN), np.sin(_TURN)])
    rings = [np.vstack([mean + reach * width * circle, [[np.nan, np.nan]]]) for mean in means for reach in (1.0, 2.0)]
    outline = np.vstack(rings)
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, 0.54 * (high - low)
    labelled = _apart(means, 2 * _APART * float(half.max()))
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": float32(points[:, 0]),
            "y": float32(points[:, 1]),
            "mode": "markers",
            "customdata": float32((100 * certainty).round()),
            "text": [escape(name) for name in names] or None,
            "hovertemplate": "cluster %{marker.color}, %{customdata} % certain"
            + ("<br>true class: %{text}<extra></extra>" if len(names) else "<extra></extra>"),
            # Numbers rather than names of colours and symbols: films of many points stay small.
            "marker": {
                "size": 7,
                "color": labels + 1,
                "colorscale": [list(stop) for stop in zip(edges.tolist(), np.repeat(colours, 2).tolist(), strict=True)],
                "cmin": 0.5,
                "cmax": len(means) + 0.5,
                "symbol": np.array([_NUMBERS[symbol] for symbol in SYMBOLS])[labels],
                "opacity": float32(0.25 + 0.7 * certainty**2),
                "line": {"color": palette.exact, "width": 0.4},
            },
        },
        {
            "type": "scatter",
            "x": float32(outline[:, 0]),
            "y": float32(outline[:, 1]),
            "mode": "lines",
            "hoverinfo": "skip",
            "line": {"color": palette.exact, "width": 1.2},
        },
        {
            "type": "scatter",
            "x": float32(labelled[:, 0]),
            "y": float32(labelled[:, 1]),
            "mode": "markers+text",
            "text": [f"<b>{cluster + 1}</b>" for cluster in range(len(means))],
            # White on the darkest colour, black on the others: a contrast of 4.5 or more (WCAG AA).
            "textfont": {"size": 12, "color": ["#FFFFFF" if colour == "#0072B2" else "#000000" for colour in colours]},
            "hovertemplate": "centre of cluster %{text}<extra></extra>",
            "marker": {"size": 20, "color": colours, "line": {"color": palette.exact, "width": 1.5}},
        },
    ]
    for trace in traces:
        trace["showlegend"] = False
    hidden = {"showticklabels": False, "ticks": "", "showline": True, "mirror": True}
    return Panel(
        traces=traces,
        xaxis={**hidden, "range": [middle[0] - half[0], middle[0] + half[0]]},
        # Plotly widens one of the ranges, so that circles are round.
        yaxis={**hidden, "range": [middle[1] - half[1], middle[1] + half[1]], "scaleanchor": "x", "scaleratio": 1},
        annotations=[caption(title, palette), *_axis_names(axes, palette)],
    )


def _axis_names(axes: tuple[str, str] | None, palette: Palette) -> list[dict[str, Any]]:
    """Returns names inside the frame: at its lower right end and, upright, at its upper left end."""
    if axes is None:
        return []
    inside = {"xref": "x domain", "yref": "y domain", "showarrow": False, "font": {"size": 12, "color": palette.muted}}
    across, up = (escape(name if len(name) <= 44 else f"{name[:43]}…") for name in axes)
    return [
        {**inside, "text": f"{across} →", "x": 0.99, "y": 0.005, "xanchor": "right", "yanchor": "bottom"},
        {**inside, "text": f"{up} →", "x": 0.005, "y": 0.99, "xanchor": "left", "yanchor": "top", "textangle": -90},
    ]


def _apart(places: np.ndarray, gap: float) -> np.ndarray:
    """Returns places with a gap between any two: close ones, as of clusters that share their points, are moved apart.

    Example:
        >>> _apart(np.array([[0.0, 0.0], [0.0, 0.5], [7.0, 7.0]]), 1.0).tolist()
        [[0.0, -0.25], [0.0, 0.75], [7.0, 7.0]]
    """
    places = np.array(places, dtype=float)
    for _ in range(50):  # one pair pushes another; mostly there is none
        crowded = False
        for one, other in itertools.combinations(range(len(places)), 2):
            way = places[other] - places[one]
            distance = float(np.hypot(*way))
            if distance < gap * (1 - 1e-9):
                push = (way / distance if distance > 0 else np.array([1.0, 0.0])) * (gap - distance) / 2
                places[one], places[other] = places[one] - push, places[other] + push
                crowded = True
        if not crowded:
            break
    return places


def sizes_panel(
    sizes: np.ndarray,
    drawn: np.ndarray,
    true: np.ndarray | None,
    pull: np.ndarray | None,
    palette: Palette,
    *,
    title: str,
    number: int,
    images: Sequence[dict[str, Any]] = (),
    certain: np.ndarray | None = None,
) -> Panel:
    """Draws bars of the expected sizes, the last samples as a strip of dots, and the true sizes as outlines.

    Args:
        sizes: expected sizes, ``(K,)``.
        drawn: sizes sampled until now, ``(T, K)``; the last ones are shown.
        true: true size of the class that each cluster is matched with, ``(K,)``, NaN where there is none.
        pull: change of the loss with each size, ``(K,)``, in nats per point, drawn as arrows on their own scale.
        palette: colours of the figure.
        title: text above the panel.
        number: number of points.
        images: pictures of the clusters, above their bars.
        certain: whether the match of each cluster is certain, ``(K,)``; outlines of others are faint. All are certain
            when omitted.

    Returns:
        The panel, to be placed in a figure.
    """
    clusters = np.arange(len(sizes))
    colours = [group_colour(cluster) for cluster in range(len(sizes))]
    most = max(sizes.max(), 0.0 if true is None else np.nanmax(true, initial=0.0), drawn[-_STRIP:].max(initial=0.0))
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": clusters + 1,
            "y": float32(sizes),
            "width": 0.7,
            "marker": {"color": [translucent(colour, 0.8) for colour in colours]},
            "hovertemplate": "cluster %{x}: %{y:.1f} expected<extra></extra>",
        }
    ]
    last = drawn[-_STRIP:]
    spread = np.linspace(-0.28, 0.28, len(last)) if len(last) > 1 else np.zeros(len(last))
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": float32((clusters[None] + 1 + spread[:, None]).ravel()),
            "y": float32(last.ravel()),
            "marker": {"size": 3, "color": palette.exact, "opacity": 0.55},
            "hovertemplate": "sampled: %{y:.1f}<extra></extra>",
        }
    )
    if true is not None:
        seen = np.isfinite(true)
        sure = np.ones(len(sizes), dtype=bool) if certain is None else certain
        traces += [_outlines(clusters, true, seen & sure, palette, 1.0), _outlines(clusters, true, seen & ~sure, palette, 0.3)]
    for trace in traces:
        trace["showlegend"] = False
    top = 1.4 * most if images else min(1.15 * most, 1.05 * number)
    if pull is not None:
        reach = 0.2 * most * np.tanh(2 * pull) * (np.abs(pull).max(initial=0) > 1e-3)
        traces.append(_arrows(sizes, np.maximum(sizes + reach, 0), top, palette))
    return Panel(
        traces=traces,
        xaxis={
            "range": [0.4, len(sizes) + 0.6],
            "tickvals": (clusters + 1).tolist(),
            "ticktext": [f'<span style="color:{colour}">■</span> {cluster + 1}' for cluster, colour in enumerate(colours)],
        },
        yaxis={"range": [0, top], "showgrid": True, "nticks": 5},
        # As second lines of the ticks, the sizes would change the axis in each step.
        annotations=[caption(title, palette), *(_size_label(cluster, size, palette) for cluster, size in enumerate(sizes))],
        images=list(images),
    )


def _size_label(cluster: int, size: float, palette: Palette) -> dict[str, Any]:
    return {
        "text": f"{size:.0f}",
        "xref": "x",
        "yref": "y domain",
        "x": cluster + 1,
        "y": 0,
        "yshift": -16,
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 11, "color": palette.muted},
    }


def _outlines(clusters: np.ndarray, true: np.ndarray, chosen: np.ndarray, palette: Palette, opacity: float) -> dict[str, Any]:
    left, right, tops = clusters[chosen] + 0.62, clusters[chosen] + 1.38, true[chosen]
    gap = np.full(chosen.sum(), np.nan)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": float32(np.column_stack([left, left, right, right, gap]).ravel()),
        "y": float32(np.column_stack([0 * left, tops, tops, 0 * left, gap]).ravel()),
        "opacity": opacity,
        "line": {"color": palette.exact, "width": 1.8},
        "hoverinfo": "skip",
    }


def clusters_figure(
    points: Panel, sizes: Panel, lines: Sequence[Panel], palette: Palette, *, narrow: bool = False
) -> PlainFigure:
    """Arranges points at the left, sizes and curves over the steps at the right, or all panels below one another.

    Args:
        points: result of :func:`points_panel`.
        sizes: result of :func:`sizes_panel`.
        lines: panels over the steps.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    panels = [points, sizes, *lines]
    if narrow:
        above = Pixels(26 + 340 + 60 + 200 + 40 + len(lines) * (28 + 150 + 40))
        above.take(26)
        boxes = [above.box(0.01, 0.99, 340)]
        above.take(60)
        boxes.append(above.box(0.12, 1, 200))
        above.take(40)
        for _ in lines:
            above.take(28)
            boxes.append(above.box(0.12, 1, 150))
            above.take(34)
        return arrange(panels, boxes, palette, height=above.height)
    height = 524
    pixels = Pixels(height)
    right = Pixels(height)
    right.take(20)
    boxes = [Box(0.005, 0.58, pixels.up(8), pixels.up(height - 2 * MARGIN - 20)), right.box(0.64, 1, 190)]
    each = (height - 2 * MARGIN - 20 - 190 - 44 - 40 - 26 * len(lines) - 22 * (len(lines) - 1)) // max(len(lines), 1)
    right.take(44)
    for _ in lines:
        right.take(26)
        boxes.append(right.box(0.64, 1, each))
        right.take(22)
    return arrange(panels, boxes, palette, height=height)


def beside_figure(points: Sequence[Panel], sizes: Sequence[Panel], palette: Palette, *, narrow: bool = False) -> PlainFigure:
    """Arranges the same points clustered in several ways, side by side, each above its sizes.

    Args:
        points: results of :func:`points_panel`, one for each way.
        sizes: results of :func:`sizes_panel`, in the same order.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    panels = [*points, *sizes]
    if narrow:
        above = Pixels(len(points) * (26 + 300 + 30 + 150 + 44))
        places = []
        for _ in points:
            above.take(26)
            first = above.box(0.01, 0.99, 300)
            above.take(30)
            places.append((first, above.box(0.12, 1, 150)))
            above.take(44)
        boxes = [first for first, _ in places] + [second for _, second in places]
        return arrange(panels, boxes, palette, height=above.height)
    height = 524
    share = 1 / len(points)
    pixels = Pixels(height)
    lower, upper = [], []
    for number in range(len(points)):
        left, right = number * share, (number + 1) * share - 0.01
        lower.append(Box(left + 0.035, right, pixels.up(38), pixels.up(38 + 120)))
        upper.append(Box(left + 0.005, right, pixels.up(38 + 120 + 34), pixels.up(height - 2 * MARGIN - 20)))
    return arrange(panels, [*upper, *lower], palette, height=height)


def _arrows(starts: np.ndarray, tips: np.ndarray, top: float, palette: Palette) -> dict[str, Any]:
    """Returns upright arrows beside the middles of bars as one filled path; arrows of length zero are not visible."""
    unit = np.array([(len(starts) + 0.2) / _EXTENT[0], top / _EXTENT[1]])  # of a pixel
    at = np.arange(len(starts)) + 1.28
    outlines = arrow_outline(np.column_stack([at, starts]) / unit, np.column_stack([at, tips]) / unit, 2.0, head=4.0) * unit
    # From each outline to the next one and back on the same way, so that nothing is filled between them.
    return filled_path(np.vstack([outlines.reshape(-1, 2), outlines[::-1, 0]]), palette.follow)
