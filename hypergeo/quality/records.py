"""Dataclasses of plain numbers as JSON and back."""

from __future__ import annotations

import json
import math
import types
import typing
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from hypergeo.distributions.fisher import FisherHypergeometric

__all__ = ["UrnRecord", "from_record", "to_record"]


@dataclass(frozen=True)
class UrnRecord:
    """An urn as plain numbers; the log weight of a group that cannot be drawn is minus infinity."""

    total_count: int
    group_sizes: tuple[int, ...]
    log_weights: tuple[float, ...]

    @classmethod
    def of(cls, distribution: FisherHypergeometric) -> UrnRecord:
        """The urn of a law without a batch."""
        return cls(
            int(distribution.total_count),
            tuple(distribution.group_sizes.tolist()),
            tuple(distribution.log_weights.detach().double().tolist()),
        )

    @property
    def weights(self) -> tuple[float, ...]:
        """Importance of each group."""
        return tuple(math.exp(value) for value in self.log_weights)

    def law(self) -> FisherHypergeometric:
        """The urn's exact law."""
        return FisherHypergeometric(self.total_count, list(self.group_sizes), log_weights=list(self.log_weights))


def to_record(value: Any) -> str:
    """A dataclass as JSON; infinite numbers, which JSON has not, are the strings ``"inf"`` and ``"-inf"``.

    Example:
        >>> from hypergeo.quality.samples import Floor
        >>> to_record(Floor(0.5, float("inf")))
        '{"mean": 0.5, "quantile": "inf"}'
    """
    return json.dumps(_plain(asdict(value)), ensure_ascii=False, allow_nan=False)


def from_record(text: str, kind: type) -> Any:
    """What :func:`to_record` was given.

    Args:
        text: the JSON.
        kind: the dataclass.

    Raises:
        ValueError: where the text does not fit the dataclass.

    Example:
        >>> from hypergeo.quality.samples import Floor
        >>> from_record('{"mean": 0.5, "quantile": "inf"}', Floor)
        Floor(mean=0.5, quantile=inf)
    """
    try:
        return _built(json.loads(text), kind)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"text must be the JSON of a {kind.__name__}: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _built(value: Any, kind: Any) -> Any:
    """A value of the wanted type from its JSON."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(kind)
        if value is None and type(None) in options:
            return None
        return _built(value, next(option for option in options if option is not type(None)))
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"expected a list, got {value!r}")
        return tuple(_built(item, typing.get_args(kind)[0]) for item in value)
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(f"expected an object, got {value!r}")
        hints = typing.get_type_hints(kind)
        made: Any = kind  # any dataclass can be called with its fields by name
        return made(**{field.name: _built(value[field.name], hints[field.name]) for field in fields(kind)})
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError(f"expected a number, got {value!r}")
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value
