"""Timed calls, each with the construction of its distribution."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric

from .cases import Case, Urn

__all__ = [
    "Call",
    "Sampler",
    "exact_sampling",
    "forward_backward",
    "log_prob",
    "moments",
    "relaxed_sampler",
    "values",
    "weights_of",
]

Call = Callable[[], object]
Sampler = Callable[[Tensor, int], Tensor]
"""Differentiable counts, shape ``(S, K)``, from log weights of shape ``(K,)`` or ``(S, K)`` and a number of samples S."""


def weights_of(case: Case, draws: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Returns the log weights of a case, shape ``(K,)``, or ``(draws, K)`` for separate weights of each sample."""
    return case.urn.log_weights(dtype, draws if case.per_row else None)


def exact_sampling(urn: Urn, log_weights: Tensor, draws: int) -> Call:
    """Returns a call for exact samples.

    Args:
        urn: the urn.
        log_weights: shape ``(K,)`` for all samples, or ``(draws, K)`` for one sample each.
        draws: number of samples.
    """
    sizes, shape = urn.size_tensor(), _sample_shape(log_weights, draws)
    return lambda: FisherHypergeometric(urn.drawn, sizes, log_weights=log_weights).sample(shape)


def log_prob(urn: Urn, log_weights: Tensor, counts: Tensor) -> Call:
    """Returns a call for log-probabilities.

    Args:
        urn: the urn.
        log_weights: shape ``(K,)`` or ``(N, K)``.
        counts: shape ``(N, K)``.
    """
    sizes = urn.size_tensor()
    return lambda: FisherHypergeometric(urn.drawn, sizes, log_weights=log_weights).log_prob(counts)


def values(urn: Urn, log_weights: Tensor, draws: int) -> Tensor:
    """Returns exact samples as arguments of log_prob, shape ``(draws, K)``."""
    torch.manual_seed(0)
    law = FisherHypergeometric(urn.drawn, urn.size_tensor(), log_weights=log_weights)
    return law.sample(_sample_shape(log_weights, draws))


def moments(urn: Urn, log_weights: Tensor) -> Call:
    """Returns a call for means and covariance matrices."""
    sizes = urn.size_tensor()

    def call() -> object:
        law = FisherHypergeometric(urn.drawn, sizes, log_weights=log_weights)
        return law.mean, law.covariance_matrix

    return call


def relaxed_sampler(urn: Urn, temperature: float, *, straight_through: bool) -> Sampler:
    """Returns this project's sampler of relaxed samples."""
    sizes = urn.size_tensor()

    def draw(log_weights: Tensor, draws: int) -> Tensor:
        law = RelaxedFisherHypergeometric(
            temperature, urn.drawn, sizes, log_weights=log_weights, straight_through=straight_through
        )
        return law.rsample(_sample_shape(log_weights, draws))

    return draw


def forward_backward(sampler: Sampler, log_weights: Tensor, draws: int) -> Call:
    """Returns a call for samples, their sum weighted by the groups' numbers, and its gradient in the log weights.

    Args:
        sampler: sampler of differentiable counts.
        log_weights: shape ``(K,)`` or ``(draws, K)``.
        draws: number of samples.
    """
    leaf = log_weights.detach().clone().requires_grad_()
    score = torch.arange(leaf.shape[-1], dtype=leaf.dtype)

    def call() -> None:
        leaf.grad = None
        (sampler(leaf, draws) * score).sum().backward()

    return call


def _sample_shape(log_weights: Tensor, draws: int) -> tuple[int, ...]:
    return (draws,) if log_weights.dim() == 1 else ()
