"""Exact and differentiable hypergeometric distributions of group sizes, and random partitions with such sizes."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from . import estimators
from .distributions.fisher import FisherHypergeometric
from .distributions.relaxed import RelaxedFisherHypergeometric
from .distributions.wallenius import WalleniusHypergeometric
from .partitions import ConditionalCategorical, RandomPartition, RelaxedRandomPartition

if TYPE_CHECKING:
    from . import quality

__all__ = [
    "ConditionalCategorical",
    "FisherHypergeometric",
    "RandomPartition",
    "RelaxedFisherHypergeometric",
    "RelaxedRandomPartition",
    "WalleniusHypergeometric",
    "estimators",
    "quality",
]


def __getattr__(name: str) -> ModuleType:
    """Imports ``hypergeo.quality`` on first use: its tests need ``scipy.stats``, which takes longer to import than the rest."""
    if name == "quality":
        return import_module(f"{__name__}.quality")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
