"""The fields of a quality report, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass

from .gradients import GradientQuality, Reference
from .records import UrnRecord
from .samples import SampleQuality

__all__ = ["ReportData"]


@dataclass(frozen=True)
class ReportData:
    """Holds the fields of a quality report.

    Attributes:
        urn: parameters of the urn.
        temperatures: temperatures of the relaxation, in the order of the argument.
        objective: name of the objective; ``""`` if no gradients were measured.
        num_samples: samples of each sampler.
        num_gradients: estimates of each estimator.
        num_evaluations: samples per estimate.
        level: probability that a report raises any false alarm, by Holm's correction over all of its tests.
        seed: seed of all random numbers. The same seed gives the same numbers, except for times. The random numbers of a row do
            not depend on the other rows.
        support_size: number of count vectors; ``None`` if they are too many to enumerate, so that joint tests are omitted.
        samples: one row for each kind of conditionals and samples at each temperature.
        reference: reference of the gradients; ``None`` if no gradients were measured.
        gradients: one row for each estimator, at each temperature if it has one.
        equal_evaluations: budget of ``rmse_at_equal_evaluations``: evaluations per estimate of the most expensive estimator.
        equal_seconds: budget of ``rmse_at_equal_time``: seconds per estimate of the slowest estimator.

    Raises:
        ValueError: if the level is not between 0 and 1.
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
        """Number of tests that are corrected together."""
        return sum(len(row.p_values) for row in self.samples) + len(self.gradients)
