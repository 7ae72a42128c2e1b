"""Counts of the first two groups: exact probabilities of the pair as rings, relaxed samples as discs."""

from __future__ import annotations

import numpy as np
import torch

from hypergeo.figures.core.palette import Palette, blend, group_colour
from hypergeo.figures.core.panels import Panel
from hypergeo.quality.goodness_of_fit import nearest_counts

from .lattice import MOVING, cell_shares, lattice_frames, lattice_traces, window

__all__ = ["pair_panel"]


def pair_panel(
    pairs: np.ndarray,
    probabilities: np.ndarray,
    samples: np.ndarray,
    soft: np.ndarray,
    palette: Palette,
    *,
    shown: int = 150,
    follow: int = 0,
    side: float = 480.0,
    at: int | None = None,
) -> Panel:
    """Draws exact probabilities and relaxed samples of groups 1 and 2, one frame for each temperature.

    Args:
        pairs: all pairs of counts, shape ``(N, 2)``.
        probabilities: their probabilities, shape ``(N,)``.
        samples: samples of all groups at each temperature with the same noise, shape ``(T, S, K)``; the discs.
        soft: the soft samples behind them, drawn as dots, of the same shape; ``samples`` itself unless straight-through.
        palette: colours of the figure.
        shown: number of samples drawn as dots.
        follow: index of the sample whose path is drawn.
        side: expected length of the shorter axis in pixels, which sets the size of the discs.
        at: index of the only temperature that is drawn; by default there is a frame for each. The axes are the same in
            both cases.

    Returns:
        The panel, to be placed in a figure.
    """
    low, high = window(
        pairs, probabilities, np.concatenate([samples, soft])[..., :2] if soft is not samples else samples[..., :2]
    )
    inside = ((pairs >= low) & (pairs <= high)).all(1)
    pairs, probabilities = pairs[inside], probabilities[inside]
    radix = int(pairs.max()) + 1
    place = np.zeros(radix**2, dtype=int)
    place[pairs[:, 0] * radix + pairs[:, 1]] = np.arange(len(pairs))
    drawn = slice(None) if at is None else slice(at, at + 1)
    whole = nearest_counts(torch.tensor(samples[drawn])).long().numpy()
    shares = cell_shares(place[whole[..., 0] * radix + whole[..., 1]], len(pairs))
    path = soft[:, follow, :2]
    longest = float((high - low).max()) + 1.4
    middle = (low + high) / 2
    axes = [
        {
            "range": [middle[axis] - longest / 2, middle[axis] + longest / 2],
            "showline": True,
            "tickformat": "d",
            "dtick": max(1, int(np.ceil(longest / 10))),
            "constrain": "domain",
        }
        for axis in range(2)
    ]
    return Panel(
        traces=lattice_traces(
            pairs,
            probabilities,
            pairs,
            path,
            palette,
            colours=blend((pairs - low + 0.5) ** 2.0),
            spacing=side / longest,
            follow=follow,
            discs="relaxed samples" if soft is samples else "straight-through samples",
            dots="single samples" if soft is samples else "their soft samples",
        ),
        xaxis=axes[0],
        yaxis={**axes[1], "scaleanchor": "x"},
        moving=list(MOVING),
        frames=lattice_frames(shares, soft[drawn, :shown, :2], path[drawn]),
        annotations=[
            _axis_label(0, palette, x=0.5, y=0, yshift=-20, xanchor="center", yanchor="top"),
            _axis_label(1, palette, x=0, y=0.5, xshift=-24, xanchor="right", yanchor="middle", textangle=-90),
        ],
        padding=(44, 8, 8, 40),
    )


def _axis_label(group: int, palette: Palette, **place: object) -> dict[str, object]:
    return {
        "text": f'<span style="color:{group_colour(group)}">■</span> count of group {group + 1}',
        "xref": "x domain",
        "yref": "y domain",
        "showarrow": False,
        "font": {"size": 12, "color": palette.muted},
        **place,
    }
