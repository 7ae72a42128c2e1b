"""How estimates of a gradient agree with the exact one: bias, spread and direction, over the exact one's length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["Agreement", "agreement"]

_COVERAGE = 0.95
_FALSE_ALARM = 1e-4  # of saying that there is a bias where there is none; a page says it of many at once
_NEGLIGIBLE = 0.01  # of the exact gradient's length: what only rare draws show would otherwise pass for a bias
_TINY, _LARGE = 1e-12, 1e6  # deviations below which there is no noise, and t where there is none


@dataclass(frozen=True)
class Agreement:
    """Estimates against the exact gradient, in lengths of the exact one unless that is zero; then in its own units.

    Attributes:
        number: of estimates.
        norm: length of the exact gradient.
        bias: length of the mean estimate's error, less what noise adds to it.
        low: lower end of its 95 % interval.
        high: upper end.
        spread: root of the summed variances of single estimates.
        rmse: root of the mean squared length of a single estimate's error.
        along: the mean estimate's length along the exact gradient, less one.
        noise_along: its standard error.
        angle: between the mean estimate and the exact gradient, in degrees.
        biased: whether noise alone does not explain the error of the mean; said by chance once in ten thousand times.
    """

    number: int
    norm: float
    bias: float
    low: float
    high: float
    spread: float
    rmse: float
    along: float
    noise_along: float
    angle: float
    biased: bool

    @property
    def relative(self) -> bool:
        """Whether lengths are in those of the exact gradient, which is not zero."""
        return self.norm > 0


def agreement(estimates: np.ndarray, exact: np.ndarray, rounding: float = 1e-9) -> Agreement:
    """Compares estimates with the exact gradient.

    The interval of the bias is the length of the mean's error, more or less the length that its noise stays below with 95 %
    by Satterthwaite's approximation to the sum of squares.

    Args:
        estimates: independent estimates, shape ``(S, K)``.
        exact: the exact gradient, shape ``(K,)``.
        rounding: lengths, in gradient units, that count as zero.

    Example:
        >>> found = agreement(np.array([[1.1, -1.1], [1.3, -1.3]]), np.array([1.0, -1.0]))
        >>> round(found.along, 3), round(found.angle, 3)
        (0.2, 0.0)
    """
    number = len(estimates)
    mean = estimates.mean(0)
    norm = float(np.linalg.norm(exact))
    norm = norm if norm > rounding else 0.0
    unit = norm or 1.0
    centred = estimates - mean
    covariance = centred.T @ centred / max(number - 1, 1)
    noise = covariance / number
    trace = float(np.trace(noise))
    length = float(np.linalg.norm(mean - exact))
    reach = 0.0
    if trace > rounding**2:
        freedom = trace**2 / float((noise**2).sum())
        reach = (trace * float(stats.chi2.ppf(_COVERAGE, freedom)) / freedom) ** 0.5
    length, reach = (value if value > rounding else 0.0 for value in (length, reach))
    size = float(np.linalg.norm(mean))
    cosine = float(mean @ exact) / (size * norm) if norm and size > rounding else 1.0
    spread = float(np.trace(covariance)) ** 0.5
    rmse = float(((estimates - exact) ** 2).sum(-1).mean()) ** 0.5
    return Agreement(
        number=number,
        norm=norm,
        bias=max(length**2 - trace, 0.0) ** 0.5 / unit,
        low=max(length - reach, 0.0) / unit,
        high=(length + reach) / unit,
        spread=(spread if spread > rounding else 0.0) / unit,
        rmse=(rmse if rmse > rounding else 0.0) / unit,
        along=float(mean @ exact) / norm**2 - 1 if norm else 0.0,
        noise_along=float(exact @ noise @ exact) ** 0.5 / norm**2 if norm else 0.0,
        biased=_p_value(mean - exact, centred, max(rounding, _NEGLIGIBLE * norm)) < _FALSE_ALARM,
        angle=float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))),
    )


def _p_value(error: np.ndarray, centred: np.ndarray, negligible: float) -> float:
    """Of t-tests of a bias above what is negligible, Bonferroni over the components.

    Estimates are skewed, by rare draws above all; Hall's transformation takes the skewness out of t (P. Hall, "On the removal
    of skewness by transformation", Journal of the Royal Statistical Society B 54, 1992).
    """
    number = len(centred)
    deviation = centred.std(0, ddof=min(1, number - 1))
    varies = deviation > _TINY
    skewness = np.where(varies, ((centred / np.where(varies, deviation, 1.0)) ** 3).mean(0), 0.0)
    beyond = np.sign(error) * np.maximum(np.abs(error) - negligible, 0)
    t = np.clip(beyond / np.maximum(deviation / number**0.5, _TINY), -_LARGE, _LARGE)
    scores = t + skewness * (2 * t**2 + 1) / (6 * number**0.5) + skewness**2 * t**3 / (27 * number)
    best = float(np.where(t != 0, np.abs(scores), 0.0).max())
    return min(1.0, 2 * len(error) * float(stats.t.sf(best, max(number - 1, 1))))
