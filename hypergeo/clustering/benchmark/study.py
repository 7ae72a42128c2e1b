"""Several ways to cluster the same things, over seeds: what they reached, and whether one is better than another."""

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
"""What is measured where classes are known; the first is better the smaller it is, the others the larger."""


@dataclass(frozen=True)
class ClusterRun:
    """One method on the data of one seed.

    Attributes:
        method: its name.
        seed: of data, starts and draws.
        scores: :data:`SCORES` by name; empty where no classes are known.
        seconds: of processor time.
        sizes: what the method takes the clusters' sizes to be, those that are matched with a class in the order of the classes'
            sizes, largest first; shape ``(K,)``.
        true_sizes: of the classes, largest first; empty where they are not known.
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
        """A run and its scores.

        Args:
            method: its name.
            seed: of the run.
            labels: cluster of each point, shape ``(N,)``.
            sizes: of the clusters, shape ``(K,)``.
            classes: true class of each point, shape ``(N,)``, or ``None``.
            seconds: of processor time.

        Example:
            >>> run = ClusterRun.scored("mine", 0, np.array([1, 1, 0]), np.array([1.5, 1.5]), np.array([0, 0, 1]))
            >>> run.scores["accuracy"], run.scores["size_error"].__round__(3), run.sizes, run.true_sizes
            (1.0, 0.167, (1.5, 1.5), (2, 1))
        """
        if classes is None:
            return cls(method, seed, {}, seconds, tuple(sorted(map(float, sizes), reverse=True)))
        found = score_clusters(classes, labels, sizes)
        true = np.bincount(classes)
        rank = np.empty(len(true), dtype=int)
        rank[np.argsort(-true, kind="stable")] = np.arange(len(true))
        order = np.argsort(np.where(found.matched >= 0, rank[found.matched], len(true)), kind="stable")
        scores = {name: float(getattr(found, name)) for name in SCORES}
        return cls(method, seed, scores, seconds, tuple(map(float, sizes[order])), tuple(sorted(map(int, true), reverse=True)))


@dataclass(frozen=True)
class ClusterStudy:
    """Runs of several methods on several seeds.

    Attributes:
        runs: all of them, each method on the same seeds.
        settings: what was asked for, by name.

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
        """Names, in the order in which they first came."""
        return list(dict.fromkeys(run.method for run in self.runs))

    @property
    def seeds(self) -> list[int]:
        """In the order in which they came."""
        return list(dict.fromkeys(run.seed for run in self.runs))

    @property
    def scores(self) -> list[str]:
        """Those of :data:`SCORES` that are known."""
        return [name for name in SCORES if all(name in run.scores for run in self.runs)]

    def __repr__(self) -> str:
        return f"<ClusterStudy of {', '.join(self.methods)}: {len(self.seeds)} seed{'s' * (len(self.seeds) != 1)}>"

    def _repr_html_(self) -> str:
        """The table of methods, as notebooks show it."""
        head, rows = self.table()
        return html_table(head, [(row, False) for row in rows])

    def of(self, method: str) -> list[ClusterRun]:
        """The runs of one method, a seed each."""
        return [run for run in self.runs if run.method == method]

    def values(self, method: str, score: str) -> list[float]:
        """A score of one method on each seed; ``"seconds"`` will do too."""
        return [run.seconds if score == "seconds" else run.scores[score] for run in self.of(method)]

    def spread(self, method: str, score: str) -> SeedStatistics:
        """Likewise, over seeds."""
        return SeedStatistics.of(self.values(method, score))

    def sizes(self, method: str) -> np.ndarray:
        """Mean over seeds of each size, shape ``(K,)``."""
        return np.mean([run.sizes for run in self.of(method)], 0)

    def compared(self, method: str, rival: str, score: str) -> PairedComparison:
        """How much better one method is than another, seed by seed, within two standard errors.

        Returns:
            Its difference is positive where ``method`` is better, whichever way the score runs.

        Raises:
            ValueError: for fewer than two seeds, which say nothing about chance.
        """
        if len(self.seeds) < 2:
            raise ValueError("A comparison needs two seeds at least.")
        sign = -1.0 if score == "size_error" else 1.0
        pairs = zip(self.values(method, score), self.values(rival, score), strict=True)
        better = [sign * (one - other) for one, other in pairs]
        return PairedComparison.of(better, standard_errors=2.0)

    def comparisons(self, method: str) -> dict[tuple[str, str], PairedComparison]:
        """One method beside every other, by rival and score: size error and adjusted Rand index; none for a single seed."""
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
        """Head and rows for people: a row a method, mean ± standard deviation over seeds, and the mean sizes."""
        columns = [column for column in _COLUMNS if column[0] in (*self.scores, "seconds")]
        seeds = "sizes" if len(self.seeds) == 1 else "mean sizes"
        rows = []
        for method in self.methods:
            cells = [_shown(self.spread(method, score), scale, digits) for score, _, scale, digits in columns]
            rows.append([method, *cells, " ".join(f"{size:.0f}" for size in self.sizes(method))])
        return ["method", *(title for _, title, _, _ in columns), seeds], rows

    def comparison_table(self, comparisons: Mapping[tuple[str, str], PairedComparison]) -> tuple[list[str], list[list[str]]]:
        """Head and rows for people: a row a rival, with the difference in each score and what it is.

        Args:
            comparisons: of one method with others, from :meth:`comparisons`.
        """
        scored = [column for column in _COLUMNS if column[0] in {score for _, score in comparisons}]
        rows = []
        for rival in dict.fromkeys(rival for rival, _ in comparisons):
            row = [rival]
            for score, _, scale, digits in scored:
                found = comparisons[rival, score]
                shown = _shown(SeedStatistics(found.difference, found.standard_error), scale, digits, "+")
                row += [shown, found.verdict(larger_is_better=True)]
            rows.append(row)
        return ["rival", *(title for _, name, _, _ in scored for title in (name, ""))], rows


_COLUMNS = (
    ("size_error", "size error, %", 100.0, 2),
    ("adjusted_rand_index", "ARI", 1.0, 3),
    ("mutual_information", "NMI", 1.0, 3),
    ("accuracy", "accuracy, %", 100.0, 1),
    ("seconds", "CPU s", 1.0, 2),
)


def _shown(spread: SeedStatistics, scale: float, digits: int, sign: str = "") -> str:
    mean = f"{scale * spread.mean:{sign}.{digits}f}"
    return mean if spread.deviation is None else f"{mean} ± {scale * spread.deviation:.{digits}f}"
