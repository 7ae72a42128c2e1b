"""Points to cluster: clouds whose sizes are known, real digits in two dimensions, or a reader's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from hypergeo import datasets
from hypergeo.ui.limits import CLUSTERS

__all__ = ["SHARES", "ClusterData", "clouds", "cluster_sizes", "digits", "read_points", "resized"]

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
        sizes_chosen: whether the page made the points, in classes of sizes that can be chosen.
    """

    name: str
    points: np.ndarray
    classes: np.ndarray | None
    sizes_chosen: bool = True

    @property
    def sizes(self) -> np.ndarray | None:
        """Points in each class."""
        return None if self.classes is None else np.bincount(self.classes)


def cluster_sizes(shares: str, clusters: int, number: int, by_hand: Sequence[int] = ()) -> list[int]:
    """Returns sizes of ``clusters`` clouds that add up to ``number``.

    Args:
        shares: one of ``SHARES``: all alike; two large ones and the rest small; each half of the one before; all alike but one.
        clusters: number of clouds.
        number: number of points.
        by_hand: sizes whose ratios replace those of ``shares``, where there is one for each cloud.

    Example:
        >>> cluster_sizes("steep", 4, 400)
        [213, 107, 53, 27]
        >>> cluster_sizes("steep", 3, 400, by_hand=(10, 10, 20))
        [100, 100, 200]
    """
    if len(by_hand) == clusters:
        wanted = np.array(by_hand, dtype=float)
    elif shares == "two large":
        wanted = np.array([4.0] * min(2, clusters) + [1.0] * max(clusters - 2, 0))
    elif shares == "one tiny":
        wanted = np.array([1.0] * (clusters - 1) + [0.1])
    else:
        wanted = _RATIOS[shares] ** np.arange(clusters)
    return _in_ratio(wanted, number)


def resized(sizes: Sequence[int], cluster: int, size: float) -> list[int]:
    """Returns sizes after one was set by hand: the others share the rest in their ratios, and keep a point each.

    Args:
        sizes: sizes before, at least two.
        cluster: whose size is set, counted from 0.
        size: the size wanted.

    Example:
        >>> resized([200, 100, 100], 0, 301.2)
        [301, 50, 49]
    """
    number, others = sum(sizes), [max(each, 1) for at, each in enumerate(sizes) if at != cluster]
    chosen = min(max(round(size), 1), number - len(others))
    rest = [1 + more for more in _in_ratio(np.array(others) - 1 + 1e-9, number - chosen - len(others))]
    return [*rest[:cluster], chosen, *rest[cluster:]]


def _in_ratio(wanted: np.ndarray, number: int) -> list[int]:
    """Whole numbers in the ratios of others that add up to ``number``."""
    exact = number * wanted / wanted.sum()
    sizes = np.floor(exact).astype(int)
    # Largest remainders first, so that sizes add up.
    sizes[np.argsort(sizes - exact, kind="stable")[: number - sizes.sum()]] += 1
    return sizes.tolist()


@st.cache_data(max_entries=32, show_spinner=False)
def clouds(sizes: Sequence[int], separation: float, seed: int) -> ClusterData:
    """Samples Gaussian clouds of standard deviation one."""
    made = datasets.gaussian_blobs(list(sizes), separation, seed)
    name = f"{len(sizes)} clouds with centres {separation:g} standard deviations from each other"
    return ClusterData(name, made.points, made.classes)


@st.cache_data(max_entries=8, show_spinner=False)
def digits(sizes: Sequence[int], seed: int) -> ClusterData:
    """Chooses handwritten digits 0, 1, ... in these numbers, projected on their first two principal components.

    At most as many of each as there are, so that there may be fewer points than asked for.
    """
    found = datasets.digits(list(sizes), seed)
    return ClusterData(f"digits 0 to {len(sizes) - 1}, by two principal components", found.points, found.classes)


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
        raise ValueError("All points are the same, or too close to each other to be drawn.")
    classes = None
    if columns == 3:
        if (table[:, 2] != np.round(table[:, 2])).any():
            raise ValueError("The third column is the true class, and must hold whole numbers.")
        classes = np.unique(table[:, 2], return_inverse=True)[1]
    return ClusterData("your points", points, classes, sizes_chosen=False)
