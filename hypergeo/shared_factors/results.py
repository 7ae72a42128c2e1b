"""What a study of shared factors found: kept as JSON, put together from parts, summed up over seeds, compared."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from .scores import Collapse, Score
from .study import CONSTANT, StudyRow

__all__ = ["MEASURES", "Comparison", "FactorResults", "MethodSummary", "Spread"]

MEASURES = tuple(field.name for field in fields(Score) if field.name != "collapse")
"""What is measured of each model, as :class:`~hypergeo.shared_factors.scores.Score` names it."""

_OF_NUMBER = ("squared_error", "bias", "correlation", "pooled_squared_error", "pooled_correlation")
_LEVEL = 0.95


@dataclass(frozen=True)
class Spread:
    """A number over seeds.

    Attributes:
        mean: over seeds.
        deviation: standard deviation over seeds; ``None`` for a single one.
    """

    mean: float
    deviation: float | None

    @staticmethod
    def of(values: Sequence[float]) -> Spread | None:
        """Of numbers, without those that are NaN; ``None`` where none is left.

        Example:
            >>> Spread.of([1.0, 3.0, float("nan")])
            Spread(mean=2.0, deviation=1.4142135623730951)
        """
        known = [value for value in values if not math.isnan(value)]
        if not known:
            return None
        return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None)


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
    numbers: dict[int, Spread]
    fixed: dict[str, Spread | None]
    varying: dict[str, Spread | None]
    models: int
    all_shared: int
    none_shared: int
    unused: int


@dataclass(frozen=True)
class Comparison:
    """Our measure less another method's with the same seeds.

    Attributes:
        difference: mean over seeds.
        low: lower end of its 95 % interval, by Student's t over seeds.
        high: upper end.
        seeds: how many there are.
    """

    difference: float
    low: float
    high: float
    seeds: int

    def verdict(self, larger_is_better: bool = False) -> str:
        """``"win"``, ``"loss"``, or ``"tie"`` where the interval holds 0.

        Example:
            >>> Comparison(-0.4, -0.6, -0.2, 5).verdict(), Comparison(0.1, -0.2, 0.4, 5).verdict()
            ('win', 'tie')
        """
        if self.low <= 0 <= self.high:
            return "tie"
        return "win" if (self.difference > 0) == larger_is_better else "loss"


@dataclass(frozen=True)
class FactorResults:
    """Rows of a study, with how they were made.

    Attributes:
        data: what the images were, in words.
        num_factors: ``F``.
        settings: of the training, by name; and how many pairs each model was scored on.
        rows: of :func:`~hypergeo.shared_factors.study.factor_study`.

    Example:
        >>> score = Score(0.5, 0.5, float("nan"), 0.4, float("nan"), 0.9, 0.8, 0.7, Collapse(False, False, (1,)))
        >>> results = FactorResults("sprites", 5, {"steps": 10}, [StudyRow("AdaVAE", 2, 0, score, score)])
        >>> results.summary()[0].numbers, FactorResults.from_json(results.to_json()).summary() == results.summary()
        ({2: Spread(mean=2.5, deviation=None)}, True)
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

    def summary(self) -> list[MethodSummary]:
        """One entry for each method."""
        return [self._summary(name) for name in self.methods]

    def _summary(self, name: str) -> MethodSummary:
        rows = [row for row in self.rows if row.method == name]
        numbers = {}
        if name not in CONSTANT:
            for number in sorted({row.shared for row in rows if isinstance(row.shared, int)}):
                spread = Spread.of([number + row.score.bias for row in rows if row.shared == number])
                if spread is not None:
                    numbers[number] = spread
        said = [(row, row.score.collapse) for row in rows]
        return MethodSummary(
            name,
            numbers,
            {measure: Spread.of(list(self.by_seed(name, measure, False).values())) for measure in MEASURES},
            {measure: Spread.of(list(self.by_seed(name, measure, True).values())) for measure in MEASURES},
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

    def compare(self, ours: str, other: str, measure: str, varying: bool) -> Comparison | None:
        """Our measure less another's, over the seeds that both have; ``None`` for fewer than two."""
        from scipy import stats

        first, second = (self.by_seed(name, measure, varying) for name in (ours, other))
        differences = [first[seed] - second[seed] for seed in first if seed in second]
        if len(differences) < 2:
            return None
        mean = statistics.fmean(differences)
        half = stats.t.ppf((1 + _LEVEL) / 2, len(differences) - 1) * statistics.stdev(differences) / len(differences) ** 0.5
        return Comparison(mean, mean - float(half), mean + float(half), len(differences))

    def to_json(self) -> str:
        """Everything, with the summary."""
        rows = [{**asdict(row), "score": _plain(row.score), "adavae": _plain(row.adavae)} for row in self.rows]
        return json.dumps(
            {
                "data": self.data,
                "num_factors": self.num_factors,
                "settings": self.settings,
                "seeds": self.seeds,
                "summary": [asdict(each) for each in self.summary()],
                "rows": rows,
            },
            ensure_ascii=False,
            allow_nan=False,
        )

    @staticmethod
    def from_json(text: str) -> FactorResults:
        """What :meth:`to_json` wrote.

        Raises:
            ValueError: for anything else.
        """
        try:
            found = json.loads(text)
            rows = [
                StudyRow(
                    str(row["method"]),
                    tuple(row["shared"]) if isinstance(row["shared"], list) else int(row["shared"]),
                    int(row["seed"]),
                    _score(row["score"]),
                    _score(row["adavae"]),
                )
                for row in found["rows"]
            ]
            return FactorResults(str(found["data"]), int(found["num_factors"]), dict(found["settings"]), rows)
        except (KeyError, TypeError, AttributeError, ValueError):
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


def _plain(score: Score) -> dict[str, Any]:
    """A score without what JSON has no word for."""
    values = {name: None if math.isnan(value := getattr(score, name)) else value for name in MEASURES}
    return {**values, "collapse": asdict(score.collapse)}


def _score(values: dict[str, Any]) -> Score:
    numbers = {name: math.nan if values[name] is None else float(values[name]) for name in MEASURES}
    collapse = values["collapse"]
    return Score(
        **numbers, collapse=Collapse(bool(collapse["all_shared"]), bool(collapse["none_shared"]), tuple(collapse["unused"]))
    )
