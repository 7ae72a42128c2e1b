"""Binomial terms with full relative precision, and the tilt that centres an urn's terms on the number drawn."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

__all__ = ["BinomialTerms", "log_binomial", "log_binomial_pmf", "solve_tilt", "stirling_remainder"]

_LARGE = 1024  # above, the product of a count and a logarithm loses digits that the pmf has
_SMALL = 16  # below this many, Stirling's series is not exact to rounding and a table is
_REMAINDERS = [0.0] + [float(Decimal(math.factorial(x)).ln() - x * Decimal(x).ln() + x) for x in range(1, _SMALL)]


def stirling_remainder(count: Tensor) -> Tensor:
    """``log x! - x log x + x``, which stays small where ``log x!`` is large."""
    x = count.clamp(min=1.0)
    inverse = 1.0 / x
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square * (1 / 1188)))))
    large = 0.5 * torch.log(2 * math.pi * x) + series
    table = torch.tensor(_REMAINDERS, dtype=torch.float64, device=count.device)
    return torch.where(count < _SMALL, table[count.clamp(0, _SMALL - 1).long()], large)


class BinomialTerms:
    """What ``log C(m, x) p^x (1-p)^(m-x)`` needs of the counts alone, computed once for many ``p``.

    Entries outside ``0 ≤ x ≤ m`` are ``-inf``.

    Args:
        size: number of trials ``m``, float64, broadcast with ``count``.
        count: successes ``x``, float64.
    """

    def __init__(self, size: Tensor, count: Tensor):
        outside = (count < 0) | (count > size)
        self.size = size
        self.count = count.clamp(min=0).minimum(size)
        self.rest = size - self.count
        safe = size.clamp(min=1.0)
        self.log_share = _log_share(self.count, self.rest, safe)
        self.log_rest_share = _log_share(self.rest, self.count, safe)
        offset = stirling_remainder(size) - stirling_remainder(self.count) - stirling_remainder(self.rest)
        self.offset = torch.where(outside, -torch.inf, offset)
        self.large = size.numel() > 0 and bool((size > _LARGE).any())

    def log_pmf(self, logit: Tensor) -> Tensor:
        """Logarithm of the binomial pmf at success probability ``sigmoid(logit)``, differentiable in ``logit``."""
        if self.large:
            return _LogPmf.apply(logit, self)
        hit = self.count * (logsigmoid(logit) - self.log_share)
        miss = self.rest * (logsigmoid(-logit) - self.log_rest_share)
        return self.offset + hit + miss

    def log_coefficient(self) -> Tensor:
        """Logarithm of ``C(m, x)``."""
        return self.offset - self.count * self.log_share - self.rest * self.log_rest_share


class _LogPmf(torch.autograd.Function):
    """The binomial pmf by the deviation of the count from its mean, whose terms stay small where sizes are large.

    With ``d = x - m p`` it is ``-x log(1 + d / mp) - (m - x) log(1 - d / mq)``, which an error of ``d`` does not change to
    first order: the rounding error is that of ``d``, and not of the counts.
    """

    @staticmethod
    def forward(ctx: Any, logit: Tensor, terms: BinomialTerms) -> Tensor:
        ctx.save_for_backward(logit)
        ctx.terms = terms
        result = terms.offset
        means = terms.size * torch.sigmoid(logit), terms.size * torch.sigmoid(-logit)
        deviation = torch.where(logit < 0, terms.count - means[0], means[1] - terms.rest)
        for sign, number, log_share in ((1, terms.count, terms.log_share), (-1, terms.rest, terms.log_rest_share)):
            relative = sign * deviation / means[sign < 0]
            near = relative.abs() < 0.5
            gap = torch.where(near, torch.log1p(torch.where(near, relative, 0.0)), log_share - logsigmoid(sign * logit))
            result = result - torch.where(number > 0, number * gap, 0.0)
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (logit,) = ctx.saved_tensors
        return (grad * (ctx.terms.count - ctx.terms.size * torch.sigmoid(logit))).sum_to_size(logit.shape), None


def _log_share(part: Tensor, rest: Tensor, whole: Tensor) -> Tensor:
    """``log(part / whole)`` with ``part + rest = whole``, accurate where the rest is small; zero without a part."""
    share = rest / whole
    return torch.where(part > 0, torch.where(share < 0.5, torch.log1p(-share), (part / whole).log()), 0.0)


def log_binomial(size: Tensor, count: Tensor) -> Tensor:
    """Logarithm of the binomial coefficient ``C(size, count)``; ``-inf`` outside ``0 ≤ count ≤ size``.

    Args:
        size: whole numbers, any real dtype, broadcast with ``count``.
        count: whole numbers.

    Returns:
        float64 of the broadcast shape.

    Example:
        >>> log_binomial(torch.tensor(5), torch.tensor([0, 2, 6])).exp().round()
        tensor([ 1., 10.,  0.], dtype=torch.float64)
    """
    return BinomialTerms(size.double(), count.double()).log_coefficient()


def log_binomial_pmf(size: Tensor, count: Tensor, logit: Tensor) -> Tensor:
    """Logarithm of the binomial pmf with log-odds ``logit``, accurate relative to its own size near the mode.

    The coefficient is not formed: Stirling remainders and the logarithms of ratios stay small where ``log C(m, x)``
    and ``x log p`` are large and cancel (C. Loader, "Fast and accurate computation of binomial probabilities", 2000).

    Args:
        size: trials, float64, broadcast with the others.
        count: successes, float64.
        logit: log-odds of success, float64.

    Returns:
        float64 of the broadcast shape, ``-inf`` outside the support.
    """
    return BinomialTerms(size, count).log_pmf(logit)


def solve_tilt(log_weights: Tensor, group_sizes: Tensor, total_count: Tensor, tolerance: float = 1e-6) -> Tensor:
    """The ``log t`` at which ``Σ_k m_k t w_k / (1 + t w_k) = n``.

    Scaling all weights by ``t`` leaves Fisher's law as it is and makes the expected total of independent binomials
    equal to the number drawn. Where nothing or everything is drawn the total is held half an element away.

    Args:
        log_weights: finite, float64, shape ``(rows, K)``.
        group_sizes: float64, broadcasts to ``(rows, K)``.
        total_count: float64, broadcasts to ``(rows,)``.
        tolerance: by how much the expected total may differ, over one plus its variance.

    Returns:
        ``log t`` without gradient, shape ``(rows, 1)``.
    """
    weights = log_weights.detach()
    present = group_sizes.sum(-1, keepdim=True)
    target = torch.minimum(total_count[..., None], present - 0.5).clamp(min=0.5)
    # What is left in the urn is counted where it is less than what is drawn: the smaller number has the digits.
    sign = torch.where(target > 0.5 * present, -1.0, 1.0)
    target = torch.minimum(target, present - target)
    weights = sign * weights
    share = torch.log(target / (present - target))
    used = group_sizes > 0
    if bool(used.all()):
        low, high = share - weights.amax(-1, keepdim=True), share - weights.amin(-1, keepdim=True)
    else:
        low = (share - torch.where(used, weights, -torch.inf).amax(-1, keepdim=True)).nan_to_num(0.0, 0.0, 0.0)
        high = (share - torch.where(used, weights, torch.inf).amin(-1, keepdim=True)).nan_to_num(0.0, 0.0, 0.0)
    tilt = 0.5 * (low + high)
    for _ in range(200):
        hit = torch.sigmoid(weights + tilt)
        expected = group_sizes * hit
        excess = expected.sum(-1, keepdim=True) - target
        spread = (expected * (1 - hit)).sum(-1, keepdim=True)
        if bool((excess.abs() <= tolerance * (1 + spread)).all()):
            break
        low = torch.where(excess < 0, tilt, low)
        high = torch.where(excess > 0, tilt, high)
        step = tilt - excess / spread
        tilt = torch.where((step > low) & (step < high), step, 0.5 * (low + high))
    return sign * tilt
