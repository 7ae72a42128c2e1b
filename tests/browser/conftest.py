"""A real Chromium on the app as its readers start it, and what must hold for every page it visits."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, WebSocket, sync_playwright

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
READY = ".js-plotly-plot .slider-group"
# For a third of a second the app has not been running, and one figure has been drawn.
_SETTLED = """ready => {
  const app = document.querySelector('[data-testid="stApp"]')
  const still = app?.dataset.testScriptState === 'notRunning' && document.querySelectorAll(ready).length === 1
  if (!still) window.still = undefined
  else window.still ??= performance.now()
  return still && performance.now() - window.still > 350
}"""
WIDE, NARROW = (1440, 900), (390, 844)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@contextmanager
def served() -> Iterator[str]:
    """The app on a free port of this machine, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                with urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                    if answer.status == 200:
                        break
            except (URLError, OSError):
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the app did not start (exit status {process.poll()})")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without one these tests are skipped, or fail where they are required."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        reason = f"no Chromium on this machine (looked for {', '.join(NAMES)})"
        if os.environ.get("HYPERGEO_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def app(chromium: str) -> Iterator[str]:
    """Address of the running app."""
    with served() as address:
        yield address


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(chromium: str, playwright: Playwright) -> Iterator[Browser]:
    running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield running
    running.close()


@dataclass
class Visit:
    """A page in a fresh browser context, and everything that it did which it should not have."""

    page: Page
    wrongs: list[str] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)

    def text(self) -> str:
        """What the page says under "What to notice"."""
        return (
            self.page.get_by_role("heading", name="What to notice")
            .locator("xpath=ancestor::*[.//ul][1]//ul")
            .first.inner_text()
        )

    def slider(self, label: str):
        """The slider of that name, which takes the arrow keys once it has the focus."""
        return self.page.locator(f'input[type=range][aria-label="{label}"]')

    def temperature(self) -> str:
        """What the figure's own slider says."""
        return self.page.locator(".js-plotly-plot text.slider-label").first.text_content() or ""

    def settle(self) -> None:
        """Waits until the app has run and the figure has been drawn."""
        self.page.wait_for_function(_SETTLED, arg=READY, timeout=30_000)


@pytest.fixture
def visit(browser: Browser, app: str) -> Iterator[Callable[..., Visit]]:
    """Opens a path of the app; at the end, nothing may have gone wrong on any page that was opened."""
    visits: list[Visit] = []
    contexts = []

    def open_(path: str, *, size: tuple[int, int] = WIDE, theme: str = "light", base: str = app) -> Visit:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme, reduced_motion="no-preference"
        )
        contexts.append(context)
        page = context.new_page()
        opened = Visit(page)
        visits.append(opened)

        def asked(request: Request) -> None:
            parts = urlsplit(request.url)
            if parts.scheme not in ("blob", "data") and parts.hostname != "127.0.0.1":
                opened.wrongs.append(f"asked another machine for {request.url}")

        def said(message: ConsoleMessage) -> None:
            # Streamlit's client looks for its server under the page's own path before it looks under the root.
            searching = "404" in message.text and "/_stcore/" in message.location.get("url", "")
            if message.type == "error" and not searching:
                opened.wrongs.append(f"console: {message.text} ({message.location.get('url', '')})")

        def connected(socket_: WebSocket) -> None:
            if urlsplit(socket_.url).hostname != "127.0.0.1":
                opened.wrongs.append(f"connected to {socket_.url}")
            socket_.on("framesent", lambda _: opened.sent.append(time.monotonic()))

        page.on("request", asked)
        page.on("console", said)
        page.on("pageerror", lambda error: opened.wrongs.append(f"exception: {error}"))
        page.on("websocket", connected)
        page.goto(base + path)
        opened.settle()
        return opened

    yield open_
    wrongs = [wrong for opened in visits for wrong in opened.wrongs]
    for context in contexts:
        context.close()
    assert not wrongs
