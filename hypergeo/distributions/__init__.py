"""Exact distributions of group counts and their relaxation, as ``torch.distributions`` classes."""

from .fisher import FisherHypergeometric
from .relaxed import RelaxedFisherHypergeometric
from .splits.trace import SampleTrace, SplitTrace, trace_sample
from .wallenius import WalleniusHypergeometric

__all__ = [
    "FisherHypergeometric",
    "RelaxedFisherHypergeometric",
    "SampleTrace",
    "SplitTrace",
    "WalleniusHypergeometric",
    "trace_sample",
]
