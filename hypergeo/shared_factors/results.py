"""Results of a study of shared factors: JSON, merging of parts, summaries over seeds and comparisons."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from hypergeo._records import from_record, html_table, plain
from hypergeo.numerics.seed_statistics import PairedComparison, SeedStatistics

from .scores import Score
from .study import CONSTANT, StudyRow

__all__ = ["MEASURES", "FactorResults", "MethodSummary"]

MEASURES = tuple(field.name for field in fields(Score) if field.name != "collapse")
"""Names of the measures of each model: fields of :class:`~hypergeo.shared_factors.scores.Score`."""

_NUMBER_MEASURES = ("squared_error", "bias", "correlation", "pooled_squared_error", "pooled_correlation")


@dataclass(frozen=True)
class MethodSummary:
    """Summarises one method over all its seeds.

    Attributes:
        method: name of the method.
        numbers: mean estimate at each fixed number of shared factors; empty for methods that do not estimate it.
        fixed: each of :data:`MEASURES` on pairs that share a fixed number, averaged over numbers; ``None`` where there is none.
        varying: each of :data:`MEASURES` on pairs whose numbers differ; ``None`` where there is none.
        models: number of models.
        all_shared: number of models that answer "all" for pairs that do not share all factors.
        none_shared: number of models that answer "none" for pairs that share some factors.
        unused: number of models with unused dimensions.
    """

    method: str
    numbers: dict[int, SeedStatistics]
    fixed: dict[str, SeedStatistics | None]
    varying: dict[str, SeedStatistics | None]
    models: int
    all_shared: int
    none_shared: int
    unused: int


@dataclass(frozen=True)
class FactorResults:
    """Holds the rows of a study with its data and settings.

    Attributes:
        data: description of the images.
        num_factors: number of factors, ``F``.
        settings: settings of the training by name, and the number of pairs on which each model was scored.
        rows: rows of :func:`~hypergeo.shared_factors.study.factor_study`.

    Example:
        >>> from hypergeo.shared_factors.scores import Collapse
        >>> score = Score(0.5, 0.5, float("nan"), 0.4, float("nan"), 0.9, 0.8, 0.7, Collapse(False, False, (1,)))
        >>> results = FactorResults("sprites", 5, {"steps": 10}, [StudyRow("AdaVAE", 2, 0, score, score)])
        >>> results.summary()[0].numbers, FactorResults.from_json(results.to_json()).summary() == results.summary()
        ({2: SeedStatistics(mean=2.5, deviation=None)}, True)
    """

    data: str
    num_factors: int
    settings: dict[str, Any]
    rows: list[StudyRow]

    @property
    def seeds(self) -> list[int]:
        """Seeds of the models, sorted."""
        return sorted({row.seed for row in self.rows})

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in their first order."""
        return list(dict.fromkeys(row.method for row in self.rows))

    def __repr__(self) -> str:
        seeds = len(self.seeds)
        return f"<FactorResults on {self.data}: {', '.join(self.methods)}; {seeds} seed{'s' * (seeds != 1)}>"

    def _repr_html_(self) -> str:
        """Returns the squared errors of the number of shared factors as an HTML table for notebooks."""
        rows = []
        for method in self.summary():
            errors = (method.fixed["squared_error"], method.varying["squared_error"])
            rows.append(([method.method, str(method.models), *("–" if e is None else f"{e.mean:.3g}" for e in errors)], False))
        return html_table(["method", "models", "squared error, fixed number", "squared error, numbers differ"], rows)

    def summary(self) -> list[MethodSummary]:
        """Summarises each method over its seeds.

        Returns:
            One entry for each method.
        """
        return [self._summary(name) for name in self.methods]

    def _summary(self, name: str) -> MethodSummary:
        rows = [row for row in self.rows if row.method == name]
        numbers = {}
        if name not in CONSTANT:
            for number in sorted({row.shared for row in rows if isinstance(row.shared, int)}):
                statistics_of_number = _known([number + row.score.bias for row in rows if row.shared == number])
                if statistics_of_number is not None:
                    numbers[number] = statistics_of_number
        collapses = [(row, row.score.collapse) for row in rows]
        return MethodSummary(
            name,
            numbers,
            {measure: _known(self.by_seed(name, measure, False).values()) for measure in MEASURES},
            {measure: _known(self.by_seed(name, measure, True).values()) for measure in MEASURES},
            models=len(rows),
            all_shared=sum(each.all_shared and row.shared != self.num_factors for row, each in collapses),
            none_shared=sum(each.none_shared and row.shared != 0 and name != "unshared" for row, each in collapses),
            unused=sum(bool(each.unused) for _, each in collapses),
        )

    def by_seed(self, method: str, measure: str, varying: bool) -> dict[int, float]:
        """Averages a measure over the models of each seed. Models without the measure are left out.

        Args:
            method: name of the method.
            measure: one of :data:`MEASURES`.
            varying: whether to use the pairs whose numbers differ, or the pairs that share a fixed number.

        Returns:
            Mean for each seed; empty for measures of the number by a method that does not estimate it.
        """
        if method in CONSTANT and measure in _NUMBER_MEASURES:
            return {}
        values_by_seed: dict[int, list[float]] = {}
        for row in self.rows:
            value = getattr(row.score, measure)
            if row.method == method and isinstance(row.shared, tuple) == varying and not math.isnan(value):
                values_by_seed.setdefault(row.seed, []).append(value)
        return {seed: statistics.fmean(values) for seed, values in values_by_seed.items()}

    def compare(self, ours: str, other: str, measure: str, varying: bool) -> PairedComparison | None:
        """Compares a measure of two methods over the seeds that both have.

        Args:
            ours: name of the first method.
            other: name of the second method.
            measure: one of :data:`MEASURES`.
            varying: whether to use the pairs whose numbers differ, or the pairs that share a fixed number.

        Returns:
            Statistics of the first method's measure minus the second's; ``None`` for fewer than two seeds.
        """
        first, second = (self.by_seed(name, measure, varying) for name in (ours, other))
        differences = [first[seed] - second[seed] for seed in first if seed in second]
        return PairedComparison.of(differences) if len(differences) > 1 else None

    def to_json(self) -> str:
        """Formats the rows and the summary as JSON.

        Returns:
            JSON text that :meth:`from_json` reads.
        """
        record = plain(self)
        rows = record.pop("rows")
        record |= {"seeds": self.seeds, "summary": [plain(each) for each in self.summary()], "rows": rows}
        return json.dumps(record, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> FactorResults:
        """Reads the results that :meth:`to_json` wrote.

        Args:
            text: JSON text.

        Returns:
            The results.

        Raises:
            ValueError: if the text holds anything else.
        """
        try:
            results = from_record(text, FactorResults)
            assert isinstance(results, FactorResults)
            return results
        except ValueError:
            raise ValueError("These are not results of a study of shared factors.") from None

    @staticmethod
    def merged(parts: Sequence[FactorResults]) -> FactorResults:
        """Merges the results of several runs.

        Args:
            parts: results with the same data and settings.

        Returns:
            Results with the rows of all parts.

        Raises:
            ValueError: if data or settings differ, or if a model occurs twice.
        """
        first = parts[0]
        for part in parts[1:]:
            if (part.data, part.num_factors, part.settings) != (first.data, first.num_factors, first.settings):
                raise ValueError("Only results on the same data with the same settings can be merged.")
        rows = [row for part in parts for row in part.rows]
        if len({(row.method, row.shared, row.seed) for row in rows}) < len(rows):
            raise ValueError("A model with the same method, number and seed occurs twice.")
        names = list(dict.fromkeys(name for part in parts for name in part.methods))
        return FactorResults(
            first.data, first.num_factors, first.settings, sorted(rows, key=lambda row: names.index(row.method))
        )


def _known(values: Iterable[float]) -> SeedStatistics | None:
    """Returns the statistics of the numbers that are not NaN, or ``None`` if there are none."""
    known = [value for value in values if not math.isnan(value)]
    return SeedStatistics.of(known) if known else None
