"""Comparison of gradient estimates with the exact gradient: bias, standard deviation and direction, each with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from scipy.special import gammaincinv, stdtr, stdtrit
from torch import Tensor

from .reference_gradient import Reference

__all__ = ["NEGLIGIBLE", "Agreement", "Measured", "compare_gradients"]

NEGLIGIBLE = 0.01
"""Biases below this fraction of the exact gradient norm are not tested. Otherwise the effect of samples that are too rare to
occur among the estimates would count as a bias without noise."""

_COVERAGE = 0.95
_FALSE_ALARM = 1e-4


@dataclass(frozen=True)
class Measured:
    """Holds a number with the ends of its 95 % interval.

    Attributes:
        value: the estimate.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float
    low: float
    high: float

    def over(self, unit: float) -> Measured:
        """Divides the number and its interval by a unit.

        Args:
            unit: positive unit.

        Returns:
            Number and interval in that unit.
        """
        return Measured(self.value / unit, self.low / unit, self.high / unit)


@dataclass(frozen=True)
class Agreement:
    """Holds statistics of the agreement of estimates with the exact gradient.

    Attributes:
        number: number of estimates.
        norm: norm of the exact gradient; zero where it is rounding or noise.
        bias: norm of the mean estimate's error, less the part due to its noise. The interval covers the norm of the true bias
            with a probability of at least 95 %: it is the norm of the error plus or minus the 95 % quantile of the norm of its
            noise.
        deviation: root of the summed variances of one estimate.
        rmse: root of the mean squared error norm of one estimate.
        cosine: mean cosine of the angle between an estimate and the exact gradient; ``None`` if the gradient is zero.
        mean: mean estimate of each component.
        standard_errors: standard errors of the mean estimate, of each component.
        p_value: p-value of the t-tests of the components for a bias above ``NEGLIGIBLE`` times the gradient norm, corrected by
            Bonferroni.
        along: projection of the mean estimate on the exact gradient, relative to the gradient norm, minus one.
        along_error: standard error of ``along``.
        angle: angle between the mean estimate and the exact gradient, in degrees.
    """

    number: int
    norm: float
    bias: Measured
    deviation: Measured
    rmse: Measured
    cosine: Measured | None
    mean: tuple[float, ...]
    standard_errors: tuple[float, ...]
    p_value: float
    along: float
    along_error: float
    angle: float

    @property
    def biased(self) -> bool:
        """Whether the bias is significant at a false-alarm rate of 1 in 10,000."""
        return self.p_value < _FALSE_ALARM

    def relative(self) -> Agreement:
        """Expresses bias, deviation and error relative to the exact gradient norm, unless that is zero.

        Returns:
            Statistics in units of the gradient norm.
        """
        unit = self.norm or 1.0
        return replace(self, bias=self.bias.over(unit), deviation=self.deviation.over(unit), rmse=self.rmse.over(unit))


def compare_gradients(estimates: Tensor, reference: Reference) -> Agreement:
    """Compares independent estimates with the exact gradient.

    Args:
        estimates: at least two estimates, shape ``(S, K)``, float64.
        reference: the exact gradient, or a long-run estimate of it with standard errors.

    Returns:
        Statistics of the agreement, in the gradient's own units.

    Example:
        >>> estimates = torch.tensor([[1.1, -1.1], [1.3, -1.3]], dtype=torch.float64)
        >>> agreement = compare_gradients(estimates, Reference("exact", (1.0, -1.0), (0.0, 0.0), ""))
        >>> round(agreement.along, 3), round(agreement.angle, 3)
        (0.2, 0.0)
    """
    truth = torch.tensor(reference.gradient, dtype=torch.float64)
    reference_variances = torch.tensor(reference.standard_errors, dtype=torch.float64).square()
    number, norm, rounding = len(estimates), reference.norm, reference.rounding
    mean = estimates.mean(0)
    error, centred = mean - truth, estimates - mean
    variances = centred.square().sum(0) / (number - 1)
    length, reach = float(error.norm()), _noise_radius(centred, reference_variances)
    length, reach = (0.0 if value <= rounding else value for value in (length, reach))
    debiased = max(length**2 - float((variances / number + reference_variances).sum()), 0.0) ** 0.5
    cosines = (estimates @ truth) / (estimates.norm(dim=-1) * float(truth.norm())).clamp(min=1e-300)
    size = float(mean.norm())
    cosine = float(mean @ truth) / (size * norm) if norm and size > rounding else 1.0
    return Agreement(
        number=number,
        norm=norm,
        bias=Measured(debiased, max(length - reach, 0.0), length + reach),
        deviation=_root(centred.square().sum(-1) * number / (number - 1), rounding),
        rmse=_root((estimates - truth).square().sum(-1) - reference_variances.sum(), rounding),
        cosine=_mean(cosines, -1.0, 1.0) if norm else None,
        mean=tuple(mean.tolist()),
        standard_errors=tuple((variances / number).sqrt().tolist()),
        p_value=_bias_p_value(error, centred, reference_variances, max(rounding, NEGLIGIBLE * norm)),
        along=float(mean @ truth) / norm**2 - 1 if norm else 0.0,
        along_error=float((centred @ truth).norm()) / ((number - 1) * number) ** 0.5 / norm**2 if norm else 0.0,
        angle=math.degrees(math.acos(min(max(cosine, -1.0), 1.0))),
    )


def _bias_p_value(error: Tensor, centred: Tensor, reference_variances: Tensor, negligible: float) -> float:
    """Returns the smallest p-value of the components' t-tests for a bias above the negligible one, corrected by Bonferroni.

    Estimates are skewed, mainly by rare samples, so t-tests reject too often on one side. Hall's transformation removes the
    skewness (P. Hall, "On the removal of skewness by transformation", Journal of the Royal Statistical Society B 54, 1992).
    """
    number = len(centred)
    deviation = (centred.square().sum(0) / (number - 1)).sqrt()
    skewness = ((centred / deviation.clamp(min=1e-300)) ** 3).mean(0)
    beyond = (error.abs() - negligible).clamp(min=0)
    t = error.sign() * beyond / (deviation.square() / number + reference_variances).sqrt().clamp(min=1e-300)
    t = t.clamp(-1e6, 1e6)  # infinite without noise
    scores = t + skewness * (2 * t**2 + 1) / (6 * number**0.5) + skewness**2 * t**3 / (27 * number)
    scores = torch.where(beyond > 0, scores.abs(), 0.0)
    return min(1.0, len(error) * 2 * float(stdtr(number - 1, -float(scores.max()))))


def _noise_radius(centred: Tensor, reference_variances: Tensor) -> float:
    """Returns the 95 % quantile of the norm of the mean estimate's noise, by Satterthwaite's approximation to its square."""
    number, groups = centred.shape
    small = centred if number < groups else centred.T
    gram = small @ small.T / ((number - 1) * number)
    # Only the squares of the eigenvalues matter, and the smaller of the two Gram matrices has them all.
    trace, squares = (
        float(gram.trace() + reference_variances.sum()),
        float(gram.square().sum() + reference_variances.square().sum()),
    )
    if trace <= 0:
        return 0.0
    freedom = trace**2 / squares
    return float((squares / trace * 2 * gammaincinv(freedom / 2, _COVERAGE)) ** 0.5)


def _mean(values: Tensor, low: float, high: float) -> Measured:
    mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    reach = float(stdtrit(len(values) - 1, 0.5 + _COVERAGE / 2)) * error
    return Measured(min(max(mean, low), high), max(mean - reach, low), min(mean + reach, high))


def _root(squares: Tensor, rounding: float) -> Measured:
    """Returns the root of a mean of squares, with the interval of that mean."""
    mean = _mean(squares, 0.0, float("inf"))
    ends = (mean.value**0.5, mean.low**0.5, mean.high**0.5)
    return Measured(*(end if end > rounding else 0.0 for end in ends))
