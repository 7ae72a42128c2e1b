"""The figures of the page on shared factors: arrangements of panels, for a wide page and for a telephone."""

from __future__ import annotations

from collections.abc import Sequence

from hypergeo.figures.core.layout import MARGIN, Pixels
from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Box, Panel, arrange
from hypergeo.figures.core.plain_figure import PlainFigure

__all__ = ["grid_figure", "learning_figure"]

_HEIGHT = 528
_LEAST = 740  # width in pixels at which texts of the wide figures do not overlap; narrower figures have smaller texts


def learning_figure(
    gallery: Panel, law: Panel, cuts: Panel, lines: Sequence[Panel], palette: Palette, *, narrow: bool = False
) -> PlainFigure:
    """Arranges pairs and estimates at the left, the distribution, the distances and the weight at the right.

    Args:
        gallery: pairs and their reconstructions.
        law: distribution of the number of shared factors.
        cuts: distances and thresholds.
        lines: curves over steps: estimates, and the weight.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone: all panels are below one another.

    Returns:
        The figure.
    """
    panels = [gallery, law, cuts, *lines]
    if narrow:
        above = Pixels(26 + 345 + 4 * 26 + 3 * 46 + 3 * 150 + 34 + 110 + 44)
        above.take(26)
        panels = [gallery, lines[0], law, cuts, *lines[1:]]
        boxes = [above.box(0.2, 1, 345)]
        for height in (150, 150, 150, 110):
            above.take(34)
            boxes.append(above.box(0.12, 0.97, height))
            above.take(38)
        return arrange(panels, boxes, palette, height=above.height)
    left, right = Pixels(_HEIGHT), Pixels(_HEIGHT)
    left.take(20)
    boxes = [left.box(0.085, 0.57, 308)]
    right.take(20)
    boxes.append(right.box(0.655, 1, 112))
    right.take(62)
    boxes.append(right.box(0.655, 1, 112))
    left.take(36)
    boxes.append(left.box(0.085, 0.54, 106))
    right.take(62)
    boxes.append(right.box(0.655, 0.97, 86))
    return arrange(panels, boxes, palette, height=_HEIGHT, least=_LEAST)


def grid_figure(gallery: Panel, beside: Sequence[Panel], palette: Palette, *, rows: float, narrow: bool = False) -> PlainFigure:
    """Arranges pictures at the left, and panels at the right or below.

    Args:
        gallery: pictures.
        beside: panels.
        palette: colours of the figure.
        rows: height of the pictures divided by their width.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    panels = [gallery, *beside]
    if narrow:
        tall = int(270 * rows) + 8
        above = Pixels(44 + tall + len(beside) * (44 + 130 + 40) + 10)
        above.take(44)
        boxes = [above.box(0.24, 1, tall)]
        for _ in beside:
            above.take(44)
            boxes.append(above.box(0.24, 0.97, 130))
            above.take(36)
        return arrange(panels, boxes, palette, height=above.height)
    pixels, right = Pixels(_HEIGHT), Pixels(_HEIGHT)
    boxes = [Box(0.115, 0.65, pixels.up(8), pixels.up(_HEIGHT - 2 * MARGIN - 38))]
    each = (_HEIGHT - 2 * MARGIN - 38 - (len(beside) - 1) * 66 - 40) // max(len(beside), 1)
    right.take(38)
    for _ in beside:
        boxes.append(right.box(0.79, 0.985, each))
        right.take(66)
    return arrange(panels, boxes, palette, height=_HEIGHT, least=_LEAST)
