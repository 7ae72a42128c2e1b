"""A clustering task, a method that solves it, and the result."""

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
"""Principal components of images that Gaussian mixtures see where there are more than 64 pixels."""
_MOST_AXES = 64


def _unheard(share: float) -> None:
    """Progress that nobody asked for."""


@dataclass(frozen=True)
class WarmUp:
    """A network that knows no labels yet.

    Attributes:
        model: the network and what belongs to it.
        seconds: of processor time that it took.
    """

    model: SelfLabelling
    seconds: float


@dataclass(frozen=True)
class ClusterTask:
    """Points to cluster, and how much effort to make.

    Attributes:
        points: shape ``(N, D)``.
        num_clusters: ``K``.
        seed: of starts and draws.
        restarts: number of starts.
        steps: of those methods that descend a gradient.
        temperature: of relaxed draws.
        capacities: most points that each cluster can hold, for the methods that know them; ``None`` where nobody does.
        shape: of one point, where points are images, which networks need to know; ``(D,)`` when omitted.
        network_steps: of each half of a network's training, instead of the usual number.
        progress: called on the way with the share of the method, or of the warm-up, that is done.
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
        """Whether Gaussian mixtures see principal components of the images in place of their pixels."""
        return self.has_images and min(self.points.shape) > _MOST_AXES

    @cached_property
    def reduced(self) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
        """What Gaussian mixtures see of the points, shape ``(N, d)``, and how other points are taken there."""
        if not self.reduces:
            return self.points, lambda points: points
        from sklearn.decomposition import PCA

        components = PCA(REDUCED, svd_solver="covariance_eigh")
        return components.fit_transform(self.points), components.transform

    def first(self, number: int) -> ClusterTask:
        """The task with the first points only."""
        return replace(self, points=self.points[:number])

    @property
    def images(self) -> np.ndarray:
        """The points in their own shape."""
        return self.points if self.shape is None else self.points.reshape(len(self.points), *self.shape)

    @cached_property
    def warm_up(self) -> WarmUp:
        """What all kinds of self-labelling have in common, and how long it took."""
        before = time.process_time()
        steps: dict[str, Any] = {}
        if self.network_steps is not None:
            steps = {"warm_up": self.network_steps, "steps": self.network_steps}
        model = SelfLabelling(self.images, self.num_clusters, seed=self.seed, settings=LabellingSettings(**steps))
        for done in range(model.warm_up):
            model.step()
            self.progress(done / model.warm_up)
        return WarmUp(model, time.process_time() - before)

    def starts(self) -> np.ndarray:
        """The means that our own methods start from, shape ``(restarts, K, D)``."""
        return SizedClusters(self.points, self.num_clusters, restarts=self.restarts, seed=self.seed).means.numpy()


@dataclass(frozen=True)
class FoundClusters:
    """What a method found.

    Attributes:
        labels: cluster of each point, shape ``(N,)``.
        sizes: what the method takes the sizes to be, shape ``(K,)``.
        seconds: of processor time, on one thread.
    """

    labels: np.ndarray
    sizes: np.ndarray
    seconds: float = 0.0


Method = Callable[[ClusterTask], tuple[np.ndarray, np.ndarray]]
"""Returns labels, shape ``(N,)``, and sizes, shape ``(K,)``."""
