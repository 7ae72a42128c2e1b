"""Work that waits, so that a test can act while it goes on."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["Gate"]


class Gate:
    """Work that waits, so that a test can act while it goes on.

    Attributes:
        opened: event that a test sets to let the work end.
        entered: event that the work sets once it runs.
    """

    def __init__(self) -> None:
        self.opened, self.entered = threading.Event(), threading.Event()

    def measure(self, progress: Any = None) -> str:
        """Returns ``"result"`` once ``opened`` is set; reports its progress before and after the wait."""
        progress(0.25, "waiting")
        self.entered.set()
        assert self.opened.wait(30)
        progress(0.75, "done waiting")
        return "result"
