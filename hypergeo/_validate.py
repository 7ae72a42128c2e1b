"""Checks of numbers that callers pass: plain or NumPy scalars, with messages that say argument, value and what is allowed."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

__all__ = ["require_count", "require_real", "require_whole"]


def require_whole(name: str, value: Any, ge: int = 0, le: int | None = None, allowed: str = "") -> int:
    """Returns a whole number as ``int``.

    Args:
        name: name of the argument.
        value: value of the argument; booleans are not accepted as numbers.
        ge: smallest allowed number.
        le: largest allowed number, if any.
        allowed: description of the allowed numbers for the message; ``"of at least"`` with ``ge`` by default.

    Returns:
        The number.

    Raises:
        ValueError: if the value is not a whole number between ``ge`` and ``le``.

    Example:
        >>> import numpy as np
        >>> require_whole("steps", np.int64(3))
        3
        >>> require_whole("steps", 2.5, ge=1)
        Traceback (most recent call last):
        ...
        ValueError: steps must be a whole number of at least 1; got 2.5.
    """
    if not _is(Integral, value) or value < ge or (le is not None and value > le):
        raise ValueError(f"{name} must be a whole number {allowed or f'of at least {ge}'}; got {value!r:.80}.")
    return int(value)


def require_count(name: str, value: Any, ge: int, where: str = "") -> int:
    """Returns a number of samples, estimates or similar as ``int``.

    Args:
        name: name of the argument.
        value: value of the argument.
        ge: smallest allowed number.
        where: text that the message adds to the smallest allowed number, such as ``" for this estimator"``.

    Returns:
        The number.

    Raises:
        ValueError: if the value is not a whole number, or less than ``ge``.

    Example:
        >>> require_count("num_samples", 1, 2, " for this estimator")
        Traceback (most recent call last):
        ...
        ValueError: num_samples must be at least 2 for this estimator; got 1.
    """
    if not _is(Integral, value):
        raise ValueError(f"{name} must be a whole number; got {value!r:.80}.")
    if value < ge:
        raise ValueError(f"{name} must be at least {ge}{where}; got {value}.")
    return int(value)


def require_real(
    name: str,
    value: Any,
    allowed: str = "positive",
    *,
    gt: float = -math.inf,
    ge: float = -math.inf,
    lt: float = math.inf,
    le: float = math.inf,
) -> float:
    """Returns a finite real number as ``float``; an ``int`` stays an ``int``.

    Args:
        name: name of the argument.
        value: value of the argument; booleans are not accepted as numbers.
        allowed: description of the allowed numbers for the message.
        gt: exclusive lower bound.
        ge: inclusive lower bound.
        lt: exclusive upper bound.
        le: inclusive upper bound.

    Returns:
        The number.

    Raises:
        ValueError: if the value is not a finite real number within the bounds.

    Example:
        >>> import numpy as np
        >>> require_real("scale", np.float32(0.5), gt=0)
        0.5
        >>> require_real("level", 1.0, "between 0 and 1", gt=0, lt=1)
        Traceback (most recent call last):
        ...
        ValueError: level must be between 0 and 1; got 1.0.
    """
    if not _is(Real, value) or not (gt < value < lt and ge <= value <= le):
        raise ValueError(f"{name} must be {allowed}; got {value!r:.80}.")
    return value if type(value) is int else float(value)


def _is(kind: type, value: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
