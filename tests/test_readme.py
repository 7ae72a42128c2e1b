"""The README's first promise: two commands, which work on a new account without asking anything."""

from __future__ import annotations

import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMMANDS = re.findall(r"^ *(python3 -m venv .*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_two_commands_that_share_one_environment():
    assert len(COMMANDS) == 2
    for command, requirements in zip(COMMANDS, ("requirements.txt", "tests/requirements.txt"), strict=True):
        create, install, run = command.split(" && ")
        assert create == "python3 -m venv .venv"
        assert install == f".venv/bin/pip install -q -r {requirements}"
        assert run.startswith(".venv/bin/python -m ")
        assert (ROOT / requirements).is_file()


def test_every_requirement_is_pinned():
    for file in ("requirements.txt", "tests/requirements.txt"):
        for line in (ROOT / file).read_text().split("\n"):
            assert re.fullmatch(r"[\w-]+==[\d.]+|-r \.\./requirements\.txt|", line), f"{file}: {line}"


@pytest.fixture
def started_app(tmp_path) -> Iterator[int]:
    """The app as the README starts it, on a terminal of a new account with a display; yields the terminal."""
    words = COMMANDS[0].split(" && ")[-1].split()
    words[0] = sys.executable
    terminal, theirs = pty.openpty()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Without a PATH there is no browser to open; with a display Streamlit believes that there is.
    environment = {"HOME": str(tmp_path), "PATH": "", "DISPLAY": ":9", "PYTHONUNBUFFERED": "1"}
    environment |= {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_ADDRESS": "127.0.0.1"}
    app = subprocess.Popen(words, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    yield terminal
    app.terminate()
    app.wait(10)
    os.close(terminal)


def test_app_starts_without_asking_anything(started_app):
    shown, deadline = "", time.monotonic() + 60
    while "You can now view" not in shown and "Email" not in shown and time.monotonic() < deadline:
        if select.select([started_app], [], [], 0.5)[0]:
            shown += os.read(started_app, 4096).decode(errors="replace")
    assert "You can now view" in shown, shown
    assert "Email" not in shown
