"""Settings of the gradients page: urn, loss, estimator and optimiser, from the values of the controls."""

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

_STEPS_PER_TURN = 10  # steps of a descent before other sessions have their turn


@dataclass(frozen=True)
class GradientSettings:
    """What the controls of the page ask for.

    Attributes:
        task: the urn at the start and the loss.
        method: the estimator.
        draws: number of samples per estimate.
        number: number of estimates.
        optimizer: ``"Adam"``, or ``"plain"`` for gradient descent.
        rate: learning rate.
        seed: seed of all samples.
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
        """Makes the settings from the values of the page's controls.

        Args:
            values: value of each control, by name.

        Returns:
            The settings.
        """
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
        """Makes the first steps of a descent.

        Args:
            method: estimator that replaces the one of the settings.
            step: number of steps.

        Returns:
            The record of the steps.
        """
        return descent(self.task, method, self.draws, self.rate, self.optimizer, self.seed, step)

    def steps_until(self, asked: Mapping[Method, int]) -> Iterator[float]:
        """Makes descents, a few steps at a time.

        Args:
            asked: number of steps, by estimator.

        Yields:
            The fraction that is done, in (0, 1].
        """
        done, steps = 0, sum(asked.values())
        for method, step in asked.items():
            for at in range(_STEPS_PER_TURN, step + _STEPS_PER_TURN, _STEPS_PER_TURN):
                self.descent(method, min(at, step))
                yield (done + min(at, step)) / steps
            done += step

    def at(self, method: Method, log_weights: tuple[float, ...], step: int) -> Estimates:
        """Computes independent estimates of one gradient.

        Args:
            method: estimator that replaces the one of the settings.
            log_weights: log weight of each of the ``K`` groups.
            step: index of the step, which has its own seed.

        Returns:
            Gradients of shape ``(number, K)`` and their cost.
        """
        return estimates(self.task, log_weights, method, self.draws, self.number, 1000 * self.seed + step)


def step_after(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the step after a change of controls: a change of the descent starts it again.

    Args:
        before: value of each control before the change, by name.
        changes: values that are set, by name.

    Returns:
        Step 0 if the descent changes, else nothing.

    Example:
        >>> step_after({"tau": 1.0}, {"tau": 0.1}), step_after({"speed": "slow"}, {"speed": "fast"})
        ({'step': 0}, {})
    """
    kept = {"step", "speed", "tour", "table", "formulas", "python"}
    return {"step": 0} if any(before.get(name) != value for name, value in changes.items() if name not in kept) else {}
