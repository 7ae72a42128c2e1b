"""The course by keyboard alone: from Home, *Start here* and *Next* reach the end of the last chapter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hypergeo.ui.page.course import chapters

PHONE, PROJECTOR = (390, 844), (1280, 720)
LONG = os.environ.get("HYPERGEO_LONG") == "1"
STOPS = [(chapter, number) for chapter in chapters() for number in range(chapter.first, chapter.last + 1)]


def where(page) -> dict[str, str]:
    """Returns the parameters of the page's address."""
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")


def arrives(opened, chapter, number: int) -> None:
    """Waits for the address of a stop and the words of its page."""
    place = {f"{chapter.prefix}_tour": str(number), "course": "1"}

    def there() -> bool:
        return f"/{Path(chapter.page.path).stem}?" in opened.address() and place.items() <= where(opened.page).items()

    opened.wait_for(there, f"stop {number} of {chapter.title}", 60)
    words = f"{number} of {len(chapter.stops)}. {chapter.stops[number - 1].title}."
    opened.page.get_by_test_id("stMain").get_by_text(words).first.wait_for(state="attached", timeout=60_000)


def press(opened, key: str, place: str, button: str = "") -> None:
    """Presses a key until the address changes, as a reader would: Streamlit may drop events while it draws the page.

    Args:
        opened: the visit.
        key: name of the key to press.
        place: description of the stop, for the message of a failure.
        button: name of the button that needs the focus; none if empty.

    Raises:
        AssertionError: if the address stays the same.
    """
    before = opened.address()
    for _ in range(12):
        if button:
            control = opened.page.get_by_role("button", name=button)
            control.wait_for()
            control.focus()
        opened.page.keyboard.press(key)
        for _ in range(200):
            if opened.address() != before:
                return
            opened.page.wait_for_timeout(20)
    raise AssertionError(f"{key} does nothing {place}")


def walk(opened, stops) -> None:
    """Follows stops of the course with the button *Next*."""
    for chapter, number in stops:
        arrives(opened, chapter, number)
        if (chapter, number) != stops[-1]:
            press(opened, "Enter", f"at stop {number} of {chapter.title}", "Next")


def walk_on_stage(opened, stops) -> None:
    """Follows stops of the course with the right arrow key in stage mode."""
    for chapter, number in stops:
        arrives(opened, chapter, number)
        words = f"{number} of {len(chapter.stops)}. {chapter.stops[number - 1].title}."
        opened.page.locator(".hg-staged .hg-stage .hg-tour").get_by_text(words).wait_for(timeout=60_000)
        if (chapter, number) != stops[-1]:
            press(opened, "ArrowRight", f"at stop {number} of {chapter.title}")
    assert where(opened.page)["stage"] == "1"


def test_start_here_and_next_lead_into_the_tour_and_from_the_last_stop_to_the_next_page(visit):
    """On a phone; tests/pages/test_course.py follows all links between stops, and the long mode walks through all of them."""
    opened = visit("/", size=PHONE, fresh=True)
    press(opened, "Enter", "on Home", "Start here")
    walk(opened, STOPS[:3])
    last = max(number for number, (chapter, _) in enumerate(STOPS) if chapter.page.path == STOPS[0][0].page.path)
    opened = visit(f"/urn?course=1&urn_tour={STOPS[last][1]}&stage=1", size=PROJECTOR)
    walk_on_stage(opened, STOPS[last : last + 3])


@pytest.mark.skipif(not LONG, reason="2 minutes: only in the long mode, HYPERGEO_LONG=1")
def test_start_here_and_next_reach_the_end_on_a_phone(visit):
    opened = visit("/", size=PHONE, fresh=True)
    press(opened, "Enter", "on Home", "Start here")
    walk(opened, STOPS)
    opened.page.locator(".hg-course").get_by_text(f"Chapter {len(chapters())} of {len(chapters())}").wait_for()
    assert not opened.page.get_by_role("button", name="Next").count()


@pytest.mark.skipif(not LONG, reason="3 minutes: only in the long mode, HYPERGEO_LONG=1")
def test_the_right_arrow_reaches_the_end_on_the_stage(visit):
    walk_on_stage(visit("/urn?course=1&urn_tour=1&stage=1", size=PROJECTOR), STOPS)
