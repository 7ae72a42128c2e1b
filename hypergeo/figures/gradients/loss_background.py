"""Background of a figure: a function of the plane as shaded bands, transparent at low values, the same in both themes."""

from __future__ import annotations

import numpy as np

from hypergeo.figures.core.images import png_address

__all__ = ["BANDS", "fog"]

BANDS = 12
_SLATE = (112, 126, 142)
_THINNEST, _THICKEST, _LINE = 0.03, 0.44, 0.16  # opacities, and the additional opacity of a line between two bands


def fog(values: np.ndarray, inside: np.ndarray) -> str:
    """Draws a function of the plane as a picture in a ``data:`` address.

    Args:
        values: the function at each pixel, shape ``(H, W)``, from the top row down.
        inside: mask of the pixels that are drawn, shape ``(H, W)``.

    Returns:
        A PNG of two or more bands, as many as the function has levels, up to ``BANDS``.

    Example:
        >>> fog(np.eye(4), np.ones((4, 4), dtype=bool))[:22]
        'data:image/png;base64,'
    """
    band = _bands(values, inside)
    line = np.zeros_like(inside)
    for axis in (0, 1):
        ahead = np.roll(band, -1, axis)
        between = (ahead != band) & inside & np.roll(inside, -1, axis)
        last = [slice(None), slice(None)]
        last[axis] = slice(-1, None)
        between[tuple(last)] = False
        line |= between
    index = np.where(inside, 1 + band + BANDS * line, 0).astype(np.uint8)
    steps = np.linspace(_THINNEST, _THICKEST, BANDS)
    opacity = np.concatenate([[0.0], steps, steps + _LINE])
    palette = np.tile(np.array([*_SLATE, 0], dtype=np.uint8), (len(opacity), 1))
    palette[:, 3] = np.rint(255 * opacity)
    return png_address(index, palette)


def _bands(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Returns the band of each pixel: even steps of the square root of the function above its minimum, so that regions with
    low values have lines, too.
    """
    shown = values[inside]
    low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 0.0)
    height = np.sqrt(np.clip((values - low) / max(high - low, 1e-12), 0, 1))
    return np.minimum((height * BANDS).astype(int), BANDS - 1)
