"""Agreement of clusters with known classes: adjusted Rand index, mutual information, accuracy and error of the sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

__all__ = ["ClusterScores", "score_clusters"]


@dataclass(frozen=True)
class ClusterScores:
    """Holds the agreement of clusters with classes.

    Attributes:
        adjusted_rand_index: one for the same partition, zero on average for a random one.
        mutual_information: mutual information normalised by the mean of both entropies, between zero and one.
        accuracy: fraction of points in the class that is matched with their cluster.
        size_error: fraction of points that would have to change cluster for the sizes to be right: half the sum of the
            absolute differences of the matched sizes, divided by the number of points.
        matched: class matched with each cluster, shape ``(K,)``, so that as many points as possible agree; -1 for none.
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
        labels: cluster of each point, whole numbers from zero, shape ``(N,)``.
        sizes: sizes of the clusters, shape ``(K,)``; those of ``labels`` when omitted.

    Returns:
        The scores.

    Raises:
        ValueError: if shapes differ or numbers are not whole.

    Example:
        >>> scores = score_clusters([0, 0, 0, 1], [1, 1, 0, 0])
        >>> scores.matched, scores.accuracy, scores.size_error
        (array([1, 0]), 0.75, 0.25)

    References:
        L. Hubert, P. Arabie, "Comparing partitions", Journal of Classification 2, 1985, equation 5.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    true, clusters_of_points = _read("classes", classes), _read("labels", labels)
    if true.shape != clusters_of_points.shape or not len(true):
        raise ValueError(
            f"classes and labels must be of one length, at least one; got {len(true)} and {len(clusters_of_points)}."
        )
    cluster_sizes = np.bincount(clusters_of_points) if sizes is None else np.asarray(sizes, dtype=float)
    if cluster_sizes.ndim != 1 or len(cluster_sizes) <= clusters_of_points.max():
        raise ValueError(
            f"sizes must hold a number for each of {clusters_of_points.max() + 1} clusters; got shape {cluster_sizes.shape}."
        )
    table = np.zeros((len(cluster_sizes), true.max() + 1))
    np.add.at(table, (clusters_of_points, true), 1)
    points = len(true)
    clusters, matched_classes = linear_sum_assignment(table, maximize=True)
    matched = np.full(len(cluster_sizes), -1)
    matched[clusters] = matched_classes
    numbers = np.bincount(true).astype(float)
    missing = np.abs(np.delete(cluster_sizes, clusters)).sum() + np.abs(np.delete(numbers, matched_classes)).sum()
    return ClusterScores(
        adjusted_rand_index=float(adjusted_rand_score(true, clusters_of_points)),
        mutual_information=float(normalized_mutual_info_score(true, clusters_of_points)),
        accuracy=float(table[clusters, matched_classes].sum() / points),
        size_error=float((np.abs(cluster_sizes[clusters] - numbers[matched_classes]).sum() + missing) / (2 * points)),
        matched=matched,
    )


def _read(name: str, value: Any) -> np.ndarray:
    read = np.asarray(value)
    if read.ndim != 1 or (read.size and (read.dtype.kind not in "iu" or read.min() < 0)):
        raise ValueError(f"{name} must be a list of whole numbers from zero; got {value!r}.")
    return read.astype(int)
