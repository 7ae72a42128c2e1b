"""A clustering task, the interface of the methods that solve it, and their result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from hypergeo.clustering.fit import SizedClusters
from hypergeo.clustering.self_labelling.model import SelfLabelling
from hypergeo.clustering.self_labelling.settings import LabellingSettings

__all__ = ["REDUCED", "ClusterTask", "FoundClusters", "Method"]

REDUCED = 50
"""Number of principal components of images with more than 64 pixels that Gaussian mixtures use."""
_MOST_AXES = 64


def _unheard(share: float) -> None:
    """Ignores a report of progress."""


@dataclass(frozen=True)
class WarmUp:
    """Holds a network after the warm-up of self-labelling, before the first labels.

    Attributes:
        model: the model.
        seconds: processor time in seconds.
    """

    model: SelfLabelling
    seconds: float


@dataclass(frozen=True)
class ClusterTask:
    """Describes points to cluster and the effort of the methods.

    Attributes:
        points: coordinates of the points, shape ``(N, D)``.
        num_clusters: number of clusters, ``K``.
        seed: seed of starts and samples.
        restarts: number of restarts.
        steps: number of gradient steps.
        temperature: temperature of relaxed samples.
        capacities: capacity of each cluster, for the methods that know it; ``None`` if it is unknown.
        shape: shape of one image, which networks need; ``(D,)`` when omitted.
        network_steps: steps of each half of a network's training; depends on the method when omitted.
        progress: called with the fraction of the method, or of the warm-up, that is done.
    """

    points: np.ndarray
    num_clusters: int
    seed: int = 0
    restarts: int = 8
    steps: int = 200
    temperature: float = 1.0
    capacities: tuple[int, ...] | int | None = None
    shape: tuple[int, ...] | None = None
    network_steps: int | None = None
    progress: Callable[[float], object] = field(default=_unheard, compare=False, repr=False)

    @property
    def has_images(self) -> bool:
        """Whether the points are images."""
        return self.shape is not None and len(self.shape) > 1

    @property
    def reduces(self) -> bool:
        """Whether Gaussian mixtures use principal components of the images in place of their pixels."""
        return self.has_images and min(self.points.shape) > _MOST_AXES

    @cached_property
    def reduced(self) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        """Points for Gaussian mixtures, shape ``(N, d)``, and the function that projects other points in the same way."""
        if not self.reduces:
            return self.points, lambda points: points
        from sklearn.decomposition import PCA

        components = PCA(REDUCED, svd_solver="covariance_eigh")
        return components.fit_transform(self.points), components.transform

    def first(self, number: int) -> ClusterTask:
        """Returns the task with the first points only.

        Args:
            number: number of points.

        Returns:
            The shorter task.
        """
        return replace(self, points=self.points[:number])

    @property
    def images(self) -> np.ndarray:
        """Points in their own shape, ``(N,) + shape``."""
        return self.points if self.shape is None else self.points.reshape(len(self.points), *self.shape)

    @cached_property
    def warm_up(self) -> WarmUp:
        """Warm-up that all variants of self-labelling share, with its processor time."""
        started = time.process_time()
        steps: dict[str, Any] = {}
        if self.network_steps is not None:
            steps = {"warm_up": self.network_steps, "steps": self.network_steps}
        model = SelfLabelling(self.images, self.num_clusters, seed=self.seed, settings=LabellingSettings(**steps))
        for done in range(model.warm_up):
            model.step()
            self.progress(done / model.warm_up)
        return WarmUp(model, time.process_time() - started)

    def starts(self) -> np.ndarray:
        """Computes the initial means of this package's methods.

        Returns:
            Means, shape ``(restarts, K, D)``.
        """
        return SizedClusters(self.points, self.num_clusters, restarts=self.restarts, seed=self.seed).means.numpy()


@dataclass(frozen=True)
class FoundClusters:
    """Holds the result of a method.

    Attributes:
        labels: cluster of each point, shape ``(N,)``.
        sizes: estimated sizes of the clusters, shape ``(K,)``.
        seconds: processor time in seconds, on one thread.
    """

    labels: np.ndarray
    sizes: np.ndarray
    seconds: float = 0.0


Method = Callable[[ClusterTask], tuple[np.ndarray, np.ndarray]]
"""Function that returns labels, shape ``(N,)``, and sizes, shape ``(K,)``."""
