"""Work that waits, so that a test can act while it goes on."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["Gate"]


class Gate:
    """Work that waits, so that a test can act while it goes on."""

    def __init__(self) -> None:
        self.opened, self.entered = threading.Event(), threading.Event()

    def measure(self, progress: Any = None) -> str:
        progress(0.25, "waiting")
        self.entered.set()
        assert self.opened.wait(30)
        progress(0.75, "done waiting")
        return "result"
