"""A tab of the app without a browser: it speaks Streamlit's websocket protocol, moves controls, and plays live demos."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
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
        self.elements: dict[tuple[int, ...], Delta] = {}
        self.problems: list[str] = []
        self.received = 0
        self._states: dict[str, WidgetState] = {}
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
        self._hash = self._hashes.get(page, "")  # as a link of the navigation does; an address has none
        self.query = dict(query) if isinstance(query, Mapping) else dict(parse_qsl(query))
        said = query if isinstance(query, str) else urlencode(query)
        return await self._run(seconds, query=said)

    async def close(self) -> None:
        """Closes the tab."""
        if self._socket is not None:
            await self._socket.close()

    async def move(self, name: str, value: Any, seconds: float = 60, *, told: bool = True) -> float:
        """Sets a control, by the key that it has in the address or by its label; returns the seconds until the page is done.

        Args:
            name: key or label.
            value: number, or the option as the page writes it.
            seconds: to wait at most.
            told: whether the address says so too, as a browser has it.
        """
        element = self.control(name)
        state = _state(element, value)
        self._states[state.id] = state
        widget = getattr(element, str(element.WhichOneof("type")))
        if told and (key := getattr(widget, "query_param_key", "")):
            self.query[key] = f"{value:g}" if isinstance(value, float) else str(value)
        return await self._run(seconds)

    async def press(self, label: str, seconds: float = 60) -> float:
        """Presses a button."""
        (button,) = [each.button for each in self.shown("button") if each.button.label == label]
        return await self._run(seconds, trigger=WidgetState(id=button.id, trigger_value=True))

    async def tick(self, to: int, *, playing: bool, speed: str = "normal", seconds: float = 60) -> float:
        """Asks a live demo for a step, as its transport does; returns the seconds until it is there."""
        place, component = next(
            (place, delta.new_element.bidi_component)
            for place, delta in self.elements.items()
            if delta.new_element.bidi_component.component_name == "hypergeo_transport"
        )
        move = json.dumps([{"event": "move", "value": {"to": to, "playing": playing, "speed": speed}}])
        trigger = WidgetState(id=_make_trigger_id(component.id, "events"), json_trigger_value=move)
        return await self._run(seconds, trigger=trigger, fragment=self.elements[place].fragment_id)

    def shown(self, kind: str) -> list[Element]:
        """Elements of a kind that are on show."""
        elements = [delta.new_element for delta in self.elements.values() if delta.WhichOneof("type") == "new_element"]
        return [element for element in elements if element.WhichOneof("type") == kind]

    def control(self, name: str) -> Element:
        """The control of that key or label."""
        for element in self.elements.values():
            kind = str(element.new_element.WhichOneof("type"))
            if kind in _STATES:
                widget = getattr(element.new_element, kind)
                if name in (getattr(widget, "query_param_key", ""), widget.label) or widget.id.endswith(f"-{name}"):
                    return element.new_element
        raise KeyError(f"{name} is not on {self.page or 'the first page'}")

    def text(self) -> str:
        """All words on show, as Markdown."""
        said = [element.markdown.body for element in self.shown("markdown")]
        return "\n".join(said + [element.alert.body for element in self.shown("alert")])

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
                if not fragment:
                    self.elements.clear()
                fragment = ""
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
            elif kind == "session_event":
                self.problems.append(f"session event: {message.session_event}")

    def _take(self, message: ForwardMsg) -> None:
        place = tuple(message.metadata.delta_path)
        self.elements[place] = message.delta
        if message.delta.WhichOneof("type") == "new_element":
            if message.delta.new_element.WhichOneof("type") == "exception":
                self.problems.append(f"exception: {message.delta.new_element.exception.message}")
            kind = str(message.delta.new_element.WhichOneof("type"))
            widget = getattr(message.delta.new_element, kind) if kind in _STATES else None
            if widget is not None and getattr(widget, "set_value", False):  # the server says so
                self._states.pop(widget.id, None)

    def _all_states(self) -> list[WidgetState]:
        found = {}
        for delta in self.elements.values():
            if delta.WhichOneof("type") == "new_element" and delta.new_element.WhichOneof("type") in _STATES:
                state = _state(delta.new_element)
                found[state.id] = self._states.get(state.id, state)
        return list(found.values())


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
