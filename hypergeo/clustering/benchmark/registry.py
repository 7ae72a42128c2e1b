"""Registry of the clustering methods, and a function that runs and times any of them."""

from __future__ import annotations

import time
import warnings

from .direct import DIRECT
from .networks import NETWORKS, WARMED
from .task import ClusterTask, FoundClusters, Method

__all__ = ["LIMITED", "METHODS", "SAMPLED", "find_clusters", "usual_methods"]

LIMITED = "capacities known"
"""Suffix of the names of methods that need to know the capacities."""

SAMPLED = "members sampled"
"""Suffix of the names of methods that run on request only."""


METHODS: dict[str, Method] = {**DIRECT, **NETWORKS}
"""Methods by name. Those whose names end in :data:`LIMITED` need to know the capacities."""


def usual_methods(images: bool, limited: bool) -> list[str]:
    """Lists the methods that are compared by default.

    Args:
        images: whether the points are images. Images are clustered by the networks and their baselines, other points by all
            methods without networks.
        limited: whether the capacities are known.

    Returns:
        Names from :data:`METHODS`.

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
    """Clusters by one of :data:`METHODS` and measures the time.

    Args:
        name: name of the method.
        task: points and settings.

    Returns:
        Labels, sizes and processor time.

    Example:
        >>> import numpy as np
        >>> points = np.concatenate([np.zeros((6, 1)), np.ones((2, 1))]) + np.linspace(0, 0.1, 8)[:, None]
        >>> sorted(find_clusters("k-means", ClusterTask(points, 2)).sizes.tolist())
        [2, 6]
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # scikit-learn warns if its iterations end early; only the result matters here
        # The warm-up runs once for a task, and its time is added to each method that uses it.
        shared = task.warm_up.seconds if name in WARMED and "warm_up" in vars(task) else 0.0
        start = time.process_time()
        labels, sizes = METHODS[name](task)
        return FoundClusters(labels, sizes, time.process_time() - start + shared)
