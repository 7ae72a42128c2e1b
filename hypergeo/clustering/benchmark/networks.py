"""Clustering methods with networks: self-labelling and variational clustering, each with three priors of the sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypergeo.clustering.variational.fit import fit_variational_clusters
from hypergeo.clustering.variational.training import VariationalSettings

from .task import ClusterTask, Method

__all__ = ["NETWORKS", "WARMED"]


def _self_labelling(prior: str, limited: bool = False) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        size_settings: dict[str, Any] = {"temperature": task.temperature} if prior == "hypergeometric" else {}
        if limited:
            size_settings["capacities"] = task.capacities
        result = task.warm_up.model.with_prior(prior, **size_settings).finish()
        return result.labels.numpy(), result.sizes.numpy()

    return method


def _features(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
    """Returns the k-means clusters of the features after the warm-up, from which self-labelling starts."""
    labels = task.warm_up.model.with_prior("uniform").evaluate().first_labels.numpy()
    return labels, np.bincount(labels, minlength=task.num_clusters)


def _variational(prior: str, limited: bool = False) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        epochs_settings: dict[str, Any] = {}
        if task.network_steps is not None:
            rows = len(task.points)
            epochs = max(1, round(task.network_steps * min(VariationalSettings().batch_size, rows) / rows))
            epochs_settings = {"pretraining": epochs, "epochs": epochs}
        capacities = task.capacities if limited else None
        result = fit_variational_clusters(
            task.points, task.num_clusters, prior, seed=task.seed, capacities=capacities, **epochs_settings
        )
        return np.asarray(result.labels), np.asarray(result.sizes)

    return method


NETWORKS: dict[str, Method] = {
    "self-labelling, hypergeometric, capacities known": _self_labelling("hypergeometric", limited=True),
    "self-labelling, hypergeometric": _self_labelling("hypergeometric"),
    "self-labelling, categorical": _self_labelling("categorical"),
    "self-labelling, uniform": _self_labelling("uniform"),
    "k-means, features of the warm-up": _features,
    "variational, hypergeometric, capacities known": _variational("hypergeometric", limited=True),
    "variational, hypergeometric": _variational("hypergeometric"),
    "variational, categorical": _variational("categorical"),
    "variational, uniform": _variational("uniform"),
}
"""Methods by name."""

WARMED = tuple(name for name in NETWORKS if not name.startswith("variational"))
"""Methods that start from the same warm-up."""
