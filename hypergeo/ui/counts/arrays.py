"""Tests of observed counts against the exact distribution, and fitted weights. Results are cached as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.wallenius import WalleniusHypergeometric
from hypergeo.quality.samples import SampleQuality, measure_counts
from hypergeo.ui.convergence.arrays import Urn, one_thread
from hypergeo.ui.limits import COUNTS

__all__ = ["Fitted", "common_sums", "example_counts", "fit", "fitted_sums", "marginals", "measure"]


@dataclass(frozen=True)
class Fitted:
    """Maximum-likelihood weights as plain numbers; see :class:`hypergeo.distributions.fitting.WeightFit`.

    Attributes:
        weights: fitted weight of each group; those that are neither zero, infinite nor NaN have geometric mean one.
        intervals: ends of the 95 % confidence interval of each weight; NaN where there is none.
        converged: whether the likelihood has a maximum and the fit has reached it.
        rows: number of rows that were fitted.
    """

    weights: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    converged: bool
    rows: int

    def scaled(self, weights: tuple[float, ...]) -> tuple[float, ...]:
        """Scales other weights for a comparison with the fitted ones: to the same geometric mean over the same groups.

        Args:
            weights: weight of each group.

        Returns:
            The scaled weights, in the same ratios.

        Example:
            >>> Fitted((1.0, 1.0), ((0.9, 1.1), (0.9, 1.1)), True, 10).scaled((3.0, 3.0))
            (1.0, 1.0)
        """
        shared = [math.log(w) for w, own in zip(weights, self.weights, strict=True) if 0 < own < math.inf and 0 < w < math.inf]
        if not shared:
            return weights
        scale = math.exp(-sum(shared) / len(shared))
        return tuple(scale * weight for weight in weights)

    @property
    def usable(self) -> bool:
        """Whether the weights define a distribution: all are finite, and at least one is above zero."""
        return all(math.isfinite(weight) for weight in self.weights) and max(self.weights) > 0


def common_sums(counts: np.ndarray) -> list[tuple[int, int]]:
    """Counts the rows for each number of elements drawn.

    Args:
        counts: counts of each group in each row, shape ``(N, K)``.

    Returns:
        Pairs of a number of elements drawn and its number of rows, the most common first.

    Example:
        >>> common_sums(np.array([[1, 2], [2, 1], [0, 4]]))
        [(3, 2), (4, 1)]
    """
    sums, number = np.unique(counts.sum(1), return_counts=True)
    order = np.argsort(-number, kind="stable")
    return list(zip(sums[order].tolist(), number[order].tolist(), strict=True))


def fitted_sums(group_sizes: Sequence[int]) -> int:
    """Computes how many different numbers of elements drawn a fit can use: each adds a distribution to its likelihood.

    Args:
        group_sizes: number of elements in each group.

    Returns:
        The greatest number of different numbers of elements drawn.

    Example:
        >>> fitted_sums([10, 10, 10]), fitted_sums([1000] * 6)
        (10, 2)
    """
    return min(max(COUNTS.elements // max(sum(group_sizes), 1), 1), COUNTS.sums)


@st.cache_data(max_entries=16, show_spinner=False)
@one_thread()
def example_counts(urn: Urn, rows: int, seed: int, wallenius: bool) -> np.ndarray:
    """Samples counts from Fisher's or Wallenius' distribution.

    Args:
        urn: parameters of the urn.
        rows: number of samples.
        seed: seed of the random numbers.
        wallenius: whether to sample from Wallenius' distribution instead of Fisher's.

    Returns:
        The counts, int64, shape ``(rows, K)``.
    """
    kind = WalleniusHypergeometric if wallenius else FisherHypergeometric
    distribution = kind(urn.total_count, list(urn.group_sizes), list(urn.weights))
    samples = distribution.sample((rows,), generator=torch.Generator().manual_seed(seed))
    return samples.numpy().astype(np.int64)


@st.cache_data(max_entries=16, show_spinner=False)
@one_thread()
def measure(urn: Urn, counts: np.ndarray, seed: int) -> SampleQuality:
    """Tests counts against the distribution of an urn.

    Args:
        urn: parameters of the urn.
        counts: counts of each group in each row, shape ``(N, K)``.
        seed: seed of the simulated noise of the distances.

    Returns:
        Distances, tests and p-values.
    """
    return measure_counts(urn.law(), torch.from_numpy(counts), generator=torch.Generator().manual_seed(seed))


@st.cache_data(max_entries=16, show_spinner=False)
@one_thread()
def marginals(urn: Urn) -> np.ndarray:
    """Computes the exact distribution of the count of each group.

    Args:
        urn: parameters of the urn.

    Returns:
        Probability of each count ``0, 1, ..., M`` of each group, shape ``(K, M + 1)``.
    """
    return urn.law().marginal_log_prob().exp().numpy()


@st.cache_data(max_entries=16, show_spinner=False)
@one_thread()
def fit(counts: np.ndarray, group_sizes: tuple[int, ...]) -> Fitted:
    """Fits weights to the rows with the most common numbers of elements drawn; see :func:`fitted_sums`.

    Args:
        counts: counts of each group in each row, shape ``(N, K)``.
        group_sizes: number of elements in each group.

    Returns:
        The maximum-likelihood weights.
    """
    common = [total for total, _ in common_sums(counts)[: fitted_sums(group_sizes)]]
    used = counts[np.isin(counts.sum(1), common)]
    fitted = FisherHypergeometric.fit(torch.from_numpy(used), list(group_sizes))
    ends = fitted.confidence_interval().tolist()
    return Fitted(tuple(fitted.weights.tolist()), tuple((low, high) for low, high in ends), fitted.converged, len(used))
