"""A quality report as a table of comma-separated values."""

from __future__ import annotations

from typing import Any

from .gradients import GradientQuality
from .report_data import ReportData
from .samples import SampleQuality

__all__ = ["table_rows"]


def table_rows(report: ReportData) -> list[dict[str, Any]]:
    """A report's table, columns by name: its samplers, then its estimators."""
    return [*map(_sampler_cells, report.samples), *map(_estimator_cells, report.gradients)]


def _sampler_cells(row: SampleQuality) -> dict[str, Any]:
    return {
        "kind": "samples",
        "label": row.label,
        "temperature": row.temperature,
        "number": row.num_samples,
        "verdict": "differs" if row.differs else "no difference found",
        "adjusted_p_value": row.adjusted_p_value,
        "ks_largest": max(row.ks),
        "ks_smallest_p_value": min(row.ks_p_values),
        "g": row.g,
        "g_degrees": row.g_degrees,
        "g_p_value": row.g_p_value,
        "total_variation": row.total_variation,
        "total_variation_noise": row.total_variation_floor and row.total_variation_floor.mean,
        "total_variation_noise_95": row.total_variation_floor and row.total_variation_floor.quantile,
        "marginal_total_variation_largest": max(row.marginal_total_variation),
        "wasserstein": row.wasserstein,
        "wasserstein_noise": row.wasserstein_floor.mean,
        "wasserstein_noise_95": row.wasserstein_floor.quantile,
        "sum_violations": row.sum_violations,
        "bound_violations": row.bound_violations,
        "seconds": row.seconds,
    }


def _estimator_cells(row: GradientQuality) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "kind": "gradients",
        "label": row.label,
        "temperature": row.temperature,
        "number": row.num_estimates,
        "verdict": row.verdict,
        "adjusted_p_value": row.adjusted_p_value,
    }
    for name in ("bias", "relative_bias", "deviation", "rmse", "cosine"):
        measured = getattr(row, name)
        ends = (None,) * 3 if measured is None else (measured.value, measured.low, measured.high)
        cells |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
    return cells | {
        "bias_p_value": row.bias_p_value,
        "evaluations": row.evaluations,
        "seconds": row.seconds,
        "rmse_at_equal_evaluations": row.rmse_at_equal_evaluations,
        "rmse_at_equal_time": row.rmse_at_equal_time,
    }
