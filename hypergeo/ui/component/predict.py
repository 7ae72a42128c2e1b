"""The card of a prediction: the reader drags a bar, turns an arrow or picks an option. Its browser part is ``predict.js``.

A message to the browser is JSON with the question and the guess. It contains the truth only after the truth is revealed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from hypergeo.figures.core.words import thin
from hypergeo.ui.state.address import TOUR
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.prediction_kinds import Bar
from hypergeo.ui.state.predictions import GUESS, REVEALED, Prediction, judge
from hypergeo.ui.state.tours import Stop, current_stop, go_to_stop

from .assets import component

__all__ = ["prediction_card", "scenario"]

_LOCK = "answers"  # parameter of a teacher's link: "hidden" removes the button


def prediction_card(state: PageState, stops: Sequence[Stop]) -> None:
    """Shows the prediction of the tour's stop, if it has one.

    Args:
        state: the page's state.
        stops: stops of the page's tour.
    """
    stop = current_stop(state, stops)
    if stop is None or stop.prediction is None:
        return
    key = f"{state.prefix}_predict"
    message = json.dumps(_message(state, stop, stop.prediction))
    component("predict")(key=key, data=message.encode(), on_answer_change=lambda: _answered(state, stops, key))


def scenario(state: PageState, stop: Stop) -> dict[str, Any]:
    """Returns the page's values before *Reveal*: those of the stop, and the reader's values of all other controls.

    Args:
        state: state of the page.
        stop: stop of the tour.

    Returns:
        Values of the controls by name.
    """
    after = stop.prediction.after if stop.prediction else {}
    return {**state.values, **{name: state.controls[name].default for name in after}, **stop.values}


def _message(state: PageState, stop: Stop, prediction: Prediction) -> dict[str, Any]:
    kind, values = prediction.kind, scenario(state, stop)
    message: dict[str, Any] = {
        "stop": state.get(TOUR),
        "kind": type(kind).__name__.lower(),
        "guess": state.get(GUESS),
        "locked": st.query_params.get(_LOCK) == "hidden",
        "revealed": state.get(REVEALED),
        **{name: value for name, value in asdict(kind).items() if name not in ("within", "start")},
    }
    if isinstance(kind, Bar):
        message["start"] = kind.start(values) if kind.start else None
    if message["kind"] == "arrow":
        message["directions"] = kind.directions()  # type: ignore[union-attr]
    if not state.get(REVEALED):
        return message
    answer = prediction.answer(values)
    if answer is None:
        return {**message, "sentence": "The answer needs the results of this page; **Run** computes them."}
    verdict = judge(kind, answer, state.get(GUESS))
    return {**message, "truth": verdict.truth, "right": verdict.right, "sentence": thin(verdict.sentence)}


def _answered(state: PageState, stops: Sequence[Stop], key: str) -> None:
    """Applies a guess or the action of a button."""
    sent, stop = getattr(st.session_state.get(key), "answer", None), current_stop(state, stops)
    if not isinstance(sent, Mapping) or stop is None or stop.prediction is None or sent.get("stop") != state.get(TOUR):
        return
    guess = state.controls[GUESS].read(str(sent.get("guess")))
    if sent.get("again") is True:
        go_to_stop(state, stops, state.get(TOUR))
    elif sent.get("reveal") is True and st.query_params.get(_LOCK) != "hidden":
        state.set({**stop.prediction.after, GUESS: guess, REVEALED: True})
    elif not state.get(REVEALED):
        state.commit({GUESS: guess})
