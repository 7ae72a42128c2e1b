"""Reads a table: encoding, separator, header, decimal mark, units and row numbers are inferred and reported."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .numbers import MISSING, MISSING_WORDS, Number, decimal_mark, is_date, is_number, read_number
from .separators import SEPARATORS, Lines, content, infer_separator, split_rows, width_of
from .text import decoded, shortened

__all__ = ["Column", "Decimal", "Table", "read_table"]

Decimal = Literal["point", "comma"]
_ID = frozenset(
    (
        *("id", "idx", "index", "key", "row", "rows", "rowname", "rownames", "row_names", "row.names"),
        *("no", "no.", "nr", "nr.", "number", "num", "obs", "observation", "case", "unnamed:_0"),
    )
)
_STEPS = frozenset(
    (
        *("x", "t", "time", "step", "day", "week", "month", "year", "hour", "minute", "second"),
        *("depth", "distance", "position"),
    )
)
_HEADS = _ID | {
    *("class", "label", "labels", "target", "species", "cluster", "group", "category", "type", "kind", "variety"),
    *("date", "time", "name", "x", "y"),
}
_LONGEST_NAME = 60
_SAMPLE = 1_000  # rows that decide whether there is a header
_DECIMAL_COMMAS = " If commas are decimal marks, put semicolons between the columns."


@dataclass(frozen=True)
class Column:
    """Holds one column of a table.

    Attributes:
        name: name from the header, with its unit, or ``column`` and its number.
        cells: text of each row.
        kind: ``"numbers"``, ``"words"``, ``"dates"`` or ``"empty"``.
        values: numbers of the column, float64, shape ``(N,)``; NaN for missing and unreadable numbers and for other kinds.
        odd: row of the first cell that is not a number in a column of numbers, or ``None``.
        rows: whether the column only numbers or names the rows.
    """

    name: str
    cells: list[str]
    kind: Literal["numbers", "words", "dates", "empty"]
    values: np.ndarray
    odd: int | None = None
    rows: bool = False

    @property
    def missing(self) -> np.ndarray:
        """Rows without a value, shape ``(N,)``."""
        marks = MISSING if self.kind == "numbers" else MISSING_WORDS
        return np.array([cell.lower() in marks for cell in self.cells], dtype=bool)


@dataclass(frozen=True)
class Table:
    """Holds a table that was read.

    Attributes:
        columns: columns of the table, at least one.
        lines: line number in the file at which each row begins, shape ``(N,)``.
        form: format of the table, such as ``"semicolon-separated with decimal commas"``.
        named: whether the file names the columns.
        notes: sentences on all that was inferred, the format first.
    """

    columns: tuple[Column, ...]
    lines: np.ndarray
    form: str
    named: bool
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, all different."""
        return tuple(column.name for column in self.columns)

    @property
    def usual(self) -> bool:
        """Whether the table is CSV with commas and decimal points, and nothing else was inferred."""
        return self.form == "comma-separated with decimal points" and len(self.notes) == 1

    def find(self, name: str) -> int:
        """Returns the index of a column.

        Args:
            name: its name, or its number, from one.

        Returns:
            Index of the column, from zero.

        Raises:
            ValueError: if there is no such column, with a list of all columns.
        """
        wanted = name.strip()
        exact = [place for place, own in enumerate(self.names) if own == wanted]
        alike = exact or [place for place, own in enumerate(self.names) if own.lower() == wanted.lower()]
        if len(alike) == 1:
            return alike[0]
        if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(self.columns):
            return int(wanted) - 1
        raise ValueError(f"There is no column {shortened(wanted)!r}; there are {', '.join(map(shortened, self.names))}.")


def read_table(
    data: bytes | str, *, decimal: Decimal | None = None, most_rows: int | None = None, what: str = "number"
) -> Table:
    """Reads a table from text.

    Args:
        data: content of the file, or its text. Separators (tabs, semicolons, pipes, commas, blanks), decimal marks,
            a header, units below it and a column of row numbers are inferred. Blank lines and lines that start with ``#`` or
            ``%`` are skipped.
        decimal: decimal mark if numbers such as ``1,234`` are ambiguous.
        most_rows: largest number of rows; any number when omitted.
        what: name of the content of a cell, for error messages.

    Returns:
        The table, with notes on all that was inferred.

    Raises:
        ValueError: if the text is not a table, if it is ambiguous or if it has too many rows; the message names the line and
            the reason.

    Example:
        >>> table = read_table("Breite;Höhe;Art\\n1,5;2;rot\\n2,5;;blau\\n")
        >>> table.notes
        ('Read as semicolon-separated with decimal commas.',)
        >>> table.columns[0].values, table.columns[1].values, table.columns[2].kind
        (array([1.5, 2.5]), array([ 2., nan]), 'words')
    """
    text, encoding = decoded(data) if isinstance(data, bytes) else (data.lstrip("\ufeff"), "")
    lines = content(text)
    if not lines.lines:
        raise ValueError(f"The table of {what}s is empty; it needs a line for each row.")
    if most_rows is not None and len(lines.lines) > most_rows + 2:
        raise ValueError(_too_many(what, most_rows, len(lines.lines) - (not _any_number(lines))))
    separator = infer_separator(lines)
    starts, rows = _rows(lines, separator)
    names, units, body = _header(rows, lines, separator)
    starts = starts[len(rows) - len(body) :]
    if not body:
        raise ValueError(f"The table of {what}s has a line of names and no {what}s below it.")
    if most_rows is not None and len(body) > most_rows:
        raise ValueError(_too_many(what, most_rows, len(body)))
    columns, mark = _columns(names, units, body, starts, separator, decimal)
    form = _form(separator, mark, columns, decimal)
    notes = [f"Read as {form}{f', in the encoding {encoding}' if encoding else ''}."]
    notes += _notes_on_header(names, units, rows, body, lines)
    shown = [column for column in columns if column.kind != "empty"]
    if dropped := [column.name for column in columns if column.kind == "empty" and (names is not None or any(column.cells))]:
        notes.append(f"Empty columns are left out: {', '.join(map(shortened, dropped))}.")
    if not shown:
        raise ValueError(f"The table of {what}s has no values: every cell is blank or marks a missing value.")
    notes += [f"{_titled(column.name)} holds numbers or names of the rows, and is left out." for column in shown if column.rows]
    return Table(tuple(shown), np.array(starts), form, names is not None, tuple(notes))


def _titled(name: str) -> str:
    return name.capitalize() if re.fullmatch(r"column \d+", name) else f"The column {shortened(name)}"


def _too_many(what: str, most: int, number: int) -> str:
    return f"The table of {what}s may have at most {most:,} rows; it has {number:,}."


def _any_number(lines: Lines) -> bool:
    return any(is_number(cell) for cell in re.split(r"[\t;|, ]+", lines.lines[0].strip()))


def _rows(lines: Lines, separator: str | None) -> tuple[list[int], list[list[str]]]:
    """Returns rows of one width, and the lines on which they begin.

    Raises:
        ValueError: if rows have different numbers of cells.
    """
    starts, rows = map(list, zip(*split_rows(lines.lines, lines.numbers, separator), strict=True))
    width, bad = width_of(rows)
    if bad is not None:
        hint = _DECIMAL_COMMAS if separator == "," and len(rows[bad]) == 2 * len(rows[0]) else ""
        line = lines.lines[lines.numbers.index(starts[bad])].rstrip("\n")
        raise ValueError(
            f"Line {starts[bad]} has {len(rows[bad])} columns where the first has {width}: {shortened(line)!r}.{hint}"
        )
    if len(rows[0]) < width:
        column = [row[0] for row in rows[1:]]
        if separator == "," or not (_counts_up(column) or not any(map(is_number, column))):
            hints = {" ": " Put quotes around words with blanks.", ",": _DECIMAL_COMMAS}
            raise ValueError(
                f"Line {starts[0]} has {len(rows[0])} columns, and the rows below have {width}: give each column a name, "
                f"or none.{hints.get(separator or '', '')}"
            )
        rows[0].insert(0, "")
    return starts, [[*row[:width], *[""] * (width - len(row))] for row in rows]


def _counts_up(cells: Sequence[str]) -> bool:
    """Returns whether cells count 0, 1, 2, .. or 1, 2, 3, .., three of them at least."""
    if len(cells) < 3 or cells[0] not in ("0", "1"):
        return False
    return all(cell == str(number) for number, cell in enumerate(cells, int(cells[0])))


def _is_missing(cell: str) -> bool:
    return cell.lower() in MISSING


def _numeric_columns(body: Sequence[Sequence[str]]) -> list[int]:
    """Returns columns of which at least half of the cells that are not missing are numbers."""
    numeric = []
    for place in range(len(body[0]) if body else 0):
        there = [row[place] for row in body if not _is_missing(row[place])]
        if there and 2 * sum(map(is_number, there)) >= len(there):
            numeric.append(place)
    return numeric


def _header(
    rows: list[list[str]], lines: Lines, separator: str | None
) -> tuple[list[str] | None, list[str] | None, list[list[str]]]:
    """Returns names and units of the columns, if there are lines of them, and the rows below."""
    first, body = rows[0], rows[1:]
    numeric = _numeric_columns(body[:_SAMPLE])
    filled = [cell for cell in first if cell]
    if not body:
        named = not any(map(is_number, filled))
    elif numeric:
        heads = [first[place] for place in numeric]
        words = [cell for place, cell in enumerate(first) if place not in numeric and cell]
        named = (not any(is_number(cell) for cell in heads) and not all(_is_missing(cell) and cell for cell in heads)) or any(
            word.lower() in _HEADS and all(word != row[first.index(word)] for row in body) for word in words
        )
        named = named or _numbers_columns(first, body)
    else:
        named = not any(map(is_number, filled))
    if named:
        units = _units(body, numeric)
        return first, units, body[1:] if units else body
    above = lines.above
    if above:
        (tokens,) = (cells for _, cells in split_rows([f"{above}\n"], [1], separator)) if '"' not in above else ([],)
        if len(tokens) == len(first) and not any(map(is_number, tokens)) and all(tokens):
            return tokens, None, rows
    return None, None, rows


def _numbers_columns(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Returns whether the first line holds the numbers 0, 1, 2, .. that pandas gives to columns without names."""
    if not first[0] and list(first[1:]) == [str(number) for number in range(len(first) - 1)]:
        return True
    fractions = all(any(not cell.isdigit() for cell in column) for column in zip(*body, strict=True))
    return len(body) > 1 and fractions and list(first) == [str(number) for number in range(len(first))]


def _units(body: Sequence[Sequence[str]], numeric: Sequence[int]) -> list[str] | None:
    """Returns the line below the header if it holds words in all columns of numbers."""
    if len(body) < 2 or not numeric:
        return None
    cells = [body[0][place] for place in numeric]
    if any(is_number(cell) for cell in cells) or not any(cell and not _is_missing(cell) for cell in cells):
        return None
    return [cell.strip("[]()") for cell in body[0]]


def _columns(
    names: list[str] | None,
    units: list[str] | None,
    body: list[list[str]],
    starts: list[int],
    separator: str | None,
    decimal: Decimal | None,
) -> tuple[list[Column], Decimal]:
    numeric = _numeric_columns(body)
    cells = [list(column) for column in zip(*body, strict=True)]
    readings: dict[int, list[Number | None]] = {
        place: [None if _is_missing(cell) else read_number(cell) for cell in cells[place]] for place in numeric
    }
    mark = decimal_mark(
        [
            [(line, cell, number) for line, cell, number in zip(starts, cells[place], readings[place], strict=True) if number]
            for place in numeric
        ],
        separator,
        decimal,
    )
    columns: list[Column] = []
    taken: Counter[str] = Counter()
    for place, column in enumerate(cells):
        name = _name(place, names, units, taken)
        numbers = readings.get(place)
        if numbers is not None:
            columns.append(_numbers(name, column, numbers, mark, starts))
            continue
        there = [cell for cell in column if cell.lower() not in MISSING_WORDS]
        kind: Literal["numbers", "words", "dates", "empty"] = "words" if there else "empty"
        if not there and column != [""] and len(column) == 1:
            kind = "numbers"  # a column with a single missing value is not empty
        if there and all(map(is_date, there)):
            kind = "dates"
        columns.append(Column(name, column, kind, np.full(len(column), np.nan)))
    return [_row_names(number, column, columns, names) for number, column in enumerate(columns)], mark


def _name(place: int, names: list[str] | None, units: list[str] | None, taken: Counter[str]) -> str:
    name = "" if names is None else " ".join(names[place].split())[:_LONGEST_NAME]
    unit = "" if units is None else units[place]
    name = name or f"column {place + 1}"
    name = f"{name} ({unit})" if unit and not _is_missing(unit) else name
    taken[name] += 1
    return name if taken[name] == 1 else f"{name} ({taken[name]})"


def _numbers(name: str, cells: list[str], numbers: list[Number | None], mark: Decimal, starts: list[int]) -> Column:
    values = np.full(len(cells), np.nan)
    odd = None
    percents: dict[bool, int] = {}
    for row, (cell, number) in enumerate(zip(cells, numbers, strict=True)):
        value = None if number is None else getattr(number, mark)
        if number is None or value is None:
            if not _is_missing(cell) and odd is None:
                odd = row
            continue
        values[row] = value
        percents.setdefault(number.percent, row)
    if len(percents) == 2:
        with_sign, without = percents[True], percents[False]
        raise ValueError(
            f"The column {shortened(name)} has {cells[with_sign]!r} on line {starts[with_sign]} and {cells[without]!r} on line "
            f"{starts[without]}. Write all of them with a percent sign, or none."
        )
    if percents == {True: percents.get(True)} and "%" not in name:
        name = f"{name} (%)"
    return Column(name, cells, "numbers", values, odd)


def _row_names(number: int, column: Column, columns: Sequence[Column], names: list[str] | None) -> Column:
    """Returns the column, marked if it only numbers or names the rows."""
    head = "" if names is None else names[number]
    identifies = head.lower().replace(" ", "_") in _ID
    nameless = names is not None and not head and number == 0
    distinct = len(set(column.cells)) == len(column.cells) > 1
    counts_up = number == 0 and len(columns) > 2 and head.lower() not in _STEPS and _counts_up(column.cells)
    words = number == 0 and column.kind == "words" and distinct and len(column.cells) > 2
    if len(columns) > 1 and (counts_up or words or ((identifies or nameless) and distinct)):
        return Column(column.name, column.cells, column.kind, column.values, column.odd, rows=True)
    return column


def _form(separator: str | None, mark: Decimal, columns: Sequence[Column], decimal: Decimal | None) -> str:
    name = "a single column" if separator is None else SEPARATORS.get(separator, f"separated by {separator!r}")
    form = f"{name} with decimal {mark}s"
    for column in columns:
        if column.kind == "numbers":
            for cell, value in zip(column.cells, column.values, strict=True):
                digits = cell.lower().partition("e")[0]
                if np.isfinite(value) and re.search(
                    r"[0-9]['’ \u00a0\u202f][0-9]" + ("|," if mark == "point" else r"|\."), digits
                ):
                    return f"{form} and thousands separators ({cell!r} is {value:.15g})"
    return form


def _notes_on_header(
    names: list[str] | None, units: list[str] | None, rows: list[list[str]], body: list[list[str]], lines: Lines
) -> list[str]:
    notes = []
    if names is not None and len(rows) == len(body):
        notes.append("The comment above the first row is taken for the names of the columns.")
    if units is not None:
        notes.append("The line below the names is taken for units.")
    if names is not None:
        doubles = [name for name, number in Counter(filter(None, names)).items() if number > 1]
        if doubles:
            notes.append(f"Several columns have the name {shortened(doubles[0])}; later ones are numbered.")
        if len(rows) > len(body) and any(map(is_number, filter(None, names))):
            notes.append("The first line is taken for names of the columns, although it holds numbers.")
    elif rows[0] == [str(number) for number in range(len(rows[0]))]:
        notes.append("The first line is taken for a row of numbers; give the columns names if it is not.")
    return notes
