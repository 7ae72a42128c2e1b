"""The urn: number drawn, group sizes and weights, read, checked and broadcast once for every distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import lazy_property

from .constraints import group_counts

__all__ = ["UrnDistribution"]

Counts = int | Sequence[Any] | np.ndarray | Tensor
Weights = float | Sequence[Any] | np.ndarray | Tensor


class UrnDistribution(Distribution):
    """Base of the laws of group counts when ``total_count`` elements leave an urn of ``K`` groups.

    Python numbers, lists and NumPy arrays are accepted everywhere. Python numbers keep their double precision
    (``float64``); a floating-point tensor of weights keeps its dtype and device, which samples and
    log-probabilities then share.

    Args:
        total_count: number of elements drawn, shape ``batch_shape`` after broadcasting.
        group_sizes: number of elements in each group, ``batch_shape + (K,)`` after broadcasting.
        weights: importance of each group, nonnegative, ``batch_shape + (K,)`` after broadcasting. All equal when omitted.
            A weight of zero makes a group undrawable.
        log_weights: natural logarithms of the weights, instead of ``weights``.
        validate_args: whether to check arguments and values; torch's default when omitted.

    Raises:
        ValueError: naming the argument, its value and what is allowed.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {
        "total_count": constraints.nonnegative_integer,
        "group_sizes": constraints.independent(constraints.nonnegative_integer, 1),
        "weights": constraints.independent(constraints.nonnegative, 1),
    }

    total_count: Tensor
    group_sizes: Tensor
    log_weights: Tensor

    def __init__(
        self,
        total_count: Counts,
        group_sizes: Counts,
        weights: Weights | None = None,
        *,
        log_weights: Weights | None = None,
        validate_args: bool | None = None,
    ):
        if weights is not None and log_weights is not None:
            raise ValueError("Give either weights or log_weights, not both.")
        validate = Distribution._validate_args if validate_args is None else validate_args
        given = log_weights if weights is None else weights
        device = next((a.device for a in (given, group_sizes, total_count) if isinstance(a, Tensor)), None)
        drawn = _read_counts("total_count", total_count, device, validate)
        sizes = _read_counts("group_sizes", group_sizes, device, validate)
        if sizes.dim() == 0:
            raise ValueError(f"group_sizes must list the groups, at least one; got the single number {sizes.item()}.")
        if weights is not None:
            linear = _read_weights("weights", weights, device)
            if validate:
                _require("weights", linear, (linear >= 0) & (linear < torch.inf), "finite and nonnegative")
            logs = _safe_log(linear)
        elif log_weights is not None:
            logs = _read_weights("log_weights", log_weights, device)
            if validate:
                _require("log_weights", logs, logs < torch.inf, "real numbers, or -inf for a weight of zero")
        else:
            logs = torch.zeros(sizes.shape[-1], dtype=torch.float64, device=device)
        if logs.dim() == 0:
            name = "log_weights" if weights is None else "weights"
            raise ValueError(f"{name} must list one number for each group; got the single number {given}.")
        try:
            shape = torch.broadcast_shapes((*drawn.shape, 1), sizes.shape, logs.shape)
        except RuntimeError:
            name = "log_weights" if weights is None else "weights"
            raise ValueError(
                f"total_count, group_sizes and {name} must broadcast: got shapes {tuple(drawn.shape)}, {tuple(sizes.shape)} "
                f"and {tuple(logs.shape)}, where the last axis of the latter two is the groups."
            ) from None
        if shape[-1] == 0:
            raise ValueError("group_sizes must list at least one group; got none.")
        self.total_count = drawn.expand(shape[:-1])
        self.group_sizes = sizes.expand(shape)
        self.log_weights = logs.expand(shape)
        if weights is not None:
            self.__dict__["weights"] = linear.expand(shape)
        if validate:
            _require_drawable(self.total_count, self.group_sizes, self.log_weights)
        super().__init__(shape[:-1], shape[-1:], validate_args=False)
        if validate_args is not None:
            self._validate_args = validate_args
        else:
            del self._validate_args

    @lazy_property
    def weights(self) -> Tensor:
        """Importance of each group, shape ``batch_shape + (K,)``."""
        return self.log_weights.exp()

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Whole counts within the group sizes that add up to ``total_count``."""
        return group_counts(self.total_count, self.group_sizes)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """The same law over a larger batch; parameters are views, not copies.

        Args:
            batch_shape: the new batch shape; the old one must broadcast to it.
        """
        new = self._get_checked_instance(type(self), _instance)
        batch = torch.Size(batch_shape)
        new.total_count = self.total_count.expand(batch)
        new.group_sizes = self.group_sizes.expand(batch + self.event_shape)
        new.log_weights = self.log_weights.expand(batch + self.event_shape)
        if "weights" in self.__dict__:
            new.__dict__["weights"] = self.weights.expand(batch + self.event_shape)
        self._expand_more(new, batch)
        super(UrnDistribution, new).__init__(batch, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _expand_more(self, new: Any, batch_shape: torch.Size) -> None:
        """Copies what a subclass adds to the urn onto its expanded instance."""

    def _validate_sample(self, value: Tensor) -> None:
        """Raises ``ValueError`` where a value is not a count vector of this urn."""
        if not isinstance(value, Tensor):
            raise ValueError(f"value must be a tensor of counts; got {type(value).__name__}.")
        if value.dim() == 0 or value.shape[-1] != self.event_shape[0]:
            raise ValueError(f"value must end in an axis of {self.event_shape[0]} groups; got shape {tuple(value.shape)}.")
        try:
            torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        except RuntimeError:
            raise ValueError(
                f"value of shape {tuple(value.shape)} does not broadcast with batch_shape {tuple(self.batch_shape)}."
            ) from None
        good = self.support.check(value)
        if not good.all():
            shape = good.shape + self.event_shape
            bad = value.expand(shape)[~good][0].tolist()
            sizes = self.group_sizes.expand(shape)[~good][0].tolist()
            drawn = self.total_count.expand(good.shape)[~good][0].item()
            raise ValueError(
                f"value must hold {'whole ' if self.support.is_discrete else ''}counts between 0 and group_sizes = {sizes} "
                f"that add up to total_count = {drawn}; got {bad}."
            )

    def _shown(self) -> dict[str, Any]:
        """The parameters that :meth:`__repr__` shows, by name."""
        return {"total_count": self.total_count, "group_sizes": self.group_sizes, "log_weights": self.log_weights}

    def __repr__(self) -> str:
        parts = []
        for name, value in self._shown().items():
            if isinstance(value, Tensor):
                value = value.tolist() if value.numel() <= 12 else tuple(value.shape)
            parts.append(f"{name}: {value}")
        return f"{type(self).__name__}({', '.join(parts)})"


def _read_counts(name: str, given: Counts, device: torch.device | None, validate: bool) -> Tensor:
    """A tensor of int64 from any array of whole nonnegative numbers."""
    raw = _as_tensor(name, given, device)
    if raw.is_complex() or raw.dtype == torch.bool:
        raise ValueError(f"{name} must be whole numbers; got dtype {raw.dtype}.")
    if validate:
        number = raw.double()
        _require(name, raw, (number == number.round()) & (number >= 0) & (number < 2**53), "whole and nonnegative")
    return raw.to(torch.int64)


def _read_weights(name: str, given: Weights, device: torch.device | None) -> Tensor:
    """A floating-point tensor; anything but a floating-point tensor becomes float64."""
    raw = _as_tensor(name, given, device)
    if raw.is_complex() or raw.dtype == torch.bool:
        raise ValueError(f"{name} must be real numbers; got dtype {raw.dtype}.")
    return raw if isinstance(given, Tensor) and raw.is_floating_point() else raw.to(torch.float64)


def _as_tensor(name: str, given: Any, device: torch.device | None) -> Tensor:
    if isinstance(given, Tensor):
        return given
    try:
        return torch.as_tensor(np.asarray(given), device=device)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number or a regular array of numbers; got {given!r}.") from error


def _safe_log(weights: Tensor) -> Tensor:
    """Logarithm whose gradient at a weight of zero is zero: such a group is absent, and stays so."""
    if not weights.requires_grad:
        return weights.log()
    empty = weights == 0
    return torch.where(empty, -torch.inf, torch.where(empty, 1.0, weights).log())


def _require(name: str, value: Tensor, good: Tensor, allowed: str) -> None:
    if not good.all():
        bad = value.detach()[~good].flatten()[0].item()
        raise ValueError(f"{name} must be {allowed}; got {bad}{_place(~good)}.")


def _place(bad: Tensor) -> str:
    return f" at index {tuple(bad.nonzero()[0].tolist())}" if bad.dim() else ""


def _require_drawable(total_count: Tensor, group_sizes: Tensor, log_weights: Tensor) -> None:
    present = group_sizes.sum(-1)
    if (total_count > present).any():
        bad = total_count > present
        raise ValueError(
            f"total_count must be at most sum(group_sizes) = {present[bad][0].item()}; "
            f"got {total_count[bad][0].item()}{_place(bad)}."
        )
    drawable = (group_sizes * (log_weights > -torch.inf)).sum(-1)
    if (total_count > drawable).any():
        bad = total_count > drawable
        raise ValueError(
            f"total_count must be at most {drawable[bad][0].item()}, the number of elements whose weight is above zero; "
            f"got {total_count[bad][0].item()}{_place(bad)}."
        )
