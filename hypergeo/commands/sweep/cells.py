"""One cell of a sweep: what is measured, by which code, and where its result is kept."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from hypergeo._records import from_record, plain, to_record
from hypergeo.commands.named_estimators import ESTIMATORS, with_target
from hypergeo.objectives import preset_objective
from hypergeo.quality import QualityReport
from hypergeo.quality.records import UrnRecord

__all__ = ["Cell", "CellFolder", "code_version", "measure_record"]

_PACKAGE = Path(__file__).parents[2]
_MEASURED_BY = (
    "_records.py",
    "_validate.py",
    "numerics",
    "distributions",
    "objectives.py",
    "estimators",
    "quality",
    "commands/named_estimators.py",
    "commands/sweep/cells.py",
)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Cell:
    """A report on samplers of one urn at one temperature, or on gradient estimators: what one worker does in one go.

    Attributes:
        urn: the urn.
        temperature: of the relaxation; ``None`` for estimators that have none.
        seed: of all random numbers of the cell.
        num_samples: draws of each sampler; 0 for gradients.
        conditionals: of the samplers.
        samplers: ``"soft"``, ``"straight-through"`` or both; empty for gradients.
        estimators: names as on the command line; empty for samplers.
        objective: name of the objective; ``""`` for samplers.
        target: of the objective; ``None`` for the preset one.
        num_gradients: estimates of each estimator; 0 for samplers.
        num_evaluations: draws of each estimate; 0 for samplers.
        level: false-alarm rate of the whole sweep.

    Example:
        >>> cell = Cell(UrnRecord(5, (3, 4), (0.0, 1.0)), 0.5, seed=1, num_samples=100, samplers=("straight-through",))
        >>> cell.measure().samples[0].label
        'Straight-through, exact conditionals'
    """

    urn: UrnRecord
    temperature: float | None
    seed: int
    num_samples: int = 0
    conditionals: tuple[str, ...] = ("exact",)
    samplers: tuple[str, ...] = ()
    estimators: tuple[str, ...] = ()
    objective: str = ""
    target: tuple[float, ...] | None = None
    num_gradients: int = 0
    num_evaluations: int = 0
    level: float = 0.01

    def measure(self) -> QualityReport:
        """The report, on one thread, so that it depends on nothing but the cell; torch's threads stay as they were."""
        law = self.urn.law()
        with _one_at_a_time:  # the number of torch's threads is the process's, and a cluster's worker may have several
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                return QualityReport.measure(
                    law,
                    [1.0 if self.temperature is None else self.temperature],
                    with_target(preset_objective(self.objective, law), self.target) if self.estimators else None,
                    [ESTIMATORS[name]() for name in self.estimators],
                    num_samples=max(self.num_samples, 1),
                    num_gradients=max(self.num_gradients, 2),
                    num_evaluations=max(self.num_evaluations, 1),
                    straight_through=[name == "straight-through" for name in self.samplers],
                    conditionals=self.conditionals,
                    level=self.level,
                    seed=self.seed,
                )
            finally:
                torch.set_num_threads(threads)

    def key(self) -> str:
        """A name for the cell and the code that measures it: another cell, or other code, has another."""
        return hashlib.sha256(json.dumps([to_record(self), code_version()]).encode()).hexdigest()[:32]


@cache
def code_version() -> dict[str, str]:
    """The code that a cell's numbers come from: a digest of this package's modules that take part, and what they stand on."""
    digest = hashlib.sha256()
    for file in _sources():
        digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\n".encode() + file.read_bytes())
    return {"hypergeo": digest.hexdigest()[:16], **{name: version(name) for name in ("torch", "numpy", "scipy")}}


def _sources() -> list[Path]:
    """Source files of all packages that a cell runs through."""
    entries = [_PACKAGE / entry for entry in _MEASURED_BY]
    return sorted(file for entry in entries for file in (entry.rglob("*.py") if entry.is_dir() else [entry]))


def measure_record(record: str) -> dict[str, object]:
    """What a worker does with a cell; text in and out, so that it means the same wherever it runs.

    Args:
        record: a :class:`Cell` as JSON.

    Returns:
        ``version`` of the worker's code, and the ``report`` as JSON or an ``error`` in words.
    """
    with _one_at_a_time:  # Python's parser does not take two threads at once
        code = code_version()
    try:
        return {"version": code, "report": from_record(record, Cell).measure().to_json()}
    except (MemoryError, RuntimeError) as error:
        memory = isinstance(error, MemoryError) or "alloc" in str(error)
        words = "it needs more memory than there is" if memory else " ".join(str(error).split())[:300]
    except (ValueError, ArithmeticError) as error:
        words = " ".join(str(error).split())[:300]
    return {"version": code, "error": words}


class CellFolder:
    """Finished cells, each in a file of its own that is there whole or not at all.

    Args:
        path: the folder; made where it is missing.
    """

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def get(self, cell: Cell) -> QualityReport | None:
        """What was measured of exactly this cell by exactly this code; ``None`` where nothing was."""
        try:
            kept = json.loads(self._file(cell).read_text(encoding="utf-8"))
            if kept["cell"] != plain(cell) or kept["version"] != code_version():
                return None
            return QualityReport.from_json(json.dumps(kept["report"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, cell: Cell, report: str) -> QualityReport:
        """Keeps a report, given as JSON."""
        kept = {"cell": plain(cell), "version": code_version(), "report": json.loads(report)}
        file = self._file(cell)
        partial = file.with_suffix(f".{os.getpid()}.partial")
        try:
            partial.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        return QualityReport.from_json(report)

    def _file(self, cell: Cell) -> Path:
        return self.path / f"{cell.key()}.json"
