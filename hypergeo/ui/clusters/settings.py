"""What a live run of clustering is set to, and what is changed on the way, as the page's address holds it."""

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
"""Controls that may be moved while a run goes on."""


@dataclass(frozen=True)
class PriorSettings:
    """What the hypergeometric prior draws sizes with.

    Attributes:
        tau: temperature of the samples.
        kind: ``"soft"`` or ``"straight-through"``.
        conditionals: ``"exact"`` or ``"merged"``.
        room: the most that a cluster holds, in percent of the points.
    """

    tau: float = 1.0
    kind: str = "soft"
    conditionals: str = "exact"
    room: int = 100

    def put_on(self, prior: HypergeometricSizes) -> None:
        """Sets a prior; the capacities always suffice for all points."""
        prior.temperature, prior.straight_through = self.tau, self.kind == "straight-through"
        if prior.conditionals != self.conditionals:
            prior.conditionals = self.conditionals
        places = max(math.ceil(self.room / 100 * prior.num_points), math.ceil(prior.num_points / prior.num_clusters))
        if int(prior.capacities[0]) != places:
            prior.capacities = places


@dataclass(frozen=True)
class Edit:
    """What was changed before some step.

    Attributes:
        step: number of steps made before.
        name: a key of ``LIVE``, or ``"weights"``.
        value: what it was set to: a number, a word, or weights.
    """

    step: int
    name: str
    value: Any


def write_edits(edits: Sequence[Edit]) -> str:
    """Edits as a page's address says them.

    Example:
        >>> write_edits([Edit(40, "tau", 0.1), Edit(60, "weights", (1.0, 0.5))])
        '40~tau~0.1_60~weights~1!0.5'
    """
    return "_".join(f"{edit.step}~{edit.name}~{_said(edit.value)}" for edit in edits)


def read_edits(text: str) -> list[Edit]:
    """What :func:`write_edits` wrote; what makes no sense is left out.

    Example:
        >>> read_edits("40~tau~0.1_x~y_60~weights~1!0.5")
        [Edit(step=40, name='tau', value=0.1), Edit(step=60, name='weights', value=(1.0, 0.5))]
    """
    edits = []
    for part in text.split("_")[: CLUSTERS.edits]:
        match part.split("~"):
            case [step, name, value] if step.isdecimal() and len(step) < 5:
                read = _read(name, value)
                if read is not None:
                    edits.append(Edit(min(int(step), STEPS), name, read))
    return sorted(edits, key=lambda edit: edit.step)


def write_sizes(sizes: Sequence[int]) -> str:
    """Returns true sizes that were set by hand as a page's address has them.

    Example:
        >>> write_sizes([200, 120, 80])
        '200-120-80'
    """
    return "-".join(map(str, sizes))


def read_sizes(text: str) -> tuple[int, ...]:
    """Returns what :func:`write_sizes` wrote; nothing where it makes no sense.

    Example:
        >>> read_sizes("200-120-80"), read_sizes("200-x")
        ((200, 120, 80), ())
    """
    parts = text.split("-")
    low, high = CLUSTERS.clusters
    valid = low <= len(parts) <= high and all(part.isdecimal() and len(part) < 5 and int(part) > 0 for part in parts)
    return tuple(int(part) for part in parts) if valid else ()


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return "!".join(f"{weight:g}" for weight in value)
    return value if isinstance(value, str) else f"{value:g}"


def _read(name: str, text: str) -> Any:
    """A value that some control allows, or nothing."""
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
