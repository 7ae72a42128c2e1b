"""Exponential arrival times of the elements of an urn, and the numbers of arrivals of each group among the first
``total_count``."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["expected_time", "first_arrivals"]

_CELLS = 1 << 20
_EPS = torch.finfo(torch.float64).eps


def first_arrivals(
    log_weights: Tensor, sizes: Tensor, total: Tensor, draws: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """Samples the numbers of elements of each group among the first ``total`` arrivals, which follow Wallenius' distribution.

    The time axis is cut at the time by which that many arrivals are expected, and binomials give each group's arrivals before
    the cut. The side that contains the last required arrival is cut again, until all arrivals are assigned. Conditional on
    their number, the arrivals of a group inside an interval are independent truncated exponentials, so the samples are exact
    for any cuts. Time and memory depend on the number of groups, and hardly on their sizes.

    Args:
        log_weights: finite log weights, float64, shape ``(T, K)``.
        sizes: group sizes, whole numbers as float64, zero for groups that cannot be drawn, shape ``(T, K)``.
        total: numbers of elements drawn, at most the sum of the sizes, float64, shape ``(T,)``.
        draws: number of samples of each row.
        generator: random generator; torch's global one when omitted.

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
    """Returns one sample for each row, shape ``(rows, K)``.

    ``rates`` are the weights times the time of the first cut. Later cuts are made where the arrivals still needed are expected
    if their rate stays as high as at the start of the interval, or as low as at its end.
    """
    result = torch.zeros_like(sizes)
    row = torch.arange(len(total), device=total.device)
    known, unassigned, need = torch.zeros_like(sizes), sizes, total
    bounded = torch.zeros_like(total, dtype=torch.bool)  # whether the interval of the unassigned arrivals is finite
    mass, cut = (
        torch.ones_like(rates),
        torch.ones_like(total),
    )  # the cut is a fraction of the interval; the rates include its length
    while len(row):
        early = torch.binomial(unassigned, (-torch.expm1(-rates * cut[:, None]) / mass).clamp(max=1), generator=generator)
        arrived = early.sum(-1)
        few = arrived <= need
        known = torch.where(few[:, None], known + early, known)
        unassigned = torch.where(few[:, None], unassigned - early, early)
        need = torch.where(few, need - arrived, need)
        rates = rates * torch.where(few, torch.where(bounded, 1 - cut, 1.0), cut)[:, None]
        bounded = bounded | ~few
        live = (need > 0) & (unassigned.sum(-1) > need)
        result[row[~live]] = (known + torch.where((need > 0)[:, None], unassigned, 0.0))[~live]
        row, known, unassigned, need = row[live], known[live], unassigned[live], need[live]
        rates, bounded = rates[live].clamp(1e-290, 1e290), bounded[live]
        mass = torch.where(bounded[:, None], -torch.expm1(-rates), 1.0)
        pace = unassigned * (rates / mass)
        from_end = (unassigned.sum(-1) - need) / (pace * (1 - mass)).sum(-1)
        cut = torch.maximum(need / pace.sum(-1), torch.where(bounded, 1 - from_end, 0.0))
    return result


def expected_time(log_weights: Tensor, sizes: Tensor, total: Tensor) -> Tensor:
    """Computes the logarithm of the time by which ``total`` arrivals are expected, to about 1e-6, by Newton's method inside a
    bracket.

    Args:
        log_weights: finite log weights, float64, shape ``(T, K)``.
        sizes: group sizes, float64, shape ``(T, K)``.
        total: expected number of arrivals, float64, shape ``(T,)``; clamped to half an arrival from none and from all.

    Returns:
        Logarithms of the times, shape ``(T,)``.
    """
    elements = sizes.sum(-1).clamp(min=1)
    fraction = torch.minimum(torch.maximum(total, elements.new_tensor(0.5)), elements - 0.5) / elements
    target = torch.log(-torch.log1p(-fraction))
    low, high = target - log_weights.amax(-1), target - log_weights.amin(-1)
    time = low
    for _ in range(100):
        rates = torch.exp(log_weights + time[:, None])
        reached = (-(sizes * torch.expm1(-rates)).sum(-1) / elements).clamp(1e-300, 1 - _EPS)
        hazard = -torch.log1p(-reached)
        slope = (sizes * torch.where(rates < 700, rates * torch.exp(-rates), 0.0)).sum(-1) / elements
        step = (target - hazard.log()) * (1 - reached) * hazard / slope
        low, high = torch.where(reached < fraction, time, low), torch.where(reached < fraction, high, time)
        last, time = time, torch.where((time + step > low) & (time + step < high), time + step, 0.5 * (low + high))
        if ((time - last).abs() < 1e-6).all():
            break
    return time
