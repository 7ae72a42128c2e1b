"""Buttons that set a page's controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from hypergeo.figures.core.words import thin

from .page_state import PageState

__all__ = ["Preset", "preset_buttons", "preset_note"]


@dataclass(frozen=True)
class Preset:
    """A named setting of some of a page's controls; the others stay as they are.

    Attributes:
        label: words on the button.
        values: values of the controls it sets, by name.
        help: what to look at, shown under the pointer.
    """

    label: str
    values: Mapping[str, Any]
    help: str


def preset_buttons(state: PageState, presets: Sequence[Preset]) -> None:
    """One button for each preset, side by side as far as the page is wide.

    Args:
        state: the page's state, whose controls the buttons set.
        presets: what the buttons are.
    """
    with st.container(horizontal=True, gap="small", key=f"{state.prefix}_presets"):
        for number, preset in enumerate(presets):
            key = f"_{state.prefix}_preset_{number}"
            st.button(preset.label, key=key, help=thin(preset.help), on_click=_press, args=(state, preset))


def preset_note(state: PageState) -> str:
    """Returns the note of the last preset until a control has moved.

    Args:
        state: state of the page.

    Returns:
        The note as Markdown; empty otherwise.
    """
    note, values = st.session_state.get(f"_{state.prefix}_preset", ("", None))
    return note if state.values == values else ""


def _press(state: PageState, preset: Preset) -> None:
    state.set(preset.values)
    st.session_state[f"_{state.prefix}_preset"] = (preset.help, state.values)
