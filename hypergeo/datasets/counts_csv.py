"""Reads tables of observed counts: a row for each observation, a column for each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .tables.columns import guess_counts, table_counts
from .tables.table import Decimal, read_table

__all__ = ["CountsTable", "read_counts"]


@dataclass(frozen=True)
class CountsTable:
    """Counts with the names of their groups.

    Attributes:
        names: names of the columns; ``group 1``, ``group 2``, .. if the text has none.
        counts: counts, float64, shape ``(N, K)``.
        notes: sentences on how the table was read, its format first.
        lines: line number of each row in the file.
        usual: whether the table is CSV with commas and decimal points, and nothing was omitted.
    """

    names: tuple[str, ...]
    counts: Tensor
    notes: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    usual: bool = True


def read_counts(
    data: str | bytes,
    *,
    groups: int | None = None,
    most_rows: int | None = None,
    columns: Sequence[str] | None = None,
    decimal: Decimal | None = None,
    all_columns: bool = False,
) -> CountsTable:
    """Reads counts from a table; see :func:`~hypergeo.datasets.tables.table.read_table`, also for its errors.

    Args:
        data: content of the file, or its text.
        groups: required number of columns of counts; any number when omitted.
        most_rows: largest number of rows; any number when omitted.
        columns: names or numbers of the columns of counts; all but row numbers, dates and words when omitted.
        decimal: decimal mark, ``"point"`` or ``"comma"``, if numbers such as ``1,234`` are ambiguous.
        all_columns: whether a first column that only numbers the rows is one of counts.

    Returns:
        Counts, shape ``(N, K)``, with the names of their groups.

    Raises:
        ValueError: if the number of columns differs from ``groups``.

    Example:
        >>> read_counts("red;blue\\n3;2\\n4;1").names
        ('red', 'blue')
        >>> read_counts("3 2\\n4 1").counts
        tensor([[3., 2.],
                [4., 1.]], dtype=torch.float64)
    """
    table = read_table(data, decimal=decimal, most_rows=most_rows, what="count")
    if columns is not None:
        places: Sequence[int] = [table.find(name) for name in columns]
    else:
        places = range(len(table.columns)) if all_columns else guess_counts(table)
    if groups is not None and len(places) != groups:
        raise ValueError(f"The table of counts must have {groups} columns, one for each group; it has {len(places)}.")
    counts, lines, notes = table_counts(table, places)
    names = tuple(table.names[place] if table.named else f"group {group}" for group, place in enumerate(places, 1))
    return CountsTable(
        names, torch.from_numpy(counts), (*table.notes, *notes), tuple(lines.tolist()), table.usual and not notes
    )
