"""Priors of the cluster sizes: Fisher's noncentral hypergeometric distribution, learned mixing weights, or a uniform prior."""

from .base import SizePrior, centred
from .factory import size_prior
from .hypergeometric import HypergeometricSizes
from .mixing_weights import CategoricalSizes, UniformSizes

__all__ = ["CategoricalSizes", "HypergeometricSizes", "SizePrior", "UniformSizes", "centred", "size_prior"]
