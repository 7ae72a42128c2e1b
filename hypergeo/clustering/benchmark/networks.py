"""Clustering methods with networks: self-labelling and variational clustering, each with three priors of the sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypergeo.clustering.kmeans import kmeans_labels
from hypergeo.clustering.variational.fit import fit_variational_clusters
from hypergeo.clustering.variational.training import VariationalSettings

from .task import ClusterTask, Method

__all__ = ["IMAGES", "NETWORKS", "WARMED"]

IMAGES = {"hidden": (256,), "batch_size": 256, "mixture_rate": 1e-3}
"""Settings of variational clustering of images, whose encoder starts from the warm-up."""
_EPOCHS, _STEPS = 10, 280  # smallest numbers of epochs and of steps, for the decoder alone and for all networks together
_STARTS = 20


def _self_labelling(prior: str, limited: bool = False) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        size_settings: dict[str, Any] = {"temperature": task.temperature} if prior == "hypergeometric" else {}
        if limited:
            size_settings["capacities"] = task.capacities
        model = task.warm_up.model.with_prior(prior, **size_settings)
        result = model.finish(lambda done, steps: task.progress((done - model.warm_up) / max(steps - model.warm_up, 1)))
        return result.labels.numpy(), result.sizes.numpy()

    return method


def _features(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
    """Returns the k-means clusters of the features after the warm-up."""
    features = task.warm_up.model.features()
    generators = [np.random.default_rng((task.seed, start)) for start in range(_STARTS)]
    labels = kmeans_labels(features, task.num_clusters, generators).numpy()
    return labels, np.bincount(labels, minlength=task.num_clusters)


def _merged(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
    """Returns the merged clusters of the features after the warm-up, from which self-labelling starts."""
    labels = task.warm_up.model.with_prior("uniform").evaluate().first_labels.numpy()
    return labels, np.bincount(labels, minlength=task.num_clusters)


def _variational(prior: str, limited: bool = False, sampled: bool = False) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        options: dict[str, Any] = {"urn": "batch", "labels": "sampled"} if sampled else {}
        if task.has_images:
            options |= {"warm_up": task.warm_up.model, **IMAGES}
        rows = len(task.points)
        a_pass = max(rows // min(options.get("batch_size", VariationalSettings().batch_size), rows), 1)  # steps
        if task.network_steps is not None:
            epochs = max(1, round(task.network_steps / a_pass))
            options |= {"pretraining": epochs, "epochs": epochs}
        elif task.has_images:
            epochs = max(_EPOCHS, -(-_STEPS // a_pass))
            options |= {"pretraining": epochs, "epochs": epochs}
        result = fit_variational_clusters(
            task.points,
            task.num_clusters,
            prior,
            seed=task.seed,
            capacities=task.capacities if limited else None,
            progress=lambda done, epochs: task.progress(done / epochs),
            **options,
        )
        return np.asarray(result.labels), np.asarray(result.sizes)

    return method


NETWORKS: dict[str, Method] = {
    "self-labelling, hypergeometric, capacities known": _self_labelling("hypergeometric", limited=True),
    "self-labelling, hypergeometric": _self_labelling("hypergeometric"),
    "self-labelling, categorical": _self_labelling("categorical"),
    "self-labelling, uniform": _self_labelling("uniform"),
    "k-means, features of the warm-up": _features,
    "merged clusters, features of the warm-up": _merged,
    "variational, hypergeometric, capacities known": _variational("hypergeometric", limited=True),
    "variational, hypergeometric": _variational("hypergeometric"),
    "variational, hypergeometric, members sampled": _variational("hypergeometric", sampled=True),
    "variational, categorical": _variational("categorical"),
    "variational, uniform": _variational("uniform"),
}
"""Methods by name."""

WARMED = tuple(NETWORKS)
"""Methods that start from the same warm-up if the points are images."""
