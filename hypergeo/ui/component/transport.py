"""Play, pause, step and reset for what runs in steps on the server, at the pace that the browser and the server keep up with.

The clock is the reader's browser: it asks for the next steps once it has been shown the last ones, or nearly so where it is
sent pictures of them all. So a pause acts at once, a slow server is never asked for more than it gives, and a page that nobody
has open costs nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import streamlit as st

from hypergeo.ui.state.controls import Choice, Control, Whole
from hypergeo.ui.state.page_state import PageState

from .live_figure import Film
from .transport_script import HTML, LOOK, SCRIPT

__all__ = ["SPEEDS", "follow", "is_playing", "position", "stride", "transport", "transport_controls"]

SPEEDS = {"slow": (1, 500), "normal": (1, 80), "fast": (5, 80)}
"""Steps that each tick makes, and the least number of milliseconds between two ticks."""
_AHEAD = 600  # milliseconds of pictures that are asked for at once
_MOST = 20
_STRIDE = Whole(1, 1, 60)


def transport_controls(length: int) -> dict[str, Control]:
    """The table of a transport's controls, for a page's state.

    Args:
        length: the last step.

    Example:
        >>> transport_controls(200)["step"]
        Whole(default=0, low=0, high=200)
    """
    return {"step": Whole(0, 0, length), "speed": Choice("normal", list(SPEEDS))}


def transport(
    state: PageState,
    name: str = "step",
    *,
    length: int | None = None,
    of: Hashable = None,
    play: str = "Play",
    step_label: str = "Step",
    leap: tuple[str, int] | None = None,
    unit: str = "steps",
    film: Film | None = None,
    speeds: Mapping[str, tuple[int, int]] | None = None,
) -> int:
    """Draws the controls and returns the step on show; call it inside a fragment, which alone runs again at each tick.

    Space plays and pauses, S makes one step. The address holds the step while nothing plays.

    Args:
        state: a page's state whose table holds what :func:`transport_controls` returns.
        name: of the control that holds the step.
        length: the last step, where it is before the control's highest.
        of: what is played. Once it differs from the last time, the step is 0 again and nothing plays.
        play: label of the button that plays.
        step_label: label of the button for one step.
        leap: label and number of steps of one more button.
        unit: what the steps are called.
        film: pictures of a figure that is outside of the fragment. Without one, the fragment itself draws each step.
        speeds: steps of a tick and milliseconds between two, by name as in ``SPEEDS``.
    """
    key, step = state.key(name), position(state, name, length=length, of=of)
    if not is_playing(state, name):  # browsers bear few changes of the address a second
        state.live({name: step})
        if state.uncommitted:
            state.commit()
    data: Mapping[str, Any] = {
        "step": step,
        "length": _length(state, name, length),
        "unit": unit,
        "play": play,
        "stepLabel": step_label,
        "leap": leap,
        "speeds": SPEEDS if speeds is None else speeds,
        "speed": state.get("speed"),
        "epoch": st.session_state.get(f"_{key}_epoch", 0),
        "film": None if film is None else _rolled(film, step, st.session_state.pop(f"_{key}_from", None)),
        "ahead": _AHEAD,
    }
    component = f"{key}_transport"
    _component()(key=component, data=data, on_move_change=lambda: _moved(state, name, component))
    return step


def position(state: PageState, name: str = "step", *, length: int | None = None, of: Hashable = None) -> int:
    """The step that a transport is going to show, for what has to be made before it. Arguments as of :func:`transport`."""
    key = state.key(name)
    played, epoch = f"_{key}_of", f"_{key}_epoch"
    if played in st.session_state and st.session_state[played] != of:
        state.live({name: 0})
        st.session_state[epoch] = st.session_state.get(epoch, 0) + 1
        st.session_state[f"_{key}_playing"] = False
    st.session_state[played] = of
    return min(state.get(name), _length(state, name, length))


def is_playing(state: PageState, name: str = "step") -> bool:
    """Whether a transport plays."""
    return bool(st.session_state.get(f"_{state.key(name)}_playing"))


def stride(state: PageState, name: str = "step") -> int:
    """Steps between the pictures that the browser has asked for, 0 where it has not asked for any."""
    _, steps = st.session_state.get(f"_{state.key(name)}_from") or (0, 0)
    return int(steps)


def follow(state: PageState, film: Film, step: int, name: str = "step") -> None:
    """Runs the page again once nothing plays and its figure is of another step; the last call of a fragment that plays."""
    if step != film.shown and not is_playing(state, name):
        st.rerun()


def _length(state: PageState, name: str, length: int | None) -> int:
    control = state.controls[name]
    assert isinstance(control, Whole)
    return control.high if length is None else length


def _rolled(film: Film, step: int, before: tuple[int, int] | None) -> dict[str, Any]:
    """What the browser needs of a film to play on to a step. At rest it needs nothing: the page shows the step itself."""
    steps = [] if before is None else list(range(step, before[0], -before[1]))[::-1][-_MOST:]
    pictures = [film.picture(each) for each in steps]
    return {"number": film.number, "figure": film.figure, "words": film.words, "pictures": pictures}


def _moved(state: PageState, name: str, component: str) -> None:
    """Takes what the browser asks for."""
    asked = st.session_state[component].move
    key = state.key(name)
    if not isinstance(asked, Mapping) or asked.get("epoch") != st.session_state.get(f"_{key}_epoch", 0):
        return  # also what was asked for on the way, before something else was played
    state.live({name: state.controls[name].read(str(asked.get("to")))})
    playing = st.session_state[f"_{key}_playing"] = asked.get("playing") is True
    state.live({"speed": state.controls["speed"].read(str(asked.get("speed")))})
    before = state.controls[name].read(str(asked.get("from"))) if playing and "from" in asked else None
    st.session_state[f"_{key}_from"] = None if before is None else (before, _STRIDE.read(str(asked.get("stride"))))


@st.cache_resource
def _component():  # type: ignore[no-untyped-def]
    return st.components.v2.component("hypergeo_transport", html=HTML, css=LOOK, js=SCRIPT)
