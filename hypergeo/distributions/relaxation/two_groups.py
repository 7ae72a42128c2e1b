"""Relaxed samples of two groups, in a dozen tensor operations: one count determines the other, and no total is split."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from hypergeo.numerics.split_tables import TreeShape

from .conditionals import gumbel

__all__ = ["TwoGroups", "TwoGroupsShape"]

_LARGEST = 1 << 15  # numbers to sample, beyond which tables that are only as wide as the mass cost less


class TwoGroupsShape:
    """Holds tables of two groups for samples at any weights; created by :meth:`of`.

    Args:
        shape: tree of the urns, whose sizes have shape ``(R, 2)``.

    Attributes:
        coefficients: ``log C(m₁, x) C(m₂, n - x)``, shape ``(R, W)``.
        counting: ``0, 1, …, W - 1``, shape ``(W,)``.
        slopes: derivatives of the logits in the log weights, shape ``(2, W)``.
        difference: matrix from gradients in both counts to those in both log weights, shape ``(2, 2)``.
        low: least count of the first group, shape ``(R,)``.
        high: largest count of the first group, shape ``(R,)``.
        total: number of elements drawn, shape ``(R,)``.
    """

    def __init__(self, shape: TreeShape):
        level = shape.levels[0]
        self.coefficients = shape.coefficients[:, 0, : level.width].contiguous()
        self.counting = torch.arange(level.width, dtype=torch.float64, device=level.low.device)
        self.slopes = torch.stack([self.counting, -self.counting])
        self.difference = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64, device=level.low.device)
        self.low, self.high, self.total = level.low[:, 0].double(), level.high[:, 0].double(), shape.layout.total.double()

    @staticmethod
    def of(shape: TreeShape, rows: int, samples: int) -> TwoGroupsShape | None:
        """Computes the tables of two groups, unless samples are large or rows have different sizes.

        Args:
            shape: tree of the urns, whose sizes have shape ``(R, 2)``.
            rows: number of urns (T).
            samples: number of samples of each (S).

        Returns:
            The tables, or ``None``.
        """
        if shape.layout.sizes.shape[0] > 1 or shape.capped or rows * samples * shape.noise_length > _LARGEST:
            return None
        return _remembered(shape)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # cached tensors must support autograd later
def _remembered(shape: TreeShape) -> TwoGroupsShape:
    return TwoGroupsShape(shape)


class TwoGroups:
    """Computes samples of the first group's count by Gumbel-softmax, and their gradients.

    Args:
        shape: the urns.
        log_weights: log weights, float64, shape ``(T, 2)``.
    """

    def __init__(self, shape: TwoGroupsShape, log_weights: Tensor):
        self.shape = shape
        self.logits = torch.addmm(shape.coefficients, log_weights, shape.slopes)

    def forward(
        self, noise: Tensor | None, samples: int, generator: torch.Generator | None, temperature: float | Tensor, hard: bool
    ) -> Tensor:
        """Samples counts.

        Args:
            noise: Gumbel noise, shape ``(S, T, W)``; sampled when ``None``.
            samples: number of samples of each urn (S).
            generator: source of the noise if it is sampled.
            temperature: τ, one number or shape ``(S, T, 1)``.
            hard: whether counts are whole.

        Returns:
            Counts, shape ``(S, T, 2)``.
        """
        if noise is None:
            noise = gumbel((samples, *self.logits.shape), self.logits.device, generator)
        noisy = self.logits + noise
        self.temperature = temperature
        self.weights = (noisy / temperature).softmax(-1)
        if hard:
            first = noisy.argmax(-1) + self.shape.low
        else:
            first = torch.minimum(self.weights @ self.shape.counting + self.shape.low, self.shape.high)
        return torch.stack([first, self.shape.total - first], -1)

    def backward(self, grad: Tensor) -> Tensor:
        """Computes the gradient with respect to the log weights, by operations that ``vmap`` can batch.

        Args:
            grad: gradient with respect to the counts, shape ``(S, T, 2)``.

        Returns:
            Gradient, shape ``(T, 2)``.
        """
        counting, weights = self.shape.counting, self.weights
        variance = (counting - (weights @ counting).unsqueeze(-1)) * weights @ counting
        return (grad * variance.unsqueeze(-1) / self.temperature).sum(0) @ self.shape.difference
