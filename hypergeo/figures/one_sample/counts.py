"""The counts of one sample: strips of what each group takes, and the gradient of one count in each log weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour, translucent
from hypergeo.figures.core.panels import Panel, caption, float32
from hypergeo.figures.core.series import nice_above

__all__ = ["gradient_panel", "strips_panel"]

_SOLID, _PALE = 0.5, 0.2  # opacities at which numbers stay legible in both themes
_WRITTEN = 0.055  # fraction of the strip; shorter pieces have no number


def strips_panel(
    soft: np.ndarray, hard: np.ndarray, decided: Sequence[int], total: int, palette: Palette, *, straight_through: bool
) -> Panel:
    """Draws two strips, each as long as the sample size: the soft sample, and the straight-through sample of the same noise.

    Args:
        soft: counts, shape ``(K,)``.
        hard: whole counts, shape ``(K,)``.
        decided: groups whose counts are shown; the remaining elements are shown as left.
        total: number of elements drawn.
        palette: colours of the figure.
        straight_through: whether the bars show the straight-through sample; its strip is then the darker one.

    Returns:
        A panel with one trace.
    """
    groups = len(soft)
    x, y, base, colours, texts = [], [], [], [], []
    for name, counts, main in (("straight-through", hard, straight_through), ("soft", soft, not straight_through)):
        begin = 0.0
        for group in range(groups):
            if group not in decided:
                continue
            length = float(counts[group])
            x.append(length)
            y.append(name)
            base.append(begin)
            colours.append(translucent(group_colour(group), _SOLID if main else _PALE))
            texts.append(f"{length:.2f}" if name == "soft" else f"{length:.0f}")
            begin += length
        x.append(max(total - begin, 0.0))
        y.append(name)
        base.append(begin)
        colours.append("rgba(0,0,0,0)")
        texts.append(f"{total - begin:.2f} left" if name == "soft" else f"{total - begin:.0f} left")
    texts = [text if length > _WRITTEN * total else "" for text, length in zip(texts, x, strict=True)]
    step = max(1, int(np.ceil(total / 12)))
    return Panel(
        traces=[
            {
                "type": "bar",
                "orientation": "h",
                "showlegend": False,
                "x": [round(value, 4) for value in x],
                "y": y,
                "base": [round(value, 4) for value in base],
                "width": 0.74,
                "text": texts,
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "textfont": {"size": 12, "color": palette.text},
                "marker": {"color": colours, "line": {"width": 1.2, "color": palette.exact}},
                "hoverinfo": "skip",
            }
        ],
        xaxis={"range": [0, max(total, 1)], "tickvals": list(range(0, total + 1, step)), "ticks": "outside", "ticklen": 3},
        yaxis={
            "type": "category",
            "categoryarray": ["straight-through", "soft"],
            "categoryorder": "array",
            "range": [-0.5, 1.5],
            "tickfont": {"size": 11, "color": palette.text},
        },
    )


def gradient_panel(sampled: np.ndarray, exact: np.ndarray, palette: Palette, *, title: str, shown: bool) -> Panel:
    """Draws the derivatives of one count in each log weight: fills for this sample, outlines for the exact mean.

    Args:
        sampled: derivatives of the sample's count, shape ``(K,)``.
        exact: derivatives of the exact mean, shape ``(K,)``.
        palette: colours of the figure.
        title: text above the panel.
        shown: whether the sample's derivatives are visible.

    Returns:
        A panel with two traces.
    """
    groups = np.arange(len(sampled))
    most = nice_above(1.12 * float(max(np.abs(exact).max(), np.abs(sampled).max() if shown else 0.0)))
    values = sampled if shown else np.zeros_like(sampled)
    bar: dict[str, Any] = {"type": "bar", "showlegend": False, "x": groups + 1, "width": 0.66}
    return Panel(
        traces=[
            {
                **bar,
                "y": float32(values),
                "marker": {"color": [group_colour(int(k)) for k in groups], "line": {"width": 0}},
                "hovertemplate": "this sample: %{y:.4f}<extra></extra>",
            },
            {
                **bar,
                "y": float32(exact),
                "marker": {"color": "rgba(0,0,0,0)", "line": {"width": 1.6, "color": palette.exact}},
                "hovertemplate": "exact mean: %{y:.4f}<extra></extra>",
            },
        ],
        xaxis={
            "range": [0.4, len(sampled) + 0.6],
            "tickvals": (groups + 1).tolist(),
            "ticktext": [f"log w<sub>{k + 1}</sub>" for k in groups],
            "tickfont": {"size": 12, "color": palette.text},
        },
        yaxis={"range": [-most, most], "nticks": 5, "zeroline": True, "zerolinecolor": palette.muted, "showgrid": True},
        annotations=[caption(title, palette, size=13)],
    )
