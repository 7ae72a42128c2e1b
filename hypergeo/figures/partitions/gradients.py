"""Gradients of a loss of a partition: entries by colour and number, and estimates against exact values with their errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour
from hypergeo.figures.core.panels import Panel, axis_title, caption

__all__ = ["GradientEntries", "entries_panel", "pairs_panel"]

_DOWN, _UP, _DENSEST = (213, 94, 0), (0, 114, 178), 0.6


@dataclass(frozen=True)
class GradientEntries:
    """A gradient in the logits and in the log weights.

    Attributes:
        logits: derivatives in the logits, shape ``(N, K)``.
        weights: derivatives in the log weights, shape ``(K,)``; empty where sizes are fixed.
    """

    logits: np.ndarray
    weights: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        """All entries, those of the logits first, shape ``(N K + K,)`` or ``(N K,)``."""
        return np.concatenate([self.logits.ravel(), self.weights])


def entries_panel(gradient: GradientEntries, palette: Palette, *, title: str, limit: float) -> Panel:
    """Draws one row for each element and one for the log weights.

    Args:
        gradient: the entries.
        palette: colours of the figure.
        title: text above the panel.
        limit: magnitude of the strongest colour.

    Returns:
        The panel, to be placed in a figure.
    """
    num_elements, groups = gradient.logits.shape
    places = [*range(num_elements), *([num_elements + 0.5] if len(gradient.weights) else [])]
    columns = list(range(groups))
    scale = [[0, _ink(_DOWN, _DENSEST)], [0.5, _ink(_DOWN, 0)], [0.5, _ink(_UP, 0)], [1, _ink(_UP, _DENSEST)]]
    heat = {
        "type": "heatmap",
        "x": columns,
        "colorscale": scale,
        "zmin": -1,
        "zmax": 1,
        "showscale": False,
        "xgap": 3,
        "ygap": 3,
        "texttemplate": "%{text}",
        "textfont": {"size": 12, "color": palette.text},
    }
    digits = 3 if limit <= 1 else 2
    parts = [
        (gradient.logits, list(range(num_elements)), "logit of element %{customdata[1]}"),
        (gradient.weights.reshape(-1, groups), places[num_elements:], "log weight"),
    ]
    traces = [
        {
            **heat,
            "y": at,
            "dy": 1,
            "z": (np.sign(part) * np.sqrt(np.abs(part) / limit)).round(4).tolist(),  # so that small numbers have a colour
            "text": [[_signed(value, digits) for value in row] for row in part],
            "customdata": [[[group + 1, element + 1] for group in columns] for element in range(len(part))],
            "hovertemplate": f"{name}, group %{{customdata[0]}}: %{{text}}<extra></extra>",
        }
        for part, at, name in parts
        if len(part)
    ]
    names = [str(element + 1) for element in range(num_elements)] + ["log w"] * (len(places) - num_elements)
    return Panel(
        traces=traces,
        xaxis={
            "range": [-0.5, groups - 0.5],
            "tickvals": columns,
            "ticktext": [f'<span style="color:{group_colour(k)}">■</span> {k + 1}' for k in columns],
            "side": "top",
            "ticks": "",
        },
        yaxis={"range": [places[-1] + 0.5, -0.5], "tickvals": places, "ticktext": names, "ticks": ""},
        annotations=[{**caption(title, palette, size=13), "yshift": 20}],
    )


def pairs_panel(
    exact: GradientEntries, estimate: GradientEntries, error: GradientEntries, palette: Palette, *, title: str
) -> Panel:
    """Draws each entry's estimate against its exact value, with a bar of two standard errors on both sides.

    Args:
        exact: the exact gradient.
        estimate: its estimate.
        error: standard errors of the estimate.
        palette: colours of the figure.
        title: text above the panel.

    Returns:
        The panel, to be placed in a figure.
    """
    groups = exact.logits.shape[1]
    everything = np.concatenate([exact.flat, estimate.flat - 2 * error.flat, estimate.flat + 2 * error.flat])
    low, high = float(everything.min()), float(everything.max())
    room = 0.06 * max(high - low, 1e-6)
    ends = [low - room, high + room]
    clouds = [
        (exact.logits, estimate.logits, error.logits, "circle", "logit"),
        (exact.weights[None], estimate.weights[None], error.weights[None], "diamond", "log weight"),
    ]
    traces: list[dict[str, object]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": ends,
            "y": ends,
            "line": {"color": palette.exact, "width": 1.4},
            "showlegend": False,
            "hoverinfo": "skip",
        }
    ]
    for true, estimates, noise, symbol, name in clouds:
        colours = [group_colour(k) for k in range(groups)] * len(true) if true.size else []
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [float(f"{value:.4g}") for value in true.ravel()],
                "y": [float(f"{value:.4g}") for value in estimates.ravel()],
                "error_y": {
                    "type": "data",
                    "array": [float(f"{2 * value:.3g}") for value in noise.ravel()],
                    "color": palette.muted,
                    "thickness": 1.2,
                    "width": 3,
                },
                "marker": {
                    "color": colours,
                    "size": 9 if symbol == "circle" else 12,
                    "symbol": symbol,
                    "opacity": 1,
                    "line": {"color": palette.exact, "width": 1},
                },
                "name": name,
                "showlegend": bool(true.size),
                "hovertemplate": f"{name}: exact %{{x:.3g}}, estimate %{{y:.3g}}<extra></extra>",
            }
        )
    return Panel(
        traces=traces,
        xaxis={"range": ends, "showline": True, "nticks": 6},
        yaxis={"range": ends, "showgrid": True, "nticks": 6},
        annotations=[caption(title, palette, size=13), axis_title("exact", palette)],
    )


def _signed(value: float, digits: int) -> str:
    """Returns a number with its sign, so that colour is not the only cue.

    Example:
        >>> _signed(-0.5, 2), _signed(0.0001, 2)
        ('−0.50', '0')
    """
    return "0" if abs(value) < 0.5 * 0.1**digits else f"{value:+.{digits}f}".replace("-", "−")


def _ink(colour: tuple[int, int, int], opacity: float) -> str:
    return f"rgba({colour[0]},{colour[1]},{colour[2]},{opacity:g})"
