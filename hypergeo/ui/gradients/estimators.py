"""The gradient estimators as the gradients page names them: plain values that make the core's estimators."""

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
RELAXING = KINDS[:2]
WHOLE = KINDS[3:5]
"""Those that compare the losses of whole draws, and need no slope."""


@dataclass(frozen=True)
class Method:
    """An estimator by plain values.

    Attributes:
        kind: one of ``KINDS``.
        temperature: of the relaxing ones.
        conditionals: of the relaxing ones, ``"exact"`` or ``"merged"``.

    Example:
        >>> Method("score function").estimator(1), Method("score function").estimator(4)
        (ScoreFunction(baseline=None), ScoreFunction(baseline='leave-one-out'))
    """

    kind: str
    temperature: float = 1.0
    conditionals: str = "exact"

    def estimator(self, draws: int) -> Estimator:
        """The core's estimator for so many samples: one sample has no others that could be its baseline."""
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
        """Whether it draws relaxed counts, so that temperature and conditionals matter."""
        return self.kind in RELAXING

    @property
    def key(self) -> str:
        """Its name, with what sets it apart from its like."""
        return f"{self.kind} (merged)" if self.relaxes and self.conditionals == "merged" else self.kind

    @property
    def label(self) -> str:
        """Its name with its temperature."""
        return f"{self.key}, τ = {self.temperature:g}" if self.relaxes else self.kind

    def code(self, draws: int) -> str:
        """The estimator as Python."""
        merged = ', conditionals="merged"' if self.conditionals == "merged" else ""
        match self.kind:
            case "Gumbel-softmax":
                return f"GumbelSoftmax({self.temperature:g}{merged})"
            case "straight-through":
                return f"StraightThrough({self.temperature:g}{merged})"
            case _:
                return repr(self.estimator(draws)).replace("'", '"').replace("(max_support=2000000)", "()")


REFERENCE = Method("reference")
"""The exact gradient again, at little cost: what other methods are held against while they play."""


class _Reference:
    """The expectation over a short list of count vectors, by way of the marginals where the list would be long."""

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
    """All estimators that draw, the relaxing ones with both kinds of conditionals."""
    relaxing = [Method(kind, temperature, rule) for kind in RELAXING for rule in ("exact", "merged")]
    return relaxing + [Method(kind) for kind in KINDS[len(RELAXING) : -1]]


def agreement(estimates: np.ndarray, exact: np.ndarray) -> Agreement:
    """Compares estimates ``(S, K)`` with the exact gradient ``(K,)``, in lengths of the exact one unless that is zero."""
    reference = Reference("exact", tuple(exact.tolist()), (0.0,) * len(exact), "", rounding=1e-9)
    return compare_gradients(torch.tensor(estimates), reference).relative()
