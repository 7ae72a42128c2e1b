"""Gaussian clusters with known sizes and known overlap, as test data for clustering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hypergeo._validate import require_real

__all__ = ["Blobs", "gaussian_blobs"]


@dataclass(frozen=True)
class Blobs:
    """Holds points of Gaussian clusters.

    Attributes:
        points: points in the plane, shape ``(N, 2)``.
        classes: cluster of each point, shape ``(N,)``.
        centres: centre of each cluster, shape ``(K, 2)``.
    """

    points: np.ndarray
    classes: np.ndarray
    centres: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Number of points of each cluster, shape ``(K,)``."""
        return np.bincount(self.classes, minlength=len(self.centres))


def gaussian_blobs(sizes: Sequence[int], separation: float, seed: int = 0) -> Blobs:
    """Samples points of round Gaussian clusters with standard deviation one in the plane.

    Each centre is at the distance ``separation`` from its nearest neighbour, so that the clusters are connected. The
    positions and their assignment to the clusters are random.

    Args:
        sizes: number of points of each cluster, shape ``(K,)``.
        separation: distance of neighbouring centres, in standard deviations of a cluster; a ``ValueError`` is raised if it is
            negative.
        seed: seed of all random numbers.

    Returns:
        Points with their clusters and centres.

    Raises:
        ValueError: if sizes are not whole numbers of at least zero, or all zero.

    Example:
        >>> blobs = gaussian_blobs([30, 20, 10], separation=4.0)
        >>> blobs.points.shape, blobs.sizes
        ((60, 2), array([30, 20, 10]))
        >>> distances = np.linalg.norm(blobs.centres[:, None] - blobs.centres, axis=-1) + 99 * np.eye(3)
        >>> distances.min(-1).round(6)
        array([4., 4., 4.])
    """
    numbers = np.asarray(sizes)
    if numbers.ndim != 1 or not len(numbers) or numbers.dtype.kind not in "iu" or (numbers < 0).any() or not numbers.sum():
        raise ValueError(f"sizes must be whole numbers, zero or more, and not all zero; got {sizes!r}.")
    separation = require_real("separation", separation, "a number of at least zero", ge=0)
    random = np.random.default_rng(seed)
    places = [np.zeros(2)]
    while len(places) < len(numbers):
        angle = random.uniform(0, 2 * np.pi)
        place = places[random.integers(len(places))] + separation * np.array([np.cos(angle), np.sin(angle)])
        if min(np.linalg.norm(place - other) for other in places) >= separation * (1 - 1e-9):
            places.append(place)
    centres = random.permutation(np.array(places))
    classes = np.repeat(np.arange(len(numbers)), numbers)
    return Blobs(centres[classes] + random.normal(size=(len(classes), 2)), classes, centres)
