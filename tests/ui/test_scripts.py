"""The components' scripts and styles: they parse, keep one style, write no HTML from strings and contact no other machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hypergeo.ui.component import assets

FILES = sorted(path for path in Path(assets.__file__).parent.iterdir() if path.suffix in (".js", ".css"))
SCRIPTS = [path for path in FILES if path.suffix == ".js"]


def test_there_are_scripts_and_styles():
    assert {path.name for path in FILES} >= {"stage.js", "controls.js", "page.js", "components.css"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_parses_as_a_module(path, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine; the browser tests run the scripts")
    module = tmp_path / f"{path.stem}.mjs"
    module.write_text(path.read_text())
    checked = subprocess.run([node, "--check", str(module)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    module.write_text("export const = 1")
    assert subprocess.run([node, "--check", str(module)], capture_output=True).returncode != 0, "nothing is checked"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_keeps_the_style(path):
    text = path.read_text()
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path.name}:{number}"
        assert len(line) <= 128, where
        assert line == line.rstrip(), where
        assert "\t" not in line, where
        assert not (path.suffix == ".js" and line.endswith(";")), f"{where}: a semicolon"
    assert text.endswith("\n")
    assert not re.search(
        r"https?://(?!www\.w3\.org/2000/svg)|\b(innerHTML|outerHTML|insertAdjacentHTML|eval|document\.write)\b", text
    )
    assert not re.search(r"\b(var|console\.log|debugger)\b\s*[(\w]", text.replace("var(--", "")), "left over"
