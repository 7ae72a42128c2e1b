"""How close relaxed samples and gradients are to the exact ones."""

from .distances import (
    NoiseFloor,
    marginal_total_variation,
    noise_floor,
    total_variation,
    total_variation_floor,
    wasserstein_distance,
)

__all__ = [
    "NoiseFloor",
    "marginal_total_variation",
    "noise_floor",
    "total_variation",
    "total_variation_floor",
    "wasserstein_distance",
]
