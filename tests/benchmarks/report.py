"""Results of benchmarks as Markdown tables and as JSON."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from .timing import Timing

__all__ = ["Cell", "Missing", "Section", "Verdict", "machine", "table", "to_json"]


@dataclass(frozen=True)
class Missing:
    """A measurement that was not made."""

    reason: str


Cell = str | int | float | bool | Timing | Missing | None


@dataclass(frozen=True)
class Verdict:
    """A measured number and its bound.

    Attributes:
        what: description of the number.
        measured: the number, or the reason why it is missing.
        bound: largest or smallest allowed number.
        unit: unit of both.
    """

    what: str
    measured: float | Missing
    bound: float
    unit: str
    at_least: bool = False
    """Whether the bound is a lower one."""
    judged: bool = True
    """Whether the run had enough effort for a verdict."""

    @property
    def passed(self) -> bool | None:
        """Whether the bound is satisfied; ``None`` without a measurement or a verdict.

        Example:
            >>> Verdict("a race", 30.0, 25.0, "×", at_least=True).passed
            True
            >>> Verdict("a race", 30.0, 25.0, "s").passed
            False
        """
        if isinstance(self.measured, Missing) or not self.judged:
            return None
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def row(self) -> dict[str, Cell]:
        """Returns the verdict as a row of a table."""
        outcome = {True: "pass", False: "FAIL", None: "not judged"}[self.passed]
        bound = f"{'≥' if self.at_least else '≤'} {self.bound:g} {self.unit}"
        measured = self.measured if isinstance(self.measured, Missing) else f"{_number(self.measured)} {self.unit}"
        return {"what": self.what, "must be": bound, "measured": measured, "": outcome}


@dataclass
class Section:
    """One table of results and the verdicts that follow from it."""

    name: str
    title: str
    rows: list[dict[str, Cell]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


def table(rows: Sequence[dict[str, Cell]]) -> str:
    """Returns a padded Markdown table, followed by the reasons of missing cells.

    Example:
        >>> print(table([{"case": "a", "ours": Timing.of([0.0021]), "theirs": Missing("no R")}]))
        | case |   ours | theirs |
        | :--- | -----: | -----: |
        | a    | 2.1 ms |    [1] |
        [1] no R
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    reasons = list(dict.fromkeys(cell.reason for row in rows for cell in row.values() if isinstance(cell, Missing)))
    texts = [[_text(row.get(name), reasons) for name in columns] for row in rows]
    words = [all(isinstance(row.get(name, ""), str) for row in rows) for name in columns]
    widths = [max(4, len(name), *(len(line[i]) for line in texts)) for i, name in enumerate(columns)]

    def join(cells: Sequence[str]) -> str:
        padded = (c.ljust(w) if left else c.rjust(w) for c, w, left in zip(cells, widths, words, strict=True))
        return f"| {' | '.join(padded)} |"

    rule = [":" + "-" * (w - 1) if left else "-" * (w - 1) + ":" for w, left in zip(widths, words, strict=True)]
    notes = [f"[{i}] {reason}" for i, reason in enumerate(reasons, 1)]
    return "\n".join([join(columns), f"| {' | '.join(rule)} |", *map(join, texts), *notes])


def to_json(sections: Sequence[Section], settings: dict[str, Any], at_start: dict[str, Any]) -> dict[str, Any]:
    """Returns all measurements as JSON values.

    Args:
        sections: tables and verdicts.
        settings: settings of the run.
        at_start: description of the machine at the start.
    """
    return {
        "machine": at_start,
        "load_average_at_end": os.getloadavg(),
        "settings": settings,
        "sections": {
            section.name: {
                "title": section.title,
                "rows": [{name: _plain(cell) for name, cell in row.items()} for row in section.rows],
            }
            for section in sections
        },
        "targets": [
            {**asdict(verdict), "measured": _plain(verdict.measured), "passed": verdict.passed}
            for section in sections
            for verdict in section.verdicts
        ],
    }


def machine() -> dict[str, Any]:
    """Returns a description of the machine, versions of libraries and the current load."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "scipy")},
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg(),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or sys.platform


def _text(cell: Cell, reasons: list[str]) -> str:
    match cell:
        case None:
            return ""
        case Missing(reason):
            return f"[{reasons.index(reason) + 1}]"
        case Timing(median):
            return _seconds(median)
        case bool() | str():
            return str(cell)
        case _:
            return _number(cell)


def _number(number: float) -> str:
    """Returns a number with three significant digits, if possible without an exponent."""
    if isinstance(number, int) or 1e3 <= abs(number) < 1e6:
        return f"{round(number):,}"
    return f"{number:.3g}"


def _seconds(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _plain(cell: Cell) -> Any:
    match cell:
        case Timing():
            return asdict(cell)
        case Missing(reason):
            return {"missing": reason}
        case _:
            return cell
