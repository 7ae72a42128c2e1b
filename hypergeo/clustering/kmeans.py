"""Where clusters start: k-means++ and a few of Lloyd's steps, for many restarts at once."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["kmeans_plus_plus", "lloyd", "squared_distances"]


def squared_distances(points: Tensor, means: Tensor) -> Tensor:
    """Squared Euclidean distances of points to the means of each restart.

    Args:
        points: shape ``(N, D)``; well centred, as large common offsets cost digits.
        means: shape ``(R, K, D)``.

    Returns:
        Nonnegative, shape ``(R, N, K)``, laid out in memory as ``(R, K, N)``; differentiable.

    Example:
        >>> squared_distances(torch.tensor([[0.0, 3.0]]), torch.tensor([[[0.0, 0.0], [4.0, 0.0]]]))
        tensor([[[ 9., 25.]]])
    """
    inner = torch.baddbmm(means.square().sum(-1, keepdim=True), means, points.mT.expand(len(means), -1, -1), alpha=-2.0)
    return (inner + points.square().sum(-1)).clamp(min=0.0).mT


def kmeans_plus_plus(points: Tensor, num_clusters: int, generators: list[np.random.Generator]) -> Tensor:
    """First means, each a point drawn with probability proportional to its squared distance from those already there.

    Args:
        points: shape ``(N, D)``.
        num_clusters: ``K``.
        generators: randomness of each of ``R`` restarts.

    Returns:
        Shape ``(R, K, D)``.

    References:
        D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007, section 2.2.
    """
    uniform = torch.from_numpy(np.stack([generator.random(num_clusters) for generator in generators]))
    chosen = (uniform[:, 0] * len(points)).long()
    means = [points[chosen]]
    nearest = torch.full((len(generators), len(points)), torch.inf, dtype=torch.float64)
    for number in uniform.T[1:]:
        away = squared_distances(points, means[-1][:, None])[..., 0].double()
        nearest = torch.minimum(nearest, away)
        cumulative = nearest.cumsum(-1)
        goal = number[:, None] * cumulative[:, -1:]
        means.append(points[torch.searchsorted(cumulative, goal, right=True)[:, 0].clamp(max=len(points) - 1)])
    return torch.stack(means, 1)


def lloyd(points: Tensor, means: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lloyd's algorithm: each point goes to its nearest mean, each mean to the centre of its points.

    Args:
        points: shape ``(N, D)``.
        means: shape ``(R, K, D)``; a mean that no point is nearest to stays.
        steps: number of steps.

    Returns:
        The means, shape ``(R, K, D)``; how many points are nearest to each, ``(R, K)``; and the root mean square of their
        distance along one axis, ``(R,)``.
    """
    for _ in range(steps):
        belongs = _nearest(squared_distances(points, means)).to(points.dtype)
        counts = belongs.sum(1)[..., None]
        means = torch.where(counts > 0, belongs.mT @ points / counts.clamp(min=1), means)
    away = squared_distances(points, means)
    counts = _nearest(away).sum(1)
    return means, counts, (away.amin(-1).mean(-1) / points.shape[-1]).sqrt()


def _nearest(away: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(away.argmin(-1), away.shape[-1])
