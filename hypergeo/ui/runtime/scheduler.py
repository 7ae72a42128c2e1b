"""Scheduling of many sessions: readers' requests go first, and background work takes turns, one slice at a time.

A change of a control runs the whole page. A limited number of such runs are computed at once, because Python's threads slow
each other down; the others wait in the order of arrival. Ticks of live demonstrations, background reports and steps that a page
has to catch up with can wait: one slice runs at a time, in the order of arrival. It runs only while no reader waits, unless it
has waited for long. Forty running demonstrations therefore slow each other down, but no slider.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime import exists as served
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

__all__ = ["TURNS", "Turns", "catch_up", "nobody_looks", "this_session"]

_PATIENCE = (0.01, 0.5)  # least and greatest number of seconds for which the first slice in the queue gives way to readers
_STEP_SECONDS_WITHOUT_TURN = 0.25  # processor seconds of steps that run without waiting for a turn
_TURN = 0.1  # processor seconds of steps in one turn; waiting for a turn may take longer than the turn
_SOON = 0.4  # seconds after which a progress bar is shown


class Turns:
    """A queue for slices of background work, which give way to readers' requests.

    Args:
        at_once: number of slices that run at the same time.
        patience: seconds for which the first slice in the queue gives way to readers; ``None`` for twice the duration of the
            last slice, so that readers have about two thirds of the time.
        places: number of readers that are served at the same time, beside the slices; ``None`` for all.

    Example:
        >>> turns = Turns()
        >>> with turns.slice():
        ...     turns.waiting
        0
    """

    def __init__(self, at_once: int = 1, patience: float | None = None, places: int | None = None):
        self._at_once, self._patience, self._places = at_once, patience, places
        self._lock = threading.Lock()
        # Each waiting thread has its own condition, because waking forty threads to let one of them run would take long.
        self._queue: deque[threading.Condition] = deque()
        self._running = 0
        self._readers = 0
        self._served = 0
        self._line: deque[threading.Condition] = deque()
        self._last = 0.0
        self._here = threading.local()

    @property
    def waiting(self) -> int:
        """Number of slices that wait for their turn."""
        return len(self._queue)

    @contextmanager
    def reader(self) -> Iterator[None]:
        """Waits for a free place among the readers, and counts as a reader inside the context.

        Returns:
            A context manager.
        """
        if self._is_reader():  # nested
            yield
            return
        self._come()
        try:
            yield
        finally:
            self._go()

    @contextmanager
    def slice(self) -> Iterator[None]:
        """Waits for the turn of a slice of work. A reader that takes a slice waits like all other slices.

        A nested slice lets all waiting slices go first.

        Returns:
            A context manager.
        """
        if getattr(self._here, "works", False):
            self._leave()
            self._enter()
            yield
            return
        was_reader = self._is_reader()
        if was_reader:
            self._go()
        try:
            self._enter()
            try:
                yield
            finally:
                self._leave()
        finally:
            if was_reader:
                self._come(again=True)

    def _enter(self) -> None:
        me = threading.Condition(self._lock)
        with self._lock:
            self._queue.append(me)
            try:
                me.wait_for(lambda: self._queue[0] is me and self._running < self._at_once)
                low, high = _PATIENCE
                patience = min(max(2 * self._last, low), high) if self._patience is None else self._patience
                patient_until = time.monotonic() + patience
                while self._readers and (left := patient_until - time.monotonic()) > 0:
                    me.wait(left)
                self._running += 1
            finally:
                self._queue.remove(me)
                _wake_first(self._queue)
        self._here.works = True
        self._here.since = time.monotonic()

    def _leave(self) -> None:
        self._here.works = False
        with self._lock:
            self._running -= 1
            self._last = time.monotonic() - self._here.since
            _wake_first(self._queue)

    def _is_reader(self) -> bool:
        return bool(getattr(self._here, "reads", False))

    def _come(self, *, again: bool = False) -> None:
        """Waits for a free slot. A returning request is queued ahead of newcomers."""
        me = threading.Condition(self._lock)
        with self._lock:
            self._readers += 1
            self._line.appendleft(me) if again else self._line.append(me)
            try:
                me.wait_for(lambda: self._line[0] is me and (self._places is None or self._served < self._places))
                self._served += 1
            except BaseException:
                self._readers -= 1
                raise
            finally:
                self._line.remove(me)
                _wake_first(self._line)
        self._here.reads = True

    def _go(self) -> None:
        self._here.reads = False
        with self._lock:
            self._readers -= 1
            self._served -= 1
            _wake_first(self._line)
            if not self._readers:
                _wake_first(self._queue)


def _wake_first(waiting: deque[threading.Condition]) -> None:
    if waiting:
        waiting[0].notify()


TURNS = Turns(places=3)
"""Turns of the whole server.

With one, two, three, four and six places and without a limit, 95 % of forty readers on two cores had their answer within 1.5,
1.2, 1.0, 1.4, 2.3 and 3.2 s (``python -m tests.benchmarks load``).
"""


def catch_up(work: Iterable[float], words: str) -> None:
    """Computes work in turns, and shows its progress if it takes long. A change of a control cancels it.

    Args:
        work: yields the fraction that is done, from 0 to 1, after each step; many small steps are done in one turn.
        words: name of the work.
    """
    place = st.empty()
    start, steps, shown = time.monotonic(), iter(work), False
    done = _do(steps, _STEP_SECONDS_WITHOUT_TURN)
    while done is not None:
        if time.monotonic() - start > _SOON:
            # Streamlit ends an outdated run here, after another change of a control or if the tab is closed.
            place.progress(min(done, 1.0), f"{words} ({100 * done:.0f} %)")
            shown = True
        with TURNS.slice():
            done = _do(steps, _TURN)
    if shown:
        place.empty()


def _do(steps: Iterator[float], seconds: float) -> float | None:
    """Returns the fraction of the steps that is done after a number of processor seconds, or ``None`` if all are done."""
    start = time.thread_time()
    done = next(steps, None)
    while done is not None and time.thread_time() - start < seconds:
        done = next(steps, None)
    return done


def this_session() -> str:
    """Returns the name of the current session.

    Returns:
        The name; empty outside of a session.
    """
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def nobody_looks(session: str) -> bool:
    """Checks whether no browser is connected to a session, because its tab is closed or its machine asleep.

    Args:
        session: name of the session.

    Returns:
        Whether no browser is connected.
    """
    return bool(session) and served() and not get_instance().is_active_session(session)
