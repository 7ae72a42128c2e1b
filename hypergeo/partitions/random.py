"""The distribution of random partitions: group sizes and memberships together, with exact probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import lazy_property

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.reading import WHOLE, read_counts, read_real, require, whole
from hypergeo.distributions.relaxation.conditionals import gumbel
from hypergeo.distributions.wallenius import WalleniusHypergeometric
from hypergeo.numerics.urn_rows import broadcast_shapes
from hypergeo.numerics.wallenius.probability import log_probability

from .expected_sizes import expected_sizes
from .membership import first_of
from .plan import calibrated_log_plan, log_rates, reference_sizes
from .support import partitions

__all__ = ["GroupSizes", "RandomPartition", "read_logits", "read_sizes"]

GroupSizes = FisherHypergeometric | WalleniusHypergeometric | Tensor | np.ndarray | Sequence[Any]


class RandomPartition(Distribution):
    r"""Partition of ``N`` elements into ``K`` groups: sizes first, then members by a sequence of Wallenius choices.

    Sizes ``n`` are sampled or fixed. The plan ``P_ik = softmax_k(ℓ_ik + λ_k)`` is calibrated so that its column sums are
    the expected sizes. Groups then choose members one after another: group ``k`` takes ``n_k`` of the elements that are left,
    one at a time, each with rate ``w_ik = -log(1 - P_ik / Σ_{j≥k} P_ij)``; the last group takes the rest. The log-probability
    is

    .. math:: \log p(y) = \log p(n) + \sum_{k<K} \log \mathrm{Wallenius}(\text{members of } k;\; n_k, w_{\cdot k}),

    exactly, for any ``N`` and ``K``. Marginal membership probabilities have no closed form; ``plan`` approximates them.

    The distribution depends on the order of the groups where sizes and logits are extreme: small groups first is closest to the
    symmetric distribution :class:`~hypergeo.partitions.ConditionalCategorical`. The order is as listed unless ``order`` is set.

    Args:
        sizes: distribution of the group sizes whose ``total_count`` is ``N``, or whole numbers that sum to ``N``, shape
            ``batch_shape + (K,)``.
        logits: scores ``ℓ``, finite, shape ``batch_shape + (N, K)``; the larger ``ℓ_ik``, the more probable is element ``i`` in
            group ``k``.
        order: groups in the order in which they choose, a permutation of ``0..K-1``; as listed when omitted.
        validate_args: whether to check arguments and values; torch's default when omitted.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> urn = FisherHypergeometric(4, [4, 4], weights=[1.0, 2.0])
        >>> partition = RandomPartition(urn, torch.zeros(4, 2))
        >>> partition.sample().sum(-1)
        tensor([1., 1., 1., 1.])
        >>> fixed = RandomPartition([1, 1], torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
        >>> bool(fixed.log_prob(torch.eye(2)).exp() > 0.5)
        True

    References:
        T. Sutter, A. Ryser, J. Liebeskind, J. Vogt, "Differentiable random partition models", NeurIPS 2023 (sizes, then an
        order of the elements).
        J. Chesson, "A non-central multivariate hypergeometric distribution arising from biased sampling with application to
        selective predation", Journal of Applied Probability 13, 1976 (the choice within a group).
    """

    arg_constraints = {"logits": constraints.independent(constraints.real, 2)}  # noqa: RUF012
    has_rsample = False

    def __init__(
        self,
        sizes: GroupSizes,
        logits: Tensor | np.ndarray | Sequence[Any],
        *,
        order: Sequence[int] | None = None,
        validate_args: bool | None = None,
    ):
        validate = Distribution._validate_args if validate_args is None else validate_args
        self._parameters = read_logits(logits, validate)
        num_elements, groups = self._parameters.shape[-2:]
        self.order = _read_order(order, groups)
        if isinstance(sizes, FisherHypergeometric | WalleniusHypergeometric):
            self.size_distribution: FisherHypergeometric | WalleniusHypergeometric | None = sizes
            self._counts = None
            totals, size_batch, size_groups = sizes.total_count, sizes.batch_shape, sizes.event_shape[0]
            name = "sizes.total_count"
        else:
            self.size_distribution = None
            self._counts = read_sizes(sizes, self._parameters.device, validate)
            totals, size_batch, size_groups = self._counts.sum(-1), self._counts.shape[:-1], self._counts.shape[-1]
            name = "the sum of sizes"
        if size_groups != groups:
            raise ValueError(f"sizes must list one number for each of the {groups} groups of logits; got {size_groups}.")
        if validate and bool((totals != num_elements).any()):
            wrong = int(totals[totals != num_elements].flatten()[0])
            raise ValueError(f"{name} must be the number of elements in logits, {num_elements}; got {wrong}.")
        try:
            batch = broadcast_shapes(size_batch, self._parameters.shape[:-2])
        except RuntimeError:
            raise ValueError(
                f"sizes and logits must broadcast: got batches {tuple(size_batch)} and {tuple(self._parameters.shape[:-2])}."
            ) from None
        super().__init__(batch, self._parameters.shape[-2:], validate_args=False)
        self._validate_args = validate

    @property
    def logits(self) -> Tensor:
        """Affinity of each element to each group, shape ``batch_shape + (N, K)``."""
        return self._parameters.expand(self.batch_shape + self.event_shape)

    @lazy_property
    def log_plan(self) -> Tensor:
        """Logarithm of the plan, float64, shape broadcastable to ``batch_shape + (N, K)``; differentiable once."""
        mean = self._mean_sizes()
        logits = self._parameters.double()
        batch = broadcast_shapes(mean.shape[:-1], logits.shape[:-2])
        wanted = reference_sizes(mean, logits.shape[-2])
        return calibrated_log_plan(logits.expand(batch + logits.shape[-2:]), wanted.expand(batch + wanted.shape[-1:]))

    def _mean_sizes(self) -> Tensor:
        if self._counts is not None:
            return self._counts.double()
        sizes = self.size_distribution
        if isinstance(sizes, FisherHypergeometric):
            return expected_sizes(sizes.total_count, sizes.group_sizes, sizes.log_weights)
        assert sizes is not None
        return sizes.mean.double()

    @property
    def plan(self) -> Tensor:
        """Calibrated membership probabilities: rows sum to one, columns to the smoothed expected sizes.

        Shape ``batch_shape + (N, K)``, in the dtype of the logits; differentiable once in logits and weights.
        """
        return self.log_plan.exp().to(self._parameters.dtype).expand(self.batch_shape + self.event_shape)

    @lazy_property
    def log_rates(self) -> Tensor:
        """Logarithms of the rates of all groups but the last, in the order of choice, shape ``(..., K - 1, N)``."""
        return log_rates(self.log_plan[..., list(self.order)]).mT

    @constraints.dependent_property(is_discrete=True, event_dim=2)
    def support(self) -> constraints.Constraint:
        """One-hot rows with column sums that the sizes allow."""
        return partitions(*self._bounds())

    def _bounds(self) -> tuple[Tensor, Tensor]:
        if self._counts is not None:
            return self._counts, self._counts
        assert self.size_distribution is not None
        highest = self.size_distribution.group_sizes
        return torch.zeros_like(highest), highest

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """Expands the distribution to a larger batch; parameters are views.

        Args:
            batch_shape: the new batch shape; the old one must broadcast to it.

        Returns:
            The expanded distribution.
        """
        new = self._get_checked_instance(RandomPartition, _instance)
        batch = torch.Size(batch_shape)
        new._parameters, new.order = self._parameters, self.order
        new.size_distribution = None if self.size_distribution is None else self.size_distribution.expand(batch)
        new._counts = None if self._counts is None else self._counts.expand(batch + self._counts.shape[-1:])
        new.__dict__["log_plan"] = self.log_plan
        super(RandomPartition, new).__init__(batch, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample(self, sample_shape: Sequence[int] = torch.Size(), *, generator: torch.Generator | None = None) -> Tensor:
        """Samples exact partitions, without gradient.

        Args:
            sample_shape: shape of the samples.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            One-hot matrices in the dtype of the logits, shape ``sample_shape + batch_shape + (N, K)``.
        """
        shape = torch.Size(sample_shape) + self.batch_shape
        with torch.no_grad():
            sizes = self.sample_sizes(torch.Size(sample_shape), generator)
            noise = gumbel(shape + self._choices, self._parameters.device, generator)
            return self._hard(self.log_rates + noise, sizes).to(self._parameters.dtype)

    def sample_sizes(self, sample_shape: torch.Size, generator: torch.Generator | None = None) -> Tensor:
        """Samples group sizes, independently for each element of the batch, or repeats fixed sizes.

        Args:
            sample_shape: shape of the samples.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            Whole numbers, shape ``sample_shape + batch_shape + (K,)``.
        """
        if self._counts is not None:
            return self._counts.expand(sample_shape + self.batch_shape + self._counts.shape[-1:])
        assert self.size_distribution is not None
        return self.size_distribution.expand(self.batch_shape).sample(sample_shape, generator=generator)

    @property
    def _choices(self) -> torch.Size:
        """Shape of the noise of the members: one number for each element and each group that chooses."""
        num_elements, groups = self.event_shape
        return torch.Size((groups - 1, num_elements))

    def _hard(self, keys: Tensor, sizes: Tensor) -> Tensor:
        """Returns partitions of given sizes from keys ``(..., K - 1, N)``, as bool ``(..., N, K)``."""
        shape = sizes.shape[:-1]
        left = torch.ones(shape + self.event_shape[:1], dtype=torch.bool, device=keys.device)
        columns: list[Tensor] = [left] * self.event_shape[1]
        for stage, group in enumerate(self.order[:-1]):
            columns[group] = first_of(keys[..., stage, :].expand(left.shape), left, sizes[..., group])
            left = left & ~columns[group]
        columns[self.order[-1]] = left
        return torch.stack(columns, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Computes the logarithm of the probability of partitions.

        Args:
            value: one-hot matrices of any dtype, shape ``(..., N, K)``, broadcast with the batch.

        Returns:
            Shape ``(...)`` after broadcasting, in the dtype of the logits; minus infinity outside the support.

        Raises:
            ValueError: if the value has another shape or, with ``validate_args``, is not a partition that the sizes allow.
        """
        if not isinstance(value, Tensor) or value.shape[-2:] != self.event_shape:
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"value must be a tensor of shape (..., {self.event_shape[0]}, {self.event_shape[1]}); got {got}.")
        good = self.support.check(value)
        if self._validate_args and not bool(good.all()):
            raise ValueError("value must have one-hot rows whose column sums the group sizes allow; got another matrix.")
        shape = broadcast_shapes(value.shape[:-2], self.batch_shape)
        good = good.expand(shape)
        members = value.detach().expand(shape + self.event_shape).double()[..., list(self.order)]
        members = torch.where(good[..., None, None], members, 0.0)
        log_prob = _log_choices(self.log_rates.expand(shape + self._choices), members).sum(-1)
        if self.size_distribution is not None:
            sizes = torch.where(good[..., None], value.detach().sum(-2).double(), self._some_sizes())
            log_prob = log_prob + self.size_distribution.log_prob(sizes).double()
        return torch.where(good, log_prob, -torch.inf).to(self._parameters.dtype)

    def _some_sizes(self) -> Tensor:
        """Returns possible sizes, with the first groups filled first, which replace the sizes of values outside the support."""
        assert self.size_distribution is not None
        most = self.size_distribution.group_sizes * (self.size_distribution.log_weights > -torch.inf)
        return torch.minimum((self.event_shape[0] - (most.cumsum(-1) - most)).clamp(min=0), most).double()

    def __repr__(self) -> str:
        sizes = self.size_distribution if self._counts is None else self._counts.tolist()
        return f"{type(self).__name__}(sizes: {sizes}, logits: {tuple(self.logits.shape)}, order: {self.order})"


def _log_choices(log_rates: Tensor, members: Tensor) -> Tensor:
    """Computes log-probabilities of the choices of all groups but the last.

    The elements that a group does not choose act as one element whose rate is the sum of their rates. The integral therefore
    depends on the chosen elements only.

    Args:
        log_rates: log rate of each element in each choice, shape ``(..., K - 1, N)``.
        members: one-hot rows, groups in the order of choice, shape ``(..., N, K)``; rows of zeros if there is no partition.

    Returns:
        Shape ``(..., K - 1)``.
    """
    num_elements, groups = members.shape[-2:]
    stage = torch.where(members.sum(-1) > 0, members.argmax(-1), groups)
    counts = members.sum(-2)[..., :-1]
    width = max(int(counts.max()), 1) if counts.numel() else 1
    place = torch.arange(width, device=members.device)
    index = (counts.cumsum(-1) - counts)[..., None] + place
    elements = stage.argsort(-1)[..., None, :].expand(log_rates.shape)
    elements = elements.gather(-1, index.long().clamp(max=num_elements - 1))
    chosen = (place < counts[..., None]).double()
    later = (stage[..., None, :] > torch.arange(groups - 1, device=members.device)[:, None]) & (stage[..., None, :] < groups)
    some = later.any(-1, keepdim=True)
    rest = torch.where(later, log_rates, torch.where(some, -torch.inf, 0.0)).logsumexp(-1, keepdim=True)
    rates = torch.cat([log_rates.gather(-1, elements), rest], -1)
    counts_and_rest = torch.cat([chosen, torch.zeros_like(rest)], -1)
    sizes = torch.cat([chosen, some.double()], -1)
    return log_probability(rates, counts_and_rest, sizes, counts[..., None])[0]


def read_logits(logits: Any, validate: bool) -> Tensor:
    """Reads logits; raises ``ValueError`` if they are not real numbers.

    Args:
        logits: regular array of real numbers, shape ``(..., N, K)``.
        validate: whether the numbers must be finite.

    Returns:
        Floating-point tensor, shape ``(..., N, K)``.

    Raises:
        ValueError: if the logits have another shape.
    """
    raw = read_real("logits", logits)
    if raw.dim() < 2 or 0 in raw.shape[-2:]:
        raise ValueError(f"logits must have shape (..., N, K) with N and K at least 1; got {tuple(raw.shape)}.")
    if validate:
        require("logits", raw, raw.isfinite(), "finite")
    return raw


def read_sizes(sizes: Any, device: torch.device, validate: bool) -> Tensor:
    """Reads group sizes; raises ``ValueError`` if they are not whole and nonnegative.

    Args:
        sizes: whole numbers, shape ``(..., K)``.
        device: device of the result.
        validate: whether to check the numbers.

    Returns:
        int64, shape ``(..., K)``.

    Raises:
        ValueError: if the sizes are a single number.
    """
    counts, unsure = read_counts("sizes", sizes, device, validate)
    if counts.dim() == 0:
        raise ValueError(f"sizes must be a distribution of sizes, or whole numbers, one for each group; got {sizes!r}.")
    if unsure is not None:
        require("sizes", unsure, whole(unsure), WHOLE)
    return counts


def _read_order(order: Sequence[int] | None, groups: int) -> tuple[int, ...]:
    if order is None:
        return tuple(range(groups))
    listed = tuple(int(group) for group in order)
    if sorted(listed) != list(range(groups)):
        raise ValueError(f"order must be a permutation of 0..{groups - 1}; got {list(order)}.")
    return listed
