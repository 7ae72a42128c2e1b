"""The app, or a page made for a test, on a port of this machine; and the browser that visits it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

__all__ = ["FLAGS", "NAMES", "ROOT", "find_chromium", "free_port", "served", "wait_for_health", "write_page"]

ROOT = Path(__file__).parents[3]
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


def find_chromium() -> str | None:
    """Where Chromium is, if this machine has one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def served(script: Path = ROOT / "app.py") -> Iterator[str]:
    """Address of a script that Streamlit serves from the script's own folder on a free port, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", script.name, "--browser.gatherUsageStats", "false"]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    process = subprocess.Popen(
        [*command, *options],
        cwd=script.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for_health(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_health(address: str, process: subprocess.Popen[bytes]) -> None:
    """Waits until a server that was started answers; raises ``RuntimeError`` where it does not."""
    deadline = time.monotonic() + 60
    while not _answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the app did not start (exit status {process.poll()})")
        time.sleep(0.1)


_SERVER = """
import streamlit as st

from hypergeo.ui.server import middleware, routes

app = st.App("page.py", routes=routes(), middleware=middleware())
"""


def write_page(folder: Path, code: str, *, settings: bool = False, live: bool = False) -> Path:
    """A page of its own in an empty folder, with or without the app's settings and theme, and the routes of its components."""
    script = folder / "page.py"
    script.write_text(code)
    if live:
        script = folder / "app.py"
        script.write_text(_SERVER)
    if settings:
        shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    return script


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
