"""Images of clustered points: mean images, and a sheet from which the browser shows the image under the pointer."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypergeo.figures.core.images import png_address

__all__ = ["image_sheet", "mean_images"]

_ACROSS = 32  # images in a row of the sheet
_SHARE = 0.2  # height of a mean image, as a fraction of the panel's height


def image_sheet(images: np.ndarray) -> dict[str, Any]:
    """Arranges images on one sheet, in the form that ``layout.meta`` of a figure needs for the component's hover.

    Args:
        images: white on black, uint8, shape ``(N, H, W)``.

    Returns:
        ``address`` of a PNG, and numbers of images ``across`` and ``down``.

    Example:
        >>> image_sheet(np.zeros((40, 8, 8), dtype=np.uint8))["down"]
        2
    """
    number, height, width = images.shape
    rows = -(-number // _ACROSS)
    sheet = np.zeros((rows * _ACROSS, height, width), dtype=np.uint8)
    sheet[:number] = images
    pixels = sheet.reshape(rows, _ACROSS, height, width).swapaxes(1, 2).reshape(rows * height, _ACROSS * width)
    return {"address": png_address(_grey(pixels)), "across": _ACROSS, "down": rows}


def mean_images(images: np.ndarray, labels: np.ndarray, clusters: int) -> list[dict[str, Any]]:
    """Draws the mean image of each cluster above its bar, as plotly's images in the coordinates of a panel of sizes.

    Args:
        images: uint8, shape ``(N, H, W)``.
        labels: cluster of each image, shape ``(N,)``.
        clusters: number of clusters.

    Returns:
        One image for each cluster with points, as plotly options.
    """
    images_above = []
    for cluster in np.unique(labels).tolist():
        mean = images[labels == cluster].mean(0).round().astype(np.uint8)
        images_above.append(
            {
                "source": png_address(_grey(mean)),
                "xref": "x",
                "yref": "y domain",
                "x": cluster + 1,
                "y": 1,
                "sizex": min(0.7, 0.12 * clusters),
                "sizey": _SHARE,
                "xanchor": "center",
                "yanchor": "top",
                "sizing": "contain",
                "layer": "above",
            }
        )
    return images_above


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Returns opaque red, green and blue of grey values."""
    return np.dstack([pixels] * 3 + [np.full_like(pixels, 255)])
