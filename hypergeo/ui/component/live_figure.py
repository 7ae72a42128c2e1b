"""Figures that play: pictures of the next steps go to the browser together, and plotly draws them into the figure there.

Streamlit takes a changed figure for another one and sets it up from nothing, and after every run the browser goes through all
that is on the page: three pictures a second. So while a page plays, its figure stays what it is; see :mod:`.transport`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import plotly.graph_objects as go

__all__ = ["PAINTER", "Film", "playable"]

_LABEL = "\u00a0\u00a0"  # nothing to see, and no other button has it
_INKS = ["#000037", "#000035"]  # placeholders of the palette STREAMLIT, which the browser replaces by the theme's inks
_KEPT = ["template", "meta", "width", "height", "updatemenus", "title"]
_NUMBERS = count()

# A button's method and arguments are plotly's own way to have its functions called on a figure from outside its module.
PAINTER = f"""
  const paint = (key, drawing, memory) => {{
    const plot = document.querySelector(`.st-key-${{key}} .js-plotly-plot:not(.steady)`)
    const button = [...plot?.querySelectorAll(".updatemenu-button") ?? []].find(each => each.__data__?.label === "{_LABEL}")
    if (!button || plot._dragging) return
    const {{ inks, placeholders }} = plot.layout.meta
    let text = drawing
    placeholders.forEach((parts, at) => {{ text = text.replaceAll(parts.join(""), inks[at]) }})
    const {{ whole, data, layout }} = JSON.parse(text)
    const page = (memory.page ??= {{ data: plot.data, layout: plot.layout }})
    const traces = whole ? data : data.map((trace, at) => ({{ ...page.data[at], ...trace }}))
    const {{ width, height }} = plot.layout
    const drawn = {{ ...page.layout, ...layout, width, height }}
    Object.assign(button.__data__, {{ method: "react", args: [traces, drawn, plot._context] }})
    button.dispatchEvent(new MouseEvent("click", {{ view: window }}))
    plot.painted = performance.now()
  }}
"""


def playable(figure: go.Figure) -> go.Figure:
    """Adds what pictures need to be drawn into a figure: a button that nobody sees, and the inks of the reader's theme.

    Args:
        figure: drawn with the palette ``STREAMLIT``; it is changed.
    """
    # What the browser replaces must not look like what it replaces: placeholders are told in two parts.
    figure.layout.meta = {"inks": _INKS, "placeholders": [[ink[:4], ink[4:]] for ink in _INKS]}
    none = "rgba(0,0,0,0)"
    figure.layout.updatemenus = [
        {
            "type": "buttons",
            "buttons": [{"label": _LABEL, "method": "skip"}],
            "showactive": False,
            "x": 0,
            "xanchor": "left",
            "y": 0,
            "yanchor": "bottom",
            "bgcolor": none,
            "bordercolor": none,
            "font": {"size": 1, "color": none},
        }
    ]
    return figure


class Film:
    """What a figure of a page plays.

    Args:
        figure: key of the figure on the page.
        words: key of the container with the words that go with it.
        shown: the step of the figure on the page.
        draw: makes the figure and its words, as Markdown with nothing but bold words, at a step. Less is sent where all steps
            have traces of the same types.
    """

    def __init__(self, figure: str, words: str, shown: int, draw: Callable[[int], tuple[go.Figure, str]]):
        self.figure, self.words, self.shown = figure, words, shown
        self.number = next(_NUMBERS)
        self._draw = draw
        self._first: list[dict[str, Any]] | None = None
        self._varied: list[set[str]] = []

    def picture(self, step: int) -> dict[str, Any]:
        """A step, its words, and all of its figure that was ever different from the one on the page, as JSON."""
        if self._first is None:
            self._first = _parts(self._draw(self.shown)[0])
            self._varied = [set() for _ in self._first]
        figure, words = self._draw(step)
        parts = _parts(figure)
        whole = [part.get("type") for part in parts] != [first.get("type") for first in self._first]
        if not whole:
            for first, part, varied in zip(self._first, parts, self._varied, strict=True):
                varied |= {name for name in first.keys() | part.keys() if first.get(name) != part.get(name)}
            parts = [{name: part.get(name) for name in varied} for part, varied in zip(parts, self._varied, strict=True)]
        drawing = {"whole": whole, "data": parts[:-1], "layout": parts[-1]}
        return {"step": step, "words": words, "drawing": json.dumps(drawing)}


def _parts(figure: go.Figure) -> list[dict[str, Any]]:
    """Traces, and the layout without what the browser makes of it."""
    figure.layout.template = None
    told = json.loads(figure.to_json(validate=False))
    return [*told["data"], {name: value for name, value in told["layout"].items() if name not in _KEPT}]
