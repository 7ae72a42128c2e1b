"""Images with factor values from ``.npz`` files, read row by row. Supports the layouts of dSprites, Shapes3D and MPI3D."""

from __future__ import annotations

import math
import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

import numpy as np
import torch
from torch import Tensor

from hypergeo._validate import require_whole

from .image_pairs import FactorImages

__all__ = ["ImageArchive"]

_IMAGES = ("imgs", "images")
_FACTORS = ("latents_values", "labels", "factors", "factor_values")
_MPI3D_NAMES = ("object colour", "object shape", "object size", "camera height", "background colour", "horizontal", "vertical")
_KNOWN: dict[int, tuple[tuple[str, ...], tuple[int, ...]]] = {
    737_280: (("colour", "shape", "scale", "rotation", "x", "y"), (1, 3, 6, 40, 32, 32)),
    480_000: (("floor hue", "wall hue", "object hue", "scale", "shape", "orientation"), (10, 10, 10, 8, 4, 15)),
    1_036_800: (_MPI3D_NAMES, (6, 6, 2, 3, 3, 40, 40)),
    460_800: (_MPI3D_NAMES, (4, 4, 2, 3, 3, 40, 40)),
}
"""Names and numbers of values of the factors of dSprites, Shapes3D, MPI3D and MPI3D complex, by number of images."""
_ATTEMPTS = 50


class ImageArchive(FactorImages):
    """Reads images and their factor values from an ``.npz`` file, such as dSprites, Shapes3D or MPI3D.

    The images are the array ``imgs`` or ``images``, of shape ``(N, H, W)`` or ``(N, H, W, C)``. The factor values are the array
    ``latents_values``, ``labels``, ``factors`` or ``factor_values``, of shape ``(N, F)``. MPI3D's file has only images, in the
    order of a grid whose last factor varies fastest; for other files of this kind, pass ``grid``. Pickled members are never
    read.

    Only the requested images are read. Uncompressed members (``np.savez``) are mapped into memory. Compressed ones (dSprites)
    are extracted once, in chunks, into a folder on disk.

    A factor with only one value (dSprites' colour) is omitted, because pairs cannot differ in it.

    Args:
        path: path of the file.
        factor_names: names of all factors in the file; known for the data sets above.
        grid: number of values of each factor, for files without factor values.
        image_size: rows and columns to which images are scaled by averaging, at least 4; the original size when omitted.
        folder: folder for extracted members; a temporary folder, removed with this object, when omitted.

    Raises:
        ValueError: if the file or an argument is invalid; the message names the value and what is allowed.
        FileNotFoundError: if the file does not exist.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder) / "six.npz"
        ...     images = np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4)
        ...     np.savez(file, imgs=images, latents_values=[[size, x] for size in (1, 2) for x in (0.0, 0.5, 1.0)])
        ...     archive = ImageArchive(file, factor_names=("size", "x"))
        ...     pairs = archive.pairs(10, shared=["x"], generator=torch.Generator().manual_seed(0))
        >>> archive.image_shape, len(archive), pairs.images.shape
        ((1, 4, 4), 6, torch.Size([10, 2, 1, 4, 4]))
        >>> (pairs.factors[:, 0] == pairs.factors[:, 1]).all(0)
        tensor([False,  True])

    References:
        L. Matthey, I. Higgins, D. Hassabis, A. Lerchner, "dSprites: disentanglement testing sprites dataset", 2017.
        C. Burgess, H. Kim, "3D Shapes dataset", 2018.
        M. Gondal et al., "On the transfer of inductive bias from simulation to the real world: a new disentanglement
        dataset", NeurIPS 2019 (MPI3D).
    """

    def __init__(
        self,
        path: str | Path,
        *,
        factor_names: Sequence[str] | None = None,
        grid: Sequence[int] | None = None,
        image_size: int | None = None,
        folder: str | Path | None = None,
    ):
        self.path = Path(path)
        if not zipfile.is_zipfile(self.path):
            if not self.path.exists():
                raise FileNotFoundError(2, "No such file", str(self.path))
            raise ValueError(f"{self.path.name} is not an .npz file.")
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
                key = self._key_of(members, _IMAGES, "images")
                image_size = None if image_size is None else require_whole("image_size", image_size, 4)
                self._images = self._mapped(archive, members[key], folder)
                if self._images.ndim not in (3, 4) or not len(self._images) or self._images.dtype.kind not in "uifb":
                    raise ValueError(
                        f"{key} must hold numbers of shape (N, rows, columns) or (N, rows, columns, channels); "
                        f"got {self._images.dtype} of shape {self._images.shape}."
                    )
                values = None
                if grid is None and (len(self._images) not in _KNOWN or any(name in members for name in _FACTORS)):
                    key = self._key_of(members, _FACTORS, "factor values (or give grid, the number of values of each factor)")
                    values = _small(archive, members[key])
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{self.path.name} is damaged: {error}") from None
        self._set_factors(values, grid, factor_names)
        rows, columns = self._images.shape[1:3]
        channels = 1 if self._images.ndim == 3 else self._images.shape[3]
        self._scaled = None if image_size in (None, rows) and rows == columns else image_size
        self.image_shape = (channels, rows, columns) if self._scaled is None else (channels, self._scaled, self._scaled)
        self._unit = self._white()

    def _key_of(self, members: dict[str, str], names: Sequence[str], what: str) -> str:
        for name in names:
            if name in members:
                return name
        available = ", ".join(members) or "no arrays"
        raise ValueError(f"{self.path.name} must hold {what} as one of {', '.join(names)}; it holds {available}.")

    def _mapped(self, archive: zipfile.ZipFile, member: str, folder: str | Path | None) -> np.ndarray:
        """Returns a member as an array that is read from disk on access."""
        info = archive.getinfo(member)
        if info.compress_type == zipfile.ZIP_STORED:
            with archive.open(member) as stream:
                shape, fortran, dtype = _header(stream, info)
                # The data follow the member's header in the zip file, which holds the lengths of two names.
                within = stream.tell()
            with self.path.open("rb") as raw:
                raw.seek(info.header_offset + 26)
                lengths = np.frombuffer(raw.read(4), "<u2")
            begin = info.header_offset + 30 + int(lengths.sum()) + within
            order: Literal["F", "C"] = "F" if fortran else "C"
            return np.memmap(self.path, dtype, "r", begin, shape, order)
        if folder is None:
            temporary = tempfile.mkdtemp(prefix="hypergeo-")
            weakref.finalize(self, shutil.rmtree, temporary, ignore_errors=True)
            folder = temporary
        unpacked = Path(folder) / f"{self.path.stem}-{info.CRC:08x}-{Path(member).name}"
        if not unpacked.exists() or unpacked.stat().st_size != info.file_size:
            partly = unpacked.with_suffix(".part")
            with archive.open(member) as source, partly.open("wb") as target:
                _header(source, info)
                source.seek(0)
                shutil.copyfileobj(source, target, 1 << 20)
            partly.replace(unpacked)
        return np.load(unpacked, mmap_mode="r", allow_pickle=False)

    def _set_factors(self, values: np.ndarray | None, grid: Sequence[int] | None, names: Sequence[str] | None) -> None:
        """Sets codes (index of the value of each factor), values and names of the factors that vary.

        Raises:
            ValueError: if grid, factor values or names are invalid, or if no factor varies.
        """
        N = len(self._images)
        known_names, known_grid = _KNOWN.get(N, (None, None))
        if values is None:
            sizes = tuple(known_grid if grid is None and known_grid is not None else grid or ())
            if not all(isinstance(size, int) and size > 0 for size in sizes) or int(np.prod(sizes)) != N:
                raise ValueError(f"grid must be whole numbers whose product is the number of images, {N:,}; got {grid}.")
            codes = np.stack(np.unravel_index(np.arange(N), sizes), -1)
            values = codes / np.maximum(np.array(sizes) - 1, 1)
            if sizes != known_grid:
                known_names = None
        else:
            if values.ndim != 2 or len(values) != N or values.dtype.kind not in "uif":
                raise ValueError(f"Factor values must be numbers of shape ({N}, F), one row per image; got {values.shape}.")
            if not np.isfinite(values).all():
                raise ValueError("Factor values must be finite numbers.")
            codes = np.stack([np.unique(column, return_inverse=True)[1] for column in values.T], -1)
        F = values.shape[1]
        if names is None:
            names = known_names if known_names is not None and len(known_names) == F else [f"factor {f + 1}" for f in range(F)]
        if isinstance(names, str) or len(names) != F or len(set(names)) != F:
            raise ValueError(f"factor_names must be {F} different names; got {names!r}.")
        vary = codes.max(0) > 0
        if not vary.any():
            raise ValueError("All images have the same factor values, so no pair could differ.")
        self.factor_names = tuple(name for name, varies in zip(names, vary, strict=True) if varies)
        self._codes = np.ascontiguousarray(codes[:, vary])
        self._values = torch.from_numpy(np.ascontiguousarray(values[:, vary], dtype=np.float32))
        self._sizes = self._codes.max(0) + 1
        self._full = int(np.prod(self._sizes.astype(object))) <= N and self._sorted()

    def _sorted(self) -> bool:
        """Returns whether every combination of values exists, after sorting the images by their factors."""
        flat = np.ravel_multi_index(tuple(self._codes.T), tuple(self._sizes))
        self._order = np.argsort(flat, kind="stable")
        self._starts = np.searchsorted(flat[self._order], np.arange(int(np.prod(self._sizes)) + 1))
        return bool((np.diff(self._starts) > 0).all())

    def _white(self) -> float:
        """Returns the value of white in the file, from a subset of the images.

        Raises:
            ValueError: if values are outside 0 to 255, or outside 0 to 1 for floating-point numbers.
        """
        subset = np.asarray(self._images[:: max(len(self._images) // 32, 1)])
        low, high = subset.min(), subset.max()
        if not (low >= 0 and high <= (255 if self._images.dtype.kind in "ui" else 1)):
            raise ValueError(f"Images must be whole numbers from 0 to 255 or reals from 0 to 1; got {low:g} to {high:g}.")
        return 255.0 if high > 1 else 1.0

    def __len__(self) -> int:
        return len(self._images)

    def images(self, rows: Tensor) -> Tensor:
        """Reads images by their row in the file.

        Args:
            rows: whole numbers, any shape.

        Returns:
            Values from 0 to 1, float32, shape ``rows.shape + (C, H, W)``.
        """
        different, positions = np.unique(rows.numpy(), return_inverse=True)
        read = np.asarray(self._images[different], dtype=np.float32).reshape(len(different), *self._images.shape[1:3], -1)
        scaled = torch.from_numpy(read).permute(0, 3, 1, 2) / self._unit
        if self._scaled is not None:
            scaled = torch.nn.functional.adaptive_avg_pool2d(scaled, self._scaled)
        return scaled[torch.from_numpy(positions.reshape(rows.shape))]

    def sample(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Samples images uniformly, with replacement.

        Args:
            count: number of images.
            generator: random generator; torch's global one when omitted.

        Returns:
            Images, shape ``(count, C, H, W)``, and their factors, shape ``(count, F)``; float32.
        """
        rows = torch.randint(len(self), (count,), generator=generator)
        return self.images(rows), self._values[rows]

    def _pairs(self, shared: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        if self._full:
            rows = self._rows_of_grid(shared, generator)
        else:
            rows, shared = self._rows_by_search(shared, generator)
        return self.images(rows), self._values[rows], shared

    def _rows_of_grid(self, shared: Tensor, generator: torch.Generator | None) -> Tensor:
        """Returns rows of pairs that share exactly the requested factors, if every combination of values exists."""
        sizes = torch.from_numpy(self._sizes)
        uniform = torch.rand(2, *shared.shape, generator=generator, dtype=torch.float64)
        first = (uniform[0] * sizes).long()
        # Values that are not shared differ. For a factor with few values, independent ones would often be equal.
        other = (first + 1 + (uniform[1] * (sizes - 1)).long()) % sizes
        codes = torch.stack([first, torch.where(shared, first, other)], 1)
        flat = np.ravel_multi_index(tuple(codes.flatten(0, 1).T.numpy()), tuple(self._sizes))
        begin, end = self._starts[flat], self._starts[flat + 1]
        which = torch.rand(len(flat), generator=generator, dtype=torch.float64).numpy()
        picked = begin + (which * (end - begin)).astype(int)
        return torch.from_numpy(self._order[picked]).view(-1, 2)

    def _rows_by_search(self, shared: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Returns rows of pairs by search if combinations are missing. Sets of factors that no pair shares are sampled again.

        Raises:
            ValueError: if no pair is found in 50 attempts.
        """
        rows, masks = [], shared.clone()
        for mask in masks:
            for _ in range(_ATTEMPTS):
                first = int(torch.randint(len(self), (), generator=generator))
                same = self._codes == self._codes[first]
                partners = np.flatnonzero((same == mask.numpy()).all(-1))
                if len(partners):
                    rows.append([first, int(partners[int(torch.randint(len(partners), (), generator=generator))])])
                    break
                mask.copy_(mask[torch.randperm(len(mask), generator=generator)])
            else:
                raise ValueError(
                    f"Hardly any two images share exactly {int(mask.sum())} of {len(mask)} factors; "
                    "a file with every combination of few values of each factor has such pairs."
                )
        return torch.tensor(rows), masks


def _header(stream: IO[bytes], member: zipfile.ZipInfo) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Returns shape, whether in Fortran order, and dtype of an array in NumPy's format, and moves the stream to the data.

    Raises:
        ValueError: if the array is not in NumPy's format, holds pickled objects, or is incomplete.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except ValueError as error:
        raise ValueError(f"{member.filename} is not an array in NumPy's format: {error}") from None
    if dtype.hasobject:
        raise ValueError(f"{member.filename} holds pickled objects, which are not read: they could run code.")
    if stream.tell() + dtype.itemsize * math.prod(shape) > member.file_size:
        raise ValueError(f"{member.filename} ends before its values do; it may not have been written whole.")
    return shape, fortran, dtype


def _small(archive: zipfile.ZipFile, member: str) -> np.ndarray:
    """Returns a member that is read as a whole."""
    with archive.open(member) as stream:
        _header(stream, archive.getinfo(member))
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
