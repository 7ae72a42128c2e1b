"""How well clusters agree with known classes: adjusted Rand index, mutual information, accuracy and error in the sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

__all__ = ["ClusterScores", "score_clusters"]


@dataclass(frozen=True)
class ClusterScores:
    """Agreement of clusters with classes.

    Attributes:
        adjusted_rand_index: one for the same partition, zero on average for a random one.
        mutual_information: normalized by the mean of both entropies, between zero and one.
        accuracy: share of points in the class that their cluster is matched with.
        size_error: share of points that would have to change cluster for the sizes to be right: half the sum of the
            absolute differences of the matched sizes, over the number of points.
        matched: the class that each cluster is matched with, as many points as possible in agreement; -1 for none.
    """

    adjusted_rand_index: float
    mutual_information: float
    accuracy: float
    size_error: float
    matched: np.ndarray


def score_clusters(classes: Any, labels: Any, sizes: Any = None) -> ClusterScores:
    """Compares clusters with classes.

    Args:
        classes: true class of each point, whole numbers from zero, shape ``(N,)``.
        labels: cluster of each point, likewise.
        sizes: sizes of the clusters, shape ``(K,)``; those of ``labels`` when omitted.

    Raises:
        ValueError: where shapes differ or numbers are not whole.

    Example:
        >>> scores = score_clusters([0, 0, 0, 1], [1, 1, 0, 0])
        >>> scores.matched, scores.accuracy, scores.size_error
        (array([1, 0]), 0.75, 0.25)

    References:
        L. Hubert, P. Arabie, "Comparing partitions", Journal of Classification 2, 1985, equation 5.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    true, found = _read("classes", classes), _read("labels", labels)
    if true.shape != found.shape or not len(true):
        raise ValueError(f"classes and labels must be of one length, at least one; got {len(true)} and {len(found)}.")
    given = np.bincount(found) if sizes is None else np.asarray(sizes, dtype=float)
    if given.ndim != 1 or len(given) <= found.max():
        raise ValueError(f"sizes must hold a number for each of {found.max() + 1} clusters; got shape {given.shape}.")
    table = np.zeros((len(given), true.max() + 1))
    np.add.at(table, (found, true), 1)
    points = len(true)
    clusters, classes_of = linear_sum_assignment(table, maximize=True)
    matched = np.full(len(given), -1)
    matched[clusters] = classes_of
    numbers = np.bincount(true).astype(float)
    missing = np.abs(np.delete(given, clusters)).sum() + np.abs(np.delete(numbers, classes_of)).sum()
    return ClusterScores(
        adjusted_rand_index=float(adjusted_rand_score(true, found)),
        mutual_information=float(normalized_mutual_info_score(true, found)),
        accuracy=float(table[clusters, classes_of].sum() / points),
        size_error=float((np.abs(given[clusters] - numbers[classes_of]).sum() + missing) / (2 * points)),
        matched=matched,
    )


def _read(name: str, given: Any) -> np.ndarray:
    read = np.asarray(given)
    if read.ndim != 1 or (read.size and (read.dtype.kind not in "iu" or read.min() < 0)):
        raise ValueError(f"{name} must be a list of whole numbers from zero; got {given!r}.")
    return read.astype(int)
