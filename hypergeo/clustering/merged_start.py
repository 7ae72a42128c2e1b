"""First clusters of unequal sizes: many small ones by k-means, merged where they overlap most."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .kmeans import kmeans_plus_plus, lloyd, squared_distances

__all__ = ["kmeans_labels", "merged_labels"]

_PIECES = 6  # small clusters for each cluster
_LEAST = 10  # points of a small cluster on average, at least
_LLOYD_STEPS = 30
_CONCENTRATION = 20.0


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
    r"""Clusters by k-means into several times as many small ones, which are merged until ``K`` are left.

    The mean squared distance that k-means minimises grows with a cluster's size: where sizes differ, it cuts large clusters in
    two and joins small ones. Here points belong to small clusters softly, with memberships :math:`p_{ia}`, and always the two
    groups of the largest overlap :math:`\sum_{i} p_{iA}\, p_{iB} / \min(n_A, n_B)` are merged, where
    :math:`n_A = \sum_i p_{iA}`: the criterion is a share, so that it does not prefer equal sizes.

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
    """
    pieces = max(min(_PIECES * num_clusters, len(features) // _LEAST), num_clusters)
    labels = kmeans_labels(features, pieces, generators)
    kept, labels = labels.unique(return_inverse=True)
    belongs = torch.nn.functional.one_hot(labels).to(features)
    means = belongs.mT @ features / belongs.sum(0)[:, None]
    soft = (-0.5 * _CONCENTRATION * squared_distances(features, means[None])[0]).softmax(-1).double()
    overlap, sizes = (soft.mT @ soft).numpy(), soft.sum(0).numpy()
    group = np.arange(len(kept))
    while len(sizes) > num_clusters:
        shares = overlap / np.minimum.outer(sizes, sizes)
        np.fill_diagonal(shares, -np.inf)
        first, second = sorted(np.unravel_index(shares.argmax(), shares.shape))
        overlap[first] += overlap[second]
        overlap[:, first] += overlap[:, second]
        sizes[first] += sizes[second]
        overlap = np.delete(np.delete(overlap, second, 0), second, 1)
        sizes = np.delete(sizes, second)
        group[group == second] = first
        group[group > second] -= 1
    return torch.from_numpy(group)[labels]
