"""The gradients page's first figure: arrows and the path of the mean over the loss, and panels over the steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hypergeo.figures.core.layout import MARGIN, Pixels
from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Box, Panel, arrange, float32
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.counts.plane import Plane

from .arrows import exact_arrow, mean_arrow, sample_arrows

__all__ = ["SHAFT", "arrows_panel", "descent_figure"]

SHAFT = 0.03  # width of the exact arrow's shaft, in sides of the plane
_THIN = 1.0  # width of the arrow of a single estimate, in pixels
_LEAST = 850  # width in pixels at which the legend keeps off the panels at the right
_RINGS = 2.0  # diameter of the ring of probability one, in distances of cells


def arrows_panel(
    plane: Plane,
    palette: Palette,
    *,
    cells: np.ndarray,
    probabilities: np.ndarray,
    path: np.ndarray,
    reference: np.ndarray,
    estimates: np.ndarray,
    mean: np.ndarray,
    exact: np.ndarray,
    names: tuple[str, str],
    target: np.ndarray | None = None,
    side: float = 460.0,
) -> Panel:
    """Draws the distribution, the path of its mean, and gradients as arrows from the mean.

    Args:
        plane: coordinates of counts.
        palette: colours of the figure.
        cells: count vectors of the support, shape ``(N, K)`` or ``(N, 2)``.
        probabilities: probability of each count vector, shape ``(N,)``.
        path: mean counts up to now, shape ``(T + 1, K)``.
        reference: mean counts of a descent by the exact gradient, shape ``(T + 1, K)``.
        estimates: single estimates as arrows in counts, shape ``(S, K)``.
        mean: mean of the estimates, shape ``(K,)``.
        exact: the exact gradient as an arrow in counts, shape ``(K,)``.
        names: names of single estimates and of their mean in the legend.
        target: target counts, shape ``(K,)``.
        side: expected length of the plane's side in pixels, which sets the size of the rings.

    Returns:
        The panel, to be placed in a figure.
    """
    at, start = plane.place(cells), plane.place(path[-1])
    width, ring = SHAFT * plane.side, _RINGS * side * plane.cell / plane.side
    line, dotted = plane.place(path), plane.place(reference)
    traces: list[dict[str, Any]] = [
        {
            **_points(at),
            "mode": "markers",
            "name": "exact distribution",
            "showlegend": False,
            "text": [f"({', '.join(map(str, cell))})" for cell in cells.tolist()],
            "customdata": 100 * probabilities,
            "hovertemplate": "%{text}<br>probability %{customdata:.2f} %<extra></extra>",
            "marker": {
                "size": float32(ring * np.sqrt(probabilities)),
                "color": "rgba(0,0,0,0)",
                "opacity": 0.55,
                "line": {"color": palette.exact, "width": 1},
            },
        },
        sample_arrows(start, start + plane.shift(estimates), _THIN * plane.side / side, palette.relaxed, name=names[0]),
        {
            **_points(dotted),
            "mode": "lines",
            "name": "path with the exact gradient",
            "hoverinfo": "skip",
            "line": {"color": palette.exact, "width": 1.5, "dash": "dash"},
        },
        {
            **_points(line),
            "mode": "lines",
            "name": "path of E[x]",
            "hoverinfo": "skip",
            "showlegend": False,
            "line": {"color": palette.follow, "width": 3},
        },
        mean_arrow(start, start + plane.shift(mean), width, palette.relaxed, palette, name=names[1]),
        exact_arrow(start, start + plane.shift(exact), width, palette),
        {
            **_points(start[None]),
            "mode": "markers+text",
            "name": "E[x]",
            "showlegend": False,
            "text": ["<b>E[x]</b>"],
            "textposition": "top right",
            "textfont": {"color": palette.text, "size": 12},
            "hovertemplate": "E[x] = (" + ", ".join(f"{count:.2f}" for count in path[-1]) + ")<extra></extra>",
            "marker": {"size": 11, "color": palette.follow, "line": {"color": palette.exact, "width": 1.5}},
        },
    ]
    if target is not None:
        traces.append(
            {
                **_points(plane.place(target)[None]),
                "mode": "markers+text",
                "name": "target",
                "showlegend": False,
                "text": ["target"],
                "textposition": "bottom center",
                "textfont": {"color": palette.text, "size": 12},
                "hovertemplate": "target<extra></extra>",
                "marker": {"symbol": "x-thin", "size": 13, "line": {"color": palette.exact, "width": 2.5}},
            }
        )
    return plane.panel(traces, palette)


def descent_figure(
    main: Panel,
    panels: list[Panel],
    palette: Palette,
    *,
    picture: tuple[str, tuple[float, ...]] | None,
    height: int = 540,
    narrow: bool = False,
) -> PlainFigure:
    """Arranges the plane at the left and panels over the steps at the right; on a narrow page all are below one another.

    Args:
        main: result of :func:`arrows_panel`.
        panels: panels of loss, log weights and gradient norm.
        palette: colours of the figure.
        picture: the loss under the plane, as a ``data:`` address, and its ends.
        height: height of a wide figure in pixels.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    if picture is not None:
        source, (left, right, bottom, top) = picture
        image = {
            "source": source,
            "xref": "x",
            "yref": "y",
            "x": left,
            "y": top,
            "sizex": right - left,
            "sizey": top - bottom,
            "sizing": "stretch",
            "layer": "below",
        }
        main = replace(main, images=[*main.images, image])
    if narrow:
        above = Pixels(80 + 340 + len(panels) * (150 + 62) + 10)
        top = above.take(80)  # up to four lines of the legend
        boxes = [above.box(main.padding[0] / 360, 1, 330 - main.padding[3])]
        above.take(main.padding[3] + 4)
        for _ in panels:
            above.take(28)
            boxes.append(above.box(0.12, 1, 150))
            above.take(34)
        return arrange([main, *panels], boxes, palette, height=above.height, legend=Box(0, 1, 0, top))
    pixels = Pixels(height)
    gap, lower = 46, 40
    each = int((height - 2 * MARGIN - lower - 22 - gap * (len(panels) - 1)) / len(panels))
    boxes = [Box(main.padding[0] / 900, 0.6, pixels.up(main.padding[3]), pixels.up(height - 2 * MARGIN - 26))]
    for number in range(len(panels)):
        bottom = lower + (len(panels) - 1 - number) * (each + gap)
        boxes.append(Box(0.665, 1, pixels.up(bottom), pixels.up(bottom + each)))
    return arrange([main, *panels], boxes, palette, height=height, legend=Box(0, 0.62, 0, 1), least=_LEAST)


def _points(places: np.ndarray) -> dict[str, Any]:
    return {"type": "scatter", "x": float32(places[:, 0]), "y": float32(places[:, 1])}
