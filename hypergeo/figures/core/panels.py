"""Panels and their arrangement: each module draws one kind of panel; a figure arranges panels and plays their frames."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .palette import Palette
from .plain_figure import PlainFigure

__all__ = ["Box", "Panel", "Sweep", "arrange", "axis_title", "caption", "float32"]

Json = dict[str, Any]


@dataclass
class Panel:
    """Pair of axes with its traces and annotations.

    Attributes:
        traces: plotly traces, without their axes.
        xaxis: plotly options of the horizontal axis.
        yaxis: plotly options of the vertical axis.
        moving: indices of the traces that differ from frame to frame.
        frames: for each frame, what changes in each moving trace.
        annotations: plotly annotations in the panel's coordinates: ``xref`` and ``yref`` are ``"x"``, ``"y"``, ``"x domain"``
            or ``"y domain"``.
        images: plotly's images, in the same coordinates.
        padding: pixels left, right, above and below the axes that ticks and titles need within the panel's box.
    """

    traces: list[Json]
    xaxis: Json
    yaxis: Json
    moving: list[int] = field(default_factory=list)
    frames: list[list[Json]] = field(default_factory=list)
    annotations: list[Json] = field(default_factory=list)
    images: list[Json] = field(default_factory=list)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True)
class Box:
    """Position of a panel, in fractions of the plotting area, measured from its lower left corner."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True)
class Sweep:
    """Controls that play the frames in the browser.

    Attributes:
        labels: name of each frame, in the order of the slider, left to right.
        start: index of the frame that is shown first.
        prefix: text before the name of the visible frame.
        play: label of the button that plays the frames from right to left.
        box: position of the buttons and the slider; the slider takes the space beside the buttons.
        duration: milliseconds for each frame.
        stacked: whether the slider is under the buttons instead of beside them.
    """

    labels: Sequence[str]
    start: int
    prefix: str
    play: str
    box: Box
    duration: int = 260
    stacked: bool = False


def arrange(
    panels: Sequence[Panel],
    boxes: Sequence[Box],
    palette: Palette,
    *,
    height: int,
    sweep: Sweep | None = None,
    legend: Box | None = None,
    margin: tuple[int, int, int, int] = (8, 8, 8, 8),
    least: int | None = None,
) -> PlainFigure:
    """Arranges panels in one figure.

    Args:
        panels: panels to draw.
        boxes: position of each panel.
        palette: colours of the figure.
        height: height of the figure in pixels; the width follows the page.
        sweep: controls for the panels' frames.
        legend: position of the legend, by the box's upper left corner; no legend when omitted.
        margin: pixels left, right, above and below the plotting area.
        least: width in pixels at which no texts overlap; on a narrower page the figure is scaled down.

    Returns:
        The figure, with a frame for each label of ``sweep``. Without one, panels with one frame show it.
    """
    data: list[Json] = []
    layout: Json = _base_layout(palette, height, margin)
    annotations: list[Json] = []
    images: list[Json] = []
    moving: list[int] = []
    for number, (panel, box) in enumerate(zip(panels, boxes, strict=True), start=1):
        x, y = ("x", "y") if number == 1 else (f"x{number}", f"y{number}")
        moving += [len(data) + index for index in panel.moving]
        data += [{**trace, "xaxis": x, "yaxis": y} for trace in panel.traces]
        layout["xaxis" + x[1:]] = {**_axis(palette), **panel.xaxis, "domain": [box.left, box.right], "anchor": y}
        layout["yaxis" + y[1:]] = {
            **_axis(palette),
            **_renamed(panel.yaxis, x, y),
            "domain": [box.bottom, box.top],
            "anchor": x,
        }
        annotations += [_renamed(note, x, y) for note in panel.annotations]
        images += [_renamed(image, x, y) for image in panel.images]
    frames: list[Json] = []
    if sweep is not None:
        for index, label in enumerate(sweep.labels):
            changes = [change for panel in panels for change in (panel.frames[index] if panel.moving else [])]
            frames.append({"name": label, "data": changes, "traces": moving})
        layout["updatemenus"], layout["sliders"] = _controls(sweep, palette)
        for index, change in zip(moving, frames[sweep.start]["data"], strict=True):
            data[index] = _merged(data[index], change)
    elif all(len(panel.frames) == 1 for panel in panels if panel.moving):
        for index, change in zip(
            moving, [change for panel in panels if panel.moving for change in panel.frames[0]], strict=True
        ):
            data[index] = _merged(data[index], change)
    layout["annotations"] = annotations
    if least is not None:
        layout["meta"] = {"least": least}
    if images:
        layout["images"] = images
    layout["showlegend"] = legend is not None
    if legend is not None:
        layout["legend"] = {
            "orientation": "h",
            "x": legend.left,
            "y": legend.top,
            "xanchor": "left",
            "yanchor": "top",
            "bgcolor": "rgba(0,0,0,0)",
            "font": {"color": palette.text, "size": 12},
            "itemclick": False,
            "itemdoubleclick": False,
        }
    return PlainFigure(_packed(data), _packed(layout), _packed(frames))


def caption(text: str, palette: Palette, *, size: int = 12) -> Json:
    """Makes a panel's title, as an annotation above its upper left corner.

    Args:
        text: the title.
        palette: colours of the figure.
        size: font size in pixels.

    Returns:
        The annotation.
    """
    return {
        "text": text,
        "xref": "x domain",
        "yref": "y domain",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 2,
        "showarrow": False,
        "align": "left",
        "font": {"size": size, "color": palette.text},
    }


def axis_title(text: str, palette: Palette) -> Json:
    """Makes the title of a panel's horizontal axis, as an annotation under its middle.

    Args:
        text: the title.
        palette: colours of the figure.

    Returns:
        The annotation.
    """
    return {
        "text": text,
        "xref": "x domain",
        "yref": "y domain",
        "x": 0.5,
        "y": 0,
        "yshift": -20,
        "xanchor": "center",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 12, "color": palette.muted},
    }


def _base_layout(palette: Palette, height: int, margin: tuple[int, int, int, int]) -> Json:
    left, right, top, bottom = margin
    layout: Json = {
        "height": height,
        "margin": {"l": left, "r": right, "t": top, "b": bottom, "pad": 0},
        "barmode": "overlay",
        "bargap": 0,
        "dragmode": False,
        "hovermode": "closest",
        "font": {"color": palette.text},
    }
    if palette.background is not None:
        layout |= {"paper_bgcolor": palette.background, "plot_bgcolor": palette.background}
    return layout


def _axis(palette: Palette) -> Json:
    return {
        "fixedrange": True,
        "automargin": False,
        "ticklabeloverflow": "allow",  # otherwise plotly measures every label of every picture
        "zeroline": False,
        "showgrid": False,
        "linecolor": palette.grid,
        "gridcolor": palette.grid,
        "tickfont": {"color": palette.muted, "size": 11},
        "title": {"font": {"color": palette.muted, "size": 12}, "standoff": 4},
    }


def _controls(sweep: Sweep, palette: Palette) -> tuple[list[Json], list[Json]]:
    """Returns buttons that play and pause, and a slider over the frames; all of it runs in the browser."""
    glide = {"duration": sweep.duration, "easing": "linear"}
    move = {"mode": "immediate", "frame": {"duration": sweep.duration, "redraw": False}, "transition": glide}
    jump = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
    box = sweep.box
    buttons = {
        "type": "buttons",
        "direction": "right",
        "showactive": False,
        "x": box.left,
        "xanchor": "left",
        "y": box.top,
        "yanchor": "top",
        "pad": {"t": 0, "r": 8},
        "bordercolor": palette.grid,
        "bgcolor": "rgba(0,0,0,0)",
        "font": {"color": palette.text, "size": 13},
        "buttons": [
            {
                "label": f"▶ {sweep.play}",
                "method": "animate",
                "args": [list(sweep.labels)[::-1], {**move, "fromcurrent": True}],
            },
            {"label": "❚❚ Pause", "method": "animate", "args": [[None], jump]},
        ],
    }
    slider = {
        "active": sweep.start,
        "x": box.left if sweep.stacked else box.left + 0.4 * (box.right - box.left),
        "len": (box.right - box.left) * (1 if sweep.stacked else 0.6),
        "xanchor": "left",
        "y": box.top,
        "yanchor": "top",
        "pad": {"t": 44 if sweep.stacked else 0, "b": 0, "l": 0, "r": 12},
        "currentvalue": {"prefix": sweep.prefix, "font": {"color": palette.text, "size": 14}, "xanchor": "left", "offset": 10},
        "font": {"color": palette.muted, "size": 11},
        "bordercolor": palette.muted,
        "bgcolor": palette.grid,
        "activebgcolor": palette.muted,
        "tickcolor": palette.muted,
        "ticklen": 4,
        "minorticklen": 2,
        "transition": {"duration": 0},
        "steps": [{"label": label, "method": "animate", "args": [[label], jump]} for label in sweep.labels],
    }
    return [buttons], [slider]


def _packed(value: Any) -> Any:
    """Returns options without those that are ``None``, and arrays packed: plotly packs them only after reading each number."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        kept = np.ascontiguousarray(value, dtype=np.int32 if value.dtype.kind in "iu" else None)
        return {"dtype": kept.dtype.str[1:], "bdata": base64.b64encode(kept.tobytes()).decode()}
    if isinstance(value, dict):
        return {key: _packed(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_packed(item) for item in value]
    return value


def _renamed(options: Json, x: str, y: str) -> Json:
    """Returns a panel's options with the axis references that belong to its number."""
    names = {"x": x, "y": y, "x domain": f"{x} domain", "y domain": f"{y} domain"}
    references = ("xref", "yref", "axref", "ayref", "scaleanchor")
    return {key: names.get(value, value) if key in references else value for key, value in options.items()}


def _merged(trace: Json, change: Json) -> Json:
    """Returns a trace with a frame's change applied, at any depth."""
    result = dict(trace)
    for key, value in change.items():
        result[key] = _merged(result[key], value) if isinstance(value, dict) and isinstance(result.get(key), dict) else value
    return result


def float32(values: np.ndarray) -> np.ndarray:
    """Converts numbers to single precision, in which plotly sends half as many bytes.

    Args:
        values: numbers, of any shape.

    Returns:
        The numbers, of the same shape; float32.
    """
    return np.ascontiguousarray(values, dtype=np.float32)
