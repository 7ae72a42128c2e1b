"""Comparison of one gradient estimator with the exact gradient: bias, standard deviation, direction, their intervals and the
cost."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from hypergeo._validate import require_count
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.estimators import Estimator, Objective
from hypergeo.objectives import CountedObjective

from .agreement import NEGLIGIBLE, Measured, compare_gradients
from .reference_gradient import Reference, gradients, independent_gradients, reference_gradient

__all__ = ["NEGLIGIBLE", "SLIGHT", "GradientQuality", "Measured", "Reference", "measure_estimator", "reference_gradient"]

SLIGHT = 0.1
"""An estimator is reported as biased if the lower 95 % bound of its relative bias exceeds this."""


@dataclass(frozen=True)
class GradientQuality:
    """Holds the comparison of one estimator's gradients with the reference.

    Bias, deviation and root mean squared error are norms of vectors over the groups, for one estimate from
    ``report.num_evaluations`` samples.

    Attributes:
        label: name of the estimator.
        temperature: temperature of its relaxation; ``None`` if it has none.
        num_estimates: number of independent estimates.
        evaluations: counted evaluations of the objective per estimate.
        seconds: median wall time of one estimate, gradient included.
        bias: norm of the mean estimate's error, less the part due to its noise. The interval covers the norm of the true bias
            with a probability of at least 95 %: it is the norm of the error plus or minus the 95 % quantile of the norm of its
            noise.
        relative_bias: bias divided by the gradient norm; ``None`` if that is zero.
        deviation: root of the summed variances.
        rmse: root of the mean squared error norm of an estimate.
        cosine: mean cosine of the angle between an estimate and the reference; ``None`` if the reference is zero.
        mean: mean estimate of each component.
        standard_errors: standard errors of the mean estimate, of each component.
        bias_p_value: p-value of the t-tests of the components for a bias above ``NEGLIGIBLE`` times the gradient norm,
            corrected by Bonferroni.
        adjusted_p_value: p-value after Holm's correction over all tests of a report.
        level: false-alarm rate of the tests that were corrected together.
        rmse_at_equal_evaluations: error of the mean of as many estimates as the report's budget of evaluations allows.
        rmse_at_equal_time: error of the mean of as many estimates as the report's budget of seconds allows.
    """

    label: str
    temperature: float | None
    num_estimates: int
    evaluations: float
    seconds: float
    bias: Measured
    relative_bias: Measured | None
    deviation: Measured
    rmse: Measured
    cosine: Measured | None
    mean: tuple[float, ...]
    standard_errors: tuple[float, ...]
    bias_p_value: float
    adjusted_p_value: float = 1.0
    level: float = 0.01
    rmse_at_equal_evaluations: float = 0.0
    rmse_at_equal_time: float = 0.0

    @property
    def biased(self) -> bool:
        """Whether the bias is significant."""
        return self.adjusted_p_value <= self.level

    @property
    def verdict(self) -> str:
        """``"no bias found"``, ``"some bias"`` (significant, but its lower bound is below a tenth of the gradient) or
        ``"biased"``."""
        if not self.biased:
            return "no bias found"
        return "biased" if self.relative_bias is None or self.relative_bias.low >= SLIGHT else "some bias"

    def at_cost(self, evaluations: float, seconds: float) -> GradientQuality:
        """Computes the errors at equal cost: those of a mean of as many estimates as the budgets allow.

        Args:
            evaluations: budget of evaluations of the objective.
            seconds: budget of wall time.

        Returns:
            The same comparison with both errors filled in.
        """

        def error(estimates: float) -> float:
            return float((self.bias.value**2 + self.deviation.value**2 / max(estimates, 1e-300)) ** 0.5)

        return replace(
            self,
            rmse_at_equal_evaluations=error(evaluations / self.evaluations),
            rmse_at_equal_time=error(seconds / self.seconds),
        )


def measure_estimator(
    distribution: FisherHypergeometric,
    objective: Objective,
    estimator: Estimator,
    reference: Reference,
    *,
    label: str,
    num_estimates: int,
    num_evaluations: int,
    step: Callable[[float], None] = lambda fraction: None,
    generator: torch.Generator | None = None,
) -> GradientQuality:
    """Compares independent estimates of the gradient in the log weights with the reference.

    A ``ValueError`` is raised for fewer than two estimates, and for an estimator whose gradient is missing or not finite.

    Args:
        distribution: the distribution, without a batch.
        objective: maps counts ``(..., K)`` to ``(...)``.
        estimator: object with a method ``surrogate_loss``.
        reference: result of :func:`reference_gradient` for the same distribution and objective.
        label: name of the estimator.
        num_estimates: number of estimates, at least two.
        num_evaluations: samples per estimate.
        step: called with the fraction of the work that is done.
        generator: source of the random numbers; torch's global generator if omitted.

    Returns:
        Bias, deviation, error, direction and cost of the estimator.

    Example:
        >>> from hypergeo.estimators import ExactMarginal
        >>> urn = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
        >>> reference = reference_gradient(urn, lambda x: x[..., 0])
        >>> quality = measure_estimator(
        ...     urn, lambda x: x[..., 0], ExactMarginal(), reference, label="ours", num_estimates=10, num_evaluations=4
        ... )
        >>> quality.bias.high, quality.deviation.value, quality.evaluations
        (0.0, 0.0, 4.0)
    """
    require_count("num_estimates", num_estimates, 2)
    estimates = independent_gradients(
        estimator,
        distribution,
        objective,
        num_evaluations,
        num_estimates,
        lambda fraction: step(0.8 * fraction),
        generator=generator,
    )
    agreement = compare_gradients(estimates, reference)
    evaluations, seconds = _cost(estimator, distribution, objective, num_evaluations, generator)
    step(1.0)
    return GradientQuality(
        label=label,
        temperature=getattr(estimator, "temperature", None),
        num_estimates=num_estimates,
        evaluations=evaluations,
        seconds=seconds,
        bias=agreement.bias,
        relative_bias=agreement.bias.over(agreement.norm) if agreement.norm else None,
        deviation=agreement.deviation,
        rmse=agreement.rmse,
        cosine=agreement.cosine,
        mean=agreement.mean,
        standard_errors=agreement.standard_errors,
        bias_p_value=agreement.p_value,
    )


def _cost(
    estimator: Estimator,
    distribution: FisherHypergeometric,
    objective: Objective,
    num_evaluations: int,
    generator: torch.Generator | None,
) -> tuple[float, float]:
    """Returns the evaluations and the median seconds of single estimates, as a training loop would compute them."""
    counted = CountedObjective(objective)
    durations: list[float] = []
    while len(durations) < 3 or (len(durations) < 15 and sum(durations) < 0.1):
        start = time.perf_counter()
        gradients(estimator, distribution, counted, num_evaluations, 1, generator=generator)
        durations.append(time.perf_counter() - start)
    return counted.evaluations / len(durations), statistics.median(durations)
