"""The server of the app. Start it with ``streamlit run app.py``."""

from pathlib import Path

import streamlit as st

from hypergeo.ui import server

app = st.App(Path(server.__file__).with_name("script.py"), routes=server.routes(), middleware=server.middleware())
