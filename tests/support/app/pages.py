"""Pages as Streamlit runs them without a browser, and what their stage and controls show."""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from .server import ROOT

__all__ = [
    *(
        "SCRIPT",
        "alt",
        "check_link",
        "components",
        "figure",
        "go",
        "knobs",
        "link",
        "page",
        "page_file",
        "prediction",
        "sentence",
    ),
    *("stage", "text", "told", "values", "visit"),
]

# Every AppTest looks for components in the metadata of all installed packages, which takes longer than most pages do: 0.3 s.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)

SCRIPT = str(ROOT / "hypergeo" / "ui" / "script.py")


def visit() -> AppTest:
    """Returns the app of a new visitor, before a page is opened."""
    return AppTest.from_file(SCRIPT, default_timeout=120)


def page(name: str, **address: str) -> AppTest:
    """Returns a page as a new visitor with this address sees it.

    Args:
        name: name of the page's file, without ``.py``.
        address: URL parameters.
    """
    opened = visit().switch_page(page_file(name))
    for key, value in address.items():
        opened.query_params[key] = value
    return opened.run()


def page_file(name: str) -> str:
    """Returns the path of a page's script."""
    return str(ROOT / "pages" / f"{name}.py")


def components(app: AppTest) -> set[str]:
    """Returns the names of the live components on the page."""
    return {each.proto.component_name.removeprefix("hypergeo_") for each in app.get("bidi_component")}


def go(app: AppTest, **address: str) -> AppTest:
    """Returns the page at another address, as after a step through the browser's history."""
    for key in list(app.query_params):
        del app.query_params[key]
    for key, value in address.items():
        app.query_params[key] = value
    return app.run()


def link(app: AppTest) -> dict[str, str]:
    """Returns the URL parameters of the link that the page offers to share."""
    shown = next(block.value for block in app.text if "?" in block.value)
    return dict(parse_qsl(urlsplit(shown).query))


def check_link(name: str, app: AppTest) -> None:
    """Asserts that the link of a page's picture opens the same values, sentences and figure.

    Args:
        name: name of the page's file, without ``.py``.
        app: the page with the picture.
    """
    again = page(name, **link(app))
    assert not again.warning
    assert values(again) == values(app)
    assert told(again) == told(app)
    assert figure(again)["data"] == figure(app)["data"]


def values(app: AppTest) -> dict[str, str]:
    """Returns the values of the live controls on the page, as text in the address, by name."""
    return {name: str(knob["value"]) for name, knob in knobs(app).items()}


def stage(app: AppTest) -> dict[str, Any]:
    """Returns the last message to the page's stage."""
    lines = _message(app, "hypergeo_stage").split("\n", 1)
    message: dict[str, Any] = json.loads(lines[1])
    return message


def figure(app: AppTest) -> dict[str, Any]:
    """Returns the traces and the layout of the page's only figure."""
    if not _stages(app):
        (chart,) = app.get("plotly_chart")
        return dict(json.loads(chart.proto.spec))
    picture: dict[str, Any] = stage(app)["picture"]
    return picture


def sentence(app: AppTest) -> str:
    """Returns the sentence with the figure."""
    return str(figure(app)["sentence"])


def alt(app: AppTest) -> str:
    """Returns the figure's alternative text, for screen readers."""
    return str(figure(app)["alt"])


def prediction(app: AppTest) -> dict[str, Any]:
    """Returns the last message to the card of a prediction."""
    message: dict[str, Any] = json.loads(_message(app, "hypergeo_predict"))
    return message


def knobs(app: AppTest) -> dict[str, dict[str, Any]]:
    """Returns the live controls on the page, by name."""
    message = json.loads(_message(app, "hypergeo_controls"))
    return {knob["name"]: knob for section in message["sections"] for knob in section["knobs"]}


def told(app: AppTest) -> str:
    """Returns the sentences under "What to notice"."""
    return next(block.value for block in app.markdown if block.value.startswith("- "))


def text(app: AppTest) -> str:
    """Returns all Markdown and captions of the page."""
    return "\n".join(block.value for block in [*app.markdown, *app.caption])


def _stages(app: AppTest) -> list[Any]:
    return [each for each in app.get("bidi_component") if each.proto.component_name == "hypergeo_stage"]


def _message(app: AppTest, name: str) -> str:
    (element,) = [each.proto for each in app.get("bidi_component") if each.proto.component_name == name]
    return element.bytes.decode()
