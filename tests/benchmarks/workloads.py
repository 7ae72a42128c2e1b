"""The calls that are timed, each with the construction of its distribution."""

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
"""Differentiable counts, shape ``(draws, K)``, from log weights of shape ``(K,)`` or ``(draws, K)`` and a number of draws."""


def weights_of(case: Case, draws: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Log weights of a case: one vector, or one for each draw."""
    return case.urn.log_weights(dtype, draws if case.per_row else None)


def exact_sampling(urn: Urn, log_weights: Tensor, draws: int) -> Call:
    """Exact draws: ``draws`` with one weight vector, or one with each."""
    sizes, shape = urn.size_tensor(), _sample_shape(log_weights, draws)
    return lambda: FisherHypergeometric(urn.drawn, sizes, log_weights=log_weights).sample(shape)


def log_prob(urn: Urn, log_weights: Tensor, counts: Tensor) -> Call:
    """Log-probabilities of counts of shape ``(N, K)``."""
    sizes = urn.size_tensor()
    return lambda: FisherHypergeometric(urn.drawn, sizes, log_weights=log_weights).log_prob(counts)


def values(urn: Urn, log_weights: Tensor, draws: int) -> Tensor:
    """Counts whose log-probability is asked for: exact draws, shape ``(draws, K)``."""
    torch.manual_seed(0)
    law = FisherHypergeometric(urn.drawn, urn.size_tensor(), log_weights=log_weights)
    return law.sample(_sample_shape(log_weights, draws))


def moments(urn: Urn, log_weights: Tensor) -> Call:
    """Means and covariance matrices."""
    sizes = urn.size_tensor()

    def call() -> object:
        law = FisherHypergeometric(urn.drawn, sizes, log_weights=log_weights)
        return law.mean, law.covariance_matrix

    return call


def relaxed_sampler(urn: Urn, temperature: float, *, straight_through: bool) -> Sampler:
    """Relaxed draws of this project."""
    sizes = urn.size_tensor()

    def draw(log_weights: Tensor, draws: int) -> Tensor:
        law = RelaxedFisherHypergeometric(
            temperature, urn.drawn, sizes, log_weights=log_weights, straight_through=straight_through
        )
        return law.rsample(_sample_shape(log_weights, draws))

    return draw


def forward_backward(sampler: Sampler, log_weights: Tensor, draws: int) -> Call:
    """Draw, weigh the counts by the number of their group, and differentiate with respect to the log weights."""
    leaf = log_weights.detach().clone().requires_grad_()
    score = torch.arange(leaf.shape[-1], dtype=leaf.dtype)

    def call() -> None:
        leaf.grad = None
        (sampler(leaf, draws) * score).sum().backward()

    return call


def _sample_shape(log_weights: Tensor, draws: int) -> tuple[int, ...]:
    return (draws,) if log_weights.dim() == 1 else ()
