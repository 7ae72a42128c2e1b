"""Colours of every figure: one fixed colour for each group, and the other colours, which depend on the light or dark theme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["DARK", "GROUP_COLOURS", "LIGHT", "THEMED", "Palette", "blend", "group_colour", "translucent"]

GROUP_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442", "#8A949E")
"""Okabe and Ito's colour-blind safe palette (Color Universal Design, 2008), in the order of the groups; grey for its black."""


@dataclass(frozen=True)
class Palette:
    """Colours of one theme.

    Attributes:
        exact: outlines of the exact distribution, in full contrast with the background.
        text: titles and labels.
        muted: axis labels and notes.
        grid: lines that only help the eye.
        background: background of the figure, ``None`` for the page's own.
        relaxed: fills of relaxed samples where a fill belongs to no single group.
        follow: the followed sample.
    """

    exact: str
    text: str
    muted: str
    grid: str
    background: str | None
    relaxed: str = "#4C78A8"
    follow: str = "#D81B60"


LIGHT = Palette(exact="#0D1620", text="#0D1620", muted="#55606C", grid="#D3DAE1", background="#FFFFFF")
DARK = Palette(
    exact="#F2F5F8", text="#E8EDF2", muted="#A9B4BF", grid="#36424E", background="#11161C", relaxed="#7FA6D6", follow="#FF5C93"
)

# The stage (hypergeo/ui/component/stage.js) replaces these placeholders by the colours of LIGHT or DARK, also in colours with
# an opacity. One figure therefore suits both themes, and the server need not know the reader's theme.
THEMED = Palette(
    exact="#01E301", text="#01E302", muted="#01E303", grid="#01E304", background=None, relaxed="#01E305", follow="#01E306"
)


def group_colour(group: int) -> str:
    """Selects the colour of a group.

    Args:
        group: index of the group, from 0; colours repeat.

    Returns:
        The colour as ``#rrggbb``.

    Example:
        >>> group_colour(1)
        '#56B4E9'
    """
    return GROUP_COLOURS[group % len(GROUP_COLOURS)]


def translucent(colour: str, opacity: float) -> str:
    """Makes a colour translucent.

    Args:
        colour: colour as ``#rrggbb``.
        opacity: opacity from 0 to 1.

    Returns:
        The colour as ``rgba(...)``.

    Example:
        >>> translucent("#56B4E9", 0.5)
        'rgba(86,180,233,0.5)'
    """
    red, green, blue = _rgb(colour)
    return f"rgba({red},{green},{blue},{opacity:g})"


def blend(shares: np.ndarray) -> list[str]:
    """Mixes the group colours.

    Args:
        shares: nonnegative weights of the groups, shape ``(N, K)``; each row is scaled to sum to one.

    Returns:
        ``N`` colours ``#rrggbb``, mixed in linear light.

    Example:
        >>> blend(np.array([[1.0, 0.0], [1.0, 1.0]]))
        ['#E69F00', '#B0AAAA']
    """
    colours = np.array([_rgb(group_colour(group)) for group in range(shares.shape[1])]) / 255
    total = shares.sum(1, keepdims=True)
    weights = np.where(total > 0, shares / np.where(total > 0, total, 1), 1 / shares.shape[1])
    mixed = (weights @ colours**2.2) ** (1 / 2.2)
    return ["#{:02X}{:02X}{:02X}".format(*row) for row in np.rint(255 * mixed).astype(int)]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
