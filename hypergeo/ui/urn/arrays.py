"""Arrays of the urn page: both distributions exactly, and one sequence of samples from either. Computed once, kept as NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
import torch

from hypergeo.numerics.enumeration import count_support
from hypergeo.numerics.wallenius.small_urn import WalleniusTables, wallenius_probabilities, wallenius_tables
from hypergeo.ui.convergence.arrays import Urn, one_thread
from hypergeo.ui.limits import URN

__all__ = ["DRAWS", "Drawn", "ExactLaws", "deviation_probability", "draw_all", "elements_of", "exact_laws"]

DRAWS = URN.draws
"""Draws in the sequence, of which the page shows the first few."""

LISTED = URN.listed  # count vectors; an urn with more has no joint distance and no mode of Wallenius' distribution here


class ExactLaw(NamedTuple):
    """One distribution exactly.

    Attributes:
        marginals: of each group over ``0, 1, ..``, shape ``(K, M + 1)``.
        mean: of each group, shape ``(K,)``.
        covariance: shape ``(K, K)``.
        sensitivity: derivative of mean ``i`` in log weight ``j``, shape ``(K, K)``; zero for a weight of zero.
        mode: a most probable vector of counts, shape ``(K,)``; ``None`` where there are too many to look through.
    """

    marginals: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    sensitivity: np.ndarray
    mode: np.ndarray | None


class ExactLaws(NamedTuple):
    """Both distributions of an urn, and how far they are apart.

    Attributes:
        fisher: Fisher's distribution.
        wallenius: Wallenius' distribution.
        distance: total variation between the two: of the count vectors, or, where these are too many to list, the greatest of
            the groups' own, which is less.
        joint: whether it is that of the count vectors.
    """

    fisher: ExactLaw
    wallenius: ExactLaw
    distance: float
    joint: bool

    def of(self, law: str) -> ExactLaw:
        """The distribution of that name."""
        return self.fisher if law == "Fisher" else self.wallenius


class Drawn(NamedTuple):
    """A sequence of samples.

    Attributes:
        counts: of each group in each sample, shape ``(DRAWS, K)``.
        order: elements in the order in which they left, shape ``(DRAWS, n)``, where they leave one by one.
    """

    counts: np.ndarray
    order: np.ndarray | None


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def exact_laws(urn: Urn) -> ExactLaws:
    """Both distributions of an urn, as arrays."""
    law, raced = urn.law(), wallenius_tables(urn.total_count, urn.group_sizes, urn.weights)
    probabilities = law.marginal_log_prob().exp()
    counts = torch.arange(probabilities.shape[-1], dtype=probabilities.dtype)
    covariance = law.covariance_matrix.numpy()
    fisher = ExactLaw(
        probabilities.numpy(), (probabilities @ counts).numpy(), covariance, covariance, law.mode.numpy().astype(int)
    )
    mode, joint = None, count_support(urn.total_count, law.group_sizes) <= LISTED
    if joint:
        support = law.enumerate_support()
        chances = wallenius_probabilities(raced, support, urn.group_sizes, urn.weights)
        mode = support[chances.argmax()].numpy().astype(int)
        distance = float((chances - law.log_prob(support).exp()).abs().sum() / 2)
    else:
        distance = float((raced.marginals - probabilities).abs().sum(-1).max() / 2)
    return ExactLaws(fisher, _arrays(raced, mode), distance if distance > 1e-10 else 0.0, joint)


@st.cache_data(max_entries=24, show_spinner=False)
@one_thread()
def draw_all(urn: Urn, law: str, seed: int) -> Drawn:
    """``DRAWS`` samples: of Fisher's distribution by its exact sampler, of Wallenius' as a race between the elements."""
    generator = torch.Generator().manual_seed(seed)
    if law == "Fisher":
        return Drawn(urn.law().sample((DRAWS,), generator=generator).numpy().astype(np.int16), None)
    group = torch.repeat_interleave(torch.tensor(urn.group_sizes))
    weights = torch.tensor(urn.weights, dtype=torch.float64)
    clocks = torch.empty(DRAWS, len(group), dtype=torch.float64).exponential_(generator=generator) / weights[group]
    order = clocks.topk(urn.total_count, largest=False).indices
    counts = torch.nn.functional.one_hot(group[order], len(weights)).sum(1)
    return Drawn(counts.numpy().astype(np.int16), order.numpy().astype(np.int16))


def deviation_probability(probabilities: np.ndarray, samples: int, total: int) -> float:
    """Computes the probability of a sum at least as far from its mean as one that was observed.

    The distribution of the sum is the convolution power of the samples' own, computed by a Fourier transform. The absolute
    error is about 1e-13, so that a smaller result is no more than a bound.

    Args:
        probabilities: distribution of one sample over ``0, 1, ...``, shape ``(M + 1,)``.
        samples: number of independent samples.
        total: their observed sum.

    Example:
        >>> deviation_probability(np.array([0.5, 0.5]), 4, 4)  # four heads or four tails
        0.125
    """
    support = np.flatnonzero(probabilities > 0)
    low, width = int(support[0]), int(support[-1] - support[0])
    length = samples * width + 1
    sums = np.fft.irfft(np.fft.rfft(probabilities[low : low + width + 1], 2 * length) ** samples, 2 * length)[:length]
    mean = samples * float(probabilities @ np.arange(len(probabilities)))
    far = np.abs(np.arange(length) + samples * low - mean) >= abs(total - mean) * (1 - 1e-9) - 1e-9
    return float(np.clip(sums[far].sum(), 0.0, 1.0).round(15))


def elements_of(drawn: Drawn, urn: Urn, step: int, seed: int) -> np.ndarray:
    """Which elements the sample of that number took, numbered group by group, in the order in which they are shown.

    Where elements leave all at once, those of a group are equally likely: any of them, picked from the seed.

    Args:
        drawn: the sequence.
        urn: what it is drawn from.
        step: number of the sample, from 1; for 0 nothing has been drawn.
        seed: of the sequence.
    """
    if step == 0:
        return np.empty(0, dtype=int)
    if drawn.order is not None:
        return drawn.order[step - 1].astype(int)
    rng, first = np.random.default_rng([seed, step]), np.cumsum([0, *urn.group_sizes])
    counts = drawn.counts[step - 1]
    return np.concatenate(
        [first[k] + np.sort(rng.permutation(size)[: counts[k]]) for k, size in enumerate(urn.group_sizes)]
    ).astype(int)


def _arrays(raced: WalleniusTables, mode: np.ndarray | None) -> ExactLaw:
    return ExactLaw(raced.marginals.numpy(), raced.mean.numpy(), raced.covariance.numpy(), raced.sensitivity.numpy(), mode)
