"""The urn: number of elements drawn, group sizes and weights, validated and broadcast once for every distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.utils import lazy_property

from hypergeo.numerics.urn_rows import broadcast_shapes

from .constraints import group_counts
from .reading import LARGEST, WHOLE, every, read_counts, read_real, read_shape, require, whole

__all__ = ["UrnDistribution"]

Counts = int | Sequence[Any] | np.ndarray | Tensor
Weights = float | Sequence[Any] | np.ndarray | Tensor

_FEW_GROUPS = 64
_LARGEST_FLOAT32 = 2**24  # whole numbers up to it are exact in float32


class UrnDistribution(Distribution):
    """Base class of the distributions of group counts when ``total_count`` elements leave an urn of ``K`` groups.

    Python numbers, lists and NumPy arrays are accepted everywhere, and copied; tensors are not. Python numbers keep their
    double precision (``float64``). A floating-point tensor of weights keeps its dtype and device. Results have the same device,
    and the same dtype unless it cannot hold counts up to ``total_count`` exactly: see :attr:`dtype`. The gradient with respect
    to a weight of zero is zero, not the one-sided derivative: such a group stays absent.

    Args:
        total_count: number of elements drawn, shape ``batch_shape`` after broadcasting.
        group_sizes: number of elements in each group, ``batch_shape + (K,)`` after broadcasting.
        weights: importance of each group, nonnegative, ``batch_shape + (K,)`` after broadcasting. All equal when omitted.
            A group of weight zero cannot be drawn.
        log_weights: natural logarithms of the weights, instead of ``weights``.
        validate_args: whether to check arguments and values; torch's default when omitted.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.
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
        name, numbers = ("log_weights", log_weights) if weights is None else ("weights", weights)
        device = next((a.device for a in (numbers, group_sizes, total_count) if isinstance(a, Tensor)), None)
        drawn, unsure_drawn = read_counts("total_count", total_count, device, validate)
        sizes, unsure_sizes = read_counts("group_sizes", group_sizes, device, validate)
        if sizes.dim() == 0:
            raise ValueError(f"group_sizes must list the groups, at least one; got the single number {sizes.item()}.")
        if numbers is None:
            real = logs = torch.zeros(sizes.shape[-1], dtype=torch.float64, device=device)
        else:
            real = read_real(name, numbers, device)
            logs = real if weights is None else _safe_log(real)
        if logs.dim() == 0:
            raise ValueError(f"{name} must list one number for each group; got the single number {numbers}.")
        try:
            plain = drawn.dim() == 0 and sizes.dim() == 1 and sizes.shape[0] == logs.shape[-1]
            shape = logs.shape if plain else broadcast_shapes((*drawn.shape, 1), sizes.shape, logs.shape)
        except RuntimeError:
            raise ValueError(
                f"total_count, group_sizes and {name} must broadcast: got shapes {tuple(drawn.shape)}, {tuple(sizes.shape)} "
                f"and {tuple(logs.shape)}, where the last axis of the latter two is the groups."
            ) from None
        if shape[-1] == 0:
            raise ValueError("group_sizes must list at least one group; got none.")
        if 0 in shape:
            raise ValueError(
                f"total_count, group_sizes and {name} must give at least one urn; got shapes {tuple(drawn.shape)}, "
                f"{tuple(sizes.shape)} and {tuple(logs.shape)}."
            )
        if type(total_count) is int and total_count <= _LARGEST_FLOAT32:  # known without reading a tensor
            self.__dict__["dtype"] = torch.float64 if logs.dtype == torch.float64 else torch.float32
        self.total_count = _expanded(drawn, shape[:-1])
        self.group_sizes = _expanded(sizes, shape)
        self.log_weights = _expanded(logs, shape)
        if weights is not None:
            self.__dict__["weights"] = _expanded(real, shape)
        if validate and not (_surely_finite(logs) and _surely_drawable(total_count, sizes, unsure_sizes)):
            unsure = {
                what: raw for what, raw in (("total_count", unsure_drawn), ("group_sizes", unsure_sizes)) if raw is not None
            }
            good = (drawn <= sizes.sum(-1)).all() & logs.isfinite().all()
            for raw in unsure.values():
                good = good & whole(raw).all()
            if not every(good):  # weights of zero may be the only reason
                for what, raw in unsure.items():
                    require(what, raw, whole(raw), WHOLE)
                if weights is not None:
                    require(name, real, (real >= 0) & (real < torch.inf), "finite and nonnegative")
                require(name, logs, logs < torch.inf, "real numbers, or -inf for a weight of zero")
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

    @lazy_property
    def dtype(self) -> torch.dtype:
        """The dtype of results: that of the weights, or the next one that holds every count up to ``total_count`` exactly.

        Results of half-precision weights are float32, and of all above 16,777,216 elements drawn float64.
        """
        dtype = self.log_weights.dtype
        if dtype == torch.float64 or not every(self.total_count <= _LARGEST_FLOAT32):
            return torch.float64
        return torch.float32

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Whole counts within the group sizes that add up to ``total_count``."""
        return group_counts(self.total_count, self.group_sizes)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """Expands the distribution to a larger batch; parameters are views, not copies.

        Args:
            batch_shape: the new batch shape; the old one must broadcast to it.

        Returns:
            The same distribution with the new batch shape.
        """
        new = self._get_checked_instance(type(self), _instance)
        batch = read_shape("batch_shape", batch_shape)
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
        """Copies the additional parameters of a subclass to its expanded instance."""

    def _distinct(self) -> tuple[Tensor, Tensor, Tensor]:
        """Returns log weights, sizes and totals; batch axes along which nothing varies keep length one."""
        tensors = self.log_weights, self.group_sizes, self.total_count
        for axis, length in enumerate(self._batch_shape):
            if length > 1 and not any(tensor.stride(axis) for tensor in tensors):
                tensors = tensors[0].narrow(axis, 0, 1), tensors[1].narrow(axis, 0, 1), tensors[2].narrow(axis, 0, 1)
        return tensors

    def _read_value(self, value: Any, per_group: bool = True) -> Tensor:
        """Reads counts, one for each group, or a value that broadcasts over the groups.

        Args:
            value: real numbers.
            per_group: whether there must be one number for each group.

        Returns:
            A tensor on the device of the weights, of the value's shape.

        Raises:
            ValueError: if the value does not consist of real numbers or does not broadcast with the batch.
        """
        value = value if isinstance(value, Tensor) else read_real("value", value, self.log_weights.device)
        if value.is_complex() or value.layout != torch.strided:
            raise ValueError(f"value must be a dense tensor of real numbers; got dtype {value.dtype}, layout {value.layout}.")
        groups = self._event_shape[0]
        if per_group and (value.dim() == 0 or value.shape[-1] != groups):
            raise ValueError(f"value must end in an axis of {groups} groups; got shape {tuple(value.shape)}.")
        try:
            shape = broadcast_shapes(value.shape, self._batch_shape + self._event_shape)
            if not per_group and shape[-1] != groups:
                raise ValueError(f"value must end in an axis of {groups} groups or of one; got shape {tuple(value.shape)}.")
        except RuntimeError:
            raise ValueError(
                f"value of shape {tuple(value.shape)} does not broadcast with batch_shape {tuple(self.batch_shape)}."
            ) from None
        return value.to(self.log_weights.device)

    def _validate_sample(self, value: Any) -> None:
        """Checks that values are count vectors of this urn.

        Args:
            value: counts, shape ``(..., K)``.

        Raises:
            ValueError: if a value is not a count vector of this urn.
        """
        value = self._read_value(value)
        good = self.support.check(value)
        if not every(good):
            kind = "whole " if self.support.is_discrete else ""
            try:
                shape = good.shape + self.event_shape
                bad = value.expand(shape)[~good][0].tolist()
                sizes = self.group_sizes.expand(shape)[~good][0].tolist()
                drawn = self.total_count.expand(good.shape)[~good][0].item()
            except RuntimeError:  # under vmap
                raise ValueError(f"value must hold {kind}counts within group_sizes that add up to total_count.") from None
            raise ValueError(
                f"value must hold {kind}counts between 0 and group_sizes = {sizes} "
                f"that add up to total_count = {drawn}; got {bad}."
            )

    def _shown(self) -> dict[str, Any]:
        """Returns the parameters that :meth:`__repr__` shows, by name."""
        return {"total_count": self.total_count, "group_sizes": self.group_sizes, "log_weights": self.log_weights}

    def __repr__(self) -> str:
        parts = []
        for name, value in self._shown().items():
            if isinstance(value, Tensor):
                value = value.tolist() if value.numel() <= 12 else tuple(value.shape)
            parts.append(f"{name}: {value}")
        return f"{type(self).__name__}({', '.join(parts)})"


def _expanded(tensor: Tensor, shape: torch.Size) -> Tensor:
    return tensor if tensor.shape == shape else tensor.expand(shape)


def _surely_finite(logs: Tensor) -> bool:
    """Returns whether one quick check shows that all numbers are finite; otherwise they may still be."""
    try:
        return math.isfinite(logs.detach().sum().item())
    except RuntimeError:  # under vmap
        return False


def _surely_drawable(total_count: Counts, sizes: Tensor, unsure_sizes: Tensor | None) -> bool:
    """Returns whether one quick check shows that the elements can be drawn from a few groups; otherwise they may still be."""
    if type(total_count) is not int or sizes.dim() > 1 or sizes.shape[0] > _FEW_GROUPS or not sizes.is_cpu:
        return False
    if unsure_sizes is not None and unsure_sizes.is_floating_point():
        return False
    try:
        elements = sizes.tolist()
    except RuntimeError:  # under vmap
        return False
    return min(elements) >= 0 and max(elements) < LARGEST and 0 <= total_count <= sum(elements)


def _safe_log(weights: Tensor) -> Tensor:
    """Returns the logarithm, with gradient zero at a weight of zero: such a group stays absent."""
    empty = weights == 0
    return torch.where(empty, -torch.inf, torch.where(empty, 1.0, weights).log())


def _require_drawable(total_count: Tensor, group_sizes: Tensor, log_weights: Tensor) -> None:
    present = group_sizes.sum(-1)
    drawable = (group_sizes * (log_weights > -torch.inf)).sum(-1)
    for most, what in ((present, ""), (drawable, ", the number of elements whose weight is above zero")):
        good = total_count <= most
        if not every(good):
            try:
                bad = tuple((~good).nonzero()[0].tolist())
                limit, got = most[bad].item(), total_count[bad].item()
            except RuntimeError:  # under vmap
                raise ValueError(
                    f"total_count must be at most sum(group_sizes){what}, for every element of the batch."
                ) from None
            equals = "" if what else "sum(group_sizes) = "
            place = f" at index {bad}" if bad else ""
            raise ValueError(f"total_count must be at most {equals}{limit}{what}; got {got}{place}.")
