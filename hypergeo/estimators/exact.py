"""The exact expectation, by summing over all count vectors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.numerics.enumeration import count_support, enumerate_counts

from .expansion import Objective, evaluate

__all__ = ["Exact"]


@dataclass(frozen=True)
class Exact:
    """Computes the exact expectation by summing over all count vectors, without bias and variance.

    ``num_samples`` is not used. ``surrogate_loss`` raises ``ValueError`` for more than ``max_support`` count vectors.

    Args:
        max_support: largest number of count vectors that are summed over.

    Example:
        >>> log_weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        >>> urn = FisherHypergeometric(2, [2, 2], log_weights=log_weights)
        >>> Exact().surrogate_loss(urn, lambda x: x[..., 0] ** 2, 1).detach()
        tensor(1.3333, dtype=torch.float64)
    """

    max_support: int = 2_000_000

    def surrogate_loss(
        self,
        distribution: FisherHypergeometric,
        objective: Objective,
        num_samples: int = 1,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Computes the expected objective, with its exact gradient.

        Args:
            distribution: Fisher's distribution; its weights carry the gradient.
            objective: maps counts ``(N,) + batch_shape + (K,)`` to ``(N,) + batch_shape``.
            num_samples: ignored.
            generator: ignored.

        Returns:
            Shape ``batch_shape``.
        """
        counts, listed = self._supports(distribution)
        probability = distribution.log_prob(counts).exp()
        return torch.where(listed & (probability > 0), probability * evaluate(objective, counts), 0.0).sum(0)

    def _supports(self, distribution: FisherHypergeometric) -> tuple[Tensor, Tensor]:
        """Lists the support of every urn of the batch, padded to one length.

        Args:
            distribution: Fisher's distribution.

        Returns:
            Counts, shape ``(N,) + batch_shape + (K,)``, and a mask of those that are not padding, shape ``(N,) + batch_shape``.

        Raises:
            ValueError: for more than ``max_support`` count vectors.
        """
        batch, groups = distribution.batch_shape, distribution.event_shape[0]
        urns = torch.cat([distribution.total_count[..., None], distribution.group_sizes], -1).reshape(-1, groups + 1)
        different, place = urns.unique(dim=0, return_inverse=True)
        for total, *sizes in different.tolist():
            number = count_support(total, torch.tensor(sizes))
            if number > self.max_support:
                raise ValueError(
                    f"Exact sums over at most {self.max_support:,} count vectors; total_count = {total} and "
                    f"group_sizes = {sizes} allow {number:,}."
                )
        lists = [enumerate_counts(int(urn[0]), urn[1:]) for urn in different]
        length = max(len(rows) for rows in lists)
        padded = torch.stack([torch.cat([rows, rows[:1].expand(length - len(rows), -1)]) for rows in lists])
        numbers = torch.tensor([len(rows) for rows in lists], device=urns.device)
        counts = padded[place].movedim(1, 0).reshape(length, *batch, groups)
        listed = (torch.arange(length, device=urns.device)[:, None] < numbers[place]).view(length, *batch)
        return counts.to(distribution.dtype), listed
