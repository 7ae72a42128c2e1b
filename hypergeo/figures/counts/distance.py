"""Distance from the exact distribution against temperature, with the distance of equally many exact samples."""

from __future__ import annotations

import numpy as np

from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import Panel, caption
from hypergeo.figures.core.series import log_ticks

__all__ = ["distance_panel"]

ZERO = 1e-9  # below it a distance is rounding


def distance_panel(
    temperatures: np.ndarray,
    distances: np.ndarray,
    floor: float,
    ceiling: float,
    palette: Palette,
    *,
    title: str,
    number: int,
    at: int | None = None,
) -> Panel:
    """Draws the distance at each temperature, both logarithmic, with a marker that moves with the frames.

    Args:
        temperatures: temperatures in increasing order, shape ``(T,)``.
        distances: distance at each temperature, shape ``(T,)``.
        floor: expected distance of equally many exact samples.
        ceiling: 95 % quantile of the distance of equally many exact samples.
        palette: colours of the figure.
        title: text above the panel.
        number: number of samples.
        at: index of the only temperature that is marked; by default there is a frame for each.

    Returns:
        The panel, to be placed in a figure.
    """
    everything = np.array([*distances, floor, ceiling])
    drawn = everything[everything > ZERO]
    # Under the dashed line there is space for its label.
    low, high = (min(drawn.min() / 1.3, max(floor, drawn.min()) / 2.2), drawn.max() * 1.2) if drawn.size else (0.01, 1.0)
    low, high = _round_down(low), 1 / _round_down(1 / high)
    # A logarithmic axis has no zero: distances of zero are drawn at its lower end.
    distances, floor, ceiling = np.maximum(distances, low), max(floor, low), max(ceiling, low)
    xs = temperatures.tolist()
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": [xs[0], xs[-1], xs[-1], xs[0]],
        "y": [low, low, ceiling, ceiling],
        "fill": "toself",
        "fillcolor": "rgba(128,140,152,0.22)",
        "line": {"width": 0},
        "showlegend": False,
        "hoverinfo": "skip",
    }
    expected = {
        "type": "scatter",
        "mode": "lines",
        "x": [xs[0], xs[-1]],
        "y": [floor, floor],
        "line": {"color": palette.exact, "width": 1.4, "dash": "dash"},
        "showlegend": False,
        "hoverinfo": "skip",
    }
    curve = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": xs,
        "y": distances.round(6),
        "line": {"color": palette.relaxed, "width": 2},
        "marker": {"size": 4, "color": palette.relaxed},
        "showlegend": False,
        "hovertemplate": "τ = %{x:.3g}: distance %{y:.3g}<extra></extra>",
    }
    here = {
        "type": "scatter",
        "mode": "lines+markers",
        "cliponaxis": False,
        "x": [xs[0]] * 3,
        "y": [low, float(distances[0]), high],
        "line": {"color": palette.muted, "width": 1},
        "marker": {"size": [0, 12, 0], "opacity": 1, "color": palette.relaxed, "line": {"color": palette.exact, "width": 1.5}},
        "showlegend": False,
        "hoverinfo": "skip",
    }
    return Panel(
        traces=[band, expected, curve, here],
        xaxis={
            "type": "log",
            "range": np.log10([xs[0] / 1.15, xs[-1] * 1.15]).tolist(),
            "tickvals": [0.01, 0.1, 1, 10],
            "ticktext": ["0.01", "0.1", "1", "10"],
            "showline": True,
        },
        yaxis={
            "type": "log",
            "range": np.log10([low, high]).tolist(),
            **log_ticks(1.05 * low, high / 1.05, ((1, 2, 5), (1, 3), (1,))),  # none in the corner, where the other axis has one
            "showgrid": True,
        },
        moving=[3],
        frames=[[{"x": [x] * 3, "y": [low, float(d), high]}] for x, d in zip(xs, distances, strict=True)][
            slice(None) if at is None else slice(at, at + 1)
        ],
        annotations=[
            caption(title, palette),
            {
                "text": f"dashed: expected distance of {number:,} exact samples",
                "xref": "x domain",
                "yref": "y domain",
                "x": 0.99,
                "y": 0,
                "xanchor": "right",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 11, "color": palette.muted},
            },
            {
                "text": "temperature τ",
                "xref": "x domain",
                "yref": "y domain",
                "x": 0.5,
                "y": 0,
                "yshift": -20,
                "xanchor": "center",
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": 12, "color": palette.muted},
            },
        ],
    )


def _round_down(value: float) -> float:
    """Returns the next lower half power of ten: the axis stays while a parameter moves.

    Example:
        >>> [round(_round_down(value), 4) for value in (0.019, 0.1, 4.9)]
        [0.01, 0.1, 3.1623]
    """
    return float(10.0 ** (np.floor(np.log10(value) * 2 + 1e-9) / 2))
