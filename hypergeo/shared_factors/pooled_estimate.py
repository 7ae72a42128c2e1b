"""One number for all pairs: Fisher's law that fits the numbers of all of them, and its most probable number."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from hypergeo.distributions.fisher import FisherHypergeometric

__all__ = ["LAST", "SETTLED", "pooled_law", "steps_that_count"]

LAST = 100
"""Steps of training over whose pairs numbers are pooled."""
SETTLED = 60
"""Steps that the law is given after the warm-up before anything is said of it."""

_EDGE = 12.0  # logarithm of the greatest weight
_GRID = 2_401


def pooled_law(mean: float, dimensions: int) -> np.ndarray:
    """Fisher's law of the number of shared dimensions whose mean is that of all pairs: its maximum-likelihood fit to them.

    Args:
        mean: of the number, over pairs.
        dimensions: number of latent dimensions, ``d``.

    Returns:
        Probabilities of 0 to ``d``, shape ``(d + 1,)``.

    Example:
        >>> pooled_law(1.5, 3).round(3)
        array([0.05, 0.45, 0.45, 0.05])
    """
    log_weights, means = _means(dimensions)
    log_weight = float(np.interp(mean, means, log_weights))
    law = FisherHypergeometric(dimensions, [dimensions, dimensions], log_weights=torch.tensor([log_weight, 0.0]).double())
    return law.marginal_log_prob()[0].exp().numpy()


def steps_that_count(step: int, free: int) -> slice:
    """The steps whose pairs are pooled: the last ones in which the law was free, or, before there are any, the last one.

    Args:
        step: number of steps made.
        free: steps of the warm-up.

    Example:
        >>> steps_that_count(250, 200), steps_that_count(900, 200), steps_that_count(50, 200)
        (slice(200, 250, None), slice(800, 900, None), slice(49, 50, None))
    """
    return slice(max(step - 1, 0) if step <= free else max(free, step - LAST), step)


@lru_cache(maxsize=8)
def _means(dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    log_weights = torch.linspace(-_EDGE, _EDGE, _GRID, dtype=torch.float64)
    both = torch.stack([log_weights, torch.zeros_like(log_weights)], -1)
    law = FisherHypergeometric(dimensions, [dimensions, dimensions], log_weights=both)
    return log_weights.numpy(), law.mean[:, 0].numpy()
