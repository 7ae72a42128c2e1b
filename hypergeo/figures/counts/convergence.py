"""The convergence page's figure: counts, marginals and distance side by side, animated over the temperatures together."""

from __future__ import annotations

from collections.abc import Sequence

from hypergeo.figures.core.layout import MARGIN, Pixels
from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Box, Panel, Sweep, arrange
from hypergeo.figures.core.plain_figure import PlainFigure

__all__ = ["convergence_figure", "single_figure"]

_LEAST = 820  # width in pixels at which the legend keeps off the panels at the right
BUTTONS, STACKED = 74, 116  # pixels that the controls take beside and under each other


def convergence_figure(
    main: Panel,
    marginals: Panel,
    distance: Panel,
    palette: Palette,
    *,
    labels: Sequence[str] = (),
    start: int = 0,
    narrow: bool = False,
) -> PlainFigure:
    """Arranges the panels for a wide page or, one below the other, for a narrow one.

    Args:
        main: the simplex, or the first two groups.
        marginals: the marginal distributions.
        distance: distance against temperature.
        palette: colours of the figure.
        labels: the temperatures as text, increasing; without them the figure has no controls.
        start: index of the temperature shown first.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    buttons, stacked = (BUTTONS, STACKED) if labels else (0, 0)
    panels = [main, marginals, distance]
    rows = len(marginals.yaxis["tickvals"])
    if narrow:
        above = Pixels(58 + 350 + stacked + 84 * rows + 38 + 34 + 150 + 62)
        top = above.take(58)
        boxes = [above.box(main.padding[0] / 360, 1, 350 - main.padding[3])]
        above.take(main.padding[3] + 4)
        controls = Box(0, 1, 0, above.here())
        above.take(stacked + 10)
        boxes.append(above.box(0, 1, 84 * rows))
        above.take(38 + 34)
        boxes.append(above.box(0.1, 1, 150))
        sweep = Sweep(labels, start, "temperature τ = ", "Cool down", controls, stacked=True) if labels else None
        return arrange(panels, boxes, palette, height=above.height, sweep=sweep, legend=Box(0, 1, 0, top))
    height = 558 + buttons
    right = Pixels(height)
    boxes = [
        Box(main.padding[0] / 900, 0.6, right.up(buttons + 8 + main.padding[3]), right.up(height - 2 * MARGIN - 28)),
        right.box(0.66, 1, height - 2 * MARGIN - 178 - 42 - 64),
        Box(0.695, 1, right.up(42), right.up(42 + 178)),
    ]
    sweep = Sweep(labels, start, "temperature τ = ", "Cool down", Box(0, 0.6, 0, right.up(buttons))) if labels else None
    return arrange(panels, boxes, palette, height=height, sweep=sweep, legend=Box(0, 0.6, 0, 1), least=_LEAST)


def single_figure(
    panel: Panel, palette: Palette, *, labels: Sequence[str] = (), start: int = 0, narrow: bool = False
) -> PlainFigure:
    """Arranges one panel with the controls that play its temperatures under it.

    Args:
        panel: the simplex, or the first two groups.
        palette: colours of the figure.
        labels: the temperatures as text, increasing; without them the figure has no controls.
        start: index of the temperature shown first.
        narrow: whether the page is as narrow as a telephone.

    Returns:
        The figure.
    """
    height, lower, legend = (560, STACKED, 52) if narrow else (700, BUTTONS, 28)
    if not labels:
        height, lower = height - lower, 0
    pixels = Pixels(height)
    box = Box(panel.padding[0] / 900, 1, pixels.up(lower + 8 + panel.padding[3]), pixels.up(height - 2 * MARGIN - legend))
    controls = Box(0, 1, 0, pixels.up(lower))
    sweep = Sweep(labels, start, "temperature τ = ", "Cool down", controls, stacked=narrow) if labels else None
    return arrange([panel], [box], palette, height=height, sweep=sweep, legend=Box(0, 1, 0, 1))
