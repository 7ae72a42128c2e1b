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

_CLASS_NAMES = ("class", "label", "y", "target")  # a class column with one of these names is not reported
__all__ = ["add_table_arguments", "column_names", "counts_of", "read_bytes", "read_points", "read_text"]


def add_table_arguments(parser: argparse._ArgumentGroup | argparse.ArgumentParser, what: str) -> None:
    """Adds the arguments for the columns and the decimal mark of a table.

    Args:
        parser: parser of a subcommand, or one of its groups.
        what: content of the columns, for the help.
    """
    parser.add_argument(
        "--columns",
        type=column_names,
        metavar="NAMES",
        help=f"columns of {what} in a table, by name or number: x,y or 2,3",
    )
    parser.add_argument(
        "--decimal", choices=["point", "comma"], help="decimal mark of a table, if numbers such as 1,234 are ambiguous"
    )


def column_names(text: str) -> list[str]:
    """Reads names of columns, separated by commas.

    Args:
        text: the names.

    Returns:
        The names without surrounding blanks.

    Raises:
        argparse.ArgumentTypeError: if there is no name.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"must be names of columns, separated by commas; got {text!r}")
    return names


def counts_of(place: str, arguments: argparse.Namespace, groups: int, terminal: Terminal) -> CountsTable:
    """Reads counts from a table, and writes to standard error what was inferred beyond plain CSV.

    Args:
        place: path of a file, or ``-`` for standard input.
        arguments: parsed arguments, with those of :func:`add_table_arguments`.
        groups: required number of columns.
        terminal: output of the notes.

    Returns:
        Counts and names of the groups.
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
        place: path of a file, or ``-`` for a table on standard input.
        columns: names or numbers of the columns of coordinates in a table; inferred when omitted, see
            :func:`~hypergeo.datasets.tables.columns.guess_columns`.
        labels: name or number of the column of classes; ``"none"`` for none; inferred when omitted.
        decimal: the decimal mark of a table.
        standardise: whether each column gets mean zero and standard deviation one.

    Returns:
        Points, with classes if the file has them.

    Raises:
        ValueError: if the file has several columns of classes or no other column; the message says what is missing.
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
    result = table_points(table, axes, label, standardise=standardise)
    notes_shown = () if table.usual and not result.notes and not guess_matters else (*table.notes, *notes, *result.notes)
    return LabelledArrays(result.points, result.classes, None, result.class_names, notes_shown)


def read_bytes(place: str) -> bytes:
    """Reads the bytes of a file.

    Args:
        place: path of the file, or ``-`` for standard input.

    Returns:
        The content.
    """
    return sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()


def read_text(place: str) -> str:
    """Reads the text of a file.

    Args:
        place: path of the file, or ``-`` for standard input.

    Returns:
        The text.

    Raises:
        ValueError: if the text is not in UTF-8.
    """
    try:
        return read_bytes(place).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{'standard input' if place == '-' else place} is not text in UTF-8") from None
