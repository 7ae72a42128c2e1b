"""First clusters of unequal sizes: many small ones by k-means, merged by average linkage."""

from __future__ import annotations

import numpy as np
import torch
from scipy.cluster.hierarchy import cut_tree, linkage
from torch import Tensor

from .kmeans import kmeans_plus_plus, lloyd, squared_distances

__all__ = ["kmeans_labels", "merged_labels"]

_PIECES = 10  # small clusters for each cluster
_LEAST = 5  # points of a small cluster on average, at least
_LLOYD_STEPS = 30


def kmeans_labels(points: Tensor, num_clusters: int, generators: list[np.random.Generator]) -> Tensor:
    """Clusters by the best of some starts of k-means.

    Args:
        points: shape ``(N, D)``.
        num_clusters: ``K``.
        generators: randomness of each start.

    Returns:
        int64, shape ``(N,)``.
    """
    means, _, spread = lloyd(points, kmeans_plus_plus(points, num_clusters, generators), _LLOYD_STEPS)
    return squared_distances(points, means[spread.argmin()][None])[0].argmin(-1)


def merged_labels(features: Tensor, num_clusters: int, generators: list[np.random.Generator]) -> Tensor:
    """Clusters by k-means into ten times as many small ones, merged by average linkage until ``K`` are left.

    The mean squared distance that k-means minimises grows with a cluster's size: where sizes differ, it cuts large clusters in
    two and joins small ones. Average linkage of the small clusters' directions does not know their sizes.

    Args:
        features: unit vectors, shape ``(N, D)``.
        num_clusters: ``K``.
        generators: randomness of each start of k-means.

    Returns:
        int64, shape ``(N,)``, with ``K`` different labels.

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
