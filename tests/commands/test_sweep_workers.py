"""Workers of a sweep: results do not depend on the worker, and the death of a worker loses no finished cell."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import dask
import psutil
import pytest
from distributed import LocalCluster
from distributed.utils import get_mp_context

from hypergeo.commands.sweep import workers as sweep_workers
from tests.support.sweeps import LONG, SMALL, URNS, called, times_changed, words
from tests.support.waiting import wait_until


@pytest.fixture(scope="module", autouse=True)
def _forked_workers() -> Iterator[None]:
    """Dask's workers are forks of one process that has imported torch: a new one takes seconds to do that."""
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        get_mp_context()  # has a list of its own, the first time
        multiprocessing.set_forkserver_preload([sweep_workers.__name__, "distributed"])
        yield


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
    monkeypatch.setattr(sweep_workers, "_RETRIES", 0)
    grid = write({"urns": URNS[0], "temperatures": [1], "num_samples": 50})
    status, out, err = called(capsys, "--sweep", grid, "--workers", 1, "--estimators", "none")
    assert status == 1
    assert out.startswith("0 of 1 cells")
    assert "its worker died 1 times, perhaps for lack of memory" in err


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


@pytest.mark.slow
def test_a_killed_worker_costs_nothing(write, capsys):
    """With ``SIGKILL``, while both workers are at work; its cell is measured by another."""
    grid = write(LONG)
    folder = grid.with_name("killed")
    arguments = ["--sweep", grid, "--workers", 2, "--cells", folder, "--samplers", "soft", "--format", "json"]
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(called, capsys, *arguments)
        wait_until(lambda: folder.is_dir() and len(list(folder.glob("*.json"))) >= 2, "the first cells")
        workers = [psutil.Process(child.pid) for child in multiprocessing.active_children()]
        assert len(workers) == 2
        workers[0].kill()
        assert len(list(folder.glob("*.json"))) <= 6
        status, out, err = running.result(120)
    assert (status, err) == (0, "")
    assert not workers[0].is_running()
    result = json.loads(out)
    assert (len(result["rows"]), result["failed"]) == (10, [])
    some = write({**LONG, "seeds": [0, 4]}, "some.json")
    again = json.loads(called(capsys, "--sweep", some, "--workers", 0, "--samplers", "soft", "--format", "json")[1])
    verdicts = ("adjusted_p_value", "verdict")  # these are corrected for the number of cells
    plain = [{name: value for name, value in row.items() if name not in verdicts} for row in result["rows"]]
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
