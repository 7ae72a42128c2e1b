"""Mutation testing: makes small changes in a copy of the package, one at a time, and reports those that no test notices.

    python -m tests.mutation map
    python -m tests.mutation numerics --sample 60 --seed 0 --session results/numerics.sqlite

The first command runs the tests under coverage.py, and keeps which test runs which lines and how long each takes. The second
tests each change by the quickest tests that run the changed line. Cosmic Ray makes the changes and keeps the results
(``cr-report`` and ``cr-html`` read the session); ``pyproject.toml`` has the settings under ``[tool.hypergeo.mutation]``. Each
mutant is tested in a process that is forked from one with torch, SciPy and Streamlit imported, since these imports take longer
than its tests.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import uuid
from collections import Counter
from collections.abc import Generator, Iterator
from itertools import accumulate
from pathlib import Path

import pytest
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult
from coverage import Coverage, CoverageData

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hypergeo"]["mutation"]
_COPIED = ("hypergeo", "tests", "pages", "app.py", "pyproject.toml", "README.md")
_PATIENCE = 10  # times the processor time that the tests of a mutant may take by the clock
_NOT_COLLECTED = 4  # exit status of pytest: the change gives a test another name
_PRELOADED_WARNING = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
_PRELOADED = ("torch", "torch.distributions", "scipy.stats", "scipy.optimize", "streamlit.testing.v1", "plotly.graph_objects")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["map", *sorted(SETTINGS["parts"])], help="part of the package to change, or map")
    parser.add_argument("--map", type=Path, default=Path("results/tests.coverage"), help="file of the map; times lie beside it")
    parser.add_argument("--tests", nargs="*", default=SETTINGS["tests"], help="tests to map; those of the settings by default")
    parser.add_argument("--sample", type=int, default=0, help="number of mutants, drawn at random; all of them when omitted")
    parser.add_argument("--seed", type=int, default=0, help="of the random choice")
    parser.add_argument("--session", type=Path, help="file of the results; a run that was ended goes on there")
    arguments = parser.parse_args()
    kept = arguments.map.resolve()
    if arguments.part == "map":
        kept.parent.mkdir(exist_ok=True)
        with _copy_of_package():
            _make_map(kept, arguments.tests)
        return
    if arguments.session is None:
        parser.error("--session is required")
    modules, session = SETTINGS["parts"][arguments.part], arguments.session.resolve()
    tests = _Tests(kept)
    for name in _PRELOADED:
        importlib.import_module(name)
    with _copy_of_package():
        fresh = not session.exists()
        with use_db(str(session), WorkDB.Mode.create if fresh else WorkDB.Mode.open) as db:
            if fresh:
                db.add_work_items(_chosen(modules, arguments.sample, arguments.seed))
            for item in list(db.pending_work_items):
                try:
                    result = _result(item, tests)
                except AttributeError:  # Cosmic Ray cannot replace an exception with a dotted name
                    result = WorkResult(worker_outcome=WorkerOutcome.NO_TEST)
                db.set_result(item.job_id, result)
            _report(db)


@contextlib.contextmanager
def _copy_of_package() -> Iterator[None]:
    """Changes to a copy of the package and its tests, from which modules are imported."""
    sys.dont_write_bytecode = True  # a stale file would hide the change of a source of the same second and length
    with tempfile.TemporaryDirectory() as folder:
        for name in _COPIED:
            source, target = ROOT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        os.chdir(folder)
        sys.path = [folder, *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]
        for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
            del sys.modules[name]
        yield


class _Contexts:
    """Plugin of pytest that says to coverage.py which test runs, and measures the processor time of those that pass."""

    def __init__(self, coverage: Coverage):
        self.coverage = coverage
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.coverage.switch_context(item.nodeid)
        start = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - start
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)


def _make_map(kept: Path, tests: list[str]) -> None:
    """Runs tests, and writes which lines each runs and how long it takes; tests that do not pass here are left out."""
    coverage = Coverage(data_file=kept)
    coverage.erase()
    plugin = _Contexts(coverage)
    coverage.start()
    pytest.main(["-n", "0", "-q", "-p", "no:cacheprovider", *tests], plugins=[plugin])
    coverage.stop()
    coverage.save()
    seconds = {name: took for name, took in plugin.seconds.items() if name not in plugin.failed}
    _seconds_file(kept).write_text(json.dumps(seconds))
    print(f"{len(seconds)} tests in the map, {len(plugin.failed)} left out: {sorted(plugin.failed)}")


def _seconds_file(kept: Path) -> Path:
    return kept.with_suffix(".json")


class _Tests:
    """Tests by the lines that they run.

    Args:
        kept: file of the map.
    """

    def __init__(self, kept: Path):
        if not kept.exists():
            sys.exit(f"There is no map at {kept}; make it with: python -m tests.mutation map")
        if changed := [path for path in ROOT.glob("hypergeo/**/*.py") if path.stat().st_mtime > kept.stat().st_mtime]:
            sys.exit(f"{changed[0].relative_to(ROOT)} is newer than the map; make the map again: python -m tests.mutation map")
        self._data = CoverageData(str(kept))
        self._data.read()
        self._seconds: dict[str, float] = json.loads(_seconds_file(kept).read_text())

    def running(self, path: Path, line: int) -> list[str]:
        """Returns the quickest tests that run the statement at a line, or any line of the module if it is in no function."""
        entered = self._data.contexts_by_lineno(str(path))
        lines = _statement(path, line) or entered
        names = {name for at in lines for name in entered.get(at, ()) if name in self._seconds}
        quickest = sorted(names, key=self._seconds.__getitem__)
        until = accumulate(self._seconds[name] for name in quickest)
        return [name for name, seconds in zip(quickest, until, strict=True) if seconds <= SETTINGS["tests-seconds"]]


def _statement(path: Path, line: int) -> range | None:
    """Returns the lines of the innermost statement of a function that contains a line; ``None`` outside of functions."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = [part for function in functions for part in function.body if part.lineno <= line <= (part.end_lineno or 0)]
    parts = [node for part in inside for node in ast.walk(part) if isinstance(node, ast.stmt)]
    around = [range(node.lineno, (node.end_lineno or 0) + 1) for node in parts]
    return min((lines for lines in around if line in lines), key=len, default=None)


def _chosen(patterns: list[str], number: int, seed: int) -> list[WorkItem]:
    """Returns a random sample of the changes that the settings allow, at most one of a kind at each place."""
    excluded = re.compile("|".join(SETTINGS["exclude-operators"]))
    names = [name for name in operator_names() if not excluded.search(name)]
    operators = {name: get_operator(name)() for name in names if not get_operator(name).arguments()}
    chance, places = random.Random(seed), dict[tuple[str, tuple[int, int], str], list[MutationSpec]]()
    for path in (path for pattern in patterns for path in sorted(Path().glob(pattern))):
        nodes = list(ast_nodes(get_ast_from_path(path)))
        for name, operator in operators.items():
            positions = [place for node in nodes for place in operator.mutation_positions(node)]
            for occurrence, (start, end) in enumerate(positions):
                kind = name.rsplit("/", 1)[-1].split("_")[0]
                places.setdefault((str(path), start, kind), []).append(MutationSpec(path, name, occurrence, start, end))
    chosen = [chance.choice(places[place]) for place in sorted(places)]
    print(f"{len(chosen)} places to change", flush=True)
    sample = chance.sample(chosen, min(number or len(chosen), len(chosen)))
    return [WorkItem.single(uuid.uuid4().hex, change) for change in sample]


def _result(item: WorkItem, tests: _Tests) -> WorkResult:
    """Returns the result of the tests of one mutant."""
    (change,) = item.mutations
    operator = get_operator(change.operator_name)(**change.operator_args)
    chosen = tests.running(change.module_path, change.start_pos[0])
    with use_mutation(change.module_path, operator, change.occurrence) as (before, after):
        if after is None:
            return WorkResult(worker_outcome=WorkerOutcome.NO_TEST)
        start = time.monotonic()
        code = _status(chosen) if chosen else 0
        if code == _NOT_COLLECTED:
            code = _status(list(dict.fromkeys(name.partition("[")[0] for name in chosen)))
        took = time.monotonic() - start
    row = change.start_pos[0] - 1
    description = f"{change.module_path}:{row + 1}: {before.splitlines()[row].strip()}  ->  {after.splitlines()[row].strip()}"
    outcome = TestOutcome.SURVIVED if code == 0 else TestOutcome.KILLED
    print(f"{outcome.value:8} {took:5.0f} s {len(chosen):5} tests  {description}", flush=True)
    return WorkResult(worker_outcome=WorkerOutcome.NORMAL, test_outcome=outcome, output=f"exit status {code}", diff=description)


def _status(tests: list[str]) -> int:
    """Returns the exit status of pytest for some tests in a separate process; negative after a timeout.

    Processor time is limited, so that a busy machine condemns no mutant; the clock ends tests that wait for ever.
    """
    seconds = SETTINGS["timeout"]
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = pytest.main(["-n", "0", "-x", "-q", "-p", "no:cacheprovider", "-W", _PRELOADED_WARNING, *tests])
        os._exit(int(code))
    deadline = time.monotonic() + _PATIENCE * seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # what its tests started outlives it where it was ended
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -1


def _report(db: WorkDB) -> None:
    """Prints the share of noticed mutants, and the surviving ones."""
    done = [result for _, result in db.completed_work_items if result.worker_outcome is WorkerOutcome.NORMAL]
    number = Counter(result.test_outcome for result in done)
    survivors = [result.diff for result in done if result.test_outcome is TestOutcome.SURVIVED]
    print(
        f"\n{number[TestOutcome.KILLED]} of {len(done)} mutants noticed ({number[TestOutcome.KILLED] / max(len(done), 1):.1%})"
    )
    print(*survivors, sep="\n")


if __name__ == "__main__":
    main()
