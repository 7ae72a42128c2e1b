"""One gradient estimator held against the exact gradient: bias, spread and direction, each with its interval, and the cost."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from scipy import stats
from torch import Tensor

from hypergeo._validate import require_count
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.estimators import Estimator, Objective
from hypergeo.objectives import CountedObjective

from .reference_gradient import Reference, gradients, independent_gradients, reference_gradient

__all__ = ["NEGLIGIBLE", "SLIGHT", "GradientQuality", "Measured", "Reference", "measure_estimator", "reference_gradient"]

SLIGHT = 0.1
"""Share of the exact gradient's length that a bias must surely exceed for an estimator to be called biased."""

NEGLIGIBLE = 0.01
"""Share of the exact gradient's length below which no bias is looked for. What shows only in draws too rare to be among those
made would otherwise pass for a bias without noise."""

_COVERAGE = 0.95


@dataclass(frozen=True)
class Measured:
    """A number with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


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
) -> GradientQuality:
    """Independent estimates of the gradient in the log weights against the reference, from torch's global generator.

    Args:
        distribution: the law, without a batch.
        objective: maps counts ``(..., K)`` to ``(...)``.
        estimator: anything with ``surrogate_loss``.
        reference: what :func:`reference_gradient` gave for this law and objective.
        label: the estimator in words.
        num_estimates: number of estimates, at least two.
        num_evaluations: draws of each estimate.
        step: called with the share of the work done.

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
        estimator, distribution, objective, num_evaluations, num_estimates, lambda share: step(0.8 * share)
    )
    truth = torch.tensor(reference.gradient, dtype=torch.float64)
    doubt = torch.tensor(reference.standard_errors, dtype=torch.float64).square()
    mean, centred = estimates.mean(0), estimates - estimates.mean(0)
    error = mean - truth
    variances = centred.square().sum(0) / (num_estimates - 1)
    noise = variances / num_estimates + doubt
    rounding = reference.rounding
    length, reach = float(error.norm()), _noise_radius(centred, doubt)
    length, reach = (0.0 if value <= rounding else value for value in (length, reach))
    debiased = max(length**2 - float(noise.sum()), 0.0) ** 0.5
    bias = Measured(debiased, max(length - reach, 0.0), length + reach)
    norm = reference.norm
    squared = (estimates - truth).square().sum(-1) - doubt.sum()
    cosines = (estimates @ truth) / (estimates.norm(dim=-1) * float(truth.norm())).clamp(min=1e-300)
    evaluations, seconds = _cost(estimator, distribution, objective, num_evaluations)
    step(1.0)
    return GradientQuality(
        label=label,
        temperature=getattr(estimator, "temperature", None),
        num_estimates=num_estimates,
        evaluations=evaluations,
        seconds=seconds,
        bias=bias,
        relative_bias=None if not norm else Measured(bias.value / norm, bias.low / norm, bias.high / norm),
        deviation=_root(centred.square().sum(-1) * num_estimates / (num_estimates - 1), rounding),
        rmse=_root(squared, rounding),
        cosine=None if not norm else _mean(cosines, -1.0, 1.0),
        mean=tuple(mean.tolist()),
        standard_errors=tuple((variances / num_estimates).sqrt().tolist()),
        bias_p_value=_bias_p_value(error, centred, doubt, max(rounding, NEGLIGIBLE * norm)),
    )


def _bias_p_value(error: Tensor, centred: Tensor, doubt: Tensor, negligible: float) -> float:
    """Smallest p-value of the components' t-tests of a bias above what is negligible, Bonferroni over the components.

    Estimates are skewed, by rare draws above all, which makes t-tests too eager on one side; Hall's transformation takes the
    skewness out (P. Hall, "On the removal of skewness by transformation", Journal of the Royal Statistical Society B 54, 1992).
    """
    number = len(centred)
    spread = (centred.square().sum(0) / (number - 1)).sqrt()
    skewness = ((centred / spread.clamp(min=1e-300)) ** 3).mean(0)
    beyond = (error.abs() - negligible).clamp(min=0)
    t = error.sign() * beyond / (spread.square() / number + doubt).sqrt().clamp(min=1e-300)
    t = t.clamp(-1e6, 1e6)  # without noise it is infinite
    scores = t + skewness * (2 * t**2 + 1) / (6 * number**0.5) + skewness**2 * t**3 / (27 * number)
    scores = torch.where(beyond > 0, scores.abs(), 0.0)
    return min(1.0, len(error) * 2 * float(stats.t.sf(float(scores.max()), number - 1)))


def _noise_radius(centred: Tensor, doubt: Tensor) -> float:
    """The length that the mean estimate's noise stays below with 95 %: Satterthwaite's approximation to its square."""
    number, groups = centred.shape
    small = centred if number < groups else centred.T
    gram = small @ small.T / ((number - 1) * number)
    # The squares of the eigenvalues are what matters, and the smaller of the two products has them all.
    trace, squares = float(gram.trace() + doubt.sum()), float(gram.square().sum() + doubt.square().sum())
    if trace <= 0:
        return 0.0
    freedom = trace**2 / squares
    return float((squares / trace * stats.chi2.ppf(_COVERAGE, freedom)) ** 0.5)


def _mean(values: Tensor, low: float, high: float) -> Measured:
    mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    reach = float(stats.t.ppf(0.5 + _COVERAGE / 2, len(values) - 1)) * error
    return Measured(min(max(mean, low), high), max(mean - reach, low), min(mean + reach, high))


def _root(squares: Tensor, rounding: float) -> Measured:
    """Root of a mean of squares, by the interval of that mean."""
    mean = _mean(squares, 0.0, float("inf"))
    ends = (mean.value**0.5, mean.low**0.5, mean.high**0.5)
    return Measured(*(end if end > rounding else 0.0 for end in ends))


def _cost(
    estimator: Estimator, distribution: FisherHypergeometric, objective: Objective, num_evaluations: int
) -> tuple[float, float]:
    """Evaluations and median seconds of single estimates, as a training loop would make them."""
    counted = CountedObjective(objective)
    spent: list[float] = []
    while len(spent) < 3 or (len(spent) < 15 and sum(spent) < 0.1):
        start = time.perf_counter()
        gradients(estimator, distribution, counted, num_evaluations, 1)
        spent.append(time.perf_counter() - start)
    return counted.evaluations / len(spent), statistics.median(spent)
