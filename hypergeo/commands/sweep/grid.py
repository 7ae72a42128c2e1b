"""The grid of a sweep: a JSON file with lists of urns, temperatures, sample counts and seeds, as cells."""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from hypergeo._validate import require_whole
from hypergeo.commands.named_estimators import ESTIMATORS
from hypergeo.commands.urn_arguments import sizes
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.objectives import OBJECTIVES
from hypergeo.quality.records import UrnRecord

from .cells import Cell

__all__ = ["SETTINGS", "read_grid"]

SETTINGS = (
    *("temperatures", "num_samples", "seeds", "conditionals", "samplers", "estimators"),
    *("objective", "target", "num_gradients", "num_evaluations", "level"),
)
"""What a grid may say beside its urns; what it does not say comes from the command line."""

_MOST_CELLS = 100_000
_URN = ("total_count", "group_sizes", "weights", "log_weights")
_RELAXING = [name for name, make in ESTIMATORS.items() if hasattr(make(), "temperature")]


def read_grid(text: str, defaults: Mapping[str, Any]) -> list[Cell]:
    """Every combination that a grid asks for, each once.

    Samplers make a cell for each urn, temperature, sample count and seed; estimators of gradients one for each urn, temperature
    and seed, those without a temperature one for each urn and seed.

    Args:
        text: the JSON.
        defaults: value of each of ``SETTINGS`` that the text does not give.

    Raises:
        ValueError: naming the entry, its value and what is allowed.
    """
    try:
        grid = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"The grid is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from None
    except (RecursionError, ValueError):
        raise ValueError("The grid is nested too deeply, or has a number of thousands of digits.") from None
    if not isinstance(grid, dict) or "urns" not in grid:
        raise ValueError('The grid must be a JSON object with a list "urns".')
    if unknown := [name for name in grid if name not in ("urns", *SETTINGS)]:
        raise ValueError(f"The grid may have the entries urns, {', '.join(SETTINGS)}; got {unknown[0]!r}.")
    urns = [_urn(entry, f"urns[{place}]") for place, entry in enumerate(_listed(grid["urns"]))]
    if not urns:
        raise ValueError("urns must list at least one urn; got [].")
    said = {name: grid.get(name, defaults[name]) for name in SETTINGS}
    temperatures = _each(said, "temperatures", _positive)
    counts = _each(said, "num_samples", _whole(1, 10**8))
    samplers, conditionals, estimators = (
        _each(said, "samplers", _one_of(["soft", "straight-through"]), empty=True),
        _each(said, "conditionals", _one_of(["exact", "merged"])),
        _each(said, "estimators", _one_of(list(ESTIMATORS)), empty=True),
    )
    seeds = _seeds(said["seeds"])
    level = _positive(said["level"], "level")
    if level >= 1:
        raise ValueError(f"level must be between 0 and 1; got {level:g}.")
    gradients: dict[str, Any] = {
        "objective": _one_of(list(OBJECTIVES))(said["objective"], "objective"),
        "target": None if said["target"] is None else tuple(_number(value, "target") for value in _listed(said["target"])),
        "num_gradients": _whole(2, 10**7)(said["num_gradients"], "num_gradients"),
        "num_evaluations": _whole(1, 10**6)(said["num_evaluations"], "num_evaluations"),
    }
    _check_target(gradients, urns, bool(estimators))
    relaxing = tuple(name for name in estimators if name in _RELAXING)
    others = tuple(name for name in estimators if name not in _RELAXING)
    total = len(urns) * len(seeds) * (len(temperatures) * (len(counts) * bool(samplers) + bool(relaxing)) + bool(others))
    if not 1 <= total <= _MOST_CELLS:
        raise ValueError(f"The grid must have between 1 and {_MOST_CELLS:,} cells; it has {total:,}.")
    cells: list[Cell] = []
    for urn, seed in itertools.product(urns, seeds):
        for temperature in temperatures:
            if samplers:
                rules, kinds = tuple(conditionals), tuple(samplers)
                cells += [Cell(urn, temperature, seed, count, rules, kinds, level=level) for count in counts]
            if relaxing:
                cells.append(Cell(urn, temperature, seed, estimators=relaxing, level=level, **gradients))
        if others:
            cells.append(Cell(urn, None, seed, estimators=others, level=level, **gradients))
    return list(dict.fromkeys(cells))


def _urn(entry: object, where: str) -> UrnRecord:
    if not isinstance(entry, dict) or not {"total_count", "group_sizes"} <= set(entry) <= set(_URN):
        raise ValueError(
            f"{where} must be an object with total_count, group_sizes and, if it likes, weights or log_weights; got {entry!r}."
        )
    if "weights" in entry and "log_weights" in entry:
        raise ValueError(f"{where} must have weights or log_weights, not both.")
    groups = entry["group_sizes"]
    if isinstance(groups, str):
        try:
            groups = sizes(groups)
        except argparse.ArgumentTypeError as error:
            raise ValueError(f"{where}.group_sizes {error}.") from None
    groups = [_whole(0, 10**15)(size, f"{where}.group_sizes") for size in _listed(groups)]
    named = {name: [_number(value, f"{where}.{name}") for value in _listed(entry[name])] for name in _URN[2:] if name in entry}
    for name, values in named.items():
        if len(values) != len(groups):
            raise ValueError(f"{where}.{name} must list one number for each of the {len(groups)} groups; got {len(values)}.")
    total = _whole(0, 10**15)(entry["total_count"], f"{where}.total_count")
    try:
        law = FisherHypergeometric(
            total, groups, named.get("weights"), log_weights=named.get("log_weights"), validate_args=True
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return UrnRecord.of(law)


def _check_target(gradients: dict[str, Any], urns: list[UrnRecord], used: bool) -> None:
    target = gradients["target"]
    if target is None or not used:
        return
    if gradients["objective"] == "step":
        raise ValueError("target goes with the objective quadratic, absolute or linear, not with step.")
    if wrong := [len(urn.group_sizes) for urn in urns if len(urn.group_sizes) != len(target)]:
        raise ValueError(
            f"target must list one number for each group of every urn; got {len(target)} where there are {wrong[0]} groups."
        )


def _seeds(value: object) -> list[int]:
    """Seeds as listed; a single number is how many, from 0 on."""
    if isinstance(value, list | tuple):
        return _each({"seeds": value}, "seeds", _whole(0, 2**31 - 1))
    return list(range(_whole(1, _MOST_CELLS)(value, "seeds")))


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _each(said: Mapping[str, Any], name: str, read: Callable[[object, str], Any], empty: bool = False) -> list[Any]:
    """The entries of a list, each once."""
    found = list(dict.fromkeys(read(value, name) for value in _listed(said[name])))
    if not found and not empty:
        raise ValueError(f"{name} must not be empty.")
    return found


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ValueError(f"{name} must be numbers; got {value!r}.")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} must be numbers that a computer can hold; got one of {len(str(value)):,} digits.") from None


def _positive(value: object, name: str) -> float:
    number = _number(value, name)
    if not 0 < number < math.inf:
        raise ValueError(f"{name} must be positive and finite; got {value!r}.")
    return number


def _whole(least: int, most: int) -> Callable[[object, str], int]:
    def read(value: object, name: str) -> int:
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        return require_whole(name, whole, least, most, f"between {least:,} and {most:,}")

    return read


def _one_of(known: list[str]) -> Callable[[object, str], str]:
    def read(value: object, name: str) -> str:
        if value not in known:
            raise ValueError(f"{name} must be of {', '.join(known)}; got {value!r}.")
        return str(value)

    return read
