"""Pages as Streamlit runs them without a browser, and what their stage and controls show."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from streamlit.testing.v1 import AppTest

from hypergeo.ui.catalogue import PAGES

from .server import ROOT

__all__ = ["SCRIPT", "alt", "bullets", "figure", "go", "knobs", "link", "open_page", "sentence", "stage", "values"]

SCRIPT = str(ROOT / "hypergeo" / "ui" / "script.py")


def open_page(name: str = "", *, timeout: float = 120, **address: str) -> AppTest:
    """A page as a visitor with this address sees it.

    Args:
        name: of the page, such as ``"urn"``; the home page where it is empty.
        timeout: seconds that one run may take.
        address: parameters of the page's address.
    """
    app = AppTest.from_file(SCRIPT, default_timeout=timeout)
    if name:
        (path,) = [ROOT / entry.path for entry in PAGES if entry.path == f"pages/{name}.py"]
        app.run()
        app.switch_page(str(path))
    for key, value in address.items():
        app.query_params[key] = value
    return app.run()


def go(app: AppTest, **address: str) -> AppTest:
    """The page at another address, as after a step through the browser's history."""
    for key in list(app.query_params):
        del app.query_params[key]
    for key, value in address.items():
        app.query_params[key] = value
    return app.run()


def link(app: AppTest) -> dict[str, str]:
    """Parameters of the link that the page offers to share."""
    shown = next(block.value for block in app.text if "?" in block.value)
    return dict(parse_qsl(urlsplit(shown).query))


def values(app: AppTest) -> dict[str, str]:
    """Values of the live controls on show, as the address says them, by name."""
    return {name: str(knob["value"]) for name, knob in knobs(app).items()}


def stage(app: AppTest) -> dict[str, Any]:
    """The last message to the page's stage."""
    lines = _message(app, "hypergeo_stage").split("\n", 1)
    told: dict[str, Any] = json.loads(lines[1])
    return told


def figure(app: AppTest) -> dict[str, Any]:
    """Traces and layout of the figure on show."""
    picture: dict[str, Any] = stage(app)["picture"]
    return picture


def sentence(app: AppTest) -> str:
    """The sentence with the figure."""
    return str(figure(app)["sentence"])


def alt(app: AppTest) -> str:
    """The figure in a sentence, for readers who cannot see it."""
    return str(figure(app)["alt"])


def knobs(app: AppTest) -> dict[str, dict[str, Any]]:
    """The live controls on show, by name."""
    told = json.loads(_message(app, "hypergeo_controls"))
    return {knob["name"]: knob for section in told["sections"] for knob in section["knobs"]}


def bullets(app: AppTest) -> str:
    """The sentences under "What to notice"."""
    return next(block.value for block in app.markdown if block.value.startswith("- "))


def _message(app: AppTest, name: str) -> str:
    (element,) = [each.proto for each in app.get("bidi_component") if each.proto.component_name == name]
    return element.bytes.decode()
