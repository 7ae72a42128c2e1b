"""Dataclasses of plain numbers as JSON and back, and a quality report as a table."""

from __future__ import annotations

import csv
import io
import json
import math
import types
import typing
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from hypergeo.distributions.fisher import FisherHypergeometric

if TYPE_CHECKING:
    from .gradients import GradientQuality
    from .report import QualityReport
    from .samples import SampleQuality

__all__ = ["UrnRecord", "from_record", "table_rows", "to_csv", "to_record"]


@dataclass(frozen=True)
class UrnRecord:
    """An urn as plain numbers; the log weight of a group that cannot be drawn is minus infinity."""

    total_count: int
    group_sizes: tuple[int, ...]
    log_weights: tuple[float, ...]

    @classmethod
    def of(cls, distribution: FisherHypergeometric) -> UrnRecord:
        """The urn of a law without a batch."""
        return cls(
            int(distribution.total_count),
            tuple(distribution.group_sizes.tolist()),
            tuple(distribution.log_weights.detach().double().tolist()),
        )

    @property
    def weights(self) -> tuple[float, ...]:
        """Importance of each group."""
        return tuple(math.exp(value) for value in self.log_weights)

    def law(self) -> FisherHypergeometric:
        """The urn's exact law."""
        return FisherHypergeometric(self.total_count, list(self.group_sizes), log_weights=list(self.log_weights))


def to_record(value: Any) -> str:
    """A dataclass as JSON; infinite numbers, which JSON has not, are the strings ``"inf"`` and ``"-inf"``.

    Example:
        >>> from hypergeo.quality.samples import Floor
        >>> to_record(Floor(0.5, float("inf")))
        '{"mean": 0.5, "quantile": "inf"}'
    """
    return json.dumps(_plain(asdict(value)), ensure_ascii=False, allow_nan=False)


def from_record(text: str, kind: type) -> Any:
    """What :func:`to_record` was given.

    Args:
        text: the JSON.
        kind: the dataclass.

    Raises:
        ValueError: where the text does not fit the dataclass.

    Example:
        >>> from hypergeo.quality.samples import Floor
        >>> from_record('{"mean": 0.5, "quantile": "inf"}', Floor)
        Floor(mean=0.5, quantile=inf)
    """
    try:
        return _built(json.loads(text), kind)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"text must be the JSON of a {kind.__name__}: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _built(value: Any, kind: Any) -> Any:
    """A value of the wanted type from its JSON."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(kind)
        if value is None and type(None) in options:
            return None
        return _built(value, next(option for option in options if option is not type(None)))
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"expected a list, got {value!r}")
        return tuple(_built(item, typing.get_args(kind)[0]) for item in value)
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(f"expected an object, got {value!r}")
        hints = typing.get_type_hints(kind)
        made: Any = kind  # any dataclass can be called with its fields by name
        return made(**{field.name: _built(value[field.name], hints[field.name]) for field in fields(kind)})
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError(f"expected a number, got {value!r}")
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


def to_csv(report: QualityReport) -> str:
    """One row for each sampler and each estimator of a report.

    Lists over the groups are summed up by their worst entry. Empty cells are what a row does not have.
    """
    rows = table_rows(report)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for cells in rows for name in cells)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def table_rows(report: QualityReport) -> list[dict[str, Any]]:
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
