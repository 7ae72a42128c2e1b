"""What the subject is, a figure to play, and the way to the pages."""

import streamlit as st

from hypergeo.figures import STREAMLIT
from hypergeo.ui.catalogue import PAGES, served_pages
from hypergeo.ui.component.sweep_keys import sweep_keys
from hypergeo.ui.convergence.arrays import TEMPERATURES, Urn
from hypergeo.ui.convergence.view import Settings, convergence_view
from hypergeo.ui.page.frame import show_chart
from hypergeo.ui.page.viewport import present_toggle, surroundings, watch_surroundings

URN = Settings(
    urn=Urn(10, (9, 9, 9), (1.0, 2.0, 4.0)),
    temperature=TEMPERATURES.index(10.0),
    number=1000,
    seed=1,
    follow=3,
    straight_through=False,
    conditionals="exact",
)

words, figure = st.columns([2, 3], gap="large")
where = surroundings()
with words:
    st.title("How many of each?", anchor=False)
    st.markdown(
        """
Elements lie in an urn in groups, some more important than others; a few are drawn, and how many came from each group is what
**Fisher's noncentral hypergeometric law** answers, exactly. Counts are whole numbers, so no gradient passes through them.
**Relaxed samples** are real-valued stand-ins that a gradient can pass, and that become exact draws as a temperature falls,
which is how a model can *learn* how important each group is.

In the figure, rings are the exact law and discs are relaxed samples. Press **Cool down**, or the space bar.
"""
    )
    present_toggle()
    watch_surroundings()
    sweep_keys()
with figure:
    show_chart(
        convergence_view(URN).main_figure(STREAMLIT, narrow=where.narrow),
        where,
        key="home_figure",
        alt="Relaxed samples of three groups of nine, ten drawn, over the exact law, from temperature 10 down to 0.01",
    )

for row in range(0, len(PAGES), 3):
    for column, entry in zip(st.columns(3), PAGES[row : row + 3], strict=False):
        with column.container(border=True, height="stretch"):
            st.page_link(served_pages()[entry], label=f"**{entry.title}**", icon=entry.icon)
            st.markdown(entry.card)
