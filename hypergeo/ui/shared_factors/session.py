"""The page's state, the run that a session goes on with, and what it shows at a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from hypergeo.ui.runtime.scheduler import TURNS, catch_up
from hypergeo.ui.state.page_state import PageState

from .run import FactorRun
from .settings import FactorSettings, Plan
from .view import FactorView

__all__ = ["PACE", "FactorState", "plan_of", "run_of", "settings_of", "train", "view_at"]

PACE = {"slow": (1, 500), "normal": (10, 200), "fast": (25, 300)}
"""Training steps of a tick, and the least number of milliseconds between two ticks."""


class FactorState(PageState):
    """The page's state. What pairs share may change on the way, which is noted as an edit; other settings start anew."""

    @property
    def settings(self) -> FactorSettings:
        """What a run is made with."""
        return settings_of(self.values)

    @property
    def plan(self) -> Plan:
        """What pairs share from step to step."""
        return plan_of(self.values)

    def live(self, values: Mapping[str, Any]) -> None:
        """Sets controls; a change of what pairs share is an edit at the step on show, unless the values say edits too."""
        before, after = self.values, {**self.values, **values}
        if settings_of(before) != settings_of(after):
            values = {"step": 0, "edits": "", **values}
        elif before["shared"] != after["shared"]:
            values = {"edits": plan_of(before).changed(before["step"], after["shared"]).write(), **values}
        super().live(values)


def run_of(settings: FactorSettings) -> FactorRun:
    """The session's run, or a new one where it has other settings."""
    run = st.session_state.get("_fac_run")
    if run is None or run.settings != settings:
        run = st.session_state["_fac_run"] = FactorRun(settings)
    return run


def train(run: FactorRun, steps: Sequence[int], plan: Plan) -> None:
    """Trains up to steps that are going to be shown.

    Args:
        run: the run.
        steps: increasing; more than one while it plays, when the figure alone says how far it is.
        plan: what pairs share on the way.
    """
    work = run.take_on(steps, plan)
    if len(steps) == 1:
        catch_up(work, "Training")
        return
    done: float | None = 0.0
    while done is not None:
        with TURNS.slice():
            done = next(work, None)


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


def settings_of(values: Mapping[str, Any]) -> FactorSettings:
    """Returns what a run is made with, from the values of the page's controls."""
    return FactorSettings(
        factors=int(values["factors"]),
        spare=values["spare"],
        rule=values["rule"],
        beta=float(values["beta"]),
        schedule=int(values["schedule"]),
        seed=values["seed"],
    )


def plan_of(values: Mapping[str, Any]) -> Plan:
    """Returns what pairs share from step to step, from the values of the page's controls."""
    return Plan.read(values["edits"], values["shared"])
