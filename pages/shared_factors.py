"""The number of factors that two images share, learned from pairs alone."""

from functools import partial

import streamlit as st

from hypergeo.figures import LIGHT
from hypergeo.ui.component.controls import Knob, Section, live_controls
from hypergeo.ui.component.live import live_part, live_room
from hypergeo.ui.component.playback import Playback, playback_controls
from hypergeo.ui.component.stage import next_positions, stage
from hypergeo.ui.limits import FACTORS, SEEDS
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.shared_factors.lesson import FORMULAS, LEGEND, PRESETS, TOUR
from hypergeo.ui.shared_factors.run import SHOWN
from hypergeo.ui.shared_factors.session import PACE, FactorState, run_of, train, view_at
from hypergeo.ui.shared_factors.settings import FORMER_RULES, RULES, SHARED, STEPS, EditList, FactorSettings
from hypergeo.ui.shared_factors.snippet import factor_snippet
from hypergeo.ui.shared_factors.view import VIEWS
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.presets import preset_note

START = FactorSettings()
STATE = FactorState(
    "fac",
    {
        "view": Choice("learning", VIEWS),
        "shared": Choice("1", SHARED),
        "factors": Choice(START.factors, FACTORS.factors),
        "spare": Choice(0, range(FACTORS.spare + 1)),
        "rule": Choice(START.rule, list(RULES), FORMER_RULES),
        "beta": Choice(START.beta, [0.5, 1.0, 2.0, 5.0, 10.0, 50.0]),
        "schedule": Choice(START.schedule, FACTORS.schedule),
        "pair": Whole(1, 1, SHOWN),
        "seed": Whole(0, *SEEDS),
        "edits": EditList(),
        **playback_controls(STEPS),
    },
)

TITLE = "Learn how many factors two images share"
SENTENCE = (
    "The model samples the number of latent dimensions that two images share, and learns the weight of its distribution. "
    "**Press *Play***, or the space bar: the blue line moves to the true number; S makes one step."
)

frame = open_page(STATE, TITLE, SENTENCE, TOUR)
STATE.segments("view", "View", bare=True)


def knobs() -> list[Section]:
    """Returns the controls, in sections."""
    rule = "How the number of shared dimensions is inferred. The true number is known from labels only."
    schedule = "Steps in which the temperature falls. The first 200, at most a quarter, are warm-up."
    pairs = [
        Knob("shared", "Factors that a pair shares", "May be changed during the training: the estimate follows."),
        Knob("factors", "Factors of an image", "A change starts the training again, as do the controls below."),
        Knob("seed", "Seed", "For the networks, the pairs and all samples.", stepper=True),
    ]
    if STATE.get("view") == "traversals":
        pairs.insert(0, Knob("pair", "Pair on show"))
    model = [
        Knob("rule", "Rule for the number shared", rule),
        Knob("spare", "Spare dimensions", "Latent dimensions beyond the number of factors."),
        Knob("beta", "Weight of the KL term, β"),
        Knob("schedule", "Schedule, in steps", schedule),
    ]
    return [Section("Pairs", pairs), Section("Model", model)]


@live_part(STATE)
def live() -> None:
    """The figure and its controls."""
    figure, controls = live_room()
    with figure:
        run = run_of(STATE.settings)
        place = st.container()  # the progress bar is below the figure, which it would otherwise move
        playback = Playback(length=STEPS, subject=run.settings, leap=("+100", 100), speeds=PACE)
        train(run, next_positions(STATE, playback), STATE.plan)
        view = partial(view_at, run, plan=STATE.plan, view=STATE.get("view"), pair=STATE.get("pair"))
        with place:
            stage(STATE, view, playback=playback, stops=TOUR, text=SENTENCE, note=preset_note(STATE))
        st.caption(LEGEND)
        if STATE.plan.edits:
            st.caption(STATE.plan.in_words())
            st.button("Undo these changes", key="_fac_forget", on_click=STATE.set, args=({"edits": ""},))
    with controls:
        live_controls(STATE, knobs())


live()
step = STATE.get("step")
run = run_of(STATE.settings)
view = view_at(run, step, STATE.plan, STATE.get("view"), STATE.get("pair"))
code = factor_snippet(run.settings, STATE.plan, step)
frame.told(view.sentences(), PRESETS)
frame.table(view.table, alt="What each pair shares, and what is inferred as shared", caption=f"After {step} steps.")
frame.formulas(FORMULAS)
frame.code(code)
frame.take_away(
    STATE.values, "shared_factors", csv=view.export, html=lambda: standalone_html(view.figure(LIGHT), TITLE), code=code
)
