"""What a sweep found: a row for each sampler and estimator, its seeds together, and every cell's own table."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypergeo._records import csv_records, plain
from hypergeo.commands.terminal import table
from hypergeo.quality import QualityReport
from hypergeo.quality.records import UrnRecord
from hypergeo.quality.table import table_rows

from .cells import Cell, code_version

__all__ = ["SweepSummary", "urn_label"]

_TIMES = ("seconds", "rmse_at_equal_time")  # measured anew each time
_OF_ONE_REPORT = ("rmse_at_equal_evaluations",)  # whose budget is the report's, and another cell's is another
_MEANS = {
    "samples": ("ks_largest", "total_variation", "total_variation_noise", "wasserstein", "wasserstein_noise"),
    "gradients": ("relative_bias", "deviation", "rmse", "cosine", "evaluations"),
}


@dataclass(frozen=True)
class SweepSummary:
    """The finished cells of a sweep, in the grid's order.

    Verdicts are of the whole sweep: p-values, corrected within each cell, are multiplied by the number of cells that the grid
    has, so that the sweep raises any false alarm with the probability ``level`` at most. Times are left out: all else depends
    on the grid and the code alone, and not on how many workers there were.

    Args:
        cells: all cells of the grid.
        reports: of those that are finished.
        failed: cells that could not be measured, and why.
    """

    cells: Sequence[Cell]
    reports: dict[Cell, QualityReport]
    failed: dict[Cell, str]

    def distrusted(self) -> list[str]:
        """What is not to be trusted, over the whole sweep."""
        return [words for _, report in self._corrected() for words in report.failures()]

    def rows(self) -> list[dict[str, Any]]:
        """The tables of all cells as one."""
        return [
            {**_described(cell), **{name: value for name, value in row.items() if name not in (*_TIMES, *_OF_ONE_REPORT)}}
            for cell, report in self._corrected()
            for row in table_rows(report)
        ]

    def groups(self, kind: str) -> list[dict[str, Any]]:
        """Means over the seeds.

        Args:
            kind: ``"samples"`` or ``"gradients"``.
        """
        together: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for row in self.rows():
            if row["kind"] == kind:
                together.setdefault((row["urn"], row["temperature"], row["number"], row["label"]), []).append(row)
        found = []
        for (urn, temperature, number, label), rows in together.items():
            group: dict[str, Any] = {"urn": urn, "temperature": temperature, "number": number, "label": label}
            group |= {"seeds": len(rows), "verdicts": _counted(row["verdict"] for row in rows)}
            for name in _MEANS[kind]:
                values = [row[name] for row in rows if row[name] is not None]
                mean = statistics.fmean(values) if values else None
                group[name] = {"mean": mean, "sd": statistics.stdev(values) if len(values) > 1 else None}
            found.append(group)
        return found

    def to_json(self) -> str:
        """Everything, the cells' settings included."""
        record = {
            "version": code_version(),
            "cells": len(self.cells),
            "samples": self.groups("samples"),
            "gradients": self.groups("gradients"),
            "rows": self.rows(),
            "settings": [plain(cell) for cell in self.reports],
            "failed": [{"cell": plain(cell), "why": why} for cell, why in self.failed.items()],
        }
        return json.dumps(record, ensure_ascii=False) + "\n"

    def to_csv(self) -> str:
        """A row for each sampler and estimator of each cell."""
        return csv_records(self.rows())

    def to_text(self) -> str:
        """Tables for people."""
        return "\n".join([f"{self.sentence()}\n", *(table(head, rows) for _, head, rows in self.tables())])

    def sentence(self) -> str:
        """How much was measured, and what the verdicts mean."""
        level = self.cells[0].level
        words = (
            f"{len(self.reports):,} of {len(self.cells):,} cells. Verdicts are corrected for all tests of all cells: where all "
        )
        return words + f"is right, the sweep raises any false alarm in at most {100 * level:.2g} % of cases."

    def tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Title, head and rows of each table."""
        found = []
        samples, gradients = self.groups("samples"), self.groups("gradients")
        if samples:
            head = ["urn", "samples", "tau", "draws", "seeds", "told apart", "KS", "TV", "noise", "W1", "noise"]
            rows = [
                [
                    *(group["urn"], group["label"], f"{group['temperature']:g}", f"{group['number']:,}", str(group["seeds"])),
                    str(group["verdicts"].get("differs", 0)),
                    *(_spread(group[name]) for name in _MEANS["samples"]),
                ]
                for group in samples
            ]
            found.append(("Samples", head, rows))
        if gradients:
            head = ["urn", "gradients", "tau", "seeds", "verdicts", "bias / gradient", "sd", "rmse", "cosine", "evaluations"]
            rows = [
                [
                    *(group["urn"], group["label"], "" if group["temperature"] is None else f"{group['temperature']:g}"),
                    *(str(group["seeds"]), ", ".join(f"{many} {verdict}" for verdict, many in group["verdicts"].items())),
                    *(_spread(group[name]) for name in _MEANS["gradients"]),
                ]
                for group in gradients
            ]
            found.append(("Gradients", head, rows))
        return found

    def _corrected(self) -> list[tuple[Cell, QualityReport]]:
        def tested(row: Any) -> Any:
            return replace(row, adjusted_p_value=min(1.0, row.adjusted_p_value * len(self.cells)))

        return [
            (cell, replace(report, samples=tuple(map(tested, report.samples)), gradients=tuple(map(tested, report.gradients))))
            for cell in self.cells
            if (report := self.reports.get(cell)) is not None
        ]


def _described(cell: Cell) -> dict[str, Any]:
    return {"urn": urn_label(cell.urn), "seed": cell.seed, "objective": cell.objective}


def urn_label(urn: UrnRecord) -> str:
    """An urn in a few words.

    Example:
        >>> urn_label(UrnRecord(15, (10, 10, 5), (0.0, 0.0, 0.0)))
        'n=15 m=2x10,5 w=1,1,1'
    """
    parts: list[list[int]] = []
    for size in urn.group_sizes:
        if parts and parts[-1][1] == size:
            parts[-1][0] += 1
        else:
            parts.append([1, size])
    sizes = ",".join(f"{times}x{size}" if times > 1 else str(size) for times, size in parts)
    return f"n={urn.total_count} m={sizes} w={','.join(f'{weight:.4g}' for weight in urn.weights)}"


def _counted(verdicts: Iterable[str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for verdict in verdicts:
        counted[verdict] = counted.get(verdict, 0) + 1
    return dict(sorted(counted.items()))


def _spread(value: dict[str, float | None]) -> str:
    if value["mean"] is None:
        return "-"
    mean = f"{value['mean']:.3g}"
    return mean if not value["sd"] else f"{mean} ± {value['sd']:.1g}"
