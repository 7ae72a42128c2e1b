"""The run on shared factors that a session goes on with, and what it shows at a step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from hypergeo.ui.runtime.scheduler import TURNS

from .run import FactorRun
from .settings import FactorSettings, Plan
from .view import FactorView

__all__ = ["PACE", "chosen_settings", "keep_up", "run_of", "view_at"]

PACE = {"slow": (1, 500), "normal": (10, 200), "fast": (25, 300)}
"""Training steps of a tick, and the least number of milliseconds between two ticks."""


def chosen_settings(values: Mapping[str, Any]) -> FactorSettings:
    """What the controls ask for.

    Args:
        values: value of each control, by name.
    """
    return FactorSettings(
        factors=int(values["factors"]),
        spare=values["spare"],
        rule=values["rule"],
        beta=float(values["beta"]),
        schedule=int(values["schedule"]),
        seed=values["seed"],
    )


def run_of(settings: FactorSettings) -> FactorRun:
    """The session's run, or a new one where it has other settings."""
    run = st.session_state.get("_fac_run")
    if run is None or run.settings != settings:
        run = st.session_state["_fac_run"] = FactorRun(settings)
    return run


def view_at(run: FactorRun, step: int, plan: Plan, view: str, pair: int) -> FactorView:
    """What is on show after so many steps.

    Args:
        run: the run.
        step: number of steps.
        plan: what pairs share on the way.
        view: one of ``VIEWS``.
        pair: that traversals start from, counted from 1.
    """
    return FactorView(run.settings, run.at(step, plan), view, pair)


def keep_up(work: Iterable[float]) -> None:
    """Does the work of a tick a slice at a time, others in between, and says nothing about it: the picture does."""
    steps = iter(work)
    while True:
        with TURNS.slice():
            if next(steps, None) is None:
                return
