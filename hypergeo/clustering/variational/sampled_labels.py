"""Labels of a mini-batch whose cluster sizes and members are sampled together, as a random partition."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hypergeo.clustering.size_priors import centred
from hypergeo.clustering.transport_plan import assign
from hypergeo.partitions import RandomPartition

from .label_priors import LabelPrior

__all__ = ["SampledLabels"]


class SampledLabels:
    """Samples one-hot labels of mini-batches, and learns the log weights of their sizes.

    For each mini-batch, sizes are sampled from the prior, and the rows choose clusters of exactly these sizes by
    :class:`~hypergeo.partitions.RandomPartition` with their scores as logits. The log weights take a step of Adam down the
    gradient of the least cost of an assignment to these sizes (:func:`~hypergeo.clustering.transport_plan.assign`).

    Args:
        labels: prior of the labels of one mini-batch, hypergeometric; its log weights are set after each sample.
        rate: step size of the log weights.

    Example:
        >>> from hypergeo.clustering.size_priors import HypergeometricSizes
        >>> prior = LabelPrior(HypergeometricSizes(4, 2, straight_through=True))
        >>> sampled = SampledLabels(prior, rate=0.1)
        >>> scores = torch.tensor([[9.0, 0.0], [9.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
        >>> one_hot = sampled.sample(scores, torch.Generator().manual_seed(0))
        >>> one_hot.sum(-1)
        tensor([1., 1., 1., 1.])
    """

    def __init__(self, labels: LabelPrior, rate: float):
        self.labels = labels
        self._log_weights = labels.log_weights[None].clone().requires_grad_()
        self._adam = torch.optim.Adam([self._log_weights], rate, betas=(0.9, 0.99))

    def sample(self, scores: Tensor, generator: torch.Generator, rate: float = 1.0) -> Tensor:
        """Samples labels, and moves the log weights.

        Args:
            scores: log-densities of the rows in the clusters, without gradient, shape ``(B, K)``.
            generator: source of the random numbers.
            rate: factor of the step size.

        Returns:
            One-hot rows in the dtype and on the device of the scores, shape ``(B, K)``.
        """
        seed = int(torch.randint(1 << 31, (), generator=generator))
        cost = scores.detach().cpu().double()
        sizes = self.labels.prior.draw(self._log_weights, [np.random.default_rng(seed)])
        # The gradient of the least cost with respect to the sizes is the column potentials (envelope theorem).
        potentials = assign(-cost[None], sizes.detach()).column_potentials
        self._adam.zero_grad()
        (sizes * potentials).sum().backward()
        self._adam.param_groups[0]["lr"] = rate * self._adam.defaults["lr"]
        self._adam.step()
        with torch.no_grad():
            self._log_weights.copy_(centred(self._log_weights))
        self.labels.log_weights = self._log_weights.detach()[0].clone()
        partition = RandomPartition(sizes.detach()[0].round().long(), cost, validate_args=False)
        return partition.sample(generator=generator).to(scores.device, scores.dtype)
