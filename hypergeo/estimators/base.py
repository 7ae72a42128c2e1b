"""Gradient estimators of ``E[f(x)]`` over Fisher's law, behind one interface.

Each estimator has ``surrogate_loss(distribution, objective, num_samples)``: its value estimates the expected objective and
its backward pass gives the estimate of the gradient, so it stands where a loss stands in a training loop. ``objective`` maps
counts ``(…, K)`` to ``(…)``; relaxing estimators call it with relaxed counts, so it must be defined between whole numbers.
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
    """What every estimator offers."""

    def surrogate_loss(
        self,
        distribution: FisherHypergeometric,
        objective: Objective,
        num_samples: int,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """An estimate of ``E[objective(x)]`` whose backward pass estimates its gradient.

        Args:
            distribution: Fisher's law; its weights carry the gradient.
            objective: maps counts ``(num_samples,) + batch_shape + (K,)`` to ``(num_samples,) + batch_shape``.
            num_samples: number of draws for each law of the batch, each of which the objective is evaluated at.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            Shape ``batch_shape``.

        Raises:
            ValueError: for a number of draws that the estimator cannot use, and for an objective whose values are not one
                number for each vector of counts.
        """
        ...


def checked_samples(num_samples: int, least: int) -> int:
    """A number of draws that an estimator can use.

    Raises:
        ValueError: where it is not whole, or below ``least``.
    """
    return require_count("num_samples", num_samples, least, " for this estimator")
