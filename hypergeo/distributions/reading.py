"""Reads what callers hand over (numbers, lists, arrays, tensors) into tensors, or says what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["LARGEST", "WHOLE", "every", "read_counts", "read_real", "read_shape", "require", "whole"]

LARGEST = 2**53  # whole numbers below it are exact in float64
WHOLE = "whole and nonnegative"


class _Every(torch.autograd.Function):
    """Whether all entries hold, of the batch too that ``torch.vmap`` hides."""

    @staticmethod
    def forward(good: Tensor) -> Tensor:
        return good.all()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: Any, good: Tensor) -> tuple[Tensor, None]:
        return _Every.apply(good), None


def every(good: Tensor) -> bool:
    """Tells whether all entries of a tensor of truth values hold; one synchronisation.

    Under ``torch.vmap`` the answer is for all elements of the hidden batch.

    Example:
        >>> every(torch.tensor([True, False]))
        False
        >>> torch.vmap(lambda x: x + every(x > 0))(torch.tensor([1, 2]))
        tensor([2, 3])
    """
    try:
        return bool(good.all())
    except RuntimeError:  # vmap lets nobody look at values
        return bool(_Every.apply(good))


def read_counts(name: str, given: Any, device: torch.device | None, validate: bool) -> tuple[Tensor, Tensor | None]:
    """Reads whole nonnegative numbers.

    Args:
        name: of the argument.
        given: a number or a regular array of numbers; arrays are copied.
        device: of the result; that of a tensor given, else the CPU, when omitted.
        validate: whether to check the numbers.

    Returns:
        int64, and the tensor given where its numbers are still to be checked by :func:`whole`, so that one synchronisation
        can do for several arguments.

    Raises:
        ValueError: for anything but real numbers, and for bad ones unless they came in a tensor.
    """
    if type(given) is int and 0 <= given < LARGEST:
        return torch.scalar_tensor(given, dtype=torch.int64, device=device), None
    raw = _as_tensor(name, given, device, counts=True)
    if raw.dtype == torch.bool or raw.is_complex():
        raise ValueError(f"{name} must be whole numbers; got dtype {raw.dtype}.")
    counts = raw.to(device=device, dtype=torch.int64)
    if not validate:
        return counts, None
    if isinstance(given, Tensor):
        return counts, raw
    require(name, raw, whole(raw), WHOLE)
    return counts, None


def whole(raw: Tensor) -> Tensor:
    """Which numbers are whole, nonnegative and exact in float64."""
    if raw.is_floating_point():
        raw = raw.double()
        return (raw >= 0) & (raw < LARGEST) & (raw == raw.round())
    raw = raw.to(torch.int64)  # of an unsigned number beyond int64, a negative one
    return (raw >= 0) & (raw < LARGEST)


def read_real(name: str, given: Any, device: torch.device | None = None) -> Tensor:
    """Reads real numbers.

    Args:
        name: of the argument.
        given: a number or a regular array of numbers, tensors within lists included; arrays are copied.
        device: of the result where no tensor is given.

    Returns:
        A floating-point tensor as given, with its gradient; anything else in float64.

    Raises:
        ValueError: for anything but real numbers.
    """
    if type(given) is float:
        return torch.scalar_tensor(given, dtype=torch.float64, device=device)
    raw = _as_tensor(name, given, device)
    if raw.dtype == torch.bool or raw.is_complex():
        raise ValueError(f"{name} must be real numbers; got dtype {raw.dtype}.")
    return raw if isinstance(given, Tensor) and raw.is_floating_point() else raw.to(torch.float64)


def read_shape(name: str, given: Any) -> torch.Size:
    """Reads a shape.

    Raises:
        ValueError: for anything but a sequence of nonnegative whole numbers.

    Example:
        >>> read_shape("sample_shape", (2, 3))
        torch.Size([2, 3])
    """
    if isinstance(given, torch.Size):  # may still hold negative numbers
        shape = given
    else:
        try:
            shape = torch.Size(given)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise ValueError(f"{name} must be a sequence of whole numbers such as (5,) or (2, 3); got {given!r}.") from None
    if shape and min(shape) < 0:
        raise ValueError(f"{name} must hold nonnegative whole numbers; got {tuple(shape)}.")
    return shape


def require(name: str, value: Tensor, good: Tensor, allowed: str) -> None:
    """Raises ``ValueError`` with the first bad entry and its place, where there is one."""
    if not every(good):
        try:
            bad = value.detach()[~good].flatten()[0].item()
            place = f" at index {tuple((~good).nonzero()[0].tolist())}" if good.dim() else ""
        except RuntimeError:  # under vmap
            raise ValueError(f"{name} must be {allowed}, for every element of the batch.") from None
        raise ValueError(f"{name} must be {allowed}; got {bad}{place}.")


def _as_tensor(name: str, given: Any, device: torch.device | None, counts: bool = False) -> Tensor:
    """A tensor of the numbers given: the tensor itself, or a copy of anything else."""
    if isinstance(given, Tensor):
        if given.layout != torch.strided:
            raise ValueError(f"{name} must be a dense tensor; got layout {given.layout}.")
        return given
    if type(given) is float or (type(given) is int and -(2**63) <= given < 2**63):
        return torch.tensor(given, dtype=torch.float64 if type(given) is float else torch.int64, device=device)
    if isinstance(given, Sequence) and not isinstance(given, str) and _holds_tensors(given):
        parts = [_as_tensor(name, part, device) for part in given]
        try:
            place = device or next(part.device for part in parts)
            dtype = torch.float64 if any(part.is_floating_point() for part in parts) else None
            return torch.stack([part.to(device=place, dtype=dtype) for part in parts])
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"{name} must be a number or a regular array of numbers; got {given!r}.") from error
    try:
        if np.ma.is_masked(given):
            raise ValueError(f"{name} must not have masked entries; got {given!r}.")
        array = np.array(given)
        if array.dtype.kind == "O":
            if not all(isinstance(entry, Real | Decimal | np.number) for entry in array.flat):
                raise TypeError
            array = _from_objects(array, counts)
        elif array.dtype.kind not in "biufc":
            raise TypeError
        elif array.dtype.kind == "u" and array.dtype.itemsize == 8 and array.size and array.max() >= 2**63:
            array = array.astype(np.float64)
        elif array.dtype.kind in "iuf":
            array = array.astype(np.float64 if array.dtype.kind == "f" else np.int64, copy=False)
        return torch.as_tensor(array, device=device)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        if str(error).startswith(name):
            raise
        raise ValueError(f"{name} must be a number or a regular array of numbers; got {given!r}.") from error


def _from_objects(array: np.ndarray, counts: bool) -> np.ndarray:
    """Numbers that NumPy has no type for (fractions, decimals, large whole numbers) as float64, or exactly as int64."""
    if counts and all(entry == int(entry) and abs(entry) < 2**63 for entry in array.flat):
        return array.astype(np.int64)
    return array.astype(np.float64)


def _holds_tensors(given: Sequence[Any]) -> bool:
    return any(isinstance(part, Tensor) or (isinstance(part, list | tuple) and _holds_tensors(part)) for part in given)
