"""Live controls of the quality page, in sections."""

from __future__ import annotations

from hypergeo.figures.core.words import subscript
from hypergeo.ui.component.controls import Knob, Section
from hypergeo.ui.state.page_state import PageState

from .controls import ESTIMATORS

__all__ = ["counts_sections", "published_sections", "report_sections"]

_SEED = Knob("seed", "Seed", "Each seed gives other samples.", stepper=True)
_SAMPLES = Knob("samples", "Number of samples", "Samples from each sampler.")


def report_sections(state: PageState, *, gradients_shown: bool) -> list[Section]:
    """Makes the controls of a report.

    Args:
        state: state of the page.
        gradients_shown: whether the report has a figure of gradients, which can be selected.

    Returns:
        The sections.
    """
    figure = [Section("", [Knob("figure", "Figure")])] if gradients_shown else []
    relaxation = [
        Knob("taus", "Temperatures τ"),
        Knob("draws", "Sample type", "Soft: real counts. Straight-through: whole counts, with the gradients of the soft ones."),
        Knob(
            "rule",
            "Conditional distributions",
            "Exact: as implemented here. Merged: the published approximation, which treats the remaining groups as one.",
        ),
        _SAMPLES,
        _SEED,
    ]
    gradients = [
        Knob(
            "objective",
            "Gradient of the expected value of",
            "linear: the count of group 1. quadratic and absolute: the distance from equal counts. step: whether group 1 "
            "reaches its mean.",
        ),
        *(Knob(name, words) for name, words in ESTIMATORS.items()),
        Knob("gradients", "Number of estimates", "Gradient estimates of each estimator."),
        Knob("evaluations", "Samples per estimate"),
    ]
    return [
        *figure,
        Section("Relaxation", relaxation),
        Section("Gradients", gradients, open=False),
        Section("Urn", _urn(state), open=False),
    ]


def published_sections() -> list[Section]:
    """Makes the controls of the published check, whose urn is that of the paper.

    Returns:
        The sections.
    """
    return [Section("", [Knob("repeats", "Sets of samples at each weight"), _SAMPLES, _SEED])]


def counts_sections(state: PageState, sizes: tuple[int, ...] | None, names: tuple[str, ...] | None = None) -> list[Section]:
    """Makes the controls of the distribution with which counts are compared.

    Args:
        state: state of the page.
        sizes: group sizes of the user's data, which replace the controls of sizes; ``None`` if the data have none.
        names: names of the groups in the user's data; ``None`` if the data have none.

    Returns:
        The sections.
    """
    against = Knob(
        "against",
        "Weights tested",
        "as set: the weights of the controls. as fitted: the weights that fit the counts best, to test whether any weights "
        "fit.",
    )
    if state.get("source") == "yours":
        return [Section("", [against]), Section("Urn", _urn(state, sizes=sizes is None, drawn=False, names=names))]
    rows = Knob("rows", "Number of rows")
    return [Section("", [against, rows, _SEED]), Section("Urn", _urn(state))]


def _urn(state: PageState, *, sizes: bool = True, drawn: bool = True, names: tuple[str, ...] | None = None) -> list[Knob]:
    """Returns the controls of an urn; groups may be large here, so their sizes have fields instead of sliders."""
    knobs = [Knob("groups", "Number of groups")]
    for group in range(state.get("groups")):
        number = group + 1
        own = None if names is None or len(names) != state.get("groups") else names[group]
        knobs.append(Knob(f"w{number}", f"Weight w{subscript(number)}" if own is None else f"Weight of {own}", group=group))
        if sizes:
            size = f"Group size m{subscript(number)}" if own is None else f"Size of {own}"
            knobs.append(Knob(f"m{number}", size, group=group, stepper=True))
    return [*knobs, Knob("n", "Balls drawn n", stepper=True)] if drawn else knobs
