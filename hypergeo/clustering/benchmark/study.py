"""Comparison of clustering methods over seeds: scores, and differences with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hypergeo._records import html_table
from hypergeo.clustering.scores import score_clusters
from hypergeo.numerics.seed_statistics import PairedComparison, SeedStatistics

__all__ = ["SCORES", "ClusterRun", "ClusterStudy"]

SCORES = ("size_error", "adjusted_rand_index", "mutual_information", "accuracy")
"""Scores for data with known classes. The first is better if it is smaller, the others if they are larger."""


@dataclass(frozen=True)
class ClusterRun:
    """Holds the result of one method on the data of one seed.

    Attributes:
        method: name of the method.
        seed: seed of data, starts and samples.
        scores: :data:`SCORES` by name; empty if the classes are unknown.
        seconds: processor time in seconds.
        sizes: estimated sizes of the clusters, shape ``(K,)``. Clusters that are matched with a class have the order of the
            classes' sizes, largest first.
        true_sizes: sizes of the classes, largest first; empty if they are unknown.
    """

    method: str
    seed: int
    scores: dict[str, float]
    seconds: float
    sizes: tuple[float, ...]
    true_sizes: tuple[int, ...] = ()

    @classmethod
    def scored(
        cls, method: str, seed: int, labels: np.ndarray, sizes: np.ndarray, classes: np.ndarray | None, seconds: float = 0.0
    ) -> ClusterRun:
        """Scores the result of a method.

        Args:
            method: name of the method.
            seed: seed of the run.
            labels: cluster of each point, shape ``(N,)``.
            sizes: estimated sizes of the clusters, shape ``(K,)``.
            classes: true class of each point, shape ``(N,)``, or ``None``.
            seconds: processor time in seconds.

        Returns:
            The run with its scores.

        Example:
            >>> run = ClusterRun.scored("mine", 0, np.array([1, 1, 0]), np.array([1.5, 1.5]), np.array([0, 0, 1]))
            >>> run.scores["accuracy"], run.scores["size_error"].__round__(3), run.sizes, run.true_sizes
            (1.0, 0.167, (1.5, 1.5), (2, 1))
        """
        if classes is None:
            return cls(method, seed, {}, seconds, tuple(sorted(map(float, sizes), reverse=True)))
        agreement = score_clusters(classes, labels, sizes)
        true = np.bincount(classes)
        rank = np.empty(len(true), dtype=int)
        rank[np.argsort(-true, kind="stable")] = np.arange(len(true))
        order = np.argsort(np.where(agreement.matched >= 0, rank[agreement.matched], len(true)), kind="stable")
        scores = {name: float(getattr(agreement, name)) for name in SCORES}
        return cls(method, seed, scores, seconds, tuple(map(float, sizes[order])), tuple(sorted(map(int, true), reverse=True)))


@dataclass(frozen=True)
class ClusterStudy:
    """Holds runs of several methods on several seeds.

    Attributes:
        runs: all runs; each method has the same seeds.
        settings: settings of the study by name.

    Example:
        >>> runs = [ClusterRun(name, seed, {"size_error": error, "adjusted_rand_index": 1 - error}, 0.1, (2.0, 1.0))
        ...         for seed in range(3) for name, error in (("ours", 0.1), ("theirs", 0.2 + 0.01 * seed))]
        >>> study = ClusterStudy(runs)
        >>> study.methods, study.seeds
        (['ours', 'theirs'], [0, 1, 2])
        >>> versus = study.compared("ours", "theirs", "size_error")
        >>> round(versus.difference, 3), round(versus.standard_error, 4), versus.verdict(larger_is_better=True)
        (0.11, 0.0058, 'win')
    """

    runs: Sequence[ClusterRun]
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in order of appearance."""
        return list(dict.fromkeys(run.method for run in self.runs))

    @property
    def seeds(self) -> list[int]:
        """Seeds in order of appearance."""
        return list(dict.fromkeys(run.seed for run in self.runs))

    @property
    def scores(self) -> list[str]:
        """Names of the :data:`SCORES` that all runs have."""
        return [name for name in SCORES if all(name in run.scores for run in self.runs)]

    def __repr__(self) -> str:
        return f"<ClusterStudy of {', '.join(self.methods)}: {len(self.seeds)} seed{'s' * (len(self.seeds) != 1)}>"

    def _repr_html_(self) -> str:
        """Returns the table of methods as HTML for notebooks."""
        head, rows = self.table()
        return html_table(head, [(row, False) for row in rows])

    def of(self, method: str) -> list[ClusterRun]:
        """Selects the runs of one method.

        Args:
            method: name of the method.

        Returns:
            One run for each seed.
        """
        return [run for run in self.runs if run.method == method]

    def values(self, method: str, score: str) -> list[float]:
        """Lists a score of one method on each seed.

        Args:
            method: name of the method.
            score: one of :data:`SCORES`, or ``"seconds"``.

        Returns:
            One number for each seed.
        """
        return [run.seconds if score == "seconds" else run.scores[score] for run in self.of(method)]

    def statistics(self, method: str, score: str) -> SeedStatistics:
        """Summarises a score of one method over seeds.

        Args:
            method: name of the method.
            score: one of :data:`SCORES`, or ``"seconds"``.

        Returns:
            Mean and standard deviation.
        """
        return SeedStatistics.of(self.values(method, score))

    def sizes(self, method: str) -> np.ndarray:
        """Averages the sizes over seeds.

        Args:
            method: name of the method.

        Returns:
            Mean of each size, shape ``(K,)``.
        """
        return np.mean([run.sizes for run in self.of(method)], 0)

    def compared(self, method: str, rival: str, score: str) -> PairedComparison:
        """Compares two methods seed by seed, with an interval of two standard errors.

        Args:
            method: name of the first method.
            rival: name of the second method.
            score: one of :data:`SCORES`, or ``"seconds"``.

        Returns:
            Comparison whose difference is positive if ``method`` is better, for every score.

        Raises:
            ValueError: if there are fewer than two seeds.
        """
        if len(self.seeds) < 2:
            raise ValueError("A comparison needs at least two seeds.")
        sign = -1.0 if score == "size_error" else 1.0
        pairs = zip(self.values(method, score), self.values(rival, score), strict=True)
        better = [sign * (one - other) for one, other in pairs]
        return PairedComparison.of(better, standard_errors=2.0)

    def comparisons(self, method: str) -> dict[tuple[str, str], PairedComparison]:
        """Compares one method with every other by size error and adjusted Rand index.

        Args:
            method: name of the method.

        Returns:
            Comparisons by rival and score; empty for a single seed.
        """
        if len(self.seeds) < 2:
            return {}
        return {
            (rival, score): self.compared(method, rival, score)
            for rival in self.methods
            if rival != method
            for score in self.scores
            if score in SCORES[:2]
        }

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Formats one row for each method: mean ± standard deviation over seeds, and the mean sizes.

        Returns:
            Header and rows.
        """
        columns = [column for column in _COLUMNS if column[0] in (*self.scores, "seconds")]
        seeds = "sizes" if len(self.seeds) == 1 else "mean sizes"
        rows = []
        for method in self.methods:
            cells = [_formatted(self.statistics(method, score), scale, digits) for score, _, scale, digits in columns]
            rows.append([method, *cells, " ".join(f"{size:.0f}" for size in self.sizes(method))])
        return ["method", *(title for _, title, _, _ in columns), seeds], rows

    def comparison_table(self, comparisons: Mapping[tuple[str, str], PairedComparison]) -> tuple[list[str], list[list[str]]]:
        """Formats one row for each rival: the difference in each score, and its verdict.

        Args:
            comparisons: comparisons of one method with others, from :meth:`comparisons`.

        Returns:
            Header and rows.
        """
        scored = [column for column in _COLUMNS if column[0] in {score for _, score in comparisons}]
        rows = []
        for rival in dict.fromkeys(rival for rival, _ in comparisons):
            row = [rival]
            for score, _, scale, digits in scored:
                comparison = comparisons[rival, score]
                shown = _formatted(SeedStatistics(comparison.difference, comparison.standard_error), scale, digits, "+")
                row += [shown, comparison.verdict(larger_is_better=True)]
            rows.append(row)
        return ["rival", *(title for _, name, _, _ in scored for title in (name, ""))], rows


_COLUMNS = (
    ("size_error", "size error, %", 100.0, 2),
    ("adjusted_rand_index", "ARI", 1.0, 3),
    ("mutual_information", "NMI", 1.0, 3),
    ("accuracy", "accuracy, %", 100.0, 1),
    ("seconds", "CPU s", 1.0, 2),
)


def _formatted(statistics: SeedStatistics, scale: float, digits: int, sign: str = "") -> str:
    mean = f"{scale * statistics.mean:{sign}.{digits}f}"
    return mean if statistics.deviation is None else f"{mean} ± {scale * statistics.deviation:.{digits}f}"
