"""One gradient estimator held against the exact gradient: bias, spread and direction, each with its interval, and the cost."""

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
"""Share of the exact gradient's length that a bias must surely exceed for an estimator to be called biased."""


@dataclass(frozen=True)
class GradientQuality:
    """How one estimator's gradients compare with the reference.

    Bias, deviation and root mean squared error are lengths of vectors over the groups, of one estimate from
    ``report.num_evaluations`` draws.

    Attributes:
        label: the estimator in words.
        temperature: of its relaxation; ``None`` where it has none.
        num_estimates: number of independent estimates.
        evaluations: evaluations of the objective that one estimate took, as counted.
        seconds: median wall time of one estimate, gradient included.
        bias: length of the mean estimate's error, less what its own noise adds. The interval covers the true bias with at
            least 95 %: it is the length of the error, more or less the length that its noise has at most.
        relative_bias: the same, over the gradient's length; ``None`` where that is zero.
        deviation: root of the summed variances.
        rmse: root of the mean squared length of an estimate's error.
        cosine: mean cosine of the angle between an estimate and the reference; ``None`` where the reference is zero.
        mean: mean estimate, by component.
        standard_errors: of the mean estimate, by component.
        bias_p_value: t-tests of each component, of a bias above ``NEGLIGIBLE`` of the gradient; Bonferroni over the components.
        adjusted_p_value: after Holm's correction over a whole report's tests.
        level: false-alarm rate of the tests that were corrected together.
        rmse_at_equal_evaluations: of the mean of as many estimates as the report's budget of evaluations pays for.
        rmse_at_equal_time: of the mean of as many estimates as its budget of seconds pays for.
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
        """Whether the bias cannot be the estimates' noise."""
        return self.adjusted_p_value <= self.level

    @property
    def verdict(self) -> str:
        """``"no bias found"``, ``"some bias"`` (found, but not surely above a tenth of the gradient) or ``"biased"``."""
        if not self.biased:
            return "no bias found"
        return "biased" if self.relative_bias is None or self.relative_bias.low >= SLIGHT else "some bias"

    def at_cost(self, evaluations: float, seconds: float) -> GradientQuality:
        """The same, with the error of a mean of as many estimates as these budgets pay for.

        Args:
            evaluations: evaluations of the objective.
            seconds: wall time.
        """

        def error(paid: float) -> float:
            return float((self.bias.value**2 + self.deviation.value**2 / max(paid, 1e-300)) ** 0.5)

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
    step: Callable[[float], None] = lambda share: None,
    generator: torch.Generator | None = None,
) -> GradientQuality:
    """Independent estimates of the gradient in the log weights against the reference.

    Args:
        distribution: the law, without a batch.
        objective: maps counts ``(..., K)`` to ``(...)``.
        estimator: anything with ``surrogate_loss``.
        reference: what :func:`reference_gradient` gave for this law and objective.
        label: the estimator in words.
        num_estimates: number of estimates, at least two.
        num_evaluations: draws of each estimate.
        step: called with the share of the work done.
        generator: source of the random numbers; torch's global one when omitted.

    Raises:
        ValueError: for fewer than two estimates, or an estimator whose gradients are not finite or not there.

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
        lambda share: step(0.8 * share),
        generator=generator,
    )
    found = compare_gradients(estimates, reference)
    evaluations, seconds = _cost(estimator, distribution, objective, num_evaluations, generator)
    step(1.0)
    return GradientQuality(
        label=label,
        temperature=getattr(estimator, "temperature", None),
        num_estimates=num_estimates,
        evaluations=evaluations,
        seconds=seconds,
        bias=found.bias,
        relative_bias=found.bias.over(found.norm) if found.norm else None,
        deviation=found.deviation,
        rmse=found.rmse,
        cosine=found.cosine,
        mean=found.mean,
        standard_errors=found.standard_errors,
        bias_p_value=found.p_value,
    )


def _cost(
    estimator: Estimator,
    distribution: FisherHypergeometric,
    objective: Objective,
    num_evaluations: int,
    generator: torch.Generator | None,
) -> tuple[float, float]:
    """Evaluations and median seconds of single estimates, as a training loop would make them."""
    counted = CountedObjective(objective)
    spent: list[float] = []
    while len(spent) < 3 or (len(spent) < 15 and sum(spent) < 0.1):
        start = time.perf_counter()
        gradients(estimator, distribution, counted, num_evaluations, 1, generator=generator)
        spent.append(time.perf_counter() - start)
    return counted.evaluations / len(spent), statistics.median(spent)
