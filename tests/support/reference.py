"""References for the tests: distributions of urns in exact rational arithmetic, and tests of samples against a distribution.

Nothing here imports the package under test. A float is a rational number, so a distribution with float weights is known
exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache, cached_property, lru_cache

import numpy as np
from scipy import optimize, stats

Counts = tuple[int, ...]
Law = Mapping[Counts, Fraction]
Polynomial = list[int]

FALSE_ALARM = 1e-6


def log(value: Fraction | int) -> Decimal:
    """Returns the natural logarithm of a nonnegative rational number, to 50 digits."""
    value = Fraction(value)
    if value == 0:
        return Decimal("-Infinity")
    with localcontext(prec=60):
        return _log_integer(value.numerator) - _log_integer(value.denominator)


def _log_integer(value: int) -> Decimal:
    shift = max(0, value.bit_length() - 256)
    return Decimal(value >> shift).ln() + shift * Decimal(2).ln()


class RationalUrn:
    """Fisher's distribution of the group counts, and two distributions often confused with it, as rational numbers.

    Args:
        total_count: number of elements drawn.
        group_sizes: number of elements in each group.
        weights: weight of each group; floats have their exact binary value.
    """

    def __init__(self, total_count: int, group_sizes: Sequence[int], weights: Sequence[float | Fraction]):
        self.total_count = int(total_count)
        self.group_sizes = tuple(int(m) for m in group_sizes)
        self.weights = tuple(Fraction(w) for w in weights)
        self.scale = math.lcm(*(w.denominator for w in self.weights))
        self.polynomials: list[Polynomial] = [
            [math.comb(m, x) * int(w * self.scale) ** x for x in range(m + 1)]
            for m, w in zip(self.group_sizes, self.weights, strict=True)
        ]

    @cached_property
    def product(self) -> Polynomial:
        """Product of the groups' polynomials, up to the power ``total_count``, with weights scaled to integers."""
        result = [1] + [0] * self.total_count
        for group in self.polynomials:
            result = [
                sum(group[x] * result[s - x] for x in range(min(s, len(group) - 1) + 1)) for s in range(self.total_count + 1)
            ]
        return result

    @property
    def normalizer(self) -> Fraction:
        """Sum of the unnormalised probabilities, with the original weights."""
        return Fraction(self.product[-1], self.scale**self.total_count)

    def pmf(self, counts: Sequence[int]) -> Fraction:
        """Returns the probability of one count vector."""
        if sum(counts) != self.total_count or any(not 0 <= x <= m for x, m in zip(counts, self.group_sizes, strict=True)):
            return Fraction(0)
        return Fraction(math.prod(a[x] for a, x in zip(self.polynomials, counts, strict=True)), self.product[-1])

    def marginals(self) -> list[list[Fraction]]:
        """Returns the probabilities of the counts ``0 .. group_size`` of each group."""
        return [
            [Fraction(self._dot(x, a[x], rest), self.product[-1]) for x in range(len(a))]
            for a, rest in zip(self.polynomials, self._without_one, strict=True)
        ]

    @cached_property
    def _without_one(self) -> list[Polynomial]:
        return [_divide(self.product, a) for a in self.polynomials]

    def _dot(self, x: int, coefficient: int, rest: Polynomial) -> int:
        return coefficient * rest[self.total_count - x] if x <= self.total_count else 0

    @cached_property
    def mean(self) -> list[Fraction]:
        """Expected counts."""
        return [sum((x * p for x, p in enumerate(row)), Fraction(0)) for row in self.marginals()]

    @cached_property
    def covariance(self) -> list[list[Fraction]]:
        """Covariance matrix of the counts."""
        groups = range(len(self.group_sizes))
        mean, marginals = self.mean, self.marginals()
        result = [[Fraction(0)] * len(groups) for _ in groups]
        for i in groups:
            result[i][i] = sum((x * x * p for x, p in enumerate(marginals[i])), Fraction(0)) - mean[i] ** 2
            for j in range(i):
                rest = _divide(self._without_one[i], self.polynomials[j])
                pair = _multiply(_moment(self.polynomials[i]), _moment(self.polynomials[j]))
                second = sum(self._dot(s, c, rest) for s, c in enumerate(pair))
                result[i][j] = result[j][i] = Fraction(second, self.product[-1]) - mean[i] * mean[j]
        return result

    def support(self) -> Iterator[Counts]:
        """Returns an iterator over every count vector of the urn, also those with weight zero, in lexicographic order."""
        return _compositions(self.total_count, self.group_sizes)

    @cached_property
    def law(self) -> dict[Counts, Fraction]:
        """Exact probabilities of all count vectors."""
        return {x: self.pmf(x) for x in self.support()}

    @cached_property
    def merged_law(self) -> dict[Counts, Fraction]:
        """Distribution of the published sampler: all later groups are merged into one with their mean weight (Sutter et al.
        2023)."""
        conditional = cache(self._merged_conditional)

        def tails(k: int, left: int) -> Iterator[tuple[Counts, Fraction]]:
            if k == len(self.group_sizes) - 1:
                yield (left,), Fraction(1)
                return
            for x, p in conditional(k, left):
                for tail, q in tails(k + 1, left - x):
                    yield (x, *tail), p * q

        return dict(tails(0, self.total_count))

    def _merged_conditional(self, k: int, left: int) -> list[tuple[int, Fraction]]:
        size, weight, sizes = self.group_sizes[k], self.weights[k], self.group_sizes[k + 1 :]
        rest = sum(sizes)
        mass = sum((m * w for m, w in zip(sizes, self.weights[k + 1 :], strict=True)), Fraction(0))
        merged = mass / rest if rest else Fraction(0)
        inside = range(max(0, left - rest), min(size, left) + 1)
        terms = [math.comb(size, x) * weight**x * math.comb(rest, left - x) * merged ** (left - x) for x in inside]
        total = sum(terms, Fraction(0))
        return [(x, t / total) for x, t in zip(inside, terms, strict=True)]

    @cached_property
    def wallenius_law(self) -> dict[Counts, Fraction]:
        """Wallenius' distribution: elements are drawn one at a time, with probability proportional to their weight among those
        left."""
        current: dict[Counts, Fraction] = {(0,) * len(self.group_sizes): Fraction(1)}
        for _ in range(self.total_count):
            following: dict[Counts, Fraction] = {}
            for x, p in current.items():
                left = [(m - c) * w for m, c, w in zip(self.group_sizes, x, self.weights, strict=True)]
                for k, mass in enumerate(left):
                    if mass:
                        y = (*x[:k], x[k] + 1, *x[k + 1 :])
                        following[y] = following.get(y, Fraction(0)) + p * mass / sum(left)
            current = following
        return current

    def entropy(self) -> Decimal:
        """Returns the entropy in nats."""
        return relative_entropy(self.law, dict.fromkeys(self.law, Fraction(1))).copy_negate()


@lru_cache(maxsize=64)
def shared_urn(total_count: int, group_sizes: tuple[int, ...], weights: tuple[float | Fraction, ...]) -> RationalUrn:
    """Returns an urn that tests share, so that each of its distributions is computed once; see :class:`RationalUrn`."""
    return RationalUrn(total_count, group_sizes, weights)


def _divide(product: Polynomial, factor: Polynomial) -> Polynomial:
    """Returns the quotient of power series; it is integral because every factor begins with the coefficient 1."""
    quotient: Polynomial = []
    for s, coefficient in enumerate(product):
        quotient.append(coefficient - sum(factor[x] * quotient[s - x] for x in range(1, min(s, len(factor) - 1) + 1)))
    return quotient


def _multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    result = [0] * (len(left) + len(right) - 1)
    for x, a in enumerate(left):
        for y, b in enumerate(right):
            result[x + y] += a * b
    return result


def _moment(polynomial: Polynomial) -> Polynomial:
    return [x * a for x, a in enumerate(polynomial)]


def _compositions(total: int, bounds: Sequence[int]) -> Iterator[Counts]:
    if len(bounds) == 1:
        yield (total,)
        return
    for x in range(max(0, total - sum(bounds[1:])), min(bounds[0], total) + 1):
        for tail in _compositions(total - x, bounds[1:]):
            yield (x, *tail)


def relative_entropy(law: Law, other: Mapping[Counts, Fraction]) -> Decimal:
    """Returns the Kullback-Leibler divergence of ``other`` from ``law``, in nats."""
    with localcontext(prec=60):
        terms = ((p, log(p) - log(other[x])) for x, p in law.items() if p)
        return sum((Decimal(p.numerator) / p.denominator * difference for p, difference in terms), Decimal(0))


def total_variation(law: Law, other: Law) -> float:
    """Returns the largest difference of the probabilities of one event under two distributions."""
    return float(sum(abs(law.get(x, Fraction(0)) - other.get(x, Fraction(0))) for x in {**law, **other}) / 2)


def mixture(law: Law, other: Law, share: Fraction) -> dict[Counts, Fraction]:
    """Returns the mixture that follows ``other`` with probability ``share``."""
    return {x: (1 - share) * law.get(x, Fraction(0)) + share * other.get(x, Fraction(0)) for x in {**law, **other}}


def relative_error(got: float, exact: Fraction) -> float:
    """Returns the relative error of a number; infinite if the exact number is zero and the number is not."""
    if exact == 0:
        return 0.0 if got == 0 else math.inf
    return float(abs(Fraction(got) / exact - 1)) if math.isfinite(got) else math.inf


def log_error(got: float, exact: Fraction) -> float:
    """Returns the relative error of ``exp(got)`` as a value of ``exact``, for small errors; both may be zero."""
    if exact == 0:
        return 0.0 if got == -math.inf else math.inf
    return float(abs(Decimal(got) - log(exact)))


def draw(law: Law, draws: int, seed: int) -> np.ndarray:
    """Returns independent samples of a distribution, shape ``(draws, K)``."""
    probabilities = np.array([float(p) for p in law.values()])
    chosen = np.random.default_rng(seed).choice(len(law), size=draws, p=probabilities / probabilities.sum())
    return np.array(list(law))[chosen]


def g_test(samples: np.ndarray, law: Law, least: float = 100.0) -> float:
    """Returns the p-value of the G-test of count vectors, shape ``(S, K)``, against a joint distribution.

    Outcomes with fewer than ``least`` expected samples are merged, in the order of the distribution, into cells with that many.
    A sample outside the support gives zero.
    """
    outcomes = np.array([x for x, p in law.items() if p])
    expected = np.array([float(p) for p in law.values() if p]) * len(samples)
    radix = np.cumprod([1, *(np.maximum(outcomes.max(0), samples.max(0)) + 1)])[:-1].astype(np.int64)
    known = outcomes @ radix
    order = np.argsort(known)
    keys, counts = np.unique(samples.astype(np.int64) @ radix, return_counts=True)
    position = np.searchsorted(known[order], keys).clip(max=len(order) - 1)
    if samples.min() < 0 or (samples % 1).any() or not np.array_equal(known[order][position], keys):
        return 0.0
    observed = np.zeros(len(outcomes))
    observed[order[position]] = counts
    cells = merge_cells(expected, least)
    result = stats.power_divergence(np.bincount(cells, observed), np.bincount(cells, expected), lambda_="log-likelihood")
    return float(result.pvalue)


def merge_cells(expected: np.ndarray, least: float) -> np.ndarray:
    """Returns the cell of each outcome, such that at least ``least`` samples are expected in every cell."""
    cells = np.empty(len(expected), dtype=np.int64)
    large = expected >= least
    cells[large] = np.arange(large.sum())
    cell, filled = int(large.sum()), 0.0
    for i in np.flatnonzero(~large):
        cells[i] = cell
        filled += expected[i]
        if filled >= least:
            cell, filled = cell + 1, 0.0
    if filled:
        cells[cells == cell] = max(cell - 1, 0)
    return cells


def detectable_distance(draws: int, cells: int, power: float = 0.999) -> float:
    """Returns the total variation between cells that a G-test at ``FALSE_ALARM`` rejects with at least this power.

    The noncentrality of the G-test is at least ``4 draws TV²`` (Cauchy-Schwarz).
    """
    limit = stats.chi2.isf(FALSE_ALARM, cells - 1)
    noncentrality = optimize.brentq(lambda nc: stats.ncx2.sf(limit, cells - 1, nc) - power, 1.0, 1e5)
    return float(np.sqrt(noncentrality / (4 * draws)))
