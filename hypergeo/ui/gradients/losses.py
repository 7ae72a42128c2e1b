"""Losses of the gradients page: sums over the groups, so that their expectation can be computed exactly."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo.objectives import Absolute, Quadratic

__all__ = ["LOSSES", "Loss"]

LOSSES = ("squared distance", "absolute distance", "few groups", "step")
"""Names of the losses."""


@dataclass(frozen=True)
class Loss:
    """A loss on counts, made of plain numbers, by which results are stored.

    Attributes:
        kind: one of ``LOSSES``: squared or absolute distance to the targets; ``"few groups"``: the log-sum penalty
            ``Σ log(1 + x_k)``, which is small if few groups give all balls; ``"step"``: 1 if a group misses its target.
        targets: target count of each group.
        group: index of the group of the step loss, from 0.

    Example:
        >>> Loss("step", (2, 5), 1)(torch.tensor([[2.0, 5.0], [3.0, 4.0]]))
        tensor([0., 1.])
    """

    kind: str
    targets: tuple[int, ...]
    group: int = 0

    def __call__(self, counts: Tensor) -> Tensor:
        """Computes the loss.

        Args:
            counts: counts of each group, integer or relaxed, shape ``(…, K)``.

        Returns:
            Losses, shape ``(…)``.
        """
        wanted = tuple(map(float, self.targets))
        if self.kind == "squared distance":
            return Quadratic(wanted)(counts)
        if self.kind == "absolute distance":
            return Absolute(wanted)(counts)
        if self.kind == "few groups":
            return counts.log1p().sum(-1)
        return (counts[..., self.group] < self.targets[self.group]).to(counts.dtype)

    @property
    def aims(self) -> bool:
        """Whether the targets of all groups matter."""
        return self.kind in LOSSES[:2]

    def words(self) -> str:
        """Describes the loss.

        Returns:
            A noun phrase.
        """
        wanted = "(" + ", ".join(map(str, self.targets)) + ")"
        return {
            "squared distance": f"the squared distance to {wanted}",
            "absolute distance": f"the absolute distance to {wanted}",
            "few groups": "Σ log(1 + count), small if few groups give all balls",
            "step": f"1 if group {self.group + 1} gives fewer than {self.targets[self.group]} balls, else 0",
        }[self.kind]

    def code(self) -> str:
        """Writes the loss as Python.

        Returns:
            Statements that define ``objective``.
        """
        wanted = ", ".join(f"{target:.1f}" for target in self.targets)
        target = f"target = torch.tensor([{wanted}], dtype=torch.float64)\n"
        return {
            "squared distance": target + "objective = lambda x: (x - target).square().sum(-1)",
            "absolute distance": target + "objective = lambda x: (x - target).abs().sum(-1)",
            "few groups": "objective = lambda x: x.log1p().sum(-1)",
            "step": f"objective = lambda x: (x[..., {self.group}] < {self.targets[self.group]}).to(x.dtype)",
        }[self.kind]

    def at(self, counts: Tensor) -> Tensor:
        """Computes the loss without gradient, for pictures.

        Args:
            counts: counts of each group, shape ``(…, K)``.

        Returns:
            Losses, shape ``(…)``.
        """
        with torch.no_grad():
            return self(counts)
