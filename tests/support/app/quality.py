"""Opens the quality page without a browser, waits for its results and reads them."""

from __future__ import annotations

import contextlib
import io

import torch
from streamlit.testing.v1 import AppTest

from . import pages
from .pages import figure

__all__ = ["done", "good", "page", "run_snippet"]


def page(**address: str) -> AppTest:
    """Returns the page as a visitor with this address sees it, while its computations go on."""
    return pages.page("quality", **address)


def done(app: AppTest) -> AppTest:
    """Returns the page after its computations have ended."""
    if "_qual_runs" in app.session_state:
        for run, _ in list(app.session_state["_qual_runs"].values()):
            run.wait(120)
            assert not run.running
    return app.run()


def good(app: AppTest) -> bool:
    """Returns whether the verdict is marked as good."""
    return bool(figure(app)["good"])


def run_snippet(app: AppTest, mark: str) -> str:
    """Returns the output of the page's Python snippet.

    Args:
        app: the page.
        mark: text that only this block of code contains.
    """
    code = next(block.value for block in app.code if mark in block.value)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), torch.random.fork_rng(devices=[]):
        exec(compile(code, "snippet", "exec"), {})
    return output.getvalue()
