"""``python -m hypergeo sample``: draws from an urn."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from torch import Tensor

from hypergeo._records import csv_text
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric
from hypergeo.distributions.wallenius import WalleniusHypergeometric

from .terminal import Terminal, add_output_arguments, output_format
from .urn_arguments import add_seed_argument, add_urn_arguments, positive, start, urn_of, whole

__all__ = ["EPILOG", "add_arguments", "run"]

EPILOG = """examples:
  five exact draws of 15 elements from three groups of ten:
    python -m hypergeo sample -N 5 -n 15 -m 10,10,10 -w 1,2,4
  the same urn, emptied one element at a time (Wallenius' law):
    python -m hypergeo sample -N 5 -n 15 -m 3x10 -w 1,2,4 --law wallenius
  relaxed draws, which carry gradients in the library, soft and whole:
    python -m hypergeo sample -N 5 -n 15 -m 3x10 -w 1,2,4 --law relaxed --temperature 0.5
    python -m hypergeo sample -N 5 -n 15 -m 3x10 -w 1,2,4 --law relaxed --temperature 0.5 --straight-through

The same seed gives the same draws."""

_CHUNK = 500_000  # counts drawn and written at once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    parser.add_argument(
        "-N", "--num-samples", type=whole(1, 10**12), default=10, metavar="S", help="number of draws, 10 by default"
    )
    parser.add_argument(
        "--law", choices=["fisher", "wallenius", "relaxed"], default="fisher", help="whose draws; fisher by default"
    )
    add_urn_arguments(parser)
    group = parser.add_argument_group("the relaxation (--law relaxed)")
    group.add_argument("--temperature", type=positive, metavar="T", help="1 by default; lower is nearer to whole counts")
    group.add_argument("--straight-through", action="store_true", help="whole counts, with exactly Fisher's law")
    group.add_argument("--conditionals", choices=["exact", "merged"], help="exact by default; merged is the published rule")
    add_seed_argument(parser)
    add_output_arguments(parser, ["csv", "json"])


def run(given: argparse.Namespace, terminal: Terminal) -> None:
    """Draws and writes."""
    chosen = output_format(given)
    relaxed = given.law == "relaxed"
    for option in ("temperature", "straight_through", "conditionals"):
        if getattr(given, option) and not relaxed:
            raise ValueError(f"--{option.replace('_', '-')} goes with --law relaxed")
    if given.temperature is not None and len(given.temperature) != 1:
        raise ValueError(f"--temperature must be one number; got {len(given.temperature)}")
    generator = start(given)
    law = _law(given, urn_of(given))
    groups = law.event_shape[0]
    parts = _parts(law, given.num_samples, max(1, _CHUNK // groups), terminal, generator)
    whole_counts = not relaxed or given.straight_through
    if chosen == "csv":
        terminal.write(_as_csv(parts, groups, whole_counts))
    else:
        terminal.write(_as_json(parts, whole_counts))


def _law(
    given: argparse.Namespace, exact: FisherHypergeometric
) -> FisherHypergeometric | RelaxedFisherHypergeometric | WalleniusHypergeometric:
    if given.law == "fisher":
        return exact
    if given.law == "wallenius":
        return WalleniusHypergeometric(exact.total_count, exact.group_sizes, log_weights=exact.log_weights)
    return RelaxedFisherHypergeometric(
        1.0 if given.temperature is None else given.temperature[0],
        exact.total_count,
        exact.group_sizes,
        log_weights=exact.log_weights,
        straight_through=given.straight_through,
        conditionals=given.conditionals or "exact",
    )


def _parts(
    law: FisherHypergeometric | RelaxedFisherHypergeometric | WalleniusHypergeometric,
    number: int,
    size: int,
    terminal: Terminal,
    generator: torch.Generator,
) -> Iterator[Tensor]:
    drawn = 0
    while drawn < number:
        terminal.progress(drawn / number, f"{drawn:,} of {number:,} draws")
        part = law.sample((min(size, number - drawn),), generator=generator)
        drawn += len(part)
        yield part


def _as_csv(parts: Iterator[Tensor], groups: int, whole_counts: bool) -> Iterator[str]:
    yield csv_text([[f"group {group + 1}" for group in range(groups)]])
    for part in parts:
        yield csv_text(part.long().tolist() if whole_counts else part.tolist())


def _as_json(parts: Iterator[Tensor], whole_counts: bool) -> Iterator[str]:
    """A list of lists, one draw a line."""
    opening = "[\n"
    for part in parts:
        rows = part.long().tolist() if whole_counts else part.tolist()
        yield opening + ",\n".join(map(repr, rows))
        opening = ",\n"
    yield "\n]\n"
