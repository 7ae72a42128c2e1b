"""Exact and differentiable hypergeometric distributions of group sizes, and random partitions with such sizes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import estimators
from .distributions.fisher import FisherHypergeometric
from .distributions.relaxed import RelaxedFisherHypergeometric
from .distributions.wallenius import WalleniusHypergeometric

if TYPE_CHECKING:
    from . import quality
    from .partitions import ConditionalCategorical, RandomPartition, RelaxedRandomPartition

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

_PARTITIONS = ("ConditionalCategorical", "RandomPartition", "RelaxedRandomPartition")


def __getattr__(name: str) -> Any:
    """Imports rarely needed names on first use: quality, which needs ``scipy.stats``, and partitions.

    Args:
        name: name of the attribute.

    Returns:
        The module or class.

    Raises:
        AttributeError: if the package has no such attribute.
    """
    if name == "quality":
        return import_module(f"{__name__}.quality")
    if name in _PARTITIONS:
        return getattr(import_module(f"{__name__}.partitions"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
