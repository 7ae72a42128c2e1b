"""The server of the app. Start it with ``streamlit run app.py``."""

import streamlit as st

from hypergeo.ui.server import middleware, routes

app = st.App("hypergeo/ui/script.py", routes=routes(), middleware=middleware())
