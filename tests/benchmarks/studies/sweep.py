"""One sweep with one worker and with two, as whole commands: wall time, processor time, and identical results."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.report import Cell, Missing, Section, Verdict

__all__ = ["sweep"]

_FULL = {
    "urns": [{"total_count": 180, "group_sizes": "3x200", "weights": [1, weight, 1]} for weight in (1, 2, 5, 10)],
    "temperatures": [0.1, 0.5, 1],
    "num_samples": [200_000],
    "num_gradients": 600,
}
_QUICK = {"urns": [{"total_count": 5, "group_sizes": [3, 4]}], "num_samples": [100], "temperatures": [1, 2], "estimators": []}
_TURNS = (1, 2, 2, 1)


@dataclass(frozen=True)
class _Run:
    seconds: float
    workers: tuple[float, ...]
    """Processor time of each worker, in seconds."""
    result: str


def sweep(judged: bool) -> Section:
    """Returns times of both in turns; the fastest runs are compared, as other load of the machine only adds time.

    On a busy machine, the processor time of the busiest worker shows the time that the cells need by themselves.

    Args:
        judged: whether the run has the effort that verdicts need.
    """
    section = Section("sweep", "A sweep with one worker and with two, the command from start to end")
    if find_spec("distributed") is None:
        section.rows.append({"workers": Missing("Dask is not installed: pip install distributed")})
        return section
    grid = _FULL if judged else _QUICK
    runs: dict[int, list[_Run]] = {1: [], 2: []}
    for workers in _TURNS if judged else (1, 2):
        runs[workers].append(_run(grid, workers))
    cells = len(json.loads(runs[1][0].result)["settings"])
    for workers, own in runs.items():
        row: dict[str, Cell] = {"workers": workers, "cells": cells, "fastest, s": min(run.seconds for run in own)}
        row["all, s"] = _rounded(run.seconds for run in own)
        row["processor seconds of all workers"] = _rounded(sum(run.workers) for run in own)
        row["of the busiest"] = _rounded(max(run.workers) for run in own)
        section.rows.append(row)
    same = len({run.result for own in runs.values() for run in own}) == 1
    ratio = min(run.seconds for run in runs[1]) / min(run.seconds for run in runs[2])
    section.verdicts.append(Verdict(f"{cells} cells: two workers against one", ratio, 1.7, "×", at_least=True, judged=judged))
    section.verdicts.append(Verdict("runs whose results differ", 0.0 if same else 1.0, 0.0, "", judged=judged))
    return section


def _run(grid: dict[str, object], workers: int) -> _Run:
    import psutil  # type: ignore[import-untyped]  # comes with Dask

    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file, result = Path(folder, "grid.json"), Path(folder, "result.json")
        file.write_text(json.dumps(grid))
        command = [sys.executable, "-m", "hypergeo", "quality", "--sweep", str(file), "--workers", str(workers)]
        spent: dict[int, float] = {}
        with subprocess.Popen([*command, "--quiet", "-o", str(result)]) as running:
            while running.poll() is None:
                with suppress(psutil.Error):
                    for child in psutil.Process(running.pid).children(recursive=True):
                        if any("spawn_main" in word for word in child.cmdline()):
                            times = child.cpu_times()
                            spent[child.pid] = times.user + times.system
                time.sleep(0.1)
        seconds = time.monotonic() - start
        if running.returncode:
            raise RuntimeError(f"the sweep ended with status {running.returncode}")
        return _Run(seconds, tuple(spent.values()), result.read_text())


def _rounded(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)
