"""Rules that say which dimensions two views share, by name, and generators of random numbers."""

from __future__ import annotations

import torch

from hypergeo.shared_factors.fixed_rules import (
    AdaptiveThreshold,
    AlwaysHalf,
    Categorical,
    FixedThreshold,
    Hypergeometric,
    Oracle,
    Unshared,
)

__all__ = ["RULES", "generator"]

RULES = {
    "hypergeometric": Hypergeometric(),
    "hypergeometric, global": Hypergeometric(amortised=False),
    "hypergeometric, whole": Hypergeometric(straight_through=True),
    "categorical": Categorical(),
    "categorical, global": Categorical(amortised=False),
    "adavae": AdaptiveThreshold(),
    "threshold": FixedThreshold(1.0),
    "half": AlwaysHalf(),
    "oracle": Oracle(),
    "unshared": Unshared(),
}


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
