"""Names of estimators and objectives on the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypergeo.estimators import (
    Estimator,
    Exact,
    ExactMarginal,
    GumbelSoftmax,
    LinearizedControlVariate,
    ScoreFunction,
    StraightThrough,
)
from hypergeo.objectives import Absolute, Linear, Quadratic, Step

__all__ = ["ESTIMATORS", "with_target"]

ESTIMATORS: dict[str, Callable[[], Estimator]] = {
    "score-function": ScoreFunction,
    "control-variate": LinearizedControlVariate,
    "exact-marginal": ExactMarginal,
    "straight-through": lambda: StraightThrough(1.0),
    "gumbel-softmax": lambda: GumbelSoftmax(1.0),
    "straight-through-merged": lambda: StraightThrough(1.0, "merged"),
    "gumbel-softmax-merged": lambda: GumbelSoftmax(1.0, "merged"),
    "exact": Exact,
}
"""Constructors of the estimators by name. The temperature is a placeholder that the commands replace."""

Preset = Linear | Quadratic | Absolute | Step


def with_target(objective: Preset, target: Sequence[float] | None) -> Preset:
    """Replaces the target of an objective.

    Args:
        objective: the objective.
        target: target count or coefficient of each group; ``None`` keeps the objective.

    Returns:
        Objective with the target.

    Raises:
        ValueError: if the objective has no target.

    Example:
        >>> str(with_target(Quadratic((5, 5, 5)), [2, 4, 9]))
        'the squared distance to (2, 4, 9)'
    """
    if target is None:
        return objective
    if not isinstance(objective, Quadratic | Absolute | Linear):
        raise ValueError("--target goes with --objective quadratic, absolute or linear, not with step")
    return type(objective)(tuple(target))
