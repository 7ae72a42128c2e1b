"""Batches of urns as rows: the different ones only, flattened, and the way back to the shape of the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Rows", "Urn"]


class Urn(Protocol):
    """What rows are made from: tensors of one batch of urns, broadcast against each other."""

    @property
    def total_count(self) -> Tensor:
        """Numbers drawn, shape ``batch_shape``."""

    @property
    def group_sizes(self) -> Tensor:
        """Sizes of the groups, shape ``batch_shape + (K,)``."""

    @property
    def log_weights(self) -> Tensor:
        """Logarithms of the weights, shape ``batch_shape + (K,)``."""

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch."""


@dataclass(frozen=True)
class Rows:
    """The different urns of a batch: ``T`` rows of weights, and ``R`` rows (one, or ``T``) of sizes and totals.

    Batch axes along which nothing varies are kept at length one, so that an expanded law costs what one law does.
    Groups that cannot be drawn (no element, or weight zero) are given size zero and weight one.

    Attributes:
        log_weights: finite, float64, shape ``(T, K)``.
        sizes: int64, shape ``(R, K)``.
        total: int64, shape ``(R,)``.
        given_sizes: the sizes before groups of weight zero were given none, int64, shape ``(1 or T, K)``.
        given_total: the totals that go with them, int64, shape ``(1 or T,)``.
        batch: the batch shape with ones where nothing varies; its product is ``T``.
    """

    log_weights: Tensor
    sizes: Tensor
    total: Tensor
    given_sizes: Tensor
    given_total: Tensor
    batch: torch.Size

    @staticmethod
    def of(urn: Urn) -> Rows:
        """The rows of a distribution."""
        weights, sizes, total, batch = Rows.distinct(urn)
        return Rows.drawable(weights.double(), sizes, total, batch)

    @staticmethod
    def distinct(urn: Urn) -> tuple[Tensor, Tensor, Tensor, torch.Size]:
        """Log weights ``(T, K)``, sizes ``(R, K)``, totals ``(R,)``, as given, and the batch with ones where nothing varies."""
        weights, sizes, total = urn.log_weights, urn.group_sizes, urn.total_count
        for axis, length in enumerate(urn.batch_shape):
            if length > 1 and not (weights.stride(axis) or sizes.stride(axis) or total.stride(axis)):
                weights, sizes, total = (t.narrow(axis, 0, 1) for t in (weights, sizes, total))
        batch, groups = total.shape, sizes.shape[-1]
        if not any(sizes.stride()[:-1]) and not any(total.stride()):
            sizes, total = sizes[(0,) * len(batch)], total[(0,) * len(batch)]
        sizes, total = _once(sizes.reshape(-1, groups), total.reshape(-1))
        return weights.reshape(-1, groups), sizes, total, batch

    @staticmethod
    def drawable(log_weights: Tensor, sizes: Tensor, total: Tensor, batch: torch.Size) -> Rows:
        """Rows in which groups that cannot be drawn have size zero and weight one."""
        if bool(log_weights.amin() > -torch.inf) and bool(sizes.amin() > 0):
            return Rows(log_weights, sizes, total, sizes, total, batch)
        drawable = (sizes > 0) & (log_weights > -torch.inf)
        kept = _once(torch.where(drawable, sizes, 0), total.expand(len(drawable)))
        return Rows(torch.where(drawable, log_weights, 0.0), *kept, sizes, total, batch)

    @staticmethod
    def plain(log_weights: Tensor, sizes: Tensor, total: Tensor) -> Rows:
        """Rows from tensors of the attributes' shapes, every weight above zero."""
        return Rows(log_weights, sizes, total, sizes, total, torch.Size())

    def split(self, most: int) -> list[Rows]:
        """Parts of at most so many rows of weights each."""
        parts: list[Rows] = []
        for begin in range(0, self.log_weights.shape[0], most):
            some = slice(begin, begin + most)
            kept = [t if t.shape[0] == 1 else t[some] for t in (self.sizes, self.total, self.given_sizes, self.given_total)]
            parts.append(Rows(self.log_weights[some], kept[0], kept[1], kept[2], kept[3], torch.Size()))
        return parts

    def restore(self, value: Tensor, batch_shape: torch.Size) -> Tensor:
        """A result of shape ``(T, …)`` as ``batch_shape + (…)``."""
        value = value.reshape(self.batch + value.shape[1:])
        return value.expand(batch_shape + value.shape[len(self.batch) :])

    def repeats(self, batch_shape: torch.Size) -> int:
        """How often each row stands in the batch."""
        if self.batch == batch_shape:
            return 1
        return batch_shape.numel() // self.batch.numel() if self.batch.numel() else 0

    def _order(self, leading: int, batch_shape: torch.Size) -> list[int]:
        """Axes of ``sample_shape + batch_shape`` with those that repeat rows moved before those that tell rows apart."""
        axes = range(len(batch_shape))
        repeated = [leading + a for a in axes if self.batch[a] != batch_shape[a]]
        kept = [leading + a for a in axes if self.batch[a] == batch_shape[a]]
        return [*range(leading), *repeated, *kept]

    def gather_draws(self, value: Tensor, leading: int, batch_shape: torch.Size) -> Tensor:
        """What has shape ``sample_shape + batch_shape + (L,)``, with ``leading`` sample axes, as ``(draws, T, L)``."""
        order = self._order(leading, batch_shape)
        draws = value.shape[:leading].numel() * self.repeats(batch_shape)
        return value.permute(*order, len(order)).reshape(draws, self.batch.numel(), value.shape[-1])

    def restore_draws(self, value: Tensor, sample_shape: torch.Size, batch_shape: torch.Size) -> Tensor:
        """Draws of shape ``(draws, T, K)`` as ``sample_shape + batch_shape + (K,)``."""
        if self.batch == batch_shape:
            return value.view(*sample_shape, *batch_shape, value.shape[-1])
        order = self._order(len(sample_shape), batch_shape)
        full = sample_shape + batch_shape
        if order == sorted(order):
            return value.reshape(full + value.shape[-1:])
        value = value.reshape([full[a] for a in order] + [value.shape[-1]])
        return value.permute(*sorted(range(len(order)), key=order.__getitem__), len(order))


def _once(sizes: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Sizes and totals as one row where all rows are the same."""
    if len(sizes) > 1 and bool((sizes == sizes[0]).all()) and bool((total == total[0]).all()):
        return sizes[:1], total[:1]
    return sizes, total
