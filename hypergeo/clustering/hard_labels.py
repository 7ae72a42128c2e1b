"""One cluster for each point, with cluster sizes within bounds."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from scipy.optimize import linprog
from torch import Tensor

__all__ = ["hard_labels"]


def hard_labels(labels: Tensor, scores: Tensor, bounds: tuple[Tensor, Tensor]) -> Tensor:
    """Returns labels as they are where their counts keep to the bounds, else the labels of the largest total score that do.

    The assignment is exact: the vertices of the transportation problem's linear program are whole (Birkhoff and von Neumann).
    The program is short where few points must move. Among equally good labels the choice follows from the arguments alone.

    Args:
        labels: those of the largest scores, int64, shape ``(N,)``.
        scores: finite, shape ``(N, K)``.
        bounds: smallest and largest number of points of each cluster, each of shape ``(K,)``, which leave a solution.

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
    staying = np.bincount(np.delete(own, rows), minlength=loss.shape[1])  # of points that need not move
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
    taken = solved.x > 0.5
    own[point[taken]] = cluster[taken]
    return torch.from_numpy(own).to(labels.device)


def _candidates(labels: np.ndarray, loss: np.ndarray, moves: int) -> np.ndarray:
    """Where points may go when no more than so many leave each cluster: to another one only those that lose least by it.

    Args:
        labels: shape ``(N,)``.
        loss: of each point in each cluster against its own, shape ``(N, K)``.
        moves: points that leave a cluster at most.

    Returns:
        True or false, shape ``(N, K)``; a row is false for points that stay.
    """
    allowed = np.zeros(loss.shape, dtype=bool)
    for cluster in np.unique(labels):
        rows = np.flatnonzero(labels == cluster)
        order = np.argsort(loss[rows], axis=0, kind="stable")[:moves]
        np.put_along_axis(allowed, rows[order], True, axis=0)
        allowed[rows, cluster] = False
    allowed[np.arange(len(labels)), labels] = allowed.any(1)
    return allowed
