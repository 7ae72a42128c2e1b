"""Writes the results of ``cluster`` as text, JSON, CSV or an HTML page."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict

from hypergeo._records import csv_text
from hypergeo.clustering.benchmark.study import ClusterStudy
from hypergeo.numerics.seed_statistics import SeedStatistics

from .terminal import table

__all__ = ["WRITERS"]


def _json(study: ClusterStudy) -> str:
    summary = [
        {
            "method": name,
            "sizes": study.sizes(name).tolist(),
            **{score: _statistics(study.values(name, score)) for score in (*study.scores, "seconds")},
        }
        for name in study.methods
    ]
    written = {
        "settings": study.settings,
        "summary": summary,
        "comparisons": [
            {
                "method": study.methods[0],
                "rival": rival,
                "score": score,
                "better": comparison.difference,
                "standard_error": comparison.standard_error,
                "verdict": comparison.verdict(larger_is_better=True),
            }
            for (rival, score), comparison in study.comparisons(study.methods[0]).items()
        ],
        "runs": [asdict(run) for run in study.runs],
    }
    return json.dumps(written, ensure_ascii=False) + "\n"


def _statistics(values: list[float]) -> dict[str, float | None]:
    summary = SeedStatistics.of(values)
    return {"mean": summary.mean, "sd": summary.deviation, "median": statistics.median(values)}


def _csv(study: ClusterStudy) -> str:
    rows: list[list[object]] = [["method", "seed", *study.scores, "seconds", "sizes", "true_sizes"]]
    for run in study.runs:
        sized = (" ".join(f"{size:.6g}" for size in sizes) for sizes in (run.sizes, run.true_sizes))
        rows.append([run.method, run.seed, *(run.scores[score] for score in study.scores), run.seconds, *sized])
    return csv_text(rows)


def _text(study: ClusterStudy) -> str:
    seeds = len(study.seeds)
    head, rows = study.table()
    parts = [f"{seeds} seed{'s' * (seeds > 1)}{', mean ± standard deviation' * (seeds > 1)}\n\n{table(head, rows)}"]
    if comparisons := study.comparisons(study.methods[0]):
        head, rows = study.comparison_table(comparisons)
        parts.append(
            f"{study.methods[0]}, improvement over others, mean ± standard error over the same seeds\n\n{table(head, rows)}"
        )
    return "\n".join(parts)


def _html(study: ClusterStudy) -> str:
    from hypergeo.figures.clusters.study import study_html

    return study_html(study)


WRITERS: dict[str, Callable[[ClusterStudy], str]] = {"text": _text, "json": _json, "csv": _csv, "html": _html}
"""Writers by format."""
