"""Wallenius' distribution of one small urn: marginals, moments and the sensitivity of the mean to the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .quadrature import integrate

__all__ = ["WalleniusTables", "wallenius_probabilities", "wallenius_tables"]

_DROP = 40.0  # nats: the integral is cut where its integrand is below exp(-40)
_STEPS, _HALVINGS = 16, 8
_AGREED = 1e-6  # change at the last halving; halving squares the error, so the error of the finer rule is at rounding
_MOST = 20_000  # largest number of elements
_CELLS = 1 << 20


class WalleniusTables(NamedTuple):
    """Holds Wallenius' distribution of one urn.

    Attributes:
        marginals: probability of each count of each group, shape ``(K, M + 1)``.
        mean: expected counts, shape ``(K,)``.
        covariance: covariance of the counts, shape ``(K, K)``.
        sensitivity: derivative of the mean of group ``i`` in the log weight of group ``j``, shape ``(K, K)``. In contrast to
            Fisher's distribution, it differs from the covariance.
        error: absolute difference of the total probability from one, due to quadrature and rounding.
        times: nodes of the quadrature: arrival times of element ``n + 1``, shape ``(G,)``.
        steps: quadrature weights of the nodes, shape ``(G,)``.
    """

    marginals: Tensor
    mean: Tensor
    covariance: Tensor
    sensitivity: Tensor
    error: float
    times: Tensor
    steps: Tensor


def wallenius_tables(total_count: int, group_sizes: Sequence[int], weights: Sequence[float]) -> WalleniusTables:
    r"""Computes Wallenius' distribution of an urn of up to 20,000 elements, in milliseconds if it is small.

    Every element has an exponential arrival time whose rate is its weight. At time :math:`u` the groups' arrivals are
    independent binomials with :math:`q_k = 1 - e^{-w_k u}`, and the counts are those at the time of arrival ``n + 1`` (J.
    Chesson, Journal of Applied Probability 13, 1976). With :math:`\varphi_k = 1 - q_k + q_k z`, the probability that ``n``
    elements have arrived and another one arrives at this time has the generating function

    .. math:: \prod_k \varphi_k^{m_k} \sum_j m_j \rho_j , \qquad \rho_j = w_j (1 - q_j) / \varphi_j .

    A factor :math:`\tau_i = q_i z / \varphi_i` marks an element of group ``i`` among those that have arrived. Moments are
    therefore sums over different elements, and derivatives in the log weights are those of these factors. The coefficient of
    :math:`z^n` is a sum over the roots of unity, and the integral over :math:`\log u` uses the trapezoid rule with halved
    steps.

    Probabilities have an absolute error of about 1e-14, so small probabilities have no relative precision. For those, and for
    larger urns and batches, use ``WalleniusHypergeometric``. An ``ArithmeticError`` is raised if the quadrature does not
    converge.

    Args:
        total_count: number of elements drawn.
        group_sizes: number of elements of each of the ``K`` groups.
        weights: nonnegative weight of each of the ``K`` groups.

    Returns:
        Marginals, moments, sensitivity and quadrature nodes.

    Raises:
        ValueError: if the urn has more than 20,000 elements, or fewer elements with positive weight than are drawn.

    Example:
        >>> result = wallenius_tables(3, [2, 2, 2], [1.0, 2.0, 3.0])
        >>> result.mean, result.covariance.diagonal()
        (tensor([0.5918, 1.0499, 1.3582], dtype=torch.float64), tensor([0.3507, 0.3787, 0.3602], dtype=torch.float64))
        >>> result.sensitivity.diagonal()
        tensor([0.3990, 0.4733, 0.4725], dtype=torch.float64)
    """
    sizes, rates = torch.tensor(list(group_sizes)), torch.tensor(list(weights), dtype=torch.float64)
    open_groups = ((sizes > 0) & (rates > 0)).nonzero()[:, 0]
    elements = int(sizes[open_groups].sum())
    if not 0 <= total_count <= elements:
        raise ValueError(
            f"total_count must be between 0 and {elements}, the number of elements whose weight is above zero; "
            f"got {total_count}."
        )
    if elements > _MOST:
        raise ValueError(f"group_sizes must add up to at most {_MOST}; got {elements}.")
    groups, none = len(sizes), torch.empty(0, dtype=torch.float64)
    marginals = torch.zeros(groups, int(sizes.max()) + 1, dtype=torch.float64)
    mean, covariance = torch.zeros(groups, dtype=torch.float64), torch.zeros(groups, groups, dtype=torch.float64)
    if total_count in (0, elements) or len(open_groups) == 1:
        mean[open_groups] = 0.0 if total_count == 0 else sizes[open_groups].clamp(max=total_count).double()
        marginals[torch.arange(groups), mean.long()] = 1.0
        return WalleniusTables(marginals, mean, covariance, covariance.clone(), 0.0, none, none)
    sums, times, steps = _TimeIntegral(total_count, sizes[open_groups], rates[open_groups]).integrate()
    marginals[:, 0] = 1.0
    marginals[open_groups, : sums.marginals.shape[1]] = sums.marginals.clamp(min=0)
    mean[open_groups] = sums.mean
    block = open_groups[:, None], open_groups
    covariance[block] = sums.second + sums.mean.diag() - torch.outer(sums.mean, sums.mean)
    sensitivity = torch.zeros_like(covariance)
    sensitivity[block] = sums.slope
    return WalleniusTables(marginals, mean, covariance, sensitivity, float((sums.mass - 1).abs()), times, steps)


def wallenius_probabilities(
    tables: WalleniusTables, counts: Tensor, group_sizes: Sequence[int], weights: Sequence[float]
) -> Tensor:
    """Computes joint probabilities of count vectors at the quadrature nodes of a result of :func:`wallenius_tables`.

    Args:
        tables: result of :func:`wallenius_tables`.
        counts: count vectors of that urn, whole numbers, shape ``(N, K)``.
        group_sizes: group sizes that were passed to :func:`wallenius_tables`.
        weights: weights that were passed to :func:`wallenius_tables`.

    Returns:
        Probabilities, shape ``(N,)``, with an absolute error of about 1e-14.

    Example:
        >>> urn = [4, 2, 2], [1.0, 2.0, 4.0]
        >>> wallenius_probabilities(wallenius_tables(3, *urn), torch.tensor([[1, 1, 1], [2, 1, 0]]), *urn)
        tensor([0.3179, 0.0462], dtype=torch.float64)
    """
    counts = counts.long()
    if not len(tables.times):
        return (counts == tables.mean).all(-1).double()
    sizes, rates = torch.tensor(list(group_sizes)).double(), torch.tensor(list(weights), dtype=torch.float64)
    every = torch.arange(int(sizes.max()) + 1).double()
    table = _binomials(sizes[:, None, None], every, (rates[:, None] * tables.times)[..., None])
    probabilities = tables.steps[:, None] * table[0][:, counts[:, 0]]
    for group in range(1, len(sizes)):
        probabilities *= table[group][:, counts[:, group]]
    return probabilities.sum(0) * ((sizes - counts) @ rates)


class _Sums(NamedTuple):
    """The sums of the integral, for ``K`` groups."""

    mass: Tensor
    mean: Tensor
    second: Tensor  # E[x_i x_j], and E[x_i (x_i - 1)] on the diagonal
    slope: Tensor
    marginals: Tensor


def _packed(sums: _Sums) -> Tensor:
    """Returns all sums as one row."""
    return torch.cat([part.flatten() for part in sums])[None]


class _TimeIntegral:
    """The integral over time, for an urn from which some but not all elements are drawn."""

    def __init__(self, total: int, sizes: Tensor, weights: Tensor):
        self.total, self.sizes, self.weights = total, sizes.double(), weights / weights.max()
        self.scale = float(weights.max())
        length = 2 * (int(sizes.sum()) // 2) + 1  # odd: no root at -1, where a factor may vanish
        number = torch.arange(length // 2 + 1, dtype=torch.float64)
        self.angles = 2 * torch.pi * number / length
        # Coefficients are real, so one of two conjugate roots is enough. The root 1 has no conjugate.
        self.root_weights = torch.where(number == 0, 1.0, 2.0).double() / length

    def integrate(self) -> tuple[_Sums, Tensor, Tensor]:
        """Computes the sums over time.

        Returns:
            The sums, the quadrature nodes and their weights, in the time unit of the original weights.

        Raises:
            ArithmeticError: if the quadrature does not converge.
        """
        low, high = (torch.tensor([end], dtype=torch.float64) for end in self._ends())
        shapes = self._shapes()
        previous = torch.full((1, sum(shape.numel() for shape in shapes)), torch.inf, dtype=torch.float64)

        def settled(_: Tensor, sums: Tensor) -> Tensor:
            change = (sums - previous).abs().max()
            previous.copy_(sums)
            return (change < _AGREED * (1 + self._unpacked(sums, shapes).mean.max()))[None]

        sums, number, good = integrate(
            lambda _, places: self._summed(places[0].exp()), low, high, settled, steps=_STEPS, halvings=_HALVINGS
        )
        if not bool(good.all()):
            raise ArithmeticError(f"Wallenius' distribution of {self.total} elements did not converge over time.")
        step = (high - low) / number
        times = (low + step * torch.arange(int(number) + 1)).exp() / self.scale
        return self._unpacked(sums, shapes), times, step * times

    def _summed(self, times: Tensor) -> Tensor:
        step = max(1, _CELLS // (len(self.angles) * len(self.sizes)))
        return torch.stack([_packed(self._at(part)) for part in times.split(step)]).sum(0)

    def _shapes(self) -> list[torch.Size]:
        groups, counts = len(self.sizes), min(int(self.sizes.max()), self.total) + 1
        return [torch.Size(s) for s in ((), (groups,), (groups, groups), (groups, groups), (groups, counts))]

    def _unpacked(self, sums: Tensor, shapes: list[torch.Size]) -> _Sums:
        parts = sums[0].split([shape.numel() for shape in shapes])
        return _Sums(*(part.view(shape) for part, shape in zip(parts, shapes, strict=True)))

    def _ends(self) -> tuple[float, float]:
        """Returns the logarithms of the times between which all but a negligible part of the mass lies, by Bennett's
        inequality."""
        pace = float(self.sizes @ self.weights)
        first = -math.log(pace) - (_DROP + 4) / (self.total + 1) - 2
        last = math.log(_DROP + math.log(self.sizes.sum())) - math.log(self.weights.min())
        places = torch.linspace(first, last, 400, dtype=torch.float64)
        rates = places.exp()[:, None] * self.weights
        arrived, left = -torch.expm1(-rates), torch.exp(-rates)
        variance = (self.sizes * arrived * left).sum(1) + 1e-300
        distance = (self.total - (self.sizes * arrived).sum(1)).abs()
        bound = places + math.log(pace) + distance - (variance + distance) * torch.log1p(distance / variance)
        inside = (bound > -_DROP).nonzero()[:, 0]
        return float(places[max(int(inside[0]) - 1, 0)]), float(places[min(int(inside[-1]) + 1, len(places) - 1)])

    def _at(self, times: Tensor) -> _Sums:
        """Returns the integrand in the logarithm of time, summed over some times. Groups are the first axis."""
        sizes, weights = self.sizes[:, None, None], self.weights[:, None, None]
        root = torch.polar(torch.ones_like(self.angles), self.angles)
        rates = weights * times[:, None]
        left, arrived = torch.exp(-rates), -torch.expm1(-rates)
        factor = left + arrived * root
        log_factor = factor.log()
        log_product = (sizes * log_factor).sum(0)
        product = log_product.exp()
        shrunk = left / factor
        next_one = weights * shrunk  # rho
        marked = (sizes * arrived) * root / factor  # m tau
        grown = (root - 1) * (rates * shrunk)  # derivative of log phi in the log weight
        pace = (sizes * next_one).sum(0)
        turned = torch.polar(self.root_weights, -self.total * self.angles)
        base = product * turned * times[:, None]

        one = base * marked
        mean = one * (pace - next_one)
        faster = next_one * (1 - rates - grown)  # derivative of rho in the log weight
        slope = _pairs(mean, sizes * grown) + _pairs(one, sizes * faster)
        own = (mean * (rates * left / arrived - grown) - one * faster).real.sum((1, 2))
        cross = _pairs(one * next_one, marked)
        second = _pairs(one * pace, marked) - cross - cross.T
        # A pair must consist of two different elements of one group.
        pair_fraction = torch.where(self.sizes > 1, 1 - 1 / self.sizes, 0.0)
        second = torch.where(torch.eye(len(pair_fraction), dtype=torch.bool), second * pair_fraction, second)
        marginals = self._marginals(times, rates[..., 0], log_factor, log_product, next_one, pace)
        return _Sums((base * pace).real.sum(), mean.real.sum((1, 2)), second, slope + own.diag(), marginals)

    def _marginals(
        self, times: Tensor, rates: Tensor, log_factor: Tensor, log_product: Tensor, next_one: Tensor, pace: Tensor
    ) -> Tensor:
        """Returns the product of one group's binomial and the coefficient of the other groups' generating function."""
        sizes, weights = self.sizes[:, None, None], self.weights[:, None, None]
        counts = torch.arange(min(int(self.sizes.max()), self.total) + 1, dtype=torch.float64)
        angles = self.angles[:, None] * (counts - self.total)
        turned = torch.polar(self.root_weights[:, None].expand_as(angles).contiguous(), angles)
        others = torch.exp(log_product - sizes * log_factor)
        waiting, still = ((term @ turned).real for term in (others * (pace - sizes * next_one), others))
        missing = weights * (sizes - counts)
        probabilities = _binomials(sizes, counts, rates[..., None])
        return (times[:, None] * probabilities * (waiting + missing * still)).sum(1)


def _pairs(one: Tensor, other: Tensor) -> Tensor:
    """Returns the real parts of the sums of products of every pair of groups."""
    return (one.flatten(1) @ other.flatten(1).T).real


def _binomials(sizes: Tensor, counts: Tensor, rates: Tensor) -> Tensor:
    """Returns the probabilities of the numbers of arrivals of a group; ``rates`` are rates times arrival times. All three
    arguments broadcast."""
    possible = counts <= sizes
    missing = torch.where(possible, sizes - counts, 0.0)
    ways = torch.lgamma(sizes + 1) - torch.lgamma(counts + 1) - torch.lgamma(missing + 1)
    log_chance = ways + torch.xlogy(counts, -torch.expm1(-rates)) - missing * rates
    return torch.where(possible, log_chance.exp(), 0.0)
