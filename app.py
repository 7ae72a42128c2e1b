"""Entry of the app: where its pages are. Start it with ``streamlit run app.py``."""

from pathlib import Path

import streamlit as st

from hypergeo.ui import catalogue
from hypergeo.ui.catalogue import HOME, PAGES
from hypergeo.ui.runtime.scheduler import TURNS

st.set_page_config(page_title="hypergeo", page_icon=str(Path(catalogue.__file__).with_name("icon.svg")), layout="wide")

page = st.navigation(
    [
        st.Page(entry.path, title=entry.title, icon=entry.icon, help=entry.help, default=entry is HOME)
        for entry in [HOME, *PAGES]
    ],
    position="top",
)
with TURNS.reader():
    page.run()
