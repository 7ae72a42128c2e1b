"""Introduction, a figure to play, and links to the pages."""

import streamlit as st

from hypergeo.ui.catalogue import PAGES, served_pages
from hypergeo.ui.component.live import live_part
from hypergeo.ui.component.stage import SPEEDS, stage
from hypergeo.ui.convergence.arrays import TEMPERATURES, Urn
from hypergeo.ui.convergence.lesson import COOLING
from hypergeo.ui.convergence.view import Settings, SimplexView, convergence_view
from hypergeo.ui.state.controls import Choice
from hypergeo.ui.state.page_state import PageState

STATE = PageState("home", {"tau": Choice(10.0, TEMPERATURES), "speed": Choice("normal", list(SPEEDS))})
URN = Urn(10, (9, 9, 9), (1.0, 2.0, 4.0))


def simplex(at: int) -> SimplexView:
    """What is on show at a position of the playback bar."""
    temperature = len(TEMPERATURES) - 1 - at
    settings = Settings(URN, temperature, number=1000, seed=1, follow=3, straight_through=False, conditionals="exact")
    return SimplexView(convergence_view(settings))


@live_part(STATE)
def live() -> None:
    """The figure."""
    stage(STATE, simplex, playback=COOLING)


STATE.start()
words, figure = st.columns([2, 3], gap="large")
with words:
    st.title("How many from each group?", anchor=False)
    st.markdown(
        """
An urn holds balls of several groups. Each group has a weight: heavier groups are picked more often. If we take n balls, how
many come from each group? **Fisher's noncentral hypergeometric distribution** gives the exact probabilities.

Counts are integers, so we cannot backpropagate through a sample. A **relaxed sample** replaces integers by real numbers, as
softmax replaces argmax. At low temperature it is almost an exact sample, so the weights can be *learned* by gradient descent.

Ring area: exact probability of a count. Disc area: fraction of relaxed samples nearest to that count. Press **Cool down**, or
the space bar.
"""
    )
with figure:
    live()

for row in range(0, len(PAGES), 3):
    for column, entry in zip(st.columns(3), PAGES[row : row + 3], strict=False):
        with column.container(border=True, height="stretch"):
            st.page_link(served_pages()[entry], label=f"**{entry.title}**", icon=entry.icon)
            st.markdown(entry.card)
