"""Confidence intervals of weights by profile likelihood, and exactly for two groups."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from hypergeo.numerics.binomials import log_binomial_pmf, solve_tilt
from hypergeo.numerics.log_convolution import log_convolve

from .likelihood import Likelihood, different_rows, inverse_information

__all__ = ["exact_intervals", "profile_intervals"]

_WIDEST = 1 << 24  # largest number of possible sums of counts in an exact interval
_MOST_WORK = 1 << 34  # largest number of products in the convolutions
_DROP = 3000.0  # nats below its largest entry at which entries no longer change a limit
_STEP, _STEPS = 5.0, 200
_ROUNDING = 1e-3  # largest error of the logarithm of a limit, reached for groups of 10^11 elements


class Fit(Protocol):
    """Properties of a fit that profile intervals use."""

    @property
    def log_weights(self) -> Tensor:
        """Maximum-likelihood log weights, shape ``(K,)``."""

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood at the maximum."""

    @property
    def converged(self) -> bool:
        """Whether Newton's method reached a maximum."""

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """Groups whose ratios of weights the counts identify."""

    @property
    def counts(self) -> Tensor:
        """Observed counts, shape ``(S, K)``."""

    @property
    def group_sizes(self) -> Tensor:
        """Sizes of the groups, shape ``(K,)`` or ``(S, K)``."""

    @property
    def likelihood(self) -> type[Likelihood]:
        """Class of the likelihood of the counts."""


def profile_intervals(fit: Fit, level: float, relative_to: int | None) -> Tensor:
    """Computes the limits of the weights that a likelihood-ratio test does not reject.

    Weights are relative to their geometric mean or to the weight of one group.

    Args:
        fit: fitted weights.
        level: coverage, between 0 and 1.
        relative_to: index of the group whose weight the others are divided by, or ``None`` for the geometric mean.

    Returns:
        Lower and upper limits, shape ``(K, 2)``; NaN where the fit has no maximum or a weight is not identified.
    """
    groups = len(fit.log_weights)
    intervals = torch.full((groups, 2), torch.nan, dtype=torch.float64)
    if not fit.converged or not fit.blocks:
        if fit.converged and groups == 2 and bool(fit.log_weights.isinf().all()):
            return _between_bounds(fit, level, relative_to)
        return intervals
    drop = _half_chi_squared(level)
    block = fit.blocks[0]
    for group in range(groups):
        if group == relative_to:
            intervals[group] = 1.0
            continue
        others = {group} | ({relative_to} if relative_to is not None else set())
        if bool(fit.log_weights[list(others)].isnan().any()):
            continue
        outside = sorted(others - set(block))
        if len(outside) == 2:  # both at a bound: the block connects them, and both may move
            continue
        members = sorted(set(block) | others)
        contrast = torch.zeros(len(members), dtype=torch.float64)
        if relative_to is None:
            contrast[[members.index(k) for k in block]] = -1.0 / len(block)
        else:
            contrast[members.index(relative_to)] = -1.0
        contrast[members.index(group)] += 1.0
        if not bool(contrast.abs().max() > 1e-12):  # the only finite weight is one by convention
            intervals[group] = 1.0
            continue
        profile = _Profile(fit, members, contrast, fit.log_likelihood - drop)
        intervals[group] = profile.limits()
    return intervals


def _half_chi_squared(level: float) -> float:
    """Returns the decrease of a log-likelihood below its maximum, in nats, at the limits for one parameter."""
    from scipy.special import chdtri  # loaded only where it is used

    return 0.5 * float(chdtri(1, 1 - level))


def _between_bounds(fit: Fit, level: float, relative_to: int | None) -> Tensor:
    """Returns intervals of two groups whose ratio is zero or infinite in every row: the ratio has one finite limit."""
    intervals = torch.tensor([[0.0, math.inf]] * 2, dtype=torch.float64)
    if relative_to is None:
        return intervals
    profile = _Profile(
        fit,
        [0, 1],
        torch.tensor([1.0, -1.0], dtype=torch.float64),
        fit.log_likelihood - _half_chi_squared(level),
    )
    ratio = profile.limits()
    intervals[0], intervals[1] = ratio, 1 / ratio.flip(0)
    intervals[relative_to] = 1.0
    return intervals


class _Profile:
    """Profile likelihood of one contrast of the log weights, maximised over all other directions."""

    def __init__(self, fit: Fit, members: list[int], contrast: Tensor, target: float):
        self.likelihood = fit.likelihood(fit.counts[:, members], fit.group_sizes[:, members])
        self.contrast, self.target = contrast, target
        logs = fit.log_weights[members]
        infinite = logs.isinf()
        self.bound = float((self.contrast[infinite] * logs[infinite].sign()).sum()) if bool(infinite.any()) else 0.0
        start = torch.where(infinite, 0.0, logs)
        self.start = start - start.mean()

    def limits(self) -> Tensor:
        """Returns both limits of the contrast's exponential, shape ``(2,)``; one is zero or infinite at a bound."""
        low = 0.0 if self.bound < 0 else self._limit(-1.0)
        high = math.inf if self.bound > 0 else self._limit(1.0)
        return torch.tensor([low, high], dtype=torch.float64)

    def _limit(self, side: float) -> float:
        """Returns the point at which the profile falls to the target, by Newton's method on a concave function."""
        point = self.start
        value, _ = self.likelihood.look(point)
        covariance = inverse_information(self.likelihood.information(point))
        along = covariance @ self.contrast
        variance = float(self.contrast @ along)
        if self.bound == 0:  # Wald's limit
            step = side * math.sqrt(max(2 * (value - self.target) * variance, 0.0)) if variance > 0 else side
        else:
            step = side
        for _ in range(_STEPS):
            step = max(-_STEP, min(_STEP, step))
            point, value, slope = self._climb(point, step)
            excess = value - self.target
            if side * slope >= 0:  # still on the far side of the maximum, where a bound lies
                step = side * _STEP
                continue
            last, step = step, -excess / slope
            # Newton's steps shrink towards the limit until rounding errors of the log-likelihood dominate.
            if abs(step) <= 1e-10 * (1 + abs(float(self.contrast @ point))) or abs(last) <= abs(step) <= _ROUNDING:
                return math.exp(float(self.contrast @ point) + step)
        return math.nan

    def _climb(self, point: Tensor, shift: float) -> tuple[Tensor, float, float]:
        """Returns the maximum at a contrast increased by a shift, its log-likelihood, and the slope of the profile."""
        first = True
        value, gradient = -math.inf, torch.zeros_like(point)
        slope = 0.0
        for _ in range(100):
            if first:
                gradient = self.likelihood.look(point)[1]
            covariance = inverse_information(self.likelihood.information(point))
            along = covariance @ self.contrast
            free = covariance @ gradient
            slope = (float(self.contrast @ free) - (shift if first else 0.0)) / max(float(self.contrast @ along), 1e-300)
            step = free - slope * along
            largest = float(step.abs().max())
            if not first:
                step = step * min(1.0, _STEP / max(largest, 1e-300))
            for _ in range(40):
                new_value, new_gradient = self.likelihood.look(point + step)
                if first or new_value >= value - 1e-12 * abs(value):
                    break
                step = step / 2
            point, value, gradient = point + step, new_value, new_gradient
            if not first and float(step.abs().max()) <= 1e-9:
                break
            first = False
        direction = self.contrast / float(self.contrast @ self.contrast)
        return point, value, float(gradient @ direction)


def exact_intervals(counts: Tensor, sizes: Tensor, level: float) -> Tensor:
    """Computes exact intervals of the ratios of two weights, each to the other, by inverting one-sided tests.

    Conditional on the numbers drawn, the sum of the first group's counts is sufficient. At the lower limit a sum at least as
    large as observed has probability ``(1 - level) / 2``. At the upper limit a sum at most as large has this probability.

    Args:
        counts: observed counts, whole numbers, shape ``(N, 2)``.
        sizes: group sizes of each row, shape ``(N, 2)``.
        level: coverage, between 0 and 1.

    Returns:
        Lower and upper limits of the ratios, shape ``(2, 2)``.

    Raises:
        ValueError: if the number of groups is not two, or the sum can take too many values.
    """
    if counts.shape[1] != 2:
        raise ValueError(f'method "exact" is for two groups; got {counts.shape[1]}. Use "profile".')
    logit, low, table = _sum_table(counts, sizes)
    observed = int(counts[:, 0].sum()) - low
    offset = torch.arange(len(table), dtype=torch.float64) - observed
    tail = math.log((1 - level) / 2)

    def excess(part: slice) -> Callable[[float], float]:
        def function(shift: float) -> float:
            tilted = table + shift * offset
            return float(tilted[part].logsumexp(0) - tilted.logsumexp(0)) - tail

        return function

    limits = [0.0, math.inf]
    if bool((counts[:, 0] > (counts.sum(-1) - sizes[:, 1]).clamp(min=0)).any()):
        limits[0] = math.exp(_root(excess(slice(observed, None)), 1.0) + logit)
    if bool((counts[:, 0] < torch.minimum(counts.sum(-1), sizes[:, 0])).any()):
        limits[1] = math.exp(_root(excess(slice(0, observed + 1)), -1.0) + logit)
    return torch.tensor([limits, [1 / limits[1], math.inf if limits[0] == 0 else 1 / limits[0]]], dtype=torch.float64)


def _root(function: Callable[[float], float], slope: float) -> float:
    """Returns the root of a function that rises (slope 1) or falls (slope -1)."""
    from scipy.optimize import brentq  # loaded only where it is used

    reach = 1.0
    while slope * function(reach) < 0 or slope * function(-reach) > 0:
        reach *= 2
    return float(brentq(function, -reach, reach, xtol=1e-13, rtol=1e-14))


def _sum_table(counts: Tensor, sizes: Tensor) -> tuple[float, int, Tensor]:
    """Computes log-probabilities of the sum of the first group's counts, up to a constant.

    Args:
        counts: observed counts, shape ``(N, 2)``.
        sizes: group sizes, shape ``(N, 2)``.

    Returns:
        Log ratio of weights of the table, the sum at its first entry, and its entries, shape ``(W,)``.

    Raises:
        ValueError: if the sum can take too many values.
    """
    different, number = different_rows(torch.cat([counts.sum(-1, keepdim=True), sizes], -1))
    total, sizes = different[:, 0], different[:, 1:]
    least, most = (total - sizes[:, 1]).clamp(min=0), torch.minimum(total, sizes[:, 0])
    width = int(((most - least) * number).sum()) + 1
    work = width * int((most - least).max() + 1) * len(different) if int(number.sum()) > 1 else width
    if width > _WIDEST or work > _MOST_WORK:
        raise ValueError(
            f'method "exact" can deal with sums of counts of up to {_WIDEST:,} values; these counts and group_sizes allow '
            f'{width:,}, from {len(different):,} different urns. Use "profile".'
        )
    # The log ratio at which about the observed sum is expected, at least half an element from its ends.
    share = (float(counts[:, 0].sum() - (least * number).sum()) + 0.5) / width
    centre = least + share * (most - least)
    busiest = int(((most - least) * number).argmax())
    logit = _log_ratio(centre[busiest], total[busiest].double(), sizes[busiest].double()) if width > 1 else 0.0
    table = torch.zeros(1, dtype=torch.float64)
    for n, m, low, high, repeats in zip(total, sizes.double(), least, most, number.tolist(), strict=True):
        taken = torch.arange(int(low), int(high) + 1, dtype=torch.float64)
        logs = torch.tensor([[logit, 0.0]], dtype=torch.float64)
        logs = (logs + solve_tilt(logs, m[None], n[None].double()))[0]
        one = log_binomial_pmf(m[0], taken, logs[0]) + log_binomial_pmf(m[1], n - taken, logs[1])
        table = _convolved(table, _power(one, int(repeats)))
    # Wide tables have their mass in a small part around the observed sum.
    carried = (table >= table.max() - _DROP).nonzero()[:, 0]
    first = min(int(carried[0]), int(counts[:, 0].sum() - (least * number).sum()))
    return logit, int((least * number).sum()) + first, table[first : max(int(carried[-1]), first) + 1]


def _log_ratio(first: Tensor, total: Tensor, sizes: Tensor) -> float:
    """Returns the log ratio of weights at which about ``first`` elements of the first group are drawn: the ratio of odds."""
    second = total - first
    numbers = [first, sizes[0] - first, second, sizes[1] - second]
    taken, left, other_taken, other_left = (max(float(x), 0.5) for x in numbers)
    return math.log(taken / left * other_left / other_taken)


def _power(table: Tensor, exponent: int) -> Tensor:
    """Returns a table convolved with itself ``exponent - 1`` times."""
    result = torch.zeros(1, dtype=torch.float64)
    while exponent:
        if exponent % 2:
            result = _convolved(result, table)
        exponent //= 2
        if exponent:
            table = _convolved(table, table)
    return result


def _convolved(one: Tensor, other: Tensor) -> Tensor:
    if len(one) == 1 or len(other) == 1:
        return one + other
    return log_convolve(one[None], other[None])[0]
