"""Interface of the priors of cluster sizes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

__all__ = ["SizePrior", "centred"]

_LARGEST_LOG_WEIGHT = 15.0


def centred(log_weights: Tensor) -> Tensor:
    """Shifts log weights to mean zero, because only ratios of weights matter, and limits them to ±15.

    Args:
        log_weights: log weights, shape ``(…, K)``.

    Returns:
        Centred log weights, shape ``(…, K)``.
    """
    return (log_weights - log_weights.mean(-1, keepdim=True)).clamp(-_LARGEST_LOG_WEIGHT, _LARGEST_LOG_WEIGHT)


class SizePrior(ABC):
    """Distribution of the labels of ``N`` points in ``K`` clusters that depends only on the sizes of the clusters.

    It has one log weight per cluster, which belongs to the model that uses the prior and is passed to each method.

    Args:
        num_points: number of points, ``N``.
        num_clusters: number of clusters, ``K``.
    """

    learned: ClassVar[bool] = True
    """Whether the log weights affect the prior."""

    def __init__(self, num_points: int, num_clusters: int):
        self.num_points, self.num_clusters = num_points, num_clusters

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest possible size of each cluster, int64, each of shape ``(K,)``."""
        return torch.zeros(self.num_clusters).long(), torch.full((self.num_clusters,), self.num_points)

    @abstractmethod
    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """Samples sizes, differentiable in the log weights.

        Args:
            log_weights: log weights, shape ``(R, K)``.
            generators: random generator of each row.

        Returns:
            Sizes, shape ``(R, K)``; each row sums to ``N``.
        """

    @abstractmethod
    def mean(self, log_weights: Tensor) -> Tensor:
        """Computes expected sizes, differentiable once in the log weights.

        Args:
            log_weights: log weights, shape ``(…, K)``.

        Returns:
            Expected sizes, shape ``(…, K)``.
        """

    @abstractmethod
    def log_weights_for(self, counts: Tensor, *, roughly: bool = True) -> Tensor:
        """Computes the log weights for which the expected sizes are the passed counts. These counts are then the most probable
        ones.

        Args:
            counts: real numbers, shape ``(…, K)``.
            roughly: whether an error of about one in the expected sizes is acceptable, which saves time.

        Returns:
            float64, shape ``(…, K)``.
        """

    @abstractmethod
    def log_prob(self, counts: Tensor, log_weights: Tensor) -> Tensor:
        """Computes the log-probability of one labelling with the passed counts: that of the counts minus the log number of such
        labellings.

        Args:
            counts: real numbers, shape ``(…, K)``; column sums of soft labels are allowed.
            log_weights: log weights, shape ``(K,)``.

        Returns:
            float64, shape ``(…)``.
        """
