"""The figures of the page on partitions: panels beside each other, or below one another on a narrow page."""

from __future__ import annotations

from collections.abc import Sequence

from hypergeo.figures.core.layout import MARGIN, Pixels
from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Box, Panel, arrange
from hypergeo.figures.core.plain_figure import PlainFigure

__all__ = ["gradient_figure", "partition_figure"]

_HEIGHT, _HEAD = 540, 44


def partition_figure(
    sample: Panel, plan: Panel, sizes: Panel, path: Panel, palette: Palette, *, narrow: bool = False
) -> PlainFigure:
    """Arranges the panels of one sample.

    Args:
        sample: the relaxed sample.
        plan: the calibrated plan.
        sizes: the group sizes.
        path: distance to the exact sample against temperature.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    panels = [sample, plan, sizes, path]
    if narrow:
        down = Pixels(2 * (_HEAD + 560 + 24) + 34 + 150 + 40 + 34 + 180 + 44 + 2 * MARGIN)
        boxes = []
        for head, height, below, left in (
            (_HEAD, 560, 24, 0.16),
            (_HEAD, 560, 24, 0.16),
            (34, 150, 40, 0.1),
            (34, 180, 44, 0.1),
        ):
            down.take(head)
            boxes.append(down.box(left, 1, height))
            down.take(below)
        return arrange(panels, boxes, palette, height=down.height)
    high = Pixels(_HEIGHT)
    top, foot = high.up(_HEIGHT - 2 * MARGIN - _HEAD), high.up(4)
    boxes = [
        Box(0.075, 0.365, foot, top),
        Box(0.44, 0.685, foot, top),
        Box(0.75, 1, high.up(318), high.up(_HEIGHT - 2 * MARGIN - 26)),
        Box(0.75, 1, high.up(44), high.up(240)),
    ]
    return arrange(panels, boxes, palette, height=_HEIGHT)


def gradient_figure(panels: Sequence[Panel], palette: Palette, *, narrow: bool = False) -> PlainFigure:
    """Arranges the exact gradient, its estimate, and both against each other.

    Args:
        panels: the three panels in this order.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    if narrow:
        down = Pixels(2 * (_HEAD + 300 + 20) + 60 + 300 + 44 + 2 * MARGIN)
        boxes = []
        for head, height, below in ((_HEAD, 300, 20), (_HEAD, 300, 20), (60, 300, 44)):
            down.take(head)
            boxes.append(down.box(0.16, 1, height))
            down.take(below)
        return arrange(panels, boxes, palette, height=down.height, legend=Box(0.16, 1, 0, down.up(344 + 38)))
    high = Pixels(_HEIGHT)
    top, foot = high.up(_HEIGHT - 2 * MARGIN - _HEAD), high.up(44)
    boxes = [Box(0.05, 0.285, foot, top), Box(0.355, 0.59, foot, top), Box(0.66, 1, foot, top)]
    return arrange(panels, boxes, palette, height=_HEIGHT, legend=Box(0.66, 1, 0, high.up(_HEIGHT - 2 * MARGIN)))
