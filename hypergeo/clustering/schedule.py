"""How the step sizes of a stochastic fit fall, and how long its sizes are drawn."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Step sizes of Adam, and how they fall: constant, then linear, then constant again.

    Attributes:
        means: step size of the means, in standard deviations of the points.
        log_width: of the logarithm of the clusters' standard deviation.
        log_weights: of the importance weights' logarithms.
        steps: length of the schedule; ``None`` for one that never ends.
        hold: share of it at full step sizes.
        last: share of the step sizes left at its end and after.
        drawn: share of it at which sizes are drawn; the law's mean takes their place afterwards. Draws help to find the way,
            but the last digits are lost in their noise.
        betas: decay of Adam's averages.
    """

    means: float = 0.05
    log_width: float = 0.05
    log_weights: float = 0.2
    steps: int | None = 200
    hold: float = 0.7
    last: float = 0.05
    drawn: float = 0.4
    betas: tuple[float, float] = (0.9, 0.99)

    def factor(self, step: int) -> float:
        """What the step sizes are multiplied by at some step.

        Example:
            >>> [round(Schedule().factor(step), 3) for step in (0, 140, 170, 200, 1000)]
            [1.0, 1.0, 0.525, 0.05, 0.05]
        """
        if self.steps is None or step <= self.hold * self.steps:
            return 1.0
        gone = (step / self.steps - self.hold) / (1 - self.hold)
        return 1 - (1 - self.last) * min(gone, 1.0)

    def draws(self, step: int) -> bool:
        """Whether sizes are drawn at some step.

        Example:
            >>> Schedule().draws(79), Schedule().draws(80), Schedule(steps=None).draws(1_000_000)
            (True, False, True)
        """
        return self.steps is None or step < self.drawn * self.steps
