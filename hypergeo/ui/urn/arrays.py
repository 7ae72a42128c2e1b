"""Arrays of the urn page: both exact distributions, and one sequence of samples of either. Results are cached."""

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
"""Number of samples in the sequence, of which the page shows the first few."""

LISTED = URN.listed  # greatest number of count vectors for the joint distance and the mode of Wallenius' distribution


class ExactLaw(NamedTuple):
    """Exact values of one distribution.

    Attributes:
        marginals: probabilities of each group's counts ``0, 1, ...``, shape ``(K, M + 1)``.
        mean: mean count of each group, shape ``(K,)``.
        covariance: covariance matrix of the counts, shape ``(K, K)``.
        sensitivity: derivative of mean ``i`` in log weight ``j``, shape ``(K, K)``; zero for a weight of zero.
        mode: a most probable count vector, shape ``(K,)``; ``None`` where there are too many count vectors to list.
    """

    marginals: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    sensitivity: np.ndarray
    mode: np.ndarray | None


class ExactLaws(NamedTuple):
    """Both distributions of an urn, and their distance.

    Attributes:
        fisher: Fisher's distribution.
        wallenius: Wallenius' distribution.
        distance: total variation distance of the count vectors, or, where these are too many to list, the greatest one of the
            groups' marginals, which is a lower bound.
        joint: whether ``distance`` is that of the count vectors.
    """

    fisher: ExactLaw
    wallenius: ExactLaw
    distance: float
    joint: bool

    def of(self, law: str) -> ExactLaw:
        """Returns one of the two distributions.

        Args:
            law: ``"Fisher"`` or ``"Wallenius"``.

        Returns:
            The distribution.
        """
        return self.fisher if law == "Fisher" else self.wallenius


class Drawn(NamedTuple):
    """A sequence of samples.

    Attributes:
        counts: count of each group in each sample, shape ``(DRAWS, K)``.
        order: indices of the drawn elements in the order in which they were drawn, shape ``(DRAWS, n)``; ``None`` where all
            are drawn at once.
    """

    counts: np.ndarray
    order: np.ndarray | None


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def exact_laws(urn: Urn) -> ExactLaws:
    """Computes both distributions of an urn.

    Args:
        urn: the urn.

    Returns:
        Arrays of both distributions.
    """
    law, tables = urn.law(), wallenius_tables(urn.total_count, urn.group_sizes, urn.weights)
    probabilities = law.marginal_log_prob().exp()
    counts = torch.arange(probabilities.shape[-1], dtype=probabilities.dtype)
    covariance = law.covariance_matrix.numpy()
    fisher = ExactLaw(
        probabilities.numpy(), (probabilities @ counts).numpy(), covariance, covariance, law.mode.numpy().astype(int)
    )
    mode, joint = None, count_support(urn.total_count, law.group_sizes) <= LISTED
    if joint:
        support = law.enumerate_support()
        chances = wallenius_probabilities(tables, support, urn.group_sizes, urn.weights)
        mode = support[chances.argmax()].numpy().astype(int)
        distance = float((chances - law.log_prob(support).exp()).abs().sum() / 2)
    else:
        distance = float((tables.marginals - probabilities).abs().sum(-1).max() / 2)
    return ExactLaws(fisher, _arrays(tables, mode), distance if distance > 1e-10 else 0.0, joint)


@st.cache_data(max_entries=24, show_spinner=False)
@one_thread()
def draw_all(urn: Urn, law: str, seed: int) -> Drawn:
    """Draws ``DRAWS`` samples.

    Fisher's distribution has an exact sampler. For Wallenius' distribution, each element gets an exponential arrival time
    whose rate is its weight, and the first ``n`` elements to arrive are drawn.

    Args:
        urn: the urn.
        law: ``"Fisher"`` or ``"Wallenius"``.
        seed: seed of the sequence.

    Returns:
        The samples.
    """
    generator = torch.Generator().manual_seed(seed)
    if law == "Fisher":
        return Drawn(urn.law().sample((DRAWS,), generator=generator).numpy().astype(np.int16), None)
    group = torch.repeat_interleave(torch.tensor(urn.group_sizes))
    weights = torch.tensor(urn.weights, dtype=torch.float64)
    arrivals = torch.empty(DRAWS, len(group), dtype=torch.float64).exponential_(generator=generator) / weights[group]
    order = arrivals.topk(urn.total_count, largest=False).indices
    counts = torch.nn.functional.one_hot(group[order], len(weights)).sum(1)
    return Drawn(counts.numpy().astype(np.int16), order.numpy().astype(np.int16))


def deviation_probability(probabilities: np.ndarray, samples: int, total: int) -> float:
    """Computes the probability that a sum differs from its mean at least as much as an observed sum.

    The distribution of the sum is a convolution power of the distribution of one sample, computed by a Fourier transform. The
    absolute error is about 1e-13, so a smaller result is only a bound.

    Args:
        probabilities: distribution of one sample over ``0, 1, ...``, shape ``(M + 1,)``.
        samples: number of independent samples.
        total: observed sum of the samples.

    Returns:
        The probability.

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
    """Returns the elements in one sample.

    Elements are numbered group by group. Where they are drawn all at once, the elements of a group are equally likely, and
    the seed determines which of them are drawn.

    Args:
        drawn: the sequence of samples.
        urn: the urn.
        step: number of the sample, from 1; 0 for an empty sample.
        seed: seed of the sequence.

    Returns:
        Indices of the elements in the order in which they are shown, shape ``(n,)``, or ``(0,)`` for an empty sample.
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


def _arrays(tables: WalleniusTables, mode: np.ndarray | None) -> ExactLaw:
    return ExactLaw(tables.marginals.numpy(), tables.mean.numpy(), tables.covariance.numpy(), tables.sensitivity.numpy(), mode)
