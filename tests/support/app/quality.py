"""The quality page without a browser: opened, waited for and read."""

from __future__ import annotations

import contextlib
import io

import torch
from streamlit.testing.v1 import AppTest

from . import pages
from .pages import figure

__all__ = ["done", "good", "page", "run_snippet"]


def page(**address: str) -> AppTest:
    """The page as a visitor with this address sees it, before anything that it runs has ended."""
    return pages.page("quality", **address)


def done(app: AppTest) -> AppTest:
    """The page once what it runs has ended."""
    if "_qual_runs" in app.session_state:
        for run, _ in list(app.session_state["_qual_runs"].values()):
            run.wait(120)
            assert not run.running
    return app.run()


def good(app: AppTest) -> bool:
    """Whether the verdict has the mark of a good one."""
    return bool(figure(app)["good"])


def run_snippet(app: AppTest, mark: str) -> str:
    """What the page's Python prints; the mark says which block of code it is."""
    code = next(block.value for block in app.code if mark in block.value)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), torch.random.fork_rng(devices=[]):
        exec(compile(code, "snippet", "exec"), {})
    return output.getvalue()
