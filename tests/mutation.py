"""Mutation testing: makes small changes in a copy of the package, one at a time, and reports those that no test notices.

    python -m tests.mutation numerics --sample 60 --seed 0 --session results/numerics.sqlite

Cosmic Ray makes the changes and keeps the results (``cr-report`` and ``cr-html`` read the session). ``pyproject.toml``
assigns tests to modules under ``[tool.hypergeo.mutation]``. Each mutant is tested in a process that is forked from one with
torch, SciPy and Streamlit imported, since these imports take longer than the tests of most mutants.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
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
from pathlib import Path

import pytest
from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hypergeo"]["mutation"]
_COPIED = ("hypergeo", "tests", "pages", "app.py", "pyproject.toml", "README.md")
_PATIENCE = 10  # times the processor time that the tests of a mutant may take by the clock
_PRELOADED_WARNING = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
_PRELOADED = ("torch", "torch.distributions", "scipy.stats", "scipy.optimize", "streamlit.testing.v1", "plotly.graph_objects")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=sorted(SETTINGS["parts"]), help="which part of the package to change")
    parser.add_argument("--sample", type=int, default=0, help="number of mutants, drawn at random; all of them when omitted")
    parser.add_argument("--seed", type=int, default=0, help="of the random choice")
    parser.add_argument("--quick", action="store_true", help="leave out the slow tests, which a change that survives runs too")
    parser.add_argument("--session", type=Path, required=True, help="file of the results; a run that was ended goes on there")
    arguments = parser.parse_args()
    part, session = SETTINGS["parts"][arguments.part], arguments.session.resolve()
    tests = [part["quick"]] if arguments.quick or not part["slow"] else [part["quick"], part["slow"]]
    sys.dont_write_bytecode = True  # a stale file would hide the change of a source of the same second and length
    for name in _PRELOADED:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        for name in _COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            ignore = {"ignore": shutil.ignore_patterns("__pycache__")} if source.is_dir() else {}
            copy(source, Path(folder) / name, **ignore)
        os.chdir(folder)
        sys.path = [folder, *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]
        for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
            del sys.modules[name]
        if not session.exists() and (code := _tried(tests, SETTINGS["timeout"])) != 0:
            sys.exit(f"The tests of {arguments.part} fail without any change (exit status {code}).")
        fresh = not session.exists()
        with use_db(str(session), WorkDB.Mode.create if fresh else WorkDB.Mode.open) as db:
            if fresh:
                db.add_work_items(_chosen(part["modules"], arguments.sample, arguments.seed))
            for item in list(db.pending_work_items):
                db.set_result(item.job_id, _result(item, tests))
            _report(db)


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


def _result(item: WorkItem, tests: list[list[str]]) -> WorkResult:
    """Returns the result of the tests of one mutant."""
    (change,) = item.mutations
    operator = get_operator(change.operator_name)(**change.operator_args)
    with use_mutation(change.module_path, operator, change.occurrence) as (before, after):
        if after is None:
            return WorkResult(worker_outcome=WorkerOutcome.NO_TEST)
        start = time.monotonic()
        code = _tried(tests, SETTINGS["timeout"])
        took = time.monotonic() - start
    line = after.splitlines()[change.start_pos[0] - 1].strip()
    description = (
        f"{change.module_path}:{change.start_pos[0]}: {before.splitlines()[change.start_pos[0] - 1].strip()}  ->  {line}"
    )
    outcome = TestOutcome.SURVIVED if code == 0 else TestOutcome.KILLED
    print(f"{outcome.value:8} {took:5.0f} s  {description}", flush=True)
    return WorkResult(worker_outcome=WorkerOutcome.NORMAL, test_outcome=outcome, output=f"exit status {code}", diff=description)


def _tried(tests: list[list[str]], seconds: float) -> int:
    """Returns the exit status of the first tests that fail, or zero."""
    return next((code for some in tests if (code := _status(some, seconds)) != 0), 0)


def _status(tests: list[str], seconds: float) -> int:
    """Returns the exit status of pytest for some tests in a separate process; negative after a timeout.

    Processor time is limited, so that a busy machine condemns no mutant; the clock ends tests that wait for ever.
    """
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
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
