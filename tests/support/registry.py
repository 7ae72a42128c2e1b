"""Valid and invalid arguments of every public distribution, for the generic tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import torch
from torch.distributions import Distribution

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric, WalleniusHypergeometric

LAWS: tuple[type[Distribution], ...] = (FisherHypergeometric, RelaxedFisherHypergeometric, WalleniusHypergeometric)
NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Urn:
    """Constructor arguments, and the properties of the distribution that they create."""

    params: dict[str, Any]
    batch_shape: tuple[int, ...] = ()
    groups: int = 3
    dtype: torch.dtype = torch.float64


@dataclass(frozen=True)
class Good:
    """A distribution and valid arguments."""

    law: type[Distribution]
    name: str
    urn: Urn

    def build(self, **changes: Any) -> Any:
        return self.law(**{**self.urn.params, **changes})

    def __str__(self) -> str:
        return f"{self.law.__name__}-{self.name}"


@dataclass(frozen=True)
class Bad:
    """A distribution, invalid arguments, and words of the error message: the argument, the value, what is allowed.

    ``structural`` arguments are refused with ``validate_args=False`` too, because no distribution can be built from them.
    """

    law: type[Distribution]
    name: str
    params: dict[str, Any]
    words: tuple[str, ...]
    structural: bool

    def __str__(self) -> str:
        return f"{self.law.__name__}-{self.name}"


def _urn(total_count: Any, group_sizes: Any, weights: Any = None, **more: Any) -> dict[str, Any]:
    arguments = {} if weights is None else {"weights": weights}
    return {"total_count": total_count, "group_sizes": group_sizes, **arguments, **more}


URNS: dict[str, Urn] = {
    "lists": Urn(_urn(3, [2, 3, 1], [1.0, 2.0, 0.5])),
    "tuples of ints": Urn(_urn(4, (2, 3, 4), (1, 2, 3))),
    "no weights": Urn(_urn(5, [2, 3, 4])),
    "arrays": Urn(_urn(np.int64(3), np.array([4, 2, 3]), np.array([0.3, 1.7, 2.5]))),
    "integer tensors": Urn(_urn(torch.tensor(4), torch.tensor([2, 3, 4]), torch.tensor([1, 2, 3]))),
    "whole floats": Urn(_urn(torch.tensor(4.0), torch.tensor([2.0, 3.0, 4.0]), torch.tensor([0.7, 1.9, 3.1]).double())),
    "float32": Urn(_urn(4, [3, 3, 2], torch.tensor([0.25, 1.0, 3.0])), dtype=torch.float32),
    "float32 log weights": Urn(_urn(4, [3, 3, 2], log_weights=torch.tensor([-0.5, 0.0, 1.0])), dtype=torch.float32),
    "log weights": Urn(_urn(4, [3, 3, 2], log_weights=[-1.0, 0.5, 2.0])),
    "absent log weight": Urn(_urn(4, [3, 3, 2], log_weights=[-1.0, -INF, 2.0])),
    "far weights": Urn(_urn(4, [3, 2, 3], log_weights=[50.0, -50.0, 0.0])),
    "zero weight": Urn(_urn(3, [2, 4, 3], [1.0, 0.0, 2.0])),
    "zero weights, forced": Urn(_urn(5, [2, 4, 3], [1.0, 0.0, 2.0])),
    "empty group": Urn(_urn(3, [2, 0, 4], [1.0, 3.0, 2.0])),
    "empty first and last": Urn(_urn(3, [0, 4, 2, 0], [1.0, 3.0, 2.0, 5.0]), groups=4),
    "none drawn": Urn(_urn(0, [2, 3, 4], [1.0, 3.0, 2.0])),
    "all drawn": Urn(_urn(9, [2, 3, 4], [1.0, 3.0, 2.0])),
    "all empty": Urn(_urn(0, [0, 0], [1.0, 3.0]), groups=2),
    "one group": Urn(_urn(3, [5], [2.0]), groups=1),
    "two groups": Urn(_urn(6, [5, 7], [2.0, 0.75]), groups=2),
    "seven groups": Urn(_urn(5, [1, 2, 3, 1, 2, 1, 2], [0.5, 1.0, 2.0, 4.0, 0.25, 1.0, 3.0]), groups=7),
    "batch of weights": Urn(_urn(3, [2, 3, 2], torch.linspace(0.2, 3.0, 12).view(4, 1, 3)), (4, 1), dtype=torch.float32),
    "batch of log weights": Urn(_urn(3, [2, 3, 2], log_weights=[[0.0, 1.0, 2.0], [1.0, -1.0, 0.5]]), (2,)),
    "batch of counts": Urn(_urn([0, 1, 4, 6], [2, 3, 1], [1.0, 2.0, 0.5]), (4,)),
    "batch of sizes": Urn(_urn(3, [[2, 3, 1], [4, 0, 5]], [1.0, 2.0, 0.5]), (2,)),
    "all broadcast": Urn(
        _urn([[2], [3]], [[2, 3, 1], [1, 0, 3], [1, 1, 1]], torch.linspace(0.2, 3.0, 12).view(4, 1, 1, 3).double()),
        (4, 2, 3),
    ),
    "counts and weights broadcast": Urn(_urn([2, 3], [2, 3, 1], [[[1.0, 2.0, 3.0]], [[0.5, 0.1, 4.0]]]), (2, 2)),
}

RELAXATIONS: tuple[dict[str, Any], ...] = (
    {"temperature": 0.5},
    {"temperature": 0.1, "straight_through": True},
    {"temperature": 1, "conditionals": "merged"},
    {"temperature": torch.tensor(2.0), "conditionals": "exact"},
    {"temperature": 0.7, "straight_through": True, "conditionals": "merged"},
)

# Name, arguments, words of the message, structural.
BAD_URNS: tuple[tuple[str, dict[str, Any], tuple[str, ...], bool], ...] = (
    ("too many drawn", _urn(7, [2, 3, 1]), ("total_count", "7", "at most", "6"), False),
    ("too many drawn in a batch", _urn([6, 7], [2, 3, 1]), ("total_count", "7", "at most", "6"), False),
    ("more than the weights allow", _urn(4, [2, 3, 1], [1.0, 0.0, 2.0]), ("total_count", "4", "at most 3", "weight"), False),
    ("more than log weights allow", _urn(4, [2, 3, 1], log_weights=[0.0, -INF, 0.0]), ("total_count", "4", "at most 3"), False),
    ("negative total", _urn(-1, [2, 3, 1]), ("total_count", "-1", "nonnegative"), False),
    ("fractional total", _urn(2.5, [2, 3, 1]), ("total_count", "2.5", "whole"), False),
    ("total not a number", _urn(NAN, [2, 3, 1]), ("total_count", "nan", "whole"), False),
    ("infinite total", _urn(INF, [2, 3, 1]), ("total_count", "inf", "whole"), False),
    ("negative size", _urn(2, [2, -3, 4]), ("group_sizes", "-3", "nonnegative"), False),
    ("fractional size", _urn(2, torch.tensor([2.0, 3.5, 1.0])), ("group_sizes", "3.5", "whole"), False),
    ("size not a number", _urn(2, [2.0, NAN, 1.0]), ("group_sizes", "nan", "whole"), False),
    ("infinite size", _urn(2, [2.0, INF, 1.0]), ("group_sizes", "inf", "whole"), False),
    ("negative weight", _urn(2, [2, 3, 1], [1.0, -0.5, 1.0]), ("weights", "-0.5", "nonnegative"), False),
    ("weight not a number", _urn(2, [2, 3, 1], [1.0, NAN, 1.0]), ("weights", "nan", "finite"), False),
    ("infinite weight", _urn(2, [2, 3, 1], [1.0, INF, 1.0]), ("weights", "inf", "finite"), False),
    ("bad weight in a batch", _urn(2, [2, 3, 1], [[1.0, 1.0, 1.0], [1.0, 1.0, NAN]]), ("weights", "nan", "finite"), False),
    ("log weight not a number", _urn(2, [2, 3, 1], log_weights=[0.0, NAN, 0.0]), ("log_weights", "nan"), False),
    ("infinite log weight", _urn(2, [2, 3, 1], log_weights=[0.0, INF, 0.0]), ("log_weights", "inf"), False),
    ("weights twice", _urn(2, [2, 3], [1.0, 1.0], log_weights=[0.0, 0.0]), ("weights", "log_weights", "not both"), True),
    ("too few weights", _urn(2, [2, 3, 1], [1.0, 1.0]), ("weights", "group_sizes", "(3,)", "(2,)"), True),
    ("too few log weights", _urn(2, [2, 3, 1], log_weights=[1.0, 1.0]), ("log_weights", "(3,)", "(2,)"), True),
    ("batches differ", _urn([1, 2], [[2, 3], [2, 3], [2, 3]]), ("total_count", "group_sizes", "(2,)", "(3, 2)"), True),
    ("one size, not a list", _urn(2, 3), ("group_sizes", "3"), True),
    ("one weight, not a list", _urn(2, [2, 3], 1.5), ("weights", "1.5"), True),
    ("no groups", _urn(0, []), ("group_sizes", "at least one"), True),
    ("ragged sizes", _urn(2, [[2, 3], [1]]), ("group_sizes", "[[2, 3], [1]]"), True),
    ("words for weights", _urn(2, [2, 3], ["heavy", "light"]), ("weights", "heavy"), True),
    ("complex weights", _urn(2, [2, 3], torch.tensor([1j, 1.0])), ("weights", "complex", "real"), True),
    ("truth values for sizes", _urn(1, torch.tensor([True, True])), ("group_sizes", "bool", "whole"), True),
    ("nothing for the total", _urn(None, [2, 3]), ("total_count", "None"), True),
)

_PLAIN = _urn(3, [2, 3, 1], [1.0, 2.0, 0.5])
BAD_RELAXATIONS: tuple[tuple[str, dict[str, Any], tuple[str, ...], bool], ...] = (
    ("zero temperature", {"temperature": 0.0, **_PLAIN}, ("temperature", "0.0", "positive"), False),
    ("negative temperature", {"temperature": -1.0, **_PLAIN}, ("temperature", "-1.0", "positive"), False),
    ("temperature not a number", {"temperature": NAN, **_PLAIN}, ("temperature", "nan", "positive"), False),
    ("temperature in words", {"temperature": "warm", **_PLAIN}, ("temperature", "warm"), True),
    (
        "unknown conditionals",
        {"temperature": 1.0, "conditionals": "approximate", **_PLAIN},
        ("conditionals", "approximate", "exact", "merged"),
        True,
    ),
)


def _good() -> Iterator[Good]:
    relaxation = cycle(RELAXATIONS)
    for name, urn in URNS.items():
        for law in LAWS:
            if law is RelaxedFisherHypergeometric:
                more = next(relaxation)
                yield Good(law, name, Urn({**urn.params, **more}, urn.batch_shape, urn.groups, urn.dtype))
            else:
                yield Good(law, name, urn)


def _bad() -> Iterator[Bad]:
    for name, params, words, structural in BAD_URNS:
        for law in LAWS:
            more = {"temperature": 0.5} if law is RelaxedFisherHypergeometric else {}
            yield Bad(law, name, {**params, **more}, words, structural)
    for name, params, words, structural in BAD_RELAXATIONS:
        yield Bad(RelaxedFisherHypergeometric, name, params, words, structural)


GOOD = tuple(_good())
BAD = tuple(_bad())
