"""Shapes of batches: the distinct urns of a batch as rows, and the conversion of results to the shape of the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

__all__ = ["Rows", "Urn", "broadcast_shapes"]


def broadcast_shapes(*shapes: tuple[int, ...]) -> torch.Size:
    """Computes the shape to which several shapes broadcast.

    ``torch.broadcast_shapes`` has the same result, but takes five times as long, and its first call imports a library of
    symbolic algebra for a third of a second.

    Args:
        *shapes: the shapes.

    Returns:
        The common shape.

    Raises:
        RuntimeError: if there is none.

    Example:
        >>> broadcast_shapes((3, 1), (4,), ())
        torch.Size([3, 4])
    """
    try:
        return torch.Size(np.broadcast_shapes(*shapes))
    except ValueError as error:
        raise RuntimeError(str(error)) from None


class Urn(Protocol):
    """Interface of a batch of urns: tensors that broadcast with each other."""

    @property
    def total_count(self) -> Tensor:
        """Numbers of elements drawn, shape ``batch_shape``."""

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
    """Holds the distinct urns of a batch: ``T`` rows of weights, and ``R`` rows (one, or ``T``) of sizes and totals.

    Batch axes along which nothing varies have length one, so an expanded distribution costs as much as a single one. Groups
    that cannot be drawn (no element, or weight zero) have size zero and weight one.

    Attributes:
        log_weights: finite log weights, float64, shape ``(T, K)``.
        sizes: group sizes, int64, shape ``(R, K)``.
        total: numbers of elements drawn, int64, shape ``(R,)``.
        given_sizes: sizes before those of groups with weight zero were set to zero, int64, shape ``(1, K)`` or ``(T, K)``.
        given_total: totals of the same rows, int64, shape ``(1,)`` or ``(T,)``.
        batch: batch shape with ones where nothing varies; its product is ``T``.
    """

    log_weights: Tensor
    sizes: Tensor
    total: Tensor
    given_sizes: Tensor
    given_total: Tensor
    batch: torch.Size

    @staticmethod
    def of(urn: Urn) -> Rows:
        """Collects the rows of a distribution.

        Args:
            urn: batch of urns.

        Returns:
            The distinct urns.
        """
        weights, sizes, total, batch = Rows.distinct(urn)
        return Rows.drawable(weights.double(), sizes, total, batch)

    @staticmethod
    def distinct(urn: Urn) -> tuple[Tensor, Tensor, Tensor, torch.Size]:
        """Collects the distinct urns without replacing groups that cannot be drawn.

        Args:
            urn: batch of urns.

        Returns:
            Log weights, shape ``(T, K)``, sizes, shape ``(R, K)``, totals, shape ``(R,)``, and the batch shape with ones where
            nothing varies.
        """
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
        """Creates rows in which groups that cannot be drawn have size zero and weight one.

        Args:
            log_weights: log weights, float64, shape ``(T, K)``.
            sizes: group sizes, int64, shape ``(R, K)``.
            total: numbers of elements drawn, int64, shape ``(R,)``.
            batch: batch shape with ones where nothing varies.

        Returns:
            The rows.
        """
        if bool(log_weights.amin() > -torch.inf) and bool(sizes.amin() > 0):
            return Rows(log_weights, sizes, total, sizes, total, batch)
        drawable = (sizes > 0) & (log_weights > -torch.inf)
        kept = _once(torch.where(drawable, sizes, 0), total.expand(len(drawable)))
        return Rows(torch.where(drawable, log_weights, 0.0), *kept, sizes, total, batch)

    @staticmethod
    def plain(log_weights: Tensor, sizes: Tensor, total: Tensor) -> Rows:
        """Creates rows from tensors if every weight is positive.

        Args:
            log_weights: finite log weights, float64, shape ``(T, K)``.
            sizes: group sizes, int64, shape ``(R, K)``.
            total: numbers of elements drawn, int64, shape ``(R,)``.

        Returns:
            The rows.
        """
        return Rows(log_weights, sizes, total, sizes, total, torch.Size())

    def split(self, most: int) -> list[Rows]:
        """Splits the rows into parts.

        Args:
            most: largest number of rows of weights in a part.

        Returns:
            The parts.
        """
        parts: list[Rows] = []
        for begin in range(0, self.log_weights.shape[0], most):
            part = slice(begin, begin + most)
            kept = [t if t.shape[0] == 1 else t[part] for t in (self.sizes, self.total, self.given_sizes, self.given_total)]
            parts.append(Rows(self.log_weights[part], kept[0], kept[1], kept[2], kept[3], torch.Size()))
        return parts

    def restore(self, value: Tensor, batch_shape: torch.Size) -> Tensor:
        """Converts a result of the rows to the shape of the batch.

        Args:
            value: results of the rows, shape ``(T, …)``.
            batch_shape: shape of the batch.

        Returns:
            Shape ``batch_shape + (…)``.
        """
        value = value.reshape(self.batch + value.shape[1:])
        return value.expand(batch_shape + value.shape[len(self.batch) :])

    def repeats(self, batch_shape: torch.Size) -> int:
        """Computes the number of occurrences of each distinct row in the batch.

        Args:
            batch_shape: shape of the batch.

        Returns:
            Number of occurrences.
        """
        if self.batch == batch_shape:
            return 1
        return batch_shape.numel() // self.batch.numel() if self.batch.numel() else 0

    def _order(self, leading: int, batch_shape: torch.Size) -> list[int]:
        """Returns the axes of ``sample_shape + batch_shape`` with the axes that repeat rows moved before those that distinguish
        rows."""
        axes = range(len(batch_shape))
        repeated = [leading + a for a in axes if self.batch[a] != batch_shape[a]]
        kept = [leading + a for a in axes if self.batch[a] == batch_shape[a]]
        return [*range(leading), *repeated, *kept]

    def gather_draws(self, value: Tensor, leading: int, batch_shape: torch.Size) -> Tensor:
        """Converts values of samples to the rows.

        Args:
            value: values of the samples, shape ``sample_shape + batch_shape + (L,)``.
            leading: number of sample axes.
            batch_shape: shape of the batch.

        Returns:
            Shape ``(draws, T, L)``, with all samples of a row on the first axis.
        """
        order = self._order(leading, batch_shape)
        draws = value.shape[:leading].numel() * self.repeats(batch_shape)
        return value.permute(*order, len(order)).reshape(draws, self.batch.numel(), value.shape[-1])

    def restore_draws(self, value: Tensor, sample_shape: torch.Size, batch_shape: torch.Size) -> Tensor:
        """Converts samples of the rows to the shape of the batch.

        Args:
            value: samples, shape ``(draws, T, K)``.
            sample_shape: shape of the samples.
            batch_shape: shape of the batch.

        Returns:
            Shape ``sample_shape + batch_shape + (K,)``.
        """
        if self.batch == batch_shape:
            return value.view(*sample_shape, *batch_shape, value.shape[-1])
        order = self._order(len(sample_shape), batch_shape)
        full = sample_shape + batch_shape
        if order == sorted(order):
            return value.reshape(full + value.shape[-1:])
        value = value.reshape([full[a] for a in order] + [value.shape[-1]])
        return value.permute(*sorted(range(len(order)), key=order.__getitem__), len(order))


def _once(sizes: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Returns sizes and totals as one row if all rows are equal."""
    if sizes.shape[0] > 1 and bool((sizes == sizes[0]).all()) and bool((total == total[0]).all()):
        return sizes[:1], total[:1]
    return sizes, total
