"""Hostile input over real HTTP and the app's own websocket: the server answers everything, and stays up and small."""

from __future__ import annotations

import asyncio
import math
import os
import random
import re
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed

from hypergeo.ui.catalogue import PAGES
from tests.benchmarks.app.load import Server, server
from tests.support.app.hostile import MARK, MARKUP, NAMES, active, address, stage_words, value, written
from tests.support.app.tab import Tab, run

CASES = int(os.environ.get("HYPERGEO_FUZZ", "500"))
PAGE_NAMES = [Path(entry.path).stem for entry in PAGES]
PEAK = 1500.0  # MB
BLOWS = [1e308, -1e308, 1e9, -1.0, 2**53, 0.5, math.inf]


@pytest.fixture(scope="module")
def app() -> Iterator[Server]:
    with server() as running:
        yield running
        assert running.errors() == []
        assert running.peak() < PEAK


def calm(tab: Tab, case: object) -> None:
    """Asserts that the page is complete and shows nothing that was sent as markup."""
    assert tab.problems == [], case
    assert not active(tab.text()), (case, tab.text()[:500])
    assert "Traceback" not in tab.text(), case
    assert tab.shown("heading"), (case, "no title")
    for chart in tab.shown("plotly_chart"):
        assert MARK not in written(chart.plotly_chart.spec), case
    if any(element.bidi_component.component_name == "hypergeo_stage" for element in tab.shown("bidi_component")):
        assert MARK not in stage_words(tab.stage()), case


def test_addresses_over_the_websocket(app):
    """Addresses also as no browser sends them: repeated keys, bytes that are no text, very long values."""

    async def visits() -> None:
        async with Tab(app.address) as tab:
            for number in range(CASES // 40):
                rng = random.Random(f"address {number}")
                page = PAGE_NAMES[number % len(PAGE_NAMES)]
                parameters = [*address(rng).items()]
                if rng.random() < 0.3:
                    parameters *= 3
                query = urlencode(parameters) if rng.random() < 0.7 else "&".join(f"{name}={text}" for name, text in parameters)
                if rng.random() < 0.2:
                    query += rng.choice(["&%ff%fe=%00", "&&&==", "&conv_n", "&" + "a=1&" * 2000, "#x?y", "&conv_n=%ED%A0%80"])
                await tab.open(page, query, seconds=60)
                calm(tab, (number, page, query[:200]))

    run(visits())


def test_controls_that_are_sent_what_no_browser_sends(app):
    """Numbers out of their controls' ranges and unknown options: the page has its limits from one table."""

    async def visits() -> None:
        async with Tab(app.address) as tab:
            for number in range(CASES // 40):
                rng = random.Random(f"control {number}")
                page = [name for name in PAGE_NAMES if name not in ("home", "glossary")][number % 5]
                if number < 5 or rng.random() < 0.2:
                    await tab.open(page)
                else:
                    page = tab.page
                kind = rng.choice(["live", "live", "number_input", "button_group", "selectbox", "checkbox"])
                if kind == "live":
                    name = rng.choice(sorted(tab.knobs()))
                    sent = rng.choice([*BLOWS, value(rng)[:1000], value(rng)[:1000]])
                    await tab.send_live(name, sent, commit=rng.random() < 0.5)
                else:
                    shown = [getattr(element, kind) for element in tab.shown(kind)]
                    if not shown:
                        continue
                    widget = rng.choice(shown)
                    name, sent = widget.label, rng.choice(BLOWS[:-1]) if kind == "number_input" else value(rng)[:1000]
                    await tab.move(name, sent)
                calm(tab, (number, page, name, sent))
                for name, knob in tab.knobs().items():
                    assert allowed(knob), (number, name, knob["value"])

    run(visits())


def allowed(knob: dict[str, Any]) -> bool:
    """Returns whether a live control's value is one that it allows."""
    if "low" in knob:
        return bool(knob["low"] <= int(knob["value"]) <= knob["high"])
    return knob["value"] in knob.get("options", ("true", "false"))


ANYTHING = (10**400, -5, "NaN", {"a": [1]}, None, "<b>", 3, 1e308, 1.0, True, [[]], math.nan, MARKUP[0])


@pytest.mark.parametrize("page", ["urn", "gradients", "cluster_sizes"])
def test_components_that_ask_for_anything(app, page):
    """Wrong types, huge numbers and unknown names, as fields of what the stage and the controls send, and in place of it."""

    async def visits() -> None:
        rng = random.Random(f"components {page}")
        async with Tab(app.address) as tab:
            await tab.open(page)
            await tab.play()
            for junk in ANYTHING:
                question = {"to": junk, "from": junk, "stride": junk, "speed": junk, "serial": junk, "more": junk}
                await tab.ask({**question, "playing": True, "commit": junk})
                calm(tab, ("question", junk))
                name, knob = rng.choice(sorted(tab.knobs().items()))
                values = {knob["name"]: junk, "nonsense": junk, str(junk): junk, "tour": junk}
                for commit in (False, True):
                    await tab.send("controls", "live", {"serial": junk, "values": values, "at": junk, "commit": commit})
                    calm(tab, (name, junk, commit))
                    assert all(map(allowed, tab.knobs().values())), (name, junk, commit)
                await tab.ask({"epoch": junk})
                for event in ("move", "turn", "mode", "nonsense"):
                    await tab.trigger("stage", event, junk)
                for component, event in (("stage", "room"), ("controls", "live"), ("controls", "nonsense")):
                    await tab.send(component, event, junk)
                calm(tab, ("everything", junk))
                await tab.send("controls", "live", {"serial": 1, "values": junk})
                calm(tab, ("values", junk))
            for name, knob in tab.knobs().items():
                await tab.send_live(name, knob["value"], commit=False)
            await tab.ask({"to": 0, "commit": True})
            tab.position = 0
            await tab.play()
            calm(tab, "a film afterwards")
            for junk in ANYTHING:  # last, for a tab that says this can play no more
                await tab.send("stage", "move", junk)
                await tab.trigger("controls", "live", junk)
                calm(tab, ("a state for an event, and an event for a state", junk))

    run(visits())


NO_MESSAGES = ("null", "[]", "3", '"<b>"', "[[[[]]]]", '{"live": []}', '[{"event": []}]', f'"{"x" * 1_000_000}"')


@pytest.mark.parametrize("sent", NO_MESSAGES, ids=len)
def test_components_that_send_no_messages(app, sent):
    """JSON of another kind in place of a component's whole state and of its list of events."""

    async def visit() -> None:
        async with Tab(app.address) as tab:
            await tab.open("convergence")
            for name in ("stage", "controls"):
                await tab.send_raw(name, sent)
                calm(tab, (name, sent[:50]))
            await tab.move("conv_seed", 4)
            calm(tab, sent[:50])

    run(visit())


@pytest.mark.parametrize("sent", [b"", b"\x00", b"\xff" * 1000, os.urandom(5000), b"x" * 9_000_000], ids=len)
def test_frames_that_are_no_messages(app, sent):
    async def visit() -> None:
        async with Tab(app.address) as tab:
            await tab.open("glossary")
            assert tab._socket is not None
            await tab._socket.send(sent)
            try:
                async with asyncio.timeout(3):
                    while True:
                        raw = await tab._socket.recv()
                        assert b"Traceback" not in (raw if isinstance(raw, bytes) else raw.encode())
            except (ConnectionClosed, TimeoutError):
                pass
        async with Tab(app.address) as again:
            await again.open("glossary")
            calm(again, len(sent))

    run(visit())


def test_the_server_clears_no_cache_and_stops_for_nobody(app):
    """Messages of developers' tools, which any client could send."""

    async def visit() -> None:
        async with Tab(app.address) as tab:
            await tab.open("convergence")
            for kind in ("debug_shutdown_runtime", "debug_disconnect_websocket", "set_run_on_save", "load_git_info"):
                assert tab._socket is not None
                message = BackMsg()
                setattr(message, kind, True)
                await tab._socket.send(message.SerializeToString())
            await tab.move("conv_seed", 4)
            calm(tab, "developer")

    run(visit())


def answer(app: Server, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Returns the status and the body of the server's response to a request."""
    connection = HTTPConnection(urlsplit(app.address).netloc, timeout=20)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, content in {"Content-Length": str(len(body)), **(headers or {})}.items():
            connection.putheader(name, content)
        connection.endheaders()
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was read
            connection.send(body)
        response = connection.getresponse()
        return response.status, response.read(200_000)
    finally:
        connection.close()


PATHS = (
    *("/..%2f..%2fetc/passwd", "/../../etc/passwd", "/static/../../app.py", "/%00", "/app.py", "/.streamlit/config.toml"),
    *("/_stcore/upload_file/x/y", "/media/../../etc/passwd", "/_stcore/nothing", "/component/../..", "/hypergeo"),
    *("/?" + "a" * 60_000, "/convergence?conv_n=" + quote("<script>"), "//example.org/", "/_stcore/host-config"),
    *("/convergence/%2e%2e/%2e%2e", "/_stcore/metrics"),
)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:30])
def test_paths_give_nothing_away(app, path):
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        status, body = answer(app, method, path)
        assert status < 500, (method, path)
        for secret in (b"root:", b"Traceback", b"set_page_config", b"gatherUsageStats", str(Path.cwd()).encode()):
            assert secret not in body, (method, path, secret)
        assert MARK.encode() not in body


def test_uploads_need_the_page_s_own_token_and_a_session(app):
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\n1,2\r\n--x--\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    status, reply = answer(app, "PUT", "/_stcore/upload_file/nobody/nothing", body, form)
    assert status in (400, 403)
    assert b"Traceback" not in reply
    other = {**form, "X-Xsrftoken": "made up", "Cookie": "_streamlit_xsrf=made up"}
    assert answer(app, "PUT", "/_stcore/upload_file/nobody/nothing", body, other)[0] in (400, 403)


def test_uploads_beyond_the_limit_are_refused(app):
    status, cookie = upload(app, b"1,2\n" * 10)
    assert status == 204, "an upload within the limit is taken"
    assert upload(app, b"1,2\n" * 1_500_000, cookie)[0] == 413


def upload(app: Server, content: bytes, cookie: str = "") -> tuple[int, str]:
    """Uploads a file as the counts of the quality page do.

    Args:
        app: the server.
        content: content of the file.
        cookie: XSRF token of an earlier upload; a new one is requested if empty.

    Returns:
        HTTP status and XSRF token.
    """
    if not cookie:
        with urllib.request.urlopen(f"{app.address}/_stcore/health") as health:
            match = re.search(r"_streamlit_xsrf=([^;]+)", str(health.headers.get("Set-Cookie")))
            assert match is not None, "the server protects uploads by a cookie"
            cookie = match[1]

    async def session() -> int:
        async with Tab(app.address) as tab:
            await tab.open("quality", {"qual_check": "your counts"})
            form = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\n' + content + b"\r\n--x--\r\n"
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            headers |= {"X-Xsrftoken": cookie, "Cookie": f"_streamlit_xsrf={cookie}"}
            path = f"/_stcore/upload_file/{tab.session}/11111111-1111-1111-1111-111111111111"
            return await asyncio.to_thread(lambda: answer(app, "PUT", path, form, headers)[0])

    return run(session()), cookie


def test_the_configuration_is_one_to_be_exposed():
    import tomllib

    settings = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())
    server, client = settings["server"], settings["client"]
    assert server["enableXsrfProtection"] is True
    assert server.get("enableCORS", True) is True
    assert server["fileWatcherType"] == "none"
    assert server.get("enableStaticServing", False) is False
    assert server.get("enableAgentApi", False) is False
    assert server["maxUploadSize"] <= 5
    assert server["maxMessageSize"] <= 20
    assert server["maxWidgetStateSize"] <= 8
    assert server["disconnectedSessionTTL"] <= 120
    assert settings["runner"]["postScriptGC"] is False
    assert client["showErrorDetails"] == "none"
    assert client["showErrorLinks"] is False
    assert client["toolbarMode"] in ("viewer", "minimal")
    assert settings["browser"]["gatherUsageStats"] is False


def test_names_are_those_of_the_pages():
    """The fuzzed names exist, except for a few unknown ones on purpose."""
    assert len({name for name in NAMES if name.split("_")[0] in ("conv", "urn", "grad", "qual", "clu")}) > 35
