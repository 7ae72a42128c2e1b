"""Routes and URLs of the components' files and of plotly.js."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import plotly
import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

__all__ = ["FOLDERS", "asset_address", "component"]

_HERE = Path(__file__).parent
FOLDERS = {"/live": _HERE, "/plotlyjs": Path(plotly.__file__).parent / "package_data"}
"""Folder that is served under each route. The version follows the route in a URL, because browsers keep files forever."""


@cache
def asset_address(route: str, name: str) -> str:
    """Returns the URL of a file below a route, with its version.

    Args:
        route: one of ``FOLDERS``.
        name: name of the file.

    Returns:
        The URL.

    Example:
        >>> asset_address("/live", "stage.js").endswith("/stage.js")
        True
    """
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"{'/' + base if base else ''}{route}/{_version(route)}/{name}"


@st.cache_resource
def component(name: str) -> ComponentRenderer:
    """Registers a component whose front end is a file of this folder.

    Args:
        name: name of the file, without ``.js``. Its default export is the component's function.

    Returns:
        The function that draws the component.
    """
    # The file comes from the server's route, because a script within the messages would be sent with every picture.
    script = f"""
const address = new URL("{asset_address("/live", f"{name}.js")}", document.baseURI)
export default async component => (await import(address)).default(component)
"""
    return st.components.v2.component(f"hypergeo_{name}", js=script, isolate_styles=False)


def _version(route: str) -> str:
    if route == "/plotlyjs":
        return str(plotly.__version__)
    files = sorted(path for path in _HERE.iterdir() if path.suffix in (".js", ".css"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
