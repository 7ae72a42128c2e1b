"""The clustering run of a session, and the view of one of its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from .data import ClusterData, clouds, cluster_sizes, digits
from .own_points import OwnFile, own_lines, own_points
from .run import PRIORS, ClusterRun
from .settings import LIVE, Edit, PriorSettings, read_edits, read_sizes
from .view import ClusterView

__all__ = ["Request", "data_lines", "request_of", "view_at", "work_until"]


def chosen_data(values: Mapping[str, Any], own: OwnFile | None) -> tuple[ClusterData, str]:
    """Returns the points that the controls request, or clouds with a message if the reader's file cannot be shown.

    Args:
        values: value of each control, by name.
        own: uploaded file of the reader; ``None`` if there is none.

    Returns:
        The points, and the message for the reader; the message is empty if these are the requested points.
    """
    sizes = _sizes(values)
    if values["source"] == "digits":
        return digits(sizes, values["seed"]), ""
    made = clouds(sizes, values["apart"], values["seed"])
    if values["source"] == "clouds":
        return made, ""
    if own is None:
        return made, "Choose a table under *Points*. Until then, the page shows clouds."
    try:
        return own_points(own), ""
    except ValueError as error:
        return made, f"{error} The page shows clouds until the file can be read."


@dataclass(frozen=True)
class Request:
    """Run that the controls request.

    Attributes:
        run: run of the session.
        settings: settings of the hypergeometric prior before the first edit.
        edits: changes of these settings during the run.
        beside: whether the other priors are shown side by side with the hypergeometric one.
        pixels: run of the images in all their dimensions, to be shown beside ``run``; ``None`` if it is not requested.
        problem: message for the reader if the data are not the requested ones.
    """

    run: ClusterRun
    settings: PriorSettings
    edits: Sequence[Edit]
    beside: bool
    pixels: ClusterRun | None
    problem: str


def request_of(values: Mapping[str, Any], own: OwnFile | None) -> Request:
    """Returns the run that the controls request: that of the session, or a new one for other points, clusters or seed.

    Args:
        values: value of each control, by name.
        own: uploaded file of the reader; ``None`` if there is none.

    Returns:
        The requested run with its settings.
    """
    data, problem = chosen_data(values, own)
    clusters, key = min(values["clusters"], len(data.points)), "_clu_run"
    run = _run(key, data, clusters, values["seed"])
    pixels = None
    if values["pixels"] and data.images is not None:
        pixels = _run("_clu_pixels", data.in_pixels(), clusters, values["seed"])
    # The URL may hold weights for another number of clusters.
    edits = [edit for edit in read_edits(values["edits"]) if edit.name != "weights" or len(edit.value) == clusters]
    settings = PriorSettings(**{name: values[name] for name in LIVE})
    beside = values["view"] == "side by side" and pixels is None
    return Request(run, settings, edits, beside, pixels, problem)


def _run(key: str, data: ClusterData, clusters: int, seed: int) -> ClusterRun:
    """Returns the session's run, or a new one for other points, clusters or seed."""
    classes = None if data.classes is None else data.classes.tobytes()
    request = (data.points.tobytes(), classes, data.axes, data.class_names, data.notes, clusters, seed)
    kept = st.session_state.get(key)
    if kept is None or kept[0] != request:
        kept = st.session_state[key] = request, ClusterRun(data, clusters, seed)
    return kept[1]


def view_at(request: Request, step: int) -> ClusterView:
    """Returns the view of a run after a number of steps.

    Args:
        request: requested run.
        step: number of steps.

    Returns:
        The view.
    """
    run, settings = request.run, request.settings
    pixels = None
    if request.pixels is not None:
        pixels = request.pixels.at("hypergeometric", step, settings, request.edits)
    others = {prior: run.at(prior, step, settings) for prior in PRIORS[1:]} if request.beside else {}
    return ClusterView(run.data, run.at("hypergeometric", step, settings, request.edits), others, step, settings, pixels)


def work_until(request: Request, step: int) -> Iterator[float]:
    """Makes the steps that :func:`view_at` needs, a few at a time.

    Args:
        request: requested run.
        step: number of steps.

    Yields:
        Fraction of the steps that are done.
    """
    runs = [(request.run, prior) for prior in (PRIORS if request.beside else PRIORS[:1])]
    if request.pixels is not None:
        runs.append((request.pixels, "hypergeometric"))
    for number, (run, prior) in enumerate(runs):
        for fraction in run.take_on(prior, step, request.settings, request.edits):
            yield (number + fraction) / len(runs)


def data_lines(values: Mapping[str, Any], own: OwnFile | None) -> tuple[str, str]:
    """Returns Python code that sets ``points`` and ``classes``, and the imports that it needs.

    Args:
        values: value of each control, by name.
        own: uploaded file of the reader; ``None`` if there is none.

    Returns:
        Lines of code, and lines of imports.
    """
    if values["source"] == "your own" and own is not None and own.choice is not None:
        return own_lines(own, own.choice), "from pathlib import Path\nfrom hypergeo.datasets import read_table, table_points\n"
    sizes = _sizes(values)
    name = "digits" if values["source"] == "digits" else "gaussian_blobs"
    arguments = f"{sizes}, {values['seed']}" if name == "digits" else f"{sizes}, {values['apart']}, {values['seed']}"
    return (
        f"data = {name}({arguments})\npoints, classes = data.points, data.classes\n",
        f"from hypergeo.datasets import {name}\n",
    )


def _sizes(values: Mapping[str, Any]) -> list[int]:
    """Returns the true sizes that the controls request."""
    return cluster_sizes(values["shares"], values["clusters"], values["number"], read_sizes(values["sizes"]))
