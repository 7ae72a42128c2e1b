"""The page's figure: the bars of all splits, the counts, the sample among others, and its gradient."""

from __future__ import annotations

from typing import Any

from hypergeo.figures.core.layout import MARGIN, Pixels
from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Box, Panel, arrange
from hypergeo.figures.core.plain_figure import PlainFigure

__all__ = ["NARROW_ROW", "WIDE_BARS", "one_sample_figure"]

WIDE_BARS = 430
"""Pixels of all rows of bars on a wide page."""

NARROW_ROW = 128
"""Pixels of one row of bars on a telephone."""

_LEAST = 880  # width in pixels at which the numbers over the bars keep apart
_HEADING, _KEY, _STRIPS, _TICKS = 26, 24, 58, 24  # pixels


def one_sample_figure(
    bars: Panel, strips: Panel, cloud: Panel, gradient: Panel, palette: Palette, *, rows: int, key: str, narrow: bool = False
) -> PlainFigure:
    """Arranges the panels side by side or, on a telephone, one below the other.

    Args:
        bars: bars of all splits.
        strips: counts of the sample.
        cloud: the sample among others.
        gradient: gradient of one count in each log weight.
        palette: colours of the figure.
        rows: number of splits.
        key: explanation of the signs among the bars.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    tall = rows * NARROW_ROW if narrow else WIDE_BARS
    left = Pixels(_HEADING + tall + (2 if narrow else 1) * _KEY + _STRIPS + _TICKS + 2 * MARGIN + (300 + 230 + 90) * narrow)
    across = 1.0 if narrow else 0.625
    left.take(_HEADING)
    boxes = [left.box(0, across, tall)]
    bars.annotations.append(_key(key, palette))
    left.take((2 if narrow else 1) * _KEY)
    boxes.append(left.box(0.27 if narrow else 0.1, across, _STRIPS))
    left.take(_TICKS)
    if narrow:
        left.take(30)
        boxes.append(left.box(cloud.padding[0] / 360, 1, 300 - cloud.padding[3]))
        left.take(cloud.padding[3] + 34)
        boxes.append(left.box(0.1, 1, 190))
        return arrange([bars, strips, cloud, gradient], boxes, palette, height=left.height)
    right = Pixels(left.height)
    right.take(_HEADING)
    boxes.append(right.box(0.665 + cloud.padding[0] / 1000, 1, 300 - cloud.padding[3]))
    right.take(cloud.padding[3] + 40)
    boxes.append(Box(0.705, 1, right.up(24), right.here()))
    return arrange([bars, strips, cloud, gradient], boxes, palette, height=left.height, least=_LEAST)


def _key(text: str, palette: Palette) -> dict[str, Any]:
    return {
        "text": text,
        "xref": "x domain",
        "yref": "y domain",
        "x": 0,
        "y": 0,
        "xanchor": "left",
        "yanchor": "top",
        "yshift": -3,
        "showarrow": False,
        "align": "left",
        "font": {"size": 11, "color": palette.muted},
    }
