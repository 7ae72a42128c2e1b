"""Gradient estimators of ``E[f(x)]`` over Fisher"s law, behind one interface."""

from __future__ import annotations

from .base import (
    Estimator,
    Exact,
    ExactMarginal,
    GumbelSoftmax,
    LinearizedControlVariate,
    Objective,
    ScoreFunction,
    StraightThrough,
)

__all__ = [
    "Estimator",
    "Exact",
    "ExactMarginal",
    "GumbelSoftmax",
    "LinearizedControlVariate",
    "Objective",
    "ScoreFunction",
    "StraightThrough",
]
