"""Wrappers that make functions of plain tensor operations differentiable to any order and compatible with ``torch.func``.

``torch.func.vmap`` does not support loops that depend on the values of tensors, and autograd alone does not see the batches
that ``vmap`` hides. :func:`native` wraps a function so that its forward and backward derivatives are functions of the same
kind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

__all__ = ["aligned", "along", "native", "opaque", "parts_sum", "plain"]

P = ParamSpec("P")
T = TypeVar("T")


def opaque(function: Callable[P, T]) -> Callable[P, T]:
    """Excludes a function from ``torch.compile``, because its loops depend on the values of tensors.

    ``torch.compiler.disable`` has the same effect, but would import the compiler at import time.

    Args:
        function: function to wrap.

    Returns:
        Function that runs without compilation.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if torch.compiler.is_compiling():
            return torch.compiler.disable(function)(*args, **kwargs)
        return function(*args, **kwargs)

    return call


def plain(tensor: Tensor) -> Tensor:
    """Removes the tangent of a tensor. A tensor made in inference mode is copied, so that autograd can use it.

    Args:
        tensor: tensor of any shape.

    Returns:
        Tensor of the same shape.
    """
    primal = unpack_dual(tensor).primal
    return primal.clone() if primal.is_inference() else primal


def aligned(info: Any, in_dims: tuple[Any, ...], arguments: tuple[Any, ...]) -> list[Any]:
    """Moves the axis that ``vmap`` hides to the front, and gives all tensors the same number of axes.

    Args:
        info: information of ``vmap``, with the batch size.
        in_dims: hidden axis of each argument, or ``None``.
        arguments: arguments of a function; those that are not tensors stay unchanged.

    Returns:
        Arguments whose tensors have the shape ``(batch_size, …)``.
    """
    tensors = [(a, d) for a, d in zip(arguments, in_dims, strict=True) if isinstance(a, Tensor)]
    rank = max(a.dim() - (d is not None) for a, d in tensors)
    moved: list[Any] = []
    for argument, axis in zip(arguments, in_dims, strict=True):
        if isinstance(argument, Tensor):
            first = argument[None].expand(info.batch_size, *argument.shape) if axis is None else argument.movedim(axis, 0)
            argument = first.reshape(info.batch_size, *(1,) * (rank + 1 - first.dim()), *first.shape[1:])
        moved.append(argument)
    return moved


def native(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Calls a function of tensors that broadcast over leading axes, differentiably.

    Args:
        function: deterministic function of plain tensor operations.
        *tensors: its arguments, each of shape ``(…, L)`` with its own last axis.

    Returns:
        Result of the function; shape as returned by it.
    """
    return _Native.apply(function, *tensors)


def along(tangent: Tensor, gradient: Tensor) -> Tensor:
    """Sums the products of a tangent and a gradient over the last axis, for the ``jvp`` of an autograd function.

    In a ``jvp``, torch forgets the tangents of an outer ``jvp`` behind plain operations, but not behind functions. With plain
    operations the derivative of the derivative would be zero without a word.

    Args:
        tangent: tangent, shape ``(…, L)``.
        gradient: result of an autograd function, shape ``(…, L)``.

    Returns:
        Derivative along the tangent, shape ``(…)``.
    """
    return native(_dot, tangent, gradient)


def parts_sum(parts: list[Tensor]) -> Tensor:
    """Adds results of autograd functions for the ``jvp`` of another one, as a function for the same reason as :func:`along`.

    Args:
        parts: tensors of the same shape, at least one.

    Returns:
        Their sum, of the same shape.
    """
    return parts[0] if len(parts) == 1 else native(_sum, *parts)


def _dot(tangent: Tensor, gradient: Tensor) -> Tensor:
    return (tangent * gradient).sum(-1)


def _sum(*parts: Tensor) -> Tensor:
    return sum(parts[1:], parts[0])


class _Native(torch.autograd.Function):
    @staticmethod
    @torch.inference_mode(False)
    @torch.no_grad()
    def forward(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        return function(*map(plain, tensors)).clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.function = inputs[0]
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        tensors = ctx.saved_tensors
        return None, *(
            _Native.apply(_Vjp(ctx.function, i), *tensors, grad) if needed else None
            for i, needed in enumerate(ctx.needs_input_grad[1:])
        )

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> Tensor:
        tensors = ctx.saved_tensors
        return parts_sum([_Native.apply(_Jvp(ctx.function, i), *tensors, t) for i, t in enumerate(tangents) if t is not None])

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], function: Callable[..., Tensor], *tensors: Tensor) -> tuple[Tensor, int]:
        return _Native.apply(function, *aligned(info, in_dims[1:], tensors)), 0


class _Vjp:
    """Vector-Jacobian product of a function with respect to one argument, as a function of all arguments and the vector."""

    def __init__(self, function: Callable[..., Tensor], place: int):
        self.function, self.place = function, place

    def __call__(self, *arguments: Tensor) -> Tensor:
        *tensors, grad = arguments
        keep = torch.is_grad_enabled()
        with torch.enable_grad():
            if not tensors[self.place].requires_grad:
                tensors[self.place] = tensors[self.place].detach().requires_grad_()
            value = self.function(*tensors)
            if not value.requires_grad:
                return torch.zeros_like(tensors[self.place])
            (product,) = torch.autograd.grad(value, tensors[self.place], grad, create_graph=keep, materialize_grads=True)
        return product


class _Jvp:
    """Jacobian-vector product of a function with respect to one argument: the derivative of the vector-Jacobian product."""

    def __init__(self, function: Callable[..., Tensor], place: int):
        self.function, self.place = function, place

    def __call__(self, *arguments: Tensor) -> Tensor:
        *tensors, tangent = arguments
        keep = torch.is_grad_enabled()
        with torch.enable_grad():
            probe = torch.zeros_like(self.function(*tensors)).requires_grad_()
            product = _Vjp(self.function, self.place)(*tensors, probe)
            if not product.requires_grad:
                return torch.zeros_like(probe)
            (result,) = torch.autograd.grad(product, probe, tangent, create_graph=keep, materialize_grads=True)
        return result
