"""Points to cluster, read from a file: NumPy's archives and tables of text."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hypergeo.counts_file import read_counts

from .quality import read_text

__all__ = ["Points", "read_points"]

_CLASS_NAMES = ("class", "label", "y", "target")


@dataclass(frozen=True)
class Points:
    """Points, and their classes where they are known.

    Attributes:
        points: float64, shape ``(N, D)``.
        classes: whole numbers from zero, shape ``(N,)``, or ``None``.
    """

    points: np.ndarray
    classes: np.ndarray | None

    def some(self, most: int, seed: int) -> Points:
        """As many of the points as there may be, drawn at random where there are more."""
        if len(self.points) <= most:
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self.points), most, replace=False))
        return Points(self.points[chosen], None if self.classes is None else self.classes[chosen])


def read_points(place: str) -> Points:
    """Points from an ``.npz`` archive with arrays ``x`` and, if known, ``y``, or from a table with a row a point.

    Args:
        place: a file, or ``-`` for a table on standard input. In tables, a column named ``class``, ``label``, ``y`` or
            ``target`` holds the classes. Images are taken as long rows of numbers.

    Raises:
        ValueError: saying what the file lacks.
    """
    if place.lower().endswith(".npz"):
        return _from_archive(Path(place))
    table = read_counts(read_text(place))
    columns = [number for number, name in enumerate(table.names) if name.strip().lower() in _CLASS_NAMES]
    values = table.counts.numpy()
    if not columns:
        return Points(values, None)
    if len(columns) > 1 or values.shape[1] == 1:
        raise ValueError(f"{place} must have one column of classes and at least one other; got {', '.join(table.names)}.")
    return Points(np.delete(values, columns, axis=1), _classes(place, values[:, columns[0]]))


def _from_archive(path: Path) -> Points:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path} is not an archive of NumPy arrays.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "x" not in archive:
                raise ValueError(f"{path} must hold an array x of points; it has {', '.join(archive) or 'nothing'}.")
            x, y = archive["x"], archive.get("y")
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path} is damaged: {error}.") from None
    if x.ndim < 2 or x.dtype.kind not in "fiub" or not x.size:
        raise ValueError(f"{path}: x must be an array of numbers, a row a point; it has shape {x.shape} of {x.dtype}.")
    points = x.reshape(len(x), -1).astype(float)
    if not np.isfinite(points).all():
        raise ValueError(f"{path}: x must be finite; row {int(np.argmin(np.isfinite(points).all(1)))} is not.")
    if y is None:
        return Points(points, None)
    if y.shape != (len(x),):
        raise ValueError(f"{path}: y must hold one class for each of {len(x)} points; it has shape {y.shape}.")
    return Points(points, _classes(str(path), y))


def _classes(place: str, given: np.ndarray) -> np.ndarray:
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise ValueError(f"{place}: classes must be finite.")
    return np.unique(given, return_inverse=True)[1]
