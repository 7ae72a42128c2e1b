"""Keeps Streamlit's older way of finding pages from serving a page without app.py."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

__all__ = ["served_by_app"]


def served_by_app() -> None:
    """Call it first on every page.

    Until a server has run app.py once, Streamlit takes the scripts of a folder called ``pages`` for pages of its older kind:
    the first visitor who opens a link to a page would see that script alone, without the app's layout and navigation. Here
    such a visit starts over by way of app.py.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
