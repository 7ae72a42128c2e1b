"""Bars of every split of a sample, one row for each split: log-probability, plus noise, divided by τ, softmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypergeo.figures.core.palette import Palette, translucent
from hypergeo.figures.core.panels import Panel

__all__ = ["COLUMNS", "ROW_WORDS", "SplitBars", "split_bars_panel"]

COLUMNS = 4
"""Steps of a split: log-probability, plus Gumbel noise, divided by the temperature, softmax."""

FLOOR, CEILING = -9.0, 4.0  # nats: log-probabilities below are not drawn
HEADROOM = 1.18  # upper end of the axis of probabilities
ROW_WORDS = 38  # height in pixels of a row's text and of the candidates' numbers
_GAP = 0.13  # gap between columns, in widths of a column
_LABELLED = 0.095  # smallest softmax weight that is written over its bar, if the bar is higher than its neighbours
_FADED = 0.5  # opacity of bars of the steps before the softmax


@dataclass(frozen=True)
class SplitBars:
    """Holds the numbers and texts of one split.

    Attributes:
        title: text above the row, such as the group that takes elements from the remaining ones.
        result: text above the softmax.
        colour: colour of the bars.
        candidates: counts that the group can take, shape ``(X,)``.
        exact: exact log-probability of each candidate, shape ``(X,)``.
        used: log-probability of each candidate with the conditionals in use, shape ``(X,)``.
        merged: log-probability with the published approximation, shape ``(X,)``; ``None`` if it has other splits.
        noise: Gumbel noise, shape ``(X,)``.
        scaled: noisy log-probabilities divided by the temperature, less the largest, shape ``(X,)``.
        weights: softmax of ``scaled``, shape ``(X,)``.
        soft: mean of the candidates under ``weights``.
        hard: the candidate with the largest weight.
        gradient: derivative of a count in the log-probability of each candidate, shape ``(X,)``.
        shown: number of the ``COLUMNS`` steps that are visible.
        lit: whether the gradient is visible.
        current: column of the current step, or ``None``.
    """

    title: str
    result: str
    colour: str
    candidates: np.ndarray
    exact: np.ndarray
    used: np.ndarray
    merged: np.ndarray | None
    noise: np.ndarray
    scaled: np.ndarray
    weights: np.ndarray
    soft: float
    hard: int
    gradient: np.ndarray
    shown: int
    lit: bool
    current: int | None


@dataclass(frozen=True)
class _Cell:
    """Cell of one step of one split: a rectangle in the panel's coordinates, pixels upwards and columns across."""

    left: float
    bottom: float
    height: float
    first: int
    number: int

    def across(self, candidate: Any) -> Any:
        return self.left + (np.asarray(candidate) - self.first + 0.5) / self.number

    def up(self, value: Any, low: float, high: float) -> Any:
        """Returns heights of values on an axis; values below it are at its foot."""
        return self.bottom + self.height * (np.clip(value, low, high) - low) / (high - low)


def split_bars_panel(
    splits: Sequence[SplitBars], palette: Palette, *, height: float, headings: Sequence[str], narrow: bool = False
) -> Panel:
    """Draws all splits, one below the other.

    Args:
        splits: splits in the order in which they are made.
        palette: colours of the figure.
        height: height of the panel in pixels.
        headings: text above each of the ``COLUMNS``.
        narrow: whether only noisy log-probabilities and softmax are drawn.

    Returns:
        A panel whose traces do not depend on what is visible.
    """
    columns = (1, 3) if narrow else tuple(range(COLUMNS))
    places = {column: place * (1 + _GAP) for place, column in enumerate(columns)}
    row = height / max(len(splits), 1)
    first = min(int(split.candidates[0]) for split in splits)
    number = max(int(split.candidates[-1]) for split in splits) - first + 1
    drawing = _Drawing(palette, number, row)
    for index, split in enumerate(splits):
        bottom = height - (index + 1) * row + 17
        for column in columns:
            cell = _Cell(places[column], bottom, row - ROW_WORDS, first, number)
            drawing.cell(cell, split, column)
        drawing.label(split, places, bottom + row - ROW_WORDS)
    across = max(places.values()) + 1
    return Panel(
        traces=drawing.traces(),
        xaxis={"visible": False, "range": [-0.02, across + 0.02]},
        yaxis={"visible": False, "range": [0, height]},
        annotations=[_heading(places[column] + 0.5, headings[column], palette) for column in columns],
    )


class _Drawing:
    """Collects what is drawn in all cells into a few traces, always the same ones."""

    def __init__(self, palette: Palette, number: int, row: float):
        self.palette, self.width = palette, 0.78 / number
        self.every = 1 if number <= 9 else 2 if number <= 18 else 4
        self.small = 11 if row > 100 else 10
        self.frames = _Path()
        self.follow = _Path()
        self.means = _Path()
        self.fills = _Bars()
        self.outlines = _Bars()
        self.marks = _Points("symbol", "size", "colour", "edge", "hover")
        self.words = _Points("text", "colour", "size", "place")

    def write(self, x: Any, y: Any, text: Any, colour: str, size: float = 0.0, place: str = "middle center") -> None:
        """Writes texts; the numbers of the bars have the default size."""
        self.words.add(x, y, text=text, colour=colour, size=size or self.small, place=place)

    def cell(self, cell: _Cell, split: SplitBars, column: int) -> None:
        """Draws one step of one split."""
        left, right, top = cell.left, cell.left + 1, cell.bottom + cell.height
        self.frames.add([left, right], [cell.bottom, cell.bottom])
        if column >= split.shown:
            return
        if split.current == column:
            self.follow.add([left, right, right, left, left], [cell.bottom, cell.bottom, top, top, cell.bottom])
        across = cell.across(split.candidates)
        for candidate, x in zip(split.candidates, across, strict=True):
            if candidate % self.every == 0:
                self.write(x, cell.bottom - 8, str(candidate), self.palette.muted)
        names = [f"{count}" for count in split.candidates]
        logs = FLOOR, CEILING
        faded = translucent(split.colour, _FADED)
        if column < 2:
            exact = cell.up(split.exact, *logs)
            self.outlines.add(across, cell.bottom, exact - cell.bottom, faded, [])
        if column == 0:
            texts = [f"count {name}<br>log-probability {value:.3f}" for name, value in zip(names, split.used, strict=True)]
            self.fills.add(across, cell.bottom, cell.up(split.used, *logs) - cell.bottom, faded, texts)
            if split.merged is not None:
                texts = [f"count {name}<br>merged {value:.3f}" for name, value in zip(names, split.merged, strict=True)]
                seen = split.merged > FLOOR
                self._mark(across, cell.up(split.merged, *logs), "x-thin", 6, texts, seen, colour="rgba(0,0,0,0)", edge=1.6)
        elif column == 1:
            noisy = split.used + split.noise
            texts = [
                f"count {name}<br>{value:.3f} {'+' if noise >= 0 else '−'} {abs(noise):.3f} of noise"
                for name, value, noise in zip(names, split.used, split.noise, strict=True)
            ]
            self.fills.add(across, cell.bottom, cell.up(noisy, *logs) - cell.bottom, faded, texts)
            for x, start, end in zip(across, cell.up(split.used, *logs), cell.up(noisy, *logs), strict=True):
                self.follow.add([x, x], [start, end])
        elif column == 2:
            texts = [f"count {name}<br>{value:.3f} from the largest" for name, value in zip(names, split.scaled, strict=True)]
            self.fills.add(across, cell.bottom, cell.up(split.scaled, FLOOR, 0.8) - cell.bottom, faded, texts)
        else:
            tops = cell.up(split.weights, 0, HEADROOM)
            texts = [f"count {name}<br>softmax {value:.4f}" for name, value in zip(names, split.weights, strict=True)]
            self.fills.add(across, cell.bottom, tops - cell.bottom, split.colour, texts)
            mean, end = float(cell.across(split.soft)), top
            peaks = split.weights >= np.maximum(*(np.pad(split.weights, 1)[side:][: len(across)] for side in (0, 2)))
            written = (split.weights >= _LABELLED) & peaks & (not split.lit) & (cell.height > 70)
            for x, y, weight in zip(across[written], tops[written], split.weights[written], strict=True):
                self.write(x, y + 7, f"{weight:.2f}".lstrip("0"), self.palette.text)
                if abs(x - mean) < 0.8 / cell.number:  # the line ends below the number
                    end = min(end, float(y))
            self.means.add([mean, mean], [cell.bottom - 2, end])
        if column in (1, 3):
            index = int(np.flatnonzero(split.candidates == split.hard)[0])
            value = cell.up((split.used + split.noise)[index], *logs) if column == 1 else cell.bottom
            self._mark(across[index], value + (6 if column == 1 else 5), "star", 9, f"count {split.hard}: largest")
        if split.lit and column < 3:
            largest = max(float(np.abs(split.gradient).max()), 1e-12)
            size = 4 + 10 * np.sqrt(np.abs(split.gradient) / largest)
            seen = np.abs(split.gradient) > 1e-3 * largest
            symbols = np.where(split.gradient > 0, "triangle-up", "triangle-down")
            texts = [f"count {name}<br>gradient {value:+.4f}" for name, value in zip(names, split.gradient, strict=True)]
            self._mark(across, top - 6.0, symbols, size, texts, seen)

    def _mark(
        self, x: Any, y: Any, symbol: Any, size: Any, hover: Any, kept: Any = True, *, colour: str = "", edge: float = 0.0
    ) -> None:
        inked = colour or self.palette.follow
        self.marks.add(x, y, kept, symbol=symbol, size=np.round(size, 1), colour=inked, edge=edge, hover=hover)

    def label(self, split: SplitBars, places: dict[int, float], top: float) -> None:
        """Labels a row at its left, and writes its result at its right."""
        ink = self.palette.text if split.shown else self.palette.muted
        self.write(min(places.values()), top + 3, split.title, ink, 12, "top right")
        if split.shown > 3:
            right = max(places.values()) + 1
            self.write(right, top + 3, split.result, ink, 12, "top left")

    def traces(self) -> list[dict[str, Any]]:
        """Returns all traces that have been collected."""
        palette, marks, words = self.palette, self.marks.columns, self.words.columns
        look = {"symbol": marks["symbol"], "size": marks["size"], "color": marks["colour"], "opacity": 1}
        fonts = {"size": words["size"], "color": words["colour"]}
        return [
            self.frames.trace(palette.grid, 1),
            self.follow.trace(palette.follow, 2),
            self.fills.trace(self.width, line={"width": 0}),
            self.outlines.trace(self.width, line={"width": 1.3, "color": palette.exact}, color="rgba(0,0,0,0)"),
            self.means.trace(palette.exact, 2),
            {
                **_quiet(mode="markers", x=marks["x"], y=marks["y"]),
                "marker": {**look, "line": {"width": marks["edge"], "color": palette.exact}},
                "hovertext": marks["hover"],
                "hovertemplate": "%{hovertext}<extra></extra>",
            },
            _quiet(mode="text", x=words["x"], y=words["y"], text=words["text"], textposition=words["place"], textfont=fonts),
        ]


class _Path:
    """Lines with gaps between them, as one trace."""

    def __init__(self) -> None:
        self.x: list[float | None] = []
        self.y: list[float | None] = []

    def add(self, x: Sequence[float], y: Sequence[float]) -> None:
        self.x += [*(round(float(value), 4) for value in x), None]
        self.y += [*(round(float(value), 2) for value in y), None]

    def trace(self, colour: str, width: float) -> dict[str, Any]:
        return _quiet(mode="lines", x=self.x, y=self.y, line={"color": colour, "width": width})


class _Bars:
    """Bars of all cells, as one trace."""

    def __init__(self) -> None:
        self.x: list[float] = []
        self.base: list[float] = []
        self.y: list[float] = []
        self.colour: list[str] = []
        self.text: list[str] = []

    def add(self, x: np.ndarray, base: float, y: np.ndarray, colour: str, text: Sequence[str]) -> None:
        self.x += x.round(4).tolist()
        self.base += [base] * len(x)
        self.y += y.round(2).tolist()
        self.colour += [colour] * len(x)
        self.text += text

    def trace(self, width: float, *, line: dict[str, Any], color: str | None = None) -> dict[str, Any]:
        hover = (
            {"hovertext": self.text, "hovertemplate": "%{hovertext}<extra></extra>"} if color is None else {"hoverinfo": "skip"}
        )
        return {
            "type": "bar",
            "showlegend": False,
            "x": self.x,
            "y": self.y,
            "base": self.base,
            "width": width,
            "marker": {"color": self.colour if color is None else color, "line": line},
            **hover,
        }


class _Points:
    """Markers or words of all cells by their looks, for one trace."""

    def __init__(self, *looks: str) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in ("x", "y", *looks)}

    def add(self, x: Any, y: Any, kept: Any = True, **looks: Any) -> None:
        arrays = np.broadcast_arrays(*(np.atleast_1d(each) for each in (kept, np.round(x, 4), np.round(y, 2), *looks.values())))
        for name, values in zip(("x", "y", *looks), arrays[1:], strict=True):
            self.columns[name] += values[arrays[0]].tolist()


def _quiet(**options: Any) -> dict[str, Any]:
    return {"type": "scatter", "showlegend": False, "hoverinfo": "skip", "cliponaxis": False, **options}


def _heading(x: float, text: str, palette: Palette) -> dict[str, Any]:
    return {
        "text": text,
        "xref": "x",
        "yref": "y domain",
        "x": x,
        "y": 1,
        "yshift": 3,
        "xanchor": "center",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 14, "color": palette.text},
    }
