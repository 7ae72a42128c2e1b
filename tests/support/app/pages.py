"""Pages as Streamlit runs them, without a browser, and what the tests read from them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

__all__ = ["figure", "page", "text", "told", "visit"]

_APP = Path(__file__).parents[3] / "app.py"

# Every AppTest looks for components in the metadata of all installed packages, which takes longer than most pages do: 0.3 s.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


def visit() -> AppTest:
    """Returns the app of a new visitor, who has opened no page yet."""
    return AppTest.from_file(_APP, default_timeout=120)


def page(name: str, **address: str) -> AppTest:
    """Opens a page as a new visitor with this address sees it.

    Args:
        name: Name of the page's file.
        address: Parameters of the URL.
    """
    opened = visit().switch_page(f"pages/{name}.py")
    for key, value in address.items():
        opened.query_params[key] = value
    return opened.run()


def figure(app: AppTest) -> Any:
    """Returns the JSON of the page's only figure."""
    (chart,) = app.get("plotly_chart")
    return json.loads(chart.proto.spec)


def told(app: AppTest) -> str:
    """Returns the bullets under "What to notice"."""
    return next(block.value for block in app.markdown if block.value.startswith("- "))


def text(app: AppTest) -> str:
    """Returns all Markdown and captions of the page."""
    return "\n".join(block.value for block in [*app.markdown, *app.caption])
