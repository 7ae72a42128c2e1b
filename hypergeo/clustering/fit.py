"""Clustering with learned cluster sizes: samples sizes, assigns the points to clusters of these sizes, and keeps the best
restart."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .schedule import Schedule
from .sized_clusters import Evaluation, SizedClusters

__all__ = ["ClusterFit", "Evaluation", "Schedule", "SizedClusters", "fit_clusters"]


@dataclass(frozen=True, repr=False)
class ClusterFit:
    """Holds the restart with the lowest loss.

    Example:
        >>> points = torch.arange(60.0)[:, None] + 100 * (torch.arange(60) >= 40)[:, None]
        >>> fit_clusters(points, 2, capacities=45, minimum_sizes=10, restarts=2)
        ClusterFit(60 points in 2 clusters of expected sizes ...; loss ... nats, lowest of 2 restarts)

    Attributes:
        means: centres of the clusters, shape ``(K, D)``.
        width: standard deviation of all clusters along each axis.
        log_weights: log weights, shape ``(K,)``; their ``softmax`` is the mixing weights of a learned categorical prior.
        sizes: expected sizes, shape ``(K,)``.
        labels: cluster of each point, shape ``(N,)``, within the capacities and minimum sizes.
        plan: fraction of each point in each cluster, shape ``(N, K)``.
        loss: ``J`` at those sizes, in nats: without capacities, the least negative log-likelihood of a Gaussian mixture.
        losses: loss of each restart, shape ``(R,)``.
    """

    means: Tensor
    width: float
    log_weights: Tensor
    sizes: Tensor
    labels: Tensor
    plan: Tensor
    loss: float
    losses: Tensor

    def __repr__(self) -> str:
        points, clusters = self.plan.shape
        sizes = ", ".join(f"{size:.1f}" for size in self.sizes.tolist())
        loss = f"loss {self.loss:.1f} nats, lowest of {len(self.losses)} restarts"
        return f"{type(self).__name__}({points} points in {clusters} clusters of expected sizes {sizes}; {loss})"

    def _repr_html_(self) -> str:
        """Returns a table for notebooks with one row for each cluster."""
        counts = torch.bincount(self.labels, minlength=len(self.sizes)).tolist()
        heads = ("cluster", "expected size", "points", "log weight", "mean")
        rows = [
            (str(cluster), f"{size:.1f}", str(count), f"{log:+.2f}", ", ".join(f"{value:.4g}" for value in mean))
            for cluster, (size, count, log, mean) in enumerate(
                zip(self.sizes.tolist(), counts, self.log_weights.tolist(), self.means.tolist(), strict=True)
            )
        ]
        lines = ["".join(f"<th>{head}</th>" for head in heads), *("".join(f"<td>{cell}</td>" for cell in row) for row in rows)]
        table = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<table><caption>{html.escape(repr(self))}</caption>{table}</table>"


def fit_clusters(
    points: Any,
    num_clusters: int,
    *,
    prior: str = "hypergeometric",
    restarts: int = 8,
    progress: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> ClusterFit:
    """Fits :class:`SizedClusters` for all steps of the schedule and keeps the best restart.

    Args:
        points: coordinates of the points, shape ``(N, D)``.
        num_clusters: number of clusters, ``K``.
        prior: ``"hypergeometric"``, ``"categorical"`` or ``"uniform"``.
        restarts: number of restarts.
        progress: called after each step with the number of steps done and the number of all steps.
        **settings: further arguments of :class:`SizedClusters`, such as ``capacities`` and ``minimum_sizes``, the largest and
            the smallest sizes of the clusters under the hypergeometric prior.

    Returns:
        The restart with the lowest loss.

    Raises:
        ValueError: if the schedule has no end, or an argument of :class:`SizedClusters` is invalid.

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
    evaluation = model.evaluate()
    best = int(evaluation.loss.argmin())
    return ClusterFit(
        means=model.means[best],
        width=float(model.width[best]),
        log_weights=model.log_weights[best],
        sizes=evaluation.sizes[best],
        labels=evaluation.labels[best],
        plan=evaluation.plan[best],
        loss=float(evaluation.loss[best]),
        losses=evaluation.loss,
    )
