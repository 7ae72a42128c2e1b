"""Changes of the settings during a run: the page's URL stores each with its step, so that a link repeats the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypergeo.ui.limits import CLUSTERS
from hypergeo.ui.state.controls import Choice, Control

from .settings import LIVE, Edit, read_edits, read_sizes, write_edits, write_sizes

__all__ = ["BY_HAND", "DATA", "EditList", "SizeList", "edits_after", "edits_as_text"]

DATA = ("source", "clusters", "number", "shares", "sizes", "apart", "seed")
"""Controls that choose the points and the start; a change of one of them restarts the run."""

BY_HAND: dict[str, Control] = {
    f"w{cluster}": Choice(1.0, (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0))
    for cluster in range(1, CLUSTERS.clusters[1] + 1)
}
"""Controls that set the weights of the clusters at the current step."""

_LABELS = {
    "tau": "τ",
    "kind": "sample type",
    "conditionals": "conditional distributions",
    "room": "maximum size in %",
    "weights": "weights",
}


@dataclass(frozen=True)
class EditList:
    """Control whose value is a list of edits.

    Attributes:
        default: value without edits.
    """

    default: str = ""

    def read(self, text: str) -> str:
        """Parses the text of a URL parameter.

        Args:
            text: text of the URL parameter.

        Returns:
            The valid edits in the order of their steps, in the same format.
        """
        return write_edits(read_edits(text))

    def write(self, value: Any) -> str:
        """Writes the edits as a URL parameter.

        Args:
            value: value of the control.

        Returns:
            Text of the URL parameter.
        """
        return str(value)

    def allowed(self) -> str:
        """Describes the allowed values as text.

        Returns:
            The description.
        """
        return "changes of the run's settings with their steps"


@dataclass(frozen=True)
class SizeList:
    """Control whose value is a list of true cluster sizes that the reader has set.

    Attributes:
        default: value without sizes set by the reader.
    """

    default: str = ""

    def read(self, text: str) -> str:
        """Parses the text of a URL parameter.

        Args:
            text: text of the URL parameter.

        Returns:
            The sizes in the same format; empty if they are not valid.
        """
        return write_sizes(read_sizes(text))

    def write(self, value: Any) -> str:
        """Writes the sizes as a URL parameter.

        Args:
            value: value of the control.

        Returns:
            Text of the URL parameter.
        """
        return str(value)

    def allowed(self) -> str:
        """Describes the allowed values as text.

        Returns:
            The description.
        """
        return "whole numbers above 0 with hyphens between them, one for each cluster"


def edits_after(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Computes what a change of controls sets besides: an edit at the current step, or a restart if the points change.

    Args:
        before: value of each control before the change, by name.
        changes: values that the reader has set, by name.

    Returns:
        Values of further controls, by name.

    Example:
        >>> before = {"step": 40, "edits": "", "tau": 1.0}
        >>> edits_after(before, {"tau": 0.1})
        {'edits': '0~tau~1_40~tau~0.1'}
    """
    changed = {name for name, value in changes.items() if value != before[name]}
    if changed.intersection(DATA):
        sizes = {"sizes": ""} if changed & {"clusters", "shares"} else {}
        return {"step": 0, "edits": "", **sizes, **{name: control.default for name, control in BY_HAND.items()}}
    after, edits = {**before, **changes}, read_edits(before["edits"])
    for name in [name for name in LIVE if name in changed]:
        edits = _with(edits, Edit(after["step"], name, after[name]), before[name])
    if changed.intersection(BY_HAND):
        weights = tuple(after[f"w{cluster + 1}"] for cluster in range(after["clusters"]))
        edits = _with(edits, Edit(after["step"], "weights", weights), None)
    text = write_edits(edits)
    return {} if text == before["edits"] else {"edits": text}


def edits_as_text(edits: Sequence[Edit]) -> str:
    """Describes the edits in one sentence.

    Args:
        edits: changes of the settings, in the order of their steps.

    Returns:
        The sentence; empty if nothing was changed after the start.

    Example:
        >>> edits_as_text([Edit(0, "tau", 1.0), Edit(40, "tau", 0.1)])
        'Changed during the run: τ = 0.1 at step 40.'
    """
    phrases = []
    for edit in edits:
        if edit.step or edit.name == "weights":
            value = ", ".join(f"{weight:g}" for weight in edit.value) if edit.name == "weights" else edit.value
            phrases.append(f"{_LABELS[edit.name]} = {value} at step {edit.step}")
    return f"Changed during the run: {'; '.join(phrases)}." if phrases else ""


def _with(edits: Sequence[Edit], new: Edit, before: Any) -> list[Edit]:
    """Returns the edits before a new one, and the new one. The first edit of a setting is preceded by its value before."""
    kept = [edit for edit in edits if edit.step < new.step or (edit.step == new.step and edit.name != new.name)]
    if new.name == "weights":
        return [*kept, new]
    if new.step == 0:
        return kept
    if not any(edit.name == new.name for edit in kept):
        kept.insert(0, Edit(0, new.name, before))
    return [*kept, new]
