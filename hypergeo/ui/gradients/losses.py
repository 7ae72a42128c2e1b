"""What the gradients page asks of the counts: losses that are sums over the groups, so that their expectation is exact."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo.objectives import Absolute, Quadratic

__all__ = ["LOSSES", "Loss"]

LOSSES = ("squared distance", "absolute distance", "few groups", "step")


@dataclass(frozen=True)
class Loss:
    """A loss on counts, by plain numbers, by which results are kept.

    Attributes:
        kind: one of ``LOSSES``: squared or absolute distance to the targets; ``"few groups"``: the log-sum penalty
            ``Σ log(1 + x_k)``, which is small where few groups give all; ``"step"``: one where a group misses its target.
        targets: count wanted of each group.
        group: the group of the step, counted from 0.

    Example:
        >>> Loss("step", (2, 5), 1)(torch.tensor([[2.0, 5.0], [3.0, 4.0]]))
        tensor([0., 1.])
    """

    kind: str
    targets: tuple[int, ...]
    group: int = 0

    def __call__(self, counts: Tensor) -> Tensor:
        """Values, shape ``(…)``, of counts of shape ``(…, K)``."""
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
        """What the loss is of one vector of counts, as text."""
        wanted = "(" + ", ".join(map(str, self.targets)) + ")"
        return {
            "squared distance": f"the squared distance to {wanted}",
            "absolute distance": f"the absolute distance to {wanted}",
            "few groups": "Σ log(1 + count), small if few groups give all balls",
            "step": f"1 if group {self.group + 1} gives fewer than {self.targets[self.group]} balls, else 0",
        }[self.kind]

    def code(self) -> str:
        """The loss as Python that defines ``objective``."""
        wanted = ", ".join(f"{target:.1f}" for target in self.targets)
        target = f"target = torch.tensor([{wanted}], dtype=torch.float64)\n"
        return {
            "squared distance": target + "objective = lambda x: (x - target).square().sum(-1)",
            "absolute distance": target + "objective = lambda x: (x - target).abs().sum(-1)",
            "few groups": "objective = lambda x: x.log1p().sum(-1)",
            "step": f"objective = lambda x: (x[..., {self.group}] < {self.targets[self.group]}).to(x.dtype)",
        }[self.kind]

    def at(self, counts: Tensor) -> Tensor:
        """The same without gradient, for pictures."""
        with torch.no_grad():
            return self(counts)
