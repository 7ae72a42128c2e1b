"""Exact distributions of group counts and their relaxation, as ``torch.distributions`` classes."""

from .fisher import FisherHypergeometric
from .relaxed import RelaxedFisherHypergeometric
from .wallenius import WalleniusHypergeometric

__all__ = ["FisherHypergeometric", "RelaxedFisherHypergeometric", "WalleniusHypergeometric"]
