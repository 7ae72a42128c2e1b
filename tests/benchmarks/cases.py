"""Urns of the benchmarks, and target speeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["BIAS", "EXACT", "GRID", "LARGE", "LOG_PROB", "MERGED", "RELAXED", "Case", "LargeCase", "RelaxedCase", "Urn"]


@dataclass(frozen=True)
class Urn:
    """Arguments of a distribution.

    Attributes:
        sizes: group sizes.
        drawn: number of elements drawn.
        weights: weights of the groups.
    """

    sizes: tuple[int, ...]
    drawn: int
    weights: tuple[float, ...]

    @classmethod
    def alike(cls, groups: int, size: int, drawn: int, *, spread: float = 5.0) -> Urn:
        """Returns an urn with groups of one size and geometric weights from 1 to ``spread``.

        Example:
            >>> Urn.alike(3, 200, 180, spread=4.0).weights
            (1.0, 2.0, 4.0)
        """
        steps = max(groups - 1, 1)
        return cls((size,) * groups, drawn, tuple(round(spread ** (k / steps), 12) for k in range(groups)))

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.sizes)

    def size_tensor(self) -> Tensor:
        """Returns the group sizes, shape ``(K,)``."""
        return torch.tensor(self.sizes)

    def log_weights(self, dtype: torch.dtype = torch.float64, rows: int | None = None) -> Tensor:
        """Returns the log weights, shape ``(K,)``, or ``(rows, K)`` with each row in random order and with small noise."""
        logs = torch.tensor([math.log(weight) for weight in self.weights], dtype=torch.float64)
        if rows is not None:
            random = torch.Generator().manual_seed(0)
            order = torch.rand(rows, self.groups, generator=random).argsort(-1)
            logs = logs[order] + 0.1 * torch.randn(rows, self.groups, generator=random, dtype=torch.float64)
        return logs.to(dtype)

    def even_counts(self) -> Tensor:
        """Returns counts that are as equal as possible, shape ``(K,)``: a possible sample for groups of one size.

        Example:
            >>> Urn.alike(3, 200, 20).even_counts()
            tensor([7, 7, 6])
        """
        each, over = divmod(self.drawn, self.groups)
        return torch.full((self.groups,), each) + (torch.arange(self.groups) < over)

    def __str__(self) -> str:
        """Returns a short description.

        Example:
            >>> print(Urn.alike(3, 200, 180)); print(Urn((2, 3), 4, (1.0, 5.0)))
            3×200, n=180, w=1…5
            (2, 3), n=4, w=(1, 5)
        """
        alike = len(set(self.sizes)) == 1
        sizes = f"{self.groups}×{self.sizes[0]:,}" if alike else str(self.sizes)
        shown = ", ".join(f"{weight:g}" for weight in self.weights)
        geometric = self == Urn.alike(self.groups, self.sizes[0], self.drawn, spread=self.weights[-1])
        if len(set(self.weights)) == 1:
            shown = "1"
        elif alike and geometric:
            shown = f"1…{self.weights[-1]:g}"
        else:
            shown = f"({shown})"
        return f"{sizes}, n={self.drawn:,}, w={shown}"


@dataclass(frozen=True)
class Case:
    """An urn with a number of samples.

    Attributes:
        urn: the urn.
        draws: number of samples.
        per_row: whether each sample has a separate weight vector.
    """

    urn: Urn
    draws: int
    per_row: bool = False

    def __str__(self) -> str:
        weights = "a weight vector each" if self.per_row else "one weight vector"
        return f"{self.urn}, {self.draws:,} draw{'s' * (self.draws > 1)}, {weights}"


@dataclass(frozen=True)
class RelaxedCase:
    """A case of the comparison with the official code, with target ratios of the official code's time to ours.

    Attributes:
        urn: the urn.
        draws: number of samples.
        faster: target ratio for one weight vector.
        faster_per_row: target ratio for a weight vector for each sample.
    """

    urn: Urn
    draws: int
    faster: float
    faster_per_row: float


@dataclass(frozen=True)
class LargeCase:
    """A large urn with targets for time and memory.

    Attributes:
        urn: the urn.
        draws: number of relaxed samples.
        seconds: largest allowed time; ``None`` without a target.
        megabytes: largest allowed peak memory; ``None`` without a target.
    """

    urn: Urn
    draws: int
    seconds: float | None = None
    megabytes: float | None = None


# Over K, m, n and batch. SciPy supports only equal weights for K > 2.
GRID = (
    Case(Urn.alike(2, 50, 40), 10_000),
    Case(Urn.alike(2, 1_000, 700), 10_000),
    Case(Urn.alike(2, 50, 40), 256, per_row=True),
    Case(Urn.alike(3, 200, 180, spread=1.0), 10_000),
    Case(Urn.alike(3, 200, 180), 10_000),
    Case(Urn.alike(3, 200, 180), 256, per_row=True),
    Case(Urn.alike(10, 256, 256, spread=1.0), 1_000),
    Case(Urn.alike(10, 256, 256), 1_000),
    Case(Urn.alike(10, 256, 256), 256, per_row=True),
    Case(Urn.alike(30, 20, 200), 1_000),
    Case(Urn.alike(100, 20, 200, spread=1.0), 1_000),
    Case(Urn.alike(100, 20, 200), 1_000),
    Case(Urn.alike(100, 20, 200), 100, per_row=True),
    Case(Urn.alike(3, 5_000, 4_000), 1_000),
)

RELAXED = (
    RelaxedCase(Urn.alike(2, 7, 7), 64, faster=4, faster_per_row=4),
    RelaxedCase(Urn.alike(2, 10, 10), 64, faster=4, faster_per_row=4),
    RelaxedCase(Urn.alike(3, 10, 15), 1, faster=4, faster_per_row=4),
    RelaxedCase(Urn.alike(4, 400, 400), 1, faster=4, faster_per_row=4),
    RelaxedCase(Urn.alike(3, 200, 180), 1_000, faster=25, faster_per_row=8),
    RelaxedCase(Urn.alike(10, 256, 256), 256, faster=20, faster_per_row=6),
    RelaxedCase(Urn.alike(20, 50, 200), 500, faster=5, faster_per_row=4),
    RelaxedCase(Urn.alike(100, 20, 200), 100, faster=5, faster_per_row=4),
    RelaxedCase(Urn.alike(10, 256, 256), 1, faster=4, faster_per_row=4),
)

LOG_PROB = Urn.alike(9, 20, 90)

EXACT = (
    Case(Urn((200,) * 3, 180, (1.0, 5.0, 1.0)), 100_000),
    Case(Urn.alike(3, 200, 180), 100_000),
    Case(Urn.alike(30, 20, 200), 100_000),
)

LARGE = (
    LargeCase(Urn.alike(3, 20_000, 20_000), 1_000, seconds=5.0, megabytes=1_000.0),
    LargeCase(Urn.alike(1_000, 10, 2_000), 1_000),
)

BIAS = (
    Case(Urn.alike(3, 200, 180, spread=1.0), 100_000),
    Case(Urn.alike(3, 200, 180, spread=10.0), 100_000),
    Case(Urn.alike(3, 10, 15, spread=1.0), 100_000),
    Case(Urn.alike(3, 10, 15, spread=10.0), 100_000),
)

MERGED = (
    Urn.alike(3, 200, 180, spread=1.0),
    Urn((200,) * 3, 180, (1.0, 5.0, 1.0)),
    Urn((200,) * 3, 180, (1.0, 10.0, 1.0)),
)
