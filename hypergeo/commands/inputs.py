"""Reads the files that commands take: tables of points or counts, and NumPy's archives."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hypergeo.datasets.counts_csv import CountsTable, read_counts
from hypergeo.datasets.labelled import LabelledArrays, labelled_archive
from hypergeo.datasets.tables.columns import guess_columns, table_points
from hypergeo.datasets.tables.table import Decimal, read_table

from .terminal import Terminal

_CLASS_NAMES = ("class", "label", "y", "target")  # which need not be said
__all__ = ["add_table_arguments", "column_names", "counts_of", "read_bytes", "read_points", "read_text"]


def add_table_arguments(parser: argparse._ArgumentGroup | argparse.ArgumentParser, what: str) -> None:
    """Adds the arguments that say how a table is read.

    Args:
        parser: a subcommand's, or a group of it.
        what: the columns hold.
    """
    parser.add_argument(
        "--columns",
        type=column_names,
        metavar="NAMES",
        help=f"of a table: the columns of {what}, by name or number: x,y or 2,3",
    )
    parser.add_argument(
        "--decimal", choices=["point", "comma"], help="of a table: the decimal mark, where numbers such as 1,234 leave it open"
    )


def column_names(text: str) -> list[str]:
    """Reads names of columns, separated by commas.

    Raises:
        argparse.ArgumentTypeError: for none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"must be names of columns, separated by commas; got {text!r}")
    return names


def counts_of(place: str, arguments: argparse.Namespace, groups: int, terminal: Terminal) -> CountsTable:
    """Counts from a table, with a line on standard error for all that was inferred beyond plain CSV.

    Args:
        place: a file, or ``-`` for standard input.
        arguments: with those of :func:`add_table_arguments`.
        groups: number of columns that there must be.
        terminal: where to say it.
    """
    table = read_counts(read_bytes(place), groups=groups, columns=arguments.columns, decimal=arguments.decimal)
    if not table.usual:
        terminal.say(" ".join(table.notes))
    return table


def read_points(
    place: str,
    *,
    columns: list[str] | None = None,
    labels: str | None = None,
    decimal: Decimal | None = None,
    standardise: bool = False,
) -> LabelledArrays:
    """Reads points from an archive (see :func:`~hypergeo.datasets.labelled.labelled_archive`), or from a table.

    Args:
        place: a file, or ``-`` for a table on standard input.
        columns: names or numbers of the columns of coordinates in a table; inferred when omitted, see
            :func:`~hypergeo.datasets.tables.columns.guess_columns`.
        labels: name or number of the column of classes; ``"none"`` for none; inferred when omitted.
        decimal: the decimal mark of a table.
        standardise: whether each column gets mean zero and standard deviation one.

    Raises:
        ValueError: saying what the file lacks.
    """
    if place.lower().endswith(".npz"):
        if columns or labels or decimal or standardise:
            raise ValueError("--columns, --labels, --decimal and --standardise go with a table; an archive has arrays x and y.")
        return labelled_archive(place)
    table = read_table(read_bytes(place), decimal=decimal)
    guess = guess_columns(table)
    axes = guess.axes if columns is None else tuple(table.find(name) for name in columns)
    label = guess.label if labels is None else None if labels == "none" else table.find(labels)
    if columns is None:
        axes = tuple(axis for axis in axes if axis != label)
    elif label in axes:
        label = None if labels is None else label
    notes = [note for note in guess.notes[:1] if label is not None and labels is None]
    notes += guess.notes[len(notes) :] if columns is None and labels is None else []
    if not axes:
        raise ValueError(f"{place} must have at least one other column of numbers; it has {', '.join(table.names)}.")
    guess_matters = len(notes) > 1 or (label is not None and labels is None and table.names[label].lower() not in _CLASS_NAMES)
    found = table_points(table, axes, label, standardise=standardise)
    said = () if table.usual and not found.notes and not guess_matters else (*table.notes, *notes, *found.notes)
    return LabelledArrays(found.points, found.classes, None, found.class_names, said)


def read_bytes(place: str) -> bytes:
    """The content of a file, or of standard input for ``-``."""
    return sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()


def read_text(place: str) -> str:
    """The text of a file, or of standard input for ``-``."""
    try:
        return read_bytes(place).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{'standard input' if place == '-' else place} is not text in UTF-8") from None
