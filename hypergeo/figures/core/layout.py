"""Places of panels in a figure, in pixels, and panels of one size side by side."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from .palette import Palette
from .panels import Box, Panel, arrange

__all__ = ["MARGIN", "Pixels", "side_by_side"]

MARGIN = 8  # pixels on each side


def side_by_side(
    panels: Sequence[Panel],
    palette: Palette,
    *,
    shares: Sequence[float],
    height: int = 540,
    lower: int = 44,
    narrow: bool = False,
) -> go.Figure:
    """Panels in one row, or below one another on a narrow page.

    Args:
        panels: what :func:`hypergeo.figures.core.series.lines_panel` gave.
        palette: the inks.
        shares: width of each panel with its axis, in shares of the figure.
        height: of the figure in pixels, where it is wide.
        lower: pixels under the panels.
        narrow: whether the page is a telephone's width.
    """
    if narrow:
        above = Pixels(len(panels) * (300 + 26 + 52) + 2 * MARGIN)
        boxes = []
        for _ in panels:
            above.take(26)
            boxes.append(above.box(0.12, 1, 300))
            above.take(52)
        return arrange(panels, boxes, palette, height=above.height, checked=False)
    pixels, boxes, used = Pixels(height), [], 0.0
    for share in shares:
        boxes.append(Box(used + 0.04, used + share - 0.015, pixels.up(lower), pixels.up(height - 2 * MARGIN - 26)))
        used += share
    return arrange(panels, boxes, palette, height=height, checked=False)


class Pixels:
    """Turns heights in pixels into fractions of a figure, from the top down."""

    def __init__(self, height: int):
        self.height = height
        self.used = 0

    def up(self, pixels: int) -> float:
        """The fraction that lies so many pixels above the lower end."""
        return pixels / (self.height - 2 * MARGIN)

    def here(self) -> float:
        """The fraction down to which the figure is used up."""
        return 1 - self.up(self.used)

    def take(self, pixels: int) -> float:
        """Uses up some pixels, and returns the fraction above them."""
        before = self.here()
        self.used += pixels
        return before

    def box(self, left: float, right: float, pixels: int) -> Box:
        """Uses up some pixels for a panel."""
        top = self.take(pixels)
        return Box(left, right, self.here(), top)
