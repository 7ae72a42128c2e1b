"""The quality page's controls as they are laid out."""

from __future__ import annotations

from typing import Any

import streamlit as st

from hypergeo.ui.page.urn_editor import swatch
from hypergeo.ui.state.page_state import PageState

from .controls import ESTIMATORS

__all__ = ["published_fields", "report_fields", "urn_fields"]


def urn_fields(state: PageState, *, sizes: tuple[int, ...] | None = None, drawn: bool = True) -> dict[str, Any]:
    """The controls of an urn: groups may be large here, so their sizes are fields and not sliders.

    Args:
        state: a page's state whose table holds what :func:`hypergeo.ui.page.urn_editor.urn_controls` returns.
        sizes: sizes that the reader's data give, instead of fields.
        drawn: whether the number drawn can be set.

    Returns:
        Value of each control on show, by name.
    """
    values: dict[str, Any] = {"groups": state.segments("groups", "Number of groups")}
    for number in range(1, values["groups"] + 1):
        weight = f"{swatch(number - 1)} Weight {number}"
        if sizes is not None:
            values[f"w{number}"] = state.steps(f"w{number}", weight)
            continue
        left, right = st.columns([3, 2], gap="small", wrap=False)
        with left:
            values[f"w{number}"] = state.steps(f"w{number}", weight)
        with right:
            values[f"m{number}"] = state.number(f"m{number}", f"Size {number}")
    if drawn:
        values["n"] = state.number("n", "Elements drawn, n")
    return values


def report_fields(state: PageState) -> dict[str, Any]:
    """The controls of a report.

    Returns:
        Value of each control, by name.
    """
    values = urn_fields(state)
    with st.container(horizontal=True, gap="small", wrap=False):
        values["taus"] = state.choose("taus", "Temperatures, τ")
        values["samples"] = state.choose("samples", "Draws of each")
    values["draws"] = state.segments("draws", "Draws", help="Soft: real counts. Straight-through: whole ones.")
    values["rule"] = state.segments(
        "rule", "Conditionals", help="Exact, as implemented here; merged, the published rule; or both, beside each other."
    )
    with st.container(horizontal=True, gap="small", wrap=False, vertical_alignment="bottom"):
        with st.popover("Gradients", icon=":material/conversion_path:"):
            values |= _gradient_fields(state)
        values["seed"] = state.number("seed", "Seed")
    return values


def published_fields(state: PageState) -> dict[str, Any]:
    """The controls of the published check, whose urn is given.

    Returns:
        Value of each control, by name.
    """
    st.markdown(
        "**The urn of the paper:** three groups of 200, of which 180 elements are drawn. Groups 1 and 3 have weight 1; the "
        "weight of group 2 goes from 1 to 10."
    )
    return {
        "repeats": state.steps("repeats", "Sets of draws at each weight"),
        "samples": state.steps("samples", "Draws of each"),
        "seed": state.number("seed", "Seed"),
    }


def _gradient_fields(state: PageState) -> dict[str, Any]:
    values = {
        "objective": state.choose(
            "objective",
            "Gradient of the expected",
            help="linear: the count of group 1. quadratic and absolute: the distance from even counts. step: whether group 1 "
            "reaches its mean.",
        )
    }
    values |= {name: state.toggle(name, words) for name, words in ESTIMATORS.items()}
    with st.container(horizontal=True, gap="small", wrap=False):
        values["gradients"] = state.choose("gradients", "Gradients of each")
        values["evaluations"] = state.choose("evaluations", "Draws of a gradient")
    return values
