"""Waiting and waking in the queue of readers, with real threads: none sleeps beside a free place, or longer than allowed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from hypergeo.ui.runtime import scheduler
from hypergeo.ui.runtime.scheduler import Turns

LONG = 20.0  # seconds that no machine needs for what is waited for here


def started(works: list[Callable[[], object]]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def ended(threads: list[threading.Thread]) -> bool:
    deadline = time.monotonic() + LONG
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("places", [2, 3])
def test_places_that_come_free_together_are_all_taken(places: int) -> None:
    """Readers hold all places and as many wait; the places become free at one moment, and all waiting readers are served.

    A woken reader must wake the next. Where only the first is woken, a reader sleeps beside a free place in three of eight
    trials; in 60 trials that would go unseen with probability 1e-12.
    """
    for _ in range(60):
        turns, leave, stay = Turns(places=places), threading.Event(), threading.Event()
        inside, lock = [0], threading.Lock()

        def first(turns: Turns = turns, leave: threading.Event = leave) -> None:
            with turns.reader():
                wait_in(1)
                leave.wait(LONG)

        def second(turns: Turns = turns, stay: threading.Event = stay) -> None:
            with turns.reader():
                wait_in(1)
                stay.wait(LONG)  # keeps the place, so that each of the others needs a free one of its own

        def wait_in(number: int, inside: list[int] = inside, lock: threading.Lock = lock) -> None:
            with lock:
                inside[0] += number

        threads = started([first] * places)
        wait_until(lambda inside=inside: inside[0] == places)
        threads += started([second] * places)
        wait_until(lambda turns=turns: turns._readers == 2 * places)
        leave.set()
        wait_until(lambda inside=inside: inside[0] == 2 * places)
        stay.set()
        assert ended(threads)


def test_a_reader_that_gives_up_leaves_its_place_in_the_line() -> None:
    """An interruption while waiting, as Streamlit's of an outdated run, does not block the others."""
    turns, leave = Turns(places=1), threading.Event()
    served: list[str] = []

    class InterruptedError(BaseException):
        pass

    def holder() -> None:
        with turns.reader():
            served.append("holder")
            leave.wait(LONG)

    def interrupted() -> None:
        waited = threading.Condition.wait_for

        def wait_for(*_: object) -> None:
            raise InterruptedError

        threading.Condition.wait_for = wait_for  # type: ignore[method-assign,assignment]
        try:
            with pytest.raises(InterruptedError), turns.reader():
                pass
        finally:
            threading.Condition.wait_for = waited  # type: ignore[method-assign]

    threads = started([holder])
    wait_until(lambda: served == ["holder"])
    interrupted()
    threads += started([lambda: [served.append("next") for _ in [0] if turns.reader().__enter__() is None]])
    leave.set()
    assert ended(threads)
    assert served == ["holder", "next"]


class Clock:
    """A clock for the scheduler that a test can set forward."""

    def __init__(self) -> None:
        self.forward = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.forward

    def thread_time(self) -> float:
        return time.thread_time()


def waited_after_a_slice_of(seconds: float, monkeypatch: pytest.MonkeyPatch) -> float:
    """Returns the time, in seconds, that a slice waits for an endless reader after a slice of some length.

    Args:
        seconds: length of the first slice, in seconds.
        monkeypatch: fixture that replaces the scheduler's clock.
    """
    clock = Clock()
    monkeypatch.setattr(scheduler, "time", clock)
    turns = Turns()
    with turns.slice():
        clock.forward += seconds
    waits: list[float] = []

    def work() -> None:
        start = time.monotonic()
        with turns.slice():
            waits.append(time.monotonic() - start)

    reader = turns.reader()
    reader.__enter__()
    assert ended(started([work])), "patience has no bound"
    return waits[0]


def test_patience_is_twice_the_last_slice_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait is 0.01 to 0.5 s: after a slice of 30 s a slice waits for half a second, and not for a minute."""
    assert 0.5 <= waited_after_a_slice_of(30.0, monkeypatch) < 10.0
    assert 0.2 <= waited_after_a_slice_of(0.1, monkeypatch) < 10.0
    after_nothing = [waited_after_a_slice_of(0.0, monkeypatch) for _ in range(5)]
    assert min(after_nothing) >= 0.01
    assert min(after_nothing) < 0.4, "the patience of a long slice"


def test_slices_that_wait_begin_as_soon_as_the_last_reader_is_gone() -> None:
    """The last of several readers wakes the first in the queue, before the longest wait ends."""
    turns, gates = Turns(patience=10 * LONG), [threading.Event(), threading.Event()]
    done: list[str] = []

    def reader(gate: threading.Event) -> None:
        with turns.reader():
            gate.wait(LONG)

    def work() -> None:
        with turns.slice():
            done.append("slice")

    threads = started([lambda: reader(gates[0]), lambda: reader(gates[1])])
    wait_until(lambda: turns._readers == 2)
    threads += started([work])
    wait_until(lambda: turns.waiting == 1)
    gates[0].set()
    wait_until(lambda: turns._readers == 1)
    time.sleep(0.05)
    assert done == [], "one reader is still there"
    gates[1].set()
    assert ended(threads)
    assert done == ["slice"]


def test_many_slices_and_readers_all_have_their_turn() -> None:
    """Thirty threads read and work by turns: all end, in a fraction of the time that lost wake-ups would take."""
    turns, done, lock = Turns(places=2, patience=0.02), [0], threading.Lock()

    def visitor(number: int) -> None:
        for _ in range(4):
            with turns.reader():
                if number % 3:
                    with turns.slice():
                        time.sleep(0.0005)
            with turns.slice():
                time.sleep(0.0005)
        with lock:
            done[0] += 1

    assert ended(started([lambda n=n: visitor(n) for n in range(30)]))
    assert done == [30]
    assert (turns._running, turns._readers, turns._served, turns.waiting) == (0, 0, 0, 0)
