"""The run of clustering that a session goes on with, and what it shows at a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from .data import ClusterData, clouds, cluster_sizes, digits, read_points
from .run import PRIORS, ClusterRun
from .settings import LIVE, Edit, Settings, read_edits, read_sizes
from .view import ClusterView

__all__ = ["Request", "chosen_data", "data_lines", "request_of", "view_at", "work_until"]


def chosen_data(values: Mapping[str, Any], own: bytes | None) -> tuple[ClusterData, str]:
    """What the controls ask for, and what the reader should know where it is something else.

    Args:
        values: value of each control, by name.
        own: content of the reader's file.
    """
    sizes = _sizes(values)
    if values["source"] == "digits":
        return digits(sizes, values["seed"]), ""
    made = clouds(sizes, values["apart"], values["seed"])
    if values["source"] == "clouds":
        return made, ""
    if own is None:
        return made, "Choose a CSV file under *Points*. Until then, clouds are shown."
    try:
        return read_points(own), ""
    except ValueError as error:
        return made, f"{error} Clouds are shown until the file can be read."


@dataclass(frozen=True)
class Request:
    """The run that the controls ask for.

    Attributes:
        run: the session's run.
        settings: of the hypergeometric prior before the first edit.
        edits: changes of them during the run.
        beside: whether the other priors are shown, too.
        problem: message for the reader if the data are not the requested ones.
    """

    run: ClusterRun
    settings: Settings
    edits: Sequence[Edit]
    beside: bool
    problem: str


def request_of(values: Mapping[str, Any], own: bytes | None) -> Request:
    """Returns what the controls ask for, with the session's run, or a new one for other points, clusters or seed.

    Args:
        values: value of each control, by name.
        own: content of the reader's file.
    """
    data, problem = chosen_data(values, own)
    clusters, key = min(values["clusters"], len(data.points)), "_clu_run"
    of = (data.points.tobytes(), clusters, values["seed"])
    kept = st.session_state.get(key)
    if kept is None or kept[0] != of:
        kept = st.session_state[key] = of, ClusterRun(data, clusters, values["seed"])
    # The address may hold weights for another number of clusters.
    edits = [edit for edit in read_edits(values["edits"]) if edit.name != "weights" or len(edit.value) == clusters]
    settings = Settings(**{name: values[name] for name in LIVE})
    return Request(kept[1], settings, edits, values["view"] == "side by side", problem)


def view_at(request: Request, step: int) -> ClusterView:
    """Returns what is on show after a number of steps."""
    run, settings = request.run, request.settings
    others = {prior: run.at(prior, step, settings) for prior in PRIORS[1:]} if request.beside else {}
    return ClusterView(run.data, run.at("hypergeometric", step, settings, request.edits), others, step, settings)


def work_until(request: Request, step: int) -> Iterator[float]:
    """Makes the steps that :func:`view_at` needs, a few at a time; yields the share that is done."""
    priors = PRIORS if request.beside else PRIORS[:1]
    for number, prior in enumerate(priors):
        for share in request.run.take_on(prior, step, request.settings, request.edits):
            yield (number + share) / len(priors)


def data_lines(values: Mapping[str, Any]) -> tuple[str, str]:
    """Returns Python that sets ``points`` and ``classes``, and the imports that it needs.

    Args:
        values: value of each control, by name.
    """
    if values["source"] == "your own":
        lines = 'table = np.loadtxt("points.csv", delimiter=",", skiprows=1)\npoints = table[:, :2]\n'
        return lines, ""
    sizes = _sizes(values)
    name = "digits" if values["source"] == "digits" else "gaussian_blobs"
    arguments = f"{sizes}, {values['seed']}" if name == "digits" else f"{sizes}, {values['apart']}, {values['seed']}"
    return (
        f"made = {name}({arguments})\npoints, classes = made.points, made.classes\n",
        f"from hypergeo.datasets import {name}\n",
    )


def _sizes(values: Mapping[str, Any]) -> list[int]:
    """True sizes that the controls ask for."""
    return cluster_sizes(values["shares"], values["clusters"], values["number"], read_sizes(values["sizes"]))
