"""Points to cluster: clouds whose sizes are known, real digits in two dimensions, or a reader's own (``own_points``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from hypergeo import datasets
from hypergeo.datasets.labelled import chosen_digits

__all__ = ["SHARES", "ClusterData", "clouds", "cluster_sizes", "digits", "resized"]

SHARES = ("even", "two large", "steep", "one tiny")
_RATIOS = {"even": 1.0, "steep": 0.5}


@dataclass(frozen=True)
class ClusterData:
    """Points in the plane, and what is known of them.

    Attributes:
        name: what they are, as text.
        points: shape ``(N, 2)``.
        classes: true class of each point, shape ``(N,)``, or ``None``.
        axes: names of the horizontal and of the vertical axis, if they mean something.
        class_names: of each class; their numbers when empty.
        notes: sentences on how the points were read, in Markdown.
        images: of the points, uint8, shape ``(N, H, W)``, where they are images.
        sizes_chosen: whether the page made the points, in classes of sizes that can be chosen.
    """

    name: str
    points: np.ndarray
    classes: np.ndarray | None
    axes: tuple[str, str] | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    images: np.ndarray | None = None
    sizes_chosen: bool = True

    def in_pixels(self) -> ClusterData:
        """The images themselves as points, one dimension a pixel, of overall variance one."""
        assert self.images is not None
        pixels = self.images.reshape(len(self.images), -1).astype(float)
        return replace(self, points=(pixels - pixels.mean(0)) / pixels.std(), axes=None)

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
    sizes = list(sizes)
    dataset, images = datasets.digits(sizes, seed), chosen_digits(sizes, seed).arrays
    return ClusterData(
        f"digits 0 to {len(sizes) - 1}, by two principal components",
        dataset.points,
        dataset.classes,
        ("first principal component", "second principal component"),
        tuple(map(str, range(len(sizes)))),
        images=np.rint(images * 255 / images.max()).astype(np.uint8),
    )
