"""Sweeps: a grid becomes cells, each is measured once whoever measures it, and a death costs nothing that was finished."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
import torch
from distributed import LocalCluster

from hypergeo import FisherHypergeometric
from hypergeo.__main__ import main
from hypergeo._records import from_record, to_record
from hypergeo.commands.sweep import cells as sweep_cells
from hypergeo.commands.sweep import workers as sweep_workers
from hypergeo.commands.sweep.cells import Cell, CellFolder
from hypergeo.commands.sweep.grid import SETTINGS, read_grid
from hypergeo.estimators import GumbelSoftmax, LinearizedControlVariate
from hypergeo.objectives import Quadratic
from hypergeo.quality import QualityReport
from hypergeo.quality.records import UrnRecord
from tests.support.waiting import wait_until

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


@pytest.fixture
def write(tmp_path):
    def written(grid: object, name: str = "grid.json") -> Path:
        file = tmp_path / name
        file.write_text(grid if isinstance(grid, str) else json.dumps(grid))
        return file

    return written


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


def test_a_grid_becomes_each_combination_once():
    cells = read_grid(json.dumps(SMALL), DEFAULTS)
    samplers = [cell for cell in cells if cell.samplers]
    relaxing = [cell for cell in cells if cell.estimators == ("gumbel-softmax",)]
    others = [cell for cell in cells if cell.estimators == ("exact-marginal",)]
    assert (len(samplers), len(relaxing), len(others)) == (2 * 2 * 2 * 2, 2 * 2 * 2, 2 * 2)
    assert len(cells) == len(set(cells)) == 28
    assert {(cell.temperature, cell.num_samples, cell.seed) for cell in samplers} == {
        (temperature, number, seed) for temperature in (0.1, 1.0) for number in (50, 60) for seed in (0, 1)
    }
    assert {cell.urn.group_sizes for cell in cells} == {(4, 4, 4), (10, 10, 10)}
    assert {cell.temperature for cell in others} == {None}
    assert {cell.num_gradients for cell in samplers} == {0}
    twice = {**SMALL, "urns": URNS * 2, "temperatures": [1, 0.1, 1.0], "seeds": [0, 1, 0]}
    assert set(read_grid(json.dumps(twice), DEFAULTS)) == set(cells)


def test_what_a_grid_does_not_say_comes_from_elsewhere():
    (cell,) = read_grid(json.dumps({"urns": URNS[0]}), DEFAULTS)
    assert cell == replace(CELL, temperature=0.1, seed=0)
    (other,) = read_grid(json.dumps({"urns": URNS[0], "temperatures": 2, "seeds": [7], "level": 0.05}), DEFAULTS)
    assert other == replace(cell, temperature=2.0, seed=7, level=0.05)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ("{", "not JSON: .* in line 1, column 2"),
        ("[" * 100_000, "nested too deeply"),
        ('{"urns": [' + "9" * 5000 + "]}", "thousands of digits"),
        ([], 'JSON object with a list "urns"'),
        ({"urns": []}, "at least one urn"),
        ({"urns": URNS, "temperature": [1]}, "got 'temperature'"),
        ({"urns": [{"total_count": 5}]}, r"urns\[0\] must be an object with total_count, group_sizes"),
        ({"urns": [URNS[0], {"total_count": 31, "group_sizes": "3x10"}]}, r"urns\[1\]: total_count must be at most .* got 31"),
        ({"urns": [{"total_count": 5, "group_sizes": "3y10"}]}, r"urns\[0\].group_sizes must be whole numbers"),
        ({"urns": [{"total_count": 5, "group_sizes": [10, True]}]}, "group_sizes must be a whole number .* got True"),
        ({"urns": [{"total_count": 2.5, "group_sizes": [10]}]}, "total_count must be a whole number .* got 2.5"),
        ({"urns": [{"total_count": 5, "group_sizes": [9, 9], "weights": [1]}]}, "each of the 2 groups; got 1"),
        ({"urns": [{"total_count": 5, "group_sizes": [9], "weights": ["heavy"]}]}, "weights must be numbers; got 'heavy'"),
        ({"urns": [{"total_count": 5, "group_sizes": [9, 9], "weights": [-1, 1]}]}, r"urns\[0\]: weights must"),
        ({"urns": URNS, "temperatures": [0.1, 0]}, "temperatures must be positive and finite; got 0"),
        ('{"urns": [{"total_count": 1, "group_sizes": [2]}], "temperatures": [Infinity]}', "positive and finite; got inf"),
        ({"urns": URNS, "temperatures": []}, "temperatures must not be empty"),
        ({"urns": URNS, "num_samples": [10**9]}, "num_samples must be a whole number between 1 and 100,000,000"),
        ({"urns": URNS, "seeds": [-1]}, "seeds must be a whole number between 0"),
        ({"urns": URNS, "samplers": ["gentle"]}, "samplers must be of soft, straight-through; got 'gentle'"),
        ({"urns": URNS, "estimators": [["exact"]]}, "estimators must be of score-function"),
        ({"urns": URNS, "samplers": []}, "between 1 and 100,000 cells; it has 0"),
        ({"urns": URNS, "seeds": 100_000}, "cells; it has 200,000"),
        ({"urns": URNS, "level": 1}, "level must be between 0 and 1; got 1"),
        ({"urns": URNS, "estimators": "exact", "target": [1, 2]}, "target must list .* got 2 where there are 3 groups"),
        ({"urns": URNS, "estimators": "exact", "target": [1, 2, 3], "objective": "step"}, "not with step"),
    ],
)
def test_a_bad_grid_is_refused_in_words(grid, said):
    with pytest.raises(ValueError, match=said):
        read_grid(grid if isinstance(grid, str) else json.dumps(grid), DEFAULTS)


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
    assert err.splitlines()[0] == " 50 %  14 of 28 cells, 14 of them from before"
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
    told = {tuple(line.split()[3:4] + line.split()[6:9]): line.split()[9] for line in out.splitlines()[3:7]}
    assert told == {
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
    (found,) = [
        row
        for row in record["rows"]
        if (row["label"], row["temperature"], row["seed"]) == (kept.samples[0].label, cell.temperature, cell.seed)
    ]
    assert found["adjusted_p_value"] == pytest.approx(expected)
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
    ("more", "status", "said"),
    [
        (["-n", 15, "-m", "3x10"], 2, "--sweep takes its urns from the grid; leave -n, -m out"),
        (["--counts", "x.csv"], 2, "leave --counts out"),
        (["--threads", 2], 2, "how many --workers"),
        (["--workers", 2, "--scheduler", "tcp://127.0.0.1:1"], 2, "--scheduler has workers of its own"),
        (["--workers", "-1"], 2, "--workers: must be a whole number between 0 and 1,024"),
        (["--scheduler", "nonsense:port"], 1, "no Dask scheduler answers at nonsense:port"),
        (["--scheduler", "tcp://127.0.0.1:1"], 1, "no Dask scheduler answers at tcp://127.0.0.1:1"),
    ],
)
def test_errors_are_for_people(write, capsys, monkeypatch, more, status, said):
    monkeypatch.setattr(sweep_workers, "_ANSWER", 0.5)
    found, out, err = called(capsys, "--sweep", write(SMALL), *more)
    assert (found, out) == (status, "")
    assert said in err
    assert err.count("\n") == 1


def test_arguments_of_a_sweep_go_with_a_sweep(capsys, tmp_path):
    assert "go with --sweep" in called(capsys, "-n", 15, "-m", "3x10", "--workers", 2)[2]
    assert "or many of them by --sweep" in called(capsys, "-n", 15)[2]
    assert "No such file" in called(capsys, "--sweep", tmp_path / "none.json")[2]
    assert "needs --cells" in called(capsys, "--sweep", "-")[2]


def test_without_dask_it_says_what_to_install(write, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    status, _, err = called(capsys, "--sweep", write(SMALL))
    assert status == 2
    assert "pip install distributed" in err
    assert called(capsys, "--sweep", write(SMALL), "--workers", 0)[0] == 0


def test_workers_of_other_code_are_refused(write, capsys, monkeypatch):
    monkeypatch.setattr(sweep_workers, "measure_record", lambda _: {"version": {"hypergeo": "older"}, "report": "{}"})
    status, _, err = called(capsys, "--sweep", write(SMALL), "--workers", 0)
    assert status == 2
    assert "they run hypergeo older" in err


def test_workers_that_lack_the_code_are_named(write, capsys, monkeypatch):
    """What is sent to them is a name in a module that they do not have."""

    class Absent:
        def __reduce__(self):
            return importlib.import_module, ("no_such_module_anywhere",)

    monkeypatch.setattr(sweep_workers, "measure_record", partial(print, Absent()))
    grid = write({"urns": URNS[0], "temperatures": [1], "num_samples": 50})
    status, out, err = called(capsys, "--sweep", grid, "--workers", 1, "--estimators", "none")
    assert (status, out) == (1, "")
    assert "the workers cannot load hypergeo; start them in a copy of the folder" in err


def dying(_: str) -> dict[str, object]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def test_a_cell_that_always_kills_its_worker_is_given_up(write, capsys, monkeypatch):
    monkeypatch.setattr(sweep_workers, "measure_record", dying)
    monkeypatch.setattr(sweep_workers, "_CHANCES", 0)
    grid = write({"urns": URNS[0], "temperatures": [1], "num_samples": 50})
    status, out, err = called(capsys, "--sweep", grid, "--workers", 1, "--estimators", "none")
    assert status == 1
    assert out.startswith("0 of 1 cells")
    assert "its worker died 1 times, perhaps for want of memory" in err


def test_one_worker_two_of_a_cluster_and_none_agree(write, capsys):
    grid = write({**SMALL, "temperatures": 0.1})
    here = called(capsys, "--sweep", grid, "--workers", 0, "--format", "json")
    assert here[0] == 0
    assert len(json.loads(here[1])["settings"]) == 16
    one = called(capsys, "--sweep", grid, "--workers", 1, "--cells", grid.with_name("one"), "--format", "json")
    assert one == here
    with LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address="127.0.0.1:0", memory_limit=0) as cluster:
        address = cluster.scheduler_address
        two = called(capsys, "--sweep", grid, "--scheduler", address, "--cells", grid.with_name("two"), "--format", "json")
    assert two == here


def test_a_killed_worker_costs_nothing(write, capsys):
    """With ``SIGKILL``, while both workers are at work; its cell is measured by another."""
    grid = write(LONG)
    folder = grid.with_name("killed")
    with subprocess.Popen(
        [*words(grid, "--workers", 2, "--cells", folder, "--samplers", "soft", "--format", "json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        wait_until(lambda: folder.is_dir() and len(list(folder.glob("*.json"))) >= 2, "the first cells")
        workers = [
            child
            for child in psutil.Process(running.pid).children(recursive=True)
            if any("spawn_main" in part for part in child.cmdline())
        ]
        assert len(workers) == 2
        workers[0].kill()
        assert len(list(folder.glob("*.json"))) <= 6
        out, err = running.communicate(timeout=120)
    assert (running.returncode, err) == (0, "")
    assert not workers[0].is_running()
    found = json.loads(out)
    assert (len(found["rows"]), found["failed"]) == (10, [])
    some = write({**LONG, "seeds": [0, 4]}, "some.json")
    again = json.loads(called(capsys, "--sweep", some, "--workers", 0, "--samplers", "soft", "--format", "json")[1])
    verdicts = ("adjusted_p_value", "verdict")  # these are corrected for the number of cells
    plain = [{name: value for name, value in row.items() if name not in verdicts} for row in found["rows"]]
    for row in again["rows"]:
        assert {name: value for name, value in row.items() if name not in verdicts} in plain


@pytest.mark.skipif(os.environ.get("HYPERGEO_LONG") != "1", reason="half a minute: only in the long mode, HYPERGEO_LONG=1")
def test_a_killed_sweep_loses_no_finished_cell(write, capsys):
    grid = write(LONG)
    folder = grid.with_name("grid.cells")
    with subprocess.Popen(
        words(grid, "--workers", 1, "--samplers", "soft"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        wait_until(lambda: folder.is_dir() and len(list(folder.glob("*.json"))) >= 2, "the first cells")
        children = psutil.Process(running.pid).children(recursive=True)
        running.kill()
        running.wait(20)
    kept = {name: when for name, when in times_changed(folder).items() if name.endswith(".json")}
    assert 2 <= len(kept) < 10
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    status, out, _ = called(capsys, "--sweep", grid, "--workers", 0, "--samplers", "soft")
    assert status == 0
    assert out.startswith("10 of 10 cells")
    assert {name: when for name, when in times_changed(folder).items() if name in kept} == kept
