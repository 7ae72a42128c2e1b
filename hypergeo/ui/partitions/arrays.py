"""Arrays of the page on partitions: one sample at every temperature, and gradients. Results are cached."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from hypergeo import ConditionalCategorical, FisherHypergeometric, RandomPartition, RelaxedRandomPartition
from hypergeo.estimators import PlanEstimator, ScoreFunction
from hypergeo.figures.partitions.gradients import GradientEntries
from hypergeo.ui.convergence.arrays import TEMPERATURES, one_thread

from .losses import LOSSES, home_of
from .settings import Model

__all__ = [
    "CHUNKS",
    "Cooling",
    "Estimate",
    "LogProbabilities",
    "cooling",
    "exact_gradient",
    "gradient_estimate",
    "log_probabilities",
    "order_distance",
]

CHUNKS = 20
"""Number of independent parts of an estimate. Their standard deviation gives the standard error of the estimate."""


class Cooling(NamedTuple):
    """One sample with the same noise at each of ``TEMPERATURES``.

    Attributes:
        soft: relaxed assignment matrices, shape ``(T, N, K)``.
        hard: the exact partition with the same noise, shape ``(N, K)``.
        sizes: relaxed group sizes, shape ``(K,)``.
        plan: the calibrated plan, shape ``(N, K)``.
        expected: mean of the group sizes, shape ``(K,)``.
        moved: number of elements that differ from the exact partition at each temperature, shape ``(T,)``.
    """

    soft: np.ndarray
    hard: np.ndarray
    sizes: np.ndarray
    plan: np.ndarray
    expected: np.ndarray
    moved: np.ndarray


@st.cache_data(max_entries=48, show_spinner=False)
@one_thread()
def cooling(model: Model, size_tau: float, seed: int) -> Cooling:
    """Computes one sample at every temperature.

    Args:
        model: logits, group sizes and order of the groups.
        size_tau: temperature of the sizes.
        seed: seed of the noise.

    Returns:
        The sample and its plan.
    """
    single = model.relaxed(1.0, size_tau, straight_through=True)
    noise = single.sample_noise(generator=torch.Generator().manual_seed(seed))
    hard = single.rsample(noise=noise)
    everywhere = model.relaxed(torch.tensor(TEMPERATURES, dtype=torch.float64), size_tau, straight_through=False)
    soft = everywhere.rsample(noise=noise.expand(len(TEMPERATURES), noise.shape[-1]))
    return Cooling(
        soft.numpy(),
        hard.round().numpy(),
        soft[0].sum(0).numpy(),
        single.plan.numpy(),
        model.expected_sizes(),
        (0.5 * (soft - hard).abs().sum((-1, -2))).numpy(),
    )


class LogProbabilities(NamedTuple):
    """Log-probabilities of one exact partition.

    Attributes:
        sizes: log-probability of its sizes; zero if they are fixed.
        ordered: log-probability of the partition, with groups in the order of the page.
        reversed: log-probability of the partition, with groups in the reverse order.
        symmetric: log-probability of the partition under the symmetric distribution of members, with the same sizes.
    """

    sizes: float
    ordered: float
    reversed: float
    symmetric: float


@st.cache_data(max_entries=48, show_spinner=False)
@one_thread()
def log_probabilities(model: Model, size_tau: float, seed: int) -> LogProbabilities:
    """Computes the log-probabilities of the exact partition of a seed.

    Args:
        model: logits, group sizes and order of the groups.
        size_tau: temperature of the sizes.
        seed: seed of the noise.

    Returns:
        The log-probabilities.
    """
    value = torch.from_numpy(cooling(model, size_tau, seed).hard)
    counts, sizes = value.sum(0), model.size_distribution()
    of_sizes = sizes.log_prob(counts).item() if isinstance(sizes, FisherHypergeometric) else 0.0
    members = ConditionalCategorical(counts.long(), np.array(model.logits)).log_prob(value).item()
    return LogProbabilities(
        of_sizes,
        model.exact().log_prob(value).item(),
        model.exact(model.order[::-1]).log_prob(value).item(),
        of_sizes + members,
    )


def _all_partitions(model: Model) -> Tensor:
    """Returns all assignments as one-hot matrices, for any group sizes, shape ``(K ** N, N, K)``."""
    num_elements, groups = model.shape
    labels = torch.cartesian_prod(*[torch.arange(groups)] * num_elements)
    return torch.nn.functional.one_hot(labels, groups).double()


def _parameters(model: Model, copies: int = 0) -> tuple[Tensor, Tensor]:
    """Returns logits and log weights that require gradients, shapes ``(N, K)`` and ``(K,)``, or copies in a batch."""
    logits = torch.tensor(model.logits, dtype=torch.float64)
    log_weights = torch.tensor(model.weights, dtype=torch.float64).log()
    if copies:
        logits, log_weights = logits.repeat(copies, 1, 1), log_weights.repeat(copies, 1)
    return logits.requires_grad_(), log_weights.requires_grad_()


def _sizes(model: Model, log_weights: Tensor) -> FisherHypergeometric | list[int]:
    num_elements, groups = model.shape
    if model.sizes is not None:
        return list(model.sizes)
    return FisherHypergeometric(num_elements, [num_elements] * groups, log_weights=log_weights)


def _entries(model: Model, logits: Tensor, log_weights: Tensor) -> GradientEntries:
    return GradientEntries(logits.numpy(), log_weights.numpy() if model.sizes is None else np.empty(0))


@st.cache_data(max_entries=24, show_spinner=False)
@one_thread()
def exact_gradient(model: Model, loss: str) -> tuple[float, GradientEntries]:
    """Computes the exact expectation of a loss and its gradient, by listing all partitions.

    Args:
        model: logits, group sizes and order of the groups.
        loss: name of the loss.

    Returns:
        The expected loss and its gradient in logits and log weights.
    """
    logits, log_weights = _parameters(model)
    value = _all_partitions(model)
    partition = RandomPartition(_sizes(model, log_weights), logits, order=model.order, validate_args=False)
    expected = (partition.log_prob(value).exp() * LOSSES[loss].compute(value, home_of(*model.shape))).sum()
    of_logits, of_weights = torch.autograd.grad(expected, (logits, log_weights), materialize_grads=True)
    return expected.item(), _entries(model, of_logits, of_weights)


@st.cache_data(max_entries=24, show_spinner=False)
@one_thread()
def order_distance(model: Model) -> float:
    """Computes how much the order of choice matters.

    Args:
        model: logits, group sizes and order of the groups.

    Returns:
        Total variation between the distributions with the order and with the reverse order.
    """
    value = _all_partitions(model)
    orders = (model.order, model.order[::-1])
    first, second = (
        RandomPartition(model.size_distribution(), np.array(model.logits), order=order, validate_args=False)
        .log_prob(value)
        .exp()
        for order in orders
    )
    return 0.5 * (first - second).abs().sum().item()


class Estimate(NamedTuple):
    """An estimated gradient.

    Attributes:
        loss: estimate of the expected loss.
        mean: estimate of the gradient.
        error: standard errors of the estimate.
    """

    loss: float
    mean: GradientEntries
    error: GradientEntries


@st.cache_data(max_entries=24, show_spinner=False)
@one_thread()
def gradient_estimate(
    model: Model, loss: str, estimator: str, number: int, seed: int, tau: float, size_tau: float, straight_through: bool
) -> Estimate:
    """Estimates the gradient of a loss, in ``CHUNKS`` independent parts.

    Args:
        model: logits, group sizes and order of the groups.
        loss: name of the loss.
        estimator: ``"relaxed"``, ``"plan"`` or ``"score function"``.
        number: number of samples in all parts together.
        seed: seed of the samples.
        tau: temperature of the members; only the relaxed estimator uses it.
        size_tau: temperature of the sizes; only the relaxed estimator uses it.
        straight_through: whether the relaxed estimator evaluates the loss at exact partitions.

    Returns:
        The estimate with its standard errors.
    """
    logits, log_weights = _parameters(model, CHUNKS)
    sizes, home, each = _sizes(model, log_weights), home_of(*model.shape), max(number // CHUNKS, 2)

    def objective(value: Tensor) -> Tensor:
        return LOSSES[loss].compute(value, home)

    generator = torch.Generator().manual_seed(seed)
    if estimator == "relaxed":
        relaxed = RelaxedRandomPartition(
            tau, sizes, logits, size_temperature=size_tau, straight_through=straight_through, order=model.order
        )
        values = objective(relaxed.rsample((each,), generator=generator)).mean(0)
    else:
        method = PlanEstimator() if estimator == "plan" else ScoreFunction()
        distribution = RandomPartition(sizes, logits, order=model.order)
        values = method.surrogate_loss(distribution, objective, each, generator=generator)
    grads = torch.autograd.grad(values.sum(), (logits, log_weights), materialize_grads=True)
    means, errors = ([part(grad) for grad in grads] for part in (_mean, _error))
    return Estimate(values.mean().item(), _entries(model, *means), _entries(model, *errors))


def _mean(parts: Tensor) -> Tensor:
    return parts.mean(0)


def _error(parts: Tensor) -> Tensor:
    return parts.std(0) / CHUNKS**0.5
