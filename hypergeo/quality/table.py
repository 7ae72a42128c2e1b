"""Tables of a quality report: all numbers for files, and the main numbers for reading."""

from __future__ import annotations

from typing import Any

from .agreement import Measured
from .gradients import GradientQuality
from .report_data import ReportData
from .samples import SampleQuality

__all__ = ["estimator_table", "sampler_table", "table_rows"]


def table_rows(report: ReportData) -> list[dict[str, Any]]:
    """Lists all numbers of a report: its samplers, then its estimators.

    Args:
        report: the report.

    Returns:
        One dictionary for each row, with the columns by name.
    """
    return [*map(_sampler_cells, report.samples), *map(_estimator_cells, report.gradients)]


def sampler_table(report: ReportData) -> tuple[list[str], list[list[str]]]:
    """Formats the main numbers of each sampler.

    Args:
        report: the report.

    Returns:
        Header and rows.
    """
    rows = [
        [
            row.label,
            "" if row.temperature is None else f"{row.temperature:g}",
            "significant difference" if row.differs else "no significant difference",
            f"{max(row.ks):.3g}",
            f"{row.adjusted_p_value:.2g}",
            "-" if row.total_variation is None else f"{row.total_variation:.3g}",
            "-" if row.total_variation_floor is None else f"{row.total_variation_floor.mean:.3g}",
            f"{row.wasserstein:.3g}",
            f"{row.wasserstein_floor.mean:.3g}",
        ]
        for row in report.samples
    ]
    return ["samples", "tau", "verdict", "KS", "p", "TV", "noise", "W1", "noise"], rows


def estimator_table(report: ReportData) -> tuple[list[str], list[list[str]]]:
    """Formats the main numbers of each estimator.

    Args:
        report: the report.

    Returns:
        Header and rows.
    """
    rows = [
        [
            row.label,
            "" if row.temperature is None else f"{row.temperature:g}",
            row.verdict,
            _interval(row.relative_bias),
            f"{row.deviation.value:.3g}",
            f"{row.rmse.value:.3g}",
            "-" if row.cosine is None else f"{row.cosine.value:.3f}",
            f"{row.evaluations:g}",
            f"{1e3 * row.seconds:.2g}",
        ]
        for row in report.gradients
    ]
    return ["gradients", "tau", "verdict", "bias / gradient", "sd", "rmse", "cosine", "evaluations", "ms"], rows


def _interval(measured: Measured | None) -> str:
    return "-" if measured is None else f"{measured.value:.3g} ({measured.low:.2g} to {measured.high:.2g})"


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
