"""One relaxed sample, split by split."""

from dataclasses import replace
from functools import partial

import streamlit as st

from hypergeo.figures import LIGHT
from hypergeo.ui.component.controls import Knob, Section, live_controls
from hypergeo.ui.component.live import live_part, live_room
from hypergeo.ui.component.playback import Playback
from hypergeo.ui.component.stage import stage
from hypergeo.ui.convergence.arrays import TEMPERATURES
from hypergeo.ui.limits import ONE_SAMPLE
from hypergeo.ui.one_sample.arrays import CONDITIONALS
from hypergeo.ui.one_sample.lesson import FORMULAS, PRESETS, SENTENCE, SPEEDS, TITLE, TOUR, step_labels, whole_with_groups
from hypergeo.ui.one_sample.snippet import one_sample_snippet
from hypergeo.ui.one_sample.view import OneSampleSettings, last_step, one_sample_view
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.page.urn_editor import urn_controls, urn_knobs, urn_values
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import preset_note

STATE = PageState(
    "one",
    {
        **urn_controls(sizes=[8, 8, 8], weights=[1.0, 2.0, 4.0], drawn=10, within=ONE_SAMPLE.urn),
        "tau": Choice(0.56, TEMPERATURES),
        "kind": Choice("soft", ["soft", "straight-through"]),
        "conditionals": Choice("in turn", list(CONDITIONALS)),
        "sample": Whole(34, 1, ONE_SAMPLE.samples),
        "target": Choice(2, list(range(1, ONE_SAMPLE.urn.groups + 1))),
        "step": Whole(3, 0, last_step(ONE_SAMPLE.urn.groups)),
        "speed": Choice("normal", list(SPEEDS)),
    },
    derive=whole_with_groups,
)

frame = open_page(STATE, TITLE, SENTENCE, TOUR)


def good_settings(say: bool = True) -> OneSampleSettings:
    """Returns the requested settings, or those with the last valid urn and a message.

    Args:
        say: whether to show the message.

    Returns:
        The valid settings.
    """
    settings = OneSampleSettings.of(STATE.values)
    try:
        settings.urn.law()
    except ValueError as error:
        if say:
            st.error(f"{error} Showing the last valid urn.", icon=":material/error:")
        default = OneSampleSettings.of({name: control.default for name, control in STATE.controls.items()}).urn
        urn = st.session_state.get("_one_urn", default)
        return replace(settings, urn=urn, target=min(settings.target, len(urn.group_sizes) - 1))
    st.session_state["_one_urn"] = settings.urn
    return settings


def new_noise() -> None:
    """Opens the next sample."""
    STATE.commit({"sample": STATE.get("sample") % ONE_SAMPLE.samples + 1})


@live_part(STATE)
def live() -> None:
    """The figure and its controls."""
    figure, controls = live_room()
    with figure:
        settings = good_settings()
        groups = len(settings.urn.group_sizes)
        playback = Playback(
            length=last_step(groups),
            labels=step_labels(groups),
            leap=("Step back", -1),
            again="Play again",
            speeds=SPEEDS,
        )
        stage(STATE, partial(one_sample_view, settings), playback=playback, stops=TOUR, text=SENTENCE, note=preset_note(STATE))
    with controls:
        st.button("New noise", key="_one_noise", icon=":material/casino:", on_click=new_noise)
        sample = [
            Knob("tau", "Temperature τ"),
            Knob(
                "kind",
                "Sample",
                "Soft: mean count under the softmax. Straight-through: count of the largest bar, with the soft gradient.",
            ),
            Knob(
                "conditionals",
                "Conditional distributions",
                "In turn: exact, one group after another. Tree: exact, the groups are halved again and again (the library's "
                "default). Merged: the published approximation.",
            ),
            Knob("sample", "Sample number", "1 to 1,000; each sample has its own noise.", stepper=True),
            Knob("target", "Gradient of the count of group", shown=groups),
        ]
        live_controls(STATE, [Section("", [*sample, *urn_knobs(STATE)])])


live()
settings = good_settings(say=False)
view = one_sample_view(settings, STATE.get("step"))
frame.told(view.sentences(), PRESETS)
frame.table(view.table, alt="Soft and whole counts of each group, exact means and gradients", caption="Numbers of this sample.")
frame.formulas(FORMULAS)
code = one_sample_snippet(
    settings.urn,
    tau=settings.tau,
    conditionals=CONDITIONALS[settings.conditionals],
    straight_through=settings.straight_through,
    sample=settings.sample,
    target=settings.target,
)
frame.code(code)
frame.take_away(
    urn_values(STATE), "one_sample", csv=view.export, html=lambda: standalone_html(view.figure(LIGHT), TITLE), code=code
)
