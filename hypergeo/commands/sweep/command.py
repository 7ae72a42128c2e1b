"""The command ``python -m hypergeo quality --sweep``, which measures every cell of a grid once, in parallel."""

from __future__ import annotations

import argparse
from pathlib import Path

from hypergeo.commands.inputs import read_text
from hypergeo.commands.terminal import Terminal

from .cells import Cell, CellFolder
from .grid import SETTINGS, read_grid
from .summary import SweepSummary, urn_label
from .workers import measured

__all__ = ["run_sweep"]

_FAILED, _DISTRUSTED = 1, 3
_REPORTED_FAILURES = 5  # failures that are reported one by one


def run_sweep(arguments: argparse.Namespace, terminal: Terminal, chosen: str) -> int:
    """Measures the cells that have no stored result, and writes the summary.

    Args:
        arguments: parsed arguments of ``quality``.
        terminal: output of the results and the progress.
        chosen: format of the summary.

    Returns:
        Exit status: 1 if cells could not be measured; 3 with ``--strict`` if any sampler or estimator fails; else 0.
    """
    _check(arguments)
    rules = ["exact", "merged"] if arguments.conditionals == "both" else [arguments.conditionals]
    defaults = vars(arguments) | {"conditionals": rules, "seeds": [arguments.seed]}
    cells = read_grid(read_text(str(arguments.sweep)), {name: defaults[name] for name in SETTINGS})
    folder = CellFolder(arguments.cells or arguments.sweep.with_name(f"{arguments.sweep.name.removesuffix('.json')}.cells"))
    reports = {cell: stored_report for cell in cells if (stored_report := folder.get(cell)) is not None}
    stored, failed = len(reports), dict[Cell, str]()
    ahead = [cell for cell in cells if cell not in reports]
    # The slowest cells come first (control variates, large samples), so that no worker waits for another at the end.
    ahead.sort(key=lambda cell: (cell.temperature is not None, -cell.num_samples))

    def progress() -> None:
        done = len(reports) + len(failed)
        words = f"{done:,} of {len(cells):,} cells{f', {stored:,} of them stored' if stored else ''}"
        terminal.progress(done / len(cells), f"{words}{f', {len(failed):,} failed' if failed else ''}")

    progress()
    for cell, report, error in measured(ahead, arguments.workers, arguments.scheduler):
        if report is not None:
            reports[cell] = folder.put(cell, report)
        else:
            failed[cell] = error or "no result"
        progress()
    summary = SweepSummary(cells, {cell: reports[cell] for cell in cells if cell in reports}, failed)
    terminal.write(_written(summary, chosen))
    for cell, why in list(failed.items())[:_REPORTED_FAILURES]:
        at = "" if cell.temperature is None else f", temperature {cell.temperature:g}"
        terminal.say(f"not measured: {urn_label(cell.urn)}{at}, seed {cell.seed}: {why}")
    if len(failed) > _REPORTED_FAILURES:
        terminal.say(f"not measured: {len(failed) - _REPORTED_FAILURES:,} more")
    if failed:
        return _FAILED
    return _DISTRUSTED if arguments.strict and summary.distrusted() else 0


def _check(arguments: argparse.Namespace) -> None:
    own = {
        "-n": arguments.total_count,
        "-m": arguments.group_sizes,
        "-w": arguments.weights,
        "--log-weights": arguments.log_weights,
    }
    if doubled := [name for name, value in {**own, "--counts": arguments.counts}.items() if value is not None]:
        raise ValueError(f"--sweep takes its urns from the grid; leave {', '.join(doubled)} out")
    if arguments.threads != 1:
        raise ValueError("--sweep measures each cell on one thread; leave --threads out, and set --workers")
    if arguments.workers is not None and arguments.scheduler is not None:
        raise ValueError("--scheduler has workers of its own; leave --workers out")
    if str(arguments.sweep) == "-" and arguments.cells is None:
        raise ValueError("--sweep - needs --cells, a folder for the finished cells")
    if arguments.cells is not None and arguments.cells.exists() and not Path(arguments.cells).is_dir():
        raise ValueError(f"--cells must be a folder; got {arguments.cells}")


def _written(summary: SweepSummary, chosen: str) -> str:
    if chosen == "json":
        return summary.to_json()
    if chosen == "csv":
        return summary.to_csv()
    if chosen == "html":
        from hypergeo.figures.quality.report import sweep_html

        return sweep_html(summary.sentence(), summary.tables())
    return summary.to_text()
