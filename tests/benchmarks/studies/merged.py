"""How far the published sampler's law is from Fisher's, computed exactly by summing over every possible count vector.

The published sampler draws the groups one after the other and treats all the groups still to come as a single one, with
their mean weight. Its law is the product of those two-group laws.
"""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor

from hypergeo import FisherHypergeometric
from tests.benchmarks.cases import Urn

__all__ = ["merged_log_prob", "total_variation"]


def merged_log_prob(urn: Urn, counts: Tensor, order: tuple[int, ...]) -> Tensor:
    """Log-probability of counts under the published sampler when it draws the groups in a given order.

    Args:
        urn: the urn.
        counts: shape ``(N, K)``.
        order: the groups, first drawn first.
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
    """Distance of the published sampler's law from Fisher's: groups in the order listed, and in a random order."""
    law = FisherHypergeometric(urn.drawn, urn.size_tensor(), log_weights=urn.log_weights())
    counts = law.enumerate_support()
    exact = law.log_prob(counts).exp()
    orders = list(permutations(range(urn.groups)))
    by_order = torch.stack([merged_log_prob(urn, counts, order).exp() for order in orders])
    listed, shuffled = (0.5 * (law - exact).abs().sum().item() for law in (by_order[0], by_order.mean(0)))
    return listed, shuffled
