"""Things to cluster, with their classes where they are known: scikit-learn's digits, and NumPy's archives such as MNIST's."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

__all__ = ["LabelledArrays", "chosen_digits", "digits", "geometric_sizes", "labelled_archive", "labelled_digits"]

_POINTS = ("x", "x_train")
_CLASSES = ("y", "y_train")


@dataclass(frozen=True)
class LabelledArrays:
    """Points or images, and their classes where they are known.

    Attributes:
        points: numbers, shape ``(N, D)``; images as long rows.
        classes: whole numbers from zero, shape ``(N,)``, or ``None``.
        shape: of one of them, such as ``(8, 8)`` for an image of eight rows; ``(D,)`` when omitted.
        class_names: of each class, where a table has them.
        notes: sentences on how a table was read.
    """

    points: np.ndarray
    classes: np.ndarray | None
    shape: tuple[int, ...] | None = None
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def arrays(self) -> np.ndarray:
        """In their own shape, ``(N,) + shape``."""
        return self.points if self.shape is None else self.points.reshape(len(self.points), *self.shape)

    @property
    def sizes(self) -> np.ndarray | None:
        """How many there are of each class, shape ``(K,)``."""
        return None if self.classes is None else np.bincount(self.classes)

    def some(self, most: int, seed: int) -> LabelledArrays:
        """As many of them as there may be, drawn at random where there are more, as float64."""
        if len(self.points) <= most:
            return replace(self, points=self.points.astype(float))
        return self._chosen(np.random.default_rng(seed).choice(len(self.points), most, replace=False))

    def sized(self, sizes: Sequence[int], seed: int) -> LabelledArrays:
        """As many of each class as asked for; which class gets which size, and which of its members, is left to chance.

        Args:
            sizes: as many as there are classes, in any order.
            seed: of the choice.

        Raises:
            ValueError: where there are no classes, or none with that many members.

        Example:
            >>> some = labelled_digits().sized([180, 20, 20, 20, 20, 20, 20, 20, 20, 20], seed=0)
            >>> sorted(some.sizes.tolist())[-2:], some.arrays.shape
            ([20, 180], (360, 8, 8))
        """
        numbers, there = np.asarray(sizes), self.sizes
        if there is None or self.classes is None:
            raise ValueError("Sizes can only be chosen where classes are known.")
        if numbers.dtype.kind not in "iu" or numbers.shape != there.shape or (numbers < 1).any():
            raise ValueError(f"sizes must be {len(there)} whole numbers, at least one each; got {sizes!r}.")
        if (np.sort(numbers) > np.sort(there)).any():
            raise ValueError(
                f"There are classes of {np.sort(there).tolist()} members; too few for {np.sort(numbers).tolist()}."
            )
        random = np.random.default_rng(seed)
        # Largest first, each to a class that has enough: all ways that fit are equally likely.
        free = list(range(len(there)))
        chosen = []
        for number in np.sort(numbers)[::-1]:
            fits = [k for k in free if there[k] >= number]
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
    """Sizes that fall by one factor from group to group, rounded.

    Args:
        groups: how many, at least one.
        largest: the first.
        smallest: the last.

    Raises:
        ValueError: for sizes below one or the wrong way round.

    Example:
        >>> geometric_sizes(10, 180, 20)
        [180, 141, 110, 87, 68, 53, 42, 33, 26, 20]
    """
    if groups < 1 or not 1 <= smallest <= largest:
        raise ValueError(f"Sizes must fall from the largest to the smallest, at least 1; got {largest} and {smallest}.")
    return [int(size) for size in np.rint(np.geomspace(largest, smallest, groups))]


def labelled_digits() -> LabelledArrays:
    """The 1,797 handwritten digits that come with scikit-learn, of 8 by 8 pixels with values from 0 to 16, about 180 of each.

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
        sizes: number of images of the digits 0, 1, …; at most ten numbers. Where there are fewer images, all of them are taken.
        seed: of the choice of images.

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
        sizes: as for :func:`chosen_digits`.
        seed: of the choice of images.

    Returns:
        Points of overall variance one, shape ``(N, 2)``, with the digits as classes.

    Raises:
        ValueError: as :func:`chosen_digits` does.

    Example:
        >>> found = digits([30, 20, 10])
        >>> found.points.shape, found.sizes
        ((60, 2), array([30, 20, 10]))
    """
    from sklearn.decomposition import PCA

    chosen = chosen_digits(sizes, seed)
    plane = PCA(2, svd_solver="full").fit_transform(chosen.points)
    return LabelledArrays(plane / plane.std(), chosen.classes)


def labelled_archive(place: str | Path) -> LabelledArrays:
    """From an ``.npz`` archive with an array ``x``, a row a point or an image, and, if known, ``y``, their classes.

    The names of MNIST's archive, ``x_train`` and ``y_train``, will do as well. Pickled members are never read.

    Args:
        place: the file.

    Raises:
        ValueError: saying what the file lacks.

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
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path} is damaged: {error}.") from None
    if x.ndim < 2 or x.dtype.kind not in "fiub" or not x.size:
        raise ValueError(f"{path}: {name} must be an array of numbers, a row a point; it has shape {x.shape} of {x.dtype}.")
    points = x.reshape(len(x), -1)
    if points.dtype.kind == "f" and not np.isfinite(points).all():
        raise ValueError(f"{path}: {name} must be finite; row {int(np.argmin(np.isfinite(points).all(1)))} is not.")
    if y is not None and y.shape != (len(x),):
        raise ValueError(f"{path}: y must hold one class for each of {len(x)} points; it has shape {y.shape}.")
    return LabelledArrays(points, None if y is None else class_numbers(str(path), y), x.shape[1:])


def class_numbers(place: str, given: np.ndarray) -> np.ndarray:
    """Classes of any kind as whole numbers from zero, in their order.

    Args:
        place: what an error names.
        given: numbers or words, shape ``(N,)``.

    Raises:
        ValueError: for numbers that are not finite.

    Example:
        >>> class_numbers("here", np.array([7, 5, 7]))
        array([1, 0, 1])
    """
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise ValueError(f"{place}: classes must be finite.")
    return np.unique(given, return_inverse=True)[1]
