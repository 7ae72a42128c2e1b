"""Fixtures of the command line's tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path):
    def written(grid: object, name: str = "grid.json") -> Path:
        file = tmp_path / name
        file.write_text(grid if isinstance(grid, str) else json.dumps(grid))
        return file

    return written
