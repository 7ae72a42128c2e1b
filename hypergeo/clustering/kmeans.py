"""Initial clusters: k-means++ and a few of Lloyd's steps, for many restarts in parallel."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["kmeans_labels", "kmeans_plus_plus", "lloyd", "squared_distances"]

_LLOYD_STEPS = 30


def squared_distances(points: Tensor, means: Tensor) -> Tensor:
    """Computes squared Euclidean distances of points to the means of each restart.

    Args:
        points: coordinates of the points, shape ``(N, D)``; centred, because large common offsets cost precision.
        means: coordinates of the means, shape ``(R, K, D)``.

    Returns:
        Nonnegative distances, shape ``(R, N, K)``, with memory layout ``(R, K, N)``; differentiable.

    Example:
        >>> squared_distances(torch.tensor([[0.0, 3.0]]), torch.tensor([[[0.0, 0.0], [4.0, 0.0]]]))
        tensor([[[ 9., 25.]]])
    """
    inner = torch.baddbmm(means.square().sum(-1, keepdim=True), means, points.mT.expand(len(means), -1, -1), alpha=-2.0)
    return (inner + points.square().sum(-1)).clamp(min=0.0).mT


def kmeans_plus_plus(points: Tensor, num_clusters: int, generators: list[np.random.Generator]) -> Tensor:
    """Samples initial means from the points, with probabilities proportional to the squared distance from the means chosen
    before.

    Args:
        points: coordinates of the points, shape ``(N, D)``.
        num_clusters: number of clusters, ``K``.
        generators: random generator of each of ``R`` restarts.

    Returns:
        Means, shape ``(R, K, D)``.

    References:
        D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007, section 2.2.
    """
    uniform = torch.from_numpy(np.stack([generator.random(num_clusters) for generator in generators]))
    chosen = (uniform[:, 0] * len(points)).long()
    means = [points[chosen]]
    nearest = torch.full((len(generators), len(points)), torch.inf, dtype=torch.float64)
    for number in uniform.T[1:]:
        distances = squared_distances(points, means[-1][:, None])[..., 0].double()
        nearest = torch.minimum(nearest, distances)
        cumulative = nearest.cumsum(-1)
        goal = number[:, None] * cumulative[:, -1:]
        means.append(points[torch.searchsorted(cumulative, goal, right=True)[:, 0].clamp(max=len(points) - 1)])
    return torch.stack(means, 1)


def lloyd(points: Tensor, means: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Runs Lloyd's algorithm: assigns each point to its nearest mean, and moves each mean to the centre of its points.

    Args:
        points: coordinates of the points, shape ``(N, D)``.
        means: coordinates of the means, shape ``(R, K, D)``; a mean without points does not move.
        steps: number of steps.

    Returns:
        The means, shape ``(R, K, D)``; the number of points nearest to each mean, shape ``(R, K)``; and the root mean square of
        their distance along one axis, shape ``(R,)``.
    """
    for _ in range(steps):
        membership = _nearest(squared_distances(points, means)).to(points.dtype)
        counts = membership.sum(1)[..., None]
        means = torch.where(counts > 0, membership.mT @ points / counts.clamp(min=1), means)
    distances = squared_distances(points, means)
    counts = _nearest(distances).sum(1)
    return means, counts, (distances.amin(-1).mean(-1) / points.shape[-1]).sqrt()


def _nearest(distances: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(distances.argmin(-1), distances.shape[-1])


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
