"""Arrays of the convergence page: the exact distribution, and the same samples at every temperature. Results are cached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import streamlit as st
import torch

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric
from hypergeo.quality import marginal_total_variation, noise_floor, total_variation, wasserstein_distance
from hypergeo.quality.goodness_of_fit import g_test, holm, ks_test

__all__ = [
    "TEMPERATURES",
    "ExactLaw",
    "Floor",
    "Samples",
    "Urn",
    "Variation",
    "draw",
    "exact_law",
    "exact_noise",
    "one_thread",
    "variation",
]

TEMPERATURES = tuple(float(f"{10 ** (step / 8 - 2):.2g}") for step in range(25))
"""25 temperatures from 0.01 to 10, evenly spaced on a logarithmic scale and rounded to the two digits that labels show."""

_NOISE_ROWS_PER_PART = 250


@dataclass(frozen=True)
class Urn:
    """Parameters of an urn as plain numbers, which serve as keys of cached results.

    Attributes:
        total_count: number of elements drawn from the urn.
        group_sizes: number of elements in each group.
        weights: weight of an element of each group.
    """

    total_count: int
    group_sizes: tuple[int, ...]
    weights: tuple[float, ...]

    def law(self) -> FisherHypergeometric:
        """Creates the exact distribution.

        Returns:
            Fisher's noncentral hypergeometric distribution of this urn, event shape ``(K,)``.
        """
        return FisherHypergeometric(self.total_count, list(self.group_sizes), list(self.weights))

    def problem(self) -> str:
        """Explains why so many balls cannot be drawn.

        Returns:
            One sentence; empty if the balls can be drawn.

        Example:
            >>> Urn(55, (10, 20), (1.0, 2.0)).problem()
            'The urn holds only 30 balls, so 55 cannot be drawn.'
        """
        balls = sum(self.group_sizes)
        heavy = sum(size for size, weight in zip(self.group_sizes, self.weights, strict=True) if weight > 0)
        if balls < self.total_count:
            return f"The urn holds only {balls} balls, so {self.total_count} cannot be drawn."
        if heavy < self.total_count:
            return f"Only {heavy} balls have a weight above zero, so {self.total_count} cannot be drawn."
        return ""

    def relaxed(
        self, temperature: float | torch.Tensor, conditionals: str, straight_through: bool
    ) -> RelaxedFisherHypergeometric:
        """Creates the relaxed distribution.

        Args:
            temperature: temperature of the relaxation: a number, or a tensor of any shape ``(...,)``.
            conditionals: conditional distributions, ``"exact"`` or ``"merged"``.
            straight_through: whether samples are integers with the gradients of soft samples.

        Returns:
            The distribution, batch shape ``(...,)`` and event shape ``(K,)``.
        """
        return RelaxedFisherHypergeometric(
            temperature,
            self.total_count,
            list(self.group_sizes),
            list(self.weights),
            conditionals=conditionals,
            straight_through=straight_through,
        )


class ExactLaw(NamedTuple):
    """Holds the exact distribution as arrays.

    Attributes:
        cells: count vectors of three groups, shape ``(N, 3)``; otherwise pairs of counts of groups 1 and 2, shape ``(N, 2)``.
        probabilities: probability of each cell, shape ``(N,)``.
        marginals: probability of each count ``0, 1, ..., M`` of each group, shape ``(K, M + 1)``.
        mean: mean count of each group, shape ``(K,)``.
        deviation: standard deviation of the count of each group, shape ``(K,)``.
    """

    cells: np.ndarray
    probabilities: np.ndarray
    marginals: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


class Samples(NamedTuple):
    """Holds samples at several temperatures, with the same noise at each.

    Attributes:
        soft: relaxed counts at each temperature, shape ``(T, S, K)``.
        hard: straight-through counts, the same at every temperature, shape ``(S, K)``.
        soft_distances: Wasserstein distance of the relaxed counts from the exact distribution, in counts, shape ``(T,)``.
        hard_distance: Wasserstein distance of the straight-through counts from the exact distribution, in counts.
    """

    soft: np.ndarray
    hard: np.ndarray
    soft_distances: np.ndarray
    hard_distance: float

    def forward(self, straight_through: bool) -> tuple[np.ndarray, np.ndarray]:
        """Returns the samples that a model would receive in its forward pass at each temperature.

        Args:
            straight_through: whether these are the integer samples instead of the soft ones.

        Returns:
            Samples, shape ``(T, S, K)``, and their distances from the exact distribution, shape ``(T,)``.
        """
        if not straight_through:
            return self.soft, self.soft_distances
        return np.broadcast_to(self.hard, self.soft.shape), np.full(len(self.soft), self.hard_distance)


class Floor(NamedTuple):
    """Holds the Wasserstein distance of equally many exact samples from their distribution, in counts.

    Attributes:
        mean: expectation of the distance.
        quantile: distance below which 95 % of sets of exact samples are.
    """

    mean: float
    quantile: float


@contextmanager
def one_thread() -> Iterator[None]:
    """Limits torch to one thread, because at these sizes threads wait for each other longer than they compute.

    Yields:
        ``None``; after the block torch has its previous number of threads again.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def exact_law(urn: Urn) -> ExactLaw:
    """Computes the exact distribution of an urn.

    Args:
        urn: parameters of the urn.

    Returns:
        The distribution as arrays.
    """
    distribution = urn.law()
    marginals = distribution.marginal_log_prob().exp().numpy()
    if len(urn.group_sizes) == 3:
        counts = distribution.enumerate_support()
        cells, probabilities = counts.numpy().astype(int), distribution.log_prob(counts).exp().numpy()
    else:
        cells, probabilities = _pairs(urn, marginals)
    return ExactLaw(
        cells, probabilities, marginals, distribution.mean.numpy(), distribution.variance.clamp(min=0).sqrt().numpy()
    )


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def exact_noise(urn: Urn, number: int, seed: int, replicates: int = 100) -> Floor:
    """Computes the distance that exact samples have from their own distribution.

    Args:
        urn: parameters of the urn.
        number: number of exact samples in a set.
        seed: seed of the random numbers.
        replicates: number of sets from which the quantile is estimated.

    Returns:
        Expectation and 95 % quantile of the Wasserstein distance.
    """
    floor = noise_floor(urn.law(), number, num_replicates=replicates, generator=torch.Generator().manual_seed(seed))
    return Floor(floor.mean.item(), floor.quantile.item())


@st.cache_data(max_entries=12, show_spinner=False)
@one_thread()
def draw(urn: Urn, number: int, seed: int, conditionals: str, at: tuple[float, ...] = TEMPERATURES) -> Samples:
    """Samples relaxed counts at each temperature and straight-through counts, all with the same noise.

    Args:
        urn: parameters of the urn.
        number: number of samples.
        seed: seed of the noise.
        conditionals: conditional distributions, ``"exact"`` or ``"merged"``.
        at: temperatures.

    Returns:
        The samples with their distances from the exact distribution.
    """
    temperatures = torch.tensor(at, dtype=torch.float64)
    distribution = urn.law()
    single = urn.relaxed(1.0, conditionals, straight_through=True)
    noise = single.sample_noise((number,), generator=torch.Generator().manual_seed(seed))
    hard = single.rsample((number,), noise=noise)
    relaxed = urn.relaxed(temperatures, conditionals, straight_through=False)
    parts = []
    for part in noise.split(_NOISE_ROWS_PER_PART):  # a single part would take hundreds of megabytes, and more time
        repeated = part[:, None].expand(len(part), len(temperatures), noise.shape[-1])
        parts.append(relaxed.rsample((len(part),), noise=repeated))
    soft = torch.cat(parts)
    return Samples(
        soft.movedim(0, 1).contiguous().numpy(),
        hard.numpy(),
        wasserstein_distance(soft, distribution).numpy(),
        wasserstein_distance(hard, distribution).item(),
    )


class Variation(NamedTuple):
    """Holds the total variation distance of integer samples from the exact distribution, for both kinds of conditionals.

    Attributes:
        exact: distance with exact conditionals, which is sampling error only.
        merged: distance with merged conditionals (the published approximation).
        joint: whether distances are those of count vectors; otherwise of the group with the largest distance.
        p_value: p-value of a test of the samples with merged conditionals against the exact distribution: a G-test of count
            vectors, or Kolmogorov-Smirnov tests of all groups with Holm's correction.
    """

    exact: float
    merged: float
    joint: bool
    p_value: float


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def variation(urn: Urn, number: int, seed: int) -> Variation:
    """Measures the total variation distance of integer samples from the exact distribution.

    Args:
        urn: parameters of the urn. With more than three groups the distance is that of single groups.
        number: number of samples.
        seed: seed of the samples.

    Returns:
        The distances with exact and with merged conditionals, and a test of the latter.
    """
    distribution = urn.law()
    joint = len(urn.group_sizes) <= 3
    distances = []
    for conditionals in ("exact", "merged"):
        sampler = urn.relaxed(1.0, conditionals, straight_through=True)
        samples = sampler.sample((number,), generator=torch.Generator().manual_seed(seed))
        distances.append(
            total_variation(samples, distribution) if joint else marginal_total_variation(samples, distribution).max()
        )
    test = g_test(samples, distribution) if joint else None
    p_value = min(holm(ks_test(samples, distribution).p_values.tolist())) if test is None else test.p_value
    return Variation(distances[0].item(), distances[1].item(), joint, p_value)


def _pairs(urn: Urn, marginals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns pairs of counts of groups 1 and 2, ``(N, 2)``, and their probabilities, ``(N,)``.

    The balls after those of group 1 have the distribution of an urn with the other groups.
    """
    first = np.flatnonzero(marginals[0] > 0)
    rest = FisherHypergeometric(urn.total_count - first, list(urn.group_sizes[1:]), list(urn.weights[1:]))
    joint = marginals[0, first][:, None] * rest.marginal_log_prob()[:, 0].exp().numpy()
    rows, second = np.nonzero(joint > 0)
    return np.column_stack([first[rows], second]), joint[rows, second]
