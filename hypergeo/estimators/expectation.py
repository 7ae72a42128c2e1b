"""Exact expectations of objectives: over all count vectors if these can be listed, or group by group."""

from __future__ import annotations

import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.numerics.enumeration import count_support, enumerate_counts

from .expansion import Objective, evaluate

__all__ = ["ListedUrn", "expected_separable"]


class ListedUrn:
    """An urn whose count vectors are all listed once, so that its distribution at any weights costs one product.

    Args:
        total_count: number of elements drawn.
        group_sizes: number of elements in each group, whole numbers, shape ``(K,)``.

    Attributes:
        counts: all count vectors, float64, shape ``(N, K)``.
        log_ways: logarithm of the number of ways to draw each count vector, ``Σ log C(m_k, x_k)``, shape ``(N,)``.

    Example:
        >>> urn = ListedUrn(2, torch.tensor([2, 2]))
        >>> urn.probabilities(torch.zeros(2, dtype=torch.float64))
        tensor([0.1667, 0.6667, 0.1667], dtype=torch.float64)
    """

    def __init__(self, total_count: int, group_sizes: Tensor):
        self.counts = enumerate_counts(total_count, group_sizes).double()
        sizes = group_sizes.double()
        ways = torch.lgamma(sizes + 1) - torch.lgamma(self.counts + 1) - torch.lgamma(sizes - self.counts + 1)
        self.log_ways = ways.sum(-1)

    @classmethod
    def where_short(cls, total_count: int, group_sizes: Tensor, most: int) -> ListedUrn | None:
        """Lists the count vectors of an urn, unless there are too many.

        Args:
            total_count: number of elements drawn.
            group_sizes: number of elements in each group, whole numbers, shape ``(K,)``.
            most: largest number of count vectors.

        Returns:
            The urn, or ``None`` if it has more count vectors.
        """
        return cls(total_count, group_sizes) if count_support(total_count, group_sizes) <= most else None

    def probabilities(self, log_weights: Tensor) -> Tensor:
        """Computes the probabilities of all count vectors under Fisher's distribution.

        Args:
            log_weights: log weights, shape ``(…, K)``; minus infinity for a weight of zero.

        Returns:
            Shape ``(…, N)``.
        """
        logs = torch.where(self.counts > 0, self.counts * log_weights[..., None, :], 0.0).sum(-1)
        return (self.log_ways + logs).softmax(-1)

    def moments(self, log_weights: Tensor, objective: Objective) -> tuple[Tensor, Tensor, Tensor]:
        """Computes mean counts, the expected objective, and the gradient of the latter in the log weights.

        The gradient is ``Cov(f(x), x)``, since the distribution is an exponential family in the log weights.

        Args:
            log_weights: log weights, shape ``(…, K)``.
            objective: maps counts ``(N, K)`` to ``(N,)``; it may be infinite or undefined at counts of probability zero.

        Returns:
            Means, shape ``(…, K)``, expected objective, shape ``(…)``, and gradient, shape ``(…, K)``.

        Example:
            >>> urn = ListedUrn(2, torch.tensor([2, 2]))
            >>> mean, value, gradient = urn.moments(torch.zeros(2, dtype=torch.float64), lambda x: x[..., 0])
            >>> mean.tolist(), round(value.item(), 4), [round(slope, 4) for slope in gradient.tolist()]
            ([1.0, 1.0], 1.0, [0.3333, -0.3333])
        """
        with torch.no_grad():
            probabilities = self.probabilities(log_weights)
            values = torch.where(probabilities > 0, evaluate(objective, self.counts).double(), 0.0)
            mean = probabilities @ self.counts
            expected = (probabilities * values).sum(-1)
            centred = probabilities * (values - expected[..., None])
            gradient = (centred[..., None] * (self.counts - mean[..., None, :])).sum(-2)
        return mean, expected, gradient


def expected_separable(distribution: FisherHypergeometric, objective: Objective) -> Tensor:
    """Computes ``E[objective(x)]`` of an objective that is a sum of functions of one count each, from the marginals.

    The functions need not be known: ``f(x) = Σ_k f_k(x_k)`` gives ``Σ_k E[f(x_k e_k)] - (K - 1) f(0)``, where ``e_k`` is the
    unit vector of group ``k``. The cost therefore does not grow with the number of count vectors. For any other objective
    the result is wrong, and no error is raised.

    Args:
        distribution: Fisher's distribution, with or without a batch; its weights carry the gradient.
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
