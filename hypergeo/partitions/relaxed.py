"""The relaxed distribution of random partitions: differentiable samples with exact row and column sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxation.conditionals import gumbel
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric
from hypergeo.numerics.urn_rows import broadcast_shapes

from .membership import soft_members
from .random import GroupSizes, RandomPartition
from .support import partitions

__all__ = ["RelaxedRandomPartition"]


class RelaxedRandomPartition(Distribution):
    """Distribution of random partitions with reparametrised samples whose rows sum to one and columns to the sampled sizes.

    Group ``k`` takes ``y_ik = r_i σ((z_ik - t_k) / τ)`` of each element. Here ``z`` is the sum of log rates and Gumbel noise,
    ``r_i`` the remaining fraction of element ``i``, and ``t_k`` makes the column sum to ``n_k``; the last group takes the rest.
    As ``τ`` falls, with the same noise, a sample converges to an exact one of ``base_dist``. With ``straight_through`` samples
    are exact partitions at every temperature, and their gradients are those of the relaxation.

    Sizes have their own temperature, because their gradients have far more noise than those of memberships at low temperature.
    Sizes of Wallenius' distribution are sampled exactly, and gradients reach their parameters only through the plan.

    Args:
        temperature: temperature ``τ`` of the memberships, positive, broadcast with the batch, shape ``batch_shape`` or ``()``;
            may require a gradient.
        sizes: as for :class:`~hypergeo.partitions.RandomPartition`.
        logits: as for :class:`~hypergeo.partitions.RandomPartition`, shape ``batch_shape + (N, K)``.
        size_temperature: temperature of the relaxed sizes, positive, shape ``batch_shape`` or ``()``; ``temperature`` when
            omitted.
        straight_through: whether samples are exact partitions.
        order: groups in the order in which they choose; as listed when omitted.
        validate_args: whether to check arguments and values; torch's default when omitted.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> logits = torch.zeros(5, 2, dtype=torch.float64, requires_grad=True)
        >>> partition = RelaxedRandomPartition(0.5, FisherHypergeometric(5, [4, 4]), logits)
        >>> soft = partition.rsample((3,))
        >>> torch.allclose(soft.sum(-1), torch.ones(3, 5).double())
        True
        >>> soft[:, 0, 0].sum().backward()
        >>> bool(logits.grad[0, 0] > 0)
        True

    References:
        T. Sutter, A. Ryser, J. Liebeskind, J. Vogt, "Differentiable random partition models", NeurIPS 2023.
    """

    arg_constraints = {"temperature": constraints.positive}  # noqa: RUF012
    has_rsample = True

    def __init__(
        self,
        temperature: float | Tensor,
        sizes: GroupSizes,
        logits: Tensor | np.ndarray | Sequence[Any],
        *,
        size_temperature: float | Tensor | None = None,
        straight_through: bool = False,
        order: Sequence[int] | None = None,
        validate_args: bool | None = None,
    ):
        base = RandomPartition(sizes, logits, order=order, validate_args=validate_args)
        validate = base._validate_args
        device = base.logits.device
        self.temperature = _read_temperature("temperature", temperature, device, validate)
        self.size_temperature = (
            self.temperature
            if size_temperature is None
            else _read_temperature("size_temperature", size_temperature, device, validate)
        )
        try:
            batch = broadcast_shapes(base.batch_shape, self.temperature.shape, self.size_temperature.shape)
        except RuntimeError:
            raise ValueError(
                f"temperature of shape {tuple(self.temperature.shape)} and size_temperature of shape "
                f"{tuple(self.size_temperature.shape)} must broadcast with batch_shape {tuple(base.batch_shape)}."
            ) from None
        self.base_dist = base if batch == base.batch_shape else base.expand(batch)
        self.straight_through = straight_through
        self._sizes = self._relaxed_sizes()
        super().__init__(batch, base.event_shape, validate_args=False)
        self._validate_args = validate

    def _relaxed_sizes(self) -> RelaxedFisherHypergeometric | None:
        sizes = self.base_dist.size_distribution
        if not isinstance(sizes, FisherHypergeometric):
            return None
        return RelaxedFisherHypergeometric(
            self.size_temperature,
            sizes.total_count,
            sizes.group_sizes,
            log_weights=sizes.log_weights,
            straight_through=self.straight_through,
            validate_args=False,
        ).expand(self.base_dist.batch_shape)

    @property
    def logits(self) -> Tensor:
        """Affinity of each element to each group, shape ``batch_shape + (N, K)``."""
        return self.base_dist.logits

    @property
    def order(self) -> tuple[int, ...]:
        """Groups in the order in which they choose."""
        return self.base_dist.order

    @property
    def plan(self) -> Tensor:
        """Calibrated membership probabilities, shape ``batch_shape + (N, K)``."""
        return self.base_dist.plan

    @constraints.dependent_property(is_discrete=False, event_dim=2)
    def support(self) -> constraints.Constraint:
        """Rows that sum to one within the bounds of the sizes; one-hot rows with ``straight_through``."""
        return partitions(*self.base_dist._bounds(), discrete=self.straight_through)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """Expands the distribution to a larger batch; parameters are views.

        Args:
            batch_shape: the new batch shape; the old one must broadcast to it.

        Returns:
            The expanded distribution.
        """
        new = self._get_checked_instance(RelaxedRandomPartition, _instance)
        batch = torch.Size(batch_shape)
        new.temperature, new.size_temperature = self.temperature, self.size_temperature
        new.straight_through = self.straight_through
        new.base_dist = self.base_dist.expand(batch)
        new._sizes = new._relaxed_sizes()
        super(RelaxedRandomPartition, new).__init__(batch, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample_noise(self, sample_shape: Sequence[int] = (), *, generator: torch.Generator | None = None) -> Tensor:
        """Samples Gumbel noise for :meth:`rsample`, which can be reused at other temperatures, weights or logits.

        Args:
            sample_shape: shape of the samples.
            generator: random generator; torch's global one when omitted.

        Returns:
            float64, shape ``sample_shape + batch_shape + (L + (K - 1) N,)``: the noise of the relaxed sizes, if any, then that
            of the memberships.
        """
        shape = torch.Size(sample_shape) + self.batch_shape
        device = self.logits.device
        members = gumbel((*shape, self.base_dist._choices.numel()), device, generator)
        if self._sizes is None:
            return members
        return torch.cat([self._sizes.sample_noise(sample_shape, generator=generator), members], -1)

    def sample(
        self,
        sample_shape: Sequence[int] = torch.Size(),
        noise: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Samples relaxed partitions without gradient; see :meth:`rsample`.

        Args:
            sample_shape: shape of the samples.
            noise: result of :meth:`sample_noise` for this shape, shape ``sample_shape + batch_shape + (L + (K - 1) N,)``;
                sampled when omitted.
            generator: random generator; torch's global one when omitted.

        Returns:
            Shape ``sample_shape + batch_shape + (N, K)`` in the dtype of the logits.
        """
        with torch.no_grad():
            return self.rsample(sample_shape, noise, generator=generator)

    def rsample(
        self,
        sample_shape: Sequence[int] = torch.Size(),
        noise: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Samples reparametrised partitions.

        Args:
            sample_shape: shape of the samples.
            noise: result of :meth:`sample_noise` for this shape, shape ``sample_shape + batch_shape + (L + (K - 1) N,)``;
                sampled when omitted.
            generator: random generator of the noise if it is omitted, and of sizes from Wallenius' distribution.

        Returns:
            Shape ``sample_shape + batch_shape + (N, K)`` in the dtype of the logits; differentiable once in logits, weights
            and temperatures.

        Raises:
            ValueError: if the noise does not have the shape that :meth:`sample_noise` returns.
        """
        base, shape = self.base_dist, torch.Size(sample_shape) + self.batch_shape
        own = base._choices.numel()
        if noise is None:
            noise = self.sample_noise(sample_shape, generator=generator)
        elif not isinstance(noise, Tensor) or noise.shape[:-1] != shape or noise.shape[-1] < own:
            got = tuple(noise.shape) if isinstance(noise, Tensor) else type(noise).__name__
            raise ValueError(f"noise must be a result of sample_noise for sample_shape {tuple(sample_shape)}; got {got}.")
        sizes = self._sample_sizes(torch.Size(sample_shape), noise[..., : noise.shape[-1] - own], generator)
        keys = base.log_rates + noise[..., noise.shape[-1] - own :].double().unflatten(-1, base._choices)
        soft = self._soft(keys.expand(shape + base._choices), sizes)
        if self.straight_through:
            with torch.no_grad():
                hard = base._hard(keys, sizes).double()
            soft = hard + (soft - soft.detach())
        if self.logits.requires_grad and not soft.requires_grad:
            soft = soft + 0 * self.logits.double()  # one group: membership is certain, and its gradient is zero
        return soft.to(self.logits.dtype)

    def _sample_sizes(self, sample_shape: torch.Size, noise: Tensor, generator: torch.Generator | None) -> Tensor:
        """Returns sizes, float64, shape ``sample_shape + batch_shape + (K,)``."""
        if self._sizes is not None:
            return self._sizes.rsample(sample_shape, noise).double()
        return self.base_dist.sample_sizes(sample_shape, generator).double()

    def _soft(self, keys: Tensor, sizes: Tensor) -> Tensor:
        """Returns relaxed partitions of shape ``(..., N, K)`` with the sizes, from keys ``(..., K - 1, N)``."""
        shape, num_elements = sizes.shape[:-1], self.event_shape[0]
        temperature = self.temperature.double()
        temperature = temperature.expand(shape).reshape(-1) if temperature.dim() else temperature.reshape(1)
        flat = sizes.reshape(-1, sizes.shape[-1])
        keys = keys.reshape(len(flat), *self.base_dist._choices)
        left = torch.ones(len(flat), num_elements, dtype=torch.float64, device=keys.device)
        columns: list[Tensor] = [left] * self.event_shape[1]
        for stage, group in enumerate(self.order[:-1]):
            columns[group] = soft_members(keys[:, stage], left, flat[:, group], temperature)
            left = (left - columns[group]).clamp(min=0)
        columns[self.order[-1]] = left
        return torch.stack(columns, -1).reshape(shape + self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Raises an error, because relaxed partitions have no closed-form density. Use ``base_dist.log_prob`` for exact
        partitions.

        Args:
            value: partitions, shape ``(..., N, K)``.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "Relaxed partitions have no closed-form density; base_dist.log_prob gives that of exact ones."
        )

    def __repr__(self) -> str:
        inner = repr(self.base_dist).partition("(")[2]
        shown = f"temperature: {self.temperature.tolist()}, straight_through: {self.straight_through}"
        return f"{type(self).__name__}({shown}, {inner}"


def _read_temperature(name: str, temperature: Any, device: torch.device, validate: bool) -> Tensor:
    if not isinstance(temperature, Tensor):
        try:
            temperature = torch.as_tensor(temperature, dtype=torch.float64, device=device)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} must be a positive number; got {temperature!r}.") from error
    read: Tensor = temperature
    if validate and not bool(((read > 0) & (read < torch.inf)).all()):
        bad = read.detach()[~((read > 0) & (read < torch.inf))].flatten()[0].item()
        raise ValueError(f"{name} must be positive and finite; got {bad}.")
    return read
