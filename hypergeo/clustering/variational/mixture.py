"""Initial values of a mixture: k-means, a few steps of expectation-maximisation, and the best of several starts."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hypergeo.clustering.kmeans import kmeans_plus_plus, lloyd

from .label_priors import LabelPrior

__all__ = ["LatentMixture", "gaussian_scores", "start_mixture"]

_STARTS, _LLOYD_STEPS, _STEPS = 8, 30, 12
_PRIOR_POINTS = 20.0  # number of pseudo-points with the pooled variance, towards which variances of clusters shrink
_TIE = 1e-3  # difference of bounds, in nats per point, up to which the earlier start is preferred
_MOST_POINTS = 5_000  # more points do not improve the start


@dataclass(frozen=True)
class LatentMixture:
    """Gaussians with independent coordinates, and the prior of the labels.

    Attributes:
        means: means of the clusters, shape ``(K, d)``.
        log_variances: log variances of the clusters, shape ``(K, d)``.
        labels: prior of the labels, with weights fitted roughly to the clusters.
        bound: evidence lower bound in nats per point.
    """

    means: Tensor
    log_variances: Tensor
    labels: LabelPrior
    bound: float


def gaussian_scores(mean: Tensor, variance: Tensor | None, means: Tensor, log_variances: Tensor) -> Tensor:
    """Computes expected log-densities in each cluster, for points with a normal error.

    Args:
        mean: means of the points, shape ``(B, d)``.
        variance: variances of the error, shape ``(B, d)``; ``None`` for points without error.
        means: means of the clusters, shape ``(K, d)``.
        log_variances: log variances of the clusters, shape ``(K, d)``.

    Returns:
        Expected log-densities in nats, shape ``(B, K)``.

    Example:
        >>> gaussian_scores(torch.zeros(1, 1), torch.ones(1, 1), torch.tensor([[0.0], [2.0]]), torch.zeros(2, 1))
        tensor([[-1.4189, -3.4189]])
    """
    precision = (-log_variances).exp()
    second = mean.square() if variance is None else mean.square() + variance
    square = second @ precision.mT - 2 * mean @ (precision * means).mT
    constant = (precision * means.square() + log_variances + math.log(2 * math.pi)).sum(-1)
    return -0.5 * (square + constant)


def start_mixture(latents: Tensor, labels: LabelPrior, seed: int, first: Tensor | None = None) -> LatentMixture:
    """Fits eight mixtures from k-means++ by Lloyd's algorithm and expectation-maximisation, and returns the best.

    Args:
        latents: points, shape ``(N, d)``, on the CPU.
        labels: prior of the labels; it is not changed.
        seed: seed of the starts, and of the subset of points if there are many.
        first: initial means in place of k-means++, shape ``(K, d)``. With them there is only one step of
            expectation-maximisation, because more steps make sizes equal if clusters are not Gaussian.

    Returns:
        The mixture with the largest evidence lower bound.

    Example:
        >>> from hypergeo.clustering.size_priors import CategoricalSizes
        >>> latents = torch.cat([torch.randn(60, 2, generator=torch.Generator().manual_seed(0)), torch.full((20, 2), 9.0)])
        >>> start_mixture(latents, LabelPrior(CategoricalSizes(80, 2)), 0).labels.mean.round().sort().values
        tensor([20., 60.], dtype=torch.float64)
    """
    if len(latents) > _MOST_POINTS:
        chosen = np.random.default_rng((seed, _STARTS)).choice(len(latents), _MOST_POINTS, replace=False)
        latents = latents[torch.from_numpy(chosen)]
    if first is not None:
        return _maximised(latents, first, deepcopy(labels), 1)
    generators = [np.random.default_rng((seed, start)) for start in range(_STARTS)]
    means, _, _ = lloyd(latents, kmeans_plus_plus(latents, labels.prior.num_clusters, generators), _LLOYD_STEPS)
    mixtures = [_maximised(latents, start, deepcopy(labels)) for start in means]
    best = max(mixture.bound for mixture in mixtures)
    # Starts that differ only by rounding errors are ties, because choosing between them would permute clusters.
    return next(mixture for mixture in mixtures if mixture.bound > best - _TIE)


def _maximised(latents: Tensor, means: Tensor, prior: LabelPrior, steps: int = _STEPS) -> LatentMixture:
    share = prior.prior.num_points / len(latents)
    labels = torch.nn.functional.one_hot(torch.cdist(latents, means).argmin(-1), len(means)).to(latents)
    second = latents.square()
    for _ in range(steps):
        prior.fit(share * labels.double().sum(0), roughly=True)
        counts = labels.sum(0)[:, None]
        means = torch.where(counts > 0, labels.mT @ latents / counts.clamp(min=1e-6), means)
        within = (labels.mT @ second - counts * means.square()).clamp(min=0)
        pooled = (within.sum(0) / len(latents)).clamp(min=1e-6)
        log_variances = ((within + _PRIOR_POINTS * pooled) / (counts + _PRIOR_POINTS)).log()
        scores = gaussian_scores(latents, None, means, log_variances)
        labels = prior.soft_labels(scores, share=share)
    bound = float((labels * scores).sum() + torch.special.entr(labels).sum()) / len(latents)
    return LatentMixture(
        means, log_variances, prior, bound + float(prior.log_prob(share * labels.double().sum(0))) / prior.prior.num_points
    )
