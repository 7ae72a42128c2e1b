"""Relaxed samples become exact samples as the temperature falls."""

from dataclasses import replace

import streamlit as st

from hypergeo.figures import LIGHT
from hypergeo.ui.component.controls import Knob, Section, live_controls
from hypergeo.ui.component.live import live_part, live_room
from hypergeo.ui.component.playback import SPEEDS
from hypergeo.ui.component.stage import stage
from hypergeo.ui.convergence.arrays import TEMPERATURES
from hypergeo.ui.convergence.lesson import COOLING, FORMULAS, PRESETS, TOUR
from hypergeo.ui.convergence.snippet import convergence_snippet
from hypergeo.ui.convergence.view import ConvergenceSettings, View, convergence_view
from hypergeo.ui.limits import CONVERGENCE, SEEDS
from hypergeo.ui.page.downloads import samples_csv, standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.page.urn_editor import urn_controls, urn_knobs, urn_values
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import preset_note

STATE = PageState(
    "conv",
    {
        **urn_controls(sizes=[12, 12, 12], weights=[1.0, 2.0, 4.0], drawn=12, within=CONVERGENCE.urn),
        "tau": Choice(1.0, TEMPERATURES),
        "kind": Choice("soft", ["soft", "straight-through"]),
        "conditionals": Choice("exact", ["exact", "merged"]),
        "number": Choice(1000, CONVERGENCE.samples),
        "seed": Whole(0, *SEEDS),
        "follow": Whole(7, 0, CONVERGENCE.followed),
        "speed": Choice("normal", list(SPEEDS)),
    },
)


TITLE = "Relaxed samples become exact as the temperature falls"
SENTENCE = (
    "Ring area: exact probability of a count vector. Disc area: fraction of relaxed samples nearest to that vector. "
    "**Press *Cool down***, or the space bar, and watch the discs fill the rings; S cools by one step."
)

frame = open_page(STATE, TITLE, SENTENCE, TOUR)


def good_settings(say: bool = True) -> ConvergenceSettings:
    """Returns the requested settings, or those with the last valid urn and a message."""
    settings = ConvergenceSettings.of(STATE.values)
    try:
        settings.urn.law()
    except ValueError as error:
        if say:
            st.error(f"{settings.urn.problem() or error} Showing the last valid urn.", icon=":material/error:")
        default = ConvergenceSettings.of({name: control.default for name, control in STATE.controls.items()}).urn
        return replace(settings, urn=st.session_state.get("_conv_urn", default))
    st.session_state["_conv_urn"] = settings.urn
    return settings


@live_part(STATE)
def live() -> None:
    """The figure and its controls."""
    figure, controls = live_room()
    with figure:
        settings = good_settings()
        moving = STATE.uncommitted and settings.drawn != ConvergenceSettings.of(STATE.committed).drawn

        def view(at: int) -> View:
            temperature = len(TEMPERATURES) - 1 - at
            return convergence_view(replace(settings, temperature=temperature), moving=moving)

        stage(STATE, view, playback=COOLING, stops=TOUR, text=SENTENCE, note=preset_note(STATE))
    with controls:
        live_controls(
            STATE,
            [
                Section(
                    "",
                    [
                        *urn_knobs(STATE),
                        Knob("tau", "Temperature τ"),
                        Knob(
                            "kind",
                            "Sample type",
                            "Soft: real counts. Straight-through: integer counts, with the gradients of the soft samples.",
                        ),
                        Knob(
                            "conditionals",
                            "Conditional distributions",
                            "Exact: as implemented here. Merged: the published approximation, which merges groups.",
                        ),
                        Knob("number", "Number of samples"),
                        Knob("follow", "Highlight sample no.", "The sample whose path is drawn.", stepper=True),
                        Knob("seed", "Seed", "Each seed gives other samples.", stepper=True),
                    ],
                )
            ],
        )


live()
settings = good_settings(say=False)
view = convergence_view(settings)
frame.told(view.sentences(), PRESETS)
frame.table(
    view.table,
    alt="Exact and sampled means and standard deviations of each group",
    caption="Samples at the current temperature.",
)
frame.formulas(FORMULAS)
code = convergence_snippet(
    settings.urn,
    temperature=settings.tau,
    number=settings.number,
    seed=settings.seed,
    follow=settings.follow,
    straight_through=settings.straight_through,
    conditionals=settings.conditionals,
)
frame.code(code)
frame.take_away(
    urn_values(STATE),
    "convergence",
    csv=lambda: samples_csv(TEMPERATURES, *view.export()),
    html=lambda: standalone_html(view.figure(LIGHT, frames=True), TITLE),
    code=code,
)
