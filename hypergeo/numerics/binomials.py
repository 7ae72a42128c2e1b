"""Binomial terms with full relative precision, and the tilt of the weights that centres them on the number of elements
drawn."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

__all__ = ["BinomialTerms", "log_binomial", "log_binomial_pmf", "solve_tilt", "stirling_remainder"]

_LARGE = 1024  # for larger sizes the product of a count and a logarithm loses digits that the pmf needs
_SMALL = 16  # for smaller counts Stirling's series is inaccurate and a table is used
_FEW = 1024  # weights; numpy is quicker than torch with so few
_REMAINDERS = [0.0] + [float(Decimal(math.factorial(x)).ln() - x * Decimal(x).ln() + x) for x in range(1, _SMALL)]


def stirling_remainder(count: Tensor) -> Tensor:
    """Computes ``log x! - x log x + x``, which stays small if ``log x!`` is large.

    Args:
        count: whole numbers ``x``, float64, any shape.

    Returns:
        Remainders, same shape.
    """
    x = count.clamp(min=1.0)
    inverse = 1.0 / x
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square * (1 / 1188)))))
    large = 0.5 * torch.log(2 * math.pi * x) + series
    table = torch.tensor(_REMAINDERS, dtype=torch.float64, device=count.device)
    return torch.where(count < _SMALL, table[count.clamp(0, _SMALL - 1).long()], large)


class BinomialTerms:
    """Precomputes the parts of ``log C(m, x) p^x (1-p)^(m-x)`` that do not depend on ``p``.

    Entries outside ``0 ≤ x ≤ m`` are ``-inf``.

    Args:
        size: number of trials ``m``, float64, any shape that broadcasts with ``count``.
        count: number of successes ``x``, float64, any shape that broadcasts with ``size``.
    """

    def __init__(self, size: Tensor, count: Tensor):
        outside = (count < 0) | (count > size)
        self.size = size
        self.count = count.clamp(min=0).minimum(size)
        self.rest = size - self.count
        safe = size.clamp(min=1.0)
        self.log_fraction = _log_fraction(self.count, self.rest, safe)
        self.log_rest_fraction = _log_fraction(self.rest, self.count, safe)
        offset = stirling_remainder(size) - stirling_remainder(self.count) - stirling_remainder(self.rest)
        self.offset = torch.where(outside, -torch.inf, offset)
        self.large = size.numel() > 0 and bool((size > _LARGE).any())

    def log_pmf(self, logit: Tensor) -> Tensor:
        """Computes the logarithm of the binomial pmf with success probability ``sigmoid(logit)``.

        Args:
            logit: log-odds of success, float64, any shape that broadcasts with the counts; differentiable.

        Returns:
            Log probabilities of the broadcast shape.
        """
        if self.large:
            return _LogPmf.apply(logit, self)
        hit = self.count * (logsigmoid(logit) - self.log_fraction)
        miss = self.rest * (logsigmoid(-logit) - self.log_rest_fraction)
        return self.offset + hit + miss

    def log_coefficient(self) -> Tensor:
        """Computes the logarithm of ``C(m, x)``.

        Returns:
            Logarithms of the broadcast shape.
        """
        return self.offset - self.count * self.log_fraction - self.rest * self.log_rest_fraction


class _LogPmf(torch.autograd.Function):
    """Computes the binomial pmf from the deviation of the count from its mean, whose terms stay small for large sizes.

    With ``d = x - m p`` the pmf contains ``-x log(1 + d / mp) - (m - x) log(1 - d / mq)``, which does not depend on an error of
    ``d`` to first order. The rounding error is therefore proportional to ``d``, and not to the counts.
    """

    @staticmethod
    def forward(ctx: Any, logit: Tensor, terms: BinomialTerms) -> Tensor:
        ctx.save_for_backward(logit)
        ctx.terms = terms
        result = terms.offset
        means = terms.size * torch.sigmoid(logit), terms.size * torch.sigmoid(-logit)
        deviation = torch.where(logit < 0, terms.count - means[0], means[1] - terms.rest)
        for sign, number, log_fraction in ((1, terms.count, terms.log_fraction), (-1, terms.rest, terms.log_rest_fraction)):
            relative = sign * deviation / means[sign < 0]
            near = relative.abs() < 0.5
            gap = torch.where(near, torch.log1p(torch.where(near, relative, 0.0)), log_fraction - logsigmoid(sign * logit))
            result = result - torch.where(number > 0, number * gap, 0.0)
        return result

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (logit,) = ctx.saved_tensors
        return (grad * (ctx.terms.count - ctx.terms.size * torch.sigmoid(logit))).sum_to_size(logit.shape), None


def _log_fraction(part: Tensor, rest: Tensor, whole: Tensor) -> Tensor:
    """Returns ``log(part / whole)`` with ``part + rest = whole``, accurate if the rest is small; zero if the part is zero."""
    fraction = rest / whole
    return torch.where(part > 0, torch.where(fraction < 0.5, torch.log1p(-fraction), (part / whole).log()), 0.0)


def log_binomial(size: Tensor, count: Tensor) -> Tensor:
    """Computes the logarithm of the binomial coefficient ``C(size, count)``; ``-inf`` outside ``0 ≤ count ≤ size``.

    Args:
        size: whole numbers of any real dtype, any shape that broadcasts with ``count``.
        count: whole numbers of any real dtype, any shape that broadcasts with ``size``.

    Returns:
        float64 of the broadcast shape.

    Example:
        >>> log_binomial(torch.tensor(5), torch.tensor([0, 2, 6])).exp().round()
        tensor([ 1., 10.,  0.], dtype=torch.float64)
    """
    return BinomialTerms(size.double(), count.double()).log_coefficient()


def log_binomial_pmf(size: Tensor, count: Tensor, logit: Tensor) -> Tensor:
    """Computes the logarithm of the binomial pmf with log-odds ``logit``, with full relative precision near the mode.

    The coefficient is not formed: Stirling remainders and the logarithms of ratios stay small where ``log C(m, x)``
    and ``x log p`` are large and cancel (C. Loader, "Fast and accurate computation of binomial probabilities", 2000).

    Args:
        size: number of trials, float64; the shapes of all arguments broadcast.
        count: number of successes, float64; the shapes of all arguments broadcast.
        logit: log-odds of success, float64; the shapes of all arguments broadcast.

    Returns:
        float64 of the broadcast shape, ``-inf`` outside the support.
    """
    return BinomialTerms(size, count).log_pmf(logit)


def solve_tilt(log_weights: Tensor, group_sizes: Tensor, total_count: Tensor, tolerance: float = 1e-6) -> Tensor:
    """Solves ``Σ_k m_k t w_k / (1 + t w_k) = n`` for ``log t``.

    Multiplying all weights by ``t`` does not change Fisher's distribution, and makes the expected total of independent
    binomials equal to the number of elements drawn. If no or all elements are drawn, the target is moved by half an element.

    Args:
        log_weights: finite log weights, float64, shape ``(rows, K)``.
        group_sizes: group sizes, float64, shape ``(rows, K)`` or one that broadcasts to it.
        total_count: number of elements drawn, float64, shape ``(rows,)`` or one that broadcasts to it.
        tolerance: largest error of the expected total, divided by the square root of one plus its variance.

    Returns:
        ``log t`` without gradient, shape ``(rows, 1)``.
    """
    arguments: list[Any] = [log_weights.detach(), group_sizes, total_count[..., None]]
    if log_weights.device.type == "cpu" and log_weights.numel() <= _FEW:
        with np.errstate(all="ignore"):
            return torch.from_numpy(_solve(np, *(tensor.numpy() for tensor in arguments), tolerance=tolerance))
    return _solve(torch, *arguments, tolerance=tolerance)


def _solve(library: Any, weights: Any, group_sizes: Any, total_count: Any, *, tolerance: float) -> Any:
    """Returns the result of :func:`solve_tilt` by numpy, whose calls on few numbers are quicker, or by torch."""
    present = group_sizes.sum(-1, keepdims=True)
    target = library.minimum(total_count, present - 0.5).clip(min=0.5)
    # The equation is solved for the smaller of the numbers of elements drawn and left, which has more significant digits.
    sign = library.where(target > 0.5 * present, -1.0, 1.0)
    target = library.minimum(target, present - target)
    weights = sign * weights
    target_logit = library.log(target / (present - target))
    used = group_sizes > 0
    low = target_logit - library.amax(library.where(used, weights, -math.inf), -1, keepdims=True)
    high = target_logit - library.amin(library.where(used, weights, math.inf), -1, keepdims=True)
    low, high = (library.nan_to_num(bound, nan=0.0, posinf=0.0, neginf=0.0) for bound in (low, high))
    tilt = 0.5 * (low + high)
    for _ in range(200):
        hit = 1 / (1 + library.exp(-weights - tilt))
        expected = group_sizes * hit
        excess = expected.sum(-1, keepdims=True) - target
        variance = (expected * (1 - hit)).sum(-1, keepdims=True)
        if (abs(excess) <= tolerance * (1 + variance) ** 0.5).all():
            break
        low = library.where(excess < 0, tilt, low)
        high = library.where(excess > 0, tilt, high)
        step = tilt - excess / variance
        tilt = library.where((step > low) & (step < high), step, 0.5 * (low + high))
    return sign * tilt
