"""Points of the reader's own: which columns of a table are shown, and how."""

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
    """The columns that are shown.

    Attributes:
        x: place of the column along the horizontal axis.
        y: place of the column along the vertical axis.
        label: place of the column of true classes, or ``None``.
        components: places of columns whose first two principal components are shown instead of two columns; none when empty.
        standardise: whether each column is scaled to mean zero and standard deviation one.
    """

    x: int
    y: int
    label: int | None = None
    components: tuple[int, ...] = ()
    standardise: bool = False

    @property
    def axes(self) -> tuple[int, ...]:
        """Places of all columns that the picture depends on."""
        return self.components or (self.x, self.y)


@dataclass(frozen=True)
class OwnFile:
    """A file of the reader's.

    Attributes:
        content: its bytes.
        decimal: the decimal mark, where the reader says it.
        choice: of the columns; what is guessed when ``None``.
    """

    content: bytes
    decimal: Decimal | None = None
    choice: ColumnChoice | None = None


@st.cache_data(max_entries=8, show_spinner=False)
def own_table(content: bytes, decimal: Decimal | None = None) -> Table:
    """Reads the reader's table.

    Raises:
        ValueError: saying in which line what is wrong, in Markdown.
    """
    try:
        return read_table(content, decimal=decimal, most_rows=_MOST_POINTS + 1)
    except ValueError as error:
        words = str(error)
        if "may have at most" in words:
            words = f"There are more than {_MOST_POINTS:,} points; the live demo takes at most so many."
        raise ValueError(plain(words)) from None


def first_choice(table: Table) -> ColumnChoice:
    """Guesses the columns: those named x and y, or the only two of numbers, or the principal components of all.

    Raises:
        ValueError: for fewer than two columns of numbers, in Markdown.
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
    """The choice, standardised where scales differ by more than a factor of ten."""
    values = np.column_stack([table.columns[place].values for place in choice.axes])
    values = values[np.isfinite(values).all(1)]
    return replace(choice, standardise=bool(len(values)) and scales_differ(values))


def read_points(content: bytes) -> ClusterData:
    """Points of a file whose columns are guessed.

    Args:
        content: a table; see :func:`~hypergeo.datasets.tables.table.read_table`.

    Raises:
        ValueError: saying in which line what is wrong, in Markdown.

    Example:
        >>> rows = "x,y\\n" + "0,1\\n2,3\\n" * 4
        >>> read_points(rows.encode()).points.shape
        (8, 2)
    """
    return own_points(OwnFile(content))


def own_points(file: OwnFile) -> ClusterData:
    """Points of a file as chosen, with the names of axes and classes, and sentences on how they were read.

    Raises:
        ValueError: saying in which line what is wrong, in Markdown.
    """
    table = own_table(file.content, file.decimal)
    choice = file.choice or first_choice(table)
    try:
        found = table_points(table, choice.axes, choice.label, standardise=choice.standardise)
    except ValueError as error:
        raise ValueError(plain(str(error))) from None
    points, axes, notes = found.points, found.axes, [*table.notes, *found.notes]
    if len(points) < _FEWEST:
        raise ValueError(f"There are {len(points)} points; at least {_FEWEST} are needed.")
    if np.abs(points).max() > CLUSTERS.largest:
        raise ValueError("Every number must be finite and below a thousand million.")
    if choice.components:
        points, shares = _components(points)
        axes = tuple(f"principal component {k} ({share:.0%} of variance)" for k, share in enumerate(shares, 1))
        notes.append(f"Shown are the first two principal components of {', '.join(found.axes)}.")
    if np.ptp(points, axis=0).max() <= CLUSTERS.nearest * max(1.0, np.abs(points).max()):
        raise ValueError("All points are the same, or too close to each other to be drawn.")
    notes = [plain(note) for note in notes]
    return ClusterData(
        "your points",
        points,
        found.classes,
        (axes[0], axes[1]),
        found.class_names,
        notes=tuple(notes),
        sizes_chosen=False,
    )


def _components(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places along the first two principal components, and their shares of the variance."""
    centred = points - points.mean(0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    left = left * np.sign(
        left[np.abs(left).argmax(0), np.arange(len(lengths))]
    )  # the sign is free: the farthest point's is plus
    variances = lengths**2
    return (left * lengths)[:, :2], variances[:2] / max(float(variances.sum()), 1e-300)


def own_lines(file: OwnFile, choice: ColumnChoice) -> str:
    """Returns Python that sets ``points`` and ``classes`` from the file ``points.csv``."""
    decimal = f", decimal={file.decimal!r}" if file.decimal else ""
    standardise = ", standardise=True" if choice.standardise else ""
    lines = (
        f'table = read_table(Path("points.csv").read_bytes(){decimal})\n'
        f"found = table_points(table, {list(choice.axes)}, {choice.label}{standardise})\n"
        "points, classes = found.points, found.classes\n"
    )
    if choice.components:
        lines += (
            "left, lengths, _ = np.linalg.svd(points - points.mean(0), full_matrices=False)\n"
            "left = left * np.sign(left[np.abs(left).argmax(0), np.arange(len(lengths))])\n"
            "points = (left * lengths)[:, :2]\n"
        )
    return lines


def axis_kinds(table: Table) -> tuple[list[int], list[int]]:
    """Places of the columns that can be axes, and of those that can be classes."""
    numbers = [place for place, column in enumerate(table.columns) if column.kind == "numbers"]
    labels = [place for place, column in enumerate(table.columns) if column.kind in ("numbers", "words")]
    return numbers, labels
