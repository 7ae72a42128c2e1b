"""Cluster sizes, learned by gradient descent."""

from functools import partial

import streamlit as st

from hypergeo.figures import LIGHT
from hypergeo.ui.clusters.data import SHARES
from hypergeo.ui.clusters.edits import BY_HAND, EditList, SizeList, edits_after, edits_as_text
from hypergeo.ui.clusters.lesson import FORMULAS, PRESETS, SENTENCE, SPEEDS, TITLE, TOUR
from hypergeo.ui.clusters.session import data_lines, request_of, view_at, work_until
from hypergeo.ui.clusters.settings import LIVE, STEPS
from hypergeo.ui.clusters.snippet import cluster_snippet
from hypergeo.ui.clusters.upload import own_file, upload
from hypergeo.ui.component.controls import Knob, Section, live_controls
from hypergeo.ui.component.live import live_part, live_room
from hypergeo.ui.component.playback import Playback, playback_controls
from hypergeo.ui.component.stage import next_positions, stage
from hypergeo.ui.limits import CLUSTERS, SEEDS
from hypergeo.ui.page.downloads import standalone_html
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.runtime.scheduler import catch_up
from hypergeo.ui.state.controls import Choice, Switch, Whole
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.presets import preset_note

STATE = PageState(
    "clu",
    {
        "view": Choice("ours", ["ours", "side by side"]),
        "source": Choice("clouds", ["clouds", "digits", "your own"]),
        "clusters": Whole(4, *CLUSTERS.clusters),
        "number": Choice(400, CLUSTERS.points),
        "shares": Choice("steep", SHARES),
        "sizes": SizeList(),
        "apart": Choice(4.0, [2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0]),
        "seed": Whole(0, *SEEDS),
        "pixels": Switch(False),
        **LIVE,
        **BY_HAND,
        "edits": EditList(),
        **playback_controls(STEPS),
    },
    derive=edits_after,
)

frame = open_page(STATE, TITLE, SENTENCE, TOUR)
STATE.segments("view", "View", bare=True, names={"ours": "hypergeometric"})


def sections(clusters: int) -> list[Section]:
    """Returns the controls, in sections."""
    sampling = [
        Knob("tau", "Temperature τ", "For the sampled sizes."),
        Knob("kind", "Sample type", "Soft: real sizes. Straight-through: integers, with the gradients of the soft samples."),
        Knob("conditionals", "Conditional distributions", "Exact: as implemented here. Merged: the published approximation."),
        Knob("room", "Maximum cluster size (%\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}points)", "The capacity of every cluster."),
    ]
    points = [Knob("source", "Points"), Knob("clusters", "Number of clusters")]
    if STATE.get("source") != "your own":
        points += [Knob("number", "Number of points"), Knob("shares", "True sizes")]
    if STATE.get("source") == "clouds":
        points.append(Knob("apart", "Distance of the clusters, σ"))
    if STATE.get("source") == "digits":
        points.insert(1, Knob("pixels", "Cluster all 64 pixels as well", "Beside the two principal components that are shown."))
    points.append(Knob("seed", "Seed", "For the points, the start and all samples.", stepper=True))
    weights = [Knob(f"w{k + 1}", f"Weight of cluster {k + 1}", group=k) for k in range(clusters)]
    return [
        Section("Size sampling", sampling),
        Section("Points", points, open=STATE.get("source") == "digits"),
        Section("Weights, set by hand", weights, open=False),
    ]


@live_part(STATE)
def live() -> None:
    """The figure and its controls."""
    figure, controls = live_room()
    with controls:
        knobs = st.container()
        notes = upload(STATE) if STATE.get("source") == "your own" else st.container()
    with figure:
        shown = request_of(STATE.values, own_file(STATE))
        if shown.problem:
            st.warning(shown.problem, icon=":material/upload_file:")
        place = st.container()  # the progress bar is below the figure, which it would otherwise move
        playback = Playback(length=STEPS, subject=shown.run, speeds=SPEEDS)
        catch_up(work_until(shown, next_positions(STATE, playback)[0]), "Running the optimiser")
        with place:
            stage(STATE, partial(view_at, shown), playback=playback, stops=TOUR, text=SENTENCE, note=preset_note(STATE))
    if shown.run.data.notes:
        notes.caption(" ".join(shown.run.data.notes))
    with controls:
        if changes := edits_as_text(shown.edits):
            st.caption(changes)
            forget = {"edits": "", **{name: control.default for name, control in BY_HAND.items()}}
            st.button("Undo these changes", key="_clu_forget", on_click=STATE.set, args=(forget,))
    with knobs:
        live_controls(STATE, sections(shown.run.clusters))


live()
values, step = STATE.values, STATE.get("step")
shown = request_of(values, own_file(STATE))
catch_up(work_until(shown, step), "Running the optimiser")
view = view_at(shown, step)
code = cluster_snippet(
    *data_lines(values, own_file(STATE)),
    shown.run.clusters,
    values["seed"],
    step,
    shown.settings,
    shown.edits,
    shown.run.data.classes is not None,
)
frame.told(view.sentences(), PRESETS)
frame.table(view.table, alt="Expected and true size, weight and centre of each cluster", caption=f"After {step} steps.")
frame.formulas(FORMULAS)
frame.code(code)
hidden = {f"w{cluster}" for cluster in range(shown.run.clusters + 1, len(BY_HAND) + 1)}
frame.take_away(
    {name: value for name, value in values.items() if name not in hidden},
    "clusters",
    csv=view.export,
    html=lambda: standalone_html(view.figure(LIGHT), TITLE),
    code=code,
)
