"""Labelled data for clustering: scikit-learn's digits, and NumPy archives such as MNIST's."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

__all__ = ["LabelledArrays", "chosen_digits", "digits", "geometric_sizes", "labelled_archive", "labelled_digits"]

_POINTS = ("x", "x_train")
_CLASSES = ("y", "y_train")


@dataclass(frozen=True)
class LabelledArrays:
    """Holds points or images, with their classes if they are known.

    Attributes:
        points: numbers, shape ``(N, D)``; images are flattened.
        classes: whole numbers from zero, shape ``(N,)``, or ``None``.
        shape: shape of one point, such as ``(8, 8)`` for an image of eight rows; ``(D,)`` when omitted.
        class_names: name of each class, if a table has names.
        notes: sentences on how a table was read.
    """

    points: np.ndarray
    classes: np.ndarray | None
    shape: tuple[int, ...] | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def arrays(self) -> np.ndarray:
        """Points in their own shape, ``(N,) + shape``."""
        return self.points if self.shape is None else self.points.reshape(len(self.points), *self.shape)

    @property
    def sizes(self) -> np.ndarray | None:
        """Number of points of each class, shape ``(K,)``; ``None`` if the classes are unknown."""
        return None if self.classes is None else np.bincount(self.classes)

    def some(self, most: int, seed: int) -> LabelledArrays:
        """Selects a random subset as float64, or all points if there are few.

        Args:
            most: largest number of points.
            seed: seed of the selection.

        Returns:
            The subset.
        """
        if len(self.points) <= most:
            return replace(self, points=self.points.astype(float))
        return self._chosen(np.random.default_rng(seed).choice(len(self.points), most, replace=False))

    def sized(self, sizes: Sequence[int], seed: int) -> LabelledArrays:
        """Selects a random subset with the requested class sizes. The assignment of sizes to classes is random.

        Args:
            sizes: one size for each class, in any order.
            seed: seed of the selection.

        Returns:
            The subset.

        Raises:
            ValueError: if the classes are unknown or too small.

        Example:
            >>> some = labelled_digits().sized([180, 20, 20, 20, 20, 20, 20, 20, 20, 20], seed=0)
            >>> sorted(some.sizes.tolist())[-2:], some.arrays.shape
            ([20, 180], (360, 8, 8))
        """
        numbers, available = np.asarray(sizes), self.sizes
        if available is None or self.classes is None:
            raise ValueError("Sizes can only be chosen if classes are known.")
        if numbers.dtype.kind not in "iu" or numbers.shape != available.shape or (numbers < 1).any():
            raise ValueError(f"sizes must be {len(available)} whole numbers, at least one each; got {sizes!r}.")
        if (np.sort(numbers) > np.sort(available)).any():
            raise ValueError(
                f"There are classes of {np.sort(available).tolist()} members; too few for {np.sort(numbers).tolist()}."
            )
        random = np.random.default_rng(seed)
        # The largest size comes first, each for a class that is large enough. All possible assignments are equally likely.
        free = list(range(len(available)))
        chosen = []
        for number in np.sort(numbers)[::-1]:
            fits = [k for k in free if available[k] >= number]
            k = fits[random.integers(len(fits))]
            free.remove(k)
            chosen.append(random.choice(np.flatnonzero(self.classes == k), number, replace=False))
        return self._chosen(np.concatenate(chosen))

    def _chosen(self, rows: np.ndarray) -> LabelledArrays:
        rows = np.sort(rows)
        return replace(
            self, points=self.points[rows].astype(float), classes=None if self.classes is None else self.classes[rows]
        )


def geometric_sizes(groups: int, largest: int, smallest: int) -> list[int]:
    """Computes sizes that decrease by a constant factor from group to group, rounded.

    Args:
        groups: number of groups, at least one.
        largest: first size.
        smallest: last size.

    Returns:
        Size of each group.

    Raises:
        ValueError: if a size is below one, or the largest is below the smallest.

    Example:
        >>> geometric_sizes(10, 180, 20)
        [180, 141, 110, 87, 68, 53, 42, 33, 26, 20]
    """
    if groups < 1 or not 1 <= smallest <= largest:
        raise ValueError(f"Sizes must fall from the largest to the smallest, at least 1; got {largest} and {smallest}.")
    return [int(size) for size in np.rint(np.geomspace(largest, smallest, groups))]


def labelled_digits() -> LabelledArrays:
    """Loads the 1,797 handwritten digits of scikit-learn: 8 by 8 pixels with values from 0 to 16, about 180 images of each
    digit.

    Returns:
        The images with their classes.

    Example:
        >>> labelled_digits().sizes
        array([178, 182, 177, 183, 181, 182, 181, 179, 174, 180])

    References:
        E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998.
    """
    from sklearn.datasets import load_digits

    read = load_digits()
    return LabelledArrays(read.data.astype(float), read.target.astype(int), (8, 8))


def chosen_digits(sizes: Sequence[int], seed: int = 0) -> LabelledArrays:
    """Chooses handwritten digits at random.

    Args:
        sizes: number of images of the digits 0, 1, …; at most ten numbers. If there are fewer images, all of them are taken.
        seed: seed of the choice of images.

    Returns:
        Images as rows, shape ``(N, 64)``, with the digits as classes.

    Raises:
        ValueError: for no sizes, more than ten, or sizes that are not whole numbers of at least zero.

    Example:
        >>> chosen_digits([30, 20, 10]).arrays.shape
        (60, 8, 8)
    """
    numbers, every = np.asarray(sizes), labelled_digits()
    if numbers.ndim != 1 or not 0 < len(numbers) <= 10 or numbers.dtype.kind not in "iu" or (numbers < 0).any():
        raise ValueError(f"sizes must be one to ten whole numbers, zero or more; got {sizes!r}.")
    assert every.classes is not None
    random = np.random.default_rng(seed)
    rows = np.concatenate([random.permutation(np.flatnonzero(every.classes == k))[:size] for k, size in enumerate(numbers)])
    return LabelledArrays(every.points[rows], every.classes[rows], every.shape)


def digits(sizes: Sequence[int], seed: int = 0) -> LabelledArrays:
    """Projects handwritten digits on their first two principal components.

    Args:
        sizes: number of images of the digits 0, 1, …, as for :func:`chosen_digits`.
        seed: seed of the choice of images.

    Returns:
        Points of overall variance one, shape ``(N, 2)``, with the digits as classes.

    Example:
        >>> data = digits([30, 20, 10])
        >>> data.points.shape, data.sizes
        ((60, 2), array([30, 20, 10]))
    """
    from sklearn.decomposition import PCA

    chosen = chosen_digits(sizes, seed)
    plane = PCA(2, svd_solver="full").fit_transform(chosen.points)
    return LabelledArrays(plane / plane.std(), chosen.classes)


def labelled_archive(place: str | Path) -> LabelledArrays:
    """Reads an ``.npz`` archive with an array ``x``, one row per point or image, and optionally ``y``, their classes.

    The names of MNIST's archive, ``x_train`` and ``y_train``, are accepted as well. Pickled members are never read.

    Args:
        place: path of the file.

    Returns:
        Points with their classes.

    Raises:
        ValueError: if the file is not an archive or is damaged, or if an array is missing, not finite or of a wrong shape or
            type.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder) / "two.npz"
        ...     np.savez(file, x=np.zeros((2, 3, 4), np.uint8), y=["b", "a"])
        ...     read = labelled_archive(file)
        >>> read.arrays.shape, read.points.shape, read.classes
        ((2, 3, 4), (2, 12), array([1, 0]))
    """
    path = Path(place)
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path} is not an archive of NumPy arrays.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            name = next((name for name in _POINTS if name in archive), None)
            if name is None:
                raise ValueError(f"{path} must hold an array x of points; it has {', '.join(archive) or 'nothing'}.")
            x, y = archive[name], archive.get(_CLASSES[_POINTS.index(name)])
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} is damaged: {error}.") from None
    if x.ndim < 2 or x.dtype.kind not in "fiub" or not x.size:
        raise ValueError(f"{path}: {name} must be an array of numbers, one row per point; it has shape {x.shape} of {x.dtype}.")
    points = x.reshape(len(x), -1)
    if points.dtype.kind == "f" and not np.isfinite(points).all():
        raise ValueError(f"{path}: {name} must be finite; row {int(np.argmin(np.isfinite(points).all(1)))} is not.")
    if y is not None and y.shape != (len(x),):
        raise ValueError(f"{path}: y must hold one class for each of {len(x)} points; it has shape {y.shape}.")
    return LabelledArrays(points, None if y is None else class_numbers(str(path), y), x.shape[1:])


def class_numbers(place: str, classes: np.ndarray) -> np.ndarray:
    """Converts classes of any kind to whole numbers from zero, in sorted order.

    Args:
        place: name of the source in error messages.
        classes: numbers or texts, shape ``(N,)``.

    Returns:
        Index of each class, shape ``(N,)``.

    Raises:
        ValueError: if numbers are not finite.

    Example:
        >>> class_numbers("here", np.array([7, 5, 7]))
        array([1, 0, 1])
    """
    if classes.dtype.kind == "f" and not np.isfinite(classes).all():
        raise ValueError(f"{place}: classes must be finite.")
    return np.unique(classes, return_inverse=True)[1]
