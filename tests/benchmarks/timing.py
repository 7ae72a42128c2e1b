"""How long a call takes: warmed up, repeated, the median reported."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Effort", "Timing", "compare", "measure"]


@dataclass(frozen=True)
class Timing:
    """Seconds that one call took, over repeated calls."""

    median: float
    fastest: float
    slowest: float
    repeats: int

    @classmethod
    def of(cls, seconds: list[float]) -> Timing:
        """Summary of single measurements.

        Example:
            >>> Timing.of([0.3, 0.1, 0.2])
            Timing(median=0.2, fastest=0.1, slowest=0.3, repeats=3)
        """
        return cls(statistics.median(seconds), min(seconds), max(seconds), len(seconds))


@dataclass(frozen=True)
class Effort:
    """How much work a run of the benchmarks puts in."""

    seconds: float
    """Time to spend on each call, once ``repeats`` are done."""
    repeats: int
    """Smallest number of repeats of each call."""
    most_draws: int | None = None
    """Cap on the number of draws of a case; a capped run is not held against the targets."""

    def draws(self, wanted: int) -> int:
        """Number of draws to make where a case asks for ``wanted``.

        Example:
            >>> Effort(1.0, 5, most_draws=100).draws(1_000), Effort(1.0, 5).draws(1_000)
            (100, 1000)
        """
        return wanted if self.most_draws is None else min(wanted, self.most_draws)


def measure(call: Callable[[], object], effort: Effort) -> Timing:
    """Time one call."""
    return compare({"": call}, effort)[""]


def compare(calls: Mapping[str, Callable[[], object]], effort: Effort) -> dict[str, Timing]:
    """Time several calls in turns, so that what else the machine does falls on all of them alike.

    The next turn goes to the call that has used the least time so far.

    Args:
        calls: what to time, by name.
        effort: repeats and seconds for each call.
    """
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}

    def done(name: str) -> bool:
        return len(seconds[name]) >= effort.repeats and sum(seconds[name]) >= effort.seconds

    with _no_garbage_collection():
        while waiting := [name for name in calls if not done(name)]:
            name = min(waiting, key=lambda name: sum(seconds[name]))
            start = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: Timing.of(spent) for name, spent in seconds.items()}


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
