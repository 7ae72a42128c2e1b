"""Positions of panels in a figure in pixels, and panels of one size side by side."""

from __future__ import annotations

from collections.abc import Sequence

from .palette import Palette
from .panels import Box, Panel, arrange
from .plain_figure import PlainFigure

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
) -> PlainFigure:
    """Arranges panels in one row, or below one another on a narrow page.

    Args:
        panels: results of :func:`hypergeo.figures.core.series.lines_panel`.
        palette: colours of the figure.
        shares: width of each panel with its axis, as a fraction of the figure's width.
        height: height of a wide figure in pixels.
        lower: pixels under the panels.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    if narrow:
        above = Pixels(len(panels) * (300 + 26 + 52) + 2 * MARGIN)
        boxes = []
        for _ in panels:
            above.take(26)
            boxes.append(above.box(0.12, 1, 300))
            above.take(52)
        return arrange(panels, boxes, palette, height=above.height)
    pixels, boxes, used = Pixels(height), [], 0.0
    for share in shares:
        boxes.append(Box(used + 0.04, used + share - 0.015, pixels.up(lower), pixels.up(height - 2 * MARGIN - 26)))
        used += share
    return arrange(panels, boxes, palette, height=height)


class Pixels:
    """Converts heights in pixels to fractions of a figure, from the top down.

    Args:
        height: height of the figure in pixels.
    """

    def __init__(self, height: int):
        self.height = height
        self.used = 0

    def up(self, pixels: int) -> float:
        """Converts a distance from the lower end into a fraction of the height.

        Args:
            pixels: distance from the lower end in pixels.

        Returns:
            The fraction, 0 at the lower end.
        """
        return pixels / (self.height - 2 * MARGIN)

    def here(self) -> float:
        """Computes the fraction of the height that is still free.

        Returns:
            Height of the free part's upper end, as a fraction of the figure's.
        """
        return 1 - self.up(self.used)

    def take(self, pixels: int) -> float:
        """Reserves pixels at the upper end of the free part.

        Args:
            pixels: number of pixels.

        Returns:
            Height of the reserved part's upper end, as a fraction of the figure's.
        """
        before = self.here()
        self.used += pixels
        return before

    def box(self, left: float, right: float, pixels: int) -> Box:
        """Reserves pixels for a panel.

        Args:
            left: left end, as a fraction of the figure's width.
            right: right end, as a fraction of the figure's width.
            pixels: height of the panel in pixels.

        Returns:
            Ends of the panel, as fractions of the figure.
        """
        top = self.take(pixels)
        return Box(left, right, self.here(), top)
