"""Summary of a sweep: a row for each sampler and estimator over all seeds, and the tables of all cells."""

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

_TIMES = ("seconds", "rmse_at_equal_time")  # not reproducible
_BUDGET_DEPENDENT = ("rmse_at_equal_evaluations",)  # the budget differs between reports
_MEANS = {
    "samples": ("ks_largest", "total_variation", "total_variation_noise", "wasserstein", "wasserstein_noise"),
    "gradients": ("relative_bias", "deviation", "rmse", "cosine", "evaluations"),
}


@dataclass(frozen=True)
class SweepSummary:
    """Summarises the finished cells of a sweep, in the order of the grid.

    Verdicts hold for the whole sweep: the p-values, corrected within each cell, are multiplied by the number of cells of the
    grid. The sweep therefore raises any false alarm with a probability of at most ``level``. Times are left out: all other
    numbers depend only on the grid and the code, and not on the number of workers.

    Args:
        cells: all cells of the grid.
        reports: reports of the finished cells.
        failed: error message of each cell that could not be measured.
    """

    cells: Sequence[Cell]
    reports: dict[Cell, QualityReport]
    failed: dict[Cell, str]

    def distrusted(self) -> list[str]:
        """Lists what fails in the whole sweep.

        Returns:
            Name of each failing sampler or estimator.
        """
        return [words for _, report in self._corrected() for words in report.failures()]

    def rows(self) -> list[dict[str, Any]]:
        """Joins the tables of all cells.

        Returns:
            One dictionary for each sampler and estimator of each cell.
        """
        return [
            {**_described(cell), **{name: value for name, value in row.items() if name not in (*_TIMES, *_BUDGET_DEPENDENT)}}
            for cell, report in self._corrected()
            for row in table_rows(report)
        ]

    def groups(self, kind: str) -> list[dict[str, Any]]:
        """Averages the rows over the seeds.

        Args:
            kind: ``"samples"`` or ``"gradients"``.

        Returns:
            One dictionary for each sampler or estimator of each urn.
        """
        together: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for row in self.rows():
            if row["kind"] == kind:
                together.setdefault((row["urn"], row["temperature"], row["number"], row["label"]), []).append(row)
        groups = []
        for (urn, temperature, number, label), rows in together.items():
            group: dict[str, Any] = {"urn": urn, "temperature": temperature, "number": number, "label": label}
            group |= {"seeds": len(rows), "verdicts": _counted(row["verdict"] for row in rows)}
            for name in _MEANS[kind]:
                values = [row[name] for row in rows if row[name] is not None]
                mean = statistics.fmean(values) if values else None
                group[name] = {"mean": mean, "sd": statistics.stdev(values) if len(values) > 1 else None}
            groups.append(group)
        return groups

    def to_json(self) -> str:
        """Formats the summary, all rows and the settings of the cells as JSON.

        Returns:
            JSON text.
        """
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
        """Formats one row for each sampler and estimator of each cell as CSV.

        Returns:
            CSV text.
        """
        return csv_records(self.rows())

    def to_text(self) -> str:
        """Formats the summary as text tables.

        Returns:
            Text.
        """
        return "\n".join([f"{self.sentence()}\n", *(table(head, rows) for _, head, rows in self.tables())])

    def sentence(self) -> str:
        """Describes the number of finished cells and the meaning of the verdicts.

        Returns:
            Text of two sentences.
        """
        level = self.cells[0].level
        words = f"{len(self.reports):,} of {len(self.cells):,} cells. Verdicts are corrected for all tests of all cells: with "
        return words + f"correct samplers, the sweep raises any false alarm in at most {100 * level:.2g} % of cases."

    def tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        """Formats the means over the seeds as tables.

        Returns:
            Title, header and rows of each table.
        """
        tables = []
        samples, gradients = self.groups("samples"), self.groups("gradients")
        if samples:
            head = ["urn", "sampler", "tau", "samples", "seeds", "different", "KS", "TV", "noise", "W1", "noise"]
            rows = [
                [
                    *(group["urn"], group["label"], f"{group['temperature']:g}", f"{group['number']:,}", str(group["seeds"])),
                    str(group["verdicts"].get("differs", 0)),
                    *(_formatted(group[name]) for name in _MEANS["samples"]),
                ]
                for group in samples
            ]
            tables.append(("Samples", head, rows))
        if gradients:
            head = ["urn", "gradients", "tau", "seeds", "verdicts", "bias / gradient", "sd", "rmse", "cosine", "evaluations"]
            rows = [
                [
                    *(group["urn"], group["label"], "" if group["temperature"] is None else f"{group['temperature']:g}"),
                    *(str(group["seeds"]), ", ".join(f"{many} {verdict}" for verdict, many in group["verdicts"].items())),
                    *(_formatted(group[name]) for name in _MEANS["gradients"]),
                ]
                for group in gradients
            ]
            tables.append(("Gradients", head, rows))
        return tables

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
    """Describes an urn in a short label.

    Args:
        urn: parameters of the urn.

    Returns:
        Label such as ``n=5 m=3,4 w=1,2``.

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


def _formatted(value: dict[str, float | None]) -> str:
    if value["mean"] is None:
        return "-"
    mean = f"{value['mean']:.3g}"
    return mean if not value["sd"] else f"{mean} ± {value['sd']:.1g}"
