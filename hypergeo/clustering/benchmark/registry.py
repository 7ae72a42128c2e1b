"""Clustering methods by name, and one function that runs and times any of them."""

from __future__ import annotations

import time
import warnings

from .direct import DIRECT
from .networks import NETWORKS, WARMED
from .task import ClusterTask, FoundClusters, Method

__all__ = ["LIMITED", "METHODS", "SAMPLED", "find_clusters", "usual_methods"]

LIMITED = "capacities known"
"""How the names of methods end that need to be told capacities."""

SAMPLED = "members sampled"
"""How the names of methods end that run on request only."""


METHODS: dict[str, Method] = {**DIRECT, **NETWORKS}
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
    names = (
        [
            *(name for name in NETWORKS if not name.endswith(SAMPLED)),
            *(name for name in DIRECT if name.startswith(("k-means", "Gaussian mixture, tied"))),
        ]
        if images
        else list(DIRECT)
    )
    return [name for name in names if limited or not name.endswith(LIMITED)]


def find_clusters(name: str, task: ClusterTask) -> FoundClusters:
    """Clusters by one of :data:`METHODS`, timed.

    Args:
        name: of the method.
        task: what to do.

    Example:
        >>> import numpy as np
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
