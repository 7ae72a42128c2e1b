"""The paper's check: Kolmogorov-Smirnov tests against Fisher's distribution and a reference with merged conditionals."""

from __future__ import annotations

from hypergeo.quality.published_check import published_check
from tests.benchmarks.report import Cell, Section, Verdict

__all__ = ["published"]

_REFERENCES = {"exact": "Fisher's distribution", "merged": "merged reference"}
_PAIRS = (("exact", "exact"), ("merged", "exact"), ("merged", "merged"), ("exact", "merged"))


def published(judged: bool) -> Section:
    """Returns the check's distances and rejections; a run without verdicts has few samples."""
    weights, seeds, samples = (range(1, 11), 20, 10_000) if judged else ((1, 10), 2, 20)
    check = published_check(tuple(weights), num_seeds=seeds, num_samples=samples)
    section = Section("ks", "Kolmogorov-Smirnov distances of group counts (median over seeds of the largest), rejected tests")
    for lines in zip(*(check.of(*pair) for pair in _PAIRS), strict=True):
        row: dict[str, Cell] = {"second weight": lines[0].second_weight}
        for (rule, law), line in zip(_PAIRS, lines, strict=True):
            title = f"{rule} conditionals, {_REFERENCES[law]}"
            row |= {title: round(line.median_distance, 4), f"{title}: rejected": f"{line.rejected} of {line.tests}"}
        section.rows.append(row)
    rejected = sum(row.rejected for row in check.of("exact", "exact"))
    what = "exact conditionals against Fisher's distribution: rejected tests"
    section.verdicts.append(Verdict(what, rejected, 0, "tests", judged=judged))
    return section
