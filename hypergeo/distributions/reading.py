"""Converts numbers, lists, arrays and tensors to tensors, with an error message that says what is allowed."""

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
    """Returns whether all entries are true, including the batch that ``torch.vmap`` hides."""

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
    """Returns whether all entries of a boolean tensor are true, with one synchronisation of the device.

    Under ``torch.vmap`` the result is for all elements of the hidden batch.

    Args:
        good: boolean, of any shape.

    Returns:
        Whether all entries are true.

    Example:
        >>> every(torch.tensor([True, False]))
        False
        >>> torch.vmap(lambda x: x + every(x > 0))(torch.tensor([1, 2]))
        tensor([2, 3])
    """
    try:
        return bool(good.all())
    except RuntimeError:  # vmap does not allow access to values
        return bool(_Every.apply(good))


def read_counts(name: str, argument: Any, device: torch.device | None, validate: bool) -> tuple[Tensor, Tensor | None]:
    """Reads whole nonnegative numbers.

    Args:
        name: name of the argument, for error messages.
        argument: a number or a regular array of numbers; arrays are copied.
        device: device of the result; that of a tensor argument, else the CPU, when omitted.
        validate: whether to check the numbers.

    Returns:
        Numbers as int64, of the argument's shape, and the argument itself if it is a tensor that :func:`whole` must still
        check: one synchronisation then suffices for several arguments. Numbers outside a tensor are checked here.

    Raises:
        ValueError: if the numbers are complex or boolean.
    """
    if type(argument) is int and 0 <= argument < LARGEST:
        return torch.scalar_tensor(argument, dtype=torch.int64, device=device), None
    if type(argument) in (list, tuple) and all(type(entry) is int and 0 <= entry < LARGEST for entry in argument):
        return torch.tensor(argument, dtype=torch.int64, device=device), None
    raw = _as_tensor(name, argument, device, counts=True)
    if raw.dtype == torch.bool or raw.is_complex():
        raise ValueError(f"{name} must be whole numbers; got dtype {raw.dtype}.")
    counts = raw.to(device=device, dtype=torch.int64)
    if not validate:
        return counts, None
    if isinstance(argument, Tensor):
        return counts, raw
    require(name, raw, whole(raw), WHOLE)
    return counts, None


def whole(raw: Tensor) -> Tensor:
    """Finds the numbers that are whole, nonnegative and exact in float64.

    Args:
        raw: real numbers, of any shape.

    Returns:
        Boolean, of the same shape.
    """
    if raw.is_floating_point():
        raw = raw.double()
        return (raw >= 0) & (raw < LARGEST) & (raw == raw.round())
    raw = raw.to(torch.int64)  # an unsigned number beyond int64 becomes negative
    return (raw >= 0) & (raw < LARGEST)


def read_real(name: str, argument: Any, device: torch.device | None = None) -> Tensor:
    """Reads real numbers.

    Args:
        name: name of the argument, for error messages.
        argument: a number or a regular array of numbers, including tensors within lists; arrays are copied.
        device: device of the result if the argument is not a tensor.

    Returns:
        A floating-point tensor unchanged, with its gradient; anything else in float64, of the argument's shape.

    Raises:
        ValueError: if the numbers are complex or boolean.
    """
    if type(argument) is float:
        return torch.scalar_tensor(argument, dtype=torch.float64, device=device)
    raw = _as_tensor(name, argument, device)
    if raw.dtype == torch.bool or raw.is_complex():
        raise ValueError(f"{name} must be real numbers; got dtype {raw.dtype}.")
    return raw if isinstance(argument, Tensor) and raw.is_floating_point() else raw.to(torch.float64)


def read_shape(name: str, argument: Any) -> torch.Size:
    """Reads a shape.

    Args:
        name: name of the argument, for error messages.
        argument: sequence of nonnegative whole numbers.

    Returns:
        The shape.

    Raises:
        ValueError: if the argument is not a sequence of nonnegative whole numbers.

    Example:
        >>> read_shape("sample_shape", (2, 3))
        torch.Size([2, 3])
    """
    if isinstance(argument, torch.Size):  # may still hold negative numbers
        shape = argument
    else:
        try:
            shape = torch.Size(argument)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise ValueError(f"{name} must be a sequence of whole numbers such as (5,) or (2, 3); got {argument!r}.") from None
    if shape and min(shape) < 0:
        raise ValueError(f"{name} must hold nonnegative whole numbers; got {tuple(shape)}.")
    return shape


def require(name: str, value: Tensor, good: Tensor, allowed: str) -> None:
    """Checks that all entries of a tensor are allowed.

    Args:
        name: name of the argument, for error messages.
        value: numbers, of any shape.
        good: which entries are allowed, boolean, of the same shape.
        allowed: description of the allowed numbers.

    Raises:
        ValueError: if an entry is not allowed, with the first such entry and its index.
    """
    if not every(good):
        try:
            bad = value.detach()[~good].flatten()[0].item()
            place = f" at index {tuple((~good).nonzero()[0].tolist())}" if good.dim() else ""
        except RuntimeError:  # under vmap
            raise ValueError(f"{name} must be {allowed}, for every element of the batch.") from None
        raise ValueError(f"{name} must be {allowed}; got {bad}{place}.")


def _as_tensor(name: str, argument: Any, device: torch.device | None, counts: bool = False) -> Tensor:
    """Converts an argument to a tensor.

    Args:
        name: name of the argument, for error messages.
        argument: a tensor, which is returned, or numbers, which are copied.
        device: device of the copy.
        counts: whether large whole numbers must stay exact.

    Returns:
        A tensor of the argument's shape.

    Raises:
        ValueError: if the argument is not a dense, regular array of numbers.
    """
    if isinstance(argument, Tensor):
        if argument.layout != torch.strided:
            raise ValueError(f"{name} must be a dense tensor; got layout {argument.layout}.")
        return argument
    if type(argument) is float or (type(argument) is int and -(2**63) <= argument < 2**63):
        return torch.tensor(argument, dtype=torch.float64 if type(argument) is float else torch.int64, device=device)
    if isinstance(argument, Sequence) and not isinstance(argument, str) and _holds_tensors(argument):
        parts = [_as_tensor(name, part, device) for part in argument]
        try:
            place = device or next(part.device for part in parts)
            dtype = torch.float64 if any(part.is_floating_point() for part in parts) else None
            return torch.stack([part.to(device=place, dtype=dtype) for part in parts])
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"{name} must be a number or a regular array of numbers; got {argument!r}.") from error
    if np.ma.is_masked(argument):
        raise ValueError(f"{name} must not have masked entries; got {argument!r}.")
    try:
        return torch.as_tensor(_as_array(argument, counts), device=device)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"{name} must be a number or a regular array of numbers; got {argument!r}.") from error


def _as_array(argument: Any, counts: bool) -> np.ndarray:
    """Converts an argument to an array whose dtype torch has.

    Args:
        argument: a number or a regular array of numbers.
        counts: whether large whole numbers must stay exact.

    Returns:
        An array of the argument's shape.

    Raises:
        TypeError: if an entry is not a number.
    """
    array = np.array(argument)
    if array.dtype.kind == "O":
        if not all(isinstance(entry, Real | Decimal | np.number) for entry in array.flat):
            raise TypeError
        return _from_objects(array, counts)
    if array.dtype.kind not in "biufc":
        raise TypeError
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and array.size and array.max() >= 2**63:
        return array.astype(np.float64)
    if array.dtype.kind in "iuf":
        return array.astype(np.float64 if array.dtype.kind == "f" else np.int64, copy=False)
    return array


def _from_objects(array: np.ndarray, counts: bool) -> np.ndarray:
    """Returns numbers without a NumPy type (fractions, decimals, large whole numbers) as float64, or exactly as int64."""
    if counts and all(entry == int(entry) and abs(entry) < 2**63 for entry in array.flat):
        return array.astype(np.int64)
    return array.astype(np.float64)


def _holds_tensors(argument: Sequence[Any]) -> bool:
    return any(isinstance(part, Tensor) or (isinstance(part, list | tuple) and _holds_tensors(part)) for part in argument)
