"""Distances between samples and the exact distribution, and the distances of equally many exact samples (sampling noise)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hypergeo._validate import require_real
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.numerics.urn_rows import broadcast_shapes

__all__ = [
    "NoiseFloor",
    "marginal_total_variation",
    "noise_floor",
    "total_variation",
    "total_variation_floor",
    "wasserstein_distance",
]

_COUNTS_PER_PART = 2_000_000  # counts that noise_floor samples in one call, 16 MB


class NoiseFloor(NamedTuple):
    """Holds the sampling noise of a distance: its mean and quantile for exact samples.

    Attributes:
        mean: expected distance, shape ``batch_shape``.
        quantile: ``level`` quantile of the distance, shape ``batch_shape``.
    """

    mean: Tensor
    quantile: Tensor


def wasserstein_distance(samples: Tensor, distribution: FisherHypergeometric) -> Tensor:
    r"""Computes the Wasserstein-1 distance between samples and the exact marginal distributions, averaged over the groups, in
    counts.

    For each group, :math:`W_1 = \int |\hat F(t) - F(t)|\,dt`, where :math:`\hat F` is the empirical distribution function of
    the real-valued samples and :math:`F` the exact one (S. S. Vallender, *Theory of Probability and its Applications* 18,
    1974). It is the mean number of elements by which the samples would have to be moved.

    Args:
        samples: whole or real counts, shape ``(S,) + batch_shape + (K,)`` or one that broadcasts with it. A ``ValueError`` is
            raised for any other number of groups.
        distribution: the exact distribution, with ``batch_shape`` and ``K`` groups.

    Returns:
        Distances, shape ``batch_shape``.

    Example:
        >>> urn = FisherHypergeometric(1, [1, 1], [1.0, 3.0])
        >>> wasserstein_distance(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), urn)
        tensor(0.2500, dtype=torch.float64)
    """
    probabilities = distribution.marginal_log_prob().exp()
    _check_groups(samples, distribution)
    shape = broadcast_shapes(samples.shape[1:], probabilities.shape[:-1])
    number = samples.shape[0]
    values_of_samples = samples.to(probabilities.dtype).movedim(0, -1).expand(*shape, number)
    exact = probabilities.expand(*shape, -1)
    values = torch.arange(exact.shape[-1], dtype=exact.dtype, device=exact.device).expand_as(exact)
    # Both distributions are discrete. After sorting their atoms together, the running sum of the mass differences is the
    # difference of the distribution functions.
    places, order = torch.cat([values_of_samples, values], -1).sort(-1)
    masses = torch.cat([torch.full_like(values_of_samples, 1 / number), -exact], -1).gather(-1, order)
    gaps = places.diff(dim=-1)
    return (masses.cumsum(-1)[..., :-1].abs() * gaps).sum(-1).mean(-1)


def total_variation(samples: Tensor, distribution: FisherHypergeometric) -> Tensor:
    r"""Computes the total variation distance between the frequencies of whole count vectors and their exact joint distribution.

    The distance is :math:`\frac12\sum_x |\hat p(x) - p(x)|`. Only the vectors that occur are visited, because the probabilities
    of all others sum to the remainder. With few samples the distance is large for exact samples, too: compare it with that of
    equally many exact samples (:func:`total_variation_floor`).

    Args:
        samples: whole counts, shape ``(S, K)``. A ``ValueError`` is raised for a count that is not whole.
        distribution: the exact distribution, without a batch.

    Returns:
        Distance between 0 and 1, a scalar.

    Raises:
        ValueError: if samples or distribution have a batch.

    Example:
        >>> urn = FisherHypergeometric(1, [1, 1], [1.0, 3.0])
        >>> total_variation(torch.tensor([[0, 1], [1, 0]]), urn)
        tensor(0.2500, dtype=torch.float64)
    """
    if samples.dim() != 2 or distribution.batch_shape:
        raise ValueError(
            f"samples must have shape (S, {distribution.event_shape[0]}) and distribution no batch; "
            f"got {tuple(samples.shape)} and batch_shape {tuple(distribution.batch_shape)}."
        )
    _check_groups(samples, distribution)
    _check_whole(samples)
    vectors, counts = samples.unique(dim=0, return_counts=True)
    inside = distribution.support.check(vectors)
    log_weights = distribution.log_weights
    exact = torch.zeros(len(vectors), dtype=log_weights.dtype, device=log_weights.device)
    if inside.any():
        exact[inside] = distribution.log_prob(vectors[inside].to(log_weights.dtype)).exp()
    frequencies = counts.to(exact.dtype) / len(samples)
    return ((frequencies - exact).abs().sum() + (1 - exact.sum()).clamp(min=0)) / 2


def marginal_total_variation(samples: Tensor, distribution: FisherHypergeometric) -> Tensor:
    """Computes the total variation distance between the frequencies of each group's whole counts and its exact marginal
    distribution.

    Args:
        samples: whole counts, shape ``(S,) + batch_shape + (K,)``. A ``ValueError`` is raised for a count that is not whole, or
            not between 0 and the size of the largest group.
        distribution: the exact distribution, with ``batch_shape`` and ``K`` groups.

    Returns:
        Distances between 0 and 1, shape ``batch_shape + (K,)``.

    Example:
        >>> urn = FisherHypergeometric(1, [1, 1], [1.0, 3.0])
        >>> marginal_total_variation(torch.tensor([[0, 1], [1, 0]]), urn)
        tensor([0.2500, 0.2500], dtype=torch.float64)
    """
    _check_groups(samples, distribution)
    _check_whole(samples)
    exact = distribution.marginal_log_prob().exp()
    frequencies = _frequencies(samples, exact.shape[-1], exact.dtype)
    return (frequencies - exact).abs().sum(-1) / 2


def noise_floor(
    distribution: FisherHypergeometric,
    num_samples: int,
    *,
    level: float = 0.95,
    num_replicates: int = 100,
    generator: torch.Generator | None = None,
) -> NoiseFloor:
    """Computes the distribution of :func:`wasserstein_distance` for ``num_samples`` exact samples: its mean and one quantile.

    The expectation is exact: at each count the empirical distribution function is a binomial frequency, whose mean absolute
    deviation De Moivre gave in closed form (Diaconis and Zabell, *Statistical Science* 6(3), 1991, equation 1.1). The quantile
    is estimated from replicates.

    Args:
        distribution: the exact distribution.
        num_samples: number of samples in each set, at least 1. A ``ValueError`` is raised if this or one of the next two
            arguments is invalid.
        level: probability of the quantile, between 0 and 1.
        num_replicates: number of sets of samples from which the quantile is estimated, at least 1.
        generator: source of the random numbers; torch's global generator if omitted.

    Returns:
        Expectation and quantile, each of shape ``batch_shape``.

    Example:
        >>> urn = FisherHypergeometric(1, [1, 1])
        >>> noise_floor(urn, 1).mean
        tensor(0.5000, dtype=torch.float64)
    """
    _check_floor(num_samples, num_replicates, level)
    with torch.no_grad():
        probabilities = distribution.marginal_log_prob().exp()
        cumulative = probabilities.cumsum(-1).clamp(max=1)
        expected = _mean_absolute_deviation(num_samples, cumulative[..., :-1]).sum(-1).mean(-1)
        width = max(1, num_samples * max(1, probabilities[..., 0].numel()))
        distances = []
        for start in range(0, num_replicates, max(1, _COUNTS_PER_PART // width)):
            replicates = min(max(1, _COUNTS_PER_PART // width), num_replicates - start)
            samples = distribution.sample((num_samples, replicates), generator=generator)
            reached = _frequencies(samples, probabilities.shape[-1], probabilities.dtype).cumsum(-1)
            distances.append((reached - cumulative).abs().sum(-1).mean(-1))
        return NoiseFloor(expected, torch.cat(distances).quantile(level, dim=0))


def total_variation_floor(
    distribution: FisherHypergeometric,
    num_samples: int,
    *,
    level: float = 0.95,
    num_replicates: int = 100,
    generator: torch.Generator | None = None,
) -> NoiseFloor:
    """Computes the distribution of :func:`total_variation` for ``num_samples`` exact samples: its mean and one quantile.

    The expectation is exact and the quantile is estimated, as in :func:`noise_floor`. All count vectors are enumerated; a
    ``ValueError`` is raised if there are too many.

    Args:
        distribution: the exact distribution, without a batch.
        num_samples: number of samples in each set, at least 1. A ``ValueError`` is raised if this or one of the next two
            arguments is invalid.
        level: probability of the quantile, between 0 and 1.
        num_replicates: number of sets of samples from which the quantile is estimated, at least 1.
        generator: source of the random numbers; torch's global generator if omitted.

    Returns:
        Expectation and quantile, scalars.

    Example:
        >>> total_variation_floor(FisherHypergeometric(1, [1, 1]), 1).mean
        tensor(0.5000, dtype=torch.float64)
    """
    _check_floor(num_samples, num_replicates, level)
    with torch.no_grad():
        probabilities = distribution.log_prob(distribution.enumerate_support()).double().exp()
        probabilities = probabilities / probabilities.sum()
        expected = _mean_absolute_deviation(num_samples, probabilities).sum() / 2
        random = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
        masses = probabilities.cpu().numpy()
        distances = [
            float(np.abs(random.multinomial(num_samples, masses) / num_samples - masses).sum() / 2)
            for _ in range(num_replicates)
        ]
        return NoiseFloor(expected, expected.new_tensor(distances).quantile(level))


def _check_floor(num_samples: int, num_replicates: int, level: float) -> None:
    if num_samples < 1 or num_replicates < 1:
        raise ValueError(f"num_samples and num_replicates must be at least 1; got {num_samples} and {num_replicates}.")
    require_real("level", level, "between 0 and 1", gt=0, lt=1)


def _mean_absolute_deviation(number: int, probability: Tensor) -> Tensor:
    """Returns the mean absolute deviation of a binomial frequency of ``number`` trials from ``probability``."""
    p = probability.clamp(0, 1)
    above = (number * p).floor() + 1
    inner = (p > 0) & (p < 1) & (above <= number)
    safe = torch.where(inner, p, 0.5)
    k = torch.where(inner, above, 1.0)
    log_mass = (
        torch.lgamma(torch.as_tensor(number + 1.0, dtype=p.dtype))
        - torch.lgamma(k + 1)
        - torch.lgamma(number - k + 1)
        + k * safe.log()
        + (number - k) * (-safe).log1p()
    )
    return torch.where(inner, 2 * k * (1 - safe) * log_mass.exp() / number, 0.0)


def _frequencies(samples: Tensor, length: int, dtype: torch.dtype) -> Tensor:
    """Returns the relative frequency of each whole count along the first axis, shape ``samples.shape[1:] + (length,)``.

    Raises:
        ValueError: if a count is outside 0 to ``length - 1``.
    """
    index = samples.movedim(0, -1).to(torch.int64)
    if ((index < 0) | (index >= length)).any():
        raise ValueError(
            f"samples must lie between 0 and {length - 1}, the size of the largest group; got {samples.aminmax()}."
        )
    ones = torch.ones(1, dtype=dtype, device=samples.device).expand(index.shape)
    counts = torch.zeros(*index.shape[:-1], length, dtype=dtype, device=samples.device).scatter_add_(-1, index, ones)
    return counts / samples.shape[0]


def _check_groups(samples: Tensor, distribution: FisherHypergeometric) -> None:
    if samples.dim() < 2 or samples.shape[-1] != distribution.event_shape[0]:
        raise ValueError(f"samples must have shape (S, ..., {distribution.event_shape[0]}); got {tuple(samples.shape)}.")


def _check_whole(samples: Tensor) -> None:
    if samples.is_floating_point() and (samples != samples.round()).any():
        raise ValueError(f"samples must be whole counts; got {samples[samples != samples.round()][0].item()}.")
