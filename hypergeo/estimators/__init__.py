"""Gradient estimators of ``E[f(x)]`` over Fisher's distribution, with one interface."""

from __future__ import annotations

from .base import Estimator, Objective
from .exact import Exact
from .partitions import PlanEstimator
from .pathwise import ExactMarginal, GumbelSoftmax, StraightThrough
from .score_function import LinearizedControlVariate, ScoreFunction

__all__ = [
    "Estimator",
    "Exact",
    "ExactMarginal",
    "GumbelSoftmax",
    "LinearizedControlVariate",
    "Objective",
    "PlanEstimator",
    "ScoreFunction",
    "StraightThrough",
]
