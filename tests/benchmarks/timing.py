"""Times of calls: medians of repeated calls after one to warm up."""

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
    """Summary of the times of repeated calls, in seconds.

    Attributes:
        median: median time.
        fastest: smallest time.
        slowest: largest time.
        repeats: number of calls.
    """

    median: float
    fastest: float
    slowest: float
    repeats: int

    @classmethod
    def of(cls, seconds: list[float]) -> Timing:
        """Returns the summary of single measurements.

        Example:
            >>> Timing.of([0.3, 0.1, 0.2])
            Timing(median=0.2, fastest=0.1, slowest=0.3, repeats=3)
        """
        return cls(statistics.median(seconds), min(seconds), max(seconds), len(seconds))


@dataclass(frozen=True)
class Effort:
    """Effort of a run of the benchmarks."""

    seconds: float
    """Smallest total time of each call, in seconds."""
    repeats: int
    """Smallest number of repeats of each call."""
    most_draws: int | None = None
    """Largest number of samples of a case; a run with such a limit has no verdicts."""

    def draws(self, wanted: int) -> int:
        """Returns the number of samples for a case with ``wanted`` ones.

        Example:
            >>> Effort(1.0, 5, most_draws=100).draws(1_000), Effort(1.0, 5).draws(1_000)
            (100, 1000)
        """
        return wanted if self.most_draws is None else min(wanted, self.most_draws)


def measure(call: Callable[[], object], effort: Effort) -> Timing:
    """Returns the times of one call."""
    return compare({"": call}, effort)[""]


def compare(calls: Mapping[str, Callable[[], object]], effort: Effort) -> dict[str, Timing]:
    """Measures several calls in turns, so that other load of the machine affects all of them equally.

    The next turn is that of the call with the least total time.

    Args:
        calls: functions to call, by name.
        effort: repeats and seconds for each call.

    Returns:
        Times of each call, by name.
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
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
