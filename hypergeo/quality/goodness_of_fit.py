"""Goodness-of-fit tests of whole counts, with p-values for discrete distributions and corrections for many tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import chdtrc, gammaln, xlogy
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.numerics.enumeration import count_support

__all__ = [
    "EXPECTED",
    "LISTED",
    "GTest",
    "KSTest",
    "g_test",
    "holm",
    "ks_against",
    "ks_p_value",
    "ks_test",
    "nearest_counts",
    "pool_cells",
    "support_size",
]

LISTED = 200_000
"""Largest number of count vectors that a joint test enumerates."""

EXPECTED = 10.0
"""Smallest expected number of samples in a cell of the joint test. At 10 the false-alarm rates are within 10 % of the nominal
ones at levels from 0.1 to 0.001, also with hundreds of cells. At 5 they are up to 25 % higher."""

_UNRESOLVED = 1e-8  # smaller p-values are lost to rounding, because they are computed as one minus a probability near one
_DIRECT = 4_000_000  # products in a convolution beyond which Fourier transforms are faster


class KSTest(NamedTuple):
    """Holds the Kolmogorov-Smirnov test of each group.

    Attributes:
        distances: largest differences of the distribution functions, shape ``(K,)``.
        p_values: exact p-values, shape ``(K,)``.
    """

    distances: Tensor
    p_values: Tensor


class GTest(NamedTuple):
    """Holds the likelihood-ratio test.

    Attributes:
        statistic: the statistic, divided by Williams' factor.
        degrees: degrees of freedom.
        p_value: p-value under the chi-squared distribution.
    """

    statistic: float
    degrees: int
    p_value: float


def ks_test(counts: Tensor, distribution: FisherHypergeometric) -> KSTest:
    r"""Tests each group's counts against its exact marginal distribution by Kolmogorov-Smirnov, with exact p-values.

    The distance is :math:`D = \max_x |\hat F(x) - F(x)|`. The usual p-value assumes a continuous distribution and is far too
    large. This one is exact for the discrete distribution, see :func:`ks_p_value`. The groups' tests depend on each other:
    correct for their number, for example with :func:`holm`. Impossible counts are allowed and increase the distance.

    Args:
        counts: whole counts, shape ``(S, K)``. A ``ValueError`` is raised for another shape or a count that is not whole.
        distribution: the exact distribution, without a batch.

    Returns:
        Distances and p-values, each of shape ``(K,)`` and in float64.

    Example:
        >>> urn = FisherHypergeometric(1, [1, 1], [1.0, 3.0])
        >>> ks_test(torch.tensor([[1, 0], [1, 0]]), urn).p_values  # a quarter, squared
        tensor([0.0625, 0.0625], dtype=torch.float64)
    """
    _check(counts, distribution)
    return ks_against(counts, distribution.marginal_log_prob().detach().exp())


def ks_against(counts: Tensor, probabilities: Tensor) -> KSTest:
    """Tests each group's counts against any marginal distributions, as :func:`ks_test` does.

    Args:
        counts: whole counts, shape ``(S, K)``.
        probabilities: probabilities of each group's counts 0, 1, …, shape ``(K, M + 1)``.

    Returns:
        Distances and p-values, each of shape ``(K,)`` and in float64.
    """
    number, exact = len(counts), probabilities.double().cpu()
    length = exact.shape[-1]
    # One cell below and one above hold the impossible counts.
    index = counts.detach().cpu().long().clamp(-1, length).T + 1
    ones = torch.ones(1, dtype=torch.float64).expand(index.shape)
    frequencies = torch.zeros(len(index), length + 2, dtype=torch.float64).scatter_add_(-1, index, ones)
    cumulative = torch.nn.functional.pad(exact, (1, 1)).cumsum(-1)
    distances = (frequencies.cumsum(-1) / number - cumulative).abs().amax(-1)
    p_values = [ks_p_value(d, masses, number) for d, masses in zip(distances.tolist(), exact.numpy(), strict=True)]
    return KSTest(distances, torch.tensor(p_values, dtype=torch.float64))


def ks_p_value(distance: float, probabilities: np.ndarray, number: int) -> float:
    """Computes the probability that ``number`` samples of a discrete distribution have at least this Kolmogorov-Smirnov
    distance.

    The result is exact above 1e-8: the numbers of samples up to each value are a Markov chain, and the p-value is the
    probability that it leaves a band. The chain is a Poisson process conditioned on its total, so each step is a convolution.
    Below 1e-8, where rounding dominates, the result is Massart's upper bound :math:`2e^{-2nD^2}`.

    Args:
        distance: distance between 0 and 1.
        probabilities: probabilities of the values in order, shape ``(J,)``.
        number: number of samples.

    Returns:
        P-value between 0 and 1.

    Example:
        >>> round(ks_p_value(0.75, np.array([0.25, 0.75]), 2), 12)
        0.0625

    References:
        L. Gleser, "Exact power of goodness-of-fit tests of Kolmogorov type for discontinuous distributions", Journal of the
        American Statistical Association 80, 1985.
        A. Moscovich, B. Nadler, "Fast calculation of boundary crossing probabilities for Poisson processes", Statistics and
        Probability Letters 123, 2017.
        P. Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18, 1990.
    """
    if distance <= 0:
        return 1.0
    bound = 2 * np.exp(-2 * number * distance**2)
    if bound < _UNRESOLVED:
        return float(bound)
    kept = probabilities[number * probabilities > 1e-14]
    kept = kept / kept.sum()
    if len(kept) < 2:
        return 1.0
    middle = number * kept[:-1].cumsum()
    reach = number * distance - 1e-7  # a distance equal to the observed one counts as reached
    lowest = np.maximum(np.ceil(middle - reach), 0).astype(int)
    highest = np.minimum(np.floor(middle + reach), number).astype(int)
    inside, start = np.ones(1), 0
    for rate, low, high in zip(number * kept[:-1], lowest, highest, strict=True):
        steps = np.arange(max(0, int(rate - 40 - 9 * rate**0.5)), int(rate + 40 + 9 * rate**0.5) + 1)
        masses = _poisson(steps, rate)
        reached = _convolved(inside, masses)
        first = start + steps[0]
        inside = np.zeros(max(0, high - low + 1))
        source = slice(max(low - first, 0), max(high + 1 - first, 0))
        part = reached[source]
        inside[max(first - low, 0) : max(first - low, 0) + len(part)] = part
        start = low
        if not inside.any():
            return 1.0
    last = _poisson(number - start - np.arange(len(inside)), number * kept[-1])
    staying = float(inside @ last / _poisson(np.array(number), number))
    return float(max(1 - staying, 0.0)) if 1 - staying > _UNRESOLVED else float(min(bound, _UNRESOLVED))


def _poisson(counts: np.ndarray, rate: float) -> np.ndarray:
    """Returns Poisson probabilities; scipy.stats would take longer to import than this package."""
    return np.exp(xlogy(counts, rate) - gammaln(counts + 1) - rate)


def _convolved(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    if len(first) * len(second) <= _DIRECT:
        return np.convolve(first, second)
    from scipy.signal import fftconvolve  # loaded only where it is used: it imports scipy.stats

    return np.asarray(fftconvolve(first, second))


def g_test(counts: Tensor, distribution: FisherHypergeometric, *, expected: float = EXPECTED) -> GTest | None:
    r"""Tests whole count vectors against their exact joint distribution by the likelihood ratio.

    The statistic is :math:`G = 2\sum_i O_i \log(O_i / E_i)` over cells of neighbouring vectors. Vectors are pooled in
    lexicographic order by their expected numbers alone, so that at least ``expected`` samples are expected in each cell. After
    division by Williams' factor, G closely follows the chi-squared distribution if 10 samples are expected in each cell.

    Args:
        counts: whole counts, shape ``(S, K)``. A ``ValueError`` is raised for another shape or a count that is not whole.
        distribution: the exact distribution, without a batch.
        expected: smallest expected number of samples in a cell.

    Returns:
        The test; ``None`` if there are more than ``LISTED`` vectors or only one cell. The p-value is zero if an impossible
        vector occurs.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> urn = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
        >>> g_test(urn.sample((1000,)), urn).p_value > 0.01
        True
        >>> g_test(FisherHypergeometric(15, [10, 10, 10]).sample((1000,)), urn).p_value < 1e-9
        True

    References:
        D. Williams, "Improved likelihood ratio tests for complete contingency tables", Biometrika 63, 1976.
    """
    _check(counts, distribution)
    if support_size(distribution) is None:
        return None
    support = distribution.enumerate_support()
    probabilities = distribution.log_prob(support).detach().double().exp().cpu().numpy()
    cells = pool_cells(probabilities, len(counts), expected)
    if cells[-1] == 0:
        return None
    masses = np.bincount(cells, probabilities)
    degrees = len(masses) - 1
    if not bool(distribution.support.check(counts).all()):
        return GTest(float("inf"), degrees, 0.0)
    indices = _indices(support.long(), counts.detach().long())
    if bool((probabilities[indices] == 0).any()):
        return GTest(float("inf"), degrees, 0.0)
    observed = np.bincount(cells[indices], minlength=len(masses))
    occupied = observed > 0
    statistic = 2 * float((observed[occupied] * np.log(observed[occupied] / (len(counts) * masses[occupied]))).sum())
    factor = 1 + ((1 / masses).sum() - 1) / (6 * len(counts) * degrees)
    statistic = max(statistic, 0.0) / float(factor)
    return GTest(statistic, degrees, float(chdtrc(degrees, statistic)))


def pool_cells(probabilities: np.ndarray, number: int, expected: float) -> np.ndarray:
    """Pools neighbouring values into cells with enough expected samples. A remainder at the end joins the last cell.

    Args:
        probabilities: probabilities of the values in order, shape ``(J,)``.
        number: number of samples.
        expected: smallest expected number of samples in a cell.

    Returns:
        Index of each value's cell, shape ``(J,)``.

    Example:
        >>> pool_cells(np.array([0.5, 0.1, 0.1, 0.1, 0.15, 0.05]), 100, 20)
        array([0, 1, 1, 2, 2, 2])
    """
    cells = np.zeros(len(probabilities), dtype=np.int64)
    cell, held = 0, 0.0
    for index, mass in enumerate((number * probabilities).tolist()):
        cells[index] = cell
        held += mass
        if held >= expected:
            cell, held = cell + 1, 0.0
    if cell > 0:
        cells[cells == cell] = cell - 1
    return cells


def support_size(distribution: FisherHypergeometric) -> int | None:
    """Counts the count vectors of a distribution without a batch.

    Args:
        distribution: distribution without a batch.

    Returns:
        Number of count vectors; ``None`` if it is above ``LISTED``.

    Example:
        >>> support_size(FisherHypergeometric(15, [10, 10, 10])), support_size(FisherHypergeometric(300, [100] * 6))
        (91, None)
    """
    number = count_support(int(distribution.total_count), distribution.group_sizes)
    return number if number * distribution.event_shape[0] <= 10 * LISTED and number <= LISTED else None


def nearest_counts(counts: Tensor, total_count: Tensor | None = None) -> Tensor:
    """Rounds real vectors to the nearest whole ones with sum ``total_count``, by the largest remainders.

    Args:
        counts: real counts, shape ``(..., K)``.
        total_count: sum of each rounded vector, shape ``(..., 1)`` or a scalar; by default each vector's own sum, rounded.

    Returns:
        Whole counts, shape ``(..., K)``.

    Example:
        >>> nearest_counts(torch.tensor([[1.6, 1.7, 0.7], [0.1, 3.9, 0.0]]), torch.tensor(4))
        tensor([[1., 2., 1.],
                [0., 4., 0.]])
    """
    whole = counts.detach().floor()
    total = counts.detach().sum(-1, keepdim=True).round() if total_count is None else total_count
    missing = (total - whole.sum(-1, keepdim=True)).clamp(0, counts.shape[-1])
    order = (counts.detach() - whole).argsort(dim=-1, descending=True, stable=True)
    return whole.scatter_add(-1, order, (torch.arange(counts.shape[-1], device=counts.device) < missing).to(whole.dtype))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values for their number by Holm's method.

    Rejecting the tests with adjusted p-values of at most ``level`` raises any false alarm with a probability of at most
    ``level``, whatever the dependence between the tests (S. Holm, Scandinavian Journal of Statistics 6, 1979).

    Args:
        p_values: p-values of the tests.

    Returns:
        Adjusted p-values in the same order.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    worst = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def _indices(support: Tensor, vectors: Tensor) -> np.ndarray:
    """Returns the index of each vector in the enumerated support."""
    generator = torch.Generator().manual_seed(0)
    while True:
        factors = torch.randint(-(2**62), 2**62, support.shape[-1:], generator=generator)
        hashed, hashed_vectors = (rows.cpu() @ factors for rows in (support, vectors))
        sorted_hashes, order = hashed.sort()
        if bool((sorted_hashes.diff() > 0).all()):  # no collision, so a hash identifies its vector
            return np.asarray(order[torch.searchsorted(sorted_hashes, hashed_vectors)].numpy())


def _check(counts: Tensor, distribution: FisherHypergeometric) -> None:
    groups = distribution.event_shape[0]
    if counts.dim() != 2 or counts.shape[-1] != groups or not len(counts) or distribution.batch_shape:
        raise ValueError(
            f"counts must have shape (S, {groups}) with at least one row, and distribution no batch; "
            f"got {tuple(counts.shape)} and batch_shape {tuple(distribution.batch_shape)}."
        )
    if counts.is_floating_point() and bool((counts != counts.round()).any()):
        raise ValueError(f"counts must be whole; got {counts[counts != counts.round()][0].item()}.")
