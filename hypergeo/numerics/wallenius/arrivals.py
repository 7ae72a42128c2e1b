"""The race of exponential clocks: one clock for each element of an urn, and what has rung when ``total_count`` have."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["expected_time", "first_arrivals"]

_CELLS = 1 << 20
_EPS = torch.finfo(torch.float64).eps


def first_arrivals(
    log_weights: Tensor, sizes: Tensor, total: Tensor, draws: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """Independent draws of how many of the first ``total`` arrivals belong to each group: Wallenius' law.

    The time axis is cut where that many arrivals are expected, and binomials give the arrivals of each group before the
    cut. The side that holds the last wanted arrival is cut again, until none is left in doubt. Given their number, the
    arrivals of a group inside an interval are independent truncated exponentials, so the draws are exact wherever the
    cuts fall. Cost and memory depend on the number of groups, hardly on their sizes.

    Args:
        log_weights: finite, float64, shape ``(T, K)``.
        sizes: whole numbers as float64, zero for what cannot be drawn, shape ``(T, K)``.
        total: at most the sum of the sizes, float64, shape ``(T,)``.
        draws: number of draws from each row.
        generator: source of the random numbers; torch's global one when omitted.

    Returns:
        float64, shape ``(draws, T, K)``.

    Example:
        >>> urn = torch.zeros(1, 2).double(), torch.tensor([[3.0, 0.0]]).double(), torch.tensor([2.0]).double()
        >>> first_arrivals(*urn, draws=2)
        tensor([[[2., 0.]],
        <BLANKLINE>
                [[2., 0.]]], dtype=torch.float64)
    """
    urns, groups = sizes.shape
    rates = torch.exp((log_weights + expected_time(log_weights, sizes, total)[:, None]).clamp(-600, 600))
    counts = sizes.new_empty(draws * urns, groups)
    for rows in torch.arange(draws * urns, device=sizes.device).split(max(1, _CELLS // groups)):
        urn = rows % urns
        counts[rows] = _settle(sizes[urn], total[urn], rates[urn], generator)
    return counts.view(draws, urns, groups)


def _settle(sizes: Tensor, total: Tensor, rates: Tensor, generator: torch.Generator | None) -> Tensor:
    """One draw for each row, shape ``(rows, K)``.

    ``rates`` are the weights times the time of the first cut. Later cuts fall where the arrivals still needed are expected
    if they keep coming as fast as at the start of the interval, or as fast as at its end: both are early guesses.
    """
    result = torch.zeros_like(sizes)
    row = torch.arange(len(total), device=total.device)
    known, doubtful, need = torch.zeros_like(sizes), sizes, total
    bounded = torch.zeros_like(total, dtype=torch.bool)  # whether the interval of the doubtful arrivals ends
    mass, cut = torch.ones_like(rates), torch.ones_like(total)  # the cut is a share of the interval, its length is in the rates
    while len(row):
        early = torch.binomial(doubtful, (-torch.expm1(-rates * cut[:, None]) / mass).clamp(max=1), generator=generator)
        arrived = early.sum(-1)
        few = arrived <= need
        known = torch.where(few[:, None], known + early, known)
        doubtful = torch.where(few[:, None], doubtful - early, early)
        need = torch.where(few, need - arrived, need)
        rates = rates * torch.where(few, torch.where(bounded, 1 - cut, 1.0), cut)[:, None]
        bounded = bounded | ~few
        live = (need > 0) & (doubtful.sum(-1) > need)
        result[row[~live]] = (known + torch.where((need > 0)[:, None], doubtful, 0.0))[~live]
        row, known, doubtful, need = row[live], known[live], doubtful[live], need[live]
        rates, bounded = rates[live].clamp(1e-290, 1e290), bounded[live]
        mass = torch.where(bounded[:, None], -torch.expm1(-rates), 1.0)
        pace = doubtful * (rates / mass)
        from_end = (doubtful.sum(-1) - need) / (pace * (1 - mass)).sum(-1)
        cut = torch.maximum(need / pace.sum(-1), torch.where(bounded, 1 - from_end, 0.0))
    return result


def expected_time(log_weights: Tensor, sizes: Tensor, total: Tensor) -> Tensor:
    """Logarithm of the time by which ``total`` arrivals are expected, to about 1e-6, by Newton's method inside a bracket.

    Args:
        log_weights: finite, float64, shape ``(T, K)``.
        sizes: float64, shape ``(T, K)``.
        total: float64, shape ``(T,)``; none and all are held half an arrival away.

    Returns:
        Shape ``(T,)``.
    """
    everyone = sizes.sum(-1).clamp(min=1)
    share = torch.minimum(torch.maximum(total, everyone.new_tensor(0.5)), everyone - 0.5) / everyone
    target = torch.log(-torch.log1p(-share))
    low, high = target - log_weights.amax(-1), target - log_weights.amin(-1)
    time = low
    for _ in range(100):
        rates = torch.exp(log_weights + time[:, None])
        reached = (-(sizes * torch.expm1(-rates)).sum(-1) / everyone).clamp(1e-300, 1 - _EPS)
        hazard = -torch.log1p(-reached)
        slope = (sizes * torch.where(rates < 700, rates * torch.exp(-rates), 0.0)).sum(-1) / everyone
        step = (target - hazard.log()) * (1 - reached) * hazard / slope
        low, high = torch.where(reached < share, time, low), torch.where(reached < share, high, time)
        last, time = time, torch.where((time + step > low) & (time + step < high), time + step, 0.5 * (low + high))
        if ((time - last).abs() < 1e-6).all():
            break
    return time
