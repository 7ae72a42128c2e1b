"""The urn page's figure: the balls, sampled and exact counts, and the effect of the weights."""

from __future__ import annotations

from dataclasses import dataclass

from hypergeo.figures.core.layout import Pixels
from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Box, Panel, arrange
from hypergeo.figures.core.plain_figure import PlainFigure

__all__ = ["NARROW", "WIDE", "urn_figure"]


@dataclass(frozen=True)
class Measures:
    """Holds the sizes of the figure's parts in pixels.

    Attributes:
        height: height of the figure.
        balls: width and height of the urn.
        rows: height of all rows of bars.
        heat: height of the heat map.
    """

    height: int
    balls: tuple[int, int]
    rows: int
    heat: int


_LEAST = 880  # width in pixels at which the balls keep clear of each other
WIDE = Measures(height=580, balls=(350, 520), rows=288, heat=146)
NARROW = Measures(height=1158, balls=(340, 420), rows=330, heat=190)


def urn_figure(balls: Panel, observed: Panel, heat: Panel, palette: Palette, *, narrow: bool = False) -> PlainFigure:
    """Arranges the panels side by side or, on a telephone, one below the other.

    Args:
        balls: the urn.
        observed: bars and outlines.
        heat: derivatives of the means.
        palette: colours of the figure.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    measures = NARROW if narrow else WIDE
    down = Pixels(measures.height)
    down.take(24)
    if narrow:
        boxes = [down.box(0, 1, measures.balls[1])]
        legend = Box(0, 1, 0, down.take(16))
        down.take(36)
        boxes.append(down.box(0, 1, measures.rows))
        down.take(38 + 44)
        boxes.append(down.box(0.16, 1, measures.heat))
    else:
        boxes = [Box(0, 0.39, 0, down.here()), down.box(0.45, 1, measures.rows)]
        down.take(38 + 44)
        boxes.append(down.box(0.51, 1, measures.heat))
        legend = Box(0.45, 1, 0, 1)
    return arrange([balls, observed, heat], boxes, palette, height=measures.height, legend=legend, least=_LEAST)
