"""Exact expectations of objectives, with gradients: over all count vectors, or group by group where objectives are sums."""

from __future__ import annotations

import torch
from torch import Tensor

from .enumeration import count_support
from .estimators import Exact, Objective
from .expansion import evaluate
from .fisher import FisherHypergeometric

__all__ = ["expected_objective", "expected_separable"]


def expected_separable(distribution: FisherHypergeometric, objective: Objective) -> Tensor:
    """``E[objective(x)]`` of an objective that is a sum of functions of one count each, from the marginals alone.

    The functions need not be known: ``f(x) = Σ_k f_k(x_k)`` gives ``Σ_k E[f(x_k e_k)] - (K - 1) f(0)``, where ``e_k`` is the
    vector of group ``k``. So the cost does not grow with the number of count vectors. For an objective that is no such sum the
    result is wrong, and nothing says so.

    Args:
        distribution: Fisher's law, with or without a batch; its weights carry the gradient.
        objective: maps counts ``(…, K)`` to ``(…)``.

    Returns:
        Shape ``batch_shape``.

    Example:
        >>> urn = FisherHypergeometric(2, [2, 2])
        >>> expected_separable(urn, lambda x: x.square().sum(-1))
        tensor(2.6667, dtype=torch.float64)
    """
    logs = distribution.marginal_log_prob()
    groups, length = logs.shape[-2:]
    axes = torch.eye(groups, dtype=logs.dtype, device=logs.device)
    alone = axes[:, None, :] * torch.arange(length, dtype=logs.dtype, device=logs.device)[:, None]
    with torch.no_grad():
        values, nothing = evaluate(objective, alone), evaluate(objective, torch.zeros_like(axes[:1]))[0]
    return (logs.exp() * torch.where(logs > -torch.inf, values, 0.0)).sum((-1, -2)) - (groups - 1) * nothing


def expected_objective(
    distribution: FisherHypergeometric, objective: Objective, *, separable: bool = False, most: int = 20_000
) -> Tensor | None:
    """``E[objective(x)]``, exactly and with its gradient, or ``None`` where that would take too long.

    Args:
        distribution: Fisher's law; its total and its sizes are the same for the whole batch.
        objective: maps counts ``(…, K)`` to ``(…)``.
        separable: whether the objective is a sum of functions of one count each.
        most: count vectors that are listed at most; not used where the objective is separable.

    Example:
        >>> urn = FisherHypergeometric(2, [2, 2])
        >>> expected_objective(urn, lambda x: x[..., 0] * x[..., 1])
        tensor(0.6667, dtype=torch.float64)
        >>> expected_objective(FisherHypergeometric(300, [200] * 9), lambda x: x[..., 0] * x[..., 1]) is None
        True
    """
    if separable:
        return expected_separable(distribution, objective)
    total, sizes = distribution.total_count.flatten()[0], distribution.group_sizes.reshape(-1, *distribution.event_shape)[0]
    if count_support(int(total), sizes) > most:
        return None
    return Exact(most).surrogate_loss(distribution, objective)
