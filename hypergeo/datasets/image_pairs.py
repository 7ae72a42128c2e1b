"""Pairs of images that share some of the factors they are made from, whatever the images are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import torch
from torch import Tensor

from hypergeo._validate import require_whole

__all__ = ["FactorImages", "ImagePairs", "Sharing"]

Sharing = int | tuple[int, int] | Sequence[str] | Tensor
"""How many factors pairs share (a number, the same for all; a tensor, one for each), between how many (a tuple of two, both
ends included, drawn evenly for each pair), or which (their names)."""


@dataclass(frozen=True)
class ImagePairs:
    """Pairs of images with the factors they were made from.

    Attributes:
        images: values from 0 to 1, float32, shape ``(N, 2, C, H, W)``.
        factors: float32, shape ``(N, 2, F)``.
        shared: which factors both images of a pair have in common, shape ``(N, F)``.
        factor_names: what the factors are called, ``F`` of them.
    """

    images: Tensor
    factors: Tensor
    shared: Tensor
    factor_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def num_shared(self) -> Tensor:
        """How many factors each pair shares, shape ``(N,)``."""
        return self.shared.sum(-1)

    def shared_names(self, pair: int) -> tuple[str, ...]:
        """Names of the factors that one pair shares."""
        return tuple(name for name, shared in zip(self.factor_names, self.shared[pair].tolist(), strict=True) if shared)


class FactorImages(ABC):
    """Images made from independent factors, drawn one by one or in pairs.

    All draws come from a generator, and depend on it and on the arguments only.

    Attributes:
        factor_names: what the factors are called, ``F`` of them.
        image_shape: channels, rows and columns.
    """

    factor_names: tuple[str, ...]
    image_shape: tuple[int, int, int]

    @property
    def num_factors(self) -> int:
        """Number of factors, ``F``."""
        return len(self.factor_names)

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Independent images.

        Args:
            count: how many.
            generator: of the draws; torch's own when omitted.

        Returns:
            Images, shape ``(count, C, H, W)``, and their factors, shape ``(count, F)``; float32.
        """

    def pairs(self, count: int, shared: Sharing, generator: torch.Generator | None = None) -> ImagePairs:
        """Pairs of images with some factors in common; all others are drawn anew for each image.

        Unless they are named, the factors in common are drawn evenly from all sets of the right size.

        Args:
            count: how many pairs.
            shared: how many factors the images of a pair share, or which; see :data:`Sharing`.
            generator: of the draws; torch's own when omitted.

        Raises:
            ValueError: when ``shared`` is not between 0 and ``F``, or not names of factors.
        """
        count = require_whole("count", count, 1)
        images, factors, mask = self._pairs(self._mask(count, shared, generator), generator)
        return ImagePairs(images, factors, mask, self.factor_names)

    def pairs_of_each(self, count: int, shared: Sequence[Sharing], generators: Sequence[torch.Generator]) -> ImagePairs:
        """What :meth:`pairs` gives for each of several generators, as one batch.

        Args:
            count: how many pairs for each.
            shared: what they share, one entry for each generator.
            generators: ``R`` of them.

        Returns:
            Pairs whose arrays have one more axis in front, ``R`` long.
        """
        masks = [self._mask(count, each, generator) for each, generator in zip(shared, generators, strict=True)]
        return ImagePairs(*self._pairs_of_each(masks, generators), self.factor_names)

    def _pairs_of_each(
        self, masks: Sequence[Tensor], generators: Sequence[torch.Generator | None]
    ) -> tuple[Tensor, Tensor, Tensor]:
        made = [self._pairs(mask, generator) for mask, generator in zip(masks, generators, strict=True)]
        images, factors, shared = (torch.stack(values) for values in zip(*made, strict=True))
        return images, factors, shared

    @abstractmethod
    def _pairs(self, shared: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """Images, factors and masks of pairs whose masks are given, shape ``(N, F)``."""

    def _mask(self, count: int, shared: Sharing, generator: torch.Generator | None) -> Tensor:
        F = self.num_factors
        if isinstance(shared, Tensor):
            if shared.shape != (count,) or bool((shared.long() != shared).any()):
                raise ValueError(f"shared must hold one whole number for each of {count} pairs; got {tuple(shared.shape)}.")
            low, high = int(shared.min()), int(shared.max())
        elif isinstance(shared, int | np.integer):
            low = high = -1 if isinstance(shared, bool) else int(shared)
        elif isinstance(shared, tuple) and _two_numbers(shared):
            low, high = shared
        elif isinstance(shared, str) or not all(name in self.factor_names for name in shared):
            names = ", ".join(self.factor_names)
            raise ValueError(f"shared must be a number of factors, two numbers, or names from {names}; got {shared!r}.")
        else:
            return torch.tensor([name in shared for name in self.factor_names]).expand(count, F)
        if not 0 <= low <= high <= F:
            shown = shared.tolist() if isinstance(shared, Tensor) else shared
            raise ValueError(f"shared must be from 0 to {F}, the number of factors; got {shown!r}.")
        numbers = shared if isinstance(shared, Tensor) else torch.randint(low, high + 1, (count,), generator=generator)
        ranks = torch.rand(count, F, generator=generator).argsort(-1)
        return ranks < numbers[:, None]


def _two_numbers(shared: tuple[object, ...]) -> TypeGuard[tuple[int, int]]:
    return len(shared) == 2 and all(isinstance(number, int | np.integer) for number in shared)
