"""Cells of a sweep: reports that are measured once, under a name that says by which code."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hypergeo import FisherHypergeometric
from hypergeo._records import from_record, to_record
from hypergeo.commands.sweep import cells as sweep_cells
from hypergeo.commands.sweep.cells import Cell, CellFolder
from hypergeo.estimators import GumbelSoftmax, LinearizedControlVariate
from hypergeo.objectives import Quadratic
from hypergeo.quality import QualityReport
from hypergeo.quality.records import UrnRecord
from tests.support.sweeps import CELL, ROOT, without_times


def test_a_cell_is_the_report_it_stands_for():
    urn = FisherHypergeometric(6, [4, 4, 4], [1.0, 2.0, 3.0])
    threads = torch.get_num_threads()
    sampled = replace(CELL, urn=UrnRecord.of(urn), conditionals=("merged",), samplers=("soft", "straight-through"))
    direct = QualityReport.measure(urn, [0.5], num_samples=100, conditionals="merged", seed=3)
    assert without_times(sampled.measure()) == replace(without_times(direct), num_gradients=2, num_evaluations=1)
    settings = {"objective": "quadratic", "target": (1.0, 2.0, 3.0), "num_gradients": 6, "num_evaluations": 4}
    graded = Cell(UrnRecord.of(urn), 0.5, 3, estimators=("gumbel-softmax", "control-variate"), **settings)
    estimators = [GumbelSoftmax(0.5), LinearizedControlVariate()]
    numbers = {"num_samples": 1, "num_gradients": 6, "num_evaluations": 4, "straight_through": ()}
    direct = QualityReport.measure(urn, [0.5], Quadratic((1.0, 2.0, 3.0)), estimators, seed=3, **numbers)
    assert without_times(graded.measure()) == without_times(direct)
    assert torch.get_num_threads() == threads


def test_other_cells_and_other_code_have_other_names(monkeypatch):
    changes = [{"seed": 4}, {"temperature": 0.25}, {"num_samples": 101}, {"level": 0.02}, {"samplers": ("straight-through",)}]
    changes += [{"urn": UrnRecord(6, (4, 4, 4), (0.0, 0.0, 1e-15))}, {"conditionals": ("merged",)}]
    names = [replace(CELL, **change).key() for change in [{}, *changes]]
    assert len(set(names)) == len(names)
    assert CELL.key() == from_record(to_record(CELL), Cell).key() == names[0]
    monkeypatch.setattr(sweep_cells, "code_version", lambda: {"hypergeo": "other"})
    assert CELL.key() != names[0]


def test_the_version_is_of_the_code_that_measures(tmp_path, monkeypatch):
    package = tmp_path / "hypergeo"
    sources = sweep_cells._sources()
    for file in sources:
        copy = package / file.relative_to(sweep_cells._PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    monkeypatch.setattr(sweep_cells, "_PACKAGE", package)
    version = sweep_cells.code_version.__wrapped__
    assert version() == sweep_cells.code_version()
    for file in sources:  # each of them counts
        copy = package / file.relative_to(ROOT / "hypergeo")
        copy.write_bytes(file.read_bytes() + b"\n")
        assert version() != sweep_cells.code_version(), file
        copy.write_bytes(file.read_bytes())


def test_the_version_covers_every_module_that_a_cell_imports():
    code = "import sys, hypergeo.commands.sweep.cells; print(*(m.__file__ for n, m in sys.modules.items() if 'hypergeo.' in n))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    faces = {"__init__.py"}  # they only hand names on
    assert len(loaded) > 30
    assert {Path(file) for file in loaded if Path(file).name not in faces} <= set(sweep_cells._sources())


def test_a_folder_returns_what_is_whole_and_meant(tmp_path, monkeypatch):
    folder = CellFolder(tmp_path / "new" / "cells")
    assert folder.get(CELL) is None
    report = CELL.measure()
    assert folder.put(CELL, report.to_json()) == folder.get(CELL) == report
    (file,) = folder.path.iterdir()
    text = file.read_text()
    for broken in (text[: len(text) // 2], "", "[]", text.replace('"seed": 3', '"seed": 4', 1)):
        file.write_text(broken)
        assert folder.get(CELL) is None
    file.write_text(text)
    assert folder.get(replace(CELL, seed=4)) is None
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("the disk is full")))
    with pytest.raises(OSError, match="full"):
        folder.put(replace(CELL, seed=4), report.to_json())
    assert [path.name for path in folder.path.iterdir()] == [file.name]
