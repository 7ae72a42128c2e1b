"""Hard assignment of points to clusters whose sizes are within bounds."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from scipy.optimize import linprog
from torch import Tensor

__all__ = ["hard_labels"]


def hard_labels(labels: Tensor, scores: Tensor, bounds: tuple[Tensor, Tensor]) -> Tensor:
    """Computes the labels with the largest total score whose cluster sizes are within the bounds.

    Labels that are within the bounds already are returned unchanged. The assignment is exact: the vertices of the linear
    program of the transportation problem are integral (Birkhoff and von Neumann). The program is small if few points must move.
    The choice between equally good labels is deterministic.

    Args:
        labels: labels with the largest scores, int64, shape ``(N,)``.
        scores: finite scores, shape ``(N, K)``.
        bounds: smallest and largest number of points of each cluster, each of shape ``(K,)``; a solution must exist.

    Returns:
        int64, shape ``(N,)``.

    Example:
        >>> scores = torch.tensor([[0.0, -1.0], [0.0, -3.0], [0.0, -2.0]])
        >>> hard_labels(scores.argmax(-1), scores, (torch.tensor([0, 0]), torch.tensor([2, 2])))
        tensor([1, 0, 0])

    References:
        R. Burkard, M. Dell'Amico, S. Martello, "Assignment problems", SIAM 2009, section 2.1.
    """
    counts = torch.bincount(labels, minlength=scores.shape[1])
    least, most = bounds
    missing = int(((counts - most).clamp(min=0) + (least - counts).clamp(min=0)).sum())
    if not missing:
        return labels
    own, values = labels.cpu().numpy().copy(), scores.double().cpu().numpy()
    loss = values[np.arange(len(own)), own][:, None] - values
    point, cluster = np.nonzero(_candidates(own, loss, missing))
    rows, row = np.unique(point, return_inverse=True)
    staying = np.bincount(np.delete(own, rows), minlength=loss.shape[1])  # number of points that stay
    variables = np.arange(len(point))
    sums = sparse.csr_array((np.ones(len(point)), (cluster, variables)), shape=(loss.shape[1], len(point)))
    solved = linprog(
        loss[point, cluster],
        A_ub=sparse.vstack([sums, -sums]),
        b_ub=np.concatenate([most.numpy() - staying, staying - least.numpy()]),
        A_eq=sparse.csr_array((np.ones(len(point)), (row, variables)), shape=(len(rows), len(point))),
        b_eq=np.ones(len(rows)),
        method="highs-ds",
    )
    chosen = solved.x > 0.5
    own[point[chosen]] = cluster[chosen]
    return torch.from_numpy(own).to(labels.device)


def _candidates(labels: np.ndarray, loss: np.ndarray, moves: int) -> np.ndarray:
    """Returns the clusters to which points may move, if at most ``moves`` points leave each cluster: only the cheapest moves.

    Args:
        labels: cluster of each point, shape ``(N,)``.
        loss: loss of each point in each cluster relative to its own, shape ``(N, K)``.
        moves: largest number of points that leave a cluster.

    Returns:
        Mask, shape ``(N, K)``; a row is false for points that stay.
    """
    allowed = np.zeros(loss.shape, dtype=bool)
    for cluster in np.unique(labels):
        rows = np.flatnonzero(labels == cluster)
        order = np.argsort(loss[rows], axis=0, kind="stable")[:moves]
        np.put_along_axis(allowed, rows[order], True, axis=0)
        allowed[rows, cluster] = False
    allowed[np.arange(len(labels)), labels] = allowed.any(1)
    return allowed
