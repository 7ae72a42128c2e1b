"""Priors of cluster sizes without capacities: a uniform one, and learned mixing weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .base import SizePrior

__all__ = ["CategoricalSizes", "UniformSizes"]


class UniformSizes(SizePrior):
    """Uniform prior: all labels are equally probable.

    Example:
        >>> UniformSizes(2, 4).log_prob(torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.zeros(4)).exp()
        tensor(0.0625, dtype=torch.float64)
    """

    learned = False

    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """Returns ``N / K`` for each cluster.

        Args:
            log_weights: ignored except for the shape, ``(R, K)``.
            generators: ignored.

        Returns:
            Sizes, shape ``(R, K)``.
        """
        return self.mean(log_weights)

    def mean(self, log_weights: Tensor) -> Tensor:
        """Returns ``N / K`` for each cluster.

        Args:
            log_weights: ignored except for the shape, ``(…, K)``.

        Returns:
            Sizes, shape ``(…, K)``.
        """
        return torch.full_like(log_weights, self.num_points / self.num_clusters, requires_grad=False)

    def log_weights_for(self, counts: Tensor, *, roughly: bool = True) -> Tensor:
        """Returns zeros, because weights do not affect the sizes.

        Args:
            counts: ignored except for the shape, ``(…, K)``.
            roughly: ignored.

        Returns:
            Zeros, float64, shape ``(…, K)``.
        """
        return torch.zeros_like(counts, dtype=torch.float64)

    def log_prob(self, counts: Tensor, log_weights: Tensor) -> Tensor:
        """Computes ``−N log K``.

        Args:
            counts: real numbers, shape ``(…, K)``.
            log_weights: ignored.

        Returns:
            float64, shape ``(…)``.
        """
        return -counts.double().sum(-1) * math.log(self.num_clusters)


class CategoricalSizes(SizePrior):
    """Learned categorical prior: independent labels with mixing weights ``π = softmax(log w)``, as in every mixture model.

    The sizes are not sampled.

    Example:
        >>> prior, logs = CategoricalSizes(4, 2), torch.tensor([3.0, 1.0]).double().log()
        >>> prior.mean(logs), prior.log_prob(torch.tensor([4.0, 0.0]), logs).exp()
        (tensor([3., 1.], dtype=torch.float64), tensor(0.3164, dtype=torch.float64))
    """

    def draw(self, log_weights: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
        """Returns the expected sizes ``N π``.

        Args:
            log_weights: log weights, shape ``(R, K)``.
            generators: ignored.

        Returns:
            Sizes, shape ``(R, K)``.
        """
        return self.mean(log_weights)

    def mean(self, log_weights: Tensor) -> Tensor:
        """Computes the expected sizes ``N π``.

        Args:
            log_weights: log weights, shape ``(…, K)``.

        Returns:
            Sizes, shape ``(…, K)``.
        """
        return self.num_points * log_weights.softmax(-1)

    def log_weights_for(self, counts: Tensor, *, roughly: bool = True) -> Tensor:
        """Computes the logarithms of the counts. The count of an empty cluster is replaced by 0.001.

        Args:
            counts: real numbers, shape ``(…, K)``.
            roughly: ignored.

        Returns:
            float64, shape ``(…, K)``.
        """
        return counts.double().clamp(min=1e-3).log()

    def log_prob(self, counts: Tensor, log_weights: Tensor) -> Tensor:
        """Computes ``Σ_k n_k log π_k``.

        Args:
            counts: real numbers, shape ``(…, K)``.
            log_weights: log weights, shape ``(K,)``.

        Returns:
            float64, shape ``(…)``.
        """
        return torch.special.xlogy(counts.double(), log_weights.softmax(-1)).sum(-1)
