"""A tab of the app without a browser: speaks Streamlit's websocket protocol, drags and sets controls, and plays."""

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

from .widgets import STATES, widget_state

__all__ = ["Tab", "run"]

T = TypeVar("T")


def run(visit: Coroutine[Any, Any, T]) -> T:
    """Returns the result of a visit, run in a separate thread: a browser's driver may run an event loop in this one."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(asyncio.run, visit).result()


class Tab:
    """One open tab.

    Args:
        address: address of the app, such as ``http://127.0.0.1:8501``.
        cookies: cookies to send with the connection.
        trusted: TLS context with the accepted certificates, for https.
        rest: time to wait for a run that the last one requested, in seconds.

    Attributes:
        page: name of the open page.
        query: URL parameters of the page.
        position: position of the picture on the stage; ``play`` moves it.
        elements: elements of the page, by place.
        problems: exceptions that the page showed, and errors of the connection.
        received: size of all messages, in bytes.
        session: name of the session on the server.
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
        """Connects if necessary, and opens a page.

        Args:
            page: name of the page; the first one if empty.
            query: URL parameters, as one string or by name.
            seconds: longest time to wait, in seconds.

        Returns:
            Time until the page is complete, in seconds.
        """
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
        sent = query if isinstance(query, str) else urlencode(query)
        return await self._run(seconds, query=sent)

    async def close(self) -> None:
        """Closes the tab."""
        if self._socket is not None:
            await self._socket.close()

    async def drag(self, name: str, values: Sequence[object], seconds: float = 60) -> list[float]:
        """Drags a live control over values and releases it; sends each value once the one before has been answered.

        Args:
            name: URL parameter of the control.
            values: values as in the address.
            seconds: longest time to wait for each answer, in seconds.

        Returns:
            Time until each value is shown, and last the time from release to complete page, in seconds.
        """
        times = [await self.send_live(name, value, seconds, commit=False) for value in values]
        return [*times, await self.send_live(name, values[-1], seconds, commit=True)]

    async def move(self, name: str, value: Any, seconds: float = 60) -> float:
        """Sets a control as a reader does.

        Args:
            name: URL parameter of the control, or label of a Streamlit widget.
            value: number, or the option's text.
            seconds: longest time to wait, in seconds.

        Returns:
            Time until the page is complete, in seconds.
        """
        knob = self.knobs().get(name)
        if knob is None:
            delta = self.control(name)
            state = widget_state(delta.new_element, value)
            self._states[state.id] = state
            return await self._run(seconds, fragment=delta.fragment_id)
        if knob["kind"] == "range":
            return sum(await self.drag(name, [value], seconds))
        return await self.send_live(name, value, seconds, commit=True)

    async def send_live(self, name: str, value: object, seconds: float = 60, *, commit: bool) -> float:
        """Sends a value of a live control, while it moves or on release (``commit``).

        Returns:
            Time until the value is answered, in seconds.
        """
        self._serial += 1
        update = {"serial": self._serial, "values": {name.partition("_")[2]: str(value)}, "commit": commit}
        taken = await self.send("controls", "live", {**update, "at": str(self.position)} if self._playing else update, seconds)
        answered = self._message("controls")["answered"]
        assert answered == self._serial, f"value {self._serial} of {name} was not answered, but {answered}"
        return taken

    async def press(self, label: str, seconds: float = 60) -> float:
        """Presses the button with a label.

        Returns:
            Time until the page is complete, in seconds.
        """
        (button,) = [each.button for each in self.shown("button") if each.button.label == label]
        return await self._run(seconds, trigger=WidgetState(id=button.id, trigger_value=True))

    async def play(self, seconds: float = 60, *, speed: str = "normal") -> tuple[int, float]:
        """Requests the next pictures of the film, as the stage does while it plays.

        Returns:
            Number of pictures, and time until they arrive, in seconds.
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
        """Pauses at the current picture.

        Returns:
            Time until the page is complete, in seconds.
        """
        self._playing = False
        return await self.ask(
            {"to": self.position, "playing": False, "speed": self.stage()["bar"]["speed"], "commit": True}, seconds
        )

    async def ask(self, question: Mapping[str, Any], seconds: float = 60) -> float:
        """Sends a request to the stage, with the epoch and the serial number that each of its requests has.

        Returns:
            Time until it is answered, in seconds.
        """
        self._serial += 1
        own = {"epoch": self.stage()["epoch"], "serial": self._serial}
        return await self.trigger("stage", "move", {**own, **question}, seconds)

    async def send(self, name: str, event: str, value: object, seconds: float = 60) -> float:
        """Sets a state of a component as its script does, with ``setStateValue``.

        Returns:
            Time until it is answered, in seconds.
        """
        delta = self.component(name)
        identity = delta.new_element.bidi_component.id
        values = json.loads(self._states[identity].json_value) if identity in self._states else {}
        self._states[identity] = WidgetState(id=identity, json_value=json.dumps({**values, event: value}))
        return await self._run(seconds, fragment=delta.fragment_id)

    async def trigger(self, name: str, event: str, value: object, seconds: float = 60) -> float:
        """Triggers an event of a component as its script does, with ``setTriggerValue``.

        Returns:
            Time until it is answered, in seconds.
        """
        delta = self.component(name)
        identity = _make_trigger_id(delta.new_element.bidi_component.id, "events")
        events = WidgetState(id=identity, json_trigger_value=json.dumps([{"event": event, "value": value}]))
        return await self._run(seconds, trigger=events, fragment=delta.fragment_id)

    async def send_raw(self, name: str, text: str, seconds: float = 60) -> float:
        """Sends a text as a component's state and as its events, which no script does.

        Returns:
            Time until it is answered, in seconds.
        """
        delta = self.component(name)
        identity = delta.new_element.bidi_component.id
        self._states[identity] = WidgetState(id=identity, json_value=text)
        events = WidgetState(id=_make_trigger_id(identity, "events"), json_trigger_value=text)
        try:
            return await self._run(seconds, trigger=events, fragment=delta.fragment_id)
        finally:
            del self._states[identity]

    def component(self, name: str) -> Delta:
        """Returns the ``"stage"`` of the page, or its live ``"controls"``.

        Raises:
            KeyError: if the page has no such component.
        """
        for delta in self.elements.values():
            if delta.new_element.bidi_component.component_name == f"hypergeo_{name}":
                return delta
        raise KeyError(f"{self.page or 'the first page'} has no {name}")

    def stage(self) -> dict[str, Any]:
        """Returns the last message to the stage."""
        return self._message("stage")

    def knobs(self) -> dict[str, dict[str, Any]]:
        """Returns the live controls of the page, by URL parameter."""
        try:
            component = self.component("controls").new_element.bidi_component
        except KeyError:
            return {}
        prefix = _prefix(component)
        return {
            f"{prefix}_{knob['name']}": knob for section in self._message("controls")["sections"] for knob in section["knobs"]
        }

    def shown(self, kind: str) -> list[Element]:
        """Returns the elements of a kind."""
        elements = [delta.new_element for delta in self.elements.values() if delta.WhichOneof("type") == "new_element"]
        return [element for element in elements if element.WhichOneof("type") == kind]

    def control(self, name: str) -> Delta:
        """Returns the Streamlit widget with a key or label.

        Raises:
            KeyError: if the page has no such widget.
        """
        for delta in self.elements.values():
            kind = str(delta.new_element.WhichOneof("type"))
            if kind in STATES:
                widget = getattr(delta.new_element, kind)
                if name == widget.label or widget.id.endswith(f"-{name}"):
                    return delta
        raise KeyError(f"{name} is not on {self.page or 'the first page'}")

    def text(self) -> str:
        """Returns all paragraphs and alerts of the page, as Markdown."""
        paragraphs = [element.markdown.body for element in self.shown("markdown")]
        return "\n".join(paragraphs + [element.alert.body for element in self.shown("alert")])

    def _message(self, name: str) -> dict[str, Any]:
        """Returns the last message to a component; the stage's has one more line, of colours."""
        message = self.component(name).new_element.bidi_component.bytes.decode()
        content: dict[str, Any] = json.loads(message.partition("\n")[2] or message)
        return content

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
            widget = getattr(message.delta.new_element, kind) if kind in STATES else None
            if widget is not None and getattr(widget, "set_value", False):  # the server says so
                self._states.pop(widget.id, None)

    def _all_states(self) -> list[WidgetState]:
        components = [delta.new_element.bidi_component.id for delta in self.elements.values()]
        states = {identity: self._states[identity] for identity in components if identity in self._states}
        for delta in self.elements.values():
            if delta.WhichOneof("type") == "new_element" and delta.new_element.WhichOneof("type") in STATES:
                state = widget_state(delta.new_element)
                states[state.id] = self._states.get(state.id, state)
        return list(states.values())


def _prefix(component: BidiComponent) -> str:
    """Returns the prefix of a page's URL parameters, from its component's key."""
    return str(component.id.rpartition("-")[2].rpartition("_")[0])
