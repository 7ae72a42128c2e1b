"""The script that Streamlit runs for every visit; it registers the app's pages. ``app.py`` serves it."""

from pathlib import Path

import streamlit as st

from hypergeo.ui.catalogue import served_pages
from hypergeo.ui.runtime.scheduler import TURNS

st.set_page_config(page_title="hypergeo", page_icon=Path(__file__).with_name("icon.svg"), layout="wide")

page = st.navigation(list(served_pages().values()), position="top")
with TURNS.reader():
    page.run()
