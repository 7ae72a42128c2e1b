"""Shows a figure, its playback bar and its sentence in one component of the page; ``stage.js`` is its half in the browser.

A message to the browser is one line of JSON with the colours of the themes, then JSON with:

* ``picture``: a whole figure with its sentence, or none where only a film goes on;
* ``film``: pictures of the next steps, each as what differs from the whole figure ``base``, sent ahead of time;
* ``bar``, ``tour``, ``note``: texts and limits of what is around the figure;
* ``answered``: serial number of the browser's last question.

The reader's browser is the clock: it asks for the next steps once it has shown most of the last ones. So a pause acts at once,
a slow server is never asked for more pictures than it can draw, and a page that nobody has open costs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from hypergeo.figures.core.words import thin
from hypergeo.ui.runtime.scheduler import TURNS
from hypergeo.ui.state.address import TOUR
from hypergeo.ui.state.controls import Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.tours import Stop, current_stop, is_withheld, turn

from .assets import asset_address, component
from .cover import Cover
from .handles import Handle
from .pictures import INKS, SentPicture, View, handles_of
from .playback import SPEEDS, Playback

__all__ = ["is_staged", "next_positions", "position", "stage"]

_AHEAD = 600  # milliseconds of pictures that are asked for at once
_MOST = 20  # pictures of one film
_STRIDE = Whole(1, 1, 60)
_SERIAL = Whole(0, 0, 10**9)
_NARROW = "_room"  # key of the session: whether the browser shows figures for a telephone's width
_PLACEHOLDER = "POSITION"


@dataclass
class _StageSession:
    """What a session keeps of a stage.

    Attributes:
        epoch: number of things that have been played.
        asked: position of the browser's last picture, and the steps between those that it asks for.
        answered: serial number of the last question.
        picture: the whole picture that the browser has.
    """

    epoch: int = 0
    asked: tuple[int, int] | None = None
    answered: int = 0
    picture: SentPicture = field(default_factory=SentPicture)


def position(state: PageState, playback: Playback) -> int:
    """Returns the position that a stage is going to show, for what has to be computed before it.

    Args:
        state: the page's state.
        playback: what the bar plays. If its subject has changed, the position is set to 0.

    Returns:
        The position, from 0.
    """
    key = f"_{state.key(playback.name)}_of"
    if key in st.session_state and st.session_state[key] != playback.subject:
        state.live({playback.name: playback.value(0)})
        kept = _kept(state)
        kept.epoch, kept.asked = kept.epoch + 1, None
    st.session_state[key] = playback.subject
    return playback.at(state.get(playback.name))


def next_positions(state: PageState, playback: Playback) -> list[int]:
    """Returns the positions that a stage is going to draw.

    Args:
        state: the page's state.
        playback: what the bar plays.

    Returns:
        Increasing positions; more than one if the browser asks for a film.
    """
    at, asked = position(state, playback), _kept(state).asked
    return (_steps(at, *asked) if asked else []) or [at]


def stage(
    state: PageState,
    draw: Callable[[int], View],
    *,
    playback: Playback | None = None,
    stops: Sequence[Stop] = (),
    text: str = "",
    note: str = "",
) -> None:
    """Shows a figure; call it inside of a part of the page that :func:`hypergeo.ui.component.live.live_part` made.

    Space plays and pauses, S makes one step. The address follows the step that is shown.

    Args:
        state: the page's state. If something plays, its table holds the controls of
            :func:`hypergeo.ui.component.playback.playback_controls`.
        draw: function from a position to the view there. Less is sent if the figures of all positions have the same traces.
            The parts of a :class:`hypergeo.ui.component.pictures.HandledView` can be dragged and pressed.
        playback: what the bar plays; ``None`` for a figure without a bar.
        stops: stops of the page's tour, which stage mode shows and moves.
        text: text of stage mode while no tour is on.
        note: what to look at, above the figure.
    """
    kept = _kept(state)
    at = 0 if playback is None else position(state, playback)
    stop = current_stop(state, stops)
    if stop and stop.prediction and stop.prediction.covered and is_withheld(state, stops):
        draw = _covered
    asked, kept.asked = kept.asked, None
    context = get_script_run_ctx()
    narrow = bool(st.session_state.get(_NARROW))
    film: list[dict[str, Any]] = []
    view: View | None = None
    picture = "null"
    if asked and kept.picture.text and context is not None and context.fragment_ids_this_run:
        with TURNS.slice():
            for step in _steps(at, *asked):
                view = draw(step)
                film.append(kept.picture.difference(view, step, narrow=narrow))
    else:
        view = draw(at)
        kept.picture = SentPicture.draw(view, at, narrow=narrow)
        picture = kept.picture.message()
    head = {
        "answered": kept.answered,
        "epoch": kept.epoch + state.epoch,
        "narrow": narrow,
        "staged": is_staged(),
        "plotly": asset_address("/plotlyjs", "plotly.min.js"),
        "bar": None if playback is None else _bar(state, playback),
        "tour": _tour(state, stops, text),
        "note": thin(note),
        "base": kept.picture.number,
        "film": film,
    }
    message = f'{json.dumps(INKS)}\n{json.dumps(head)[:-1]}, "picture": {picture}}}'
    key = f"{state.prefix}_stage"
    component("stage")(
        key=key,
        data=message.encode(),
        on_move_change=lambda: _moved(state, playback, handles_of(view), key),
        on_room_change=lambda: _resized(key),
        on_turn_change=lambda: _turned(state, stops, key),
        on_mode_change=lambda: _set_staged(bool(getattr(st.session_state.get(key), "mode", False))),
    )


def _covered(at: int) -> View:
    return Cover("The figure comes with the answer", "Make your prediction, then press **Reveal**.")


def _bar(state: PageState, playback: Playback) -> dict[str, Any]:
    control = state.controls[playback.name]
    values = None if playback.values is None else [control.write(value) for value in playback.values]
    return {
        "name": playback.name,
        "length": playback.length,
        "values": values,
        "labels": playback.labels,
        "unit": playback.unit,
        "play": playback.play,
        "step": playback.step,
        "leap": playback.leap,
        "again": playback.again,
        "speeds": SPEEDS if playback.speeds is None else playback.speeds,
        "speed": state.get("speed"),
        "ahead": _AHEAD,
        "address": {**state.address(playback.name, _PLACEHOLDER), "placeholder": _PLACEHOLDER},
    }


def _tour(state: PageState, stops: Sequence[Stop], text: str) -> dict[str, Any] | None:
    stop = current_stop(state, stops)
    if stop is None:
        return {"number": 0, "text": _without_emphasis(text), "look": ""} if text else None
    look = "" if is_withheld(state, stops) else _without_emphasis(stop.look)
    words = {"title": stop.title, "text": _without_emphasis(stop.text), "look": look}
    return {"number": state.get(TOUR), "of": len(stops), **words}


def _without_emphasis(text: str) -> str:
    """Returns Markdown without the marks around *emphasized* words; bold words keep theirs."""
    return thin(re.sub(r"(?<!\*)\*(?!\*)", "", text.replace("***", "**")))


def _steps(at: int, before: int, stride: int) -> list[int]:
    return list(range(at, before, -stride))[::-1][-_MOST:]


def _moved(state: PageState, playback: Playback | None, handles: Sequence[Handle], key: str) -> None:
    """Takes what the browser asks for: another step, or the place to which a handle was moved."""
    asked = getattr(st.session_state.get(key), "move", None)
    kept = _kept(state)
    if not isinstance(asked, Mapping):
        return
    kept.answered = _SERIAL.read(str(asked.get("serial")))
    handle = next((each for each in handles if each.name == asked.get("handle")), None)
    values: Mapping[str, Any] = {}
    if playback is not None and asked.get("epoch") == kept.epoch + state.epoch:
        to = Whole(0, 0, playback.length)
        if asked.get("playing") is True and "from" in asked:
            kept.asked = to.read(str(asked.get("from"))), _STRIDE.read(str(asked.get("stride")))
        values = {playback.name: playback.value(to.read(str(asked.get("to")))), "speed": str(asked.get("speed"))}
    elif handle is None:
        return  # asked for on the way, before something else was played
    if handle is not None:
        state.live(values)
        values = handle.taken(asked)
    if asked.get("commit") is True:
        state.commit(values)
    else:
        state.live(values)


def _resized(key: str) -> None:
    room = getattr(st.session_state.get(key), "room", None)
    st.session_state[_NARROW] = isinstance(room, Mapping) and room.get("narrow") is True


def _turned(state: PageState, stops: Sequence[Stop], key: str) -> None:
    by = getattr(st.session_state.get(key), "turn", None)
    if stops and by in (1, -1):
        turn(state, stops, int(by))  # 1.0 equals 1 too, but is no index


def is_staged() -> bool:
    """Returns whether the address asks for stage mode; ``present=1`` was its name before.

    Returns:
        Whether stage mode is on.
    """
    return any(st.query_params.get(name, "0") not in ("0", "false", "") for name in ("stage", "present"))


def _set_staged(on: bool) -> None:
    address = {name: text for name, text in st.query_params.to_dict().items() if name not in ("stage", "present")}
    st.query_params.from_dict({**address, "stage": "1"} if on else address)


def _kept(state: PageState) -> _StageSession:
    kept: _StageSession = st.session_state.setdefault(f"_{state.prefix}_stage", _StageSession())
    return kept
