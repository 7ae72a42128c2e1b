"""Reads counts from files and pasted tables, with a message for the reader if they cannot be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hypergeo.datasets.counts_csv import CountsTable, read_counts
from hypergeo.datasets.tables.columns import guess_counts
from hypergeo.datasets.tables.table import Table, read_table
from hypergeo.datasets.tables.text import decoded
from hypergeo.ui.limits import COUNTS, QUALITY
from hypergeo.ui.state.markdown import plain

__all__ = ["LARGEST_SIZE", "MOST_BYTES", "MOST_GROUPS", "MOST_ROWS", "Reading", "UnreadableError", "plain", "read"]

MOST_BYTES = COUNTS.megabytes * 1_000_000
MOST_ROWS, LARGEST_SIZE = COUNTS.rows, COUNTS.size
MOST_GROUPS = QUALITY.urn.groups

_SIZES = re.compile(r"[\s#\"]*(?:group[ _])?sizes?\"?\s*[:=,;\s]\s*(.*\d.*)", re.IGNORECASE)


class UnreadableError(ValueError):
    """Raised if counts cannot be read. Its message is Markdown for the reader, with the reader's own text escaped."""


@dataclass(frozen=True)
class Reading:
    """Counts that were read.

    Attributes:
        counts: counts of each group in each row, int64, shape ``(N, K)``.
        sizes: group sizes, if a line of the data sets them.
        notes: sentences in Markdown on how the counts were read.
        names: names of the groups, if the table has them.
        columns: names of all columns of the table.
        chosen: names of the columns that hold the counts.
    """

    counts: np.ndarray
    sizes: tuple[int, ...] | None
    notes: tuple[str, ...]
    names: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()


def read(data: str | bytes, columns: Sequence[str] | None = None) -> Reading:
    """Reads one row of counts per line, within the limits of the page.

    A line ``sizes: 10, 10, 10`` sets the group sizes. The other lines are read by
    :func:`~hypergeo.datasets.counts_csv.read_counts`.

    Args:
        data: text, or the bytes of a file.
        columns: names of the columns that hold the counts; inferred when omitted.

    Returns:
        The counts, shape ``(N, K)``, with sizes and names of the groups.

    Raises:
        UnreadableError: if the data are no such table or exceed the limits.

    Example:
        >>> read("a;b\\n3;2\\n1;4").counts
        array([[3, 2],
               [1, 4]])
        >>> read("sizes: 5 5\\n3 2").sizes
        (5, 5)
    """
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"The data have {len(data) / 1e6:.1f} MB; this page takes up to {MOST_BYTES / 1e6:g} MB.")
    try:
        text, encoding = (data, "") if isinstance(data, str) else decoded(data)
        text, sizes_line = _without_sizes(text)
        sizes = None if sizes_line is None else _sizes(sizes_line)
        table = read_table(text, most_rows=MOST_ROWS, what="count")
        places = range(len(table.columns)) if sizes and len(sizes) == len(table.columns) else guess_counts(table)
        chosen = [table.names[place] for place in places] if columns is None else list(columns)
        parsed = read_counts(text, columns=chosen)
    except UnreadableError:
        raise
    except ValueError as error:
        raise UnreadableError(plain(str(error))) from error
    return _reading(parsed, table, chosen, sizes, encoding)


def _reading(parsed: CountsTable, table: Table, chosen: Sequence[str], sizes: tuple[int, ...] | None, encoding: str) -> Reading:
    """Checks that counts are within the limits of the page.

    Args:
        parsed: counts of the chosen columns.
        table: table with all columns.
        chosen: names of the columns that hold the counts.
        sizes: group sizes, if a line of the data sets them.
        encoding: encoding to mention; empty for the usual one.

    Returns:
        The counts with notes on how they were read.

    Raises:
        UnreadableError: if an urn of the page cannot have such counts.
    """
    counts = _whole(parsed, chosen)
    groups = counts.shape[1]
    if groups < 2:
        raise UnreadableError(
            "Each row has one number only, and an urn has at least two groups. Commas, semicolons, tabs or blanks separate the "
            "counts of a row."
        )
    if groups > MOST_GROUPS:
        raise UnreadableError(f"Each row has {groups} counts, and this page shows up to {MOST_GROUPS} groups.")
    if sizes is not None and len(sizes) != groups:
        raise UnreadableError(f"The line of sizes has {len(sizes)} numbers, and the rows have {groups} counts.")
    notes = [plain(note) for note in parsed.notes]
    if encoding:
        notes.append(f"The encoding is {encoding}.")
    if table.named:
        notes.append("The groups have the names of their columns.")
    return Reading(counts, sizes, tuple(notes), parsed.names if table.named else None, table.names, tuple(chosen))


def _without_sizes(text: str) -> tuple[str, str | None]:
    """Returns the text with a comment in place of the line of sizes, so that line numbers stay, and the sizes as text."""
    lines, sizes = text.splitlines(), None
    for number, line in enumerate(lines):
        if match := _SIZES.fullmatch(line):
            sizes, lines[number] = match[1], "#"
    return ("\n".join(lines) if sizes is not None else text), sizes


def _whole(parsed: CountsTable, chosen: Sequence[str]) -> np.ndarray:
    """Converts counts to integers.

    Args:
        parsed: counts of the chosen columns.
        chosen: names of these columns.

    Returns:
        The counts, int64, shape ``(N, K)``.

    Raises:
        UnreadableError: if a count is negative, too large or no integer.
    """
    table = parsed.counts.numpy()
    wrong = (table < 0) | (table != np.floor(table)) | (table > 1e9)
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        value = float(table[row, column])
        name = chosen[column] if chosen[column].startswith("column ") else f"column {column + 1}"
        where = f"Line {parsed.lines[row]}, {name} has {value:.12g}".replace("-", "−")
        if value < 0:
            raise UnreadableError(f"{where}. Counts are not negative.")
        if value > 1e9:
            raise UnreadableError(f"{where}. Counts on this page are at most 1,000,000,000.")
        raise UnreadableError(f"{where}. Counts are integers. For relaxed samples choose *a relaxation*.")
    return table.astype(np.int64)


def _sizes(line: str) -> tuple[int, ...]:
    cells = [cell for cell in re.split(r"[,;\s]+", line) if cell]
    for cell in cells:
        if not (cell.isascii() and cell.isdigit() and int(cell[:9]) <= LARGEST_SIZE and len(cell) < 9):
            shown = plain(cell[:24])
            raise UnreadableError(f"The line of sizes has “{shown}”; sizes are whole numbers from 0 to {LARGEST_SIZE:,}.")
    return tuple(map(int, cells))
