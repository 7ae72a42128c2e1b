"""Initial clusters of unequal sizes: many small ones by k-means, merged by average linkage."""

from __future__ import annotations

import numpy as np
import torch
from scipy.cluster.hierarchy import cut_tree, linkage
from torch import Tensor

from .kmeans import kmeans_plus_plus, lloyd, squared_distances

__all__ = ["kmeans_labels", "merged_labels"]

_PIECES = 10  # number of small clusters per cluster
_LEAST = 5  # smallest mean number of points of a small cluster
_LLOYD_STEPS = 30


def kmeans_labels(points: Tensor, num_clusters: int, generators: list[np.random.Generator]) -> Tensor:
    """Clusters points by the best of several starts of k-means.

    Args:
        points: coordinates, shape ``(N, D)``.
        num_clusters: number of clusters ``K``.
        generators: source of the random numbers of each start.

    Returns:
        Cluster of each point, int64, shape ``(N,)``.
    """
    means, _, deviation = lloyd(points, kmeans_plus_plus(points, num_clusters, generators), _LLOYD_STEPS)
    return squared_distances(points, means[deviation.argmin()][None])[0].argmin(-1)


def merged_labels(features: Tensor, num_clusters: int, generators: list[np.random.Generator]) -> Tensor:
    """Clusters features by k-means into ten times as many small clusters, and merges these by average linkage.

    The sum of squared distances that k-means minimises grows with a cluster's size: if sizes differ, it splits large clusters
    and joins small ones. Average linkage of the directions of small clusters does not depend on their sizes.

    Args:
        features: unit vectors, shape ``(N, D)``.
        num_clusters: number of clusters ``K``.
        generators: source of the random numbers of each start of k-means.

    Returns:
        Cluster of each point, int64, shape ``(N,)``, with ``K`` different labels.

    Example:
        >>> angle = torch.cat([torch.linspace(-0.5, 0.5, 300), torch.linspace(1.2, 1.3, 30)])
        >>> points = torch.stack([angle.cos(), angle.sin()], -1)
        >>> torch.bincount(merged_labels(points, 2, [np.random.default_rng(0)])).sort().values
        tensor([ 30, 300])

    References:
        R. Sokal, C. Michener, "A statistical method for evaluating systematic relationships", University of Kansas Science
        Bulletin 38, 1958: average linkage.
    """
    pieces = max(min(_PIECES * num_clusters, len(features) // _LEAST), num_clusters)
    _, labels = kmeans_labels(features, pieces, generators).unique(return_inverse=True)
    belongs = torch.nn.functional.one_hot(labels).to(features)
    directions = torch.nn.functional.normalize(belongs.mT @ features, dim=-1)
    if len(directions) <= num_clusters:
        return labels
    group = cut_tree(linkage(directions.double().numpy(), "average"), num_clusters)[:, 0]
    return torch.from_numpy(group)[labels]
