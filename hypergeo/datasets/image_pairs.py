"""Pairs of images that share some of their generative factors."""

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
"""Factors that pairs share: one number for all pairs, a tensor with a number for each pair, a range of numbers (a tuple of two,
inclusive, sampled uniformly for each pair), or names of factors."""


@dataclass(frozen=True)
class ImagePairs:
    """Holds pairs of images with their generative factors.

    Attributes:
        images: values from 0 to 1, float32, shape ``(N, 2, C, H, W)``.
        factors: factor values, float32, shape ``(N, 2, F)``.
        shared: mask of the factors that both images of a pair have in common, shape ``(N, F)``.
        factor_names: names of the ``F`` factors.
    """

    images: Tensor
    factors: Tensor
    shared: Tensor
    factor_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def num_shared(self) -> Tensor:
        """Number of factors that each pair shares, shape ``(N,)``."""
        return self.shared.sum(-1)

    def shared_names(self, pair: int) -> tuple[str, ...]:
        """Lists the factors that a pair shares.

        Args:
            pair: index of the pair.

        Returns:
            Names of the factors.
        """
        return tuple(name for name, shared in zip(self.factor_names, self.shared[pair].tolist(), strict=True) if shared)


class FactorImages(ABC):
    """Interface of images with independent generative factors, sampled individually or in pairs.

    Samples depend only on the generator and the arguments.

    Attributes:
        factor_names: names of the ``F`` factors.
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
        """Samples independent images.

        Args:
            count: number of images.
            generator: random generator; torch's global one when omitted.

        Returns:
            Images, shape ``(count, C, H, W)``, and their factors, shape ``(count, F)``; float32.
        """

    def pairs(self, count: int, shared: Sharing, generator: torch.Generator | None = None) -> ImagePairs:
        """Samples pairs of images with some factors in common. All other factors are sampled independently for each image.

        Unless names are passed, the common factors are sampled uniformly from all sets of the right size.

        Args:
            count: number of pairs.
            shared: number of factors that the images of a pair share, or their names; see :data:`Sharing`. A ``ValueError`` is
                raised if the number is not between 0 and ``F``, or a name is unknown.
            generator: random generator; torch's global one when omitted.

        Returns:
            The pairs.
        """
        count = require_whole("count", count, 1)
        images, factors, mask = self._pairs(self._mask(count, shared, generator), generator)
        return ImagePairs(images, factors, mask, self.factor_names)

    def pairs_of_each(self, count: int, shared: Sequence[Sharing], generators: Sequence[torch.Generator]) -> ImagePairs:
        """Samples pairs with each of several generators, as one batch. The result is the same as that of :meth:`pairs` for each
        generator.

        Args:
            count: number of pairs for each generator.
            shared: what the pairs share, one entry for each generator.
            generators: ``R`` random generators.

        Returns:
            Pairs whose arrays have an additional first axis of length ``R``.
        """
        masks = [self._mask(count, each, generator) for each, generator in zip(shared, generators, strict=True)]
        return ImagePairs(*self._pairs_of_each(masks, generators), self.factor_names)

    def _pairs_of_each(
        self, masks: Sequence[Tensor], generators: Sequence[torch.Generator | None]
    ) -> tuple[Tensor, Tensor, Tensor]:
        parts = [self._pairs(mask, generator) for mask, generator in zip(masks, generators, strict=True)]
        images, factors, shared = (torch.stack(values) for values in zip(*parts, strict=True))
        return images, factors, shared

    @abstractmethod
    def _pairs(self, shared: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """Returns images, factors and masks of pairs whose masks are passed, shape ``(N, F)``."""

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
