"""The relaxed distribution: differentiable samples that converge to exact ones as the temperature falls."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual
from torch.distributions import constraints
from torch.distributions.utils import lazy_property

from hypergeo.numerics.urn_rows import Rows, broadcast_shapes

from .constraints import group_counts, relaxed_group_counts
from .fisher import FisherHypergeometric
from .reading import read_real, read_shape, require
from .relaxation.conditionals import gumbel
from .relaxation.sample import CONDITIONALS, Setting, sample_counts
from .urn import Counts, UrnDistribution, Weights

__all__ = ["RelaxedFisherHypergeometric"]


class RelaxedFisherHypergeometric(UrnDistribution):
    """Fisher's distribution with reparametrised samples, by Gumbel-softmax over exact conditionals.

    The groups are split in two, each half again, and so on; each split adds Gumbel noise to the log-probabilities of the
    left half's count given the total, divides by the temperature and takes the softmax-weighted mean. At every temperature
    a sample adds up to ``total_count`` and stays within the group sizes. As the temperature falls, with the same noise, it
    converges to an exact sample. With ``straight_through`` samples are whole counts with exactly Fisher's distribution at
    every temperature, and gradients are those of the relaxation.

    The gradient with respect to a weight of zero is zero, not the one-sided derivative: such a group stays absent.

    ``conditionals="merged"`` samples the groups one after another, in the order listed, and treats those that remain as one
    group of their mean weight, as the published sampler does. This is exact only where the remaining groups share one
    weight; it is offered for comparison. ``conditionals="sequential"`` has the same order and the same noise, with exact
    conditionals.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> log_weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        >>> urn = RelaxedFisherHypergeometric(0.5, 15, [10, 10, 10], log_weights=log_weights)
        >>> counts = urn.rsample((4,))
        >>> counts.sum(-1).detach()
        tensor([15., 15., 15., 15.], dtype=torch.float64)
        >>> counts[:, 0].mean().backward()
        >>> bool(log_weights.grad[0] > 0)
        True

    Args:
        temperature: temperature of the relaxation (τ), positive, shape ``batch_shape`` after broadcasting; may
            require a gradient.
        total_count: number of elements drawn (n), shape ``batch_shape`` after broadcasting.
        group_sizes: number of elements in each group (m), ``batch_shape + (K,)`` after broadcasting.
        weights: importance of each group (w), nonnegative, ``batch_shape + (K,)`` after broadcasting; all equal when omitted.
        log_weights: natural logarithms of the weights, instead of ``weights``.
        straight_through: whether samples are whole counts.
        conditionals: ``"exact"``, ``"sequential"`` or ``"merged"``.
        validate_args: whether to check arguments and values.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

    References:
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, section 4, algorithm 1 (whose conditionals are the merged ones).
        E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017.
    """

    arg_constraints = {**UrnDistribution.arg_constraints, "temperature": constraints.positive}  # noqa: RUF012
    has_rsample = True

    temperature: Tensor

    def __init__(
        self,
        temperature: float | Tensor,
        total_count: Counts,
        group_sizes: Counts,
        weights: Weights | None = None,
        *,
        log_weights: Weights | None = None,
        straight_through: bool = False,
        conditionals: str = "exact",
        validate_args: bool | None = None,
    ):
        if conditionals not in CONDITIONALS:
            raise ValueError(f'conditionals must be "exact", "sequential" or "merged"; got {conditionals!r}.')
        super().__init__(total_count, group_sizes, weights, log_weights=log_weights, validate_args=validate_args)
        known = type(temperature) is float and 0 < temperature < math.inf
        if not isinstance(temperature, Tensor):
            temperature = read_real("temperature", temperature, self.log_weights.device)
        if temperature.is_complex() or temperature.dtype == torch.bool:
            raise ValueError(f"temperature must be positive real numbers; got dtype {temperature.dtype}.")
        if temperature.dtype in (torch.float16, torch.bfloat16):
            temperature = temperature.float()
        if self._validate_args and not known:
            require("temperature", temperature, (temperature > 0) & (temperature < torch.inf), "positive and finite")
        try:
            batch = broadcast_shapes(temperature.shape, self._batch_shape) if temperature.dim() else self._batch_shape
        except RuntimeError:
            raise ValueError(
                f"temperature of shape {tuple(temperature.shape)} must broadcast with batch_shape {tuple(self._batch_shape)}."
            ) from None
        if batch != self._batch_shape:
            self.total_count = self.total_count.expand(batch)
            self.group_sizes = self.group_sizes.expand(batch + self._event_shape)
            self.log_weights = self.log_weights.expand(batch + self._event_shape)
            if "weights" in self.__dict__:
                self.__dict__["weights"] = self.weights.expand(batch + self._event_shape)
            self._batch_shape = batch
        self.temperature = temperature.expand(batch)
        self.straight_through = straight_through
        self.conditionals = conditionals

    def _expand_more(self, new: Any, batch_shape: torch.Size) -> None:
        new.temperature = self.temperature.expand(batch_shape)
        new.straight_through = self.straight_through
        new.conditionals = self.conditionals

    def _shown(self) -> dict[str, Any]:
        names = ("temperature", "straight_through", "conditionals")
        return {**super()._shown(), **{name: getattr(self, name) for name in names}}

    @constraints.dependent_property(is_discrete=False, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Counts within the group sizes that add up to ``total_count``; whole ones with ``straight_through``."""
        return (group_counts if self.straight_through else relaxed_group_counts)(self.total_count, self.group_sizes)

    @lazy_property
    def base_dist(self) -> FisherHypergeometric:
        """Fisher's distribution without relaxation, to which samples converge."""
        return FisherHypergeometric(
            self.total_count, self.group_sizes, log_weights=self.log_weights, validate_args=self._validate_args
        )

    def sample_noise(self, sample_shape: Any = (), *, generator: torch.Generator | None = None) -> Tensor:
        """Samples Gumbel noise for :meth:`rsample`, which can be reused at other temperatures or weights.

        The layout of the noise depends on ``total_count``, ``group_sizes`` and ``conditionals`` only.

        Args:
            sample_shape: shape of the samples that use the noise.
            generator: source of the random numbers; torch's global one when omitted.

        Returns:
            float64, shape ``sample_shape + batch_shape + (L,)``: one number for each candidate count of each split.
        """
        _, sizes, total, _ = Rows.distinct(self)
        length = CONDITIONALS[self.conditionals].noise_length(sizes, total)
        shape = read_shape("sample_shape", sample_shape) + self._batch_shape + (length,)
        return gumbel(shape, self.log_weights.device, generator)

    @torch.no_grad()
    def sample(
        self, sample_shape: Any = (), noise: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Samples relaxed counts without gradient; see :meth:`rsample`.

        Args:
            sample_shape: shape of the samples.
            noise: result of :meth:`sample_noise` for this shape, shape ``sample_shape + batch_shape + (L,)``; sampled when
                omitted.
            generator: source of the noise if it is omitted; torch's global one when omitted.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``.
        """
        return self.rsample(sample_shape, noise, generator=generator)

    def rsample(
        self, sample_shape: Any = (), noise: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Samples relaxed counts, reparametrised.

        Args:
            sample_shape: shape of the samples.
            noise: result of :meth:`sample_noise` for this shape, shape ``sample_shape + batch_shape + (L,)``; sampled when
                omitted.
            generator: source of the noise if it is omitted; torch's global one when omitted.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``, differentiable once with respect to weights and temperature.

        Raises:
            ValueError: if the noise does not have the shape that :meth:`sample_noise` returns.
        """
        sample_shape = read_shape("sample_shape", sample_shape)
        weights, sizes, total, distinct = Rows.distinct(self)
        weights = weights if weights.dtype == self.dtype else weights.to(self.dtype)
        rows = Rows(weights, sizes, total, sizes, total, distinct)
        if noise is not None:
            expected = sample_shape + self._batch_shape + (CONDITIONALS[self.conditionals].noise_length(sizes, total),)
            if not isinstance(noise, Tensor) or noise.shape != expected:
                got = tuple(noise.shape) if isinstance(noise, Tensor) else type(noise).__name__
                raise ValueError(f"noise must be a tensor of shape {tuple(expected)}, as sample_noise gives; got {got}.")
            noise = rows.gather_draws(noise, len(sample_shape), self._batch_shape)
        if any(self.temperature.stride()):
            temperature = rows.gather_draws(self.temperature[..., None], 0, self._batch_shape)
            temperature = temperature.repeat(sample_shape.numel(), 1, 1)
        else:
            temperature = self.temperature[(0,) * self.temperature.dim()].view(1, 1, 1)
        warmth = temperature.requires_grad or unpack_dual(temperature).tangent is not None
        setting = Setting(
            sizes=sizes,
            total=total,
            samples=sample_shape.numel() * rows.repeats(self._batch_shape),
            hard=self.straight_through,
            conditionals=self.conditionals,
            generator=generator,
            precision=torch.float64 if weights.dtype == torch.float64 else torch.float32,
            keep=warmth or (torch.is_grad_enabled() and weights.requires_grad) or unpack_dual(weights).tangent is not None,
            warmth=warmth,
        )
        return rows.restore_draws(sample_counts(weights, temperature, noise, setting), sample_shape, self._batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Raises an error, because relaxed samples have no closed-form density. Use ``base_dist.log_prob`` for whole counts.

        Args:
            value: ignored.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("Relaxed counts have no closed-form density; base_dist.log_prob gives that of whole counts.")
