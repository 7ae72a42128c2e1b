"""What one session has worked out, for the others to go on from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Shelf"]

T = TypeVar("T")


class Shelf(Generic[T]):
    """A bounded store that all sessions of a server share; what was asked for longest ago goes first.

    What lies on it must not be changed by those who take it.

    Args:
        most: number of things it holds.

    Example:
        >>> shelf = Shelf[str](2)
        >>> shelf.put("a", "first"), shelf.put("b", "second")
        (None, None)
        >>> shelf.take("a")
        'first'
        >>> shelf.put("c", "third")
        >>> shelf.take("b") is None, len(shelf)
        (True, 2)
    """

    def __init__(self, most: int):
        self._most, self._things, self._turn = most, OrderedDict[Hashable, T](), threading.Lock()

    def __len__(self) -> int:
        """Number of things on it."""
        return len(self._things)

    def put(self, key: Hashable, thing: T) -> None:
        """Lays something on it."""
        with self._turn:
            self._things[key] = thing
            self._things.move_to_end(key)
            while len(self._things) > self._most:
                self._things.popitem(last=False)

    def take(self, key: Hashable) -> T | None:
        """What lies under a key, or nothing."""
        with self._turn:
            if key in self._things:
                self._things.move_to_end(key)
            return self._things.get(key)
