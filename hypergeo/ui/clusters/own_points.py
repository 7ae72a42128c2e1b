"""The reader's own points: reads a table and chooses the columns that are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from hypergeo.datasets.tables.columns import guess_columns, scales_differ, table_points
from hypergeo.datasets.tables.table import Decimal, Table, read_table
from hypergeo.ui.limits import CLUSTERS
from hypergeo.ui.state.markdown import plain

from .data import ClusterData

__all__ = [
    "ColumnChoice",
    "OwnFile",
    "axis_kinds",
    "first_choice",
    "own_lines",
    "own_points",
    "own_table",
    "read_points",
    "with_scales",
]

_FEWEST, _MOST_POINTS = CLUSTERS.rows


@dataclass(frozen=True)
class ColumnChoice:
    """Columns of a table that are shown.

    Attributes:
        x: index of the column on the horizontal axis.
        y: index of the column on the vertical axis.
        label: index of the column of true classes; ``None`` if there is none.
        components: indices of the columns whose first two principal components replace ``x`` and ``y``; empty to show those.
        standardise: whether each column is scaled to mean zero and standard deviation one.
    """

    x: int
    y: int
    label: int | None = None
    components: tuple[int, ...] = ()
    standardise: bool = False

    @property
    def axes(self) -> tuple[int, ...]:
        """Indices of all columns that the figure depends on."""
        return self.components or (self.x, self.y)


@dataclass(frozen=True)
class OwnFile:
    """Uploaded file of the reader.

    Attributes:
        content: bytes of the file.
        decimal: decimal mark that the reader has chosen; inferred when ``None``.
        choice: columns that the reader has chosen; guessed when ``None``.
    """

    content: bytes
    decimal: Decimal | None = None
    choice: ColumnChoice | None = None


@st.cache_data(max_entries=8, show_spinner=False)
def own_table(content: bytes, decimal: Decimal | None = None) -> Table:
    """Reads the reader's table.

    Args:
        content: bytes of the file.
        decimal: decimal mark; inferred when omitted.

    Returns:
        The table.

    Raises:
        ValueError: if the table cannot be read; the message is Markdown and names the line and the problem.
    """
    try:
        return read_table(content, decimal=decimal, most_rows=_MOST_POINTS)
    except ValueError as error:
        raise ValueError(plain(str(error))) from None


def first_choice(table: Table) -> ColumnChoice:
    """Guesses the columns: those named x and y, else the only two columns of numbers, else principal components of all.

    Args:
        table: table of the reader.

    Returns:
        The guess.

    Raises:
        ValueError: if the table has fewer than two columns of numbers; the message is Markdown.
    """
    guess = guess_columns(table)
    if len(guess.axes) < 2:
        columns = ", ".join(f"{column.name} ({column.kind})" for column in table.columns)
        raise ValueError(
            plain(
                f"Points need two columns of numbers, and this table has {columns}. Commas, semicolons, tabs, pipes or blanks "
                "separate columns."
            )
        )
    named = [place for name in ("x", "y") for place in guess.axes if table.names[place].lower() == name]
    x, y = named if len(named) == 2 else guess.axes[:2]
    components = guess.axes if len(guess.axes) > 2 and len(named) != 2 else ()
    return with_scales(table, ColumnChoice(x, y, guess.label, components))


def with_scales(table: Table, choice: ColumnChoice) -> ColumnChoice:
    """Returns the choice, with standardised columns if their scales differ by more than a factor of ten.

    Args:
        table: table of the reader.
        choice: columns that are shown.

    Returns:
        The choice.
    """
    values = np.column_stack([table.columns[place].values for place in choice.axes])
    values = values[np.isfinite(values).all(1)]
    return replace(choice, standardise=bool(len(values)) and scales_differ(values))


def read_points(content: bytes) -> ClusterData:
    """Reads the points of a file and guesses its columns.

    Args:
        content: bytes of a table; see :func:`~hypergeo.datasets.tables.table.read_table`.

    Returns:
        The points, shape ``(N, 2)``, with their classes if the table has some.

    Example:
        >>> rows = "x,y\\n" + "0,1\\n2,3\\n" * 4
        >>> read_points(rows.encode()).points.shape
        (8, 2)
    """
    return own_points(OwnFile(content))


def own_points(file: OwnFile) -> ClusterData:
    """Reads the chosen columns of a file as points, with names of axes and classes and notes on how they were read.

    Args:
        file: uploaded file with the reader's choices.

    Returns:
        The points, shape ``(N, 2)``, with their classes if the table has some.

    Raises:
        ValueError: if the points cannot be read or drawn; the message is Markdown.
    """
    table = own_table(file.content, file.decimal)
    choice = file.choice or first_choice(table)
    try:
        parsed = table_points(table, choice.axes, choice.label, standardise=choice.standardise)
    except ValueError as error:
        raise ValueError(plain(str(error))) from None
    points, axes, notes = parsed.points, parsed.axes, [*table.notes, *parsed.notes]
    if len(points) < _FEWEST:
        raise ValueError(f"There are {len(points)} points; at least {_FEWEST} are needed.")
    if np.abs(points).max() > CLUSTERS.largest:
        raise ValueError(f"Every number must be finite and between −{CLUSTERS.largest:,.0f} and {CLUSTERS.largest:,.0f}.")
    if choice.components:
        points, shares = _components(points)
        axes = tuple(f"principal component {k} ({share:.0%} of variance)" for k, share in enumerate(shares, 1))
        notes.append(f"The figure shows the first two principal components of {', '.join(parsed.axes)}.")
    if np.ptp(points, axis=0).max() <= CLUSTERS.nearest * max(1.0, np.abs(points).max()):
        raise ValueError("All points are the same, or too close to each other to be drawn.")
    notes = [plain(note) for note in notes]
    return ClusterData(
        "your points",
        points,
        parsed.classes,
        (axes[0], axes[1]),
        parsed.class_names,
        notes=tuple(notes),
        sizes_chosen=False,
    )


def _components(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns coordinates along the first two principal components, ``(N, 2)``, and their fractions of variance, ``(2,)``."""
    centred = points - points.mean(0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    # The sign of a component is free; the point with the largest coordinate gets a positive one.
    left = left * np.sign(left[np.abs(left).argmax(0), np.arange(len(lengths))])
    variances = lengths**2
    return (left * lengths)[:, :2], variances[:2] / max(float(variances.sum()), 1e-300)


def own_lines(file: OwnFile, choice: ColumnChoice) -> str:
    """Returns Python code that sets ``points`` and ``classes`` from the file ``points.csv``.

    Args:
        file: uploaded file with the reader's choices.
        choice: columns that are shown.

    Returns:
        Lines of code.
    """
    decimal = f", decimal={file.decimal!r}" if file.decimal else ""
    standardise = ", standardise=True" if choice.standardise else ""
    lines = (
        f'table = read_table(Path("points.csv").read_bytes(){decimal})\n'
        f"columns = table_points(table, {list(choice.axes)}, {choice.label}{standardise})\n"
        "points, classes = columns.points, columns.classes\n"
    )
    if choice.components:
        lines += (
            "left, lengths, _ = np.linalg.svd(points - points.mean(0), full_matrices=False)\n"
            "left = left * np.sign(left[np.abs(left).argmax(0), np.arange(len(lengths))])\n"
            "points = (left * lengths)[:, :2]\n"
        )
    return lines


def axis_kinds(table: Table) -> tuple[list[int], list[int]]:
    """Returns the columns that can be axes and the columns that can hold the classes.

    Args:
        table: table of the reader.

    Returns:
        Indices of the columns of numbers, and indices of the columns of numbers or words.
    """
    numbers = [place for place, column in enumerate(table.columns) if column.kind == "numbers"]
    labels = [place for place, column in enumerate(table.columns) if column.kind in ("numbers", "words")]
    return numbers, labels
