"""Storage of the finished runs of ``cluster``, and the progress display with the remaining time."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from hypergeo.clustering.benchmark.study import ClusterRun
from hypergeo.clustering.benchmark.task import ClusterTask

from .terminal import Terminal

__all__ = ["Pace", "RunFolder", "duration", "run_key"]

_PACKAGE = Path(__file__).parents[1]
_MEASURED_BY = ("_validate.py", "numerics", "distributions", "estimators", "partitions", "clustering", "datasets")
_TICK = 1.0  # seconds between two updates of the progress on a terminal
_LINE = 4.0  # the same elsewhere, where each update is a line


@cache
def _code_version() -> str:
    digest = hashlib.sha256(json.dumps([version(name) for name in ("torch", "numpy", "scipy", "scikit-learn")]).encode())
    for entry in (_PACKAGE / name for name in _MEASURED_BY):
        for file in sorted(entry.rglob("*.py")) if entry.is_dir() else [entry]:
            digest.update(file.relative_to(_PACKAGE).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def run_key(method: str, task: ClusterTask, classes: np.ndarray | None) -> str:
    """Computes a key of a method, a task and the code. The key changes if one of them changes.

    Args:
        method: name of the method.
        task: points and settings.
        classes: true classes, shape ``(N,)``, or ``None``.

    Returns:
        Hexadecimal digits.
    """
    settings = [method, task.num_clusters, task.seed, task.restarts, task.steps, task.temperature, task.capacities]
    digest = hashlib.sha256(json.dumps([*settings, task.shape, task.network_steps, _code_version()]).encode())
    for array in (task.points, classes):
        digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]


class RunFolder:
    """Stores finished runs, each in its own file.

    Args:
        path: the folder; created when the first run is stored.
    """

    def __init__(self, path: Path):
        self.path = path

    def get(self, key: str) -> ClusterRun | None:
        """Reads a run.

        Args:
            key: key of the run.

        Returns:
            The run; ``None`` if there is none.
        """
        try:
            kept = json.loads((self.path / f"{key}.json").read_text(encoding="utf-8"))
            return ClusterRun(**{**kept, "sizes": tuple(kept["sizes"]), "true_sizes": tuple(kept["true_sizes"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, run: ClusterRun) -> None:
        """Writes a run to a file, completely or not at all.

        Args:
            key: key of the run.
            run: the run.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        partial = self.path / f"{key}.partial"
        partial.write_text(json.dumps(asdict(run), ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(self.path / f"{key}.json")


class Pace:
    """Shows the progress of several pieces of work of known cost, with the time left. A thread updates it between reports.

    Args:
        terminal: output of the progress.
        costs: estimated seconds of each piece that is not finished yet, in the order of the work.
    """

    def __init__(self, terminal: Terminal, costs: Mapping[str, float]):
        self._terminal, self._costs = terminal, dict(costs)
        self._left = sum(costs.values())
        self._whole = max(self._left, 1e-9)
        self._spent = self._estimated = 0.0
        self._lock = threading.Lock()
        self._name, self._begun, self._share, self._cost = "", 0.0, 0.0, 0.0

    @contextmanager
    def piece(self, name: str, key: str) -> Iterator[None]:
        """Shows a piece of work while it runs.

        Args:
            name: description.
            key: key of its cost.

        Yields:
            Nothing.
        """
        self._name, self._begun, self._share, self._cost = name, time.monotonic(), 0.0, self._costs[key]
        ended = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(ended,), daemon=True)
        self._show()
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()
        self._spent += time.monotonic() - self._begun
        self._estimated += self._cost
        self._left -= self._cost

    def report(self, share: float) -> None:
        """Sets the fraction of the piece that is done.

        Args:
            share: between 0 and 1; other values are clipped.
        """
        self._share = min(max(share, 0.0), 1.0)

    def _tick(self, ended: threading.Event) -> None:
        while not ended.wait(_TICK if self._terminal.live else _LINE):
            self._show()

    def _show(self) -> None:
        gone = time.monotonic() - self._begun
        # Speed relative to the estimates, from finished pieces, and from this piece once it has reported progress.
        speed = self._spent / self._estimated if self._estimated > 1 else 1.0
        ahead = speed * self._cost - gone if self._share <= 0.05 else gone * (1 - self._share) / self._share
        done = 1 - (self._left - self._cost * max(self._share, min(gone / max(speed * self._cost, 1e-9), 0.95))) / self._whole
        left = max(ahead, 0.0) + speed * (self._left - self._cost)
        share = f", {100 * self._share:.0f} % of it" if self._share else ""
        with self._lock:
            self._terminal.progress(max(done, 0.0), f"{self._name}{share}, about {duration(left)} left")


def duration(seconds: float) -> str:
    """Formats a time.

    Args:
        seconds: the time in seconds.

    Returns:
        The time in seconds, minutes or hours.

    Example:
        >>> duration(7.2), duration(95), duration(5000)
        ('7 s', '1 min 35 s', '1 h 23 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
