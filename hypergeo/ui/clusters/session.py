"""The run of clustering that a session goes on with, and what it shows at a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from .data import ClusterData, clouds, cluster_sizes, digits, read_points
from .run import PRIORS, ClusterRun
from .settings import Edit, Settings
from .view import ClusterView

__all__ = ["chosen_data", "data_lines", "run_of", "view_at", "work_until"]


def chosen_data(values: Mapping[str, Any], own: bytes | None) -> tuple[ClusterData, str]:
    """What the controls ask for, and what the reader should know where it is something else.

    Args:
        values: value of each control, by name.
        own: content of the reader's file.
    """
    if values["source"] == "digits":
        return digits(values["shares"], values["clusters"], values["number"], values["seed"]), ""
    made = clouds(values["shares"], values["clusters"], values["number"], values["apart"], values["seed"])
    if values["source"] == "clouds":
        return made, ""
    if own is None:
        return made, "Choose a CSV file under *Points*. Until then, clouds are shown."
    try:
        return read_points(own), ""
    except ValueError as error:
        return made, f"{error} Clouds are shown until the file can be read."


def run_of(data: ClusterData, clusters: int, seed: int) -> ClusterRun:
    """The session's run, or a new one where points, number of clusters or seed are others."""
    of = (data.points.tobytes(), clusters, seed)
    if st.session_state.get("_clu_run_of") != of:
        st.session_state["_clu_run"] = ClusterRun(data, min(clusters, len(data.points)), seed)
        st.session_state["_clu_run_of"] = of
    return st.session_state["_clu_run"]


def view_at(run: ClusterRun, step: int, settings: Settings, edits: Sequence[Edit], beside: bool) -> ClusterView:
    """What is on show after so many steps.

    Args:
        run: the run.
        step: number of steps.
        settings: of the hypergeometric prior before the first edit.
        edits: what was changed on the way.
        beside: whether the other priors are asked for.
    """
    others = {prior: run.at(prior, step, settings) for prior in PRIORS[1:]} if beside else {}
    return ClusterView(run.data, run.at("hypergeometric", step, settings, edits), others, step, settings)


def work_until(run: ClusterRun, step: int, settings: Settings, edits: Sequence[Edit], beside: bool) -> Iterator[float]:
    """Makes the steps that :func:`view_at` needs, a few at a time; yields the share that is done. Arguments as there."""
    priors = PRIORS if beside else PRIORS[:1]
    for number, prior in enumerate(priors):
        for share in run.take_on(prior, step, settings, edits):
            yield (number + share) / len(priors)


def data_lines(values: Mapping[str, Any]) -> tuple[str, str]:
    """Imports, and Python that sets ``points`` and ``classes``.

    Args:
        values: value of each control, by name.
    """
    if values["source"] == "your own":
        lines = 'table = np.loadtxt("points.csv", delimiter=",", skiprows=1)\npoints = table[:, :2]\n'
        return "", lines
    sizes = cluster_sizes(values["shares"], values["clusters"], values["number"])
    name = "digits" if values["source"] == "digits" else "gaussian_blobs"
    arguments = f"{sizes}, {values['seed']}" if name == "digits" else f"{sizes}, {values['apart']}, {values['seed']}"
    return (
        f"from hypergeo.datasets import {name}\n",
        f"made = {name}({arguments})\npoints, classes = made.points, made.classes\n",
    )
