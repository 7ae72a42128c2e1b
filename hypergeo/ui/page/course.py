"""The course: the tours of the pages, chained into chapters. The URL holds the reader's position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import streamlit as st

from hypergeo.ui.catalogue import PAGES, PageEntry, served_pages
from hypergeo.ui.state.address import TOUR
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.tours import Stop, take_turn

__all__ = ["Chapter", "chapters", "course_bar", "go_on", "link_query", "next_label", "start_course"]

COURSE = "course"
"""Parameter of the address of a page that is visited as part of the course."""

_PARAMETERS_OF_ALL_PAGES = ("stage", "answers")  # parameters that are kept from page to page
_LESSONS = (
    ("urn", "urn", "urn"),
    ("one_sample", "one_sample", "one"),
    ("convergence", "convergence", "conv"),
    ("gradients", "gradients", "grad"),
    ("partitions", "partitions", "part"),
    ("cluster_sizes", "clusters", "clu"),
    ("shared_factors", "shared_factors", "fac"),
    ("quality", "quality", "qual"),
)
"""Pages of the course in their order: name of the page's file, package of its lesson, prefix of its parameters."""


@dataclass(frozen=True)
class Chapter:
    """Consecutive stops of a page's tour.

    Attributes:
        title: title of the chapter.
        page: page of the chapter.
        prefix: prefix of the page's parameters in the URL.
        stops: stops of the page's whole tour.
        first: number of the chapter's first stop, from 1.
        last: number of the chapter's last stop.
    """

    title: str
    page: PageEntry
    prefix: str
    stops: Sequence[Stop]
    first: int
    last: int


@cache
def chapters() -> tuple[Chapter, ...]:
    """Returns the chapters in the order of the course; a chapter of a page that is not in the catalogue is left out.

    Returns:
        The chapters.

    Example:
        >>> [chapter.title for chapter in chapters()][:2]
        ['Urn', 'Counts have no gradient']
    """
    entries = {Path(entry.path).stem: entry for entry in PAGES}
    listed = []
    for name, package, prefix in _LESSONS:
        if name not in entries:
            continue
        stops: Sequence[Stop] = import_module(f"hypergeo.ui.{package}.lesson").TOUR
        starts = [1, *(number for number, stop in enumerate(stops, 1) if stop.chapter and number > 1)]
        for first, after in zip(starts, [*starts[1:], len(stops) + 1], strict=True):
            title = stops[first - 1].chapter or entries[name].title
            listed.append(Chapter(title, entries[name], prefix, stops, first, after - 1))
    return tuple(listed)


def is_course() -> bool:
    """Returns whether the page is visited as part of the course, as the URL states.

    Returns:
        Whether the page is part of the course.
    """
    return st.query_params.get(COURSE, "0") not in ("0", "false", "")


def link_query(chapter: Chapter, number: int) -> dict[str, str]:
    """Returns the URL query of a stop of the course.

    Args:
        chapter: any chapter of the stop's page.
        number: index of the stop in the page's tour.

    Returns:
        The URL parameters.
    """
    return {COURSE: "1", f"{chapter.prefix}_{TOUR}": str(number)}


def start_course() -> None:
    """Shows the button that opens the first stop of the course, and a description of the course."""
    first, number = chapters()[0], len(chapters())
    if st.button("Start here", type="primary", icon=":material/school:", key="_course_start"):
        st.switch_page(served_pages()[first.page], query_params=link_query(first, first.first))
    st.caption(f"A course in {number} chapters: press *Next*, and predict before you see the answer.")


def course_bar(state: PageState, stops: Sequence[Stop]) -> None:
    """Shows the chapter and a thin progress bar if the page is visited as part of the course.

    Args:
        state: state of the page.
        stops: stops of the page's tour.
    """
    at = _current(state, stops)
    if at is None:
        return
    chapter = chapters()[at]
    done = sum(each.last - each.first + 1 for each in chapters()[:at]) + state.get(TOUR) - chapter.first + 1
    total = sum(each.last - each.first + 1 for each in chapters())
    words = escape(f"Chapter {at + 1} of {len(chapters())}: {chapter.title}")
    st.html(Path(__file__).with_name("course.css"))
    st.html(
        f'<div class="hg-course"><span>{words}</span><progress value="{done}" max="{total}" aria-label="{words}">'
        f"{done} of {total} stops</progress></div>"
    )


def next_label(state: PageState, stops: Sequence[Stop]) -> str:
    """Returns the label of the button to the next stop; empty at the last stop of a tour, or of the course.

    Args:
        state: state of the page.
        stops: stops of the page's tour.

    Returns:
        The label.
    """
    at, number = _current(state, stops), state.get(TOUR)
    if at is None:
        return "Next" if number < len(stops) else ""
    if number < chapters()[at].last:
        return "Next"
    return "Next chapter" if at + 1 < len(chapters()) else ""


def go_on(stops: Sequence[Stop]) -> None:
    """Opens the course's next or previous page if a button or a key was pressed at an end of this page's tour.

    Args:
        stops: stops of this page's tour.
    """
    by = take_turn()
    own = [at for at, chapter in enumerate(chapters()) if chapter.stops is stops] if by and is_course() else []
    if not own:
        return
    to = own[-1] + 1 if by > 0 else own[0] - 1
    if 0 <= to < len(chapters()):
        chapter = chapters()[to]
        _open(chapter, chapter.first if by > 0 else chapter.last)


def _open(chapter: Chapter, number: int) -> NoReturn:
    kept = {name: st.query_params[name] for name in _PARAMETERS_OF_ALL_PAGES if name in st.query_params}
    st.switch_page(served_pages()[chapter.page], query_params={**link_query(chapter, number), **kept})


def _current(state: PageState, stops: Sequence[Stop]) -> int | None:
    """Returns the index of the current chapter; ``None`` if the page is not visited as part of the course."""
    if not stops or not state.get(TOUR) or not is_course():
        return None
    number = state.get(TOUR)
    within = (at for at, each in enumerate(chapters()) if each.stops is stops and each.first <= number <= each.last)
    return next(within, None)
