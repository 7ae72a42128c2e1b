"""How far straight-through gradients are from the exact ones, which are covariances: dE[x_k]/d log w_j = Cov[x_k, x_j]."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tests.benchmarks.cases import Urn
from tests.benchmarks.workloads import Sampler

__all__ = ["Bias", "gradient_bias"]

_LARGEST_CHUNK = 1_000


@dataclass(frozen=True)
class Bias:
    """An estimate of the matrix of dE[x_k]/d log w_j beside the covariance matrix."""

    first: float
    """The estimate of dE[x_1]/d log w_1."""
    first_error: float
    """Its standard error."""
    overall: float
    """Relative error of the whole matrix, by Frobenius' norm, or of the worst entry on the diagonal if that is larger."""
    worst: float
    """Relative error of the worst entry, which is a small one off the diagonal as a rule."""


def gradient_bias(sampler: Sampler, urn: Urn, covariance: Tensor, draws: int) -> Bias:
    """Mean straight-through gradient over many draws, against the exact covariance.

    Args:
        sampler: straight-through draws.
        urn: the urn.
        covariance: exact covariance matrix, shape ``(K, K)``.
        draws: number of draws, at least two, made in chunks of up to 1,000 whose scatter gives the standard error.
    """
    leaf = urn.log_weights().requires_grad_()
    chunk = min(_LARGEST_CHUNK, draws // 2)
    jacobians = []
    for _ in range(draws // chunk):
        means = sampler(leaf, chunk).mean(0)
        rows = [torch.autograd.grad(mean, leaf, retain_graph=True)[0] for mean in means]
        jacobians.append(torch.stack(rows))
    chunks = torch.stack(jacobians)
    estimate = chunks.mean(0)
    error = chunks.std(0) / len(chunks) ** 0.5
    off = estimate - covariance
    relative = (off / covariance).abs()
    overall = max(off.norm().item() / covariance.norm().item(), relative.diagonal().max().item())
    return Bias(estimate[0, 0].item(), error[0, 0].item(), overall, relative.max().item())
