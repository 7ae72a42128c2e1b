"""Measures a classroom on one server: waiting times, processor time, memory and errors.

N sessions send requests to a server over Streamlit's own websocket, as browsers do: they open pages, drag sliders over
several values and release them, and play the live demos. See ``python -m tests.benchmarks load --help``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hypergeo.ui.convergence.arrays import TEMPERATURES
from hypergeo.ui.page.urn_editor import WEIGHTS
from tests.benchmarks.report import Cell, table
from tests.benchmarks.written_tables import provenance, readme_files, write_tables
from tests.support.app.server import ROOT, free_port, wait_for_health
from tests.support.app.tab import Tab

__all__ = ["Class", "Server", "main", "visit"]

DEMOS = ("urn", "gradients", "cluster_sizes", "shared_factors")
_ERRORS = ("Uncaught", "Exception in", "Internal Server Error", "A quality run failed", "MemoryError", "Killed")
_SETTLING = 5.0  # seconds after which closed tabs must cost nothing
_MOVES = 5  # moves on a page, so that one reader alone meets the same pages as forty
_WRITTEN = [f"{kind}: {quantile}" for kind in ("opening", "slider") for quantile in ("median", "p95")]
_WRITTEN = ["sessions", *_WRITTEN, "server CPU, cores", "server MB, peak", "errors"]
_PLAYED = 40  # pictures of a demo, before a reader goes on to something else
_DRAGGED = 5  # values that a slider moves over at most, in one drag


def _steps(values: Sequence[float]) -> list[str]:
    return [f"{value:g}" for value in values]


# Most used controls of each page, with successive values of their sliders.
CONTROLS: dict[str, dict[str, Sequence[object]]] = {
    "urn": {"urn_n": range(1, 30), "urn_w1": _steps(WEIGHTS[5:35]), "urn_m2": range(3, 20)},
    "convergence": {
        "conv_n": range(1, 36),
        "conv_w2": _steps(WEIGHTS[5:35]),
        "conv_m1": range(3, 30),
        "conv_tau": _steps(TEMPERATURES),
    },
    "gradients": {"grad_n": range(2, 30), "grad_w3": _steps(WEIGHTS[5:35]), "grad_tau": _steps(TEMPERATURES)},
    "cluster_sizes": {
        "clu_tau": _steps((0.05, 0.1, 0.2, 0.5, 1, 2, 5)),
        "clu_room": range(30, 100),
        "clu_clusters": range(2, 8),
    },
    "quality": {"qual_n": range(1, 60), "qual_w1": _steps(WEIGHTS[5:35]), "qual_m1": range(10, 60)},
    "shared_factors": {"fac_pair": range(1, 9), "fac_shared": ("1", "2", "3"), "fac_beta": _steps((0.5, 1, 2, 5, 10))},
}


@dataclass
class Server:
    """The app as a separate process.

    Attributes:
        address: URL of the app.
        pid: number of the process.
        log: file of its output.
    """

    address: str
    pid: int
    log: Path

    def seconds(self) -> float:
        """Returns the processor time of the process, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Returns the resident memory of the process, in MB."""
        return self._status("VmRSS")

    def peak(self) -> float:
        """Returns the peak memory of the process, in MB."""
        return self._status("VmHWM")

    def errors(self) -> list[str]:
        """Returns the lines of the log with errors of the app, without those of invalid requests."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if any(word in line for word in _ERRORS)]

    def _status(self, name: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(float(line.split()[1]) / 1e3 for line in lines if line.startswith(name))


@contextmanager
def server() -> Iterator[Server]:
    """Yields the running app until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    options = ["--server.address", "127.0.0.1", "--server.headless", "true"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as output:
            process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=output, stderr=output)
            try:
                address = f"http://127.0.0.1:{port}"
                wait_for_health(address, process)
                yield Server(address, process.pid, log)
            finally:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@dataclass
class Class:
    """Measurements of the readers of one run.

    Attributes:
        seconds: times of the actions, by kind.
        problems: messages of errors.
        late: longest delay of this process itself, in seconds, which the times include.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)
    late: float = 0.0


async def visit(address: str, number: int, until: float, think: float, seen: Class, kinds: Sequence[str]) -> None:
    """Simulates one reader, from opening the app to closing the tab.

    Args:
        address: URL of the app.
        number: number of the reader, and seed of its actions.
        until: time of the end, by ``time.monotonic``.
        think: mean time between an answer and the next action, in seconds.
        seen: measurements, to which those of this reader are added.
        kinds: kinds of actions, of ``"sliders"``, ``"pages"`` and ``"demos"``.
    """
    rng = random.Random(number)
    tab = Tab(address)
    pages = list(CONTROLS)

    async def pause() -> None:
        await asyncio.sleep(min(rng.expovariate(1 / think), 4 * think))

    try:
        page, turn = pages[number % len(pages)], 0
        await asyncio.sleep(rng.uniform(0, think))
        seen.seconds["opening"].append(await tab.open(page))
        while time.monotonic() < until:
            await pause()
            kind, turn = rng.choice(kinds), turn + 1
            if turn % _MOVES == 0 or (kind == "pages" and rng.random() < 0.3):
                page = pages[(pages.index(page) + 1) % len(pages)]
                seen.seconds["opening"].append(await tab.open(page))
            elif kind == "demos" and page in DEMOS:
                await _play(tab, rng, until, seen)
            else:
                await _move(tab, rng, page, seen)
    except Exception as error:
        seen.problems.append(f"reader {number}: {type(error).__name__}: {error}")
    finally:
        seen.problems += tab.problems
        with suppress(Exception):
            await tab.close()


async def _move(tab: Tab, rng: random.Random, page: str, seen: Class) -> None:
    """Drags a slider over neighbouring values, each sent once the one before is answered, or sets a choice."""
    name = rng.choice([name for name in CONTROLS[page] if name in tab.knobs()])
    values = CONTROLS[page][name]
    if tab.knobs()[name]["kind"] != "range":
        seen.seconds["release"].append(await tab.move(name, rng.choice(values)))
        return
    first = rng.randrange(len(values))
    *moved, released = await tab.drag(name, values[first : first + rng.randint(1, _DRAGGED)])
    seen.seconds["slider"] += moved
    seen.seconds["release"].append(released)


async def _play(tab: Tab, rng: random.Random, until: float, seen: Class) -> None:
    """Plays the demo of the page as its stage does: waits for answers and keeps to the pace of the pictures."""
    speed, shown = rng.choice(["normal", "normal", "fast"]), 0
    pace = tab.stage()["bar"]["speeds"][speed][1] / 1000
    while shown < _PLAYED and time.monotonic() < until:
        start = time.monotonic()
        pictures, seconds = await tab.play(speed=speed)
        seen.seconds["pictures of a demo"].append(seconds)
        shown += pictures
        await asyncio.sleep(max(pictures * pace - (time.monotonic() - start), 0.0))
    seen.seconds["release"].append(await tab.pause())


async def _watch(running: Server, until: float, memory: list[tuple[float, float]], seen: Class) -> None:
    """Records the server's memory and the delays of this process itself."""
    start = time.monotonic()
    while (now := time.monotonic()) < until:
        memory.append((now - start, running.megabytes()))
        await asyncio.sleep(1.0)
        seen.late = max(seen.late, time.monotonic() - now - 1.0)


async def _class(running: Server, sessions: int, seconds: float, think: float, kinds: Sequence[str]) -> dict[str, Cell]:
    seen, memory = Class(), list[tuple[float, float]]()
    until = time.monotonic() + seconds
    cpu, start = running.seconds(), time.monotonic()
    readers = [visit(running.address, 1000 * sessions + number, until, think, seen, kinds) for number in range(sessions)]
    await asyncio.gather(_watch(running, until, memory, seen), *readers)
    used = (running.seconds() - cpu) / (time.monotonic() - start)
    await asyncio.sleep(_SETTLING)
    cpu = running.seconds()
    await asyncio.sleep(_SETTLING)
    row: dict[str, Cell] = {"sessions": sessions, "seconds": round(seconds)}
    for kind, times in sorted(seen.seconds.items()):
        row |= {kind: len(times), f"{kind}: median": statistics.median(times)}
        row |= {f"{kind}: p95": _quantile(times, 0.95), f"{kind}: p99": _quantile(times, 0.99), f"{kind}: longest": max(times)}
    row |= {"server CPU, cores": used, "CPU once all tabs are closed": (running.seconds() - cpu) / _SETTLING}
    row |= {"server MB, peak": round(running.peak()), "server MB at the end": round(running.megabytes())}
    row |= {"growth in the second half, %": 100 * _growth(memory), "this process late by": seen.late}
    row["errors"] = len(seen.problems) + len(running.errors())
    for problem in [*dict.fromkeys(seen.problems), *running.errors()][:10]:
        print(f"! {problem}", file=sys.stderr)
    return row


def _quantile(times: Sequence[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _growth(memory: Sequence[tuple[float, float]]) -> float:
    """Returns the relative growth of memory in the second half, from medians of its first and last fifth.

    Example:
        >>> round(_growth([(float(second), 100.0 + second) for second in range(101)]), 3)
        0.265
    """
    half = [value for _, value in memory[len(memory) // 2 :]]
    fifth = max(len(half) // 5, 1)
    before, after = statistics.median(half[:fifth]), statistics.median(half[-fifth:])
    return after / before - 1


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks load", description=__doc__)
    parser.add_argument(
        "--sessions", type=int, nargs="+", metavar="N", default=[1, 10, 20, 40], help="number of sessions of each run"
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="length of each run, 1 by default")
    parser.add_argument("--think", type=float, default=3.0, metavar="SECONDS", help="mean time between answer and action")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=("sliders", "pages", "demos"),
        default=["sliders", "pages", "demos"],
        help="what readers do; all by default",
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the numbers")
    parser.add_argument("--write", action="store_true", help="write the table into the README file that has a place for it")
    arguments = parser.parse_args(words)
    if min(arguments.sessions) < 1 or arguments.minutes <= 0 or arguments.think <= 0:
        parser.error("--sessions, --minutes and --think must be above zero")
    return arguments


def main(words: Sequence[str]) -> None:
    """Entry point of the command."""
    asked = _arguments(words)
    rows = []
    for sessions in asked.sessions:
        with server() as running:
            asyncio.run(_warm(running.address))
            rows.append(asyncio.run(_class(running, sessions, 60 * asked.minutes, asked.think, asked.only)))
        print("\n" + "\n".join(f"{name}: {_said(value)}" for name, value in rows[-1].items()), flush=True)
    alone = next((row for row in rows if row["sessions"] == 1), None)
    for row in rows:
        if alone is not None and row is not alone and "slider: p95" in row:
            ratio = float(row["slider: p95"]) / float(alone["slider: p95"])  # type: ignore[arg-type]
            print(f"\nslider, p95 of {row['sessions']} sessions over that of one: {ratio:.1f}")
    if asked.json is not None:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n")
    if asked.write:
        shown: list[dict[str, Cell]] = [{name: row.get(name) for name in _WRITTEN} for row in rows]
        write_tables({"load": table(shown)}, readme_files(), provenance())


async def _warm(address: str) -> None:
    """Opens every page once, so that the first reader of a class does not wait for imports."""
    tab = Tab(address)
    for page in ("", *CONTROLS):
        await tab.open(page, seconds=120)
    await tab.close()


def _said(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
