"""State of the page on shared factors, and the training run of a session."""

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
"""Training steps of each tick, and the least number of milliseconds between two ticks, by the name of the speed."""


class FactorState(PageState):
    """State of the page.

    If the control of shared factors changes during training, the state records the change as an edit. A change of any other
    setting restarts the training.
    """

    @property
    def settings(self) -> FactorSettings:
        """Settings of the run."""
        return settings_of(self.values)

    @property
    def plan(self) -> Plan:
        """What pairs share from step to step."""
        return plan_of(self.values)

    def live(self, values: Mapping[str, Any]) -> None:
        """Sets values of controls without changing the URL; a change of what pairs share adds an edit at the step on show.

        Args:
            values: values of some controls, by name. If they contain edits, none is added.
        """
        before, after = self.values, {**self.values, **values}
        if settings_of(before) != settings_of(after):
            values = {"step": 0, "edits": "", **values}
        elif before["shared"] != after["shared"]:
            values = {"edits": plan_of(before).changed(before["step"], after["shared"]).write(), **values}
        super().live(values)


def run_of(settings: FactorSettings) -> FactorRun:
    """Returns the session's run, which is a new one if its settings have changed.

    Args:
        settings: settings of the run.

    Returns:
        The run.
    """
    run = st.session_state.get("_fac_run")
    if run is None or run.settings != settings:
        run = st.session_state["_fac_run"] = FactorRun(settings)
    return run


def train(run: FactorRun, steps: Sequence[int], plan: Plan) -> None:
    """Trains a model up to the steps that will be shown, with a progress bar if there is only one such step.

    Args:
        run: the run.
        steps: numbers of steps, increasing; more than one while the page plays.
        plan: what pairs share from step to step.
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
    """Returns what the page shows after a number of steps.

    Args:
        run: the run.
        step: number of steps.
        plan: what pairs share from step to step.
        view: name of the figure, one of ``VIEWS``.
        pair: number of the pair whose first image is traversed, counted from 1.

    Returns:
        The view.
    """
    return FactorView(run.settings, run.at(step, plan), view, pair)


def settings_of(values: Mapping[str, Any]) -> FactorSettings:
    """Makes settings of a run from values of the page's controls.

    Args:
        values: values of the controls, by name.

    Returns:
        The settings.
    """
    return FactorSettings(
        factors=int(values["factors"]),
        spare=values["spare"],
        rule=values["rule"],
        beta=float(values["beta"]),
        schedule=int(values["schedule"]),
        seed=values["seed"],
    )


def plan_of(values: Mapping[str, Any]) -> Plan:
    """Makes a plan from values of the page's controls.

    Args:
        values: values of the controls, by name.

    Returns:
        The plan.
    """
    return Plan.read(values["edits"], values["shared"])
