"""Sampling from an urn whose groups have different weights."""

from dataclasses import replace
from functools import partial

import streamlit as st

from hypergeo.figures import LIGHT
from hypergeo.ui.component.controls import Knob, Section, live_controls
from hypergeo.ui.component.live import live_part, live_room
from hypergeo.ui.component.playback import Playback, playback_controls
from hypergeo.ui.component.stage import stage
from hypergeo.ui.limits import SEEDS, URN
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.page.urn_editor import urn_controls, urn_knobs, urn_values
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import preset_note
from hypergeo.ui.urn.arrays import DRAWS
from hypergeo.ui.urn.lesson import FORMULAS, PRESETS, TOUR
from hypergeo.ui.urn.snippet import urn_snippet
from hypergeo.ui.urn.text import draws_in_words, possessive
from hypergeo.ui.urn.view import LAWS, UrnSettings, urn_view

STATE = PageState(
    "urn",
    {
        **urn_controls(sizes=[10, 10, 10], weights=[1.0, 2.0, 4.0], drawn=12, within=URN.urn),
        "law": Choice("Fisher", LAWS),
        "seed": Whole(0, *SEEDS),
        **playback_controls(DRAWS),
        "step": Whole(1, 0, DRAWS),
    },
)


TITLE = "Sampling from an urn with weights"
SENTENCE = (
    "Larger balls have a larger weight. **Sample with *Draw 1*** (S), *Draw 100* or *Play* (space); the histograms approach "
    "the "
    "exact probabilities (outlines). Click a column of the heat map to raise its weight."
)
DRAWING = Playback(length=DRAWS, step="Draw 1", leap=("Draw 100", 100), unit="samples")

frame = open_page(STATE, TITLE, SENTENCE, TOUR)


def good_settings(say: bool = True) -> UrnSettings:
    """Returns the requested settings, or those with the last valid urn and a message."""
    settings = UrnSettings.of(STATE.values)
    try:
        settings.urn.law()
    except ValueError as error:
        if say:
            st.error(f"{settings.urn.problem() or error} Showing the last valid urn.", icon=":material/error:")
        default = UrnSettings.of({name: control.default for name, control in STATE.controls.items()}).urn
        return replace(settings, urn=st.session_state.get("_urn_urn", default))
    st.session_state["_urn_urn"] = settings.urn
    return settings


@live_part(STATE)
def live() -> None:
    """The figure and its controls."""
    figure, controls = live_room()
    with figure:
        view = partial(urn_view, good_settings())
        stage(STATE, view, playback=DRAWING, stops=TOUR, text=SENTENCE, note=preset_note(STATE))
    with controls:
        law = Knob(
            "law",
            "Distribution",
            "Fisher: n balls are drawn at once; the probability of a set is proportional to the product of its weights. "
            "Wallenius: balls are drawn one after another, each with probability proportional to its weight among those left.",
        )
        seed = Knob("seed", "Seed", "Each seed gives another sequence of samples.", stepper=True)
        live_controls(STATE, [Section("", [*urn_knobs(STATE), law, seed])])


live()
settings = good_settings(say=False)
view = urn_view(settings, STATE.get("step"))
frame.told(view.sentences(), PRESETS)
frame.table(
    view.table,
    alt="Means, variances and modes of each group, exact for both distributions and of the samples",
    caption=(
        f"{draws_in_words(view.step)} of {possessive(settings.law)} distribution. The mode is a most probable count vector."
    ),
)
frame.formulas(FORMULAS)
code = urn_snippet(settings.urn, law=settings.law, seed=settings.seed, step=view.step)
frame.code(code)
frame.take_away(urn_values(STATE), "urn", csv=view.export, html=lambda: standalone_html(view.figure(LIGHT), TITLE), code=code)
