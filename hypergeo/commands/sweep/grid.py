"""The grid of a sweep: a JSON file with lists of urns, temperatures, sample counts and seeds, converted to cells."""

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
"""Entries of a grid besides its urns. Missing entries are taken from the command line."""

_MOST_CELLS = 100_000
_URN = ("total_count", "group_sizes", "weights", "log_weights")
_RELAXING = [name for name, make in ESTIMATORS.items() if hasattr(make(), "temperature")]


def read_grid(text: str, defaults: Mapping[str, Any]) -> list[Cell]:
    """Converts a grid to its cells, without repetition.

    Samplers make one cell for each urn, temperature, sample count and seed. Estimators make one for each urn, temperature and
    seed, and those without a temperature one for each urn and seed.

    Args:
        text: JSON text.
        defaults: value of each of ``SETTINGS`` for entries that the text lacks.

    Returns:
        The cells.

    Raises:
        ValueError: if an entry is invalid; the message names the entry, its value and what is allowed.
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
    settings = {name: grid.get(name, defaults[name]) for name in SETTINGS}
    temperatures = _each(settings, "temperatures", _positive)
    counts = _each(settings, "num_samples", _whole(1, 10**8))
    samplers, conditionals, estimators = (
        _each(settings, "samplers", _one_of(["soft", "straight-through"]), empty=True),
        _each(settings, "conditionals", _one_of(["exact", "merged"])),
        _each(settings, "estimators", _one_of(list(ESTIMATORS)), empty=True),
    )
    seeds = _seeds(settings["seeds"])
    level = _positive(settings["level"], "level")
    if level >= 1:
        raise ValueError(f"level must be between 0 and 1; got {level:g}.")
    gradients: dict[str, Any] = {
        "objective": _one_of(list(OBJECTIVES))(settings["objective"], "objective"),
        "target": None
        if settings["target"] is None
        else tuple(_number(value, "target") for value in _listed(settings["target"])),
        "num_gradients": _whole(2, 10**7)(settings["num_gradients"], "num_gradients"),
        "num_evaluations": _whole(1, 10**6)(settings["num_evaluations"], "num_evaluations"),
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
            f"{where} must be an object with total_count, group_sizes and optionally weights or log_weights; got {entry!r}."
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
        distribution = FisherHypergeometric(
            total, groups, named.get("weights"), log_weights=named.get("log_weights"), validate_args=True
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return UrnRecord.of(distribution)


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
    """Returns a list of seeds. A single number is the number of seeds, starting at 0."""
    if isinstance(value, list | tuple):
        return _each({"seeds": value}, "seeds", _whole(0, 2**31 - 1))
    return list(range(_whole(1, _MOST_CELLS)(value, "seeds")))


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _each(settings: Mapping[str, Any], name: str, read: Callable[[object, str], Any], empty: bool = False) -> list[Any]:
    """Returns the distinct entries of a list.

    Raises:
        ValueError: if the list is empty and must not be.
    """
    entries = list(dict.fromkeys(read(value, name) for value in _listed(settings[name])))
    if not entries and not empty:
        raise ValueError(f"{name} must not be empty.")
    return entries


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
