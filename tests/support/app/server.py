"""Serves the app, or a page made for a test, on a port of this machine; finds the browser that visits it."""

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
    """Returns the path of Chromium, or ``None`` where this machine has none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def served(script: Path = ROOT / "app.py") -> Iterator[str]:
    """Serves a script with Streamlit from the script's own folder on a free port, until the block ends.

    Args:
        script: path of the script.

    Yields:
        Address of the server.
    """
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
    """Returns an unused port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_health(address: str, process: subprocess.Popen[bytes]) -> None:
    """Waits until a started server answers.

    Args:
        address: address of the server.
        process: process of the server.

    Raises:
        RuntimeError: if the process ends, or does not answer within a minute.
    """
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
    """Returns the path of a new script for a page of a test.

    Args:
        folder: empty folder for the script.
        code: Python code of the page.
        settings: whether the page has the app's settings and theme.
        live: whether the page is served with the routes of live components.
    """
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
