"""The gradients page's controls in the page's own terms: what is estimated, how, and from where descent starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypergeo.estimators.descent import Descent
from hypergeo.ui.convergence.arrays import Urn

from .arrays import Estimates, Task, descent, estimates
from .estimators import Method
from .losses import Loss

__all__ = ["GradientSettings", "step_after"]

_STEPS_PER_TURN = 10  # steps that are made before others have their turn


@dataclass(frozen=True)
class GradientSettings:
    """The controls' values in the page's own terms.

    Attributes:
        task: the urn at the start and the loss.
        method: the estimator.
        draws: of each estimate.
        number: of estimates at once.
        optimizer: ``"Adam"`` or ``"plain"``.
        rate: learning rate.
        seed: of all samples.
    """

    task: Task
    method: Method
    draws: int
    number: int
    optimizer: str
    rate: float
    seed: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> GradientSettings:
        """Settings from the values of the page's controls, by name."""
        groups = range(1, values["groups"] + 1)
        urn = Urn(values["n"], tuple(values[f"m{group}"] for group in groups), tuple(values[f"w{group}"] for group in groups))
        loss = Loss(values["loss"], tuple(values[f"t{group}"] for group in groups), min(values["group"], values["groups"]) - 1)
        return cls(
            task=Task(urn, loss),
            method=Method(values["estimator"], values["tau"], values["conditionals"]),
            draws=values["draws"],
            number=values["number"],
            optimizer=values["optimizer"],
            rate=values["rate"],
            seed=values["seed"],
        )

    def descent(self, method: Method, step: int) -> Descent:
        """The first steps of a descent by some method, all else being equal."""
        return descent(self.task, method, self.draws, self.rate, self.optimizer, self.seed, step)

    def steps_until(self, asked: Mapping[Method, int]) -> Iterator[float]:
        """Makes descents, a few steps at a time; yields the share that is done.

        Args:
            asked: number of steps, by method.
        """
        done, steps = 0, sum(asked.values())
        for method, step in asked.items():
            for at in range(_STEPS_PER_TURN, step + _STEPS_PER_TURN, _STEPS_PER_TURN):
                self.descent(method, min(at, step))
                yield (done + min(at, step)) / steps
            done += step

    def at(self, method: Method, log_weights: tuple[float, ...], step: int) -> Estimates:
        """Many estimates at some log weights; each step has its own draws."""
        return estimates(self.task, log_weights, method, self.draws, self.number, 1000 * self.seed + step)


def step_after(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the step that follows from a change of controls: whatever changes the descent starts it anew.

    Args:
        before: value of each control before the change, by name.
        changes: values that are set, by name.

    Example:
        >>> step_after({"tau": 1.0}, {"tau": 0.1}), step_after({"speed": "slow"}, {"speed": "fast"})
        ({'step': 0}, {})
    """
    kept = {"step", "speed", "tour", "table", "formulas", "python"}
    return {"step": 0} if any(before.get(name) != value for name, value in changes.items() if name not in kept) else {}
