"""The course by keyboard alone: from Home, *Start here* and *Next* reach the end of the last chapter."""

from __future__ import annotations

import pytest

from hypergeo.ui.page.course import chapters

PHONE, PROJECTOR = (390, 844), (1280, 720)
STOPS = [(chapter, number) for chapter in chapters() for number in range(chapter.first, chapter.last + 1)]


def where(page) -> dict[str, str]:
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")


def press(opened, name: str) -> None:
    """Presses a button of the page by keyboard, which may be drawn anew meanwhile."""
    button = opened.page.get_by_role("button", name=name)
    button.wait_for()
    button.evaluate("button => button.focus()")
    opened.page.keyboard.press("Enter")


def arrived(opened, chapter, number: int) -> bool:
    return where(opened.page).get(f"{chapter.prefix}_tour") == str(number)


def test_start_here_and_next_reach_the_end_on_a_phone(visit):
    opened = visit("/", size=PHONE)
    press(opened, "Start here")
    for chapter, number in STOPS:
        opened.wait_for(lambda: arrived(opened, chapter, number), f"stop {number} of {chapter.title}", 60)
        last = (chapter, number) == STOPS[-1]
        if not last:
            press(opened, "Next")
    opened.page.locator(".hg-course").get_by_text(f"Chapter {len(chapters())} of {len(chapters())}").wait_for()
    assert not opened.page.get_by_role("button", name="Next").count()


@pytest.mark.parametrize("size", [PROJECTOR])
def test_the_right_arrow_reaches_the_end_on_the_stage(visit, size):
    first = STOPS[0]
    opened = visit(f"/urn?course=1&urn_tour={first[1]}&stage=1", size=size)
    for chapter, number in STOPS:
        opened.wait_for(lambda: arrived(opened, chapter, number), f"stop {number} of {chapter.title}", 60)
        stage = opened.page.locator(".hg-staged .hg-stage .hg-tour")
        stage.get_by_text(chapter.stops[number - 1].title).wait_for()
        if (chapter, number) != STOPS[-1]:
            opened.page.keyboard.press("ArrowRight")
    assert where(opened.page)["stage"] == "1"
