"""Exact and differentiable hypergeometric laws of group sizes."""

from . import estimators, quality
from .distributions.fisher import FisherHypergeometric
from .distributions.relaxed import RelaxedFisherHypergeometric
from .distributions.wallenius import WalleniusHypergeometric

__all__ = ["FisherHypergeometric", "RelaxedFisherHypergeometric", "WalleniusHypergeometric", "estimators", "quality"]
