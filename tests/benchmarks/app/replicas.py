"""Waiting times of readers after their replica of the app is killed under load."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.benchmarks.report import Cell, Missing, Section, Verdict
from tests.support.app.reader import Reader
from tests.support.app.replicas import Front, front, missing_programs
from tests.support.waiting import wait_until

__all__ = ["replicas"]

_PAGES = [("convergence", "conv_seed"), ("urn", "urn_seed"), ("gradients", "grad_seed"), ("shared_factors", "fac_seed")]
_READERS = (4, 12, 24, 40)
_WATCHED = 5  # seconds


def replicas(judged: bool) -> Section:
    """Returns waiting times for two replicas behind nginx; half of the readers use the one that is killed.

    Each reader runs its page again 0.2 s after each answer, which is more often than in a class.

    Args:
        judged: whether the run has the effort that verdicts need.
    """
    section = Section("replicas", "A replica killed under load: until its readers have their pages again, on the other one")
    if missing := missing_programs():
        section.rows.append({"readers": Missing(f"no {' and no '.join(missing)} on this machine")})
        return section
    for number in _READERS if judged else _READERS[:1]:
        with tempfile.TemporaryDirectory() as folder, front(Path(folder)) as site:
            readers = [Reader(site, page, f"{name}={seed}") for seed in range(number) for page, name in [_PAGES[seed % 4]]]
            times, rate = _killed(site, readers)
        row: dict[str, Cell] = {"readers": number, "of the replica that died": len(times)}
        row |= {"median, s": statistics.median(times), "longest, s": max(times)}
        changed = [wrong for reader in readers for wrong in reader.wrongs]
        row["answers a second before"] = rate
        section.rows.append(row)
        what = f"{number} readers: the last one is back"
        section.verdicts.append(Verdict(what, max(times), 10.0, "s", judged=judged))
        section.verdicts.append(
            Verdict(f"{number} readers: errors, and pages that changed", len(changed), 0, "", judged=judged)
        )
    return section


def _killed(site: Front, readers: list[Reader]) -> tuple[list[float], float]:
    """Kills the first replica.

    Args:
        site: nginx and the replicas.
        readers: readers to start.

    Returns:
        Time until each of its readers has an answer of the other replica, in seconds, and answers per second before.
    """
    for reader in readers:
        reader.start()
    try:
        wait_until(lambda: all(reader.runs >= 3 or reader.wrongs for reader in readers), "every page to be seen", 300)
        moved = [reader for reader in readers if reader.replica == 1]
        before, since = sum(reader.runs for reader in readers), time.monotonic()
        time.sleep(_WATCHED)
        rate = (sum(reader.runs for reader in readers) - before) / (time.monotonic() - since)
        site.kill(1)
        killed = time.monotonic()
        wait_until(lambda: all(reader.back or reader.wrongs for reader in moved), "the readers to be back")
    finally:
        for reader in readers:
            reader.stopped.set()
        for reader in readers:
            reader.join(60)
    return [reader.back[0] - killed for reader in moved if reader.back], rate
