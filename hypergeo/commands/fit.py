"""The subcommand ``python -m hypergeo fit``, which estimates weights from observed counts."""

from __future__ import annotations

import argparse
import json
import math

import torch

from hypergeo._records import csv_records
from hypergeo.datasets.counts_csv import CountsTable
from hypergeo.distributions.fitting import WeightFit, fit_weights

from .inputs import add_table_arguments, counts_of
from .terminal import Terminal, add_output_arguments, output_format, table
from .urn_arguments import level, sizes

__all__ = ["EPILOG", "add_arguments", "run"]

EPILOG = """examples:
  a row for each observation, a column for each group; the first line may name the groups:
    python -m hypergeo fit counts.csv -m 10,10,10
  from another program; the estimates are close to the weights 1, 2, 4 of the samples:
    python -m hypergeo sample -N 2000 -n 15 -m 3x10 -w 1,2,4 | python -m hypergeo fit - -m 3x10

Tables of any separator, decimal mark and encoding are read; what is inferred is written to standard error. Rows with missing
counts are left out and reported. Rows may have different sums: each row's sum is its number of elements drawn. Counts identify
only ratios of weights; the printed weights have geometric mean one. A group that is never drawn has weight zero, and a group
that is always drawn up to its bound has an infinite weight; neither has an interval. Intervals are Wald's, on the log scale."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand.

    Args:
        parser: parser of the subcommand.
    """
    parser.add_argument(
        "counts", nargs="?", default="-", metavar="FILE", help="observed counts (CSV); standard input by default"
    )
    parser.add_argument(
        "-m", "--group-sizes", type=sizes, required=True, metavar="SIZES", help="elements in each group: 10,10,10 or 3x10"
    )
    parser.add_argument("--level", type=level, default=0.95, metavar="P", help="coverage of the intervals, 0.95 by default")
    add_table_arguments(parser, "counts")
    add_output_arguments(parser, ["text", "json", "csv"])


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Fits and writes the weights.

    Args:
        arguments: parsed arguments.
        terminal: output of the results and of warnings.
    """
    chosen = output_format(arguments)
    torch.set_num_threads(1)
    observed = counts_of(arguments.counts, arguments, len(arguments.group_sizes), terminal)
    fit = fit_weights(observed.counts, arguments.group_sizes)
    if not fit.converged:
        terminal.say("The likelihood has no maximum: some ratios of weights are not identified, so there are no intervals.")
    rows = _rows(observed, arguments.group_sizes, fit, arguments.level)
    if chosen == "json":
        record = {
            "groups": rows,
            "level": arguments.level,
            "observations": len(observed.counts),
            "log_likelihood": fit.log_likelihood,
            "converged": fit.converged,
        }
        terminal.write(json.dumps(record, ensure_ascii=False) + "\n")
    elif chosen == "csv":
        terminal.write(csv_records(rows))
    else:
        head = ["group", "size", "weight", "log weight", "standard error", f"{100 * arguments.level:g} % interval", ""]
        shown = [
            [
                str(row["group"]),
                str(row["size"]),
                _formatted(row["weight"]),
                _formatted(row["log_weight"]),
                _formatted(row["standard_error"]),
                "-" if row["low"] is None else f"{_formatted(row['low'])} to {_formatted(row['high'])}",
                str(row["note"]),
            ]
            for row in rows
        ]
        terminal.write(
            f"{len(observed.counts):,} observations, log-likelihood {fit.log_likelihood:.6g}\n\n{table(head, shown)}"
        )


def _rows(observed: CountsTable, group_sizes: list[int], fit: WeightFit, level: float) -> list[dict[str, object]]:
    interval = fit.confidence_interval(level).tolist()
    rows: list[dict[str, object]] = []
    for group, name in enumerate(observed.names):
        log_weight = float(fit.log_weights[group])
        note = ""
        if math.isnan(log_weight):
            note = "counts are forced: no information"
        elif math.isinf(log_weight):
            note = "never drawn" if log_weight < 0 else "always drawn to its bound"
        rows.append(
            {
                "group": name,
                "size": group_sizes[group],
                "weight": _finite(float(fit.weights[group])),
                "log_weight": _finite(log_weight),
                "standard_error": _finite(float(fit.standard_errors[group])),
                "low": _finite(interval[group][0]),
                "high": _finite(interval[group][1]),
                "note": note,
            }
        )
    return rows


def _finite(value: float) -> float | str | None:
    """Returns a number for JSON: ``None`` for NaN, text for infinity."""
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


def _formatted(value: object) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.4g}"
