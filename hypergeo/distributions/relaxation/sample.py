"""A relaxed sample as one differentiable function of the log weights and the temperature, also under ``torch.func``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from hypergeo.distributions.splits.sequential import SequentialConditionals
from hypergeo.numerics.split_tables import TreeShape
from hypergeo.numerics.urn_rows import Rows

from .conditionals import DROPS, ExactConditionals, MergedConditionals, gumbel
from .single_sample import SingleSample, SingleShape
from .small_urn import SmallSample, SmallShape
from .two_groups import TwoGroups, TwoGroupsShape

__all__ = ["CONDITIONALS", "Setting", "sample_counts"]

CONDITIONALS: dict[str, type[ExactConditionals] | type[MergedConditionals]] = {
    "exact": ExactConditionals,
    "merged": MergedConditionals,
    "sequential": SequentialConditionals,
}
_COLDEST, _WARMEST = 1e-20, 1e20  # beyond these, samples no longer change and their quotients could overflow


@dataclass(frozen=True)
class Setting:
    """Inputs of a sample other than the tensors that carry gradients.

    Attributes:
        sizes: group sizes, int64, shape ``(R, K)`` with ``R`` one or ``T``.
        total: numbers of elements drawn, int64, shape ``(R,)``.
        samples: number of samples of each of the ``T`` urns (S).
        hard: whether counts are whole.
        conditionals: a name in ``CONDITIONALS``.
        generator: source of the noise if it is sampled.
        precision: dtype of tables and noise where they are large.
        keep: whether a gradient may be requested later.
        warmth: whether a gradient with respect to the temperature may be requested, too.
    """

    sizes: Tensor
    total: Tensor
    samples: int
    hard: bool
    conditionals: str
    generator: torch.Generator | None
    precision: torch.dtype
    keep: bool
    warmth: bool


def sample_counts(log_weights: Tensor, temperature: Tensor, noise: Tensor | None, setting: Setting) -> Tensor:
    """Samples relaxed counts, differentiable once with respect to log weights and temperature.

    Args:
        log_weights: log weights, shape ``(T, K)``; ``-inf`` for groups that cannot be drawn.
        temperature: τ, shape ``(S, T, 1)`` or ``(1, 1, 1)``.
        noise: Gumbel noise, shape ``(S, T, L)``; sampled when ``None``.
        setting: all other inputs.

    Returns:
        Counts, shape ``(S, T, K)``, of the weights' dtype.

    Raises:
        RuntimeError: from torch, if the sample fails for another reason than a transformation of ``torch.func``.
    """
    if torch.compiler.is_compiling():  # its tables are remembered, and their sizes depend on values
        return torch.compiler.disable(_Sample.apply)(log_weights, temperature, noise, setting)[0]
    try:
        return _Plain.apply(log_weights, temperature, noise, setting)
    except RuntimeError as error:
        if "setup_context" not in str(error):
            raise
    return _Sample.apply(log_weights, temperature, noise, setting)[0]


class _Shortcut(Protocol):
    """A sample without gradient with respect to the temperature, in fewer operations than the splits of many urns."""

    def backward(self, grad: Tensor) -> Tensor:
        """Returns the gradient with respect to log weights, ``(T, K)``, from that with respect to counts, ``(S, T, K)``."""


@dataclass
class _Path:
    """Intermediate results of a sample that its backward pass uses.

    Attributes:
        shortcut: a small or single sample.
        conditionals: the splits of any other sample; both are ``None`` for a single group.
        drawable: mask of the groups that can be drawn, shape ``(T, K)``; ``None`` if all can.
        folded: lengths of ``vmap``'s batches that were made part of ``T``, the outermost last.
    """

    shortcut: _Shortcut | None = None
    conditionals: ExactConditionals | MergedConditionals | None = None
    drawable: Tensor | None = None
    folded: tuple[int, ...] = field(default=())

    def backward(self, grad: Tensor, of_temperature: bool) -> tuple[Tensor, Tensor | None]:
        """Returns gradients in log weights, ``(T, K)``, and temperature, from that in the counts, ``(S, T, K)``."""
        if self.shortcut is not None:
            return self.shortcut.backward(grad), None
        if self.conditionals is None:
            return torch.zeros_like(grad).sum(0), torch.zeros_like(grad).sum().view(1, 1, 1) if of_temperature else None
        grad = grad.flip(-1) if self.conditionals.reverse else grad
        of_tables: list[tuple[Tensor, Tensor | None, Tensor | None]] = []
        warmth: Tensor | None = None
        for split in reversed(self.conditionals.splits):
            grad, of_left, of_right, of_parent, heat = split.backward(grad, of_temperature)
            of_tables.append((of_left, of_right, of_parent))
            warmth = heat if warmth is None or heat is None else warmth + heat
        of_weights = self.conditionals.backward(of_tables[::-1])
        of_weights = of_weights if self.drawable is None else torch.where(self.drawable, of_weights, 0.0)
        return of_weights, None if warmth is None else warmth[..., 0]

    def forward(self, of_weights: Tensor, of_temperature: Tensor | None, counts: Tensor) -> Tensor:
        """Computes the tangent of the counts: the transpose of :meth:`backward`.

        Args:
            of_weights: tangent of the log weights, shape ``(T, K)``.
            of_temperature: tangent of the temperature, same shape; ``None`` if it has none.
            counts: the sample, shape ``(S, T, K)``.

        Returns:
            Shape ``(S, T, K)``.

        Raises:
            NotImplementedError: for conditionals that are not exact.
        """
        if isinstance(self.shortcut, SingleSample):
            units = torch.eye(counts.shape[-1], dtype=torch.float64, device=counts.device)[:, None, None]
            return torch.stack([(self.backward(unit, False)[0] * of_weights).sum() for unit in units])[None, None]
        if isinstance(self.conditionals, MergedConditionals):
            raise NotImplementedError(
                "Only samples with exact conditionals have forward-mode derivatives; others have backward ones."
            )
        with torch.enable_grad():
            probe = torch.zeros_like(counts, dtype=torch.float64).requires_grad_()
            both = self.backward(probe, of_temperature is not None)
            tangents = [of_weights] if of_temperature is None else [of_weights, of_temperature]
            gradients = [gradient for gradient in both if gradient is not None]
            along = [tangent.to(gradient.dtype) for gradient, tangent in zip(gradients, tangents, strict=True)]
            return torch.autograd.grad(gradients, probe, along)[0]


def _short(
    weights: Tensor, temperature: Tensor, noise: Tensor | None, setting: Setting, shape: TreeShape
) -> tuple[Tensor, _Shortcut] | None:
    """Returns a sample of counts, ``(S, T, K)``, with its shortcut, or ``None`` if no shortcut applies."""
    rows, groups = weights.shape
    small = single = None
    two = TwoGroupsShape.of(shape, rows, setting.samples) if groups == 2 else None
    if two is None and setting.hard:
        single = SingleShape.of(shape) if rows == 1 and setting.samples == 1 else None
        small = SmallShape.of(shape, rows, setting.samples)
    if two is None and single is None and small is None:
        return None
    # With one temperature for all samples, it is a number.
    tau = float(temperature) if temperature.numel() == 1 else None
    warmest = float(temperature.max()) if tau is None else tau
    heat = temperature.double().clamp(_COLDEST, _WARMEST) if tau is None else min(max(tau, _COLDEST), _WARMEST)
    if two is not None:
        pair = TwoGroups(two, weights)
        return pair.forward(noise, setting.samples, setting.generator, heat, setting.hard), pair
    if warmest > 1:
        return None
    if single is not None and isinstance(heat, float):
        one = SingleSample.of(single, weights, DROPS[setting.precision], setting.keep)
        if one is not None:
            counts = one.forward(one.noise(noise, weights.device, setting.generator), heat)
            return torch.tensor([[counts]], device=weights.device), one
    if small is not None:
        several = SmallSample(small, weights)
        return several.forward(several.noise(noise, setting.samples, setting.generator), heat), several
    return None


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(log_weights: Tensor, temperature: Tensor, noise: Tensor | None, setting: Setting) -> tuple[Tensor, _Path]:
        dtype = log_weights.dtype
        weights = log_weights.detach().double()
        if log_weights.shape[1] == 1:
            totals = setting.total.to(dtype)[None, :, None]
            return totals.expand(setting.samples, len(log_weights), 1).clone(), _Path()
        shape = TreeShape.of(setting.sizes, setting.total)
        if setting.conditionals == "exact" and not setting.warmth and shape.least > 0 and float(weights.min()) > -math.inf:
            short = _short(weights, temperature.detach(), noise, setting, shape)
            if short is not None:
                return short[0].to(dtype), _Path(short[1])
        rows = Rows.drawable(weights, setting.sizes, setting.total, torch.Size())
        drawable = None if rows.sizes is setting.sizes else (setting.sizes > 0) & (log_weights > -torch.inf)
        totals = rows.total.double()[None, :, None]
        warmest = min(float(temperature.detach().max()), _WARMEST)
        conditionals = CONDITIONALS[setting.conditionals](rows, setting.samples, warmest, setting.precision)
        blocks = conditionals.noise(noise, setting.samples, setting.generator)
        warmth = temperature.detach().clamp(_COLDEST, _WARMEST).to(blocks[0].dtype)[..., None]
        excess = None
        for split, block in zip(conditionals.splits, blocks, strict=True):
            totals, excess = split.forward(totals, excess, block, warmth, setting.hard, setting.keep)
        totals = totals.flip(-1) if conditionals.reverse else totals
        return totals.to(dtype), _Path(None, conditionals, drawable)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, _Path]) -> None:
        ctx.save_for_backward(*inputs[:2], output[0])
        ctx.save_for_forward(*inputs[:2], output[0])
        ctx.path, ctx.warmth = output[1], inputs[3].warmth

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _: None) -> tuple[Tensor | None, ...]:
        weights, temperature, counts = ctx.saved_tensors
        of_temperature = ctx.needs_input_grad[1]
        # With gradients enabled the result may be differentiated again, which must not be silently zero.
        again = torch.is_grad_enabled()
        if again or ctx.path.folded or (isinstance(ctx.path.shortcut, SingleSample) and _hidden(grad)):
            gradients = _Backward.apply(grad, counts, temperature, of_temperature, ctx.path)
        else:
            gradients = ctx.path.backward(grad, of_temperature)
        return gradients[0].to(weights.dtype), gradients[1].to(temperature.dtype) if of_temperature else None, None, None

    @staticmethod
    def jvp(ctx: Any, of_weights: Tensor, of_temperature: Tensor, *_: None) -> tuple[Tensor, None]:
        _, temperature, counts = ctx.saved_tensors
        heat = of_temperature.expand_as(temperature) if ctx.warmth else None
        return _Forward.apply(of_weights, heat, counts, ctx.path).to(counts.dtype), None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], weights: Tensor, temperature: Tensor, noise: Tensor | None, setting: Setting
    ) -> tuple[tuple[Tensor, _Path], tuple[int, None]]:
        """Samples a batch of weights, temperatures or noise as additional urns.

        Args:
            info: size of the batch and handling of random numbers.
            in_dims: axis of the batch in each argument, or ``None``.
            weights: log weights, shape ``(T, K)`` without the batch.
            temperature: τ, shape ``(S, T, 1)`` or ``(1, 1, 1)`` without the batch.
            noise: Gumbel noise, shape ``(S, T, L)`` without the batch.
            setting: all other inputs.

        Returns:
            Counts with their intermediate results, and the axis of the batch in each.

        Raises:
            RuntimeError: if noise must be sampled and ``vmap`` does not allow it.
        """
        size, rows = info.batch_size, weights.shape[-2]
        if in_dims[0] is not None:
            rows = weights.movedim(in_dims[0], 0).shape[1]
        if noise is None and info.randomness == "error":
            raise RuntimeError('vmap over rsample needs randomness="different" or "same", or noise.')
        if noise is None and info.randomness == "same":
            length = CONDITIONALS[setting.conditionals].noise_length(setting.sizes, setting.total)
            noise = gumbel((setting.samples, rows, length), weights.device, setting.generator)
            in_dims = (*in_dims[:2], None, None)

        def folded(tensor: Tensor, dim: int | None, axis: int) -> Tensor:
            tensor = tensor.unsqueeze(0).expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            return tensor.movedim(0, axis).flatten(axis, axis + 1)

        if in_dims[1] is not None:
            temperature, in_dims = temperature.movedim(in_dims[1], 0), (in_dims[0], 0, *in_dims[2:])
        temperature = folded(temperature.expand(*temperature.shape[:-2], rows, 1), in_dims[1], 1)
        if setting.sizes.shape[0] > 1:
            setting = replace(setting, sizes=setting.sizes.repeat(size, 1), total=setting.total.repeat(size))
        weights = folded(weights, in_dims[0], 0)
        noise = None if noise is None else folded(noise, in_dims[2], 1)
        counts, path = _Sample.apply(weights, temperature, noise, replace(setting, keep=True, warmth=True))
        return (counts.unflatten(1, (size, rows)), replace(path, folded=(*path.folded, size))), (1, None)


class _Plain(torch.autograd.Function):
    """The same function without support for ``torch.func``, which would cost as much as a small sample."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        counts, path = _Sample.forward(*inputs)
        _Sample.setup_context(ctx, inputs, (counts, path))
        return counts

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return _Sample.backward(ctx, grad, None)

    @staticmethod
    def jvp(ctx: Any, of_weights: Tensor, of_temperature: Tensor, *_: None) -> Tensor:
        return _Sample.jvp(ctx, of_weights, of_temperature)[0]


def _hidden(tensor: Tensor) -> bool:
    """Returns whether ``vmap`` hides the values of a tensor."""
    try:
        tensor.tolist()
    except RuntimeError:
        return True
    return False


class _Once(torch.autograd.Function):
    """A derivative of samples, which has no derivatives itself."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keeps nothing."""

    @staticmethod
    def backward(ctx: Any, *_: Any) -> None:
        raise NotImplementedError("Relaxed samples can be differentiated once.")

    jvp = backward


class _Backward(_Once):
    """Backward pass of samples that ``vmap`` made part of a larger batch, or that a caller may differentiate again."""

    @staticmethod
    def forward(
        grad: Tensor, counts: Tensor, temperature: Tensor, of_temperature: bool, path: _Path
    ) -> tuple[Tensor, Tensor | None]:
        return path.backward(grad, of_temperature)

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        grad: Tensor,
        counts: Tensor,
        temperature: Tensor,
        of_temperature: bool,
        path: _Path,
    ) -> tuple[tuple[Tensor, Tensor | None], tuple[int, int | None]]:
        size = info.batch_size
        grad = grad.unsqueeze(0).expand(size, *grad.shape) if in_dims[0] is None else grad.movedim(in_dims[0], 0)
        if in_dims[1] is None:  # a batch of gradients of the same samples
            parts = [_Backward.apply(part, counts, temperature, of_temperature, path) for part in grad]
            of_weights, heats = zip(*parts, strict=True)
            return (torch.stack(of_weights), torch.stack(heats) if of_temperature else None), (0, 0 if of_temperature else None)
        inner = replace(path, folded=path.folded[:-1])
        warmth = temperature if in_dims[2] is None else temperature.select(in_dims[2], 0)
        of_weights, heat = _Backward.apply(grad.movedim(0, 1).flatten(1, 2), counts, temperature, of_temperature, inner)
        if heat is not None:
            heat = heat.unflatten(1, (size, -1)).movedim(1, 0).sum_to_size(size, *warmth.shape)
        return (of_weights.unflatten(0, (size, -1)), heat), (0, None if heat is None else 0)


class _Forward(_Once):
    """Tangent of samples, including those that ``vmap`` made part of a larger batch."""

    @staticmethod
    def forward(of_weights: Tensor, of_temperature: Tensor | None, counts: Tensor, path: _Path) -> Tensor:
        return path.forward(of_weights, of_temperature, counts)

    @staticmethod
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        of_weights: Tensor,
        of_temperature: Tensor | None,
        counts: Tensor,
        path: _Path,
    ) -> tuple[Tensor, int]:
        def moved(tangent: Tensor, axis: int | None) -> Tensor:
            return tangent.expand(info.batch_size, *tangent.shape) if axis is None else tangent.movedim(axis, 0)

        weights = moved(of_weights, in_dims[0])
        heats = None if of_temperature is None else moved(of_temperature, in_dims[1])
        if in_dims[2] is None:  # a batch of tangents of the same samples
            each = [None] * len(weights) if heats is None else list(heats)
            return torch.stack([_Forward.apply(*pair, counts, path) for pair in zip(weights, each, strict=True)]), 0
        inner = replace(path, folded=path.folded[:-1])
        counts = counts.movedim(in_dims[2], 1).flatten(1, 2)
        if heats is not None:
            heats = heats.expand(*heats.shape[:2], weights.shape[1], 1).movedim(0, 1).flatten(1, 2)
        tangent = _Forward.apply(weights.flatten(0, 1), heats, counts, inner)
        return tangent.unflatten(1, (info.batch_size, -1)), 1
