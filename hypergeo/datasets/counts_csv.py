"""Counts of groups as text: one row an observation, one column a group, as spreadsheets and programs write them."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["CountsTable", "read_counts"]


@dataclass(frozen=True)
class CountsTable:
    """Counts with the names of their groups.

    Attributes:
        names: of the columns; ``group 1``, ``group 2``, .. where the text has none.
        counts: float64, shape ``(N, K)``.
    """

    names: tuple[str, ...]
    counts: Tensor


def read_counts(text: str, *, groups: int | None = None, most_rows: int | None = None) -> CountsTable:
    """Counts from comma-separated values.

    Commas, semicolons, tabs or blanks separate the columns; the first line may name them. Empty lines and lines that start
    with ``#`` are skipped.

    Args:
        text: the table.
        groups: number of columns that it must have.
        most_rows: number of rows that it may have.

    Raises:
        ValueError: naming the line and what is wrong with it.

    Example:
        >>> read_counts("red;blue\\n3;2\\n4;1").names
        ('red', 'blue')
        >>> read_counts("3 2\\n4 1").counts
        tensor([[3., 2.],
                [4., 1.]], dtype=torch.float64)
    """
    lines = [(number, line) for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1) if line.strip()]
    lines = [(number, line) for number, line in lines if not line.lstrip().startswith("#")]
    if not lines:
        raise ValueError("The table of counts is empty; it needs a row for each observation and a column for each group.")
    delimiter = next((mark for mark in ("\t", ";", ",") if mark in lines[0][1]), None)
    names = None
    first = _cells(lines[0], delimiter)
    if all(_number(cell) is None for cell in first):
        names, lines = tuple(first), lines[1:]
        if not lines:
            raise ValueError("The table of counts has a line of names and no counts below it.")
    if most_rows is not None and len(lines) > most_rows:
        raise ValueError(f"The table of counts may have at most {most_rows:,} rows; it has {len(lines):,}.")
    width = len(first)
    if groups is not None and width != groups:
        raise ValueError(f"The table of counts must have {groups} columns, one for each group; it has {width}.")
    rows = []
    for number, line in lines:
        cells = _cells((number, line), delimiter)
        if len(cells) != width:
            raise ValueError(f"Line {number} has {len(cells)} columns where the first has {width}: {_shortened(line)!r}.")
        values = [_number(cell) for cell in cells]
        if None in values:
            raise ValueError(f"Line {number} has {_shortened(cells[values.index(None)])!r} where a count should be.")
        rows.append(values)
    return CountsTable(names or tuple(f"group {group + 1}" for group in range(width)), torch.tensor(rows, dtype=torch.float64))


def _cells(line: tuple[int, str], delimiter: str | None) -> list[str]:
    number, text = line
    if delimiter is None:
        return text.split()
    try:
        return [cell.strip() for cell in next(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration) as error:
        raise ValueError(f"Line {number} cannot be read: {error}.") from error


def _number(cell: str) -> float | None:
    """The finite number that a cell holds, or none; only digits that everyone writes."""
    if not cell.isascii() or "_" in cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
