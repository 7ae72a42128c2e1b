"""Counts as readers of the page have them, in files and pasted from tables, with an answer for all that can be wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from hypergeo.datasets.counts_csv import read_counts
from hypergeo.ui.limits import COUNTS, QUALITY
from hypergeo.ui.state.markdown import plain

__all__ = ["LARGEST_SIZE", "MOST_BYTES", "MOST_GROUPS", "MOST_ROWS", "Reading", "UnreadableError", "plain", "read"]

MOST_BYTES = COUNTS.megabytes * 1_000_000
MOST_ROWS, LARGEST_SIZE = COUNTS.rows, COUNTS.size
MOST_GROUPS = QUALITY.urn.groups

_SIZES = re.compile(r"[\s#\"]*(?:group[ _])?sizes?\"?\s*[:=,;\s]\s*(.*\d.*)", re.IGNORECASE)
_NOT_TEXT = {b"PK": "an Excel workbook or another ZIP file", b"%PDF": "a PDF", b"\x1f\x8b": "a compressed file"}


class UnreadableError(ValueError):
    """Why counts cannot be read, in words for the reader; Markdown, in which what the reader wrote is text alone."""


@dataclass(frozen=True)
class Reading:
    """Counts that were read.

    Attributes:
        counts: whole numbers, shape ``(N, K)``.
        sizes: group sizes, where a line gave them.
        notes: what was done to read them, in words.
    """

    counts: np.ndarray
    sizes: tuple[int, ...] | None
    notes: tuple[str, ...]


def read(data: str | bytes) -> Reading:
    """Reads one row of counts a line, as :func:`~hypergeo.datasets.counts_csv.read_counts` does, for urns of the page.

    A line ``sizes: 10, 10, 10`` gives the group sizes, and a first column that only numbers the rows is left out.

    Args:
        data: text, or the bytes of a file.

    Raises:
        UnreadableError: where that is not what the data are.

    Example:
        >>> read("a;b\\n3;2\\n1;4").counts
        array([[3, 2],
               [1, 4]])
        >>> read("sizes: 5 5\\n3 2").sizes
        (5, 5)
    """
    lines, sizes_line = _prepared(_text(data))
    sizes = None if sizes_line is None else _sizes(sizes_line)
    try:
        table = read_counts("\n".join(lines), most_rows=MOST_ROWS)
    except ValueError as error:
        raise UnreadableError(plain(str(error))) from error
    named = table.names != tuple(f"group {group + 1}" for group in range(len(table.names)))
    counts = _whole(table.counts.numpy(), lines, named)
    numbered = _numbers_rows(counts, sizes)
    counts = counts[:, 1:] if numbered else counts
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
    notes = ["The first line is taken for names of the groups."] if named else []
    notes += ["The first column only numbers the rows, and is left out."] if numbered else []
    return Reading(counts, sizes, tuple(notes))


def _text(data: str | bytes) -> str:
    if len(data) > MOST_BYTES:
        raise UnreadableError(f"It has {len(data) / 1e6:.1f} MB, and this page takes up to {MOST_BYTES / 1e6:g} MB.")
    if isinstance(data, str):
        return data
    for start, kind in _NOT_TEXT.items():
        if data.startswith(start):
            raise UnreadableError(f"This is {kind}, and not text. Save the table as CSV, and choose that file.")
    try:
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if any(letter < " " and letter not in "\t\r\n\f\v" for letter in text[:10_000]):
        raise UnreadableError("This is a binary file, and not text. Save the table as CSV, and choose that file.")
    return text


def _prepared(text: str) -> tuple[list[str], str | None]:
    """Lines, those that hold no counts made comments, so that numbers of lines stay; and what the line of sizes says."""
    lines, sizes = text.lstrip("\ufeff").splitlines(), None
    for number, line in enumerate(lines):
        if said := _SIZES.fullmatch(line):
            sizes, lines[number] = said[1], "#"
        elif not line.strip(" \t,;"):
            lines[number] = "#"
    first = next((number for number, line in enumerate(lines) if not line.lstrip().startswith("#")), None)
    if first is not None:
        cells = re.split("[,;\t]", lines[first])
        if not cells[0].strip(' "') and [cell.strip(' "') for cell in cells[1:]] == [str(k) for k in range(len(cells) - 1)]:
            lines[first] = "#"  # a table of pandas whose columns have no names
    return lines, sizes


def _whole(table: np.ndarray, lines: list[str], named: bool) -> np.ndarray:
    """The table as whole numbers that are not negative."""
    wrong = (table < 0) | (table != np.floor(table)) | (table > 1e9)
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        filled = [number for number, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
        value = float(table[row, column])
        where = f"Line {filled[row + named]}, column {column + 1} has {value:.12g}".replace("-", "−")
        if value < 0:
            raise UnreadableError(f"{where}. Counts are not negative.")
        if value > 1e9:
            raise UnreadableError(f"{where}. That is no count that this page can show.")
        raise UnreadableError(
            f"{where}. Counts are integers; relaxed samples, which are not, are measured under *a relaxation*."
        )
    return table.astype(np.int64)


def _numbers_rows(counts: np.ndarray, sizes: tuple[int, ...] | None) -> bool:
    """Whether the first column counts 0, 1, 2, .. or 1, 2, 3, .."""
    if counts.shape[1] < 3 or len(counts) < 3 or (sizes is not None and len(sizes) == counts.shape[1]):
        return False
    return counts[0, 0] in (0, 1) and bool((np.diff(counts[:, 0]) == 1).all())


def _sizes(line: str) -> tuple[int, ...]:
    cells = [cell for cell in re.split(r"[,;\s]+", line) if cell]
    for cell in cells:
        if not (cell.isascii() and cell.isdigit() and int(cell[:9]) <= LARGEST_SIZE and len(cell) < 9):
            shown = plain(cell[:24])
            raise UnreadableError(f"The line of sizes has “{shown}”; sizes are whole numbers from 0 to {LARGEST_SIZE:,}.")
    return tuple(map(int, cells))
