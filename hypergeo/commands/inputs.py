"""Readers of the input files of the subcommands: text, tables of points and NumPy archives."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from hypergeo.datasets.counts_csv import read_counts
from hypergeo.datasets.labelled import LabelledArrays, class_numbers, labelled_archive

__all__ = ["read_points", "read_text"]

_CLASS_NAMES = ("class", "label", "y", "target")


def read_points(place: str) -> LabelledArrays:
    """Reads points from an archive (see :func:`~hypergeo.datasets.labelled.labelled_archive`) or from a table with one row per
    point.

    Args:
        place: path of a file, or ``-`` for a table on standard input. In tables, a column named ``class``, ``label``, ``y`` or
            ``target`` holds the classes.

    Returns:
        Points, with classes if the file has them.

    Raises:
        ValueError: if the file has several columns of classes or no other column; the message says what is missing.
    """
    if place.lower().endswith(".npz"):
        return labelled_archive(place)
    table = read_counts(read_text(place))
    columns = [number for number, name in enumerate(table.names) if name.strip().lower() in _CLASS_NAMES]
    values = table.counts.numpy()
    if not columns:
        return LabelledArrays(values, None)
    if len(columns) > 1 or values.shape[1] == 1:
        raise ValueError(f"{place} must have one column of classes and at least one other; got {', '.join(table.names)}.")
    return LabelledArrays(np.delete(values, columns, axis=1), class_numbers(place, values[:, columns[0]]))


def read_text(place: str) -> str:
    """Reads the text of a file.

    Args:
        place: path of the file, or ``-`` for standard input.

    Returns:
        The text.

    Raises:
        ValueError: if the text is not in UTF-8.
    """
    data = sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{'standard input' if place == '-' else place} is not text in UTF-8") from None
