"""The gradients page's estimators: plain values, by which results are stored, and the core's estimators made from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.estimators import (
    Estimator,
    Exact,
    ExactMarginal,
    GumbelSoftmax,
    LinearizedControlVariate,
    Objective,
    ScoreFunction,
    StraightThrough,
)
from hypergeo.estimators.expectation import ListedUrn, expected_separable
from hypergeo.quality.agreement import Agreement, compare_gradients
from hypergeo.quality.reference_gradient import Reference
from hypergeo.ui.limits import GRADIENTS

__all__ = ["KINDS", "REFERENCE", "WHOLE", "Method", "agreement", "contestants"]

KINDS = ("Gumbel-softmax", "straight-through", "exact marginal", "score function", "control variate", "exact")
"""Names of the estimators on the page."""

RELAXING = KINDS[:2]
"""Estimators that sample relaxed counts."""

WHOLE = KINDS[3:5]
"""Estimators that compare the losses of integer samples and need no derivative of the loss."""


@dataclass(frozen=True)
class Method:
    """An estimator by plain values.

    Attributes:
        kind: one of ``KINDS``, or ``"reference"``.
        temperature: temperature, for kinds in ``RELAXING``.
        conditionals: ``"exact"`` or ``"merged"``, for kinds in ``RELAXING``.

    Example:
        >>> Method("score function").estimator(1), Method("score function").estimator(4)
        (ScoreFunction(baseline=None), ScoreFunction(baseline='leave-one-out'))
    """

    kind: str
    temperature: float = 1.0
    conditionals: str = "exact"

    def estimator(self, draws: int) -> Estimator:
        """Returns the core's estimator.

        Args:
            draws: number of samples per estimate. A single sample has no other samples for a baseline.

        Returns:
            The estimator.
        """
        match self.kind:
            case "Gumbel-softmax":
                return GumbelSoftmax(self.temperature, self.conditionals)
            case "straight-through":
                return StraightThrough(self.temperature, self.conditionals)
            case "exact marginal":
                return ExactMarginal()
            case "score function":
                return ScoreFunction("leave-one-out" if draws > 1 else None)
            case "control variate":
                return LinearizedControlVariate()
            case "reference":
                return _Reference()
            case _:
                return Exact()

    @property
    def relaxes(self) -> bool:
        """Whether the estimator samples relaxed counts, so that temperature and conditionals matter."""
        return self.kind in RELAXING

    @property
    def key(self) -> str:
        """Name of the estimator, with its conditionals if they are merged."""
        return f"{self.kind} (merged)" if self.relaxes and self.conditionals == "merged" else self.kind

    @property
    def label(self) -> str:
        """Name of the estimator, with its temperature if it has one."""
        return f"{self.key}, τ = {self.temperature:g}" if self.relaxes else self.kind

    def code(self, draws: int) -> str:
        """Writes the estimator as Python.

        Args:
            draws: number of samples per estimate.

        Returns:
            A Python expression.
        """
        merged = ', conditionals="merged"' if self.conditionals == "merged" else ""
        match self.kind:
            case "Gumbel-softmax":
                return f"GumbelSoftmax({self.temperature:g}{merged})"
            case "straight-through":
                return f"StraightThrough({self.temperature:g}{merged})"
            case _:
                return repr(self.estimator(draws)).replace("'", '"').replace("(max_support=2000000)", "()")


REFERENCE = Method("reference")
"""The exact gradient at little cost, with which the other methods are compared during playback."""


class _Reference:
    """The exact expectation: over all count vectors if they are few, else over the marginals."""

    def __init__(self) -> None:
        self.urn: ListedUrn | None = None

    def surrogate_loss(
        self,
        distribution: FisherHypergeometric,
        objective: Objective,
        num_samples: int,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        logs = distribution.log_weights
        self.urn = self.urn or ListedUrn.where_short(int(distribution.total_count), distribution.group_sizes, GRADIENTS.listed)
        if self.urn is None or bool(logs.isinf().any()):
            return expected_separable(distribution, objective)
        return self.urn.probabilities(logs) @ objective(self.urn.counts)


def contestants(temperature: float) -> list[Method]:
    """Returns all estimators that sample; those that relax come with both kinds of conditionals.

    Args:
        temperature: temperature of the estimators that relax.

    Returns:
        The estimators.
    """
    relaxing = [Method(kind, temperature, rule) for kind in RELAXING for rule in ("exact", "merged")]
    return relaxing + [Method(kind) for kind in KINDS[len(RELAXING) : -1]]


def agreement(estimates: np.ndarray, exact: np.ndarray) -> Agreement:
    """Compares gradient estimates with the exact gradient.

    Args:
        estimates: independent estimates, shape ``(S, K)``.
        exact: the exact gradient, shape ``(K,)``.

    Returns:
        Bias and standard deviation in units of the exact gradient's norm, unless that is zero.
    """
    reference = Reference("exact", tuple(exact.tolist()), (0.0,) * len(exact), "", rounding=1e-9)
    return compare_gradients(torch.tensor(estimates), reference).relative()
