"""Shows a figure, its playback bar and its sentence in one component of the page; ``stage.js`` is its half in the browser.

A message to the browser is one line of JSON with the colours of the themes, then JSON with:

* ``picture``: a whole figure with its sentence, or none where only a film goes on;
* ``film``: pictures of the next steps, each as what differs from the whole figure ``base``, sent ahead of time;
* ``bar``, ``tour``, ``note``: texts and limits of what is around the figure;
* ``answered``: serial number of the browser's last question.

The clock is the reader's browser: it asks for the next steps once it has shown most of the last ones. So a pause acts at once,
a slow server is never asked for more than it gives, and a page that nobody has open costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from hypergeo.figures import DARK, LIGHT, THEMED, Palette
from hypergeo.figures.core.words import thin
from hypergeo.ui.runtime.scheduler import TURNS
from hypergeo.ui.state.controls import Choice, Control, Whole
from hypergeo.ui.state.page_state import TOUR, PageState
from hypergeo.ui.state.tours import Stop, current_stop, is_withheld, turn

from .assets import asset_address, component
from .cover import Cover
from .handles import Handle

__all__ = ["SPEEDS", "HandledView", "Playback", "View", "is_staged", "next_positions", "playback_controls", "position", "stage"]

SPEEDS = {"slow": (1, 500), "normal": (1, 80), "fast": (5, 80)}
"""Steps that each tick makes, and the least number of milliseconds between two ticks."""

_AHEAD = 600  # milliseconds of pictures that are asked for at once
_MOST = 20
_STRIDE = Whole(1, 1, 60)
_SERIAL = Whole(0, 0, 10**9)
_ROOM = "_room"
_PLACEHOLDER = "POSITION"


class View(Protocol):
    """Figure and text of a page at one step."""

    def figure(self, palette: Palette, *, narrow: bool = False) -> go.Figure:
        """The figure."""

    def alt(self) -> str:
        """Describes the figure in a sentence, as alternative text."""

    def live(self) -> str:
        """The step in a sentence or two, with nothing but **bold** words as Markdown."""


@runtime_checkable
class HandledView(View, Protocol):
    """A view with parts of its figure that a reader can drag or press, to change controls."""

    def handles(self) -> Sequence[Handle]:
        """Returns the handles, with the figure's axes of a wide and of a narrow page alike."""


@dataclass(frozen=True)
class Playback:
    """What the playback bar plays.

    Attributes:
        name: of the control that holds the step.
        length: the last position, where the first is 0.
        values: value of the control at each position; the position itself where there are none.
        labels: text of each position, where a number of steps does not say it.
        subject: identity of what is played; when it changes, playback stops and the position is 0 again.
        play: label of the button that plays.
        step: label of the button for one step.
        leap: label and number of steps of one more button; a negative number goes back.
        again: label of the button that plays at the end, and goes back to the start; none where there is no such button.
        unit: what the steps are called.
        speeds: steps of a tick and milliseconds between two, by name as in ``SPEEDS``.
    """

    name: str = "step"
    length: int = 0
    values: Sequence[Any] | None = None
    labels: Sequence[str] | None = None
    subject: Hashable = None
    play: str = "Play"
    step: str = "Step"
    leap: tuple[str, int] | None = None
    again: str | None = None
    unit: str = "steps"
    speeds: Mapping[str, tuple[int, int]] | None = None

    def at(self, value: Any) -> int:
        """Position of a value of the control.

        Example:
            >>> Playback("tau", 2, values=[10.0, 1.0, 0.1]).at(1.0)
            1
        """
        return list(self.values).index(value) if self.values is not None else min(int(value), self.length)

    def value(self, at: int) -> Any:
        """Value of the control at a position."""
        return at if self.values is None else self.values[at]


@dataclass
class _SentPicture:
    """What a session keeps of a stage.

    Attributes:
        epoch: number of things that have been played.
        asked: position of the browser's last picture, and the steps between those that it asks for.
        answered: serial number of the last question.
        number: of the whole picture that the browser has.
        text: that picture, as JSON.
        parts: that picture's traces and layout.
    """

    epoch: int = 0
    asked: tuple[int, int] | None = None
    answered: int = 0
    number: str = ""
    text: str = ""
    parts: list[dict[str, Any]] | None = None


def playback_controls(length: int) -> dict[str, Control]:
    """The controls of a playback bar, for a page's state.

    Args:
        length: the last step.

    Example:
        >>> playback_controls(200)["step"]
        Whole(default=0, low=0, high=200)
    """
    return {"step": Whole(0, 0, length), "speed": Choice("normal", list(SPEEDS))}


def position(state: PageState, playback: Playback) -> int:
    """The position that a stage is going to show, for what has to be computed before it."""
    key = f"_{state.key(playback.name)}_of"
    if key in st.session_state and st.session_state[key] != playback.subject:
        state.live({playback.name: playback.value(0)})
        kept = _kept(state)
        kept.epoch, kept.asked = kept.epoch + 1, None
    st.session_state[key] = playback.subject
    return playback.at(state.get(playback.name))


def next_positions(state: PageState, playback: Playback) -> list[int]:
    """The positions that a stage is going to draw, increasing: more than one where the browser asks for a film."""
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
        state: the page's state. Its table holds what :func:`playback_controls` returns where something plays.
        draw: makes what is shown at a position. Less is sent where the figures of all positions have the same traces.
            The parts of a :class:`HandledView` can be dragged and pressed.
        playback: what the bar plays; none for a figure without one.
        stops: of the page's tour, which stage mode shows and moves.
        text: what stage mode says where no tour is on.
        note: what to look at, above the figure.
    """
    kept = _kept(state)
    at = 0 if playback is None else position(state, playback)
    stop = current_stop(state, stops)
    if stop and stop.prediction and stop.prediction.covered and is_withheld(state, stops):
        draw = _covered
    asked, kept.asked = kept.asked, None
    context = get_script_run_ctx()
    narrow = bool(st.session_state.get(_ROOM))
    film: list[dict[str, Any]] = []
    view: View | None = None
    picture = "null"
    if asked and kept.text and context is not None and context.fragment_ids_this_run:
        with TURNS.slice():
            for step in _steps(at, *asked):
                view = draw(step)
                film.append(_difference(kept, view, step, narrow))
    else:
        view = draw(at)
        kept.text, kept.parts = _whole(view, at, narrow), None
        kept.number = hashlib.blake2b(kept.text.encode(), digest_size=8).hexdigest()
        picture = f'{{"number": "{kept.number}", {kept.text[1:]}'
    head = {
        "answered": kept.answered,
        "epoch": kept.epoch + state.epoch,
        "narrow": narrow,
        "staged": is_staged(),
        "plotly": asset_address("/plotlyjs", "plotly.min.js"),
        "bar": None if playback is None else _bar(state, playback),
        "tour": _tour(state, stops, text),
        "note": thin(note),
        "base": kept.number,
        "film": film,
    }
    message = f'{json.dumps(_INKS)}\n{json.dumps(head)[:-1]}, "picture": {picture}}}'
    key = f"{state.prefix}_stage"
    component("stage")(
        key=key,
        data=message.encode(),
        on_move_change=lambda: _moved(state, playback, _handles(view), key),
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
    """Markdown without the marks around *emphasized* words; bold ones keep theirs."""
    return thin(re.sub(r"(?<!\*)\*(?!\*)", "", text.replace("***", "**")))


def _steps(at: int, before: int, stride: int) -> list[int]:
    return list(range(at, before, -stride))[::-1][-_MOST:]


def _whole(view: View, at: int, narrow: bool) -> str:
    """A picture as JSON."""
    words = json.dumps({**_words(view, at), "good": getattr(view, "good", None)})
    return f"{words[:-1]}, {_json(view, narrow)[1:]}"


def _words(view: View, at: int) -> dict[str, Any]:
    """What comes with a figure."""
    words: dict[str, Any] = {"position": at, "sentence": thin(view.live()), "alt": thin(view.alt())}
    handles = [handle.message() for handle in _handles(view)]
    return {**words, "handles": handles} if handles else words


def _handles(view: View | None) -> Sequence[Handle]:
    return view.handles() if isinstance(view, HandledView) else ()


def _json(view: View, narrow: bool) -> str:
    figure = view.figure(THEMED, narrow=narrow)
    figure.layout.template = None
    return thin(str(figure.to_json(validate=False)))


def _difference(kept: _SentPicture, view: View, at: int, narrow: bool) -> dict[str, Any]:
    """A picture as what differs from the one that the browser has; the whole of it where its traces are others."""
    if kept.parts is None:
        kept.parts = _parts(kept.text)
    parts = _parts(_json(view, narrow))
    words = _words(view, at)
    if [part.get("type") for part in parts] != [part.get("type") for part in kept.parts]:
        return {**words, "data": parts[:-1], "layout": parts[-1]}
    changes = [
        {name: part.get(name) for name in first.keys() | part.keys() if first.get(name) != part.get(name)}
        for first, part in zip(kept.parts, parts, strict=True)
    ]
    return {**words, "traces": changes[:-1], "layout": changes[-1]}


def _parts(text: str) -> list[dict[str, Any]]:
    """Traces, then the layout."""
    parsed = json.loads(text)
    return [*parsed["data"], parsed["layout"]]


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
    st.session_state[_ROOM] = isinstance(room, Mapping) and room.get("narrow") is True


def _turned(state: PageState, stops: Sequence[Stop], key: str) -> None:
    by = getattr(st.session_state.get(key), "turn", None)
    if stops and by in (1, -1):
        turn(state, stops, int(by))  # 1.0 equals 1 too, but is no index


def is_staged() -> bool:
    """Returns whether the address asks for stage mode; ``present=1`` was its name before."""
    return any(st.query_params.get(name, "0") not in ("0", "false", "") for name in ("stage", "present"))


def _set_staged(on: bool) -> None:
    address = {name: text for name, text in st.query_params.to_dict().items() if name not in ("stage", "present")}
    st.query_params.from_dict({**address, "stage": "1"} if on else address)


def _kept(state: PageState) -> _SentPicture:
    kept: _SentPicture = st.session_state.setdefault(f"_{state.prefix}_stage", _SentPicture())
    return kept


def _inks() -> dict[str, tuple[str, str]]:
    """Colours of the light and the dark theme, by what stands for them in figures."""
    inks = {}
    for name in (field.name for field in fields(Palette)):
        ours, light, dark = (getattr(palette, name) for palette in (THEMED, LIGHT, DARK))
        if ours is not None:
            inks[ours] = light, dark
            inks[_start(ours)] = _start(light), _start(dark)
    return inks


def _start(colour: str) -> str:
    """The start of a colour with an opacity.

    Example:
        >>> _start("#010203")
        'rgba(1,2,3,'
    """
    return f"rgba({','.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))},"


_INKS = _inks()
