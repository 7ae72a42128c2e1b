"""Buttons that set a page's controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from .page_state import PageState

__all__ = ["Preset", "preset_buttons"]


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
    with st.container(horizontal=True, gap="small"):
        for number, preset in enumerate(presets):
            st.button(
                preset.label,
                key=f"_{state.prefix}_preset_{number}",
                help=preset.help,
                on_click=state.set,
                args=(preset.values,),
            )
