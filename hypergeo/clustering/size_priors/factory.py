"""Creation of a prior by its name."""

from __future__ import annotations

from typing import Any

from .base import SizePrior
from .hypergeometric import HypergeometricSizes
from .mixing_weights import CategoricalSizes, UniformSizes

__all__ = ["size_prior"]

_SETTINGS = ("capacities", "minimum_sizes", "temperature", "straight_through", "conditionals")
_PRIORS: dict[str, type[SizePrior]] = {
    "hypergeometric": HypergeometricSizes,
    "categorical": CategoricalSizes,
    "uniform": UniformSizes,
}


def size_prior(name: str, num_points: int, num_clusters: int, **settings: Any) -> SizePrior:
    """Creates a prior by its name.

    Args:
        name: ``"hypergeometric"``, ``"categorical"`` or ``"uniform"``.
        num_points: number of points, ``N``.
        num_clusters: number of clusters, ``K``.
        **settings: arguments of :class:`HypergeometricSizes`.

    Returns:
        The prior.

    Raises:
        ValueError: if the name is unknown, or the prior does not have a setting.

    Example:
        >>> import torch
        >>> size_prior("uniform", 9, 3).mean(torch.zeros(1, 3))
        tensor([[3., 3., 3.]])
    """
    if name not in _PRIORS:
        raise ValueError(f"prior must be one of {', '.join(_PRIORS)}; got {name!r}.")
    if unknown := [setting for setting in settings if setting not in _SETTINGS]:
        raise ValueError(f"A prior has the settings {', '.join(_SETTINGS)}; got {', '.join(unknown)}.")
    if settings and name != "hypergeometric":
        raise ValueError(f"Only the hypergeometric prior has {', '.join(settings)}; this one is {name}.")
    return _PRIORS[name](num_points, num_clusters, **settings)
