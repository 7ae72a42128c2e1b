"""Runs a long computation in a background thread, with progress and cancellation."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from typing import Any, Generic, Protocol, TypeVar

import streamlit as st

from hypergeo.ui.convergence.arrays import one_thread

from .result_store import ResultStore
from .scheduler import TURNS, nobody_looks, this_session

__all__ = ["Progress", "Run", "UnwantedError", "finished", "stop_all"]

_ABANDONED = 120.0  # seconds after which an unwatched run stops; hidden tabs ask only once a minute
_SLICE = 0.1  # seconds of a run's turn, at least
_CLOSED = 5.0  # seconds after which the run of a closed tab stops
_STORED_RESULTS = 64  # largest number of finished results on the server
_started: weakref.WeakSet[Run[Any]] = weakref.WeakSet()

Progress = Callable[[float, str], None]
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class Work(Hashable, Protocol[Result_co]):
    """Settings of a computation, which are also the key of its result."""

    def measure(self, progress: Progress | None = None) -> Result_co:
        """Computes the result.

        Args:
            progress: called with the fraction of the work done and a label.

        Returns:
            The result.
        """
        ...


class UnwantedError(Exception):
    """Raised inside the computation when it is cancelled."""


class Run(Generic[Result]):
    """A computation in a background thread.

    The page only reads the attributes of the run, so that controls respond while it computes and it can be stopped at any time.
    Runs take turns several times a second.

    Args:
        settings: settings of the computation; key of its result.

    Attributes:
        fraction: fraction of the work that is done.
        label: name of the current task.
        result: result of the finished computation; ``None`` before.
        failure: reason for a missing result, as text for the reader.

    Example:
        >>> class Sum:
        ...     def measure(self, progress=None):
        ...         progress(0.5, "adding")
        ...         return 1 + 1
        >>> run = Run(Sum()).start()
        >>> run.wait(5.0)
        >>> run.running, run.result, run.label
        (False, 2, 'adding')
    """

    def __init__(self, settings: Work[Result]):
        self.settings = settings
        self.fraction = 0.0
        self.label = "Waiting for its turn"
        self.result: Result | None = None
        self.failure = ""
        self._unwanted = threading.Event()
        self._seen = time.monotonic()
        self._session = this_session()
        self._thread = threading.Thread(target=self._do, name="quality run", daemon=True)

    def start(self) -> Run[Result]:
        """Starts the thread.

        Returns:
            The run itself.
        """
        _started.add(self)
        self._thread.start()
        return self

    @property
    def running(self) -> bool:
        """Whether the computation is in progress and not cancelled."""
        return self._thread.is_alive() and not self._unwanted.is_set()

    def stop(self) -> None:
        """Cancels the run. The page sees this at once; the thread ends at its next progress report."""
        self._unwanted.set()

    def watch(self) -> None:
        """Records that a browser shows the run. A run that is not shown for two minutes stops."""
        self._seen = time.monotonic()

    def wait(self, seconds: float) -> None:
        """Waits for the end of the run.

        Args:
            seconds: longest time to wait.
        """
        self._thread.join(seconds)

    def _abandoned(self) -> bool:
        """Returns whether no browser shows the run. Hidden tabs ask once a minute, and closed tabs may be reopened at once."""
        unseen = time.monotonic() - self._seen
        return unseen > _ABANDONED or (unseen > _CLOSED and nobody_looks(self._session))

    def _do(self) -> None:
        try:
            with _Turns() as turns:

                def progress(fraction: float, label: str) -> None:
                    self.fraction, self.label = fraction, label
                    if self._unwanted.is_set() or self._abandoned():
                        raise UnwantedError
                    turns.pass_on()

                with one_thread():
                    self.result = self.settings.measure(progress)
        except UnwantedError:
            if not self._unwanted.is_set():
                self.failure = "The run stopped because no browser showed it. Press Run to start again."
                self._unwanted.set()
        except ValueError as error:
            self.failure = str(error)
        except Exception:
            logging.getLogger(__name__).exception("A quality run failed")
            self.failure = "An internal error occurred. Your settings are not the cause; the server's log has the details."


def stop_all(seconds: float = 5.0) -> None:
    """Stops every run and waits for its end, because a thread inside torch would crash the interpreter at its exit.

    Args:
        seconds: longest time to wait for each run.
    """
    runs = list(_started)
    for run in runs:
        run.stop()
    for run in runs:
        run.wait(seconds)


atexit.register(stop_all)


class _Turns:
    """The turn of a run to compute, which can be passed on."""

    def __enter__(self) -> _Turns:
        self._turn = ExitStack()
        self._take()
        return self

    def _take(self) -> None:
        self._turn.enter_context(TURNS.slice())
        self._since = time.monotonic()

    def __exit__(self, *error: object) -> None:
        self._turn.close()

    def pass_on(self) -> None:
        """Passes the turn on to other runs if the slice was long enough."""
        if time.monotonic() - self._since < _SLICE:
            return
        self._turn.close()
        time.sleep(0.001)  # without a pause the same thread would get the turn again
        self._take()


@st.cache_resource(show_spinner=False)
def finished() -> ResultStore[Any]:
    """Returns the store of finished results of all sessions, so that a class that opens one link waits only once.

    Returns:
        The store.
    """
    return ResultStore(_STORED_RESULTS)
