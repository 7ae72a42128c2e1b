"""Settings of the page on partitions: the model and the estimator, from the values of the page's controls."""

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
"""Names of the patterns of logits."""

ORDERS = ("as listed", "small groups first", "large groups first", "reversed")
"""Names of the orders in which groups choose."""

STRENGTHS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Scales of the logits."""

SCORES = tuple(step / 2 for step in range(-16, 17))
"""Logits that can be set by hand: −8 to 8 in steps of 0.5."""


class Edit(NamedTuple):
    """A logit set by hand.

    Attributes:
        element: index of the element, from 0.
        group: index of the group, from 0.
        score: the logit, one of ``SCORES``.
    """

    element: int
    group: int
    score: float


def read_edits(text: str) -> list[Edit]:
    """Parses edits, of which invalid ones are ignored.

    Args:
        text: edits as the address contains them.

    Returns:
        The last edit of each entry, in the order of the text.

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
    """Returns edits as the address contains them.

    Args:
        edits: logits set by hand.

    Returns:
        Edits in one word, numbered from 1.

    Example:
        >>> write_edits([Edit(2, 0, 2.5)])
        '3~1~2.5'
    """
    return "_".join(f"{edit.element + 1}~{edit.group + 1}~{edit.score:g}" for edit in edits)


def number_of_elements(values: Mapping[str, Any]) -> int:
    """Returns the number of elements on show; it is small in the view of gradients, where all partitions are listed.

    Args:
        values: value of each control, by name.

    Returns:
        The number of elements.
    """
    if values["view"] == "sample":
        return int(values["n"])
    few = int(values["few"])
    while values["groups"] ** few > PARTITIONS.partitions:
        few -= 1
    return few


def logits_of(values: Mapping[str, Any]) -> np.ndarray:
    """Returns the logits that the controls ask for.

    Args:
        values: value of each control, by name.

    Returns:
        Numbers among ``SCORES``, shape ``(N, K)``.
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
    """Returns the chosen entry of the matrix on show.

    Args:
        values: value of each control, by name.

    Returns:
        Indices of its element and its group, from 0.
    """
    return min(values["element"], number_of_elements(values)) - 1, min(values["group"], values["groups"]) - 1


@dataclass(frozen=True)
class Model:
    """Logits, group sizes and order of the groups: plain numbers, by which results are stored.

    Attributes:
        logits: ``N`` rows of ``K`` numbers.
        weights: weight of each group, which matters if sizes are sampled.
        sizes: size of each group if sizes are fixed, else ``None``.
        order: indices of the groups in the order in which they choose.
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
        """Returns the distribution of the sizes or the fixed sizes.

        Returns:
            Distribution in which each group has capacity for all elements, or one size for each group.
        """
        if self.sizes is not None:
            return list(self.sizes)
        num_elements, groups = self.shape
        return FisherHypergeometric(num_elements, [num_elements] * groups, list(self.weights))

    def expected_sizes(self) -> np.ndarray:
        """Returns the mean of the sizes or the fixed sizes.

        Returns:
            One size for each group, shape ``(K,)``.
        """
        sizes = self.size_distribution()
        return sizes.mean.numpy() if isinstance(sizes, FisherHypergeometric) else np.array(sizes, dtype=float)

    def exact(self, order: Sequence[int] | None = None) -> RandomPartition:
        """Returns the exact distribution.

        Args:
            order: indices of the groups in another order; ``None`` for the order of the model.

        Returns:
            Distribution of partitions of event shape ``(N, K)``.
        """
        return RandomPartition(self.size_distribution(), np.array(self.logits), order=order or self.order)

    def relaxed(self, temperature: Any, size_temperature: float, straight_through: bool) -> RelaxedRandomPartition:
        """Returns the relaxed distribution.

        Args:
            temperature: temperature of the members, a number or a tensor of the batch shape.
            size_temperature: temperature of the sizes.
            straight_through: whether samples are exact partitions with relaxed gradients.

        Returns:
            Distribution of assignment matrices of event shape ``(N, K)``.
        """
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
    """What the controls of the page ask for.

    Attributes:
        model: logits, group sizes and order of the groups.
        tau: temperature of the members.
        size_tau: temperature of the sizes.
        straight_through: whether samples are exact partitions.
        seed: seed of the noise.
        chosen: indices of element and group of the chosen entry, from 0.
        loss: name of the loss.
        estimator: name of the gradient estimator.
        number: number of samples of an estimate.
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
        """Makes the settings from the values of the page's controls.

        Args:
            values: value of each control, by name.

        Returns:
            The settings.
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
    """Returns the sizes that the controls ask for, as far as there are elements; the last group takes the rest."""
    sizes, left = [], num_elements
    for group in range(1, values["groups"]):
        sizes.append(min(values[f"n{group}"], left))
        left -= sizes[-1]
    return (*sizes, left)


def _order(words: str, sizes: np.ndarray) -> tuple[int, ...]:
    """Returns the indices of the groups in the order of their choice."""
    if words == "reversed":
        return tuple(range(len(sizes)))[::-1]
    if words == "as listed":
        return tuple(range(len(sizes)))
    order = np.argsort(sizes if words == "small groups first" else -sizes, kind="stable")
    return tuple(int(group) for group in order)
