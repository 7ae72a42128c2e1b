"""Points to cluster: Gaussian clouds of known sizes, or handwritten digits in two dimensions."""

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
    """Holds points, and their true classes where they are known.

    Attributes:
        name: short description of the points.
        points: coordinates of the points, shape ``(N, 2)``; ``(N, D)`` for the pixels of images.
        classes: true class of each point, shape ``(N,)``, or ``None``.
        axes: names of the horizontal and of the vertical axis; ``None`` if the coordinates have no names.
        class_names: name of each class; their numbers serve as names when empty.
        notes: sentences in Markdown on how the points were read.
        images: image of each point, uint8, shape ``(N, H, W)``; ``None`` if the points are not images.
        sizes_chosen: whether the page made the points, so that the reader can set the sizes of the classes.
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
        """Returns the data with the pixels of the images as coordinates, scaled to overall variance one.

        Returns:
            The same data, whose ``points`` have shape ``(N, H * W)``.
        """
        assert self.images is not None
        pixels = self.images.reshape(len(self.images), -1).astype(float)
        return replace(self, points=(pixels - pixels.mean(0)) / pixels.std(), axes=None)

    @property
    def sizes(self) -> np.ndarray | None:
        """Number of points in each class, shape ``(C,)``; ``None`` if the classes are unknown."""
        return None if self.classes is None else np.bincount(self.classes)


def cluster_sizes(shares: str, clusters: int, number: int, by_hand: Sequence[int] = ()) -> list[int]:
    """Computes cluster sizes that add up to the number of points.

    Args:
        shares: pattern of the sizes, one of ``SHARES``: all equal; two large and the others small; each half of the one before;
            all equal but a tiny last one.
        clusters: number of clusters.
        number: number of points.
        by_hand: sizes that replace the pattern by their ratios; ignored unless there is one for each cluster.

    Returns:
        Number of points in each cluster.

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
    """Sets one cluster size and divides the other points among the other clusters in proportion to their sizes.

    Args:
        sizes: number of points in each cluster before the change; at least two clusters.
        cluster: index of the cluster that is resized, from 0.
        size: requested number of points; rounded, and limited so that every cluster keeps a point.

    Returns:
        Number of points in each cluster after the change, with the same sum.

    Example:
        >>> resized([200, 100, 100], 0, 301.2)
        [301, 50, 49]
    """
    number, others = sum(sizes), [max(each, 1) for at, each in enumerate(sizes) if at != cluster]
    chosen = min(max(round(size), 1), number - len(others))
    rest = [1 + more for more in _in_ratio(np.array(others) - 1 + 1e-9, number - chosen - len(others))]
    return [*rest[:cluster], chosen, *rest[cluster:]]


def _in_ratio(wanted: np.ndarray, number: int) -> list[int]:
    """Returns integers that add up to ``number``, in the ratios of ``wanted`` up to rounding."""
    exact = number * wanted / wanted.sum()
    sizes = np.floor(exact).astype(int)
    # Largest remainders first, so that sizes add up.
    sizes[np.argsort(sizes - exact, kind="stable")[: number - sizes.sum()]] += 1
    return sizes.tolist()


@st.cache_data(max_entries=32, show_spinner=False)
def clouds(sizes: Sequence[int], separation: float, seed: int) -> ClusterData:
    """Samples Gaussian clouds of standard deviation one.

    Args:
        sizes: number of points in each cloud.
        separation: distance between the centres of the clouds, in standard deviations.
        seed: seed of the random numbers.

    Returns:
        The points, with the cloud of each as its class.
    """
    made = datasets.gaussian_blobs(list(sizes), separation, seed)
    name = f"{len(sizes)} clouds with centres {separation:g} standard deviations from each other"
    return ClusterData(name, made.points, made.classes)


@st.cache_data(max_entries=8, show_spinner=False)
def digits(sizes: Sequence[int], seed: int) -> ClusterData:
    """Chooses images of the handwritten digits 0, 1, ... and projects them onto their first two principal components.

    Args:
        sizes: number of images of each digit; limited to the number of images in the data set.
        seed: seed of the random choice.

    Returns:
        The projected points, with the digit of each as its class, and their images.
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
