"""Guided tours as data: each stop says something, sets the page's controls, and says what to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from .page_state import TOUR, PageState

__all__ = ["Stop", "go_to_stop", "tour_buttons", "tour_words"]


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

    @property
    def heading(self) -> str:
        """The title with a mark at its end.

        Example:
            >>> Stop("Which is fastest?", "").heading, Stop("An urn", "").heading
            ('Which is fastest?', 'An urn.')
        """
        return self.title if self.title.endswith(("?", "!", ".")) else f"{self.title}."


def tour_words(state: PageState, stops: Sequence[Stop]) -> str:
    """What the tour says where it is, as Markdown; nothing where no tour is on."""
    number = state.get(TOUR) if stops else 0
    if not number:
        return ""
    stop = stops[number - 1]
    look = f"  \n:material/visibility: *{stop.look}*" if stop.look else ""
    return f":primary[**{number} of {len(stops)}. {stop.heading}**] {stop.text}{look}"


def tour_buttons(state: PageState, stops: Sequence[Stop]) -> None:
    """Begins the tour, goes on and back, and ends it."""
    number, last = state.get(TOUR), len(stops)
    if not number:
        _button(state, stops, "Tour", 1, icon=":material/tour:", help=f"A guided tour of this page in {last} stops.")
        return
    _button(state, stops, "Back", number - 1, disabled=number == 1)
    if number < last:
        _button(state, stops, "Next", number + 1, icon=":material/arrow_forward:")
    _button(state, stops, "End", 0, help="Leaves the page as it is.")


def _button(state: PageState, stops: Sequence[Stop], label: str, to: int, **options: Any) -> None:
    st.button(label, key=f"_{state.prefix}_tour_{label}", on_click=go_to_stop, args=(state, stops, to), **options)


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
