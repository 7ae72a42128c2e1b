"""Buttons that run and cancel a computation of the quality page, its progress, and the result on show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from hypergeo.figures.core.words import percent
from hypergeo.ui.page.downloads import File
from hypergeo.ui.runtime.background_run import Run, finished
from hypergeo.ui.state.page_state import PageState

from .controls import CheckSettings, PublishedSettings, quality_controls
from .report_view import PublishedView, ReportView

__all__ = ["AT_ONCE", "AskingState", "Shown", "in_words", "plan", "report_files", "result_of", "run_panel"]

AT_ONCE = 8.0
"""Greatest number of seconds of a computation that a first visit, a stop of the tour or a preset starts by itself."""

_EVERY = 0.4  # seconds between two updates of the progress

ReportSettings = CheckSettings | PublishedSettings


@dataclass(frozen=True)
class Shown:
    """A result on show.

    Attributes:
        settings: settings of the computation.
        values: values of the controls that requested it, by name.
        result: the report or the published check.
    """

    settings: ReportSettings
    values: Mapping[str, Any]
    result: Any


class AskingState(PageState):
    """A page's state that records whether a button, such as a preset or a stop of the tour, has set its controls.

    Such a button also starts the computation, so that no second button has to be pressed.
    """

    def set(self, values: Mapping[str, Any]) -> None:
        """Commits values that a button sets; called by callbacks, which run before the controls are drawn.

        Args:
            values: values of some controls, by name.
        """
        super().set(values)
        st.session_state[f"_{self.prefix}_asked"] = True

    def asked(self, kind: str) -> bool:
        """Checks whether a button has requested a computation since the last call, or a kind is shown for the first time.

        Args:
            kind: kind of the check on show.

        Returns:
            Whether a computation is requested.
        """
        visited = st.session_state.setdefault(f"_{self.prefix}_visited", set())
        first = kind not in visited
        visited.add(kind)
        return bool(st.session_state.pop(f"_{self.prefix}_asked", False)) or first


def run_panel(state: AskingState, kind: str, settings: ReportSettings, row: DeltaGenerator) -> Shown | None:
    """Draws the buttons that run and cancel a computation, and its progress.

    A short computation that a button of the page or a first visit requests starts by itself.

    Args:
        state: state of the page.
        kind: kind of the check; each kind keeps its own latest result.
        settings: settings of the controls.
        row: container of the buttons and of the progress.

    Returns:
        The result of these settings, or else the latest one; ``None`` if there is none yet.
    """
    held = st.session_state.setdefault(f"_{state.prefix}_runs", {})
    shown = st.session_state.setdefault(f"_{state.prefix}_shown", {})
    notice = _take(held, shown, kind)
    values = {name: state.get(name) for name in quality_controls()}
    ready = finished().get(settings)
    if ready is not None:
        shown[kind] = Shown(settings, values, ready)
    objection, stopped = settings.objection(), False
    running = kind in held
    at_once = state.asked(kind) and ready is None and settings.work() <= AT_ONCE
    at_once = at_once and not (running and held[kind][0].settings == settings)
    if st.session_state.pop(f"_{state.prefix}_cancelled", False) and running:
        held.pop(kind)[0].stop()
        running, stopped = False, True
    elif (st.session_state.pop(f"_{state.prefix}_pressed", False) or at_once) and objection is None:
        for other, _ in held.values():
            other.stop()
        held.clear()
        held[kind] = (Run(settings).start(), values)
        running = True
    with row.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Run again" if kind in shown else "Run",
            key=f"_{state.prefix}_run",
            icon=":material/play_arrow:",
            disabled=running or objection is not None,
            help="The same settings and seed give the same numbers, except times.",
            on_click=_note,
            args=(state, "pressed"),
        )
        st.button(
            "Cancel",
            key=f"_{state.prefix}_cancel",
            icon=":material/close:",
            disabled=not running,
            help="Stops at once; the previous results are kept.",
            on_click=_note,
            args=(state, "cancelled"),
        )
        if running:
            _progress(held[kind][0])
        elif objection is None:
            st.caption(_about(settings, ready is not None))
    if objection is not None:
        st.error(objection, icon=":material/error:")
    if notice:
        st.error(notice, icon=":material/error:")
    elif stopped:
        kept = "The previous results are kept." if kind in shown else "Nothing was measured."
        st.info(f"Stopped. {kept}", icon=":material/block:")
    on_show: Shown | None = shown.get(kind)
    if on_show is not None and on_show.settings != settings:
        _former(state, on_show)
    return on_show


def result_of(prefix: str, settings: ReportSettings) -> Any:
    """Returns the result of settings, if it is stored or a run of this session has just finished.

    Args:
        prefix: start of the names of the page's URL parameters.
        settings: settings of the computation.

    Returns:
        The result; ``None`` without one.
    """
    runs = [run for run, _ in st.session_state.get(f"_{prefix}_runs", {}).values() if run.settings == settings]
    return finished().get(settings) or next((run.result for run in runs), None)


def plan(state: PageState, settings: ReportSettings, note: str = "") -> None:
    """Draws the questions that a run will answer, while there is no result.

    Args:
        state: state of the page.
        settings: settings of the controls.
        note: note of the last preset as Markdown; empty for none.
    """
    if settings.objection() is not None:
        return
    running = bool(st.session_state.get(f"_{state.prefix}_runs"))
    with st.container(border=True):
        if note:
            st.markdown(f"*{note}*")
        st.markdown(f"{'**Running**' if running else 'Press *Run*'}; the results appear here. They answer:")
        st.markdown("\n".join(f"- {line}" for line in settings.questions()))


def report_files(view: ReportView | PublishedView | None, code: str) -> list[File]:
    """Lists the files of a report that can be downloaded.

    Args:
        view: view of the result; ``None`` if there is none.
        code: Python code that computes the result.

    Returns:
        The files.
    """
    python = File("Python", "quality.py", "text/x-python", ":material/code:", lambda: code)
    if view is None:
        return [python]
    return [
        File("Report (HTML, opens offline)", "quality.html", "text/html", ":material/animated_images:", view.html),
        File("Report (JSON)", "quality.json", "application/json", ":material/data_object:", view.json),
        File("Table (CSV)", "quality.csv", "text/csv", ":material/table_view:", view.csv),
        python,
    ]


def in_words(seconds: float) -> str:
    """Returns an approximate time as text.

    Args:
        seconds: the time in seconds.

    Returns:
        The text.

    Example:
        >>> in_words(3.0), in_words(40.0), in_words(110.0)
        ('a few seconds', 'about 40 seconds', 'about 2 minutes')
    """
    if seconds < 8:
        return "a few seconds"
    return f"about {round(seconds, -1):.0f} seconds" if seconds < 75 else f"about {round(seconds / 60):.0f} minutes"


def _note(state: PageState, what: str) -> None:
    """Records that a button was pressed. Callbacks run before the controls are read, so the action follows later."""
    st.session_state[f"_{state.prefix}_{what}"] = True


def _take(held: dict[str, tuple[Run[Any], Mapping[str, Any]]], shown: dict[str, Shown], kind: str) -> str:
    """Returns the failure of the kind on show, as text, after moving results of finished runs to ``shown``."""
    wrong = ""
    for name, (run, values) in list(held.items()):
        if run.running:
            continue
        del held[name]
        if run.result is not None:
            finished().put(run.settings, run.result)
            shown[name] = Shown(run.settings, values, run.result)  # type: ignore[arg-type]
        elif name == kind:
            wrong = run.failure
    return wrong


def _progress(run: Run[Any]) -> None:
    @st.fragment(run_every=_EVERY)
    def look() -> None:
        run.watch()
        if not run.running:
            st.rerun()
        st.progress(min(run.fraction, 1.0), f"{percent(min(run.fraction, 1.0))}: {run.label[:1].upper()}{run.label[1:]}")

    look()


def _about(settings: ReportSettings, ready: bool) -> str:
    return "Results for these settings." if ready else f"Takes {in_words(settings.work())}."


def _former(state: PageState, shown: Shown) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.warning("These results are for the former settings; the controls have changed since.", icon=":material/history:")
        st.button(
            "Restore the former settings",
            key=f"_{state.prefix}_back",
            on_click=state.set,
            args=(shown.values,),
            icon=":material/undo:",
        )
