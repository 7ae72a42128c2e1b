"""Where a mixture's training starts: k-means, a few steps of expectation-maximisation, and the best of several starts."""

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
_PRIOR_POINTS = 20.0  # points of the clusters' mean variance that each one's own is shrunk with
_TIE = 1e-3  # nats a point that are no reason to prefer a start
_MOST_POINTS = 5_000  # more do not make a better start


@dataclass(frozen=True)
class LatentMixture:
    """Gaussians with independent coordinates, and the prior of the labels.

    Attributes:
        means: shape ``(K, d)``.
        log_variances: shape ``(K, d)``.
        labels: their prior, with weights that roughly suit the clusters.
        bound: evidence lower bound in nats a point.
    """

    means: Tensor
    log_variances: Tensor
    labels: LabelPrior
    bound: float


def gaussian_scores(mean: Tensor, variance: Tensor | None, means: Tensor, log_variances: Tensor) -> Tensor:
    """Expected log-densities in each cluster of points known up to a normal error.

    Args:
        mean: shape ``(B, d)``.
        variance: of the error, shape ``(B, d)``; none when ``None``.
        means: of the clusters, shape ``(K, d)``.
        log_variances: of the clusters, shape ``(K, d)``.

    Returns:
        Shape ``(B, K)``.

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
    """The best of eight mixtures found from k-means++ by Lloyd's algorithm and then expectation-maximisation.

    Args:
        latents: shape ``(N, d)``, on the CPU.
        labels: their prior; it is left as it is.
        seed: of the starts, and of the part of the points that is used where they are many.
        first: means to start from instead, shape ``(K, d)``: then there is one step of expectation-maximisation only, as more
            would make sizes equal where clusters are no Gaussians.

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
    found = [_maximised(latents, start, deepcopy(labels)) for start in means]
    best = max(mixture.bound for mixture in found)
    return next(mixture for mixture in found if mixture.bound > best - _TIE)  # not by rounding: clusters would change places


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
    found = float((labels * scores).sum() + torch.special.entr(labels).sum()) / len(latents)
    return LatentMixture(
        means, log_variances, prior, found + float(prior.log_prob(share * labels.double().sum(0))) / prior.prior.num_points
    )
