"""Introduction, a figure to play, and links to the pages."""

from pathlib import Path

import streamlit as st

from hypergeo.ui.catalogue import PAGES, served_pages
from hypergeo.ui.component.live import live_part
from hypergeo.ui.component.playback import Playback
from hypergeo.ui.component.stage import stage
from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.one_sample.lesson import SPEEDS, step_labels
from hypergeo.ui.one_sample.view import OneSampleSettings, OneSampleView, last_step, one_sample_view, whole_sample
from hypergeo.ui.page.course import start_course
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.page_state import PageState

GROUPS = 3
SAMPLE = OneSampleSettings(
    Urn(10, (8, 8, 8), (1.0, 2.0, 4.0)), tau=0.56, conditionals="in turn", straight_through=False, sample=34, target=1
)
MAKING = Playback(
    length=last_step(GROUPS), labels=step_labels(GROUPS), leap=("Step back", -1), again="Play again", speeds=SPEEDS
)
STATE = PageState("home", {"step": Whole(whole_sample(GROUPS), 0, last_step(GROUPS)), "speed": Choice("normal", list(SPEEDS))})


def one_sample(at: int) -> OneSampleView:
    """Returns the view of one sample at a position of the playback bar."""
    return one_sample_view(SAMPLE, at)


@live_part(STATE)
def live() -> None:
    """The figure."""
    stage(STATE, one_sample, playback=MAKING)


STATE.start()
st.html(Path(__file__).with_name("home.css"))
with st.container(key="home"):
    with st.container(key="home_start"):
        st.title("How many from each group?", anchor=False)
        st.markdown(
            """
An urn holds balls of several groups. Each group has a weight: balls of heavier groups are picked more often. If we
take n balls, how many come from each group? **Fisher's noncentral hypergeometric distribution** gives the exact probabilities.
"""
        )
        start_course()
    with st.container(key="home_figure"):
        live()
    with st.container(key="home_more"):
        st.markdown(
            """
Counts are integers, so we cannot backpropagate through a sample. A **relaxed sample** replaces integers by real numbers, as
softmax replaces argmax. It is differentiable, so the weights can be *learned* by gradient descent. At low temperature it is
almost an exact sample.

The figure shows each step of one relaxed sample: log-probabilities, plus noise, divided by the temperature, softmax. Press
**Reset**, then **Play** (or the space bar).
"""
        )

for row in range(0, len(PAGES), 3):
    for column, entry in zip(st.columns(3), PAGES[row : row + 3], strict=False):
        with column.container(border=True, height="stretch"):
            st.page_link(served_pages()[entry], label=f"**{entry.title}**", icon=entry.icon)
            st.markdown(entry.card)
