"""Guided tours as data: each stop says something, sets the page's controls, and says what to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from .controls import Whole
from .state import PageState

__all__ = ["Stop", "start_tour", "tour_button", "tour_panel"]

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


def tour_button(state: PageState, stops: Sequence[Stop]) -> None:
    """Begins or ends the tour."""
    if not state.get(_NAME):
        _button(state, stops, "Tour", 1, icon=":material/tour:", help=f"A guided tour of this page in {len(stops)} stops.")
    else:
        _button(state, stops, "End the tour", 0, icon=":material/close:", help="Leaves the page as it is.")


def tour_panel(state: PageState, stops: Sequence[Stop]) -> None:
    """The stop that the tour is at, with the way on and back; nothing where no tour is on."""
    number = state.get(_NAME)
    if not number:
        return
    stop = stops[number - 1]
    with st.container(border=True, key=f"_{state.prefix}_tour_panel"):
        words, ways = st.columns([5, 2], gap="medium", vertical_alignment="center")
        with words:
            look = f"  \n:material/visibility: *{stop.look}*" if stop.look else ""
            st.markdown(f"**{number} of {len(stops)}. {stop.title}**  \n{stop.text}{look}")
        with ways, st.container(horizontal=True, gap="small", horizontal_alignment="right", wrap=False):
            _button(state, stops, "Back", number - 1, disabled=number == 1, icon=":material/arrow_back:")
            last = number == len(stops)
            _button(state, stops, "Finish" if last else "Next", 0 if last else number + 1, type="primary")


def _button(state: PageState, stops: Sequence[Stop], label: str, to: int, **options: Any) -> None:
    st.button(label, key=f"_{state.prefix}_tour_{label}", on_click=_go, args=(state, stops, to), **options)


def _go(state: PageState, stops: Sequence[Stop], number: int) -> None:
    state.put(_NAME, number)
    if number:
        state.set({name: control.default for name, control in state.controls.items() if name != _NAME})
        state.set(stops[number - 1].values)
