"""Who computes when many sessions want to: what a reader waits for goes first, and what plays takes turns a slice at a time.

A slider that moved is a run of a whole page, and begins at once. A tick of a live demo, a report in the background and the
steps that a page has to catch up with are work that can wait: one slice of it goes on at a time, first come, first served,
and not while readers wait, unless it has waited for long. So forty running demos slow each other down, and no slider.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit.runtime import exists as served
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

__all__ = ["TURNS", "Turns", "catch_up", "live_fragment", "nobody_looks", "this_session"]

_PATIENCE = (0.01, 0.25)  # seconds that the first in the queue lets readers go before it: at least and at most
_AT_ONCE = 0.25  # seconds of steps that are not worth waiting for a turn
_SOON = 0.4  # seconds after which a reader is told how far the steps are
Parameters = ParamSpec("Parameters")


class Turns:
    """A queue for slices of work that can wait, and a count of the readers who cannot.

    Args:
        at_once: slices that go on at a time.
        patience: seconds that the first in the queue lets readers go before it; ``None`` for as long as the last slice took, so
            that the two have about equal shares.

    Example:
        >>> turns = Turns()
        >>> with turns.slice():
        ...     turns.waiting
        0
    """

    def __init__(self, at_once: int = 1, patience: float | None = None):
        self._at_once, self._patience = at_once, patience
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._running = 0
        self._readers = 0
        self._last = 0.0
        self._here = threading.local()

    @property
    def waiting(self) -> int:
        """Number of slices that wait for their turn."""
        return len(self._queue)

    @contextmanager
    def reader(self) -> Iterator[None]:
        """What a reader waits for: never waits itself."""
        if self._is_reader():  # within another one
            yield
            return
        self._count(+1)
        try:
            yield
        finally:
            self._count(-1)

    @contextmanager
    def slice(self) -> Iterator[None]:
        """A slice of work that can wait; a reader who takes one waits like all others meanwhile.

        One within another lets all others go first, and then goes on.
        """
        if getattr(self._here, "works", False):
            self._leave()
            self._enter()
            yield
            return
        was_reader = self._is_reader()
        if was_reader:
            self._count(-1)
        try:
            self._enter()
            try:
                yield
            finally:
                self._leave()
        finally:
            if was_reader:
                self._count(+1)

    def _enter(self) -> None:
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(lambda: self._queue[0] is ticket and self._running < self._at_once)
                low, high = _PATIENCE
                patience = min(max(self._last, low), high) if self._patience is None else self._patience
                patient_until = time.monotonic() + patience
                while self._readers and (left := patient_until - time.monotonic()) > 0:
                    self._changed.wait(left)
                self._running += 1
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
        self._here.works = True
        self._here.since = time.monotonic()

    def _leave(self) -> None:
        self._here.works = False
        with self._changed:
            self._running -= 1
            self._last = time.monotonic() - self._here.since
            self._changed.notify_all()

    def _is_reader(self) -> bool:
        return bool(getattr(self._here, "reads", False))

    def _count(self, change: int) -> None:
        self._here.reads = change > 0
        with self._changed:
            self._readers += change
            self._changed.notify_all()


TURNS = Turns()
"""Those of the whole server."""


def live_fragment(fragment: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Makes a function a fragment of a page that plays: each of its ticks takes its turn with those of other sessions."""

    @wraps(fragment)
    def ticked(*arguments: Parameters.args, **named: Parameters.kwargs) -> None:
        context = get_script_run_ctx()
        if context is None or not context.fragment_ids_this_run:  # part of a run of the whole page
            fragment(*arguments, **named)
            return
        with TURNS.slice():
            fragment(*arguments, **named)

    return st.fragment(ticked)


def catch_up(work: Iterable[float], words: str) -> None:
    """Does work a slice at a time, and shows how far it is once that takes long; a control that moves ends it.

    Args:
        work: yields the share that is done, from 0 to 1, after each slice of at most a quarter of a second or so.
        words: what is being done.
    """
    place = st.empty()
    start, steps, shown = time.monotonic(), iter(work), False
    while True:
        if time.monotonic() - start < _AT_ONCE:
            done = next(steps, None)
        else:
            with TURNS.slice():
                done = next(steps, None)
        if done is None:
            break
        if time.monotonic() - start > _SOON:
            # Streamlit ends a run here that nobody wants any more: the reader has moved on, or the tab is closed.
            place.progress(min(done, 1.0), f"{words} ({done:.0%})")
            shown = True
    if shown:
        place.empty()


def this_session() -> str:
    """Name of the session whose run this is; empty outside of one."""
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def nobody_looks(session: str) -> bool:
    """Whether the tab of a session is closed, or its machine asleep."""
    return bool(session) and served() and not get_instance().is_active_session(session)
