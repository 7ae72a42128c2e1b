"""Contents of the README files: two commands that work on a new account, valid links, and up-to-date tables."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from hypergeo.__main__ import main
from hypergeo.commands import COMMANDS as SUBCOMMANDS
from hypergeo.ui import limits
from hypergeo.ui.catalogue import PAGES

from .benchmarks.sections import SECTIONS
from .benchmarks.written_tables import command_tables, readme_files, table_names, write_tables
from .browser.pictures import FOLDER, MOST_BYTES, PICTURES, smallest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^ *(python3 -m venv .*)$", README, re.MULTILINE)
FIRST_SCREEN, MOST_LINES = 30, 150


def test_two_commands_that_share_one_environment():
    assert len(COMMANDS) == 2
    for command, requirements in zip(COMMANDS, ("requirements.txt", "tests/requirements.txt"), strict=True):
        create, install, run = command.split(" && ")
        assert create == "python3 -m venv .venv"
        assert install == f".venv/bin/pip install -q -r {requirements}"
        assert run.startswith(".venv/bin/python -m ")
        assert (ROOT / requirements).is_file()


def test_the_readme_is_short_and_starts_with_the_commands():
    assert len(README.splitlines()) <= MOST_LINES
    first = README.splitlines()[:FIRST_SCREEN]
    assert all(any(line.strip() == command for line in first) for command in COMMANDS)


def test_powershell_does_what_the_first_command_does():
    (shown,) = re.findall(r"^ *(py -m venv .*)$", README, re.MULTILINE)
    words = COMMANDS[0].replace("python3 -m", "py -m", 1).replace(" && ", "; ").replace(".venv/bin/", ".venv\\Scripts\\")
    assert shown == words


def test_the_build_of_torch_for_cpus_is_the_pinned_one():
    (version,) = re.findall(r"pip install torch==(\S+) --index-url", README)
    assert f"torch=={version}\n" in (ROOT / "requirements.txt").read_text()


def test_links_and_pictures_are_there():
    for file in readme_files():
        for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
            if not target.startswith(("https://", "/")):  # links to pages of the app are opened by their own test
                assert (file.parent / target.partition("#")[0]).exists(), f"{file}: {target}"
    for name in PICTURES:
        picture = FOLDER / f"{name}.png"
        assert f"({picture.relative_to(ROOT).as_posix()})" in README
        assert picture.stat().st_size < MOST_BYTES
        with Image.open(picture) as opened:
            assert opened.format == "PNG"
            assert opened.width >= 1000


def test_a_picture_that_would_be_large_has_fewer_colours():
    written = io.BytesIO()
    Image.frombytes("RGB", (100, 80), os.urandom(24_000)).save(written, "PNG")
    assert len(smallest(written.getvalue(), 8_000)) <= 8_000 < len(written.getvalue())
    with pytest.raises(ValueError, match="at most 3,000 are allowed"):
        smallest(written.getvalue(), 3_000)


def test_every_page_and_subcommand_is_named():
    assert re.findall(r"^\| ([A-Z][a-z ]+) \| .*[a-z]", README.partition("## The app")[2].partition("##")[0], re.MULTILINE) == [
        entry.title for entry in PAGES
    ]
    for text in (README, (ROOT / "hypergeo/commands/README.md").read_text(encoding="utf-8")):
        assert set(re.findall(r"^(?:\| `| *\.venv/bin/python -m )hypergeo (\w+)", text, re.MULTILINE)) == set(SUBCOMMANDS)


def table_of(name: str) -> list[tuple[str, ...]]:
    """Returns the rows of a written table in any README file.

    Raises:
        KeyError: if no file has the table.
    """
    for file in readme_files():
        _, marker, rest = file.read_text(encoding="utf-8").partition(f"<!-- table: {name} -->")
        if marker:
            lines = [line for line in rest.partition("<!-- end -->")[0].splitlines() if line.startswith("|")]
            return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]
    raise KeyError(name)


def test_the_table_of_limits_is_the_one_that_holds():
    """``python -m tests.benchmarks accepted --write`` updates the table."""
    assert table_of("accepted") == limits.rows()


def test_every_table_has_a_benchmark_or_a_command_that_writes_it():
    for file in readme_files():
        words = " ".join(file.read_text(encoding="utf-8").split())
        for name in table_names([file]):
            if name.startswith("hypergeo "):
                assert f".venv/bin/python -m {name.split(' | ')[0]}" in words, f"{file} does not show {name}"
            else:
                assert name in {*SECTIONS, "load"}, f"{file}: {name}"


def test_only_named_tables_are_written(tmp_path):
    file, other = tmp_path / "README.md", tmp_path / "other.md"
    before = "# Title\n\n<!-- table: one -->\nold\n<!-- end -->\ntext\n<!-- table: two -->\n\nkept\n\n<!-- end -->\n"
    file.write_text(before)
    other.write_text("| old |")
    assert write_tables({"one": "| new \\1 |", "three": "| x |"}, [file, other], "Measured now.") == [file]
    expected = before.replace("one -->\nold\n<", "one -->\n\n| new \\1 |\n\nMeasured now.\n\n<")
    assert file.read_text() == expected
    assert other.read_text() == "| old |"
    assert write_tables({"one": "| new \\1 |"}, [file], "Measured now.") == [file]
    assert file.read_text() == expected


def test_a_command_becomes_the_table_that_it_printed(capsys):
    command = 'hypergeo cluster --blobs 20,10 --seeds 2 --seed 0 --methods "k-means; k-means, same starts"'
    (table,) = command_tables(command).values()
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    assert [row[0] for row in rows] == ["**k-means**", "k-means, same starts"]
    assert head[:4] == ["method", "size error, %", "below 5 %", "ARI"]
    assert main(shlex.split(command)[1:]) == 0
    printed = capsys.readouterr().out
    for row in rows:
        assert re.fullmatch(r"[0-2] of 2", row[2])
        assert row[3] in printed
        assert row[3] != ""
    assert rows[0][-1] == ""
    assert rows[1][-1].split(", ")[1] in {"win", "loss", "tie"}


def test_every_requirement_is_pinned():
    for file in ("requirements.txt", "tests/requirements.txt"):
        for line in (ROOT / file).read_text().split("\n"):
            assert re.fullmatch(r"[\w-]+==[\d.]+|-r \.\./requirements\.txt|", line), f"{file}: {line}"


@pytest.fixture
def started_app(tmp_path) -> Iterator[int]:
    """Starts the app as the README does, with a display, for a new account; yields its terminal's file descriptor."""
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
