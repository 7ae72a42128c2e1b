"""Controls of the page on partitions: their table, their sections, and values that follow from other values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypergeo.ui.component.controls import Knob, Section
from hypergeo.ui.component.playback import SPEEDS
from hypergeo.ui.convergence.arrays import TEMPERATURES
from hypergeo.ui.limits import PARTITIONS, SEEDS
from hypergeo.ui.page.urn_editor import WEIGHTS
from hypergeo.ui.state.controls import Choice, Control, Whole
from hypergeo.ui.state.page_state import PageState

from .losses import LOSSES
from .settings import AFFINITIES, ORDERS, SCORES, STRENGTHS, Edit, chosen_entry, logits_of, read_edits, write_edits

__all__ = ["ESTIMATORS", "VIEWS", "EditedScores", "controls", "follow", "sections", "shown_values", "synchronise"]

VIEWS = ("sample", "gradients")
"""Names of the views."""

ESTIMATORS = ("relaxed", "plan", "score function")
"""Names of the gradient estimators."""

_WEIGHTS = (1.0, 1.0, 2.0, 4.0)
_SIZES = (3, 5, 6)


@dataclass(frozen=True)
class EditedScores:
    """Logits set by hand, as a control of a page.

    Attributes:
        default: none set by hand.
    """

    default: str = ""

    def read(self, text: str) -> str:
        """Returns the valid edits.

        Args:
            text: edits as the address contains them.

        Returns:
            Edits as the address contains them.

        Example:
            >>> EditedScores().read("3~1~2.4_nonsense")
            '3~1~2.5'
        """
        return write_edits(read_edits(text))

    def write(self, value: Any) -> str:
        """Returns the edits as the address contains them.

        Args:
            value: edits as the address contains them.

        Returns:
            Edits as the address contains them.
        """
        return str(value)

    def allowed(self) -> str:
        """Returns the allowed values as text.

        Returns:
            A noun phrase.
        """
        return "element~group~logit, joined by underscores"


def controls() -> dict[str, Control]:
    """Returns the table of the page's controls.

    Returns:
        Controls by name.
    """
    table: dict[str, Control] = {
        "view": Choice("sample", VIEWS),
        "n": Whole(24, *PARTITIONS.elements),
        "few": Whole(6, *PARTITIONS.listed),
        "groups": Choice(4, PARTITIONS.groups),
        "given": Choice("sampled", ["sampled", "fixed"]),
        **{f"w{group}": Choice(weight, WEIGHTS[1:]) for group, weight in enumerate(_WEIGHTS, 1)},
        **{f"n{group}": Whole(size, 0, PARTITIONS.elements[1]) for group, size in enumerate(_SIZES, 1)},
        "affinity": Choice("blocks", AFFINITIES),
        "strength": Choice(2.0, STRENGTHS),
        "element": Whole(1, 1, PARTITIONS.elements[1]),
        "group": Whole(1, 1, PARTITIONS.groups[-1]),
        "score": Choice(2.0, SCORES),
        "edits": EditedScores(),
        "order": Choice("as listed", ORDERS),
        "tau": Choice(1.0, TEMPERATURES),
        "size_tau": Choice(0.01, TEMPERATURES),
        "kind": Choice("soft", ["soft", "straight-through"]),
        "loss": Choice("misplaced", list(LOSSES)),
        "estimator": Choice("relaxed", ESTIMATORS),
        "number": Choice(1_000, PARTITIONS.samples),
        "seed": Whole(0, *SEEDS),
        "speed": Choice("normal", list(SPEEDS)),
    }
    return table


def follow(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values that follow from a change: a logit that is set is an edit, and its control shows the chosen entry.

    Args:
        before: value of each control before the change, by name.
        changes: values that are set, by name.

    Returns:
        Values that follow, by name.
    """
    after = {**before, **changes}
    entry = chosen_entry(after)
    current = float(logits_of(after)[entry])
    if "edits" in changes or changes.get("score", current) == current:
        return {"score": current}
    edits = [edit for edit in read_edits(after["edits"]) if edit[:2] != entry]
    return {"edits": write_edits([*edits, Edit(*entry, changes["score"])])}


def synchronise(state: PageState) -> None:
    """Sets the control of the logit to the chosen entry, where an address or a stop of the tour names the entry alone.

    Args:
        state: the page's state.
    """
    current = float(logits_of(state.values)[chosen_entry(state.values)])
    if state.get("score") != current:
        state.live({"score": current})


def sections(state: PageState) -> list[Section]:
    """Returns the live controls, in sections.

    Args:
        state: the page's state, with the table of :func:`controls`.

    Returns:
        The sections in order.
    """
    values = state.values
    gradients, sampled, groups = values["view"] == "gradients", values["given"] == "sampled", values["groups"]
    entry = chosen_entry(values)
    sample = [
        Knob("tau", "Temperature of the members, τ"),
        Knob("kind", "Samples", "Soft: real entries. Straight-through: exact partitions, with the gradients of the soft ones."),
        Knob("seed", "Seed", "Seed of the noise. The noise stays the same when other controls change.", stepper=True),
    ]
    learning = [
        Knob("loss", "Loss of a partition", "; ".join(f"{name}: {loss.meaning}" for name, loss in LOSSES.items()) + "."),
        Knob(
            "estimator",
            "Gradient estimator",
            "Relaxed: differentiates the loss of relaxed samples. Plan: loss of exact samples, gradient of the plan. "
            "Score function: loss times gradient of the log-probability; it has no bias.",
        ),
        Knob("number", "Number of samples"),
    ]
    sizes = [Knob("given", "Group sizes", "Sampled from Fisher's distribution with these weights, or fixed.")]
    if sampled:
        sizes += [Knob(f"w{group + 1}", f"Weight of group {group + 1}", group=group) for group in range(groups)]
        sizes.append(
            Knob(
                "size_tau",
                "Temperature of the sizes",
                "Near zero, sizes are integers. At higher temperatures their gradients have less noise.",
            )
        )
    else:
        sizes += [Knob(f"n{group + 1}", f"Size of group {group + 1}", group=group) for group in range(groups - 1)]
    sizes.append(Knob("order", "Order of choice", "Groups choose their members one after another, in this order."))
    members = [
        Knob("score", f"Logit of element {entry[0] + 1} in group {entry[1] + 1}", "The chosen entry is marked in the figure."),
        Knob("element", "Chosen element", stepper=True),
        Knob("group", "Chosen group", stepper=True),
        Knob(
            "affinity",
            "Logits",
            "Blocks: consecutive elements prefer the same group. Random: normally distributed. None: all zero.",
        ),
        Knob("strength", "Scale of the logits", "0: only the group sizes matter."),
        Knob("few" if gradients else "n", "Number of elements", "At most 6,561 partitions are listed." if gradients else ""),
        Knob("groups", "Number of groups"),
    ]
    return [
        Section("Gradient" if gradients else "Sample", [*learning, *sample] if gradients else sample),
        Section("Group sizes", sizes, open=not gradients),
        Section("Elements", members, open=False),
    ]


def shown_values(state: PageState) -> dict[str, Any]:
    """Returns the values of the state without those of groups that are not on show.

    Args:
        state: the page's state.

    Returns:
        Values of the controls, by name.
    """
    hidden = {f"{kind}{group}" for kind in "wn" for group in range(state.get("groups") + 1, PARTITIONS.groups[-1] + 1)}
    return {name: value for name, value in state.values.items() if name not in hidden}
