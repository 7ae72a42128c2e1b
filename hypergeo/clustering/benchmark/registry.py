"""Ways to cluster points, behind one interface: sizes from the law, learned or uniform ones, and scikit-learn's models."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hypergeo.clustering.fit import Schedule, SizedClusters, fit_clusters
from hypergeo.clustering.self_labelling.model import LabellingSettings, SelfLabelling

from .networks import NETWORKS, WARMED

__all__ = ["LIMITED", "METHODS", "ClusterTask", "FoundClusters", "find_clusters", "usual_methods"]

LIMITED = "capacities known"
"""How the names of methods end that need to be told capacities."""


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
        model.step(model.settings.warm_up)
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


def _sized(prior: str, limited: bool = False) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        settings: dict[str, Any] = {"temperature": task.temperature} if prior == "hypergeometric" else {}
        if limited:
            settings["capacities"] = task.capacities
        fit = fit_clusters(
            task.points,
            task.num_clusters,
            prior=prior,
            restarts=task.restarts,
            seed=task.seed,
            schedule=Schedule(steps=task.steps),
            **settings,
        )
        return fit.labels.numpy(), fit.sizes.numpy()

    return method


def _mixture(covariance: str, same_starts: bool) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.mixture import GaussianMixture

        settings = {"covariance_type": covariance, "tol": 1e-6, "max_iter": 1_000, "random_state": task.seed}
        if same_starts:
            fits = [GaussianMixture(task.num_clusters, means_init=m, **settings).fit(task.points) for m in task.starts()]
        else:
            fits = [GaussianMixture(task.num_clusters, n_init=task.restarts, **settings).fit(task.points)]
        best = max(fits, key=lambda fit: fit.lower_bound_)
        return best.predict(task.points), best.weights_ * len(task.points)

    return method


def _kmeans(same_starts: bool) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.cluster import KMeans

        if same_starts:
            fits = [KMeans(task.num_clusters, init=means, n_init=1).fit(task.points) for means in task.starts()]
        else:
            fits = [KMeans(task.num_clusters, n_init=task.restarts, random_state=task.seed).fit(task.points)]
        labels = min(fits, key=lambda fit: fit.inertia_).labels_
        return labels, np.bincount(labels, minlength=task.num_clusters)

    return method


METHODS: dict[str, Method] = {
    "hypergeometric, capacities known": _sized("hypergeometric", limited=True),
    "hypergeometric": _sized("hypergeometric"),
    "categorical": _sized("categorical"),
    "uniform": _sized("uniform"),
    "Gaussian mixture, tied, same starts": _mixture("tied", True),
    "Gaussian mixture, spherical, same starts": _mixture("spherical", True),
    "Gaussian mixture, tied": _mixture("tied", False),
    "k-means, same starts": _kmeans(True),
    "k-means": _kmeans(False),
    **NETWORKS,
}
"""By name. Those that end in :data:`LIMITED` need to be told capacities."""


def usual_methods(images: bool, limited: bool) -> list[str]:
    """What is compared where nobody chooses: by the kind of the data, and whether capacities are known.

    Args:
        images: whether the points are images; then networks and what they are held against, else all but networks.
        limited: whether capacities are known.

    Example:
        >>> usual_methods(images=False, limited=False)[:3]
        ['hypergeometric', 'categorical', 'uniform']
    """
    plain = [name for name in METHODS if name not in NETWORKS]
    names = (
        [*NETWORKS, *(name for name in plain if name.startswith(("k-means", "Gaussian mixture, tied")))] if images else plain
    )
    return [name for name in names if limited or not name.endswith(LIMITED)]


def find_clusters(name: str, task: ClusterTask) -> FoundClusters:
    """Clusters by one of :data:`METHODS`, timed.

    Args:
        name: of the method.
        task: what to do.

    Example:
        >>> points = np.concatenate([np.zeros((6, 1)), np.ones((2, 1))]) + np.linspace(0, 0.1, 8)[:, None]
        >>> sorted(find_clusters("k-means", ClusterTask(points, 2)).sizes.tolist())
        [2, 6]
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # scikit-learn warns where its iterations end early; what counts is what they give
        # The warm-up is made once for a task; its time counts for each method that sets out from it.
        shared = task.warm_up.seconds if name in WARMED and "warm_up" in vars(task) else 0.0
        start = time.process_time()
        labels, sizes = METHODS[name](task)
        return FoundClusters(labels, sizes, time.process_time() - start + shared)
