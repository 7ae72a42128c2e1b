"""Entry of the app: where its pages are. Start it with ``streamlit run app.py``."""

import streamlit as st

st.set_page_config(page_title="hypergeo", page_icon="hypergeo/ui/icon.svg", layout="wide")

st.navigation(
    [
        st.Page(
            "pages/home.py",
            title="Home",
            icon=":material/home:",
            default=True,
            help="What the law of group counts is, and what the pages show.",
        ),
        st.Page(
            "pages/convergence.py",
            title="Convergence",
            icon=":material/device_thermostat:",
            help="Relaxed samples become exact draws as the temperature falls.",
        ),
    ],
    position="top",
).run()
