"""Small pictures in rows and columns, as one image; under them rings and discs: true and inferred shared factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hypergeo.figures.core.images import png_address
from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Panel, caption, float32

__all__ = ["mosaic", "sprite_panel"]

_SCALE = 4  # image pixels per pixel of a sprite: browsers blur enlarged images, large ones less
_GAP = 4
_RING = 0.46  # height of a row of rings, in sprites


def mosaic(images: np.ndarray) -> str:
    """Draws pictures in rows and columns with transparent gaps between them, as a ``data:`` address.

    Args:
        images: pixels from 0 to 255, shape ``(rows, columns, H, W, 3)``.

    Returns:
        A PNG of 8 bits a channel with transparency (ISO/IEC 15948).

    Example:
        >>> mosaic(np.zeros((2, 3, 12, 12, 3), dtype=np.uint8))[:22]
        'data:image/png;base64,'
    """
    rows, columns, height, width, _ = images.shape
    tall, wide = _SCALE * height, _SCALE * width
    sheet = np.zeros((rows, tall + _GAP, columns, wide + _GAP, 4), dtype=np.uint8)
    large = images.repeat(_SCALE, 2).repeat(_SCALE, 3)
    sheet[:, :tall, :, :wide, :3] = large.transpose(0, 2, 1, 3, 4)
    sheet[:, :tall, :, :wide, 3] = 255
    return png_address(sheet.reshape(rows * (tall + _GAP), columns * (wide + _GAP), 4))


def sprite_panel(
    images: np.ndarray,
    palette: Palette,
    *,
    title: str,
    rows: Sequence[str],
    columns: Sequence[str] = (),
    rings: Sequence[str] = (),
    true: np.ndarray | None = None,
    inferred: np.ndarray | None = None,
) -> Panel:
    """Draws pictures in rows and columns, and under each column the shared factors.

    Args:
        images: pixels from 0 to 255, shape ``(rows, columns, H, W, 3)``.
        palette: colours of the figure.
        title: text above the panel.
        rows: text before each row of pictures.
        columns: text above each column; no text if empty.
        rings: text before each row of rings; no text if empty.
        true: whether each ring is drawn, shape ``(columns, len(rings))``.
        inferred: whether each disc is drawn, shape ``(columns, len(rings))``.

    Returns:
        The panel, to be placed in a figure.
    """
    height, width = images.shape[:2]
    pixels = _SCALE * images.shape[2] + _GAP
    shown = (pixels - _GAP) / pixels
    foot = height + 0.1
    traces: list[dict[str, Any]] = [
        {
            "type": "image",
            "source": mosaic(images),
            "x0": 0.5 / pixels,
            "dx": 1 / pixels,
            "y0": 0.5 / pixels,
            "dy": 1 / pixels,
            "hoverinfo": "skip",
        }
    ]
    ticks = [(row + shown / 2, words) for row, words in enumerate(rows)]
    if rings:
        assert true is not None
        assert inferred is not None
        ticks += [(foot + (row + 0.5) * _RING, words) for row, words in enumerate(rings)]
        traces += [
            {**_places(true, foot, shown), "marker": _ring(palette), "hoverinfo": "skip"},
            {**_places(inferred, foot, shown), "marker": {"size": 7, "color": palette.relaxed}, "hoverinfo": "skip"},
        ]
    end = foot + len(rings) * _RING
    notes = [caption(title, palette)]
    if columns:
        notes[0]["yshift"] = 18
    for column, words in enumerate(columns):
        notes.append(_word(words, column + shown / 2, 0.0, "bottom", palette))
    for trace in traces[1:]:
        trace["showlegend"] = False
    return Panel(
        traces=traces,
        xaxis={
            "range": [-0.06, width - 1 + shown + 0.06],
            "showticklabels": False,
            "ticks": "",
            "showline": False,
            "constrain": "domain",
            "constraintoward": "left",
        },
        yaxis={
            "range": [end + 0.04, -0.06],
            "tickvals": [place for place, _ in ticks],
            "ticktext": [words for _, words in ticks],
            "ticks": "",
            "showline": False,
            "scaleanchor": "x",
            "constrain": "domain",
            "constraintoward": "top",
        },
        annotations=notes,
    )


def _places(mask: np.ndarray, foot: float, shown: float) -> dict[str, Any]:
    columns, rows = np.nonzero(mask)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": float32(columns + shown / 2),
        "y": float32(foot + (rows + 0.5) * _RING),
    }


def _ring(palette: Palette) -> dict[str, Any]:
    return {"size": 13, "color": "rgba(0,0,0,0)", "line": {"color": palette.exact, "width": 1.6}}


def _word(words: str, x: float, y: float, anchor: str, palette: Palette) -> dict[str, Any]:
    return {
        "text": words,
        "xref": "x",
        "yref": "y",
        "x": x,
        "y": y,
        "xanchor": "center",
        "yanchor": anchor,
        "showarrow": False,
        "font": {"size": 11, "color": palette.text},
    }
