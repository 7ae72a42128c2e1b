"""Simulated readers without browsers: they reconnect when the connection breaks, and compare what a page shows."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from urllib.error import HTTPError

from streamlit.proto.Delta_pb2 import Delta
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from .replicas import COOKIE, Front
from .tab import Tab

__all__ = ["Reader", "shown"]

_REST = 0.3  # seconds; a busy replica may begin late with a run that the last one asked for
_LOST = (ConnectionClosed, InvalidHandshake, ConnectionError)


def shown(tab: Tab) -> dict[tuple[int, ...], bytes]:
    """Returns the serialized elements of a page by place, without their random parts.

    Random are the names of files that are made on request, and values that a control is sent once.
    """
    cleaned = {}
    for place, kept in tab.elements.items():
        delta = Delta()
        delta.CopyFrom(kept)
        element = delta.new_element
        kind = str(element.WhichOneof("type"))
        if kind == "download_button":
            element.download_button.ClearField("deferred_file_id")
        if element.has_one_shot_effect:
            element.ClearField("has_one_shot_effect")
            control = getattr(element, kind)
            for name in ("value", "set_value", "raw_value", "raw_values"):
                if name in control.DESCRIPTOR.fields_by_name:
                    control.ClearField(name)
        cleaned[place] = delta.SerializeToString(deterministic=True)
    return cleaned


class Reader(threading.Thread):
    """Opens a page, runs it again and again, and reconnects as a browser does when the connection breaks.

    Args:
        site: nginx and its replicas.
        page: name of the page.
        query: URL parameters as one string.
        cookies: cookies of earlier visits.
    """

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
        """Number of the replica in the cookie."""
        return int(self.cookies[COOKIE])

    def run(self) -> None:
        try:
            asyncio.run(self._visit())
        except Exception as error:
            self.wrongs.append(repr(error))

    async def _visit(self) -> None:
        assert self._ask(f"/{self.page}") == 200
        tab = self._tab()
        await self._look(tab)
        while not self.stopped.is_set():
            try:
                await self._look(tab)
            except _LOST:
                self.lost.append(time.monotonic())
                tab = await self._return()
                self.back.append(time.monotonic())
            await asyncio.sleep(0.2)
        await tab.close()

    def _ask(self, path: str) -> int:
        return self.site.ask(path, self.cookies)

    def _tab(self) -> Tab:
        return Tab(self.site.address, cookies=self.cookies, trusted=self.site.trusted, rest=_REST)

    async def _look(self, tab: Tab) -> None:
        await tab.open(self.page, self.query, 40)
        elements = shown(tab)
        self.wrongs += tab.problems
        self.first = self.first or elements
        changed = [place for place in self.first.keys() | elements.keys() if elements.get(place) != self.first.get(place)]
        self.wrongs += [_change(place, self.first.get(place, b""), elements.get(place, b"")) for place in changed[:1]]
        self.runs += 1

    async def _return(self) -> Tab:
        """Returns a new tab once the site is healthy and shows the page; waits half a second between tries, as browsers do."""
        while True:
            tab = self._tab()
            try:
                assert self._ask("/_stcore/health") == 200
                await self._look(tab)
            except (HTTPError, *_LOST):
                assert not self.stopped.is_set(), "stopped before it was back"
                await asyncio.sleep(0.5)
            else:
                return tab


def _change(place: tuple[int, ...], before: bytes, after: bytes) -> str:
    """Returns a message with the change in a place of a page, from shortly before the first byte that differs."""
    where = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    first, second = (data[max(0, where - 60) : where + 60] for data in (before, after))
    return f"{place} changed at byte {where} of {len(before)} and {len(after)}: {first!r} became {second!r}"
