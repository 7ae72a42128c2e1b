"""Clustering methods without networks: learned sizes, Gaussian mixtures and k-means."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypergeo.clustering.fit import Schedule, fit_clusters

from .task import ClusterTask, Method

__all__ = ["DIRECT"]


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
            progress=lambda done, steps: task.progress(done / steps),
            **settings,
        )
        return fit.labels.numpy(), fit.sizes.numpy()

    return method


def _mixture(covariance: str, same_starts: bool) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.mixture import GaussianMixture

        settings = {"covariance_type": covariance, "tol": 1e-6, "max_iter": 1_000, "random_state": task.seed}
        points, reduce = task.reduced
        fits = []
        if same_starts:
            for number, means in enumerate(task.starts()):
                fits.append(GaussianMixture(task.num_clusters, means_init=reduce(means), **settings).fit(points))
                task.progress((number + 1) / task.restarts)
        else:
            fits.append(GaussianMixture(task.num_clusters, n_init=task.restarts, **settings).fit(points))
        best = max(fits, key=lambda fit: fit.lower_bound_)
        return best.predict(points), best.weights_ * len(points)

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


DIRECT: dict[str, Method] = {
    "hypergeometric, capacities known": _sized("hypergeometric", limited=True),
    "hypergeometric": _sized("hypergeometric"),
    "categorical": _sized("categorical"),
    "uniform": _sized("uniform"),
    "Gaussian mixture, tied, same starts": _mixture("tied", True),
    "Gaussian mixture, spherical, same starts": _mixture("spherical", True),
    "Gaussian mixture, tied": _mixture("tied", False),
    "k-means, same starts": _kmeans(True),
    "k-means": _kmeans(False),
}
"""Methods by name."""
