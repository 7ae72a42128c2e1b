"""The fields of a quality report, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

from .gradients import GradientQuality, Reference
from .records import UrnRecord
from .samples import SampleQuality

__all__ = ["ReportData"]


@dataclass(frozen=True)
class ReportData:
    """What a quality report holds.

    Attributes:
        urn: the urn.
        temperatures: of the relaxation, in the order given.
        objective: its name in words; ``""`` where no gradients were measured.
        num_samples: draws of each sampler.
        num_gradients: estimates of each estimator.
        num_evaluations: draws of each estimate.
        level: probability that a report raises any false alarm: Holm's correction over all of its tests.
        seed: the same seed gives the same numbers, times apart; each row has random numbers of its own, whatever the others.
        support_size: number of count vectors; ``None`` where they are too many to list, so that joint tests are left out.
        samples: one for each pair of conditionals and hardness at each temperature.
        reference: what gradients are measured against; ``None`` where none were.
        gradients: one for each estimator, at each temperature where it has one.
        equal_evaluations: budget of ``rmse_at_equal_evaluations``: what one estimate of the costliest estimator takes.
        equal_seconds: budget of ``rmse_at_equal_time``, likewise.
    """

    urn: UrnRecord
    temperatures: tuple[float, ...]
    objective: str
    num_samples: int
    num_gradients: int
    num_evaluations: int
    level: float
    seed: int
    support_size: int | None
    samples: tuple[SampleQuality, ...]
    reference: Reference | None
    gradients: tuple[GradientQuality, ...]
    equal_evaluations: float | None
    equal_seconds: float | None

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ValueError(f"level must be between 0 and 1; got {self.level}.")

    @property
    def num_tests(self) -> int:
        """How many tests the correction is for."""
        return sum(len(row.p_values) for row in self.samples) + len(self.gradients)
