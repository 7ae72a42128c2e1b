"""Guided tours as data: each stop says something, sets the page's controls, and says what to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from .controls import Whole
from .page_state import PageState

__all__ = ["Stop", "start_tour", "tour_buttons", "tour_words"]

_NAME = "tour"


@dataclass(frozen=True)
class Stop:
    """One stop of a page's tour.

    Attributes:
        title: a few words.
        text: what is told there, as Markdown.
        values: values of the controls it sets, by name; the others have the page's defaults.
        look: what to look at.
    """

    title: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)
    look: str = ""


def start_tour(state: PageState, stops: Sequence[Stop]) -> Mapping[str, Any]:
    """Adds the tour to the page's controls; call it before the state starts.

    Returns:
        Values of the stop that the address names, on the visit that it starts with.
    """
    state.controls[_NAME] = Whole(0, 0, len(stops))
    if state.key(_NAME) in st.session_state:
        return {}
    number = state.controls[_NAME].read(st.query_params.get(state.key(_NAME), "0"))
    return stops[number - 1].values if number else {}


def tour_words(state: PageState, stops: Sequence[Stop]) -> str:
    """What the tour says where it is, as Markdown; nothing where no tour is on."""
    number = state.get(_NAME) if stops else 0
    if not number:
        return ""
    stop = stops[number - 1]
    look = f"  \n:material/visibility: *{stop.look}*" if stop.look else ""
    return f":primary[**{number} of {len(stops)}. {stop.title}.**] {stop.text}{look}"


def tour_buttons(state: PageState, stops: Sequence[Stop]) -> None:
    """Begins the tour, goes on and back, and ends it."""
    number, last = state.get(_NAME), len(stops)
    if not number:
        _button(state, stops, "Tour", 1, icon=":material/tour:", help=f"A guided tour of this page in {last} stops.")
        return
    _button(state, stops, "Back", number - 1, disabled=number == 1)
    if number < last:
        _button(state, stops, "Next", number + 1, icon=":material/arrow_forward:")
    _button(state, stops, "End", 0, help="Leaves the page as it is.")


def _button(state: PageState, stops: Sequence[Stop], label: str, to: int, **options: Any) -> None:
    st.button(label, key=f"_{state.prefix}_tour_{label}", on_click=_go, args=(state, stops, to), **options)


def _go(state: PageState, stops: Sequence[Stop], number: int) -> None:
    state.put(_NAME, number)
    if number:
        state.set({name: control.default for name, control in state.controls.items() if name != _NAME})
        state.set(stops[number - 1].values)
