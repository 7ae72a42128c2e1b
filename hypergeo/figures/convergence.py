"""The convergence page's figure: support, marginals and distance side by side, played down the temperatures together."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from .palette import Palette
from .panels import Box, Panel, Sweep, arrange

__all__ = ["convergence_figure", "single_figure"]


def convergence_figure(
    main: Panel,
    marginals: Sequence[Panel],
    distance: Panel,
    palette: Palette,
    *,
    labels: Sequence[str],
    start: int,
    narrow: bool = False,
) -> go.Figure:
    """Arranges the panels for a wide page or, one below the other, for a narrow one.

    Args:
        main: the simplex, or the first two groups.
        marginals: one panel for each group.
        distance: distance against temperature.
        palette: the inks.
        labels: the temperatures in words, increasing.
        start: index of the temperature shown first.
        narrow: whether the page is a telephone's width.
    """
    panels = [main, *marginals, distance]
    if narrow:
        height, controls, gap = 1040, 128, 34
        plot = height - 16
        main_height, row, last = 350, 70, 150
        boxes = []
        top = 1 - 58 / plot
        boxes.append(Box(0, 1, top - main_height / plot, top))
        controls_top = top - (main_height + 6) / plot
        cursor = controls_top - (controls + 16) / plot
        columns = 2 if len(marginals) > 1 else 1
        for index in range(len(marginals)):
            r, c = divmod(index, columns)
            t = cursor - r * (row + gap + 16) / plot
            boxes.append(Box(c * 0.53, 0.47 + c * 0.53, t - row / plot, t))
        rows = -(-len(marginals) // columns)
        t = cursor - rows * (row + gap + 16) / plot
        boxes.append(Box(0.09, 1, max(0.045, t - last / plot), t))
        sweep = Sweep(labels, start, "temperature τ = ", "Cool down", Box(0, 1, 0, controls_top), stacked=True)
        return arrange(panels, boxes, palette, height=height, sweep=sweep, legend=Box(0, 1, 0, 1))
    height, lower = 632, 74
    plot = height - 16
    boxes = [Box(main.padding[0] / 900, 0.6, (lower + 8 + main.padding[3]) / plot, 1 - 28 / plot)]
    left, columns = 0.66, 1 if len(marginals) <= 3 else 2
    rows = -(-len(marginals) // columns)
    title, ticks, distance_height = 20, 22, 178
    pitch = (plot - distance_height - title - 42) / rows
    for index in range(len(marginals)):
        r, c = divmod(index, columns)
        width = (1 - left - 0.03 * (columns - 1)) / columns
        side = left + c * (width + 0.03)
        boxes.append(Box(side, side + width, 1 - ((r + 1) * pitch - ticks) / plot, 1 - (r * pitch + title) / plot))
    boxes.append(Box(left + 0.035, 1, 42 / plot, (42 + distance_height) / plot))
    sweep = Sweep(labels, start, "temperature τ = ", "Cool down", Box(0, 0.6, 0, lower / plot))
    return arrange(panels, boxes, palette, height=height, sweep=sweep, legend=Box(0, 0.6, 0, 1))


def single_figure(panel: Panel, palette: Palette, *, labels: Sequence[str], start: int, narrow: bool = False) -> go.Figure:
    """One panel with the controls that play its temperatures under it.

    Args:
        panel: the simplex, or the first two groups.
        palette: the inks.
        labels: the temperatures in words, increasing.
        start: index of the temperature shown first.
        narrow: whether the page is a telephone's width.
    """
    height, lower, legend = (560, 120, 52) if narrow else (700, 74, 28)
    plot = height - 16
    box = Box(panel.padding[0] / 900, 1, (lower + 8 + panel.padding[3]) / plot, 1 - legend / plot)
    sweep = Sweep(labels, start, "temperature τ = ", "Cool down", Box(0, 1, 0, lower / plot), stacked=narrow)
    return arrange([panel], [box], palette, height=height, sweep=sweep, legend=Box(0, 1, 0, 1))
