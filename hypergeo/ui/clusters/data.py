"""Points to cluster: clouds whose sizes are known, real digits in two dimensions, or a reader's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from hypergeo import datasets
from hypergeo.ui.limits import CLUSTERS

__all__ = ["SHARES", "ClusterData", "clouds", "cluster_sizes", "digits", "read_points"]

SHARES = ("even", "two large", "steep", "one tiny")
_RATIOS = {"even": 1.0, "steep": 0.5}
_FEWEST, _MOST_POINTS = CLUSTERS.rows


@dataclass(frozen=True)
class ClusterData:
    """Points in the plane, and what is known of them.

    Attributes:
        name: what they are, in words.
        points: shape ``(N, 2)``.
        classes: true class of each point, shape ``(N,)``, or ``None``.
    """

    name: str
    points: np.ndarray
    classes: np.ndarray | None

    @property
    def sizes(self) -> np.ndarray | None:
        """Points in each class."""
        return None if self.classes is None else np.bincount(self.classes)


def cluster_sizes(shares: str, clusters: int, number: int) -> list[int]:
    """Sizes of ``clusters`` clouds that add up to ``number``.

    Args:
        shares: one of ``SHARES``: all alike; two large ones and the rest small; each half of the one before; all alike but one.

    Example:
        >>> cluster_sizes("steep", 4, 400)
        [213, 107, 53, 27]
    """
    if shares == "two large":
        wanted = np.array([4.0] * min(2, clusters) + [1.0] * max(clusters - 2, 0))
    elif shares == "one tiny":
        wanted = np.array([1.0] * (clusters - 1) + [0.1])
    else:
        wanted = _RATIOS[shares] ** np.arange(clusters)
    exact = number * wanted / wanted.sum()
    sizes = np.floor(exact).astype(int)
    # Largest remainders first, so that sizes add up.
    sizes[np.argsort(sizes - exact, kind="stable")[: number - sizes.sum()]] += 1
    return sizes.tolist()


@st.cache_data(max_entries=32, show_spinner=False)
def clouds(shares: str, clusters: int, number: int, separation: float, seed: int) -> ClusterData:
    """Gaussian clouds of standard deviation one."""
    made = datasets.gaussian_blobs(cluster_sizes(shares, clusters, number), separation, seed)
    return ClusterData(f"{clusters} clouds, {separation:g} standard deviations apart", made.points, made.classes)


@st.cache_data(max_entries=8, show_spinner=False)
def digits(shares: str, clusters: int, number: int, seed: int) -> ClusterData:
    """Handwritten digits 0 to ``clusters - 1``, projected on their first two principal components.

    At most as many of each as there are, so that there may be fewer points than asked for.
    """
    found = datasets.digits(cluster_sizes(shares, clusters, number), seed)
    return ClusterData(f"digits 0 to {clusters - 1}, by two principal components", found.points, found.classes)


def read_points(content: bytes) -> ClusterData:
    """Points from comma-separated values: two numbers a row, and a whole number for the true class where there is a third.

    A first row that holds no numbers is taken for names.

    Raises:
        ValueError: saying in which row what is wrong.

    Example:
        >>> rows = "x,y\\n" + "0,1\\n2,3\\n" * 4
        >>> read_points(rows.encode()).points.shape
        (8, 2)
    """
    try:
        lines = [line for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise ValueError("The file is not text; save the table as CSV.") from None
    rows, columns = [], 0
    for number, line in enumerate(lines, start=1):
        fields = [field.strip() for field in line.replace(";", ",").replace("\t", ",").split(",")]
        try:
            row = [float(field) for field in fields]
        except ValueError:
            if number == 1:
                continue
            raise ValueError(f"Row {number} is not made of numbers.") from None
        columns = columns or len(row)
        if len(row) not in (2, 3) or len(row) != columns:
            raise ValueError(f"Row {number} has {len(row)} numbers; each row needs two, or three with a class.")
        rows.append(row)
        if len(rows) > _MOST_POINTS:
            raise ValueError(f"There are more than {_MOST_POINTS:,} points; the live demo takes at most so many.")
    table = np.array(rows).reshape(-1, columns or 2)
    if len(table) < _FEWEST:
        raise ValueError(f"There are {len(table)} points; at least {_FEWEST} are needed.")
    if not np.isfinite(table).all() or np.abs(table).max() > CLUSTERS.largest:
        raise ValueError("Every number must be finite and below a thousand million.")
    points = table[:, :2]
    if np.ptp(points, axis=0).max() <= CLUSTERS.nearest * max(1.0, np.abs(points).max()):
        raise ValueError("All points are the same, or so near each other that no picture could tell them apart.")
    classes = None
    if columns == 3:
        if (table[:, 2] != np.round(table[:, 2])).any():
            raise ValueError("The third column is the true class, and must hold whole numbers.")
        classes = np.unique(table[:, 2], return_inverse=True)[1]
    return ClusterData("your points", points, classes)
