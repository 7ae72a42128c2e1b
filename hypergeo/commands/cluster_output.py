"""Writes what ``cluster`` found: as text, JSON, CSV or a page."""

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
            **{score: _summed_up(study.values(name, score)) for score in (*study.scores, "seconds")},
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
                "better": found.difference,
                "standard_error": found.standard_error,
                "verdict": found.verdict(larger_is_better=True),
            }
            for (rival, score), found in study.comparisons(study.methods[0]).items()
        ],
        "runs": [asdict(run) for run in study.runs],
    }
    return json.dumps(written, ensure_ascii=False) + "\n"


def _summed_up(values: list[float]) -> dict[str, float | None]:
    found = SeedStatistics.of(values)
    return {"mean": found.mean, "sd": found.deviation, "median": statistics.median(values)}


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
    if found := study.comparisons(study.methods[0]):
        head, rows = study.comparison_table(found)
        parts.append(
            f"{study.methods[0]}, how much better than, mean ± standard error over the same seeds\n\n{table(head, rows)}"
        )
    return "\n".join(parts)


def _html(study: ClusterStudy) -> str:
    from hypergeo.figures.clusters.study import study_html

    return study_html(study)


WRITERS: dict[str, Callable[[ClusterStudy], str]] = {"text": _text, "json": _json, "csv": _csv, "html": _html}
"""By format."""
