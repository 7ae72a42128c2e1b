"""Observed counts against the exact distribution, and the weights that fit them: computed once, kept as plain numbers."""

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
        weights: of geometric mean one among those that are neither zero, infinite nor NaN.
        intervals: ends of the 95 % interval of each; NaN where there is none.
        converged: whether there is a best fit.
        rows: number of rows that it is made from.
    """

    weights: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    converged: bool
    rows: int

    def scaled(self, weights: tuple[float, ...]) -> tuple[float, ...]:
        """Other weights on the scale of these, as only ratios matter: the same geometric mean over the same groups.

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
        """Whether the weights make a distribution: all finite, and one above zero."""
        return all(math.isfinite(weight) for weight in self.weights) and max(self.weights) > 0


def common_sums(counts: np.ndarray) -> list[tuple[int, int]]:
    """Numbers of elements drawn, each with how many rows draw it, the commonest first.

    Args:
        counts: shape ``(N, K)``.

    Example:
        >>> common_sums(np.array([[1, 2], [2, 1], [0, 4]]))
        [(3, 2), (4, 1)]
    """
    sums, number = np.unique(counts.sum(1), return_counts=True)
    order = np.argsort(-number, kind="stable")
    return list(zip(sums[order].tolist(), number[order].tolist(), strict=True))


def fitted_sums(group_sizes: Sequence[int]) -> int:
    """The most different numbers of elements drawn that a fit is made from: each is a distribution of its own.

    Example:
        >>> fitted_sums([10, 10, 10]), fitted_sums([1000] * 6)
        (10, 2)
    """
    return min(max(COUNTS.elements // max(sum(group_sizes), 1), 1), COUNTS.sums)


@st.cache_data(max_entries=16, show_spinner=False)
@one_thread()
def example_counts(urn: Urn, rows: int, seed: int, wallenius: bool) -> np.ndarray:
    """Counts drawn from Fisher's distribution, or from Wallenius' with the same urn, shape ``(rows, K)``."""
    kind = WalleniusHypergeometric if wallenius else FisherHypergeometric
    distribution = kind(urn.total_count, list(urn.group_sizes), list(urn.weights))
    drawn = distribution.sample((rows,), generator=torch.Generator().manual_seed(seed))
    return drawn.numpy().astype(np.int64)


@st.cache_data(max_entries=16, show_spinner=False)
@one_thread()
def measure(urn: Urn, counts: np.ndarray, seed: int) -> SampleQuality:
    """Tests of counts against the distribution of an urn; the seed is that of the distances' noise."""
    return measure_counts(urn.law(), torch.from_numpy(counts), generator=torch.Generator().manual_seed(seed))


@st.cache_data(max_entries=16, show_spinner=False)
@one_thread()
def marginals(urn: Urn) -> np.ndarray:
    """Exact distribution of each group's count, shape ``(K, M + 1)``."""
    return urn.law().marginal_log_prob().exp().numpy()


@st.cache_data(max_entries=16, show_spinner=False)
@one_thread()
def fit(counts: np.ndarray, group_sizes: tuple[int, ...]) -> Fitted:
    """The weights that fit counts best, from the rows of the commonest numbers drawn; see :func:`fitted_sums`."""
    common = [total for total, _ in common_sums(counts)[: fitted_sums(group_sizes)]]
    used = counts[np.isin(counts.sum(1), common)]
    fitted = FisherHypergeometric.fit(torch.from_numpy(used), list(group_sizes))
    ends = fitted.confidence_interval().tolist()
    return Fitted(tuple(fitted.weights.tolist()), tuple((low, high) for low, high in ends), fitted.converged, len(used))
