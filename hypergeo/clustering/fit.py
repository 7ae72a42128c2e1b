"""Clustering with learned cluster sizes: sizes are drawn, points assigned to fit them, and the best of several starts kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .schedule import Schedule
from .sized_clusters import Evaluation, SizedClusters

__all__ = ["ClusterFit", "Evaluation", "Schedule", "SizedClusters", "fit_clusters"]


@dataclass(frozen=True)
class ClusterFit:
    """The restart of the lowest loss.

    Attributes:
        means: shape ``(K, D)``.
        width: standard deviation of all clusters along each axis.
        log_weights: logarithms of the importance weights, shape ``(K,)``; ``softmax`` of them are the shares of a learned
            categorical prior.
        sizes: expected sizes, shape ``(K,)``.
        labels: cluster of each point, shape ``(N,)``.
        plan: share of each point in each cluster, shape ``(N, K)``.
        loss: ``J`` at those sizes, in nats: without capacities, the least negative log-likelihood of a Gaussian mixture.
        losses: of all restarts, shape ``(R,)``.
    """

    means: Tensor
    width: float
    log_weights: Tensor
    sizes: Tensor
    labels: Tensor
    plan: Tensor
    loss: float
    losses: Tensor


def fit_clusters(
    points: Any,
    num_clusters: int,
    *,
    prior: str = "hypergeometric",
    restarts: int = 8,
    progress: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> ClusterFit:
    """Fit :class:`SizedClusters` to the end of its schedule and keep the best restart.

    Args:
        points: shape ``(N, D)``.
        num_clusters: ``K``.
        prior: ``"hypergeometric"``, ``"categorical"`` or ``"uniform"``.
        restarts: how many starts are tried.
        progress: called after each step with the number of steps done and to do.
        settings: further arguments of :class:`SizedClusters`.

    Raises:
        ValueError: as :class:`SizedClusters` does, and for a schedule without an end.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> points = torch.cat([torch.randn(60, 2), torch.randn(20, 2) + 6])
        >>> fit_clusters(points, 2, restarts=2).sizes.round().sort().values
        tensor([20., 60.])
    """
    model = SizedClusters(points, num_clusters, prior=prior, restarts=restarts, **settings)
    steps = model.schedule.steps
    if steps is None:
        raise ValueError("schedule must have a number of steps; got steps=None.")
    for done in range(1, steps + 1):
        model.step()
        if progress is not None:
            progress(done, steps)
    found = model.evaluate()
    best = int(found.loss.argmin())
    return ClusterFit(
        means=model.means[best],
        width=float(model.width[best]),
        log_weights=model.log_weights[best],
        sizes=found.sizes[best],
        labels=found.labels[best],
        plan=found.plan[best],
        loss=float(found.loss[best]),
        losses=found.loss,
    )
