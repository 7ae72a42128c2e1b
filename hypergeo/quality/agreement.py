"""Estimates of a gradient against the exact one: bias, standard deviation and direction, each with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from scipy.special import gammaincinv, stdtr, stdtrit
from torch import Tensor

from .reference_gradient import Reference

__all__ = ["NEGLIGIBLE", "Agreement", "Measured", "compare_gradients"]

NEGLIGIBLE = 0.01
"""Share of the exact gradient's length below which no bias is looked for. What shows only in draws too rare to be among those
made would otherwise pass for a bias without noise."""

_COVERAGE = 0.95
_FALSE_ALARM = 1e-4


@dataclass(frozen=True)
class Measured:
    """A number with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def over(self, unit: float) -> Measured:
        """The same in other units."""
        return Measured(self.value / unit, self.low / unit, self.high / unit)


@dataclass(frozen=True)
class Agreement:
    """How estimates agree with the exact gradient.

    Attributes:
        number: of estimates.
        norm: length of the exact gradient, zero where that is rounding or noise.
        bias: length of the mean estimate's error, less what its own noise adds. The interval covers the true bias with at
            least 95 %: it is the length of the error, more or less the length that its noise has at most.
        deviation: root of the summed variances of one estimate.
        rmse: root of the mean squared length of one estimate's error.
        cosine: mean cosine of the angle between an estimate and the exact gradient; ``None`` where that is zero.
        mean: mean estimate, by component.
        standard_errors: of the mean estimate, by component.
        p_value: t-tests of each component, of a bias above ``NEGLIGIBLE`` of the gradient; Bonferroni over the components.
        along: the mean estimate's length along the exact gradient in lengths of that, less one.
        along_error: its standard error.
        angle: between the mean estimate and the exact gradient, in degrees.
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
        """Whether noise alone does not explain the error of the mean, with a false alarm in one of ten thousand cases."""
        return self.p_value < _FALSE_ALARM

    def relative(self) -> Agreement:
        """The same with bias, deviation and error in lengths of the exact gradient, unless that is zero."""
        unit = self.norm or 1.0
        return replace(self, bias=self.bias.over(unit), deviation=self.deviation.over(unit), rmse=self.rmse.over(unit))


def compare_gradients(estimates: Tensor, reference: Reference) -> Agreement:
    """Compares independent estimates with the exact gradient.

    Args:
        estimates: at least two, shape ``(S, K)``, float64.
        reference: the exact gradient, or what stands for it with its own standard errors.

    Returns:
        Lengths in the gradient's own units.

    Example:
        >>> estimates = torch.tensor([[1.1, -1.1], [1.3, -1.3]], dtype=torch.float64)
        >>> found = compare_gradients(estimates, Reference("exact", (1.0, -1.0), (0.0, 0.0), ""))
        >>> round(found.along, 3), round(found.angle, 3)
        (0.2, 0.0)
    """
    truth = torch.tensor(reference.gradient, dtype=torch.float64)
    doubt = torch.tensor(reference.standard_errors, dtype=torch.float64).square()
    number, norm, rounding = len(estimates), reference.norm, reference.rounding
    mean = estimates.mean(0)
    error, centred = mean - truth, estimates - mean
    variances = centred.square().sum(0) / (number - 1)
    length, reach = float(error.norm()), _noise_radius(centred, doubt)
    length, reach = (0.0 if value <= rounding else value for value in (length, reach))
    debiased = max(length**2 - float((variances / number + doubt).sum()), 0.0) ** 0.5
    cosines = (estimates @ truth) / (estimates.norm(dim=-1) * float(truth.norm())).clamp(min=1e-300)
    size = float(mean.norm())
    cosine = float(mean @ truth) / (size * norm) if norm and size > rounding else 1.0
    return Agreement(
        number=number,
        norm=norm,
        bias=Measured(debiased, max(length - reach, 0.0), length + reach),
        deviation=_root(centred.square().sum(-1) * number / (number - 1), rounding),
        rmse=_root((estimates - truth).square().sum(-1) - doubt.sum(), rounding),
        cosine=_mean(cosines, -1.0, 1.0) if norm else None,
        mean=tuple(mean.tolist()),
        standard_errors=tuple((variances / number).sqrt().tolist()),
        p_value=_bias_p_value(error, centred, doubt, max(rounding, NEGLIGIBLE * norm)),
        along=float(mean @ truth) / norm**2 - 1 if norm else 0.0,
        along_error=float((centred @ truth).norm()) / ((number - 1) * number) ** 0.5 / norm**2 if norm else 0.0,
        angle=math.degrees(math.acos(min(max(cosine, -1.0), 1.0))),
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
    return min(1.0, len(error) * 2 * float(stdtr(number - 1, -float(scores.max()))))


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
    return float((squares / trace * 2 * gammaincinv(freedom / 2, _COVERAGE)) ** 0.5)


def _mean(values: Tensor, low: float, high: float) -> Measured:
    mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    reach = float(stdtrit(len(values) - 1, 0.5 + _COVERAGE / 2)) * error
    return Measured(min(max(mean, low), high), max(mean - reach, low), min(mean + reach, high))


def _root(squares: Tensor, rounding: float) -> Measured:
    """Root of a mean of squares, by the interval of that mean."""
    mean = _mean(squares, 0.0, float("inf"))
    ends = (mean.value**0.5, mean.low**0.5, mean.high**0.5)
    return Measured(*(end if end > rounding else 0.0 for end in ends))
