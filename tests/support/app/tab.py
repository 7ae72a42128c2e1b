"""A tab of the app without a browser: it speaks Streamlit's websocket protocol, drags and sets controls, and plays."""

from __future__ import annotations

import asyncio
import json
import math
import ssl
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

__all__ = ["Tab", "run"]

T = TypeVar("T")


def run(visit: Coroutine[Any, Any, T]) -> T:
    """What a visit gives; in a thread of its own, for a browser's driver may have a loop running in this one."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(asyncio.run, visit).result()


class Tab:
    """One open tab.

    Args:
        address: of the app, such as ``http://127.0.0.1:8501``.
        cookies: that the browser would send.
        trusted: for https, whose certificates are believed.
        rest: seconds in which a run that the last one asked for has begun.

    Attributes:
        page: name of the page on show.
        query: its address's parameters.
        position: of the picture on show, as the stage last said it; ``play`` moves it.
        elements: what is on show, by its place.
        problems: exceptions that were shown, and what went wrong with the connection.
        received: bytes of all messages.
        session: its name on the server.
    """

    def __init__(
        self,
        address: str,
        *,
        cookies: Mapping[str, str] | None = None,
        trusted: ssl.SSLContext | None = None,
        rest: float = 0.05,
    ):
        self.address = address
        self.cookies = dict(cookies or {})
        self.page = ""
        self.query: dict[str, str] = {}
        self.position = 0
        self.elements: dict[tuple[int, ...], Delta] = {}
        self.problems: list[str] = []
        self.received = 0
        self._states: dict[str, WidgetState] = {}
        self._serial = 0
        self._playing = False
        self._stale: set[tuple[int, ...]] = set()
        self._trusted, self._rest = trusted, rest
        self._socket: ClientConnection | None = None
        self._hash = ""
        self._hashes: dict[str, str] = {}
        self.session = ""

    async def __aenter__(self) -> Tab:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, page: str = "", query: str | Mapping[str, str] = "", seconds: float = 60) -> float:
        """Connects where that has not been done, and opens a page; returns the seconds that it took."""
        if self._socket is None:
            headers = {"Origin": self.address}
            if self.cookies:
                headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            self._socket = await connect(
                f"ws{self.address.removeprefix('http')}/_stcore/stream",
                subprotocols=["streamlit"],  # type: ignore[list-item]
                additional_headers=headers,
                ssl=self._trusted,
                max_size=None,
                open_timeout=seconds,
                ping_interval=None,
            )
        self.page, self.elements, self._states = page, {}, {}
        self.position, self._playing = 0, False
        self._hash = self._hashes.get(page, "")  # as a link of the navigation does; an address has none
        self.query = dict(query) if isinstance(query, Mapping) else dict(parse_qsl(query))
        said = query if isinstance(query, str) else urlencode(query)
        return await self._run(seconds, query=said)

    async def close(self) -> None:
        """Closes the tab."""
        if self._socket is not None:
            await self._socket.close()

    async def drag(self, name: str, values: Sequence[object], seconds: float = 60) -> list[float]:
        """Drags a live control over values and releases it: the next value is sent once the last one has been answered.

        Args:
            name: key that the control has in the address.
            values: as the address says them.
            seconds: to wait at most, each time.

        Returns:
            Seconds until each value is shown, and last those from the release to the end of the page.
        """
        times = [await self.send_live(name, value, seconds, commit=False) for value in values]
        return [*times, await self.send_live(name, values[-1], seconds, commit=True)]

    async def move(self, name: str, value: Any, seconds: float = 60) -> float:
        """Sets a control as a hand does; returns the seconds until the page is done.

        Args:
            name: key that it has in the address, or label of a widget of Streamlit's.
            value: number, or the option as the page writes it.
            seconds: to wait at most.
        """
        knob = self.knobs().get(name)
        if knob is None:
            delta = self.control(name)
            state = _state(delta.new_element, value)
            self._states[state.id] = state
            return await self._run(seconds, fragment=delta.fragment_id)
        if knob["kind"] == "range":
            return sum(await self.drag(name, [value], seconds))
        return await self.send_live(name, value, seconds, commit=True)

    async def send_live(self, name: str, value: object, seconds: float = 60, *, commit: bool) -> float:
        """Sends a value of a live control, while it moves or on release; returns the seconds until it is answered."""
        self._serial += 1
        told = {"serial": self._serial, "values": {name.partition("_")[2]: str(value)}, "commit": commit}
        taken = await self.send("controls", "live", {**told, "at": str(self.position)} if self._playing else told, seconds)
        answered = self._told("controls")["answered"]
        assert answered == self._serial, f"value {self._serial} of {name} was not answered, but {answered}"
        return taken

    async def press(self, label: str, seconds: float = 60) -> float:
        """Presses a button."""
        (button,) = [each.button for each in self.shown("button") if each.button.label == label]
        return await self._run(seconds, trigger=WidgetState(id=button.id, trigger_value=True))

    async def play(self, seconds: float = 60, *, speed: str = "normal") -> tuple[int, float]:
        """Asks for the next pictures of the film, as the stage does while it plays.

        Returns:
            Number of pictures, and seconds until they are there.
        """
        bar = self.stage()["bar"]
        (stride, wait), length = bar["speeds"][speed], bar["length"]
        start = self.position if self.position < length else 0
        to = min(start + stride * max(math.ceil(bar["ahead"] / wait), 2), length)
        self._playing = True
        taken = await self.ask({"to": to, "playing": True, "speed": speed, "from": start, "stride": stride}, seconds)
        film = self.stage()["film"]
        assert film, f"no pictures from {start} to {to}"
        assert film[-1]["position"] == to, f"pictures end at {film[-1]['position']}, and not at {to}"
        self.position = to
        return len(film), taken

    async def pause(self, seconds: float = 60) -> float:
        """Pauses at the picture on show; returns the seconds until the page is done."""
        self._playing = False
        return await self.ask(
            {"to": self.position, "playing": False, "speed": self.stage()["bar"]["speed"], "commit": True}, seconds
        )

    async def ask(self, question: Mapping[str, Any], seconds: float = 60) -> float:
        """Asks the stage something; what it says of itself in every question is added. Returns the seconds that it took."""
        self._serial += 1
        own = {"epoch": self.stage()["epoch"], "serial": self._serial}
        return await self.trigger("stage", "move", {**own, **question}, seconds)

    async def send(self, name: str, event: str, value: object, seconds: float = 60) -> float:
        """Sets a state of a component as its script does, with ``setStateValue``; returns the seconds that it took."""
        delta = self.component(name)
        identity = delta.new_element.bidi_component.id
        said = json.loads(self._states[identity].json_value) if identity in self._states else {}
        self._states[identity] = WidgetState(id=identity, json_value=json.dumps({**said, event: value}))
        return await self._run(seconds, fragment=delta.fragment_id)

    async def trigger(self, name: str, event: str, value: object, seconds: float = 60) -> float:
        """Triggers an event of a component as its script does, with ``setTriggerValue``; returns the seconds that it took."""
        delta = self.component(name)
        identity = _make_trigger_id(delta.new_element.bidi_component.id, "events")
        said = WidgetState(id=identity, json_trigger_value=json.dumps([{"event": event, "value": value}]))
        return await self._run(seconds, trigger=said, fragment=delta.fragment_id)

    async def send_raw(self, name: str, text: str, seconds: float = 60) -> float:
        """Sends a text, as no script does, in place of a component's state and of its events."""
        delta = self.component(name)
        identity = delta.new_element.bidi_component.id
        self._states[identity] = WidgetState(id=identity, json_value=text)
        events = WidgetState(id=_make_trigger_id(identity, "events"), json_trigger_value=text)
        try:
            return await self._run(seconds, trigger=events, fragment=delta.fragment_id)
        finally:
            del self._states[identity]

    def component(self, name: str) -> Delta:
        """The ``"stage"`` of the page, or its live ``"controls"``."""
        for delta in self.elements.values():
            if delta.new_element.bidi_component.component_name == f"hypergeo_{name}":
                return delta
        raise KeyError(f"{self.page or 'the first page'} has no {name}")

    def stage(self) -> dict[str, Any]:
        """The last message to the stage."""
        return self._told("stage")

    def knobs(self) -> dict[str, dict[str, Any]]:
        """The live controls on show, by their keys in the address."""
        try:
            component = self.component("controls").new_element.bidi_component
        except KeyError:
            return {}
        prefix = _prefix(component)
        return {f"{prefix}_{knob['name']}": knob for section in self._told("controls")["sections"] for knob in section["knobs"]}

    def shown(self, kind: str) -> list[Element]:
        """Elements of a kind that are on show."""
        elements = [delta.new_element for delta in self.elements.values() if delta.WhichOneof("type") == "new_element"]
        return [element for element in elements if element.WhichOneof("type") == kind]

    def control(self, name: str) -> Delta:
        """The widget of Streamlit's with that key or label."""
        for delta in self.elements.values():
            kind = str(delta.new_element.WhichOneof("type"))
            if kind in _STATES:
                widget = getattr(delta.new_element, kind)
                if name == widget.label or widget.id.endswith(f"-{name}"):
                    return delta
        raise KeyError(f"{name} is not on {self.page or 'the first page'}")

    def text(self) -> str:
        """All words on show, as Markdown."""
        said = [element.markdown.body for element in self.shown("markdown")]
        return "\n".join(said + [element.alert.body for element in self.shown("alert")])

    def _told(self, name: str) -> dict[str, Any]:
        """The last message to a component; the stage's has one more line, of colours."""
        message = self.component(name).new_element.bidi_component.bytes.decode()
        told: dict[str, Any] = json.loads(message.partition("\n")[2] or message)
        return told

    async def _run(
        self, seconds: float, *, query: str | None = None, trigger: WidgetState | None = None, fragment: str = ""
    ) -> float:
        assert self._socket is not None
        ask = BackMsg()
        ask.rerun_script.query_string = urlencode(self.query) if query is None else query
        ask.rerun_script.page_name = self.page
        ask.rerun_script.page_script_hash = self._hash
        ask.rerun_script.fragment_id = fragment
        ask.rerun_script.widget_states.widgets.extend(self._all_states())
        if trigger is not None:
            ask.rerun_script.widget_states.widgets.append(trigger)
        start = time.perf_counter()
        await self._socket.send(ask.SerializeToString())
        ended: float | None = None
        begun = False
        while True:
            left = seconds - (time.perf_counter() - start) if ended is None else self._rest
            try:
                raw = await asyncio.wait_for(self._socket.recv(), left)
            except TimeoutError:
                if ended is not None:
                    return ended - start
                raise
            assert isinstance(raw, bytes)
            self.received += len(raw)
            message = ForwardMsg.FromString(raw)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                begun, ended = True, None
                self.session = message.new_session.initialize.session_id or self.session
                part = set(message.metadata.run.fragment_ids)
                if not part:
                    self.elements.clear()
                self._stale = {place for place, delta in self.elements.items() if delta.fragment_id in part}
            elif kind == "delta":
                self._take(message)
            elif kind == "navigation":
                pages, self._hash = message.navigation.app_pages, message.navigation.page_script_hash
                self._hashes = {"" if page.is_default else page.url_pathname: page.page_script_hash for page in pages}
            elif kind == "page_info_changed":
                self.query = dict(parse_qsl(message.page_info_changed.query_string))
            elif kind == "script_finished" and begun:
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    ended = time.perf_counter()
                    for place in self._stale:
                        self.elements.pop(place, None)
                if message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
                    return time.perf_counter() - start  # nothing follows
            elif kind == "session_event":
                self.problems.append(f"session event: {message.session_event}")

    def _take(self, message: ForwardMsg) -> None:
        place = tuple(message.metadata.delta_path)
        self._stale.discard(place)
        self.elements[place] = message.delta
        if message.delta.WhichOneof("type") == "new_element":
            if message.delta.new_element.WhichOneof("type") == "exception":
                self.problems.append(f"exception: {message.delta.new_element.exception.message}")
            kind = str(message.delta.new_element.WhichOneof("type"))
            widget = getattr(message.delta.new_element, kind) if kind in _STATES else None
            if widget is not None and getattr(widget, "set_value", False):  # the server says so
                self._states.pop(widget.id, None)

    def _all_states(self) -> list[WidgetState]:
        components = [delta.new_element.bidi_component.id for delta in self.elements.values()]
        found = {identity: self._states[identity] for identity in components if identity in self._states}
        for delta in self.elements.values():
            if delta.WhichOneof("type") == "new_element" and delta.new_element.WhichOneof("type") in _STATES:
                state = _state(delta.new_element)
                found[state.id] = self._states.get(state.id, state)
        return list(found.values())


def _prefix(component: BidiComponent) -> str:
    """Start of the address parameters of a page, from its component's key."""
    return str(component.id.rpartition("-")[2].rpartition("_")[0])


_STATES = ("slider", "number_input", "button_group", "selectbox", "checkbox", "text_area")


def _state(element: Element, value: Any = None) -> WidgetState:
    """What the browser says of a control: a value that a reader gives it, or the one that the server has given it."""
    kind = str(element.WhichOneof("type"))
    widget = getattr(element, kind)
    state = WidgetState(id=widget.id)
    given = widget.set_value
    match kind:
        case "slider" if widget.options:
            now = list(widget.raw_value) if given else [widget.options[int(place)] for place in widget.default]
            state.string_array_value.data.extend(now if value is None else [str(value)])
        case "slider":
            state.double_array_value.data.extend((widget.value if given else widget.default) if value is None else [value])
        case "number_input":
            state.double_value = (widget.value if given else widget.default) if value is None else value
        case "button_group":
            now = list(widget.raw_values) if given else [widget.options[place].content for place in widget.default]
            state.string_array_value.data.extend(now if value is None else [str(value)])
        case "selectbox":
            first = widget.options[widget.default] if widget.options else ""
            state.string_value = str(value if value is not None else widget.raw_value if given else first)
        case "checkbox":
            state.bool_value = (widget.value if given else widget.default) if value is None else bool(value)
        case "text_area":
            state.string_value = (widget.value if given else widget.default) if value is None else str(value)
    return state
