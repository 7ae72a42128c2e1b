"""What the subject is, a figure to play, and the way to the pages."""

import streamlit as st

from hypergeo.ui.catalogue import PAGES, served_pages
from hypergeo.ui.component.live import live_part
from hypergeo.ui.component.stage import Playback, stage
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
MAKING = Playback(length=last_step(GROUPS), labels=step_labels(GROUPS), leap=("Back", -1), again="Play again", speeds=SPEEDS)
STATE = PageState("home", {"step": Whole(whole_sample(GROUPS), 0, last_step(GROUPS)), "speed": Choice("normal", list(SPEEDS))})


def one_sample(at: int) -> OneSampleView:
    """What is on show at a position of the playback bar."""
    return one_sample_view(SAMPLE, at)


@live_part(STATE)
def live() -> None:
    """The figure."""
    stage(STATE, one_sample, playback=MAKING)


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

The figure opens one relaxed sample: log-probabilities, plus noise, divided by the temperature, softmax. Press **Reset** and
**Play**, or the space bar.
"""
    )
    start_course()
with figure:
    live()

for row in range(0, len(PAGES), 3):
    for column, entry in zip(st.columns(3), PAGES[row : row + 3], strict=False):
        with column.container(border=True, height="stretch"):
            st.page_link(served_pages()[entry], label=f"**{entry.title}**", icon=entry.icon)
            st.markdown(entry.card)
