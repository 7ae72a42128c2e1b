"""Points to cluster: clouds whose sizes are known, real digits in two dimensions, or a reader's own (``own_points``)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from hypergeo import datasets
from hypergeo.datasets.labelled import chosen_digits

__all__ = ["SHARES", "ClusterData", "clouds", "cluster_sizes", "digits"]

SHARES = ("even", "two large", "steep", "one tiny")
_RATIOS = {"even": 1.0, "steep": 0.5}


@dataclass(frozen=True)
class ClusterData:
    """Points in the plane, and what is known of them.

    Attributes:
        name: what they are, in words.
        points: shape ``(N, 2)``.
        classes: true class of each point, shape ``(N,)``, or ``None``.
        axes: names of the horizontal and of the vertical axis, if they mean something.
        class_names: of each class; their numbers when empty.
        notes: sentences on how the points were read, in Markdown.
        images: of the points, uint8, shape ``(N, H, W)``, where they are images.
    """

    name: str
    points: np.ndarray
    classes: np.ndarray | None
    axes: tuple[str, str] | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    images: np.ndarray | None = None

    def in_pixels(self) -> ClusterData:
        """The images themselves as points, one dimension a pixel, of overall variance one."""
        assert self.images is not None
        pixels = self.images.reshape(len(self.images), -1).astype(float)
        return replace(self, points=(pixels - pixels.mean(0)) / pixels.std(), axes=None)

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
    sizes = cluster_sizes(shares, clusters, number)
    found, images = datasets.digits(sizes, seed), chosen_digits(sizes, seed).arrays
    return ClusterData(
        f"digits 0 to {clusters - 1}, by two principal components",
        found.points,
        found.classes,
        ("first principal component", "second principal component"),
        tuple(map(str, range(clusters))),
        images=np.rint(images * 255 / images.max()).astype(np.uint8),
    )
