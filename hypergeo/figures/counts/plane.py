"""The plane on which counts and gradients are drawn: the triangle for three groups, the first two groups otherwise."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from hypergeo.figures.core.palette import Palette, group_colour
from hypergeo.figures.core.panels import Panel

from .simplex import CORNERS, barycentric, corner_labels, triangle, unreachable

__all__ = ["Plane"]

_ROOM = 0.7  # margin around the first two groups' bounds, in counts


@dataclass(frozen=True)
class Plane:
    """Positions of an urn's counts on a figure, and directions of its gradients there.

    Attributes:
        lowest: least count of each group, shape ``(K,)``.
        highest: greatest count of each group, shape ``(K,)``.
        total: number of elements drawn.
    """

    lowest: np.ndarray
    highest: np.ndarray
    total: int

    @classmethod
    def of(cls, total: int, sizes: tuple[int, ...]) -> Plane:
        """Creates the plane of an urn.

        Args:
            total: sample size n.
            sizes: number of elements in each group.

        Returns:
            A triangle for three groups, else the counts of the first two.

        Example:
            >>> plane = Plane.of(15, (10, 10, 10))
            >>> plane.place(np.array([5.0, 5.0, 5.0])).round(3)
            array([0.5  , 0.289])
        """
        bound = np.array(sizes)
        return cls(np.maximum(0, total - bound.sum() + bound), np.minimum(total, bound), total)

    @property
    def triangular(self) -> bool:
        """Whether the plane is the triangle of three groups."""
        return len(self.lowest) == 3

    @property
    def spread(self) -> float:
        """Number of elements that are free to move."""
        return float(self.total - self.lowest.sum())

    def place(self, counts: np.ndarray) -> np.ndarray:
        """Computes positions of counts.

        Args:
            counts: counts, shape ``(…, K)``.

        Returns:
            The positions, shape ``(…, 2)``.
        """
        return barycentric(counts, self.lowest, self.spread) if self.triangular else counts[..., :2]

    def nearest(self, x: float, y: float) -> dict[int, int]:
        """Rounds a position to the nearest count vector.

        Args:
            x: horizontal position.
            y: vertical position.

        Returns:
            Counts by group, counted from 0: of three groups, or of the first two otherwise.

        Example:
            >>> Plane.of(4, (4, 4, 4)).nearest(0.5, 0.9)
            {0: 0, 1: 0, 2: 4}
        """
        pairs = np.array(list(itertools.product(*(range(self.lowest[k], self.highest[k] + 1) for k in range(2)))))
        rest = self.total - pairs.sum(1)
        pairs = pairs[(rest >= self.lowest[2:].sum()) & (rest <= self.highest[2:].sum())]
        counts = np.column_stack([pairs, self.total - pairs.sum(1)]) if self.triangular else pairs
        best = counts[np.square(self.place(counts) - (x, y)).sum(1).argmin()]
        return dict(enumerate(best.tolist()))

    def shift(self, vectors: np.ndarray) -> np.ndarray:
        """Converts differences of counts into differences of positions.

        Args:
            vectors: differences that sum to zero, shape ``(…, K)``.

        Returns:
            The differences of positions, shape ``(…, 2)``.
        """
        return vectors @ (CORNERS / max(self.spread, 1)) if self.triangular else vectors[..., :2]

    @property
    def side(self) -> float:
        """Length of the figure's side in its own units."""
        return 1.0 if self.triangular else float((self.highest - self.lowest)[:2].max() + 2 * _ROOM)

    @property
    def cell(self) -> float:
        """Distance of neighbouring counts in the figure's units."""
        return 1 / max(self.spread, 1) if self.triangular else 1.0

    def grid(self, columns: int, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float, float]]:
        """Computes the counts at every pixel of a picture of the plane.

        Args:
            columns: width of the picture in pixels.
            rest: fractions of the remaining elements that the groups after the second get, shape ``(K - 2,)``; not used for
                three groups.

        Returns:
            Counts, shape ``(H, W, K)``, from the top row down; a mask of those within the groups' bounds, shape ``(H, W)``; and
            the picture's left, right, lower and upper end.
        """
        if self.triangular:
            left, right, bottom, top = 0.0, 1.0, 0.0, float(CORNERS[2, 1])
        else:
            (left, bottom), (right, top) = self.lowest[:2] - 0.5, self.highest[:2] + 0.5
        rows = max(2, round(columns * (top - bottom) / (right - left)))
        x = left + (right - left) * (np.arange(columns) + 0.5) / columns
        y = top - (top - bottom) * (np.arange(rows) + 0.5) / rows
        across, up = np.meshgrid(x, y)
        if self.triangular:
            third = up / CORNERS[2, 1]
            second = across - third / 2
            counts = self.lowest + self.spread * np.stack([1 - second - third, second, third], -1)
            inside = np.all((counts >= self.lowest - 1e-9) & (counts <= self.highest + 1e-9), -1)
        else:
            left_over = self.total - across - up
            counts = np.concatenate([np.stack([across, up], -1), left_over[..., None] * rest], -1)
            possible = self.lowest[2:].sum() - 0.5, self.highest[2:].sum() + 0.5
            inside = np.stack([left_over >= possible[0], left_over <= possible[1]]).all(0)
            counts = np.clip(counts, self.lowest, self.highest)
        return counts, inside, (float(left), float(right), float(bottom), float(top))

    def panel(self, traces: list[dict[str, Any]], palette: Palette) -> Panel:
        """Draws traces on the plane.

        Args:
            traces: traces in the plane's coordinates.
            palette: colours of the figure.

        Returns:
            The panel, to be placed in a figure.
        """
        if self.triangular:
            return Panel(
                traces=[triangle(palette), *traces, unreachable(self.lowest, self.highest, self.spread, palette)],
                xaxis={"visible": False, "range": [-0.07, 1.07], "constrain": "domain"},
                yaxis={"visible": False, "range": [-0.08, 0.94], "scaleanchor": "x", "constrain": "domain"},
                annotations=corner_labels(self.lowest, self.spread, palette),
            )
        middle = (self.lowest + self.highest)[:2] / 2
        axes = [
            {
                "range": [middle[axis] - self.side / 2, middle[axis] + self.side / 2],
                "showline": True,
                "tickformat": "d",
                "dtick": max(1, int(np.ceil(self.side / 10))),
                "constrain": "domain",
            }
            for axis in range(2)
        ]
        return Panel(
            traces=traces,
            xaxis=axes[0],
            yaxis={**axes[1], "scaleanchor": "x"},
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
