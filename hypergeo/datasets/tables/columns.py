"""Selects the columns of a table that hold coordinates, classes or counts, and returns their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .table import Column, Table
from .text import shortened

__all__ = ["PointColumns", "TablePoints", "guess_columns", "guess_counts", "scales_differ", "table_counts", "table_points"]

_CLASS_NAMES = frozenset(
    (
        *("class", "classes", "label", "labels", "target", "species", "cluster", "group", "category", "type", "kind"),
        *("variety", "true_class", "digit"),
    )
)
_NO_COORDINATES = frozenset(["date", "time", "datetime", "timestamp", "year"])
_LARGEST_RATIO = 10.0
_MOST_CLASSES = 50


@dataclass(frozen=True)
class PointColumns:
    """Indices of the columns of a table of points.

    Attributes:
        axes: indices of the columns of coordinates.
        label: index of the column of classes, or ``None``.
        notes: sentences on how the columns were chosen.
    """

    axes: tuple[int, ...]
    label: int | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TablePoints:
    """Points with the names of their axes and classes.

    Attributes:
        points: finite coordinates, shape ``(N, D)``.
        axes: names of the columns.
        classes: class of each point, whole numbers from zero, shape ``(N,)``, or ``None``.
        class_names: name of each class.
        notes: sentences on rows that were omitted and on standardisation.
    """

    points: np.ndarray
    axes: tuple[str, ...]
    classes: np.ndarray | None
    class_names: tuple[str, ...]
    notes: tuple[str, ...]


def guess_columns(table: Table) -> PointColumns:
    """Guesses which columns hold coordinates and which the classes.

    A column is taken for the classes by its name (``class``, ``label``, ``species``, ..; ``y`` where there is no ``x``), or
    because it holds words that repeat, or because it is the last of exactly three nameless columns and holds few whole
    numbers. All other columns of numbers are coordinates, except for row numbers, which are coordinates only if no other column
    of numbers remains.

    Args:
        table: table from :func:`.read_table`.

    Returns:
        Indices of the columns of coordinates and of classes, and notes.

    Example:
        >>> from .table import read_table
        >>> guess_columns(read_table("x,y,species\\n1,2,a\\n2,3,b\\n3,5,a\\n"))
        PointColumns(axes=(0, 1), label=2, notes=('The classes are those of the column species.',))
    """
    label = _class_column(table)
    there = [
        place
        for place, column in enumerate(table.columns)
        if column.kind == "numbers" and not column.rows and place != label and column.name.lower() not in _NO_COORDINATES
    ]
    if not there:
        there = [place for place, column in enumerate(table.columns) if column.kind == "numbers" and place != label]
    left = [
        column.name for place, column in enumerate(table.columns) if place not in there and place != label and not column.rows
    ]
    notes = [] if label is None else [f"The classes are those of the column {shortened(table.names[label])}."]
    if left:
        notes.append(f"Not used: {', '.join(map(shortened, left))}.")
    return PointColumns(tuple(there), label, tuple(notes))


def _class_column(table: Table) -> int | None:
    """Returns the place of the column of the classes, by its name or its values."""
    lower = [name.lower().replace(" ", "_") for name in table.names]
    names = _CLASS_NAMES | (set() if "x" in lower else {"y"})
    usable = [place for place, column in enumerate(table.columns) if not column.rows and column.kind in ("numbers", "words")]
    for place in usable:
        if lower[place] in names and (table.columns[place].kind == "words" or _few(table.columns[place])):
            return place
    repeating = [place for place in usable if table.columns[place].kind == "words" and _repeats(table.columns[place])]
    if len(repeating) == 1:
        return repeating[0]
    kept = [column for column in table.columns if not column.rows]
    if not table.named and len(kept) == 3 and all(column.kind == "numbers" for column in kept) and _few(kept[-1]):
        return table.columns.index(kept[-1])
    return None


def _few(column: Column) -> bool:
    """Returns whether a column holds few different whole numbers."""
    values = column.values[np.isfinite(column.values)]
    return bool(len(values)) and bool((values == np.round(values)).all()) and _is_few(len(np.unique(values)), len(values))


def _repeats(column: Column) -> bool:
    cells = [cell for cell, missing in zip(column.cells, column.missing, strict=True) if not missing]
    return _is_few(len(set(cells)), len(cells))


def _is_few(kinds: int, number: int) -> bool:
    return kinds <= min(_MOST_CLASSES, max(number / 2, 2))


def table_points(
    table: Table, axes: Sequence[int], label: int | None = None, *, standardise: bool = False, least: int = 1
) -> TablePoints:
    """Extracts points and their classes from a table.

    Args:
        table: table from :func:`.read_table`.
        axes: indices of the columns of coordinates.
        label: index of the column of classes, or ``None``.
        standardise: whether each column is shifted and scaled to mean zero and standard deviation one.
        least: smallest number of columns of coordinates.

    Returns:
        Points, shape ``(N, D)``, with names and notes.

    Raises:
        ValueError: if there are too few columns, no complete rows, or a constant column to standardise; also, with its line,
            for a cell that is not a number.

    Example:
        >>> from .table import read_table
        >>> result = table_points(read_table("x,y,species\\n1,2,b\\n2,,a\\n3,5,a\\n"), [0, 1], 2)
        >>> result.points.tolist(), result.classes.tolist(), result.class_names
        ([[1.0, 2.0], [3.0, 5.0]], [1, 0], ('a', 'b'))
        >>> result.notes
        ('1 row with missing values is left out (line 3).',)
    """
    if len(axes) < least:
        there = ", ".join(f"{shortened(column.name)} ({column.kind})" for column in table.columns)
        raise ValueError(f"Points need {least} column{'s' * (least > 1)} of numbers; the table has {there}.")
    columns = [table.columns[place] for place in axes]
    for column in columns:
        _require_numbers(table, column, "a number")
    values = np.column_stack([column.values for column in columns])
    kept = np.isfinite(values).all(1)
    if label is not None:
        kept &= ~table.columns[label].missing
    if not kept.any():
        raise ValueError("Every row has a missing value in one of the columns chosen; choose others.")
    points, notes = values[kept], list(_notes_on_missing(table, kept))
    if standardise:
        points, _ = _scaled(points)
        spread = points.std(0)
        if (same := np.flatnonzero(spread == 0)).size:
            raise ValueError(f"The column {shortened(columns[same[0]].name)} has one value only and cannot be standardised.")
        points = (points - points.mean(0)) / spread
        notes.append("Each column is standardised: mean zero, standard deviation one.")
    classes, names = (None, ()) if label is None else _classes(table.columns[label], kept)
    return TablePoints(points, tuple(column.name for column in columns), classes, names, tuple(notes))


def scales_differ(points: np.ndarray) -> bool:
    """Returns whether the standard deviations of two columns differ by more than a factor of ten.

    Args:
        points: coordinates, shape ``(N, D)``.

    Returns:
        Whether standardisation is advisable.

    Example:
        >>> scales_differ(np.array([[1.0, 100.0], [2.0, 300.0]])), scales_differ(np.array([[1.0, 2.0], [2.0, 4.0]]))
        (True, False)
    """
    scaled, exponents = _scaled(points)
    spread = np.ldexp(scaled.std(0), exponents)
    return bool(spread.max() / _LARGEST_RATIO > spread[spread > 0].min()) if (spread > 0).any() else False


def _scaled(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns columns divided by powers of two, so that squares of the values do not overflow, and the exponents."""
    exponents = np.frexp(np.abs(points).max(0))[1]
    return np.ldexp(points, -exponents), exponents


def guess_counts(table: Table) -> tuple[int, ...]:
    """Guesses which columns hold counts: all but row numbers, dates, and named columns of words.

    Args:
        table: table from :func:`.read_table`.

    Returns:
        Indices of the columns.

    Example:
        >>> from .table import read_table
        >>> guess_counts(read_table("site,red,blue\\nnorth,3,2\\nsouth,4,1\\nnorth,0,5\\n"))
        (1, 2)
    """
    places = []
    for place, column in enumerate(table.columns):
        words = column.kind == "words" and (table.named or place == 0) and not any(map(_has_digit, column.cells))
        if not (column.rows or column.kind == "dates" or words):
            places.append(place)
    return tuple(places)


def _has_digit(cell: str) -> bool:
    return any(letter.isdigit() for letter in cell)


def table_counts(table: Table, columns: Sequence[int]) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Extracts counts from a table.

    Args:
        table: table from :func:`.read_table`.
        columns: indices of the columns of counts.

    Returns:
        Counts, float64, shape ``(N, K)``; the line of each row, shape ``(N,)``; sentences on rows that were omitted.

    Raises:
        ValueError: if there are no columns or no complete rows; also, with its line, for a cell that is not a number.

    Example:
        >>> from .table import read_table
        >>> table_counts(read_table("red,blue\\n3,2\\n4,NA\\n"), [0, 1])
        (array([[3., 2.]]), array([2]), ('1 row with missing values is left out (line 3).',))
    """
    chosen = [table.columns[place] for place in columns]
    if not chosen:
        raise ValueError("The table has no column of counts.")
    for column in chosen:
        _require_numbers(table, column, "a count")
    values = np.column_stack([column.values for column in chosen])
    kept = np.isfinite(values).all(1)
    if not kept.any():
        row, place = map(int, np.argwhere(~np.isfinite(values))[0])
        cell = chosen[place].cells[row]
        raise ValueError(f"Line {table.lines[row]} has {shortened(cell)!r} where a count should be, and no row has all counts.")
    notes = list(_notes_on_missing(table, kept))
    left = [column.name for place, column in enumerate(table.columns) if place not in columns and not column.rows]
    if left:
        notes.append(f"Not used: {', '.join(map(shortened, left))}.")
    return values[kept], table.lines[kept], tuple(notes)


def _require_numbers(table: Table, column: Column, what: str) -> None:
    if column.kind in ("words", "dates"):
        row = int(np.argmin(column.missing))
    elif column.odd is not None:
        row = column.odd
    else:
        return
    cell = column.cells[row]
    if cell.lower().lstrip("+-") in ("inf", "infinity"):
        what = what.replace("a number", "a finite number")
    raise ValueError(f"Line {table.lines[row]} has {shortened(cell)!r} where {what} should be.")


def _notes_on_missing(table: Table, kept: np.ndarray) -> tuple[str, ...]:
    lines = table.lines[~kept].tolist()
    if not lines:
        return ()
    shown = ", ".join(map(str, lines[:5])) + (", .." if len(lines) > 5 else "")
    rows = f"{len(lines):,} rows with missing values are" if len(lines) > 1 else "1 row with missing values is"
    return (f"{rows} left out (line{'s' * (len(lines) > 1)} {shown}).",)


def _classes(column: Column, kept: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns classes as numbers from zero, and their names: numbers in their order, words in alphabetical order.

    Raises:
        ValueError: if each row has a different value.
    """
    if column.kind == "numbers" and column.odd is None:
        values, numbers = np.unique(column.values[kept], return_inverse=True)
        names = tuple(f"{value:.15g}" for value in values)
    else:
        words, numbers = np.unique(np.array(column.cells, dtype=str)[kept], return_inverse=True)
        names = tuple(map(str, words))
    if len(names) == int(kept.sum()) > 2:
        raise ValueError(f"The column {shortened(column.name)} has a different value in each row, so it cannot hold classes.")
    return numbers, names
