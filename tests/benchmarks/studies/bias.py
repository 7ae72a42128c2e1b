"""Errors of straight-through gradients, whose exact values are covariances: dE[x_k]/d log w_j = Cov[x_k, x_j]."""

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
    """Errors of an estimate of the matrix dE[x_k]/d log w_j, against the covariance matrix."""

    first: float
    """Estimate of dE[x_1]/d log w_1."""
    first_error: float
    """Standard error of ``first``."""
    overall: float
    """Relative error of the whole matrix (Frobenius norm), or of the worst diagonal entry if that is larger."""
    worst: float
    """Relative error of the worst entry, usually a small one off the diagonal."""


def gradient_bias(sampler: Sampler, urn: Urn, covariance: Tensor, draws: int) -> Bias:
    """Returns errors of the mean straight-through gradient, against the exact covariance.

    Args:
        sampler: straight-through sampler.
        urn: the urn.
        covariance: exact covariance matrix, shape ``(K, K)``.
        draws: number of samples, at least two; the variance between chunks of up to 1,000 gives the standard error.
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
