"""The live part of a page: a fragment with the figure and its controls. Only this part runs during playback and dragging."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from hypergeo.ui.runtime.scheduler import TURNS
from hypergeo.ui.state.page_state import PageState

__all__ = ["live_part", "live_room"]


def live_part(state: PageState) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Makes a function the live part of a page. After a commit the rest of the page runs, too.

    Args:
        state: state of the page, whose values the function shows.

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

        part.__qualname__ = draw.__qualname__  # Streamlit identifies the fragment by this name
        return st.fragment(part)

    return decorate


def live_room() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Creates containers for the figure and its controls: side by side on wide pages, otherwise below one another.

    Returns:
        Containers of the figure and of the controls.
    """
    with st.container(key="live"), st.container(key="live_room"):
        return st.container(key="live_stage"), st.container(key="live_controls", gap="small")
