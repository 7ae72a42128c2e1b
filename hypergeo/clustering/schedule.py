"""Schedule of a stochastic fit: step sizes, and the steps with sampled sizes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Defines the step sizes of Adam: constant, then decreasing linearly, then constant again.

    Attributes:
        means: step size of the means, in standard deviations of the points.
        log_width: step size of the logarithm of the clusters' standard deviation.
        log_weights: step size of the log weights.
        steps: length of the schedule; ``None`` for an endless one.
        hold: fraction of the schedule with full step sizes.
        last: fraction of the step sizes at the end of the schedule and later.
        drawn: fraction of the schedule with sampled sizes, which are replaced by the distribution's mean afterwards. Samples
            help the search, but their noise limits the precision.
        betas: decay rates of Adam's averages.
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
        """Computes the factor of the step sizes at a step.

        Args:
            step: index of the step, from 0.

        Returns:
            Factor between ``last`` and 1.

        Example:
            >>> [round(Schedule().factor(step), 3) for step in (0, 140, 170, 200, 1000)]
            [1.0, 1.0, 0.525, 0.05, 0.05]
        """
        if self.steps is None or step <= self.hold * self.steps:
            return 1.0
        progress = (step / self.steps - self.hold) / (1 - self.hold)
        return 1 - (1 - self.last) * min(progress, 1.0)

    def draws(self, step: int) -> bool:
        """Checks whether sizes are sampled at a step.

        Args:
            step: index of the step, from 0.

        Returns:
            True if sizes are sampled.

        Example:
            >>> Schedule().draws(79), Schedule().draws(80), Schedule(steps=None).draws(1_000_000)
            (True, False, True)
        """
        return self.steps is None or step < self.drawn * self.steps
