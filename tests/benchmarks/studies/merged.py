"""Total variation between the published sampler's distribution and Fisher's, as exact sums over all count vectors.

The published sampler samples the groups one after the other and treats all remaining groups as a single one, with their mean
weight. Its distribution is the product of these two-group distributions.
"""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor

from hypergeo import FisherHypergeometric
from tests.benchmarks.cases import Urn

__all__ = ["merged_log_prob", "total_variation"]


def merged_log_prob(urn: Urn, counts: Tensor, order: tuple[int, ...]) -> Tensor:
    """Computes the log-probability of counts under the published sampler for an order of the groups.

    Args:
        urn: the urn.
        counts: count vectors, shape ``(N, K)``.
        order: numbers of the groups, in the order of sampling.

    Returns:
        Log-probabilities, shape ``(N,)``.
    """
    sizes, log_weights = urn.size_tensor(), urn.log_weights()
    left = torch.full(counts.shape[:1], urn.drawn)
    total = torch.zeros(counts.shape[0], dtype=torch.float64)
    for position, group in enumerate(order[:-1]):
        rest = list(order[position + 1 :])
        rest_size = sizes[rest].sum()
        rest_weight = torch.logsumexp(log_weights[rest] + sizes[rest].double().log(), 0) - rest_size.double().log()
        totals, which = left.unique(return_inverse=True)
        pair = FisherHypergeometric(
            totals,
            torch.stack([sizes[group], rest_size]),
            log_weights=torch.stack([log_weights[group], rest_weight]),
        )
        taken = counts[:, group].long()
        total += pair.marginal_log_prob()[which, 0, taken]
        left = left - taken
    return total


def total_variation(urn: Urn) -> tuple[float, float]:
    """Returns the total variations from Fisher's distribution for groups in listed order and in random order."""
    law = FisherHypergeometric(urn.drawn, urn.size_tensor(), log_weights=urn.log_weights())
    counts = law.enumerate_support()
    exact = law.log_prob(counts).exp()
    orders = list(permutations(range(urn.groups)))
    by_order = torch.stack([merged_log_prob(urn, counts, order).exp() for order in orders])
    listed, shuffled = (0.5 * (law - exact).abs().sum().item() for law in (by_order[0], by_order.mean(0)))
    return listed, shuffled
