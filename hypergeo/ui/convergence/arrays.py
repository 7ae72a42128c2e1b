"""Arrays of the convergence page: the exact distribution, and the same samples at every temperature. Computed once."""

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
"""From 0.01 to 10 in 25 even steps of the logarithm, to two digits, so that labels say exactly what is computed."""

_NOISE_ROWS_PER_PART = 250


@dataclass(frozen=True)
class Urn:
    """What is drawn from: plain numbers, by which results are kept.

    Attributes:
        total_count: number of elements drawn.
        group_sizes: number of elements in each group.
        weights: importance of each group.
    """

    total_count: int
    group_sizes: tuple[int, ...]
    weights: tuple[float, ...]

    def law(self) -> FisherHypergeometric:
        """The exact distribution; raises ``ValueError`` where nothing can be drawn."""
        return FisherHypergeometric(self.total_count, list(self.group_sizes), list(self.weights))

    def problem(self) -> str:
        """Returns why so many balls cannot be drawn, in a sentence; empty where they can.

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
        """The relaxed distribution."""
        return RelaxedFisherHypergeometric(
            temperature,
            self.total_count,
            list(self.group_sizes),
            list(self.weights),
            conditionals=conditionals,
            straight_through=straight_through,
        )


class ExactLaw(NamedTuple):
    """The exact distribution as arrays.

    Attributes:
        cells: count vectors of three groups, shape ``(N, 3)``; pairs of counts of groups 1 and 2 otherwise, ``(N, 2)``.
        probabilities: of the cells, shape ``(N,)``.
        marginals: of each group over ``0, 1, ..``, shape ``(K, M + 1)``.
        mean: of each group, shape ``(K,)``.
        deviation: standard deviation of each group, shape ``(K,)``.
    """

    cells: np.ndarray
    probabilities: np.ndarray
    marginals: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


class Samples(NamedTuple):
    """Samples with the same noise at several of ``TEMPERATURES``.

    Attributes:
        soft: relaxed counts, shape ``(T, S, K)``.
        hard: straight-through counts, which no temperature changes, shape ``(S, K)``.
        soft_distances: distance of the relaxed counts from the exact distribution at each temperature, shape ``(T,)``.
        hard_distance: the same of the straight-through counts.
    """

    soft: np.ndarray
    hard: np.ndarray
    soft_distances: np.ndarray
    hard_distance: float

    def forward(self, straight_through: bool) -> tuple[np.ndarray, np.ndarray]:
        """What a model would be given at each temperature, ``(T, S, K)``, and its distances, ``(T,)``."""
        if not straight_through:
            return self.soft, self.soft_distances
        return np.broadcast_to(self.hard, self.soft.shape), np.full(len(self.soft), self.hard_distance)


class Floor(NamedTuple):
    """Distance of equally many exact samples: its expectation and its 95 % quantile."""

    mean: float
    quantile: float


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps torch to one thread: at these sizes threads wait for each other longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def exact_law(urn: Urn) -> ExactLaw:
    """The exact distribution of an urn, as arrays."""
    law = urn.law()
    marginals = law.marginal_log_prob().exp().numpy()
    if len(urn.group_sizes) == 3:
        counts = law.enumerate_support()
        cells, probabilities = counts.numpy().astype(int), law.log_prob(counts).exp().numpy()
    else:
        cells, probabilities = _pairs(urn, marginals)
    return ExactLaw(cells, probabilities, marginals, law.mean.numpy(), law.variance.clamp(min=0).sqrt().numpy())


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def exact_noise(urn: Urn, number: int, seed: int, replicates: int = 100) -> Floor:
    """Distance of ``number`` exact samples, whose quantile is estimated from so many replicates."""
    floor = noise_floor(urn.law(), number, num_replicates=replicates, generator=torch.Generator().manual_seed(seed))
    return Floor(floor.mean.item(), floor.quantile.item())


@st.cache_data(max_entries=12, show_spinner=False)
@one_thread()
def draw(urn: Urn, number: int, seed: int, conditionals: str, at: tuple[float, ...] = TEMPERATURES) -> Samples:
    """``number`` samples, soft at each temperature and straight-through, all with the same noise."""
    temperatures = torch.tensor(at, dtype=torch.float64)
    law = urn.law()
    single = urn.relaxed(1.0, conditionals, straight_through=True)
    noise = single.sample_noise((number,), generator=torch.Generator().manual_seed(seed))
    hard = single.rsample((number,), noise=noise)
    relaxed = urn.relaxed(temperatures, conditionals, straight_through=False)
    parts = []
    for part in noise.split(_NOISE_ROWS_PER_PART):  # all at once would take hundreds of megabytes, and longer
        everywhere = part[:, None].expand(len(part), len(temperatures), noise.shape[-1])
        parts.append(relaxed.rsample((len(part),), noise=everywhere))
    soft = torch.cat(parts)
    return Samples(
        soft.movedim(0, 1).contiguous().numpy(),
        hard.numpy(),
        wasserstein_distance(soft, law).numpy(),
        wasserstein_distance(hard, law).item(),
    )


class Variation(NamedTuple):
    """Total variation of integer samples from the exact distribution, by the conditionals that they are sampled with.

    Attributes:
        exact: with exact conditionals, whose samples have exactly that distribution: sampling error only.
        merged: with merged conditionals (the published approximation).
        joint: whether it is of whole count vectors, or of the group with the largest distance.
        p_value: of a test of the samples with merged conditionals against the exact distribution: a G-test of count vectors, or
            Kolmogorov-Smirnov tests of all groups with Holm's correction.
    """

    exact: float
    merged: float
    joint: bool
    p_value: float


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def variation(urn: Urn, number: int, seed: int) -> Variation:
    """Measures the distance of ``number`` integer samples from the exact distribution; of single groups for more than three."""
    law = urn.law()
    joint = len(urn.group_sizes) <= 3
    distances = []
    for conditionals in ("exact", "merged"):
        sampler = urn.relaxed(1.0, conditionals, straight_through=True)
        samples = sampler.sample((number,), generator=torch.Generator().manual_seed(seed))
        distances.append(total_variation(samples, law) if joint else marginal_total_variation(samples, law).max())
    test = g_test(samples, law) if joint else None
    p_value = min(holm(ks_test(samples, law).p_values.tolist())) if test is None else test.p_value
    return Variation(distances[0].item(), distances[1].item(), joint, p_value)


def _pairs(urn: Urn, marginals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts of groups 1 and 2 with their joint distribution: given the first count, the rest is an urn of its own."""
    first = np.flatnonzero(marginals[0] > 0)
    rest = FisherHypergeometric(urn.total_count - first, list(urn.group_sizes[1:]), list(urn.weights[1:]))
    joint = marginals[0, first][:, None] * rest.marginal_log_prob()[:, 0].exp().numpy()
    rows, second = np.nonzero(joint > 0)
    return np.column_stack([first[rows], second]), joint[rows, second]
