"""Run, progress, cancel: what is on show while a report is made, and what stays there when it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from .controls import Whole
from .quality_controls import CheckSettings, PublishedSettings
from .quality_report import PublishedView, ReportView
from .quality_run import Run, finished
from .quality_take_away import File
from .state import PageState

__all__ = ["AT_ONCE", "Shown", "asked_at_once", "in_words", "plan", "report_files", "run_panel"]

AT_ONCE = 8.0  # seconds of work that a first visit, a stop of the tour and a preset begin by themselves
_EVERY = 0.4  # seconds between two looks at the progress

Settings = CheckSettings | PublishedSettings


@dataclass(frozen=True)
class Shown:
    """A result on show.

    Attributes:
        settings: what it is of.
        values: the controls that asked for it, by name.
        result: the report or the published check.
    """

    settings: Settings
    values: Mapping[str, Any]
    result: Any


def run_panel(state: PageState, kind: str, settings: Settings, values: Mapping[str, Any], *, at_once: bool) -> Shown | None:
    """Draws the button that runs, or the progress and the button that cancels.

    Args:
        state: the page's state.
        kind: of what is run; each kind keeps its own latest result.
        settings: what the controls ask for now.
        values: the controls' values, by name, to put them back.
        at_once: whether to begin without waiting for the button.

    Returns:
        What to show: the result of these settings, else the latest one; ``None`` where there is none yet.
    """
    held = st.session_state.setdefault(f"_{state.prefix}_runs", {})
    shown = st.session_state.setdefault(f"_{state.prefix}_shown", {})
    notice = _take(held, shown, kind)
    ready = finished().get(settings)
    if ready is not None:
        shown[kind] = Shown(settings, dict(values), ready)
    objection = settings.objection()
    running = kind in held
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        pressed = st.button(
            "Run again" if kind in shown else "Run",
            key=f"_{state.prefix}_run",
            type="primary",
            icon=":material/play_arrow:",
            disabled=running or objection is not None,
            help="The same settings and seed give the same numbers, times apart.",
        )
        cancel = st.button(
            "Cancel",
            key=f"_{state.prefix}_cancel",
            icon=":material/close:",
            disabled=not running,
            help="Stops at once; what was on show stays.",
        )
        if cancel and running:
            held.pop(kind)[0].stop()
            st.session_state[f"_{state.prefix}_stopped"] = True
            st.rerun()
        if not running and (pressed or (at_once and ready is None)) and objection is None:
            for other, _ in held.values():
                other.stop()
            held.clear()
            held[kind] = (Run(settings).start(), dict(values))
            st.rerun()
        if running:
            _progress(held[kind][0])
        elif objection is None:
            st.caption(_about(settings, ready is not None))
    if objection is not None:
        st.error(objection, icon=":material/error:")
    if notice:
        st.error(notice, icon=":material/error:")
    elif st.session_state.pop(f"_{state.prefix}_stopped", False):
        kept = "What was on show before is kept." if kind in shown else "Nothing was measured."
        st.info(f"Stopped. {kept}", icon=":material/block:")
    on_show: Shown | None = shown.get(kind)
    if on_show is not None and on_show.settings != settings:
        _former(state, on_show)
    return on_show


def asked_at_once(state: PageState, settings: Settings, presets: int, kind: str) -> bool:
    """Whether to begin by itself: on a first visit, at a new stop of the tour and after a preset, where it is quick.

    Args:
        state: the page's state.
        settings: what the controls ask for.
        presets: number of the page's presets.
        kind: of what is run.
    """
    key = f"_{state.prefix}_visited"
    place = (kind, state.get("tour") if isinstance(state.controls.get("tour"), Whole) else 0)
    before = st.session_state.setdefault(key, set())
    new = place not in before and (kind not in {seen for seen, _ in before} or place[1] > 0)
    before.add(place)
    tried = any(st.session_state.get(f"_{state.prefix}_preset_{number}") for number in range(presets))
    return (new or tried) and settings.objection() is None and settings.work() <= AT_ONCE


def plan(settings: Settings) -> None:
    """What a run will measure, where there is nothing to show yet.

    Args:
        settings: what the controls ask for.
    """
    if settings.objection() is not None:
        return
    with st.container(border=True):
        st.markdown("**Nothing has been measured yet.** *Run* will answer:")
        st.markdown("\n".join(f"- {line}" for line in settings.questions()))


def report_files(view: ReportView | PublishedView | None, code: str) -> list[File]:
    """What can be downloaded of a report, and the Python that makes it.

    Args:
        view: what is on show, if anything.
        code: the Python.
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
    """A rough length of time.

    Example:
        >>> in_words(3.0), in_words(40.0), in_words(110.0)
        ('a few seconds', 'about 40 seconds', 'about 2 minutes')
    """
    if seconds < 8:
        return "a few seconds"
    return f"about {round(seconds, -1):.0f} seconds" if seconds < 75 else f"about {round(seconds / 60):.0f} minutes"


def _take(held: dict[str, tuple[Run[Any], Mapping[str, Any]]], shown: dict[str, Shown], kind: str) -> str:
    """Takes what has ended; returns what went wrong with the kind on show."""
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
        st.progress(min(run.fraction, 1.0), f"{run.fraction:.0%}: {run.label[:1].upper()}{run.label[1:]}")

    look()


def _about(settings: Settings, ready: bool) -> str:
    return "On show below." if ready else f"Takes {in_words(settings.work())} on a quiet machine."


def _former(state: PageState, shown: Shown) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.warning("Of the former settings: the controls have moved since.", icon=":material/history:")
        st.button(
            "Put the controls back",
            key=f"_{state.prefix}_back",
            on_click=state.set,
            args=(shown.values,),
            icon=":material/undo:",
        )
