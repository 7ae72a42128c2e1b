"""Settings of the page on partitions: what is partitioned, from the values of the page's controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hypergeo import FisherHypergeometric, RandomPartition, RelaxedRandomPartition
from hypergeo.ui.limits import PARTITIONS

__all__ = [
    *("AFFINITIES", "ORDERS", "SCORES", "STRENGTHS", "Edit", "Model", "PartitionSettings", "chosen_entry", "logits_of"),
    *("number_of_elements", "read_edits", "write_edits"),
]

AFFINITIES = ("blocks", "random", "none")
ORDERS = ("as listed", "small groups first", "large groups first", "reversed")
STRENGTHS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
SCORES = tuple(step / 2 for step in range(-16, 17))
"""Logits that an element can be given by hand: −8 to 8 in steps of a half."""


class Edit(NamedTuple):
    """A logit set by hand.

    Attributes:
        element: counted from 0.
        group: counted from 0.
        score: one of ``SCORES``.
    """

    element: int
    group: int
    score: float


def read_edits(text: str) -> list[Edit]:
    """Returns the valid edits of a text, in the order of their entries, the last one of each entry.

    Example:
        >>> read_edits("3~1~2.5_1~2~-9_x")
        [Edit(element=2, group=0, score=2.5), Edit(element=0, group=1, score=-8.0)]
    """
    edits: dict[tuple[int, int], Edit] = {}
    for part in text[:2000].split("_"):
        words = part.split("~")
        try:
            element, group, score = int(words[0]) - 1, int(words[1]) - 1, float(words[2])
        except (ValueError, IndexError):
            continue
        if 0 <= element < PARTITIONS.elements[1] and 0 <= group < PARTITIONS.groups[-1] and score == score:
            nearest = min(SCORES, key=lambda allowed: abs(allowed - score))
            edits.pop((element, group), None)
            edits[element, group] = Edit(element, group, nearest)
    return list(edits.values())[-PARTITIONS.edits :]


def write_edits(edits: Sequence[Edit]) -> str:
    """Returns edits as a page's address has them.

    Example:
        >>> write_edits([Edit(2, 0, 2.5)])
        '3~1~2.5'
    """
    return "_".join(f"{edit.element + 1}~{edit.group + 1}~{edit.score:g}" for edit in edits)


def number_of_elements(values: Mapping[str, Any]) -> int:
    """Returns the number of elements on show; few in the view of the gradients, which lists all their partitions.

    Args:
        values: value of each control, by name.
    """
    if values["view"] == "sample":
        return int(values["n"])
    few = int(values["few"])
    while values["groups"] ** few > PARTITIONS.partitions:
        few -= 1
    return few


def logits_of(values: Mapping[str, Any]) -> np.ndarray:
    """Returns the logits that the controls ask for, shape ``(N, K)``, all of them among ``SCORES``.

    Args:
        values: value of each control, by name.
    """
    num_elements, groups, strength = number_of_elements(values), values["groups"], values["strength"]
    logits = np.zeros((num_elements, groups))
    if values["affinity"] == "blocks":
        logits[np.arange(num_elements), np.arange(num_elements) * groups // num_elements] = strength
    elif values["affinity"] == "random":
        noise = np.random.default_rng(values["seed"]).normal(size=(PARTITIONS.elements[1], PARTITIONS.groups[-1]))
        logits = strength * noise[:num_elements, :groups]
    logits = np.clip(np.round(2 * logits) / 2, SCORES[0], SCORES[-1])
    for edit in read_edits(values["edits"]):
        if edit.element < num_elements and edit.group < groups:
            logits[edit.element, edit.group] = edit.score
    return logits


def chosen_entry(values: Mapping[str, Any]) -> tuple[int, int]:
    """Returns element and group of the chosen entry, counted from 0, within the matrix on show."""
    return min(values["element"], number_of_elements(values)) - 1, min(values["group"], values["groups"]) - 1


@dataclass(frozen=True)
class Model:
    """What is partitioned: plain numbers, by which results are kept.

    Attributes:
        logits: ``N`` rows of ``K`` numbers.
        weights: weight of each group where sizes are sampled.
        sizes: size of each group where they are fixed, else none.
        order: groups in the order in which they choose.
    """

    logits: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    sizes: tuple[int, ...] | None
    order: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of elements and of groups."""
        return len(self.logits), len(self.weights)

    def size_distribution(self) -> FisherHypergeometric | list[int]:
        """Returns the distribution of the sizes, each group with capacity for all elements, or the fixed sizes."""
        if self.sizes is not None:
            return list(self.sizes)
        num_elements, groups = self.shape
        return FisherHypergeometric(num_elements, [num_elements] * groups, list(self.weights))

    def expected_sizes(self) -> np.ndarray:
        """Returns the mean of the sizes, or the fixed ones, shape ``(K,)``."""
        sizes = self.size_distribution()
        return sizes.mean.numpy() if isinstance(sizes, FisherHypergeometric) else np.array(sizes, dtype=float)

    def exact(self, order: Sequence[int] | None = None) -> RandomPartition:
        """Returns the exact distribution, for this or another order of the groups."""
        return RandomPartition(self.size_distribution(), np.array(self.logits), order=order or self.order)

    def relaxed(self, temperature: Any, size_temperature: float, straight_through: bool) -> RelaxedRandomPartition:
        """Returns the relaxed distribution."""
        return RelaxedRandomPartition(
            temperature,
            self.size_distribution(),
            np.array(self.logits),
            size_temperature=size_temperature,
            straight_through=straight_through,
            order=self.order,
        )


@dataclass(frozen=True)
class PartitionSettings:
    """The controls' values in the page's own terms.

    Attributes:
        model: what is partitioned.
        tau: temperature of the members.
        size_tau: temperature of the sizes.
        straight_through: whether samples are exact partitions.
        seed: of the noise.
        chosen: element and group of the chosen entry, counted from 0.
        loss: name of the loss.
        estimator: name of the gradient estimator.
        number: samples of an estimate.
    """

    model: Model
    tau: float
    size_tau: float
    straight_through: bool
    seed: int
    chosen: tuple[int, int]
    loss: str
    estimator: str
    number: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> PartitionSettings:
        """Returns the settings that the page's controls ask for.

        Args:
            values: value of each control, by name.
        """
        num_elements, groups = number_of_elements(values), values["groups"]
        weights = tuple(values[f"w{group + 1}"] for group in range(groups))
        sizes = _fixed_sizes(values, num_elements) if values["given"] == "fixed" else None
        logits = tuple(map(tuple, logits_of(values).tolist()))
        model = Model(logits, weights, sizes, tuple(range(groups)))
        return cls(
            model=Model(logits, weights, sizes, _order(values["order"], model.expected_sizes())),
            tau=values["tau"],
            size_tau=values["size_tau"],
            straight_through=values["kind"] == "straight-through",
            seed=values["seed"],
            chosen=chosen_entry(values),
            loss=values["loss"],
            estimator=values["estimator"],
            number=values["number"],
        )


def _fixed_sizes(values: Mapping[str, Any], num_elements: int) -> tuple[int, ...]:
    """Sizes that the controls ask for, as far as there are elements; the last group takes the rest."""
    sizes, left = [], num_elements
    for group in range(1, values["groups"]):
        sizes.append(min(values[f"n{group}"], left))
        left -= sizes[-1]
    return (*sizes, left)


def _order(words: str, sizes: np.ndarray) -> tuple[int, ...]:
    """Groups in the order of their choice."""
    if words == "reversed":
        return tuple(range(len(sizes)))[::-1]
    if words == "as listed":
        return tuple(range(len(sizes)))
    order = np.argsort(sizes if words == "small groups first" else -sizes, kind="stable")
    return tuple(int(group) for group in order)
