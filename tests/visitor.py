"""Readers without browsers: sessions of the app over its own websocket, and everything that a page shows them."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from urllib.error import HTTPError

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from .replicas import COOKIE, Front

__all__ = ["LostError", "Reader", "Visitor", "shown"]

_PROTOCOL = "streamlit"
_SETTLED = 0.3  # seconds after a page has run in which a rerun that it asked for has begun


class LostError(ConnectionError):
    """The connection is gone, or cannot be made."""


class Visitor:
    """One open page of the app.

    Args:
        address: of the app, such as ``http://127.0.0.1:8501``.
        page: its path, ``""`` for the first one.
        query: what stands behind the question mark.
        cookies: that the browser would send.
        trusted: for https, whose certificates are believed.
    """

    def __init__(
        self,
        address: str,
        page: str = "",
        query: str = "",
        *,
        cookies: Mapping[str, str] | None = None,
        trusted: ssl.SSLContext | None = None,
    ):
        self.page, self.query = page, query
        self.seen: dict[tuple[int, ...], Delta] = {}
        self._open = ExitStack()
        headers = {"Origin": address}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        target = f"ws{address.removeprefix('http')}/_stcore/stream"
        try:
            self._socket: ClientConnection = self._open.enter_context(
                connect(
                    target, subprotocols=[_PROTOCOL], additional_headers=headers, ssl=trusted, max_size=None, open_timeout=10
                )
            )
        except (OSError, InvalidHandshake) as error:
            raise LostError(str(error)) from error

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the tab."""
        with suppress(OSError, ConnectionClosed):
            self._open.close()

    def run(self, seconds: float = 60) -> dict[tuple[int, ...], bytes]:
        """Has the page run, and waits until it rests.

        Returns:
            What it shows, place by place: words, figures, controls and their values.

        Raises:
            LostError: where the connection breaks.
            TimeoutError: where the page does not come to rest in time.
        """
        ask = BackMsg()
        ask.rerun_script.query_string = self.query
        ask.rerun_script.page_name = self.page
        deadline = time.monotonic() + seconds
        rests = False
        try:
            self._socket.send(ask.SerializeToString())
            while True:
                try:
                    patience = min(_SETTLED, deadline - time.monotonic()) if rests else deadline - time.monotonic()
                    message = ForwardMsg.FromString(self._socket.recv(timeout=max(patience, 0.0)))
                except TimeoutError:
                    if rests:
                        break
                    raise TimeoutError(f"{self.page or 'the first page'} did not come to rest in {seconds:g} s") from None
                kind = message.WhichOneof("type")
                if kind == "new_session":
                    rests = False
                    self.seen.clear()
                elif kind == "delta":
                    self.seen[tuple(message.metadata.delta_path)] = message.delta
                elif kind == "script_finished":
                    rests = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
        except (OSError, ConnectionClosed) as error:
            if isinstance(error, TimeoutError):
                raise
            raise LostError(str(error)) from error
        return {place: delta.SerializeToString(deterministic=True) for place, delta in self.seen.items()}

    def exceptions(self) -> list[str]:
        """Tracebacks and errors that the page shows."""
        elements = [delta.new_element for delta in self.seen.values() if delta.WhichOneof("type") == "new_element"]
        return [element.exception.message for element in elements if element.WhichOneof("type") == "exception"]


def shown(found: dict[tuple[int, ...], bytes]) -> dict[tuple[int, ...], bytes]:
    """What a page shows, less what is not the same each time: the random names of files that are made when they are asked for,
    values that a control is told once, and the numbered pictures that a demo has ready in case it is played."""
    cleaned = {}
    for place, data in found.items():
        element = (delta := Delta.FromString(data)).new_element
        kind = element.WhichOneof("type")
        if kind == "download_button":
            element.download_button.ClearField("deferred_file_id")
        if kind == "bidi_component" and '"film": {' in element.bidi_component.json:
            element.bidi_component.json = json.dumps({**json.loads(element.bidi_component.json), "film": None})
        if element.has_one_shot_effect:
            element.ClearField("has_one_shot_effect")
            control = getattr(element, kind)
            for name in ("value", "set_value", "raw_value", "raw_values"):
                if name in control.DESCRIPTOR.fields_by_name:
                    control.ClearField(name)
        cleaned[place] = delta.SerializeToString(deterministic=True)
    return cleaned


class Reader(threading.Thread):
    """Opens a page, has it run again and again, and comes back as a browser does when the connection breaks."""

    def __init__(self, site: Front, page: str, query: str, cookies: Mapping[str, str] | None = None):
        super().__init__(daemon=True)
        self.site, self.page, self.query = site, page, query
        self.cookies = dict(cookies or {})
        self.first: dict[tuple[int, ...], bytes] = {}
        self.wrongs: list[str] = []
        self.runs = 0
        self.lost: list[float] = []
        self.back: list[float] = []
        self.stopped = threading.Event()

    @property
    def replica(self) -> int:
        """The one whose number the cookie has."""
        return int(self.cookies[COOKIE])

    def run(self) -> None:
        try:
            assert self.site.ask(f"/{self.page}", self.cookies) == 200
            visitor = self.connect()
            self.look(visitor)
            while not self.stopped.is_set():
                try:
                    self.look(visitor)
                except LostError:
                    self.lost.append(time.monotonic())
                    visitor = self.return_()
                    self.back.append(time.monotonic())
                self.stopped.wait(0.2)
            visitor.close()
        except Exception as error:
            self.wrongs.append(repr(error))

    def connect(self) -> Visitor:
        return Visitor(self.site.address, self.page, self.query, cookies=self.cookies, trusted=self.site.trusted)

    def look(self, visitor: Visitor) -> None:
        found = shown(visitor.run(40))
        self.wrongs += visitor.exceptions()
        self.first = self.first or found
        changed = [place for place in self.first.keys() | found.keys() if found.get(place) != self.first.get(place)]
        self.wrongs += [_change(place, self.first.get(place, b""), found.get(place, b"")) for place in changed[:1]]
        self.runs += 1

    def return_(self) -> Visitor:
        """Asks for the site's health until it is well, connects, and looks; half a second between tries, as browsers."""
        while True:
            try:
                assert self.site.ask("/_stcore/health", self.cookies) == 200
                visitor = self.connect()
                self.look(visitor)
            except (HTTPError, LostError):
                assert not self.stopped.wait(0.5), "stopped before it was back"
            else:
                return visitor


def _change(place: tuple[int, ...], before: bytes, after: bytes) -> str:
    """What changed in a place of a page, from shortly before the first byte that differs."""
    where = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    first, second = (data[max(0, where - 60) : where + 60] for data in (before, after))
    return f"{place} changed at byte {where} of {len(before)} and {len(after)}: {first!r} became {second!r}"
