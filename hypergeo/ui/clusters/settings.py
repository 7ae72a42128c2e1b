"""Settings of a live clustering run and their changes during the run, with their text in the page's URL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypergeo.clustering.size_priors import HypergeometricSizes
from hypergeo.ui.limits import CLUSTERS
from hypergeo.ui.state.controls import Choice, Control, Whole

__all__ = ["LIVE", "STEPS", "Edit", "PriorSettings", "read_edits", "read_sizes", "write_edits", "write_sizes"]

STEPS = CLUSTERS.steps
TAUS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
LIVE: dict[str, Control] = {
    "tau": Choice(1.0, TAUS),
    "kind": Choice("soft", ["soft", "straight-through"]),
    "conditionals": Choice("exact", ["exact", "merged"]),
    "room": Whole(100, 13, 100),
}
"""Controls that may change during a run."""


@dataclass(frozen=True)
class PriorSettings:
    """Settings with which the hypergeometric prior samples sizes.

    Attributes:
        tau: temperature of the samples.
        kind: type of the samples, ``"soft"`` or ``"straight-through"``.
        conditionals: conditional distributions, ``"exact"`` or ``"merged"``.
        room: capacity of each cluster, in per cent of the points.
    """

    tau: float = 1.0
    kind: str = "soft"
    conditionals: str = "exact"
    room: int = 100

    def apply_to(self, prior: HypergeometricSizes) -> None:
        """Changes a prior to these settings; its capacities always suffice for all points.

        Args:
            prior: prior to change in place.
        """
        prior.temperature, prior.straight_through = self.tau, self.kind == "straight-through"
        if prior.conditionals != self.conditionals:
            prior.conditionals = self.conditionals
        places = max(math.ceil(self.room / 100 * prior.num_points), math.ceil(prior.num_points / prior.num_clusters))
        if int(prior.capacities[0]) != places:
            prior.capacities = places


@dataclass(frozen=True)
class Edit:
    """Change of one setting before a step.

    Attributes:
        step: number of steps made before the change.
        name: name of the setting: a key of ``LIVE``, or ``"weights"``.
        value: new value: a number, an option, or a tuple of weights.
    """

    step: int
    name: str
    value: Any


def write_edits(edits: Sequence[Edit]) -> str:
    """Writes edits as a URL parameter.

    Args:
        edits: changes of the settings.

    Returns:
        Text of the URL parameter.

    Example:
        >>> write_edits([Edit(40, "tau", 0.1), Edit(60, "weights", (1.0, 0.5))])
        '40~tau~0.1_60~weights~1!0.5'
    """
    return "_".join(f"{edit.step}~{edit.name}~{_value_text(edit.value)}" for edit in edits)


def read_edits(text: str) -> list[Edit]:
    """Parses the text of :func:`write_edits`; invalid parts are left out.

    Args:
        text: text of the URL parameter.

    Returns:
        The valid edits in the order of their steps.

    Example:
        >>> read_edits("40~tau~0.1_x~y_60~weights~1!0.5")
        [Edit(step=40, name='tau', value=0.1), Edit(step=60, name='weights', value=(1.0, 0.5))]
    """
    edits = []
    for part in text.split("_")[: CLUSTERS.edits]:
        match part.split("~"):
            case [step, name, value] if step.isdecimal() and len(step) < 5:
                setting = _parse(name, value)
                if setting is not None:
                    edits.append(Edit(min(int(step), STEPS), name, setting))
    return sorted(edits, key=lambda edit: edit.step)


def write_sizes(sizes: Sequence[int]) -> str:
    """Writes true cluster sizes as a URL parameter.

    Args:
        sizes: number of points in each cluster.

    Returns:
        Text of the URL parameter.

    Example:
        >>> write_sizes([200, 120, 80])
        '200-120-80'
    """
    return "-".join(map(str, sizes))


def read_sizes(text: str) -> tuple[int, ...]:
    """Parses the text of :func:`write_sizes`.

    Args:
        text: text of the URL parameter.

    Returns:
        Number of points in each cluster; empty if the text is not valid.

    Example:
        >>> read_sizes("200-120-80"), read_sizes("200-x")
        ((200, 120, 80), ())
    """
    parts = text.split("-")
    low, high = CLUSTERS.clusters
    valid = low <= len(parts) <= high and all(part.isdecimal() and len(part) < 5 and int(part) > 0 for part in parts)
    return tuple(int(part) for part in parts) if valid else ()


def _value_text(value: Any) -> str:
    if isinstance(value, tuple):
        return "!".join(f"{weight:g}" for weight in value)
    return value if isinstance(value, str) else f"{value:g}"


def _parse(name: str, text: str) -> Any:
    """Returns the value of a setting that a text stands for; ``None`` if the control does not allow it."""
    if name == "weights":
        try:
            weights = tuple(float(weight) for weight in text.split("!"))
        except ValueError:
            return None
        return weights if 2 <= len(weights) <= 8 and all(1e-3 <= weight <= 1e3 for weight in weights) else None
    control = LIVE.get(name)
    if control is None:
        return None
    value = control.read(text)
    return value if control.write(value) == text else None
