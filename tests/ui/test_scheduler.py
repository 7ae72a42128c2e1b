"""Order of computations of many sessions: readers first, the rest in the order of arrival, one at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from unittest import mock

import pytest

from hypergeo.ui.runtime import background_run as quality_run
from hypergeo.ui.runtime import scheduler
from hypergeo.ui.runtime.background_run import Run
from hypergeo.ui.runtime.scheduler import TURNS, Turns, catch_up

SOON = 20.0  # seconds that no machine needs


def started(*works: Callable[[], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def ended(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(SOON)
    return not any(thread.is_alive() for thread in threads)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_slices_go_one_at_a_time_in_the_order_in_which_they_came():
    turns, order, running, most = Turns(), [], [0], [0]
    gate = threading.Event()

    def first() -> None:
        with turns.slice():
            gate.wait(SOON)

    def other(number: int) -> None:
        with turns.slice():
            running[0] += 1
            most[0] = max(most[0], running[0])
            order.append(number)
            time.sleep(0.002)
            running[0] -= 1

    threads = started(first)
    wait_until(lambda: turns._running == 1)
    for number in range(12):
        threads += started(lambda number=number: other(number))
        wait_until(lambda number=number: turns.waiting == number + 1)
    gate.set()
    assert ended(threads)
    assert order == list(range(12))
    assert most == [1]
    assert turns.waiting == 0


def test_as_many_readers_as_there_are_places_in_the_order_in_which_they_came():
    turns, order, gates = Turns(places=2), [], [threading.Event() for _ in range(6)]

    def reader(number: int) -> None:
        with turns.reader():
            order.append(number)
            gates[number].wait(SOON)

    threads: list[threading.Thread] = []
    for number in range(6):
        threads += started(lambda number=number: reader(number))
        wait_until(lambda number=number: turns._readers == number + 1)
    for number in range(6):
        wait_until(lambda number=number: len(order) == min(number + 2, 6))
        assert turns._served <= 2
        gates[number].set()
    assert ended(threads)
    assert sorted(order[:2]) == [0, 1]
    assert order[2:] == [2, 3, 4, 5]
    assert (turns._readers, turns._served, len(turns._line)) == (0, 0, 0)


def test_a_reader_who_works_in_slices_lets_others_have_the_place_and_gets_the_next_one():
    turns, order, gate = Turns(places=1, patience=0.0), [], threading.Event()

    def worker() -> None:
        with turns.reader():
            with turns.slice():
                gate.wait(SOON)
                order.append("slice")
            order.append("worker")

    def reader(number: int) -> None:
        with turns.reader():
            order.append(number)
            wait_until(lambda: number == 2 or len(turns._line) == 2)

    threads = started(worker)
    wait_until(lambda: turns._running == 1)
    threads += started(lambda: reader(1))
    wait_until(lambda: order == [1])
    threads += started(lambda: reader(2))
    wait_until(lambda: len(turns._line) == 1)
    gate.set()
    assert ended(threads)
    assert order == [1, "slice", "worker", 2]


def test_readers_with_a_place_do_not_wait_and_slices_wait_for_them():
    turns, reading, events = Turns(patience=SOON), threading.Event(), []

    def reader() -> None:
        with turns.reader():
            reading.wait(SOON)
            events.append("reader")

    def waiting() -> None:
        with turns.slice():
            events.append("slice")

    threads = started(reader)
    wait_until(lambda: turns._readers == 1)
    threads += started(waiting)
    time.sleep(0.05)
    assert events == [], "a slice went before a reader who was there first"
    reading.set()
    assert ended(threads)
    assert events == ["reader", "slice"]


def test_a_reader_begins_while_a_slice_goes_on():
    turns = Turns()
    with turns.slice():
        threads = started(lambda: turns.reader().__enter__())
        assert ended(threads), "a reader waited for a slice"


def test_slices_are_not_starved_by_readers_who_never_end():
    turns = Turns(patience=0.05)
    held = turns.reader()
    held.__enter__()
    waited = []

    def waiting() -> None:
        start = time.monotonic()
        with turns.slice():
            waited.append(time.monotonic() - start)

    assert ended(started(waiting))
    assert waited[0] >= 0.05


def test_a_reader_who_works_in_slices_waits_for_no_reader_like_himself():
    """Otherwise two pages that catch up would wait for each other until their patience ends."""
    turns = Turns(patience=SOON)
    both = threading.Barrier(2)

    def reader() -> None:
        with turns.reader():
            both.wait(SOON)
            for _ in range(3):
                with turns.slice():
                    pass
        with turns.reader():
            assert turns._readers >= 1

    start = time.monotonic()
    assert ended(started(reader, reader))
    assert time.monotonic() - start < SOON / 2
    assert turns._readers == 0


def test_a_slice_within_a_slice_lets_others_go_first():
    turns, order = Turns(), []

    def other() -> None:
        with turns.slice():
            order.append("other")

    with turns.slice():
        order.append("first half")
        threads = started(other)
        wait_until(lambda: turns.waiting == 1)
        with turns.slice():
            order.append("second half")
        assert turns._running == 1
    assert ended(threads)
    assert order == ["first half", "other", "second half"]
    assert turns._running == 0


def test_slices_and_readers_share_the_time_where_both_never_end():
    """A slice of 0.05 s waits for about as long: neither more than three quarters of the time nor less than a quarter."""
    turns, until, worked = Turns(), time.monotonic() + 1.0, [0.0]

    def demo() -> None:
        while time.monotonic() < until:
            with turns.slice():
                time.sleep(0.05)
                worked[0] += 0.05

    with turns.reader():
        assert ended(started(demo, demo, demo))
    assert 0.2 < worked[0] < 0.75


def test_turns_are_given_back_whatever_happens():
    turns = Turns()
    for kind in (turns.slice, turns.reader):
        with pytest.raises(KeyboardInterrupt), kind():
            raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), turns.reader(), turns.slice(), turns.slice():
        1 / 0  # noqa: B018
    assert (turns._running, turns._readers, turns._served, turns.waiting) == (0, 0, 0, 0)


def busy(seconds: float) -> None:
    start = time.thread_time()
    while time.thread_time() - start < seconds:
        pass


@pytest.mark.parametrize("step", [0.002, 0.06])
def test_catching_up_does_all_of_the_work(monkeypatch, step):
    """At once as far as it is short, then in turns that are not made for a single short step."""
    done, alone, turns = [], [], []
    taken = TURNS.slice
    monkeypatch.setattr(TURNS, "slice", lambda: turns.append(1) or taken())
    number = round(0.6 / step)

    def work():
        for at in range(number):
            alone.append(TURNS._running == 1)
            busy(step)
            done.append(at)
            yield (at + 1) / number

    catch_up(work(), "Counting")
    assert done == list(range(number))
    assert alone.index(True) * step == pytest.approx(0.25, abs=0.1), "what is short waits for no turn"
    assert alone[-1] is True
    assert 3 <= len(turns) <= 5
    assert TURNS._running == 0


def test_progress_is_shown_and_taken_away_if_the_work_is_long(monkeypatch):
    place = mock.Mock()
    monkeypatch.setattr(scheduler.st, "empty", lambda: place)
    monkeypatch.setattr(scheduler, "_SOON", 0.0)

    def work(steps):
        for at in range(steps):
            busy(0.05)
            yield (at + 1) / steps

    catch_up(work(1), "Counting")
    assert place.method_calls == []
    catch_up(work(10), "Counting")
    assert place.progress.call_args.args[1].startswith("Counting (")
    assert place.method_calls[-1] == mock.call.empty()


def test_what_is_short_waits_for_no_turn_on_a_busy_machine():
    """A tenth of a second of work that takes a second to get, while slices and readers keep all turns taken."""
    alone = []

    def work():
        for at in range(10):
            alone.append(TURNS._running == 1)
            busy(0.01)
            time.sleep(0.05)
            yield (at + 1) / 10

    catch_up(work(), "Counting")
    assert alone == [False] * 10


class Endless:
    def measure(self, progress=None):
        while True:
            time.sleep(0.002)
            progress(0.5, "for ever")


def test_a_report_of_a_closed_tab_stops_within_seconds(monkeypatch):
    monkeypatch.setattr(quality_run, "_CLOSED", 0.1)
    monkeypatch.setattr(quality_run, "nobody_looks", lambda session: True)
    run = Run(Endless()).start()
    run.wait(SOON)
    assert not run.running
    assert "no browser showed it" in run.failure


def test_reports_do_not_keep_a_slider_waiting():
    """Twenty reports at once, and a slider: it waits for a slice or two, and not for twenty."""

    class Work:
        def measure(self, progress=None):
            while True:
                time.sleep(0.01)
                progress(0.5, "working")

    runs = [Run(Work()).start() for _ in range(20)]
    try:
        time.sleep(0.1)
        waits = []
        for _ in range(10):
            start = time.monotonic()
            with TURNS.reader():
                waits.append(time.monotonic() - start)
            time.sleep(0.01)
    finally:
        for run in runs:
            run.stop()
    for run in runs:
        run.wait(SOON)
    assert sorted(waits)[5] < 0.5, "twenty reports' slices in a row take two seconds"
    assert TURNS.waiting == 0
