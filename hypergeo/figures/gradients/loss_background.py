"""What lies under a figure: a function of the plane as bands of fog, clear where it is low, the same in both themes."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

__all__ = ["BANDS", "fog"]

BANDS = 12
_SLATE = (112, 126, 142)
_THINNEST, _THICKEST, _LINE = 0.03, 0.44, 0.16  # opacities, and what a line between two bands adds


def fog(values: np.ndarray, inside: np.ndarray) -> str:
    """A picture of a function as a ``data:`` address.

    Args:
        values: the function at each pixel, shape ``(H, W)``, from the top row down.
        inside: which pixels are drawn, shape ``(H, W)``.

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
    return "data:image/png;base64," + base64.b64encode(_png(index, _SLATE, opacity)).decode()


def _bands(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Band of each pixel: even steps of the function's root above its least value, so that valleys have lines too."""
    shown = values[inside]
    low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 0.0)
    height = np.sqrt(np.clip((values - low) / max(high - low, 1e-12), 0, 1))
    return np.minimum((height * BANDS).astype(int), BANDS - 1)


def _png(index: np.ndarray, colour: tuple[int, int, int], opacity: np.ndarray) -> bytes:
    """A picture of one colour at several opacities, as PNG with a palette (ISO/IEC 15948)."""
    rows, columns = index.shape
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), index], 1).tobytes()

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
            chunk(b"PLTE", bytes(colour) * len(opacity)),
            chunk(b"tRNS", np.rint(255 * opacity).astype(np.uint8).tobytes()),
            chunk(b"IDAT", zlib.compress(lines, 3)),
            chunk(b"IEND", b""),
        ]
    )
