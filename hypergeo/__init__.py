"""Exact and differentiable hypergeometric laws of group sizes."""

from . import estimators, quality
from .fisher import FisherHypergeometric
from .relaxed import RelaxedFisherHypergeometric
from .wallenius import WalleniusHypergeometric

__all__ = ["FisherHypergeometric", "RelaxedFisherHypergeometric", "WalleniusHypergeometric", "estimators", "quality"]
