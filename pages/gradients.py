"""Gradient estimates against the exact gradient: arrows, descents, bias and standard deviation, and a race."""

from dataclasses import replace
from functools import partial

import streamlit as st

from hypergeo.figures import LIGHT
from hypergeo.ui.component.controls import Knob, Section, live_controls
from hypergeo.ui.component.live import live_part, live_room
from hypergeo.ui.component.playback import Playback, playback_controls
from hypergeo.ui.component.stage import position, stage
from hypergeo.ui.convergence.arrays import TEMPERATURES
from hypergeo.ui.gradients.descent_view import LENGTH, DescentView
from hypergeo.ui.gradients.estimators import KINDS
from hypergeo.ui.gradients.lesson import FORMULAS, PRESETS, TOUR
from hypergeo.ui.gradients.losses import LOSSES
from hypergeo.ui.gradients.race_view import RaceView
from hypergeo.ui.gradients.settings import GradientSettings, step_after
from hypergeo.ui.gradients.side_by_side_view import SideBySide
from hypergeo.ui.gradients.snippet import curve_snippet, descent_snippet, race_snippet, side_by_side_snippet
from hypergeo.ui.gradients.temperature_view import TemperatureView
from hypergeo.ui.limits import GRADIENTS, SEEDS
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.page.urn_editor import urn_controls, urn_knobs, urn_values
from hypergeo.ui.runtime.scheduler import catch_up
from hypergeo.ui.state.controls import Choice, Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import preset_note

GROUPS = GRADIENTS.urn.groups
STATE = PageState(
    "grad",
    {
        "view": Choice("descent", ["descent", "side by side", "temperature", "race"]),
        **urn_controls(sizes=[12, 12, 12], weights=[1.0, 2.0, 4.0], drawn=12, within=GRADIENTS.urn),
        "loss": Choice("squared distance", LOSSES),
        **{f"t{group}": Whole(target, 0, GRADIENTS.urn.size) for group, target in enumerate((7, 4, 1, 0, 0), 1)},
        "group": Whole(1, 1, GROUPS),
        "estimator": Choice("straight-through", KINDS),
        "tau": Choice(0.56, TEMPERATURES),
        "conditionals": Choice("exact", ["exact", "merged"]),
        "draws": Choice(4, GRADIENTS.draws),
        "number": Choice(200, GRADIENTS.estimates),
        "optimizer": Choice("Adam", ["Adam", "plain"]),
        "rate": Choice(0.1, [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]),
        "seed": Whole(0, *SEEDS),
        **playback_controls(LENGTH),
    },
    derive=step_after,
)


TITLE = "How good are gradient estimates?"
SENTENCE = (
    "Thin arrows: single estimates of the direction of descent. Filled arrow: their mean. Outlined arrow: the exact one. In "
    "*descent* and *race*, press **Play** (space; S makes one step). Drag the target in the triangle."
)
View = DescentView | RaceView | SideBySide | TemperatureView
VIEWS = {"descent": DescentView, "race": RaceView, "side by side": SideBySide, "temperature": TemperatureView}

frame = open_page(STATE, TITLE, SENTENCE, TOUR)
STATE.segments("view", "View", bare=True)


def good_settings(say: bool = True) -> GradientSettings:
    """Returns the requested settings, or those with the last valid urn and a message."""
    asked = STATE.values
    settings = GradientSettings.of(asked)
    try:
        settings.task.urn.law()
    except ValueError as error:
        if say:
            st.error(f"{settings.task.urn.problem() or error} Showing the last valid urn.", icon=":material/error:")
        default = {name: control.default for name, control in STATE.controls.items()}
        return GradientSettings.of({**asked, **st.session_state.get("_grad_urn", default)})
    st.session_state["_grad_urn"] = {name: asked[name] for name in asked if name[0] in "wmtn" or name == "groups"}
    return settings


def seen(settings: GradientSettings) -> tuple[View, Playback | None]:
    """Returns the view, with everything that it needs computed, and the playback bar."""
    kind = STATE.get("view")
    if kind in ("descent", "race"):
        playback = Playback(length=LENGTH, subject=(kind, settings))
        view: View = VIEWS[kind](settings, position(STATE, playback))
        catch_up(view.work(), "Making the steps")
        return view, playback
    view = VIEWS[kind](settings)
    catch_up(view.work(), "Estimating")
    return view, None


def knobs() -> list[Section]:
    """Returns the controls, in sections."""
    gradient = [
        Knob("estimator", "Gradient estimator", "The glossary explains each."),
        Knob("tau", "Temperature τ", "For Gumbel-softmax and straight-through."),
        Knob("rate", "Learning rate"),
        Knob("draws", "Samples per estimate", "Samples from the urn for each estimate, and for each step."),
        Knob(
            "number",
            "Number of estimates",
            "Independent estimates, to measure their mean and standard deviation. The temperature view has 1,000.",
        ),
        Knob("optimizer", "Optimiser"),
        Knob(
            "conditionals",
            "Conditional distributions",
            "For Gumbel-softmax and straight-through. Exact: as implemented here. Merged: the published approximation.",
        ),
        Knob("seed", "Seed", stepper=True),
    ]
    groups = range(STATE.get("groups"))
    aim = [
        Knob(
            "loss",
            "Loss of a sample",
            "Squared or absolute distance to the targets. Few groups: Σ log(1 + count). Step: 1 if a group is below target.",
        ),
        *(Knob(f"t{group + 1}", f"Target of group {group + 1}", group=group) for group in groups),
        Knob("group", "Group of the step loss", "It is 1 if this group is below its target.", stepper=True),
    ]
    urn = Section("Urn", urn_knobs(STATE), open=False)
    return [Section("Gradient", gradient), Section("Loss", aim, open=False), urn]


@live_part(STATE)
def live() -> None:
    """The figure and its controls."""
    figure, controls = live_room()
    with figure:
        settings = good_settings()
        many = STATE.get("view") in ("side by side", "temperature")
        if many and STATE.uncommitted and settings != GradientSettings.of(STATE.committed):
            settings = replace(settings, number=min(settings.number, 50))  # many estimates take too long while a control moves
        place = st.container()
        view, playback = seen(settings)  # the progress bar is below the figure, which it would otherwise move
        draw = partial(type(view), settings) if playback else lambda _: view
        with place:
            stage(STATE, draw, playback=playback, stops=TOUR, text=SENTENCE, note=preset_note(STATE))
    with controls:
        live_controls(STATE, knobs())


live()
settings = good_settings(say=False)
view, _ = seen(settings)
code = {
    "descent": lambda: descent_snippet(settings, STATE.get("step")),
    "race": lambda: race_snippet(settings, STATE.get("step")),
    "side by side": lambda: side_by_side_snippet(settings),
    "temperature": lambda: curve_snippet(settings),
}[STATE.get("view")]()
frame.told(view.sentences(), PRESETS)
frame.table(view.table, alt=view.about_table(), caption=view.about_table() + ".")
frame.formulas(FORMULAS)
frame.code(code)
frame.take_away(
    urn_values(STATE), "gradients", csv=view.export, html=lambda: standalone_html(view.figure(LIGHT), TITLE), code=code
)
