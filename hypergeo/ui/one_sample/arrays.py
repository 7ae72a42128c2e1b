"""Arrays of the page on one sample: its splits, a thousand samples with noise of the same seed, and the exact covariance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
import torch

from hypergeo.distributions import SampleTrace, trace_sample
from hypergeo.ui.convergence.arrays import TEMPERATURES, Urn, one_thread
from hypergeo.ui.limits import ONE_SAMPLE

__all__ = ["CONDITIONALS", "NOISE_SEED", "Opened", "Split", "covariance", "open_sample", "whole_samples"]

CONDITIONALS = {"in turn": "sequential", "merged": "merged", "tree": "exact"}
"""The library's names of the conditionals, by their names on the page."""

NOISE_SEED = 0
"""Seed of the noise of all samples; the page chooses one of them by its number."""

_OTHER = {"sequential": "merged", "merged": "sequential", "exact": "exact"}  # conditionals that are compared with those in use


class Split(NamedTuple):
    """One split as arrays; see :class:`hypergeo.distributions.SplitTrace`.

    Attributes:
        left: indices of the left groups, from 0.
        right: indices of the right groups, from 0.
        total: number of elements that are split.
        slope_total: total at which the softmax is evaluated.
        candidates: possible counts of the left groups, shape ``(X,)``.
        exact: log-probability of each candidate with exact conditionals, shape ``(X,)``.
        used: log-probability of each candidate with the conditionals in use, shape ``(X,)``.
        merged: log-probability with merged conditionals, shape ``(X,)``; ``None`` for splits down the tree.
        noise: Gumbel noise, shape ``(X,)``.
        scaled: noisy log-probabilities divided by τ, less the largest, shape ``(X,)``.
        weights: softmax of the scaled log-probabilities, shape ``(X,)``.
        soft: mean of the candidates under the weights.
        hard: candidate with the largest noisy log-probability.
        taken: number of elements that the left groups take.
        gradient: derivative of each group's count in the log-probability of each candidate, shape ``(K, X)``.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    total: float
    slope_total: float
    candidates: np.ndarray
    exact: np.ndarray
    used: np.ndarray
    merged: np.ndarray | None
    noise: np.ndarray
    scaled: np.ndarray
    weights: np.ndarray
    soft: float
    hard: int
    taken: float
    gradient: np.ndarray

    @property
    def difference(self) -> float | None:
        """Total variation between the exact and the merged conditional; ``None`` for splits down the tree."""
        return None if self.merged is None else float(np.abs(np.exp(self.exact) - np.exp(self.merged)).sum() / 2)


class Opened(NamedTuple):
    """One sample with all its splits.

    Attributes:
        splits: the splits in the order in which they are made.
        counts: the sample, shape ``(K,)``.
        jacobian: derivative of count ``i`` in log weight ``j``, shape ``(K, K)``.
        soft: the soft sample of this noise, shape ``(K,)``.
        hard: the straight-through sample of this noise, shape ``(K,)``.
        others: soft samples of all ``S`` noises, this one among them, shape ``(S, K)``.
        path: the soft sample of this noise at each of ``TEMPERATURES``, shape ``(T, K)``.
    """

    splits: tuple[Split, ...]
    counts: np.ndarray
    jacobian: np.ndarray
    soft: np.ndarray
    hard: np.ndarray
    others: np.ndarray
    path: np.ndarray


@st.cache_data(max_entries=200, show_spinner=False)
@one_thread()
def open_sample(urn: Urn, temperature: float, conditionals: str, straight_through: bool, number: int) -> Opened:
    """Traces one sample.

    Args:
        urn: the urn.
        temperature: temperature of the relaxation.
        conditionals: the library's name of the conditionals.
        straight_through: whether the sample is the straight-through one.
        number: number of the sample, from 1.

    Returns:
        The sample with its splits, and the samples that it is compared with.
    """
    soft, hard = (urn.relaxed(temperature, conditionals, straight) for straight in (False, True))
    noise = soft.sample_noise((ONE_SAMPLE.samples,), generator=torch.Generator().manual_seed(NOISE_SEED))
    single = noise[number - 1]
    trace = trace_sample(hard if straight_through else soft, single, compare_with=_OTHER[conditionals])
    temperatures = torch.tensor(TEMPERATURES, dtype=torch.float64)
    path = urn.relaxed(temperatures, conditionals, False).rsample(noise=single.expand(len(temperatures), -1))
    others = soft.rsample((len(noise),), noise=noise)
    return Opened(
        _splits(trace, conditionals),
        trace.counts.numpy(),
        trace.jacobian.numpy(),
        others[number - 1].numpy(),
        hard.rsample(noise=single).numpy(),
        others.numpy(),
        path.numpy(),
    )


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def whole_samples(urn: Urn, conditionals: str) -> np.ndarray:
    """Computes all straight-through samples, with the noise that :func:`open_sample` uses.

    Args:
        urn: the urn.
        conditionals: the library's name of the conditionals.

    Returns:
        Integer counts, shape ``(S, K)``.
    """
    distribution = urn.relaxed(1.0, conditionals, True)
    noise = distribution.sample_noise((ONE_SAMPLE.samples,), generator=torch.Generator().manual_seed(NOISE_SEED))
    counts: np.ndarray = distribution.rsample((len(noise),), noise=noise).numpy()
    return counts


@st.cache_data(max_entries=64, show_spinner=False)
@one_thread()
def covariance(urn: Urn) -> np.ndarray:
    """Computes the derivative of each exact mean in each log weight.

    Args:
        urn: the urn.

    Returns:
        The covariance matrix of the counts, shape ``(K, K)``.
    """
    matrix: np.ndarray = urn.law().covariance_matrix.numpy()
    return matrix


def _splits(trace: SampleTrace, conditionals: str) -> tuple[Split, ...]:
    splits = []
    for split in trace.splits:
        used, other = split.log_prob.numpy(), split.other_log_prob.numpy()
        splits.append(
            Split(
                left=split.left,
                right=split.right,
                total=float(split.total),
                slope_total=float(split.slope_total),
                candidates=split.candidates.numpy(),
                exact=other if conditionals == "merged" else used,
                used=used,
                merged=None if conditionals == "exact" else used if conditionals == "merged" else other,
                noise=split.noise.numpy(),
                scaled=split.scaled.numpy(),
                weights=split.weights.numpy(),
                soft=float(split.soft),
                hard=int(split.hard),
                taken=float(split.taken),
                gradient=split.gradient.numpy(),
            )
        )
    return tuple(splits)
