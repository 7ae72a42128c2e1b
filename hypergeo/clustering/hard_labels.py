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
    Among equally good ones the choice follows from the arguments alone.

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
    points, clusters = scores.shape
    counts = torch.bincount(labels, minlength=clusters)
    least, most = bounds
    if bool(((least <= counts) & (counts <= most)).all()):
        return labels
    cost = (scores.amax(-1, keepdim=True) - scores).double().cpu().numpy()
    sums = sparse.kron(np.ones((1, points)), sparse.eye_array(clusters), format="csr")
    solved = linprog(
        cost.ravel(),
        A_ub=sparse.vstack([sums, -sums]),
        b_ub=np.concatenate([most.clamp(max=points).numpy(), -least.numpy()]),
        A_eq=sparse.kron(sparse.eye_array(points), np.ones((1, clusters)), format="csr"),
        b_eq=np.ones(points),
        method="highs-ds",
    )
    return torch.from_numpy(solved.x.reshape(points, clusters).argmax(-1)).to(labels.device)
