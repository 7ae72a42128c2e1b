"""One cell of a sweep: its measurement, the version of the code, and the storage of its result."""

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
_CODE = (
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
_measuring = threading.Lock()


@dataclass(frozen=True)
class Cell:
    """Describes a report on samplers of one urn at one temperature, or on gradient estimators. A worker measures one cell at a
    time.

    Attributes:
        urn: parameters of the urn.
        temperature: temperature of the relaxation; ``None`` for estimators without one.
        seed: seed of all random numbers of the cell.
        num_samples: samples of each sampler; 0 for gradients.
        conditionals: conditionals of the samplers.
        samplers: ``"soft"``, ``"straight-through"`` or both; empty for gradients.
        estimators: names as on the command line; empty for samplers.
        objective: name of the objective; ``""`` for samplers.
        target: target of the objective; ``None`` for the preset one.
        num_gradients: estimates of each estimator; 0 for samplers.
        num_evaluations: samples per estimate; 0 for samplers.
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
        """Measures the cell on one thread, so that the report depends only on the cell. Torch's number of threads is restored
        afterwards.

        Returns:
            The report.
        """
        distribution = self.urn.law()
        with _measuring:  # torch's number of threads is shared by the threads of a worker
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            try:
                return QualityReport.measure(
                    distribution,
                    [1.0 if self.temperature is None else self.temperature],
                    with_target(preset_objective(self.objective, distribution), self.target) if self.estimators else None,
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
        """Computes a key of the cell and of the code that measures it.

        Returns:
            Hexadecimal digest.
        """
        return hashlib.sha256(json.dumps([to_record(self), code_version()]).encode()).hexdigest()[:32]


@cache
def code_version() -> dict[str, str]:
    """Identifies the code that determines a cell's numbers.

    Returns:
        Digest of the modules of this package that take part, and the versions of the libraries.
    """
    digest = hashlib.sha256()
    for file in _sources():
        digest.update(f"{file.relative_to(_PACKAGE).as_posix()}\n".encode() + file.read_bytes())
    return {"hypergeo": digest.hexdigest()[:16], **{name: version(name) for name in ("torch", "numpy", "scipy")}}


def _sources() -> list[Path]:
    """Returns the source files that determine a cell's numbers."""
    entries = [_PACKAGE / entry for entry in _CODE]
    return sorted(file for entry in entries for file in (entry.rglob("*.py") if entry.is_dir() else [entry]))


def measure_record(record: str) -> dict[str, object]:
    """Measures a cell in a worker. Input and output are text, so that they do not depend on the process.

    Args:
        record: a :class:`Cell` as JSON.

    Returns:
        ``version`` of the worker's code, and the ``report`` as JSON or an ``error`` message.
    """
    with _measuring:  # Python's parser does not support two threads at the same time
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
    """Stores finished cells, each in its own file. A file is written completely or not at all.

    Args:
        path: the folder; created if it is missing.
    """

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def get(self, cell: Cell) -> QualityReport | None:
        """Reads the report of a cell that was measured by exactly this code.

        Args:
            cell: the cell.

        Returns:
            The report; ``None`` if there is none.
        """
        try:
            record = json.loads(self._file(cell).read_text(encoding="utf-8"))
            if record["cell"] != plain(cell) or record["version"] != code_version():
                return None
            return QualityReport.from_json(json.dumps(record["report"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, cell: Cell, report: str) -> QualityReport:
        """Stores the report of a cell.

        Args:
            cell: the cell.
            report: its report as JSON.

        Returns:
            The report.
        """
        record = {"cell": plain(cell), "version": code_version(), "report": json.loads(report)}
        file = self._file(cell)
        partial = file.with_suffix(f".{os.getpid()}.partial")
        try:
            partial.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        return QualityReport.from_json(report)

    def _file(self, cell: Cell) -> Path:
        return self.path / f"{cell.key()}.json"
