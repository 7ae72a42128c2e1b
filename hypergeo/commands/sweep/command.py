"""``python -m hypergeo quality --sweep``: every cell of a grid, on as many processes as there are, and never twice."""

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
_NAMED = 5  # failures that are said one by one


def run_sweep(given: argparse.Namespace, terminal: Terminal, chosen: str) -> int:
    """Measures what is not kept yet, and writes the summary.

    Args:
        given: the arguments of ``quality``.
        terminal: where results and progress go.
        chosen: format of the summary.

    Returns:
        The status: 1 where cells could not be measured, 3 with ``--strict`` where something is not to be trusted.
    """
    _check(given)
    rules = ["exact", "merged"] if given.conditionals == "both" else [given.conditionals]
    said = vars(given) | {"conditionals": rules, "seeds": [given.seed]}
    cells = read_grid(read_text(str(given.sweep)), {name: said[name] for name in SETTINGS})
    folder = CellFolder(given.cells or given.sweep.with_name(f"{given.sweep.name.removesuffix('.json')}.cells"))
    reports = {cell: found for cell in cells if (found := folder.get(cell)) is not None}
    kept, failed = len(reports), dict[Cell, str]()
    ahead = [cell for cell in cells if cell not in reports]
    # What takes longest goes first (control variates, large samples), so that at the end no worker waits for another.
    ahead.sort(key=lambda cell: (cell.temperature is not None, -cell.num_samples))

    def progress() -> None:
        done = len(reports) + len(failed)
        words = f"{done:,} of {len(cells):,} cells{f', {kept:,} of them from before' if kept else ''}"
        terminal.progress(done / len(cells), f"{words}{f', {len(failed):,} failed' if failed else ''}")

    progress()
    for cell, report, error in measured(ahead, given.workers, given.scheduler):
        if report is not None:
            reports[cell] = folder.put(cell, report)
        else:
            failed[cell] = error or "no result"
        progress()
    summary = SweepSummary(cells, {cell: reports[cell] for cell in cells if cell in reports}, failed)
    terminal.write(_written(summary, chosen))
    for cell, why in list(failed.items())[:_NAMED]:
        at = "" if cell.temperature is None else f", temperature {cell.temperature:g}"
        terminal.say(f"not measured: {urn_label(cell.urn)}{at}, seed {cell.seed}: {why}")
    if len(failed) > _NAMED:
        terminal.say(f"not measured: {len(failed) - _NAMED:,} more")
    if failed:
        return _FAILED
    return _DISTRUSTED if given.strict and summary.distrusted() else 0


def _check(given: argparse.Namespace) -> None:
    own = {"-n": given.total_count, "-m": given.group_sizes, "-w": given.weights, "--log-weights": given.log_weights}
    if doubled := [name for name, value in {**own, "--counts": given.counts}.items() if value is not None]:
        raise ValueError(f"--sweep takes its urns from the grid; leave {', '.join(doubled)} out")
    if given.threads != 1:
        raise ValueError("--sweep measures each cell on one thread; leave --threads out, and say how many --workers")
    if given.workers is not None and given.scheduler is not None:
        raise ValueError("--scheduler has workers of its own; leave --workers out")
    if str(given.sweep) == "-" and given.cells is None:
        raise ValueError("--sweep - needs --cells, a folder for what is finished")
    if given.cells is not None and given.cells.exists() and not Path(given.cells).is_dir():
        raise ValueError(f"--cells must be a folder; got {given.cells}")


def _written(summary: SweepSummary, chosen: str) -> str:
    if chosen == "json":
        return summary.to_json()
    if chosen == "csv":
        return summary.to_csv()
    if chosen == "html":
        from hypergeo.figures.quality.report import sweep_html

        return sweep_html(summary.sentence(), summary.tables())
    return summary.to_text()
