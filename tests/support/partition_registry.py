"""Arguments of every public distribution of partitions; the generic tests of partitions run over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from hypergeo import (
    ConditionalCategorical,
    FisherHypergeometric,
    RandomPartition,
    RelaxedRandomPartition,
    WalleniusHypergeometric,
)

PARTITIONS: tuple[type[Distribution], ...] = (ConditionalCategorical, RandomPartition, RelaxedRandomPartition)


@dataclass(frozen=True)
class Example:
    """A distribution of partitions as a function of its logits, and what it must make of them."""

    law: type[Distribution]
    name: str
    logits: Tensor
    build: Callable[[Any], Any]
    batch_shape: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.law.__name__}-{self.name}"


def _logits(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).to(dtype)


def _urn(*batch: int) -> FisherHypergeometric:
    return FisherHypergeometric(5, [3, 4, 5], torch.tensor([1.0, 2.0, 0.5]).double().expand(*batch, 3))


_GIVEN: dict[str, tuple[Any, Tensor, tuple[int, ...]]] = {
    "given sizes": ([1, 2, 2], _logits(5, 3), ()),
    "array of sizes": (np.array([1, 0, 4]), _logits(5, 3), ()),
    "float32": ([2, 2, 1], _logits(5, 3, dtype=torch.float32), ()),
    "one group": ([4], _logits(4, 1), ()),
    "one element": ([0, 1], _logits(1, 2), ()),
    "batch of logits": ([2, 3], _logits(4, 5, 2), (4,)),
    "batch of sizes": ([[2, 3], [5, 0], [1, 4]], _logits(5, 2), (3,)),
    "both broadcast": ([[[2, 3]], [[4, 1]]], _logits(3, 5, 2), (2, 3)),
}
_RANDOM: dict[str, tuple[Any, Tensor, tuple[int, ...]]] = {
    "Fisher's sizes": (_urn(), _logits(5, 3), ()),
    "Wallenius' sizes": (WalleniusHypergeometric(5, [3, 4, 5], [1.0, 2.0, 0.5]), _logits(5, 3), ()),
    "batch of urns": (_urn(2), _logits(5, 3), (2,)),
    "urns and logits": (_urn(2, 1), _logits(3, 5, 3), (2, 3)),
}

EXAMPLES = (
    *(
        Example(ConditionalCategorical, name, logits, lambda own, n=sizes: ConditionalCategorical(n, own), batch)
        for name, (sizes, logits, batch) in _GIVEN.items()
    ),
    *(
        Example(RandomPartition, name, logits, lambda own, n=sizes: RandomPartition(n, own), batch)
        for name, (sizes, logits, batch) in {**_GIVEN, **_RANDOM}.items()
    ),
    *(
        Example(
            RelaxedRandomPartition,
            f"{name}{', straight-through' if hard else ''}",
            logits,
            lambda own, n=sizes, hard=hard: RelaxedRandomPartition(0.5, n, own, straight_through=hard),
            batch,
        )
        for hard in (False, True)
        for name, (sizes, logits, batch) in {**_GIVEN, **_RANDOM}.items()
    ),
)
