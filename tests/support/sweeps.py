"""Grids, cells and calls of sweeps that their tests share."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hypergeo.__main__ import main
from hypergeo.commands.sweep.cells import Cell
from hypergeo.commands.sweep.grid import SETTINGS
from hypergeo.quality import QualityReport
from hypergeo.quality.records import UrnRecord

ROOT = Path(__file__).parents[2]
DEFAULTS = dict(
    zip(
        SETTINGS,
        ([0.1], [100], [0], ["exact"], ["soft"], [], "quadratic", None, 10, 2, 0.01),
        strict=True,
    )
)
URNS = [{"total_count": 6, "group_sizes": [4, 4, 4]}, {"total_count": 15, "group_sizes": "3x10", "weights": [1, 2, 4]}]
SMALL = {
    "urns": URNS,
    "temperatures": [0.1, 1],
    "num_samples": [50, 60],
    "seeds": 2,
    "estimators": ["gumbel-softmax", "exact-marginal"],
    "num_gradients": 5,
}
LONG = {"urns": URNS[1:], "temperatures": [0.1, 1], "num_samples": [20_000], "seeds": 5, "estimators": []}
CELL = Cell(UrnRecord(6, (4, 4, 4), (0.0, 0.0, 0.0)), 0.5, 3, 100, samplers=("soft",))


def words(grid: Path, *more: object) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "hypergeo", "quality", "--sweep", str(grid), *map(str, more)]


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    try:
        status = main(["quality", *map(str, arguments)])
    except SystemExit as end:
        status = int(end.code or 0)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def without_times(report: QualityReport) -> QualityReport:
    samples = tuple(replace(row, seconds=0.0) for row in report.samples)
    gradients = tuple(replace(row, seconds=0.0, rmse_at_equal_time=0.0) for row in report.gradients)
    return replace(report, samples=samples, gradients=gradients, equal_seconds=None)


def times_changed(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
