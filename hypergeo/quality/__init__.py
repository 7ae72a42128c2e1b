"""Reports on how close relaxed samples and gradients are to the exact ones, with p-values corrected for the number of tests."""

from __future__ import annotations

from .report import (
    Floor,
    GradientQuality,
    Measured,
    NoiseFloor,
    QualityReport,
    Reference,
    SampleQuality,
    UrnRecord,
    marginal_total_variation,
    measure_counts,
    noise_floor,
    total_variation,
    total_variation_floor,
    wasserstein_distance,
)

__all__ = [
    "Floor",
    "GradientQuality",
    "Measured",
    "NoiseFloor",
    "QualityReport",
    "Reference",
    "SampleQuality",
    "UrnRecord",
    "marginal_total_variation",
    "measure_counts",
    "noise_floor",
    "total_variation",
    "total_variation_floor",
    "wasserstein_distance",
]
