"""Controls of an urn: number of groups, their sizes and weights, and number of elements drawn."""

from __future__ import annotations

from typing import Any

from hypergeo.figures.core.words import subscript
from hypergeo.ui.component.controls import Knob
from hypergeo.ui.limits import UrnLimits
from hypergeo.ui.state.controls import Choice, Control, Whole
from hypergeo.ui.state.page_state import PageState

__all__ = ["WEIGHTS", "urn_controls", "urn_knobs", "urn_values", "weight_after"]

_TENTHS = (float(f"{10 ** (step / 10 - 2):.2g}") for step in range(41))
WEIGHTS = tuple(
    sorted({0.0, *_TENTHS, *(half / 2 for half in range(1, 20)), *map(float, range(10, 20)), *map(float, range(20, 100, 10))})
)
"""Allowed weights: zero; 0.01 to 100 in ten steps per factor of ten; halves up to 10, whole numbers up to 20, and tens."""

_STEP = 1.2  # smallest factor by which a press of the heat map changes a weight


def urn_controls(sizes: list[int], weights: list[float], drawn: int, *, within: UrnLimits) -> dict[str, Control]:
    """Creates the controls of an urn, for a page's state.

    Args:
        sizes: default size of each group; further groups have the last one.
        weights: default weight of each group; further groups have the last one.
        drawn: default number of elements drawn.
        within: the largest urn.

    Returns:
        The controls by name.

    Example:
        >>> list(urn_controls([9, 9], [1.0, 2.0], 6, within=UrnLimits(groups=2, size=30, drawn=60)))
        ['groups', 'n', 'w1', 'm1', 'w2', 'm2']
    """
    table: dict[str, Control] = {
        "groups": Choice(len(sizes), list(range(2, within.groups + 1))),
        "n": Whole(drawn, 0, within.drawn),
    }
    for group in range(within.groups):
        table[f"w{group + 1}"] = Choice(weights[min(group, len(weights) - 1)], WEIGHTS)
        table[f"m{group + 1}"] = Whole(sizes[min(group, len(sizes) - 1)], 0, within.size)
    return table


def weight_after(weight: float, presses: int) -> float:
    """Returns a weight after a number of increases, or of decreases if the number is negative.

    Args:
        weight: weight before.
        presses: number of increases; negative for decreases.

    Returns:
        The new weight.

    Example:
        >>> weight_after(4.0, 1), weight_after(4.0, -1), weight_after(100.0, 1), weight_after(0.0, 1)
        (5.0, 3.2, 100.0, 0.01)
    """
    for _ in range(abs(presses)):
        if presses > 0:
            weight = next((each for each in WEIGHTS if each >= max(_STEP * weight, WEIGHTS[1])), WEIGHTS[-1])
        else:
            weight = next((each for each in reversed(WEIGHTS) if each <= weight / _STEP), WEIGHTS[0])
    return weight


def urn_knobs(state: PageState) -> list[Knob]:
    """Creates live controls of an urn.

    Args:
        state: state of a page, with the controls of :func:`urn_controls`.

    Returns:
        The live controls.
    """
    knobs = [Knob("groups", "Number of groups")]
    for group in range(state.get("groups")):
        number = group + 1
        knobs.append(Knob(f"w{number}", f"Weight w{subscript(number)}", group=group))
        knobs.append(Knob(f"m{number}", f"Group size m{subscript(number)}", group=group))
    return [*knobs, Knob("n", "Balls drawn n")]


def urn_values(state: PageState) -> dict[str, Any]:
    """Returns values of the state without those of hidden groups.

    Args:
        state: state of the page.

    Returns:
        Values by name.
    """
    hidden = {f"{kind}{group + 1}" for kind in "wmt" for group in range(state.get("groups"), len(state.controls))}
    return {name: value for name, value in state.values.items() if name not in hidden}
