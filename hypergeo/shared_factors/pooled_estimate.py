"""Pools the estimates of all pairs into one number: the mode of the Fisher distribution that fits all of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from hypergeo.distributions.fisher import FisherHypergeometric

__all__ = ["LAST", "SETTLED", "pooled_law", "steps_that_count"]

LAST = 100
"""Number of last training steps whose pairs are pooled."""
SETTLED = 60
"""Number of steps after the warm-up before the estimate is reported."""

_LARGEST_LOG_WEIGHT = 12.0
_GRID = 2_401  # number of weights between which the mean is interpolated


def pooled_law(mean: float, dimensions: int) -> np.ndarray:
    """Computes the maximum-likelihood Fisher distribution of the number of shared dimensions of all pairs.

    It is the member of the family whose mean is the mean over pairs.

    Args:
        mean: mean number of shared dimensions over pairs.
        dimensions: number of latent dimensions, ``d``.

    Returns:
        Probabilities of 0 to ``d``, shape ``(d + 1,)``.

    Example:
        >>> pooled_law(1.5, 3).round(3)
        array([0.05, 0.45, 0.45, 0.05])
    """
    log_weights, means = _means(dimensions)
    log_weight = float(np.interp(mean, means, log_weights))
    distribution = FisherHypergeometric(
        dimensions, [dimensions, dimensions], log_weights=torch.tensor([log_weight, 0.0]).double()
    )
    return distribution.marginal_log_prob()[0].exp().numpy()


def steps_that_count(step: int, free: int) -> slice:
    """Selects the steps whose pairs are pooled: the last ones after the warm-up, or the last step during the warm-up.

    Args:
        step: number of steps taken.
        free: number of steps of the warm-up.

    Returns:
        Slice of the steps.

    Example:
        >>> steps_that_count(250, 200), steps_that_count(900, 200), steps_that_count(50, 200)
        (slice(200, 250, None), slice(800, 900, None), slice(49, 50, None))
    """
    return slice(max(step - 1, 0) if step <= free else max(free, step - LAST), step)


@lru_cache(maxsize=8)
def _means(dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    log_weights = torch.linspace(-_LARGEST_LOG_WEIGHT, _LARGEST_LOG_WEIGHT, _GRID, dtype=torch.float64)
    both = torch.stack([log_weights, torch.zeros_like(log_weights)], -1)
    distribution = FisherHypergeometric(dimensions, [dimensions, dimensions], log_weights=both)
    return log_weights.numpy(), distribution.mean[:, 0].numpy()
