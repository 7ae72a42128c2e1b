"""What a reader changes while a run goes on: kept with the step it came at, so that the page's address can tell it again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from hypergeo.ui.state.page_state import PageState

from .settings import LIVE, Edit, Settings, read_edits, write_edits

__all__ = ["HAND", "EditList", "edits_in_words", "note_edits", "set_weights"]

HAND = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Weights that can be set by hand."""

_NAME = "edits"
_WORDS = {"tau": "τ", "kind": "draws", "conditionals": "conditionals", "room": "room in %", "weights": "weights"}


@dataclass(frozen=True)
class EditList:
    """Edits as a control of a page.

    Attributes:
        default: no edits.
    """

    default: str = ""

    def read(self, text: str) -> str:
        """The edits that make sense, in the order of their steps."""
        return write_edits(read_edits(text))

    def write(self, value: Any) -> str:
        """How the address says edits."""
        return str(value)

    def allowed(self) -> str:
        """What is allowed, in words."""
        return "changes of the run's settings with their steps"


def note_edits(state: PageState, values: Mapping[str, Any], step: int, of: Hashable) -> tuple[Settings, list[Edit]]:
    """Takes what has changed since the last time for an edit at the step on show.

    Args:
        state: the page's state, with an :class:`EditList`.
        values: value of each control on show, by name.
        step: number of steps made.
        of: what is edited. Once it differs from the last time, nothing has been edited.

    Returns:
        The settings before the first edit, where it does not say them itself, and the edits.
    """
    now = {name: values[name] for name in LIVE}
    edits = read_edits(state.get(_NAME))
    seen, edited = st.session_state.get(f"_{state.prefix}_live"), f"_{state.key(_NAME)}_of"
    if edited in st.session_state and st.session_state[edited] != of:
        edits = []
    elif edited in st.session_state and seen is not None:
        for name in [name for name in LIVE if now[name] != seen[name]]:
            edits = _with(edits, Edit(step, name, now[name]), seen[name])
    st.session_state[f"_{state.prefix}_live"] = now
    st.session_state[edited] = of
    state.put(_NAME, write_edits(edits))
    return Settings(**now), edits


def set_weights(state: PageState, weights: Sequence[float]) -> None:
    """Sets the weights by hand at the step on show; for callbacks."""
    edits = read_edits(state.get(_NAME))
    state.put(_NAME, write_edits(_with(edits, Edit(state.get("step"), "weights", tuple(weights)), None)))


def edits_in_words(edits: Sequence[Edit]) -> str:
    """The edits as one sentence.

    Example:
        >>> edits_in_words([Edit(0, "tau", 1.0), Edit(40, "tau", 0.1)])
        'Changed on the way: τ = 0.1 at step 40.'
    """
    said = []
    for edit in edits:
        if edit.step or edit.name == "weights":
            value = ", ".join(f"{weight:g}" for weight in edit.value) if edit.name == "weights" else edit.value
            said.append(f"{_WORDS[edit.name]} = {value} at step {edit.step}")
    return f"Changed on the way: {'; '.join(said)}." if said else ""


def _with(edits: Sequence[Edit], new: Edit, before: Any) -> list[Edit]:
    """Edits with one more, which takes the place of all later ones; the first of its kind says what was before."""
    kept = [edit for edit in edits if edit.step < new.step or (edit.step == new.step and edit.name != new.name)]
    if new.name == "weights":
        return [*kept, new]
    if new.step == 0:
        return kept
    if not any(edit.name == new.name for edit in kept):
        kept.insert(0, Edit(0, new.name, before))
    return [*kept, new]
