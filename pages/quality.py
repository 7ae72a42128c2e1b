"""Samples, gradients and observed counts against the exact distribution, with the result as a sentence first."""

import streamlit as st

from hypergeo.ui.component.controls import live_controls
from hypergeo.ui.component.cover import Cover
from hypergeo.ui.component.live import live_part, live_room
from hypergeo.ui.component.stage import is_staged, stage
from hypergeo.ui.counts.panel import counts_code, counts_files, counts_input, counts_results, fit_button
from hypergeo.ui.counts.view import CountsView
from hypergeo.ui.page.frame import open_page
from hypergeo.ui.page.urn_editor import urn_values
from hypergeo.ui.quality.controls import COUNTS, FIGURES, PUBLISHED, CheckSettings, PublishedSettings, quality_controls
from hypergeo.ui.quality.fields import counts_sections, published_sections, report_sections
from hypergeo.ui.quality.lesson import FORMULAS, PRESETS, TOUR
from hypergeo.ui.quality.report_view import PublishedView, ReportView, view_of
from hypergeo.ui.quality.run_panel import AskingState, plan, report_files, run_panel
from hypergeo.ui.quality.snippet import snippet
from hypergeo.ui.state.presets import preset_note

STATE = AskingState("qual", quality_controls())
TITLE = "How good is a relaxation? Statistical tests"
SENTENCE = "This page tests samples, gradients or counts against the exact distribution. **Press *Run*** and read the result."

frame = open_page(STATE, TITLE, SENTENCE, TOUR)
left, right = st.columns([3, 2], gap="medium", vertical_alignment="center")
with left:
    check = STATE.segments("check", "Check", bare=True, names={PUBLISHED: "the published check"})
settings: CheckSettings | PublishedSettings | None = None
if check != COUNTS:
    settings = (PublishedSettings if check == PUBLISHED else CheckSettings).of(STATE.values)
shown = None if settings is None else run_panel(STATE, check, settings, right)
on_show: dict[str, CountsView | ReportView | PublishedView] = {}


def report(asked: CheckSettings | PublishedSettings) -> ReportView | PublishedView | None:
    """Returns the report; if there is none, shows what a run will measure and returns ``None``."""
    if shown is None:
        plan(STATE, asked, preset_note(STATE))
        return None
    return view_of(shown.result, gradients=STATE.get("figure") == FIGURES[1])


@live_part(STATE)
def live() -> None:
    """The figure and its controls."""
    figure, controls = live_room()
    if settings is None:
        with controls:
            counts = counts_input(STATE)
        sections = counts_sections(STATE, counts.sizes, counts.names)
    else:
        gradients = shown is not None and bool(getattr(shown.result, "gradients", None))
        sections = published_sections() if check == PUBLISHED else report_sections(STATE, gradients_shown=gradients)
    with figure:
        view = counts_results(STATE, counts) if settings is None else report(settings)
        if view is not None:
            on_show["view"] = view
        if view is not None or is_staged():
            stage(STATE, lambda _: view or Cover("Being measured"), stops=TOUR, text=SENTENCE, note=preset_note(STATE))
        if isinstance(view, CountsView):
            fit_button(STATE, view)
    with controls:
        if check == PUBLISHED:
            st.markdown(
                "**The urn of this check:** three groups of 200 balls, of which 180 are drawn. Groups 1 and 3 have weight 1; "
                "the weight of group 2 goes from 1 to 10."
            )
        live_controls(STATE, sections)


live()
view = on_show.get("view")
if view is None:
    frame.told(
        ["Paste counts, or choose example counts." if settings is None else "Press *Run*; the results appear here."], PRESETS
    )
else:
    frame.told(view.sentences()[1:], PRESETS)
    frame.table(view.table, alt="The numbers behind the figures, row by row", caption=view.note)
frame.formulas(FORMULAS)
code, files = None, []
if isinstance(view, CountsView):
    code = counts_code(view, STATE.values)
    files = counts_files(view, code)
elif settings is not None:
    code = snippet(settings)
    files = report_files(view, code)
if code is not None:
    frame.code(code)
frame.hand_out(
    urn_values(STATE),
    files,
    caption="This link has all the controls; your own counts are not in it:"
    if settings is None
    else "This link and *Run* give the same numbers, except times:",
)
