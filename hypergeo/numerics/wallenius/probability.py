"""Wallenius' probabilities: an integral over the arrival time of element ``n + 1``, with a bound on the error."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from hypergeo.numerics.binomials import stirling_remainder
from hypergeo.numerics.native import aligned, along, native, opaque, plain
from hypergeo.numerics.urn_rows import broadcast_shapes

from .quadrature import integrate

__all__ = ["log_probability"]

_CELLS = 1 << 19
_DROP = 38.0  # nats below the peak at which the integral is cut: exp(-38) is below the rounding of float64
_NODES, _HALVINGS = 14, 8
_EPS = torch.finfo(torch.float64).eps


@opaque
def log_probability(log_weights: Tensor, counts: Tensor, sizes: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    r"""Computes log-probabilities of counts under Wallenius' distribution and bounds on their absolute errors.

    With the time :math:`u = e^v`, and :math:`D = \sum_k w_k (m_k - x_k)`,

    .. math:: p(x) = \int D e^v \prod_k \mathrm{Binomial}(x_k;\, m_k,\, 1 - e^{-w_k e^v}) \, dv .

    The logarithm of the integrand is strictly concave. It is cut 38 nats below its peak and summed by the trapezoid rule
    with halved steps, which converges geometrically because the integrand is entire in ``v``. At the peak the binomials are
    computed by C. Loader's saddle-point formula (Fast and accurate computation of binomial probabilities, 2000), so that large
    counts lose no precision. Elsewhere only the ratio to the peak is computed.

    The error bound adds up the truncation of the tails (below ``2 exp(-38)``), the change at the last halving, extrapolated by
    one step of geometric convergence, and the rounding of every term. It includes the rounding of a weight to a double before
    its logarithm was taken.

    Args:
        log_weights: log weights, floating-point, shape ``(..., K)``; ``-inf`` for a weight of zero. All shapes broadcast.
        counts: counts of any real dtype, shape ``(..., K)``.
        sizes: group sizes, whole numbers, shape ``(..., K)``.
        drawn: numbers of elements drawn, shape ``(..., 1)``.

    Returns:
        Two float64 tensors of the broadcast shape without its last axis. The first is at most zero, ``-inf`` for impossible
        counts, and differentiable to any order in the log weights.

    Example:
        >>> log_weights = torch.tensor([0.0, math.log(2.0)], dtype=torch.float64)
        >>> log_prob, error = log_probability(log_weights, torch.tensor([1, 0]), torch.tensor([2, 1]), torch.tensor([1]))
        >>> log_prob.exp(), bool(error < 1e-13)
        (tensor(0.5000, dtype=torch.float64), True)

    References:
        J. Chesson, A non-central multivariate hypergeometric distribution arising from biased sampling with application to
        selective predation, Journal of Applied Probability 13 (1976), the integral for several groups.
    """
    log_prob, error, _ = _LogProbability.apply(log_weights, counts, sizes, drawn)
    return log_prob, error


class _LogProbability(torch.autograd.Function):
    """Log-probability. Its gradient is the same quadrature of the derivative, at the same nodes."""

    @staticmethod
    @torch.inference_mode(False)
    def forward(log_weights: Tensor, counts: Tensor, sizes: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        drawn, *tensors = map(plain, (drawn, log_weights, counts, sizes))
        shape = broadcast_shapes(*(t.shape for t in tensors), (*drawn.shape[:-1], tensors[0].shape[-1]))
        logs, counts, sizes = (t.double().expand(shape).reshape(-1, shape[-1]) for t in tensors)
        total = drawn.expand(*shape[:-1], 1).reshape(-1)
        drawable = logs > -torch.inf
        sizes = torch.where(drawable, sizes, 0.0)
        possible = ((counts == counts.round()) & (counts >= 0) & (counts <= sizes)).all(-1) & (counts.sum(-1) == total)
        certain = (counts == 0).all(-1) | (counts == sizes).all(-1) | ((sizes > 0).sum(-1) == 1)
        log_prob = torch.zeros(len(counts), dtype=torch.float64, device=counts.device).masked_fill(~possible, -torch.inf)
        error, nodes = torch.zeros_like(log_prob), torch.zeros(len(counts), 4, dtype=torch.float64, device=counts.device)
        computed = (possible & ~certain).nonzero()[:, 0]
        for chunk in _chunks(len(computed), 4 * _NODES * shape[-1], counts.device):
            rows = computed[chunk]
            logs_of_rows = torch.where(drawable[rows], logs[rows], 0.0)
            value, error[rows], nodes[rows] = _integrate(logs_of_rows, counts[rows], sizes[rows])
            log_prob[rows] = value.clamp(max=0)
        return log_prob.view(shape[:-1]), error.view(shape[:-1]), nodes.view(*shape[:-1], 4)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        log_weights, counts, sizes, _ = inputs
        _, error, nodes = output
        ctx.mark_non_differentiable(error, nodes)
        ctx.save_for_backward(log_weights, counts, sizes, nodes)
        ctx.save_for_forward(log_weights, counts, sizes, nodes)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        log_weights = ctx.saved_tensors[0]
        score = grad[..., None] * native(_scores, ctx.saved_tensors[0], *(t.detach() for t in ctx.saved_tensors[1:]))
        return score.sum_to_size(log_weights.shape).to(log_weights.dtype), None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> tuple[Tensor, None, None]:
        scores = native(_scores, ctx.saved_tensors[0], *(t.detach() for t in ctx.saved_tensors[1:]))
        return along(tangent, scores), None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *arguments: Tensor) -> tuple[tuple[Tensor, ...], tuple[int, int, int]]:
        return _LogProbability.apply(*aligned(info, in_dims, arguments)), (0, 0, 0)


def _scores(log_weights: Tensor, counts: Tensor, sizes: Tensor, nodes: Tensor) -> Tensor:
    """Returns the gradients of log-probabilities at their quadrature nodes; zero if there are none."""
    shape = broadcast_shapes(log_weights.shape, counts.shape, sizes.shape, (*nodes.shape[:-1], sizes.shape[-1]))
    logs, counts, sizes = (t.double().expand(shape).reshape(-1, shape[-1]) for t in (log_weights, counts, sizes))
    drawable, nodes = logs > -torch.inf, nodes.expand(*shape[:-1], 4).reshape(-1, 4)
    logs, sizes = torch.where(drawable, logs, 0.0), torch.where(drawable, sizes, 0.0)
    score = torch.zeros_like(counts)
    for steps in nodes[:, 3].unique().tolist():
        same = (nodes[:, 3] == steps).nonzero()[:, 0]
        for chunk in _chunks(len(same), int(steps + 1) * shape[-1], counts.device) if steps else ():
            rows = same[chunk]
            peak, lower, step, _ = nodes[rows].T
            shift = lower[:, None] + step[:, None] * torch.arange(steps + 1, device=step.device)
            score = score.index_copy(0, rows, _score(logs[rows], counts[rows], sizes[rows], peak, shift))
    return score.view(shape)


def _chunks(rows: int, width: int, device: torch.device) -> tuple[Tensor, ...]:
    """Returns row numbers in chunks of about half a million entries if each row has ``width`` of them."""
    return torch.arange(rows, device=device).split(max(1, _CELLS // width))


def _integrate(log_weights: Tensor, counts: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the log-probability, its error, and the rule: peak, first node relative to the peak, step and number of steps."""
    left = sizes - counts
    peak = _peak(log_weights, counts, left)
    log_rates = log_weights + peak[:, None]
    rates = _rates(log_rates)
    scale = (left * rates).sum(-1)
    binomials, rounding_terms = _log_binomials(counts, sizes, log_rates)
    height = scale.log() + binomials.sum(-1)
    pull = (counts * _bernoulli(rates) - left * rates).abs() * (4 + log_weights.abs() + log_rates.abs())
    lower, upper = _ends(counts, rates, scale)

    failure, change = torch.ones_like(height), torch.full_like(height, 0.003)
    previous = torch.full_like(height, torch.inf)

    def terms(rows: Tensor, shift: Tensor) -> Tensor:
        depth, size = _relative(shift, counts[rows], rates[rows], scale[rows])
        return torch.stack((depth.exp().sum(-1), (depth.exp() * size).sum(-1)), -1)

    def settled(rows: Tensor, sums: Tensor) -> Tensor:
        finer = sums[:, 0].log()
        last = (finer - previous[rows]).abs()
        if bool(previous[rows].isfinite().all()):
            # geometric convergence squares the error; the change before last guards against a lucky last one
            failure[rows], change[rows] = torch.maximum(last, change[rows] ** 2) ** 2, last
        previous[rows] = finer
        return failure[rows] <= 0.1 * _EPS

    sums, steps, _ = integrate(terms, lower, upper, settled, steps=_NODES, halvings=_HALVINGS)
    integral, noise = sums[:, 0].log(), sums[:, 1] / sums[:, 0]
    rounding = _EPS * (rounding_terms.sum(-1) + pull.sum(-1) + 4 * noise + height.abs() + 8)
    rule = torch.stack((peak, lower, (upper - lower) / steps, steps), -1)
    return height + integral, failure + 2 * math.exp(-_DROP) + rounding, rule


def _rates(log_rates: Tensor) -> Tensor:
    """Returns ``w_k u`` clamped to limits beyond which ratios to the peak are constant."""
    return torch.exp(log_rates.clamp(-300, 300))


def _peak(log_weights: Tensor, counts: Tensor, left: Tensor) -> Tensor:
    """Returns the logarithm of the time at which the integrand is largest.

    There ``t = D u`` solves ``f(t) = 1 + sum_k x_k h(w_k t / D) - t = 0`` with ``h(z) = z / (exp(z) - 1)``. The function ``f``
    is convex and decreasing, so Newton's method from ``t = 1`` increases to the root without passing it.
    """
    log_scale = torch.logsumexp(log_weights + left.log(), -1)
    base = _rates(log_weights - log_scale[:, None])
    drawn = torch.ones_like(log_scale)
    for _ in range(100):
        rates = base * drawn[:, None]
        product = counts * _bernoulli(rates)
        pull = 1 + product.sum(-1)
        step = (pull - drawn) / (1 + (product * (_bernoulli(rates) + rates - 1)).sum(-1) / drawn)
        drawn = drawn + step.clamp(min=0)
        if (step * pull < 0.01 * drawn).all():
            break
    return drawn.log() - log_scale


def _ends(counts: Tensor, rates: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the ends of the interval, relative to the peak in ``v``, at which the log integrand is 38 nats below its peak.

    Newton's method on a concave function that is started outside the interval stays outside, so the true drop is never less.
    The starts solve ``c (a - 1 + exp(-a)) >= 38`` on the left and ``c (exp(a) - 1 - a) >= 38`` on the right, where ``c = D u``
    at the peak.
    """
    need = _DROP / scale
    start = -0.5 * (need + torch.sqrt(need * (need + 8))), torch.minimum(torch.sqrt(2 * need), 1 + torch.log1p(need))
    end = torch.stack(start, -1)
    for _ in range(20):
        excess = _relative(end, counts, rates, scale)[0] + _DROP
        if (excess > -4).all():
            break
        slope = (
            1
            - scale[:, None] * end.exp()
            + torch.einsum("rk,rkj->rj", counts, _bernoulli(rates[:, :, None] * end.exp()[:, None]))
        )
        end = end - excess / slope
    return end[:, 0], end[:, 1]


def _relative(shift: Tensor, counts: Tensor, rates: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the log integrand minus its value at the peak, shape ``(rows, nodes)``, and the sum of the magnitudes of its
    terms."""
    stretch = torch.expm1(shift)
    # log((1 - exp(-z e^s)) / (1 - exp(-z))) from the smaller of the two rates, without cancellation
    near = rates[:, :, None] * torch.exp(shift.clamp(max=0))[:, None]
    gap = -torch.expm1(-rates[:, :, None] * stretch.abs()[:, None])
    gains = torch.matmul(counts[:, None], torch.log1p(gap / torch.expm1(near)))[:, 0]
    losses = scale[:, None] * stretch
    return shift - losses + gains * shift.sign(), shift.abs() + losses.abs() + gains


def _bernoulli(rates: Tensor) -> Tensor:
    """Returns ``z / (exp(z) - 1)``, the slope of ``log(1 - exp(-z))`` in ``log z``."""
    return rates / torch.expm1(rates)


def _score(log_weights: Tensor, counts: Tensor, sizes: Tensor, peak: Tensor, shift: Tensor) -> Tensor:
    """Returns the gradient of the log-probability in the log weights, written so that autograd can differentiate it again."""
    left = sizes - counts
    with torch.no_grad():
        at_peak = _rates(log_weights + peak[:, None])
        depth = _relative(shift, counts, at_peak, (left * at_peak).sum(-1))[0]
    log_rates = log_weights[:, :, None] + (peak[:, None] + shift)[:, None]
    rates = torch.exp(log_rates.clamp(-150, 6))
    losses = torch.where(left[:, :, None] > 0, left[:, :, None] * torch.exp(log_rates.clamp(max=300)), 0.0)
    remaining = log_weights + left.log()
    if torch.is_grad_enabled():
        # The value is that of the ratios to the peak (accurate for large counts), the derivatives are those of the terms.
        gains = log_rates.clamp(max=6) + torch.log(-torch.expm1(-rates) / rates)
        terms = torch.logsumexp(remaining, -1)[:, None] + (counts[:, :, None] * gains - losses).sum(-2)
        depth = depth + (terms - terms.detach())
    slopes = torch.softmax(remaining, -1)[:, :, None] + counts[:, :, None] * _bernoulli(rates) - losses
    return torch.matmul(slopes, torch.softmax(depth, -1)[:, :, None])[:, :, 0]


def _log_binomials(counts: Tensor, sizes: Tensor, log_rates: Tensor) -> tuple[Tensor, Tensor]:
    """Returns binomial log-probabilities of the counts if each element has arrived with probability ``1 - exp(-rate)``, and
    bounds on their rounding errors in units of float64's rounding unit.
    """
    left = sizes - counts
    rates = torch.exp(log_rates.clamp(max=300))
    late = torch.where(rates > 0.7, torch.log1p(-torch.exp(-rates)), torch.log(-torch.expm1(-rates)))
    log_arrived = torch.where(rates < 1e-8, log_rates - 0.5 * rates, late)
    inside = (counts > 0) & (left > 0)
    full, some, rest = (torch.where(inside, t, one) for t, one in ((sizes, 2.0), (counts, 1.0), (left, 1.0)))
    arrived = _deviance(some, full * -torch.expm1(-rates), full.log() + log_arrived)
    waiting = _deviance(rest, full * torch.exp(-rates), full.log() - rates)
    remainders = stirling_remainder(full), stirling_remainder(some), stirling_remainder(rest)
    middle = remainders[0] - remainders[1] - remainders[2] - arrived - waiting
    edge = torch.where(left > 0, -sizes * rates, sizes * log_arrived)
    doubt = torch.where(inside, 2 * (arrived + waiting) + remainders[0] + remainders[1] + remainders[2], edge.abs())
    return torch.where(inside, middle, edge), doubt


def _deviance(count: Tensor, mean: Tensor, log_mean: Tensor) -> Tensor:
    """Returns ``x log(x / M) + M - x`` for ``x > 0``, without cancellation near ``x = M``."""
    relative = (count - mean) / (count + mean)
    square = relative * relative
    series = torch.zeros_like(square)
    for power in range(19, 1, -2):
        series = (series + 1 / power) * square
    close = (count - mean) * relative + 2 * count * relative * series
    ratio = torch.where(mean > 1e-290, torch.log(count / mean), count.log() - log_mean)
    return torch.where(relative.abs() < 0.1, close, count * ratio + mean - count)
