"""Live controls: native inputs that send their values while they move; ``controls.js`` is their half in the browser."""

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

_ROW = 24  # letters of options that go side by side


@dataclass(frozen=True)
class Knob:
    """One control of a page's state, as a reader sees it. What it allows stands in the state's table.

    Attributes:
        name: of the control.
        label: the quantity it sets, with its symbol and unit.
        help: what it does, in a sentence, for a tooltip.
        group: whose colour marks it, counted from 0.
        stepper: whether a whole number is written, or moved by one, instead of by a slider.
        shown: how many of the options are on show, the first ones; all where omitted.
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
        title: a word or two; without one the controls cannot be closed.
        knobs: the controls.
        open: whether it is open at first.
    """

    title: str
    knobs: Sequence[Knob]
    open: bool = True


def live_controls(state: PageState, sections: Sequence[Section]) -> None:
    """Shows controls whose values are :attr:`PageState.values`; the last call of a live part that draws anything.

    What a reader sees has been computed by then: the browser takes this call for the answer to the value that it sent last,
    and sends the next. While a control moves the address stays as it is; on release it changes once.

    Args:
        state: the page's state.
        sections: the controls on show, in their order.
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
    """Returns a control as the browser needs it.

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
    """Takes the values that the browser sends."""
    sent = getattr(st.session_state.get(key), "live", None)
    if not isinstance(sent, Mapping):
        return
    st.session_state[f"_{key}_answered"] = sent.get("serial")
    texts_sent = sent.get("values")
    texts = {name: str(text) for name, text in texts_sent.items() if name in names} if isinstance(texts_sent, Mapping) else {}
    values = {name: state.controls[name].read(text) for name, text in texts.items()}
    if "step" in state.controls and sent.get("at") is not None:  # what plays stands at this step, not at the last of its film
        state.live({"step": state.controls["step"].read(str(sent["at"]))})
    if sent.get("commit") is True:
        state.commit(values)
    else:
        state.live(values)
