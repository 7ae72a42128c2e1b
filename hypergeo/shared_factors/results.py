"""What a study of shared factors found: kept as JSON, put together from parts, summed up over seeds, compared."""

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
"""What is measured of each model, as :class:`~hypergeo.shared_factors.scores.Score` names it."""

_OF_NUMBER = ("squared_error", "bias", "correlation", "pooled_squared_error", "pooled_correlation")


@dataclass(frozen=True)
class MethodSummary:
    """One method over all its seeds.

    Attributes:
        method: its name.
        numbers: mean estimate at each fixed number of shared factors; empty for methods that do not estimate it.
        fixed: each of :data:`MEASURES` on pairs that share a fixed number, averaged over numbers; ``None`` where there is none.
        varying: likewise, on pairs whose numbers differ.
        models: how many models there are.
        all_shared: how many of them say so of pairs that do not share all.
        none_shared: how many say so of pairs that share some.
        unused: how many leave dimensions unused.
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
    """Rows of a study, with how they were made.

    Attributes:
        data: what the images were, in words.
        num_factors: ``F``.
        settings: of the training, by name; and how many pairs each model was scored on.
        rows: of :func:`~hypergeo.shared_factors.study.factor_study`.

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
        """Seeds of the models, in order."""
        return sorted({row.seed for row in self.rows})

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in their first order."""
        return list(dict.fromkeys(row.method for row in self.rows))

    def __repr__(self) -> str:
        seeds = len(self.seeds)
        return f"<FactorResults on {self.data}: {', '.join(self.methods)}; {seeds} seed{'s' * (seeds != 1)}>"

    def _repr_html_(self) -> str:
        """The squared errors of the number of shared factors, as notebooks show them."""
        rows = []
        for method in self.summary():
            errors = (method.fixed["squared_error"], method.varying["squared_error"])
            rows.append(([method.method, str(method.models), *("–" if e is None else f"{e.mean:.3g}" for e in errors)], False))
        return html_table(["method", "models", "squared error, fixed number", "squared error, numbers differ"], rows)

    def summary(self) -> list[MethodSummary]:
        """One entry for each method."""
        return [self._summary(name) for name in self.methods]

    def _summary(self, name: str) -> MethodSummary:
        rows = [row for row in self.rows if row.method == name]
        numbers = {}
        if name not in CONSTANT:
            for number in sorted({row.shared for row in rows if isinstance(row.shared, int)}):
                spread = _known([number + row.score.bias for row in rows if row.shared == number])
                if spread is not None:
                    numbers[number] = spread
        said = [(row, row.score.collapse) for row in rows]
        return MethodSummary(
            name,
            numbers,
            {measure: _known(self.by_seed(name, measure, False).values()) for measure in MEASURES},
            {measure: _known(self.by_seed(name, measure, True).values()) for measure in MEASURES},
            models=len(rows),
            all_shared=sum(found.all_shared and row.shared != self.num_factors for row, found in said),
            none_shared=sum(found.none_shared and row.shared != 0 and name != "unshared" for row, found in said),
            unused=sum(bool(found.unused) for _, found in said),
        )

    def by_seed(self, method: str, measure: str, varying: bool) -> dict[int, float]:
        """A measure of each seed's models: its mean over their numbers of shared factors, those left out that have none.

        Args:
            method: its name.
            measure: one of :data:`MEASURES`.
            varying: whether of pairs whose numbers differ, or of pairs that share a fixed number.

        Returns:
            Empty for measures of the number by a method that does not estimate it.
        """
        if method in CONSTANT and measure in _OF_NUMBER:
            return {}
        found: dict[int, list[float]] = {}
        for row in self.rows:
            value = getattr(row.score, measure)
            if row.method == method and isinstance(row.shared, tuple) == varying and not math.isnan(value):
                found.setdefault(row.seed, []).append(value)
        return {seed: statistics.fmean(values) for seed, values in found.items()}

    def compare(self, ours: str, other: str, measure: str, varying: bool) -> PairedComparison | None:
        """Our measure less another's, over the seeds that both have; ``None`` for fewer than two."""
        first, second = (self.by_seed(name, measure, varying) for name in (ours, other))
        differences = [first[seed] - second[seed] for seed in first if seed in second]
        return PairedComparison.of(differences) if len(differences) > 1 else None

    def to_json(self) -> str:
        """Everything, with the summary."""
        record = plain(self)
        rows = record.pop("rows")
        record |= {"seeds": self.seeds, "summary": [plain(each) for each in self.summary()], "rows": rows}
        return json.dumps(record, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> FactorResults:
        """What :meth:`to_json` wrote.

        Raises:
            ValueError: for anything else.
        """
        try:
            results = from_record(text, FactorResults)
            assert isinstance(results, FactorResults)
            return results
        except ValueError:
            raise ValueError("These are not results of a study of shared factors.") from None

    @staticmethod
    def merged(parts: Sequence[FactorResults]) -> FactorResults:
        """Results of several runs as one.

        Raises:
            ValueError: where data or settings differ, or a model is there twice.
        """
        first = parts[0]
        for part in parts[1:]:
            if (part.data, part.num_factors, part.settings) != (first.data, first.num_factors, first.settings):
                raise ValueError("Only results on the same data with the same settings can be put together.")
        rows = [row for part in parts for row in part.rows]
        if len({(row.method, row.shared, row.seed) for row in rows}) < len(rows):
            raise ValueError("A model with the same method, number and seed is there twice.")
        names = list(dict.fromkeys(name for part in parts for name in part.methods))
        return FactorResults(
            first.data, first.num_factors, first.settings, sorted(rows, key=lambda row: names.index(row.method))
        )


def _known(values: Iterable[float]) -> SeedStatistics | None:
    """Of the numbers that are not NaN; ``None`` where none is left."""
    known = [value for value in values if not math.isnan(value)]
    return SeedStatistics.of(known) if known else None
