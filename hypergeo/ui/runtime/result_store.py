"""Bounded stores of results, shared by the sessions of a server or within one run."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["ResultStore"]

T = TypeVar("T")


class ResultStore(Generic[T]):
    """Keeps a bounded number of results by their settings. The least recently used result is removed first.

    Stored results must not be changed.

    Args:
        most: largest number of results.

    Example:
        >>> store = ResultStore[str](2)
        >>> store.put("a", "first"), store.put("b", "second")
        (None, None)
        >>> store.get("a")
        'first'
        >>> store.put("c", "third")
        >>> store.get("b") is None, len(store)
        (True, 2)
    """

    def __init__(self, most: int):
        self._most, self._results, self._lock = most, OrderedDict[Hashable, T](), threading.Lock()

    def __len__(self) -> int:
        """Returns the number of results."""
        return len(self._results)

    def put(self, key: Hashable, result: T) -> None:
        """Stores a result.

        Args:
            key: settings of the result.
            result: the result.
        """
        with self._lock:
            self._results[key] = result
            self._results.move_to_end(key)
            while len(self._results) > self._most:
                self._results.popitem(last=False)

    def get(self, key: Hashable) -> T | None:
        """Returns the result of a key, or ``None``.

        Args:
            key: settings of the result.

        Returns:
            The result, or ``None``.
        """
        with self._lock:
            result = self._results.get(key)
            if result is not None:
                self._results.move_to_end(key)
            return result

    def clear(self) -> None:
        """Removes all results."""
        with self._lock:
            self._results.clear()
