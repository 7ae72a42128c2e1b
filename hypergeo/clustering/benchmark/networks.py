"""Ways to cluster images by networks: self-labelling and variational clustering, each with sizes from three priors."""

from __future__ import annotations

from typing import Any

import numpy as np

from hypergeo.clustering.variational.fit import fit_variational_clusters
from hypergeo.clustering.variational.training import VariationalSettings

from .task import ClusterTask, Method

__all__ = ["NETWORKS", "WARMED"]


def _self_labelling(prior: str, limited: bool = False) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        sized: dict[str, Any] = {"temperature": task.temperature} if prior == "hypergeometric" else {}
        if limited:
            sized["capacities"] = task.capacities
        found = task.warm_up.model.with_prior(prior, **sized).finish()
        return found.labels.numpy(), found.sizes.numpy()

    return method


def _features(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
    """Where self-labelling sets out from."""
    labels = task.warm_up.model.with_prior("uniform").evaluate().first_labels.numpy()
    return labels, np.bincount(labels, minlength=task.num_clusters)


def _variational(prior: str, limited: bool = False, sampled: bool = False) -> Method:
    def method(task: ClusterTask) -> tuple[np.ndarray, np.ndarray]:
        short: dict[str, Any] = {"urn": "batch", "labels": "sampled"} if sampled else {}
        if task.network_steps is not None:
            rows = len(task.points)
            epochs = max(1, round(task.network_steps * min(VariationalSettings().batch_size, rows) / rows))
            short |= {"pretraining": epochs, "epochs": epochs}
        known = task.capacities if limited else None
        found = fit_variational_clusters(task.points, task.num_clusters, prior, seed=task.seed, capacities=known, **short)
        return np.asarray(found.labels), np.asarray(found.sizes)

    return method


NETWORKS: dict[str, Method] = {
    "self-labelling, hypergeometric, capacities known": _self_labelling("hypergeometric", limited=True),
    "self-labelling, hypergeometric": _self_labelling("hypergeometric"),
    "self-labelling, categorical": _self_labelling("categorical"),
    "self-labelling, uniform": _self_labelling("uniform"),
    "k-means, features of the warm-up": _features,
    "variational, hypergeometric, capacities known": _variational("hypergeometric", limited=True),
    "variational, hypergeometric": _variational("hypergeometric"),
    "variational, hypergeometric, members sampled": _variational("hypergeometric", sampled=True),
    "variational, categorical": _variational("categorical"),
    "variational, uniform": _variational("uniform"),
}
"""By name."""

WARMED = tuple(name for name in NETWORKS if not name.startswith("variational"))
"""Those that set out from the same warm-up."""
