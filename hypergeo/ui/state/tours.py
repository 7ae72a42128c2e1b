"""Guided tours as data: each stop says something, sets the page's controls, and says what to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from .page_state import TOUR, PageState
from .predictions import REVEALED, Prediction

__all__ = ["Stop", "current_stop", "go_to_stop", "is_withheld", "take_turn", "tour_buttons", "tour_words", "turn"]

_TURN = "_tour_turn"


@dataclass(frozen=True)
class Stop:
    """One stop of a page's tour.

    Attributes:
        title: a few words.
        text: what is told there, as Markdown.
        values: values of the controls it sets, by name; the others have the page's defaults.
        look: what to look at; where there is a prediction, after the answer is shown.
        prediction: what the reader predicts here, if anything; the text asks for it.
        chapter: title of the course's chapter that begins here, where that is not the first of its page.
    """

    title: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)
    look: str = ""
    prediction: Prediction | None = None
    chapter: str = ""


def current_stop(state: PageState, stops: Sequence[Stop]) -> Stop | None:
    """Returns the stop at which the tour is; ``None`` where no tour is on.

    Args:
        state: state of the page.
        stops: stops of the page's tour.

    Returns:
        The stop, or ``None``.
    """
    number = state.get(TOUR) if stops else 0
    return stops[number - 1] if number else None


def is_withheld(state: PageState, stops: Sequence[Stop]) -> bool:
    """Returns whether the page asks for a prediction whose answer is not on show yet.

    Args:
        state: state of the page.
        stops: stops of the page's tour.

    Returns:
        Whether the answer is hidden.
    """
    stop = current_stop(state, stops)
    return stop is not None and stop.prediction is not None and not state.get(REVEALED)


def tour_words(state: PageState, stops: Sequence[Stop]) -> str:
    """Writes the text of the tour's current stop.

    Args:
        state: state of the page.
        stops: stops of the page's tour.

    Returns:
        The text as Markdown; empty where no tour is on.
    """
    stop = current_stop(state, stops)
    if stop is None:
        return ""
    look = f"  \n:material/visibility: *{stop.look}*" if stop.look and not is_withheld(state, stops) else ""
    return f":primary[**{state.get(TOUR)} of {len(stops)}. {stop.title}.**] {stop.text}{look}"


def tour_buttons(state: PageState, stops: Sequence[Stop], onward: str | None = None) -> None:
    """Shows the buttons that begin the tour, go on and back, and end it.

    Args:
        state: the page's state.
        stops: of the page's tour.
        onward: label of the button that goes on, which a course may lead to another page; empty for none.
    """
    number, last = state.get(TOUR), len(stops)
    if onward is None:
        onward = "Next" if number < last else ""
    if not number:
        _button(state, "Tour", go_to_stop, state, stops, 1, icon=":material/tour:", help=f"A guided tour in {last} stops.")
        return
    _button(state, "Back", turn, state, stops, -1, disabled=number == 1)
    if onward:
        # One key for all labels: the button stays where it is, and keeps the focus.
        _button(state, "Next", turn, state, stops, 1, label=onward, icon=":material/arrow_forward:")
    _button(state, "End", go_to_stop, state, stops, 0, help="Leaves the page as it is.")


def _button(state: PageState, name: str, act: Callable[..., None], *arguments: Any, label: str = "", **options: Any) -> None:
    st.button(label or name, key=f"_{state.prefix}_tour_{name}", on_click=act, args=arguments, **options)


def turn(state: PageState, stops: Sequence[Stop], by: int) -> None:
    """Goes on or back by one stop; beyond the ends of the tour, a course may go on to another page.

    Args:
        state: the page's state.
        stops: of the page's tour.
        by: 1 or -1.
    """
    number = state.get(TOUR) + by
    if 1 <= number <= len(stops):
        go_to_stop(state, stops, number)
    else:
        st.session_state[_TURN] = by
        state.commit()  # the whole page runs again


def take_turn() -> int:
    """Returns the direction in which the end of a tour was passed, 1 or -1, once; 0 if it was not.

    Returns:
        The direction.
    """
    return int(st.session_state.pop(_TURN, 0))


def go_to_stop(state: PageState, stops: Sequence[Stop], number: int) -> None:
    """Sets the controls as a stop has them, in one commit.

    Args:
        state: the page's state.
        stops: of the page's tour.
        number: of the stop, from 1; 0 leaves the tour and the page as it is.
    """
    if number:
        defaults = {name: control.default for name, control in state.controls.items()}
        state.set({**defaults, **stops[number - 1].values, TOUR: number})
    else:
        state.commit({TOUR: 0})
