"""Visits to the app with a real Chromium, and conditions that every visited page fulfils."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    TimeoutError,
    WebSocket,
    sync_playwright,
)

from hypergeo.ui.catalogue import PAGES as ENTRIES
from tests.support.app.server import FLAGS, NAMES, find_chromium, served, write_page

from .axe import BARE, violations

PAGES = ["/", *(f"/{Path(entry.path).stem}" for entry in ENTRIES)]
READY = ".js-plotly-plot .slider-group"
# All tabs in one process, which keeps the compiled scripts of the app: a page then opens for half the processor time.
_ONE_PROCESS = ["--process-per-site", "--renderer-process-limit=1"]
_ENTRIES = 25  # of a tab's history at which it is given up: a browser keeps 50, and a test counts those that it adds
# For a third of a second the app has not been running, its title has been there, and all figures have been drawn.
_SETTLED = """() => {
  const app = document.querySelector('[data-testid="stApp"]')
  const drawn = chart => {
    const plots = chart.querySelectorAll('.js-plotly-plot')
    if (plots.length !== 1 || !plots[0]._fullLayout || !plots[0].querySelector('.main-svg')) return false
    return !plots[0]._fullLayout.sliders?.length || plots[0].querySelector('.slider-group') !== null
  }
  const still = app?.dataset.testScriptState === 'notRunning' && app.querySelector('h1') !== null &&
    !app.querySelector('[data-testid="stSkeleton"]') && !app.querySelector('[data-testid="stProgress"]') &&
    [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].every(drawn) &&
    [...document.querySelectorAll('.stElementContainer[class*=_stage]')].every(part => part.querySelector('.hg-stage')) &&
    [...document.querySelectorAll('.hg-stage')].every(stage => stage.dataset.pictures && stage.dataset.answered !== 'false') &&
    !document.documentElement.matches('.hg-moving, .hg-holding')
  if (!still) window.still = undefined
  else window.still ??= performance.now()
  return still && performance.now() - window.still > 350
}"""
# Opens another address as Back does, without loading the app anew, and returns once the app has begun to follow. Of a run that
# is over before the browser has drawn that it began there is nothing to see.
_GO = """address => new Promise(begun => {
  new MutationObserver(begun).observe(document.querySelector('[data-testid="stApp"]'), {
    attributeFilter: ['data-test-script-state'],
  })
  setTimeout(begun, 1000)
  document.activeElement?.blur()
  document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0)
  history.pushState({}, '', address)
  window.dispatchEvent(new PopStateEvent('popstate', { state: {} }))
}).then(() => {})"""
# Whether the page may be left as it is: the app is there and at rest, and nothing moves.
_IDLE = """() => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning' &&
  document.querySelector('h1') && !document.querySelector('.hg-stage[data-playing=true], [data-testid="stProgress"]') &&
  !document.documentElement.matches('.hg-moving, .hg-holding, .hg-staged, .hg-drawer')"""
_POLLING = 40  # milliseconds between two looks at a condition; a look in every frame would cost a third of a core
_TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))"
WIDE, NARROW = (1440, 900), (390, 844)

pytest.register_assert_rewrite(f"{__package__}.checks")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Returns the path of Chromium; without one these tests are skipped, or fail where they are required."""
    program = find_chromium()
    if program is None:
        reason = f"no Chromium on this machine (looked for {', '.join(NAMES)})"
        if os.environ.get("HYPERGEO_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


@pytest.fixture(scope="session")
def app(chromium: str) -> Iterator[str]:
    """Yields the address of the running app."""
    with served() as address:
        yield address


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Yields the driver of browsers."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def context(chromium: str, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Yields one profile for all visits, on disk, where Chromium keeps the compiled scripts of the app.

    Pages keep nothing in it.
    """
    folder = tmp_path_factory.mktemp("profile")
    profile = playwright.chromium.launch_persistent_context(
        folder, executable_path=chromium, args=[*FLAGS, *_ONE_PROCESS], reduced_motion="no-preference"
    )
    yield profile
    profile.close()


@pytest.fixture(scope="session")
def browser(context: BrowserContext) -> Browser:
    """Returns the browser of the shared profile, for tests that need a profile of their own."""
    assert context.browser is not None
    return context.browser


@dataclass(eq=False)
class Visit:
    """A page in a separate tab, with its errors.

    Attributes:
        page: tab of the browser.
        wrongs: exceptions, console errors and requests to other machines.
        sent: times of the messages to the server, in seconds.
        answers: number of messages from the server.
    """

    page: Page
    wrongs: list[str] = field(default_factory=list)
    sent: list[float] = field(default_factory=list)
    answers: int = 0
    _theme: str = ""

    def __post_init__(self) -> None:
        listeners = {"request": self._asked, "console": self._said, "pageerror": self._failed, "websocket": self._connected}
        for event, heard in listeners.items():
            self.page.on(event, heard)

    @classmethod
    def start(cls, page: Page, address: str, size: tuple[int, int] = WIDE, theme: str = "light") -> Visit:
        """Opens an address in a new tab and waits until it is complete.

        Args:
            page: tab of the browser.
            address: URL to open.
            size: width and height of the window, in pixels.
            theme: ``"light"`` or ``"dark"``.

        Returns:
            The visit.
        """
        opened = cls(page)
        opened.open(address, size, theme)
        return opened

    def open(self, address: str, size: tuple[int, int] = WIDE, theme: str = "light", *, reload: bool = True) -> None:
        """Opens another address in the tab and waits until it is complete.

        Args:
            address: URL to open.
            size: width and height of the window, in pixels.
            theme: ``"light"`` or ``"dark"``.
            reload: whether the app is loaded anew, as for a new visitor; otherwise it follows the address as it does on Back.
        """
        for recorded in (self.wrongs, self.sent):
            recorded.clear()
        self.answers = 0
        self.page.bring_to_front()
        if reload:
            self._resize(size, theme)
            self.page.goto(address)
            self.settle()
            return
        self.page.mouse.move(0, 0)
        self.page.evaluate(_GO, address)
        self.settle()
        if self.page.viewport_size != {"width": size[0], "height": size[1]} or self._theme != theme:
            self.look(size, theme)

    def text(self) -> str:
        """Returns the sentences under "What to notice"."""
        return (
            self.page.get_by_role("heading", name="What to notice")
            .locator("xpath=ancestor::*[.//ul][1]//ul")
            .first.inner_text()
        )

    def slider(self, label: str):
        """Returns the slider with a label; it takes the arrow keys once it has the focus."""
        return self.page.locator(f'input[type=range][aria-label="{label}"]')

    def temperature(self) -> str:
        """Returns the text of the playback bar."""
        return self.page.locator(".hg-bar output").inner_text()

    def position(self) -> int:
        """Returns the step of the current picture."""
        return int(self.page.locator(".hg-stage").get_attribute("data-position") or -1)

    def settle(self) -> None:
        """Brings the tab to the front, as others draw once a second, and waits until the app has run and drawn its figures.

        Raises:
            AssertionError: if the page is not complete within a minute.
        """
        self.page.bring_to_front()
        self.page.evaluate("window.still = undefined")
        try:
            self.page.wait_for_function(_SETTLED, timeout=60_000, polling=_POLLING)
        except TimeoutError:
            text = self.page.get_by_test_id("stApp").inner_text()
            raise AssertionError(f"the page did not come to rest; it says: {text[:2000]}") from None

    def look(self, size: tuple[int, int] = WIDE, theme: str = "light") -> None:
        """Shows the page in another size or theme and waits until it follows; without a stage, no run of the app is needed."""
        self._resize(size, theme)
        if self.page.locator(".hg-stage").count():
            self.page.evaluate(_TWO_FRAMES)  # the stage asks for another layout where it needs one
        self.settle()

    def _resize(self, size: tuple[int, int], theme: str) -> None:
        self._theme = theme
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme=theme)

    def wait_for(self, true: Callable[[], object], what: str, seconds: float = 15) -> None:
        """Waits until a condition is true, while the browser goes on.

        Args:
            true: function of the condition.
            what: name of the condition, for the message of a failure.
            seconds: longest time to wait, in seconds.
        """
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            self.page.wait_for_timeout(_POLLING)

    def address(self) -> str:
        """Returns the page's path and query."""
        parts = urlsplit(self.page.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("blob", "data") and parts.hostname != "127.0.0.1":
            self.wrongs.append(f"asked another machine for {request.url}")

    def _failed(self, error: object) -> None:
        self.wrongs.append(f"exception: {error}")

    def _said(self, message: ConsoleMessage) -> None:
        # Streamlit's client looks for its server under the page's own path before it looks under the root.
        searching = "404" in message.text and "/_stcore/" in message.location.get("url", "")
        if message.type == "error" and not searching:
            self.wrongs.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _connected(self, socket: WebSocket) -> None:
        if urlsplit(socket.url).hostname != "127.0.0.1":
            self.wrongs.append(f"connected to {socket.url}")
        socket.on("framesent", lambda _: self.sent.append(time.monotonic()))
        socket.on("framereceived", self._answered)

    def _answered(self, _: object) -> None:
        self.answers += 1


class Tabs:
    """Tabs of a browser for repeated use: in a tab that shows the app, another page opens for a quarter of the processor time.

    Args:
        context: profile of the tabs.
    """

    def __init__(self, context: BrowserContext):
        self._context = context
        self._free: list[Visit] = []

    def open(self, base: str, path: str, size: tuple[int, int] = WIDE, theme: str = "light", *, fresh: bool = False) -> Visit:
        """Opens a path of an app and waits until the page is complete.

        Args:
            base: address of the app.
            path: path and query of the page.
            size: width and height of the window, in pixels.
            theme: ``"light"`` or ``"dark"``.
            fresh: whether the app knows nothing of earlier visits.

        Returns:
            The visit.
        """
        app = [free for free in self._free if free.page.url.startswith(f"{base}/")]
        visit = (app or self._free or [Visit(self._context.new_page())])[0]
        if visit in self._free:
            self._free.remove(visit)
        visit.open(base + path, size, theme, reload=fresh or not app)
        return visit

    def give(self, visit: Visit, *, blank: bool = False) -> None:
        """Gives the tab of a visit back, unless it has been closed.

        Args:
            visit: the visit.
            blank: whether the next visit has to load the app.
        """
        page = visit.page
        if page.is_closed():
            return
        if page.evaluate("history.length") >= _ENTRIES:
            page.close()
            return
        if blank or not page.evaluate(_IDLE):
            page.goto("about:blank")
        self._free.append(visit)


@pytest.fixture(scope="session")
def tabs(context: BrowserContext) -> Tabs:
    """Returns the tabs of the profile of all visits."""
    return Tabs(context)


@pytest.fixture(scope="session")
def excused(chromium: str, tabs: Tabs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Returns the kinds of violations on a bare Streamlit page, by theme."""
    kinds = {}
    with served(write_page(tmp_path_factory.mktemp("bare"), BARE)) as bare:
        for theme in ("light", "dark"):
            opened = tabs.open(bare, "/", theme=theme)
            kinds[theme] = set(violations(opened.page))
            tabs.give(opened, blank=True)
    return kinds


@pytest.fixture
def visit(tabs: Tabs, app: str) -> Iterator[Callable[..., Visit]]:
    """Yields a function that opens a path of the app; at the end, no opened page may have an error."""
    visits: list[tuple[Visit, bool]] = []

    def open_(path: str, *, base: str = app, fresh: bool = False, **look: Any) -> Visit:
        opened = tabs.open(base, path, fresh=fresh, **look)
        visits.append((opened, fresh))
        return opened

    yield open_
    wrongs = [wrong for opened, _ in visits for wrong in opened.wrongs]
    for opened, fresh in visits:
        tabs.give(opened, blank=fresh or bool(wrongs))
    assert wrongs == []


@pytest.fixture(scope="session", params=PAGES)
def _kept_open(request: pytest.FixtureRequest, tabs: Tabs, app: str) -> Iterator[Visit]:
    opened = tabs.open(app, request.param)
    yield opened
    tabs.give(opened)


@pytest.fixture
def standing(_kept_open: Visit) -> Iterator[Visit]:
    """Yields each page of the app in turn, as it opens; tests share it, choose size and theme, and change no control."""
    _kept_open.page.bring_to_front()
    yield _kept_open
    wrongs = list(_kept_open.wrongs)
    _kept_open.wrongs.clear()
    assert wrongs == []
