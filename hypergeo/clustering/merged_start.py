"""Initial clusters of unequal sizes: many small ones by k-means, merged by average linkage; the most typical of several."""

from __future__ import annotations

import numpy as np
import torch
from scipy.cluster.hierarchy import cut_tree, linkage
from torch import Tensor

from .kmeans import kmeans_labels

__all__ = ["STARTS", "merged_labels"]

STARTS = 7
"""Number of starts from which the most typical one is taken."""

_PIECES = 10  # number of small clusters per cluster
_LEAST = 5  # smallest mean number of points of a small cluster
_OUTLIERS = 0.1  # of the mean size of a cluster: smaller ones are outliers


def merged_labels(features: Tensor, num_clusters: int, generators: list[np.random.Generator]) -> Tensor:
    """Clusters features by k-means into ten times as many small clusters, and merges these by average linkage.

    The sum of squared distances that k-means minimises grows with a cluster's size: if sizes differ, it splits large clusters
    and joins small ones. Average linkage of the directions of small clusters does not depend on their sizes. It may keep a few
    outliers as a cluster and join two clusters instead. Clusters of less than a tenth of the mean size are therefore not
    counted, and join the nearest one in the end. Some starts still join two clusters, so the start that agrees best with the
    others is returned.

    Args:
        features: unit vectors, shape ``(N, D)``.
        num_clusters: number of clusters ``K``.
        generators: source of the random numbers of each start.

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
    from sklearn.metrics import adjusted_rand_score

    starts = [_one_start(features, num_clusters, generator) for generator in generators]
    agreement = [sum(adjusted_rand_score(one, other) for other in starts) for one in starts]
    return torch.from_numpy(starts[int(np.argmax(agreement))])


def _one_start(features: Tensor, num_clusters: int, generator: np.random.Generator) -> np.ndarray:
    pieces = max(min(_PIECES * num_clusters, len(features) // _LEAST), num_clusters)
    _, labels = kmeans_labels(features, pieces, [generator]).unique(return_inverse=True)
    belongs = torch.nn.functional.one_hot(labels).to(features)
    sums = belongs.mT @ features
    if len(sums) <= num_clusters:
        return np.asarray(labels)
    directions = torch.nn.functional.normalize(sums, dim=-1).double().numpy()
    clusters = _merged(directions, belongs.sum(0).numpy(), num_clusters)
    return np.asarray(clusters[labels.numpy()])


def _merged(directions: np.ndarray, numbers: np.ndarray, num_clusters: int) -> np.ndarray:
    """Merges small clusters.

    Args:
        directions: unit vector of each small cluster, shape ``(P, D)``.
        numbers: number of points of each, shape ``(P,)``.
        num_clusters: number of clusters ``K``.

    Returns:
        Cluster of each small cluster, from zero, shape ``(P,)``.
    """
    least = _OUTLIERS * numbers.sum() / num_clusters
    tree = linkage(directions, "average")
    for number in range(num_clusters, len(directions) + 1):
        clusters = cut_tree(tree, number)[:, 0]
        large = np.flatnonzero(np.bincount(clusters, weights=numbers) >= least)
        if len(large) == num_clusters:
            similarity = directions @ directions.T
            nearest = np.stack([similarity[:, clusters == cluster].mean(1) for cluster in large], -1).argmax(-1)
            return np.where(np.isin(clusters, large), np.searchsorted(large, clusters), nearest)
    return np.asarray(cut_tree(tree, num_clusters)[:, 0])
