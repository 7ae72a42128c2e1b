"""Terms of the field and of this app, with their sources."""

import streamlit as st

from hypergeo.ui.catalogue import PAGES, served_pages
from hypergeo.ui.glossary import GLOSSARY

st.title("Glossary", anchor=False)
st.markdown("Every term of the pages, with its source and the page that shows it.")

shown = {entry.path: entry for entry in PAGES}
for part, terms in GLOSSARY.items():
    st.subheader(part)
    for term in terms:
        words, way = st.columns([5, 1], vertical_alignment="center")
        source = f"  \n:small[{term.source}]" if term.source else ""
        words.markdown(f"**{term.name}.** {term.meaning}{source}")
        if term.page in shown:
            entry = shown[term.page]
            way.page_link(served_pages()[entry], label=entry.title, icon=entry.icon)
