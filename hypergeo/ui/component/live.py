"""The live part of a page: a fragment with the figure and its controls, which alone runs again while one plays or drags."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from hypergeo.ui.runtime.scheduler import TURNS
from hypergeo.ui.state.page_state import PageState

__all__ = ["live_part", "live_room"]


def live_part(state: PageState) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Makes a function the live part of a page; after a commit the rest of the page follows.

    Args:
        state: the page's state, whose values the function shows.

    Returns:
        A decorator.
    """

    def decorate(draw: Callable[[], None]) -> Callable[[], None]:
        def part() -> None:
            context = get_script_run_ctx()
            if context is None or not context.fragment_ids_this_run:  # part of a run of the whole page
                draw()
                return
            with TURNS.reader():
                draw()
            if state.outdated:
                st.rerun()

        part.__qualname__ = draw.__qualname__  # by which Streamlit knows the fragment again
        return st.fragment(part)

    return decorate


def live_room() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Makes containers for the figure and its controls: side by side on wide pages, else below one another.

    Returns:
        Containers of the figure and of the controls.
    """
    with st.container(key="live"), st.container(key="live_room"):
        return st.container(key="live_stage"), st.container(key="live_controls", gap="small")
