"""What the subject is, a figure to play, and the way to the pages."""

from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from hypergeo.figures import Palette
from hypergeo.ui.catalogue import PAGES, served_pages
from hypergeo.ui.component.live import live_part
from hypergeo.ui.component.stage import SPEEDS, stage
from hypergeo.ui.convergence.arrays import TEMPERATURES, Urn
from hypergeo.ui.convergence.lesson import COOLING
from hypergeo.ui.convergence.view import Settings, View, convergence_view
from hypergeo.ui.state.controls import Choice
from hypergeo.ui.state.page_state import PageState

STATE = PageState("home", {"tau": Choice(10.0, TEMPERATURES), "speed": Choice("normal", list(SPEEDS))})
URN = Urn(10, (9, 9, 9), (1.0, 2.0, 4.0))


@dataclass(frozen=True)
class Simplex:
    """The triangle of the convergence page alone."""

    view: View

    def figure(self, palette: Palette, *, narrow: bool = False) -> go.Figure:
        """Draws the figure."""
        return self.view.main_figure(palette, narrow=narrow)

    def alt(self) -> str:
        """Describes the figure to readers who cannot see it."""
        return self.view.alt()

    def live(self) -> str:
        """Says what is on show."""
        return self.view.live()


def simplex(at: int) -> Simplex:
    """What is on show at a position of the playback bar."""
    temperature = len(TEMPERATURES) - 1 - at
    settings = Settings(URN, temperature, number=1000, seed=1, follow=3, straight_through=False, conditionals="exact")
    return Simplex(convergence_view(settings))


@live_part(STATE)
def live() -> None:
    """The figure."""
    stage(STATE, simplex, playback=COOLING)


STATE.start()
words, figure = st.columns([2, 3], gap="large")
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
with figure:
    live()

for row in range(0, len(PAGES), 3):
    for column, entry in zip(st.columns(3), PAGES[row : row + 3], strict=False):
        with column.container(border=True, height="stretch"):
            st.page_link(served_pages()[entry], label=f"**{entry.title}**", icon=entry.icon)
            st.markdown(entry.card)
