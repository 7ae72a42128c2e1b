"""The link that reproduces a page, and the page's downloads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from hypergeo._records import csv_text
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.core.words import thin

# Streamlit's own button, on a block of code, cannot be reached by keyboard. It copies nothing if the page has no secure origin,
# as when a class opens a teacher's machine by its address.
_FILES = Path(__file__).parents[1] / "component"
_SCRIPT, _CSS = ((_FILES / f"copy_link.{kind}").read_text(encoding="utf-8") for kind in ("js", "css"))


# plotly.js rejects a promise without a reason whenever a sweep is paused. This is no error.
_QUIET = "if (event.reason === undefined) event.preventDefault()"

__all__ = ["File", "downloads", "samples_csv", "share_link", "standalone_html", "with_query"]


def with_query(address: str, query: str) -> str:
    """Replaces the query of a URL.

    Args:
        address: the URL.
        query: the new query.

    Returns:
        The new URL, without fragment.

    Example:
        >>> with_query("http://localhost:8501/convergence?old=1#here", "conv_n=12")
        'http://localhost:8501/convergence?conv_n=12'
    """
    scheme, host, path, _, _ = urlsplit(address)
    return urlunsplit((scheme, host, path, query, ""))


def share_link(query: str) -> None:
    """Shows the page's URL, which holds its complete state, and a button to copy it.

    Args:
        query: query of the URL.
    """
    link = with_query(st.context.url or "", query)
    with st.container(border=True):  # a block of code would delay each page by a third of a second
        st.text(link)
    _copy_button()(key="share_link", data={"link": link})


class File(NamedTuple):
    """A file to download, made once the reader asks for it."""

    label: str
    name: str
    kind: str
    icon: str
    make: Callable[[], str | bytes]


def downloads(files: Sequence[File]) -> None:
    """Draws one button for each file.

    Args:
        files: files to download; the content of a file is computed when its button is pressed.
    """
    with st.container(horizontal=True, gap="small"):
        for label, name, kind, icon, make in files:
            st.download_button(label, make, name, kind, icon=icon, on_click="ignore")


def standalone_html(figure: PlainFigure, title: str) -> str:
    """Writes a figure as one HTML file that includes plotly.js and requests nothing from other machines.

    Args:
        figure: figure drawn with a palette that has its own background.
        title: title of the document.

    Returns:
        The HTML document.
    """
    worded = go.Figure(json.loads(thin(figure.to_json())))
    document = worded.to_html(
        include_plotlyjs=True,
        include_mathjax=False,
        full_html=True,
        auto_play=False,
        config={"displaylogo": False},
        post_script=f'window.addEventListener("unhandledrejection", event => {{ {_QUIET} }})',
    )
    return document.replace("<head>", f"<head><title>{title}</title>", 1)


def samples_csv(temperatures: Sequence[float], samples: np.ndarray, kind: str) -> bytes:
    """Writes samples as comma-separated values, one row for each sample at each temperature.

    Args:
        temperatures: temperatures, shape ``(T,)``.
        samples: sampled counts, shape ``(T, S, K)``.
        kind: kind of the samples, for the second column.

    Returns:
        The file's content in UTF-8.

    Example:
        >>> print(samples_csv([0.5], np.array([[[1.25, 0.75]]]), "soft").decode())
        temperature,kind,sample,group_1,group_2
        0.5,soft,0,1.25,0.75
        <BLANKLINE>
    """
    rows: list[list[Any]] = [["temperature", "kind", "sample", *(f"group_{group + 1}" for group in range(samples.shape[-1]))]]
    for temperature, block in zip(temperatures, samples.tolist(), strict=True):
        rows += [[f"{temperature:g}", kind, number, *row] for number, row in enumerate(block)]
    return csv_text(rows).encode()


@st.cache_resource
def _copy_button():  # type: ignore[no-untyped-def]
    html = '<button type="button" aria-live="polite">Copy the link</button>'
    return st.components.v2.component("hypergeo_copy_link", html=html, css=_CSS, js=_SCRIPT)
