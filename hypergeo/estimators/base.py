"""Gradient estimators of ``E[f(x)]`` over Fisher's distribution, with one interface.

Each estimator has ``surrogate_loss(distribution, objective, num_samples)``: its value estimates the expected objective and
its backward pass estimates the gradient, so that it replaces a loss in a training loop. ``objective`` maps
counts ``(…, K)`` to ``(…)``; relaxed estimators call it with relaxed counts, so it must be defined between whole numbers.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from hypergeo._validate import require_count
from hypergeo.distributions.fisher import FisherHypergeometric

from .expansion import Objective

__all__ = ["Estimator", "Objective", "checked_samples"]


@runtime_checkable
class Estimator(Protocol):
    """Interface of all estimators."""

    def surrogate_loss(
        self,
        distribution: FisherHypergeometric,
        objective: Objective,
        num_samples: int,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Estimates ``E[objective(x)]``; the backward pass estimates its gradient.

        A ``ValueError`` is raised for a number of samples that the estimator cannot use, and for an objective whose values are
        not one number for each vector of counts.

        Args:
            distribution: Fisher's distribution; its weights carry the gradient.
            objective: maps counts ``(num_samples,) + batch_shape + (K,)`` to ``(num_samples,) + batch_shape``.
            num_samples: number of samples for each urn of the batch; the objective is evaluated at each of them.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            Shape ``batch_shape``.
        """
        ...


def checked_samples(num_samples: int, least: int) -> int:
    """Checks the number of samples of an estimator; raises ``ValueError`` if it is not whole or too small.

    Args:
        num_samples: number of samples.
        least: smallest number of samples that the estimator can use.

    Returns:
        The number of samples.
    """
    return require_count("num_samples", num_samples, least, " for this estimator")
