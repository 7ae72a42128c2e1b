"""A sweep on the command line: it goes on where it stopped, sums up, and says what is wrong."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest

from hypergeo._records import from_record
from hypergeo.commands.sweep import cells as sweep_cells
from hypergeo.commands.sweep import workers as sweep_workers
from hypergeo.commands.sweep.cells import Cell, CellFolder
from tests.support.sweeps import SMALL, URNS, called


def test_a_sweep_goes_on_where_it_stopped(write, capsys, monkeypatch):
    measured = []

    def counting(record: str) -> dict[str, object]:
        measured.append(json.loads(record))
        return measure(record)

    measure = sweep_workers.measure_record
    monkeypatch.setattr(sweep_workers, "measure_record", counting)
    part, whole = write({**SMALL, "seeds": [1]}), write(SMALL, "whole.json")
    folder = part.with_name("grid.cells")
    assert called(capsys, "--sweep", part, "--workers", 0)[0] == 0
    assert len(measured) == len(list(folder.iterdir())) == 14
    status, out, err = called(capsys, "--sweep", whole, "--workers", 0, "--cells", folder, "--format", "json", "--progress")
    assert status == 0
    assert len(measured) == 28
    assert {cell["seed"] for cell in measured[14:]} == {0}
    assert err.splitlines()[0] == " 50 %  14 of 28 cells, 14 of them stored"
    assert called(capsys, "--sweep", whole, "--workers", 0, "--cells", folder, "--format", "json") == (0, out, "")
    assert len(measured) == 28
    monkeypatch.setattr(sweep_cells, "code_version", lambda: {"hypergeo": "other"})
    monkeypatch.setattr(sweep_workers, "code_version", lambda: {"hypergeo": "other"})
    assert called(capsys, "--sweep", part, "--workers", 0)[0] == 0
    assert len(measured) == 42


def test_a_summary_says_what_was_found(write, capsys, tmp_path):
    grid = write({"urns": URNS[1:], "temperatures": [0.01, 5], "num_samples": 4000, "seeds": 2, "estimators": "exact"})
    arguments = ["--sweep", grid, "--workers", 0, "--samplers", "soft,straight-through", "--num-gradients", 4]
    status, out, _ = called(capsys, *arguments, "--strict")
    assert status == 0
    assert out.startswith("6 of 6 cells. Verdicts are corrected for all tests of all cells")
    text = {tuple(line.split()[3:4] + line.split()[6:9]): line.split()[9] for line in out.splitlines()[3:7]}
    assert text == {
        ("Soft,", "0.01", "4,000", "2"): "0",
        ("Straight-through,", "0.01", "4,000", "2"): "0",
        ("Soft,", "5", "4,000", "2"): "2",
        ("Straight-through,", "5", "4,000", "2"): "0",
    }
    record = json.loads(called(capsys, *arguments, "--format", "json")[1])
    rows = list(csv.DictReader(io.StringIO(called(capsys, *arguments, "--format", "csv")[1])))
    assert len(rows) == len(record["rows"]) == 2 * (2 * 2 + 1)
    soft = [row for row in record["rows"] if row["label"].startswith("Soft") and row["temperature"] == 5]
    (group,) = [row for row in record["samples"] if row["label"].startswith("Soft") and row["temperature"] == 5]
    assert group["verdicts"] == {"differs": 2}
    assert group["wasserstein"]["mean"] == pytest.approx(sum(row["wasserstein"] for row in soft) / 2)
    cells = CellFolder(grid.with_name("grid.cells"))
    cell = from_record(json.dumps(record["settings"][0]), Cell)
    kept = cells.get(cell)
    assert kept is not None
    expected = min(1.0, 6 * kept.samples[0].adjusted_p_value)  # six cells: six times the chances of a false alarm
    (result,) = [
        row
        for row in record["rows"]
        if (row["label"], row["temperature"], row["seed"]) == (kept.samples[0].label, cell.temperature, cell.seed)
    ]
    assert result["adjusted_p_value"] == pytest.approx(expected)
    page = tmp_path / "sweep.html"
    assert called(capsys, *arguments, "-o", page)[0] == 0
    assert "<td>n=15 m=3x10 w=1,2,4</td>" in page.read_text()


def test_strict_says_what_is_not_to_be_trusted(write, capsys):
    urn = {"total_count": 15, "group_sizes": "3x10", "weights": [1, 10, 1]}
    grid = write({"urns": urn, "num_samples": 3000, "conditionals": ["exact", "merged"], "seeds": [5]})
    arguments = ["--sweep", grid, "--workers", 0, "--samplers", "straight-through", "--estimators", "none"]
    assert called(capsys, *arguments)[0] == 0
    assert called(capsys, *arguments, "--strict")[0] == 3


def test_a_cell_that_fails_costs_no_other(write, capsys, monkeypatch):
    measure = sweep_workers.measure_record

    def failing(record: str) -> dict[str, object]:
        result = measure(record)
        return {"version": result["version"], "error": "it rains"} if '"seed": 1' in record else result

    monkeypatch.setattr(sweep_workers, "measure_record", failing)
    grid = write({"urns": URNS[0], "temperatures": [1], "seeds": 8, "num_samples": 50})
    arguments = ["--sweep", grid, "--workers", 0, "--estimators", "none"]
    status, out, err = called(capsys, *arguments)
    assert status == 1
    assert out.startswith("7 of 8 cells")
    assert err.count("not measured") == 1
    assert "seed 1: it rains" in err
    monkeypatch.setattr(sweep_workers, "measure_record", measure)
    status, out, err = called(capsys, *arguments)
    assert (status, err) == (0, "")
    assert out.startswith("8 of 8 cells")


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        (["-n", 15, "-m", "3x10"], 2, "--sweep takes its urns from the grid; leave -n, -m out"),
        (["--counts", "x.csv"], 2, "leave --counts out"),
        (["--threads", 2], 2, "and set --workers"),
        (["--workers", 2, "--scheduler", "tcp://127.0.0.1:1"], 2, "--scheduler has workers of its own"),
        (["--workers", "-1"], 2, "--workers: must be a whole number between 0 and 1,024"),
        (["--scheduler", "nonsense:port"], 1, "no Dask scheduler answers at nonsense:port"),
        (["--scheduler", "tcp://127.0.0.1:1"], 1, "no Dask scheduler answers at tcp://127.0.0.1:1"),
    ],
)
def test_errors_are_for_people(write, capsys, monkeypatch, more, status, message):
    monkeypatch.setattr(sweep_workers, "_SCHEDULER_TIMEOUT", 0.5)
    result, out, err = called(capsys, "--sweep", write(SMALL), *more)
    assert (result, out) == (status, "")
    assert message in err
    assert err.count("\n") == 1


def test_arguments_of_a_sweep_go_with_a_sweep(capsys, tmp_path):
    assert "go with --sweep" in called(capsys, "-n", 15, "-m", "3x10", "--workers", 2)[2]
    assert "or several urns by --sweep" in called(capsys, "-n", 15)[2]
    assert "No such file" in called(capsys, "--sweep", tmp_path / "none.json")[2]
    assert "needs --cells" in called(capsys, "--sweep", "-")[2]


def test_without_dask_it_says_what_to_install(write, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    status, _, err = called(capsys, "--sweep", write(SMALL))
    assert status == 2
    assert "pip install distributed" in err
    assert called(capsys, "--sweep", write(SMALL), "--workers", 0)[0] == 0
