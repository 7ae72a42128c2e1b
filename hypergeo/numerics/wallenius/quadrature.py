"""The trapezoid rule with halved steps, for many integrals in parallel, each over its own interval."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["integrate"]


def integrate(
    terms: Callable[[Tensor, Tensor], Tensor],
    start: Tensor,
    end: Tensor,
    settled: Callable[[Tensor, Tensor], Tensor],
    *,
    steps: int,
    halvings: int,
    logs: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Integrates until further halving changes nothing. Convergence is geometric for integrands that are analytic near the
    interval.

    Args:
        terms: maps row numbers ``(rows,)`` and points ``(rows, P)`` to sums of the integrand over the points, ``(rows, …)``.
        start: lower ends, shape ``(R,)``.
        end: upper ends, shape ``(R,)``; the integrand is negligible at both ends.
        settled: maps row numbers and the newest integrals of these rows to a mask of the accurate ones.
        steps: number of steps of the coarsest rule.
        halvings: largest number of halvings.
        logs: whether sums and integrals are logarithms.

    Returns:
        The integrals, shape ``(R, …)``, the number of steps of each, shape ``(R,)``, and a mask of the converged ones, shape
        ``(R,)``.

    Example:
        >>> previous = torch.zeros(1).double()
        >>> def same(rows, value):
        ...     change = (value - previous).abs()
        ...     previous.copy_(value)
        ...     return change < 1e-9
        >>> integrate(lambda _, x: torch.exp(-x**2).sum(-1), torch.tensor([-6.0]).double(), torch.tensor([6.0]).double(), same,
        ...           steps=4, halvings=8)[0] ** 2
        tensor([3.1416], dtype=torch.float64)
    """
    rows = torch.arange(len(start), device=start.device)
    number = torch.zeros_like(rows)
    good = torch.zeros_like(rows, dtype=torch.bool)
    sums = integrals = torch.empty(0)
    for level in range(halvings + 1):
        count = steps << level
        first = min(level, 1)  # the finer rule shares every other point with the coarser one
        places = torch.arange(first, count + 1, 1 + first, dtype=start.dtype, device=start.device) / count
        width = (end - start)[rows]
        fresh = terms(rows, start[rows, None] + width[:, None] * places)
        step = (width / count).view(-1, *(1,) * (fresh.dim() - 1))
        if not level:
            sums, integrals = fresh.clone(), torch.empty_like(fresh)
        else:
            sums[rows] = torch.logaddexp(sums[rows], fresh) if logs else sums[rows] + fresh
        newest = sums[rows] + step.log() if logs else sums[rows] * step
        integrals[rows], number[rows] = newest, count
        done = settled(rows, newest)
        good[rows] = done
        rows = rows[~done]
        if not len(rows):
            break
    return integrals, number, good
