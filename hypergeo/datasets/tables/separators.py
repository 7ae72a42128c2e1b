"""Splits the lines of a table into cells. The inferred separator has the most regular rows and the most numeric cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .numbers import MISSING, is_number

__all__ = ["SEPARATORS", "Lines", "content", "infer_separator", "split_rows", "width_of"]

SEPARATORS = {
    "\t": "tab-separated",
    ";": "semicolon-separated",
    "|": "separated by pipes",
    ",": "comma-separated",
    " ": "separated by spaces",
}
"""Names of the separators, in the order in which they are preferred."""
_SAMPLE = 200
_EXCEL = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_COMMENT = re.compile(r"\s*(#(?!n/?a\b)|%)", re.IGNORECASE)


class Lines(NamedTuple):
    """The lines of a table that hold cells.

    Attributes:
        numbers: line numbers in the file, from one.
        lines: text of the lines, each with its line end.
        separator: separator that the file declares, as Excel does (``sep=;``), or ``None``.
        comments: number of comment lines.
        above: the comment directly above the first line, without its mark, or an empty string.
    """

    numbers: list[int]
    lines: list[str]
    separator: str | None
    comments: int
    above: str


def content(text: str) -> Lines:
    """Removes blank lines, comments and separator declarations of Excel.

    Args:
        text: content of the file.

    Returns:
        Lines with cells, and their numbers.

    Example:
        >>> content("# x y\\n1 2\\n\\n3 4")
        Lines(numbers=[2, 4], lines=['1 2\\n', '3 4\\n'], separator=None, comments=1, above='x y')
    """
    numbers: list[int] = []
    lines: list[str] = []
    separator: str | None = None
    comments, above = 0, ""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip(' \t,;|"\ufeff'):
            above = "" if not lines else above
        elif _COMMENT.match(line):
            comments += 1
            above = line.strip().lstrip("#% ") if not lines else above
        elif not lines and separator is None and (excel := _EXCEL.fullmatch(line)):
            separator = excel[1]
        else:
            numbers.append(number)
            lines.append(f"{line}\n")
    return Lines(numbers, lines, separator, comments, above)


def split_rows(lines: Sequence[str], numbers: Sequence[int], separator: str | None) -> Iterator[tuple[int, list[str]]]:
    """Splits lines into cells; a quoted cell may hold separators and line ends.

    Args:
        lines: text of the lines, each with its line end.
        numbers: line numbers in the file.
        separator: one character; ``None`` for one column.

    Yields:
        Number of the row's first line, and its cells without blanks around them.

    Raises:
        ValueError: if a quote never ends, with the number of its line.
    """
    at = -1

    def fed() -> Iterator[str]:
        nonlocal at
        for at, line in enumerate(lines):  # noqa: B007
            yield f"{' '.join(line.split())}\n" if separator == " " and '"' not in line else line

    reader = csv.reader(fed(), delimiter=separator or "\x1f", skipinitialspace=separator != "\t", strict=True)
    while True:
        first = at + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(f"Line {numbers[min(first, len(numbers) - 1)]} cannot be read: {error}.") from error
        cells = [cell.strip() for cell in row]
        yield numbers[first], cells[:-1] if separator == " " and len(cells) > 1 and not cells[-1] else cells


def width_of(rows: Sequence[Sequence[str]]) -> tuple[int, int | None]:
    """Determines the number of columns that all rows have, except for blank cells at their ends.

    Args:
        rows: cells of each row.

    Returns:
        The number of columns, and the index of the first row that differs, or ``None``. The first row may have one cell less:
        it then names the columns after a column of row names.

    Example:
        >>> width_of([["x", "y", ""], ["1", "2"]]), width_of([["1", "2"], ["3"]])
        ((2, None), (2, 1))
    """
    cores = [max((place for place, cell in enumerate(row, 1) if cell), default=0) for row in rows]
    width = max(cores)
    short = [number for number, row in enumerate(rows) if len(row) < width]
    if not short or (short == [0] and len(rows[0]) == width - 1 > 0 and len(rows) > 1 and not any(map(is_number, rows[0]))):
        return width, None
    first = len(rows[0])
    return first, next(
        (number for number, (row, core) in enumerate(zip(rows, cores, strict=True)) if core > first or len(row) < cores[0]),
        short[0],
    )


def infer_separator(lines: Lines) -> str | None:
    """Infers the separator of the columns: first by rows of one width, then by the fraction of cells that are numbers.

    Args:
        lines: lines of the table, from :func:`content`.

    Returns:
        One of :data:`SEPARATORS`, or ``None`` for a single column.

    Example:
        >>> infer_separator(content("23;2,3\\n24;5,1"))
        ';'
    """
    if lines.separator is not None and lines.separator in "".join(lines.lines[:1]):
        return lines.separator
    candidates: list[tuple[bool, float, float, str]] = []
    sample, unended = lines.lines[:_SAMPLE], None
    for mark in SEPARATORS:
        if mark == " " and any(regular and other == "\t" for regular, _, _, other in candidates):
            continue
        rows: list[list[str]] = []
        try:
            rows.extend(cells for _, cells in split_rows(sample, lines.numbers, mark))
        except ValueError:  # a quote without end in the sample or the file
            unended = mark if unended is None and not rows and mark != " " else unended
            rows = rows or [[]]
        widths = [len(row) for row in rows]
        common = max(set(widths), key=lambda width: (widths.count(width), width))
        if common < 2 and 2 * sum(width > 1 for width in widths) < len(widths):
            continue
        body = rows[1:] or rows
        cells = [cell for row in body for cell in row]
        numeric = sum(cell.lower() in MISSING or is_number(cell) for cell in cells) / max(len(cells), 1)
        regular = width_of(rows)[1] is None and common > 1
        candidates.append((regular, round(numeric, 3), widths.count(common) / len(widths), mark))
    best = max(candidates, key=lambda each: each[:3], default=None)  # the first of equal candidates
    return unended if best is None else best[3]  # split_rows names the line of the quote without end
