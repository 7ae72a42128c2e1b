"""Count vectors as points of a plane: a ring for each exact probability, a disc for the fraction of samples nearest to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypergeo.figures.core.palette import Palette
from hypergeo.figures.core.panels import float32

__all__ = ["cell_shares", "lattice_frames", "lattice_traces", "window"]

LARGEST_DISC = 64.0  # pixels
RARE = 1e-4
MOVING = (0, 1, 4)
"""Indices, among the traces of :func:`lattice_traces`, of those that :func:`lattice_frames` changes."""


def lattice_traces(
    cells: np.ndarray,
    probabilities: np.ndarray,
    counts: np.ndarray,
    path: np.ndarray,
    palette: Palette,
    *,
    colours: list[str],
    spacing: float,
    follow: int,
    discs: str = "relaxed samples",
    dots: str = "single samples",
) -> list[dict[str, Any]]:
    """Draws discs of relaxed samples under rings of exact probabilities, with single samples and the path of one of them.

    The area of a ring is the exact probability of its count. The area of a disc is the fraction of samples nearest to that
    count. If the relaxation is exact, discs fill rings.

    Args:
        cells: position of each count vector, shape ``(N, 2)``.
        probabilities: their exact probabilities, shape ``(N,)``.
        counts: the count vectors themselves, for the label under the pointer, shape ``(N, D)``.
        path: position of the followed sample at each temperature, shape ``(T, 2)``.
        palette: colours of the figure.
        colours: fill of each disc, ``N`` colours.
        spacing: distance of neighbouring cells in pixels, which sets the size of the discs.
        follow: index of the followed sample, for the legend.
        discs: name of the discs in the legend.
        dots: name of the single samples in the legend.

    Returns:
        The traces, in the order of drawing.
    """
    diameter = min(0.94 * spacing, LARGEST_DISC)
    size = {"sizemode": "area", "sizeref": 2 * float(probabilities.max()) / diameter**2, "sizemin": 0}
    # Entries of the legend lie outside the axes: the size of a legend's own marker would follow the first cell's.
    unseen = {"type": "scatter", "mode": "markers", "x": [-99], "y": [-99], "hoverinfo": "skip"}
    names = ", ".join(f"%{{customdata[{index}]:d}}" for index in range(counts.shape[1]))
    at = {"type": "scatter", "mode": "markers", "x": float32(cells[:, 0]), "y": float32(cells[:, 1]), "showlegend": False}
    outline = {"color": palette.exact, "width": 1.4}
    return [
        {**at, "hoverinfo": "skip", "marker": {**size, "color": colours, "opacity": 0.8, "line": {"width": 0}}},
        {
            "type": "scatter",
            "mode": "markers",
            "name": dots,
            "hoverinfo": "skip",
            "marker": {"size": 4, "color": palette.text, "opacity": 0.5, "line": {"width": 0}},
        },
        {
            **at,
            "customdata": np.column_stack([counts, 100 * probabilities]).tolist(),
            "hovertemplate": f"({names})<br>exact: %{{customdata[{counts.shape[1]}]:.2f}} %<extra></extra>",
            "marker": {**size, "size": float32(probabilities), "color": "rgba(0,0,0,0)", "line": outline},
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"path of sample {follow}",
            "x": float32(path[:, 0]),
            "y": float32(path[:, 1]),
            "hoverinfo": "skip",
            "line": {"color": palette.follow, "width": 2, "dash": "dot"},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "showlegend": False,
            "hoverinfo": "skip",
            "marker": {"size": 13, "color": palette.follow, "line": {"color": palette.exact, "width": 1.5}},
        },
        {
            **unseen,
            "name": "exact",
            "legendrank": 1,
            "marker": {"size": 13, "color": "rgba(0,0,0,0)", "line": outline},
        },
        {
            **unseen,
            "name": discs,
            "legendrank": 2,
            "marker": {"size": 13, "color": colours[int(probabilities.argmax())], "opacity": 0.8, "line": {"width": 0}},
        },
    ]


def lattice_frames(shares: np.ndarray, dots: np.ndarray, path: np.ndarray) -> list[list[dict[str, Any]]]:
    """Draws the parts that change with the temperature, in the order of ``MOVING``.

    Args:
        shares: fraction of the samples in each cell, shape ``(T, N)``.
        dots: positions of the single samples, shape ``(T, S, 2)``.
        path: position of the followed sample, shape ``(T, 2)``.

    Returns:
        For each temperature, the changes of the traces in ``MOVING``.
    """
    return [
        [
            {"marker": {"size": float32(share)}},
            {"x": float32(dot[:, 0]), "y": float32(dot[:, 1])},
            {"x": float32(point[:1]), "y": float32(point[1:])},
        ]
        for share, dot, point in zip(shares, dots, path, strict=True)
    ]


def window(cells: np.ndarray, probabilities: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Computes the bounds of the drawn area, which holds all counts that are not rare, and all samples.

    Args:
        cells: count vectors, shape ``(N, D)``.
        probabilities: their probabilities, shape ``(N,)``.
        samples: real counts, shape ``(..., D)``.

    Returns:
        Least and greatest counts, each of shape ``(D,)``.

    Example:
        >>> low, high = window(np.array([[0], [1], [2]]), np.array([1e-9, 0.5, 0.5]), np.array([[1.2]]))
        >>> low.tolist(), high.tolist()
        ([1], [2])
    """
    low, high = (
        np.floor(samples + 1e-9).reshape(-1, cells.shape[1]).min(0),
        np.ceil(samples - 1e-9).reshape(-1, cells.shape[1]).max(0),
    )
    for axis, counts in enumerate(cells.T):
        likely = np.flatnonzero(np.bincount(counts, weights=probabilities) > RARE)
        low[axis], high[axis] = min(low[axis], likely[0]), max(high[axis], likely[-1])
    return low.astype(int), high.astype(int)


def cell_shares(index: np.ndarray, cells: int) -> np.ndarray:
    """Counts the samples at each temperature that lie in each cell, as fractions.

    Args:
        index: cell of each sample, shape ``(T, S)``.
        cells: number of cells ``N``.

    Returns:
        Fractions, shape ``(T, N)``.

    Example:
        >>> cell_shares(np.array([[0, 0, 2, 2]]), 3)
        array([[0.5, 0. , 0.5]])
    """
    return np.stack([np.bincount(row, minlength=cells) for row in index]) / index.shape[1]
