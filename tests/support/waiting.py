"""Waiting for what other processes and threads do."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["wait_until"]


def wait_until(true: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Waits until something is true, and fails where that takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
