"""Wallenius' law of one small urn, all of it at once: marginals, moments and how the mean answers to the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .quadrature import integrate

__all__ = ["RaceLaw", "race_law", "race_probabilities"]

_DROP = 40.0  # nats: the integral is cut where its integrand is below exp(-40)
_STEPS, _HALVINGS = 16, 8
_AGREED = 1e-6  # change at the last halving; halving squares the error, so the finer rule is at rounding
_MOST = 20_000  # elements
_CELLS = 1 << 20


class RaceLaw(NamedTuple):
    """Wallenius' law of one urn.

    Attributes:
        marginals: probability of each count of each group, shape ``(K, M + 1)``.
        mean: expected counts, shape ``(K,)``.
        covariance: of the counts, shape ``(K, K)``.
        sensitivity: derivative of the mean of group ``i`` in the log weight of group ``j``, shape ``(K, K)``. Unlike under
            Fisher's law it is not the covariance.
        error: how far the probabilities of all counts together are from one: quadrature and rounding.
        times: nodes of the quadrature, times of the first arrival too many, shape ``(G,)``.
        steps: their weights in it, shape ``(G,)``.
    """

    marginals: Tensor
    mean: Tensor
    covariance: Tensor
    sensitivity: Tensor
    error: float
    times: Tensor
    steps: Tensor


def race_law(total_count: int, group_sizes: Sequence[int], weights: Sequence[float]) -> RaceLaw:
    r"""Wallenius' law of an urn of up to twenty thousand elements, in milliseconds where it is small.

    Let every element's clock ring at the rate of its weight. At the time :math:`u` the groups' arrivals are independent
    binomials with :math:`q_k = 1 - e^{-w_k u}`, and the counts are those at the time of arrival ``n + 1`` (J. Chesson, Journal
    of Applied Probability 13, 1976). With :math:`\varphi_k = 1 - q_k + q_k z`, the chance that ``n`` have arrived and another
    one does so now has the generating function

    .. math:: \prod_k \varphi_k^{m_k} \sum_j m_j \rho_j , \qquad \rho_j = w_j (1 - q_j) / \varphi_j ;

    a factor :math:`\tau_i = q_i z / \varphi_i` marks an element of group ``i`` among those that have arrived, so moments are
    sums over different elements, and derivatives in the log weights are those of these factors. The coefficient of
    :math:`z^n` comes from the roots of unity, the integral over :math:`\log u` from the trapezoid rule with halved steps.

    Probabilities have an absolute error of about 1e-14: tails have no digits. ``WalleniusHypergeometric`` has them, in larger
    urns and batches, too.

    Args:
        total_count: number of elements drawn.
        group_sizes: number of elements in each group, ``K`` of them.
        weights: importance of each group, nonnegative, ``K`` of them.

    Raises:
        ValueError: where the urn has more than twenty thousand elements, or fewer that can be drawn than are to be.
        ArithmeticError: should the quadrature fail to converge.

    Example:
        >>> law = race_law(3, [2, 2, 2], [1.0, 2.0, 3.0])
        >>> law.mean, law.covariance.diagonal()
        (tensor([0.5918, 1.0499, 1.3582], dtype=torch.float64), tensor([0.3507, 0.3787, 0.3602], dtype=torch.float64))
        >>> law.sensitivity.diagonal()
        tensor([0.3990, 0.4733, 0.4725], dtype=torch.float64)
    """
    sizes, rates = torch.tensor(list(group_sizes)), torch.tensor(list(weights), dtype=torch.float64)
    open_groups = ((sizes > 0) & (rates > 0)).nonzero()[:, 0]
    everything = int(sizes[open_groups].sum())
    if not 0 <= total_count <= everything:
        raise ValueError(
            f"total_count must be between 0 and {everything}, the number of elements whose weight is above zero; "
            f"got {total_count}."
        )
    if everything > _MOST:
        raise ValueError(f"group_sizes must add up to at most {_MOST}; got {everything}.")
    groups, none = len(sizes), torch.empty(0, dtype=torch.float64)
    marginals = torch.zeros(groups, int(sizes.max()) + 1, dtype=torch.float64)
    mean, covariance = torch.zeros(groups, dtype=torch.float64), torch.zeros(groups, groups, dtype=torch.float64)
    if total_count in (0, everything) or len(open_groups) == 1:
        mean[open_groups] = 0.0 if total_count == 0 else sizes[open_groups].clamp(max=total_count).double()
        marginals[torch.arange(groups), mean.long()] = 1.0
        return RaceLaw(marginals, mean, covariance, covariance.clone(), 0.0, none, none)
    sums, times, steps = _Race(total_count, sizes[open_groups], rates[open_groups]).integrate()
    marginals[:, 0] = 1.0
    marginals[open_groups, : sums.marginals.shape[1]] = sums.marginals.clamp(min=0)
    mean[open_groups] = sums.mean
    block = open_groups[:, None], open_groups
    covariance[block] = sums.second + sums.mean.diag() - torch.outer(sums.mean, sums.mean)
    sensitivity = torch.zeros_like(covariance)
    sensitivity[block] = sums.slope
    return RaceLaw(marginals, mean, covariance, sensitivity, float((sums.mass - 1).abs()), times, steps)


def race_probabilities(law: RaceLaw, counts: Tensor, group_sizes: Sequence[int], weights: Sequence[float]) -> Tensor:
    """Joint probabilities of count vectors, at the nodes that the law was found with.

    Args:
        law: what :func:`race_law` returned.
        counts: count vectors of that urn, whole numbers, shape ``(N, K)``.
        group_sizes: as given there.
        weights: as given there.

    Returns:
        Shape ``(N,)``, with an absolute error of about 1e-14.

    Example:
        >>> urn = [4, 2, 2], [1.0, 2.0, 4.0]
        >>> race_probabilities(race_law(3, *urn), torch.tensor([[1, 1, 1], [2, 1, 0]]), *urn)
        tensor([0.3179, 0.0462], dtype=torch.float64)
    """
    counts = counts.long()
    if not len(law.times):
        return (counts == law.mean).all(-1).double()
    sizes, rates = torch.tensor(list(group_sizes)).double(), torch.tensor(list(weights), dtype=torch.float64)
    every = torch.arange(int(sizes.max()) + 1).double()
    table = _binomials(sizes[:, None, None], every, (rates[:, None] * law.times)[..., None])
    chances = law.steps[:, None] * table[0][:, counts[:, 0]]
    for group in range(1, len(sizes)):
        chances *= table[group][:, counts[:, group]]
    return chances.sum(0) * ((sizes - counts) @ rates)


class _Sums(NamedTuple):
    """What the integral adds up, of ``K`` groups."""

    mass: Tensor
    mean: Tensor
    second: Tensor  # E[x_i x_j], and E[x_i (x_i - 1)] on the diagonal
    slope: Tensor
    marginals: Tensor


def _packed(sums: _Sums) -> Tensor:
    """All sums as one row."""
    return torch.cat([part.flatten() for part in sums])[None]


class _Race:
    """The integral over time, for an urn from which neither nothing nor everything is drawn."""

    def __init__(self, total: int, sizes: Tensor, weights: Tensor):
        self.total, self.sizes, self.weights = total, sizes.double(), weights / weights.max()
        self.scale = float(weights.max())
        length = 2 * (int(sizes.sum()) // 2) + 1  # odd: no root at -1, where a factor may vanish
        number = torch.arange(length // 2 + 1, dtype=torch.float64)
        self.angles = 2 * torch.pi * number / length
        # Coefficients are real: one of two conjugate roots is enough, but for 1 itself.
        self.shares = torch.where(number == 0, 1.0, 2.0).double() / length

    def integrate(self) -> tuple[_Sums, Tensor, Tensor]:
        """The sums over time; also the nodes and their weights, in the units of the weights given."""
        low, high = (torch.tensor([end], dtype=torch.float64) for end in self._ends())
        shapes = self._shapes()
        before = torch.full((1, sum(shape.numel() for shape in shapes)), torch.inf, dtype=torch.float64)

        def settled(_: Tensor, sums: Tensor) -> Tensor:
            change = (sums - before).abs().max()
            before.copy_(sums)
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
        """Logarithms of the times between which all but a negligible part of the mass lies, by Bennett's inequality."""
        pace = float(self.sizes @ self.weights)
        first = -math.log(pace) - (_DROP + 4) / (self.total + 1) - 2
        last = math.log(_DROP + math.log(self.sizes.sum())) - math.log(self.weights.min())
        places = torch.linspace(first, last, 400, dtype=torch.float64)
        rates = places.exp()[:, None] * self.weights
        arrived, left = -torch.expm1(-rates), torch.exp(-rates)
        spread = (self.sizes * arrived * left).sum(1) + 1e-300
        off = (self.total - (self.sizes * arrived).sum(1)).abs()
        bound = places + math.log(pace) + off - (spread + off) * torch.log1p(off / spread)
        inside = (bound > -_DROP).nonzero()[:, 0]
        return float(places[max(int(inside[0]) - 1, 0)]), float(places[min(int(inside[-1]) + 1, len(places) - 1)])

    def _at(self, times: Tensor) -> _Sums:
        """The integrand in the logarithm of time, added up over some times; groups are the first axis."""
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
        turned = torch.polar(self.shares, -self.total * self.angles)
        base = product * turned * times[:, None]

        one = base * marked
        mean = one * (pace - next_one)
        faster = next_one * (1 - rates - grown)  # derivative of rho in the log weight
        slope = _pairs(mean, sizes * grown) + _pairs(one, sizes * faster)
        own = (mean * (rates * left / arrived - grown) - one * faster).real.sum((1, 2))
        cross = _pairs(one * next_one, marked)
        second = _pairs(one * pace, marked) - cross - cross.T
        # Two different elements of one group.
        apart = torch.where(self.sizes > 1, 1 - 1 / self.sizes, 0.0)
        second = torch.where(torch.eye(len(apart), dtype=torch.bool), second * apart, second)
        marginals = self._marginals(times, rates[..., 0], log_factor, log_product, next_one, pace)
        return _Sums((base * pace).real.sum(), mean.real.sum((1, 2)), second, slope + own.diag(), marginals)

    def _marginals(
        self, times: Tensor, rates: Tensor, log_factor: Tensor, log_product: Tensor, next_one: Tensor, pace: Tensor
    ) -> Tensor:
        """One group's binomial times the coefficient of what the others have given."""
        sizes, weights = self.sizes[:, None, None], self.weights[:, None, None]
        counts = torch.arange(min(int(self.sizes.max()), self.total) + 1, dtype=torch.float64)
        angles = self.angles[:, None] * (counts - self.total)
        turned = torch.polar(self.shares[:, None].expand_as(angles).contiguous(), angles)
        others = torch.exp(log_product - sizes * log_factor)
        waiting, still = ((term @ turned).real for term in (others * (pace - sizes * next_one), others))
        missing = weights * (sizes - counts)
        chances = _binomials(sizes, counts, rates[..., None])
        return (times[:, None] * chances * (waiting + missing * still)).sum(1)


def _pairs(one: Tensor, other: Tensor) -> Tensor:
    """Real part of the sums of products of every pair of groups."""
    return (one.flatten(1) @ other.flatten(1).T).real


def _binomials(sizes: Tensor, counts: Tensor, rates: Tensor) -> Tensor:
    """Probabilities that so many of a group's clocks have rung, at rates times times; all three broadcast."""
    possible = counts <= sizes
    missing = torch.where(possible, sizes - counts, 0.0)
    ways = torch.lgamma(sizes + 1) - torch.lgamma(counts + 1) - torch.lgamma(missing + 1)
    log_chance = ways + torch.xlogy(counts, -torch.expm1(-rates)) - missing * rates
    return torch.where(possible, log_chance.exp(), 0.0)
