"""Pictures under figures as PNG."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

__all__ = ["png_address"]


def png_address(pixels: np.ndarray, palette: np.ndarray | None = None) -> str:
    """Encodes a picture as a PNG in a ``data:`` address.

    Args:
        pixels: red, green, blue and opacity, shape ``(H, W, 4)``, or indices into the palette, shape ``(H, W)``; uint8.
        palette: red, green, blue and opacity of each index, shape ``(N, 4)``, uint8.

    Returns:
        The address, which begins with ``data:image/png;base64,``.

    Example:
        >>> png_address(np.zeros((2, 2, 4), dtype=np.uint8))[:22]
        'data:image/png;base64,'
    """
    file, more = io.BytesIO(), {}
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette[:, :3].tobytes())
        more["transparency"] = palette[:, 3].tobytes()
    image.save(file, "PNG", compress_level=3, **more)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
