"""Live controls: native inputs that send their values while they move. Their browser part is ``controls.js``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from hypergeo.figures import group_colour
from hypergeo.ui.state.controls import Choice, Switch, Whole
from hypergeo.ui.state.page_state import PageState

from .assets import component

__all__ = ["Knob", "Section", "live_controls"]

_ROW = 24  # largest number of letters of options that are shown side by side


@dataclass(frozen=True)
class Knob:
    """Describes the appearance of one control. The page's state defines its allowed values.

    Attributes:
        name: name of the control.
        label: quantity that the control sets, with its symbol and unit.
        help: sentence on the effect of the control, for a tooltip.
        group: index of the group whose colour marks the control, from 0.
        stepper: whether a whole number has a field with buttons instead of a slider.
        shown: number of options that are shown, the first ones; all when omitted.
    """

    name: str
    label: str
    help: str = ""
    group: int | None = None
    stepper: bool = False
    shown: int | None = None


@dataclass(frozen=True)
class Section:
    """Controls under a title that can be closed.

    Attributes:
        title: title of one or two words; without it the controls cannot be closed.
        knobs: controls of the section.
        open: whether the section is open at first.
    """

    title: str
    knobs: Sequence[Knob]
    open: bool = True


def live_controls(state: PageState, sections: Sequence[Section]) -> None:
    """Shows controls whose values are :attr:`PageState.values`. It must be the last drawing call of a live part.

    The browser treats this call as the answer to its last value and then sends the next one, so everything visible must be
    computed before. The URL does not change while a control moves, and changes once on release.

    Args:
        state: the page's state.
        sections: sections of controls, in the order in which they are shown.
    """
    key = f"{state.prefix}_controls"
    names = {knob.name for section in sections for knob in section.knobs}
    shown = [
        {"title": section.title, "open": section.open, "knobs": [_description(state, knob) for knob in section.knobs]}
        for section in sections
    ]
    message = json.dumps({"answered": st.session_state.get(f"_{key}_answered", 0), "sections": shown})
    component("controls")(key=key, data=message.encode(), on_live_change=lambda: _moved(state, names, key))


def _description(state: PageState, knob: Knob) -> dict[str, Any]:
    """Returns the message that describes a control to the browser.

    Raises:
        TypeError: If the control is of another kind.
    """
    control = state.controls[knob.name]
    description: dict[str, Any] = {
        "name": knob.name,
        "label": knob.label,
        "help": knob.help,
        "colour": None if knob.group is None else group_colour(knob.group),
        "value": control.write(state.get(knob.name)),
    }
    match control:
        case Whole(low=low, high=high):
            return {**description, "kind": "stepper" if knob.stepper else "range", "low": low, "high": high}
        case Switch():
            return {**description, "kind": "switch"}
        case Choice(options=options):
            texts = [control.write(option) for option in options[: knob.shown]]
            kind = "choice" if sum(map(len, texts)) <= _ROW else "list" if isinstance(options[0], str) else "range"
            return {**description, "kind": kind, "options": texts}
    raise TypeError(f"{knob.name} has no live control.")


def _moved(state: PageState, names: set[str], key: str) -> None:
    """Applies the values that the browser has sent."""
    sent = getattr(st.session_state.get(key), "live", None)
    if not isinstance(sent, Mapping):
        return
    st.session_state[f"_{key}_answered"] = sent.get("serial")
    texts_sent = sent.get("values")
    texts = {name: str(text) for name, text in texts_sent.items() if name in names} if isinstance(texts_sent, Mapping) else {}
    values = {name: state.controls[name].read(text) for name, text in texts.items()}
    if "step" in state.controls and sent.get("at") is not None:  # playback is at this step, not at the last step of its film
        state.live({"step": state.controls["step"].read(str(sent["at"]))})
    if sent.get("commit") is True:
        state.commit(values)
    else:
        state.live(values)
