"""The subcommand ``python -m hypergeo sample``, which samples from an urn."""

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
  five exact samples of 15 elements from three groups of ten:
    python -m hypergeo sample -N 5 -n 15 -m 10,10,10 -w 1,2,4
  the same urn, one element at a time (Wallenius' distribution):
    python -m hypergeo sample -N 5 -n 15 -m 3x10 -w 1,2,4 --law wallenius
  relaxed samples (differentiable in the library), soft and whole:
    python -m hypergeo sample -N 5 -n 15 -m 3x10 -w 1,2,4 --law relaxed --temperature 0.5
    python -m hypergeo sample -N 5 -n 15 -m 3x10 -w 1,2,4 --law relaxed --temperature 0.5 --straight-through

The same seed gives the same samples."""

_COUNTS_PER_PART = 500_000  # counts that are sampled and written together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand.

    Args:
        parser: parser of the subcommand.
    """
    parser.add_argument(
        "-N", "--num-samples", type=whole(1, 10**12), default=10, metavar="S", help="number of samples, 10 by default"
    )
    parser.add_argument(
        "--law", choices=["fisher", "wallenius", "relaxed"], default="fisher", help="distribution; fisher by default"
    )
    add_urn_arguments(parser)
    group = parser.add_argument_group("the relaxation (--law relaxed)")
    group.add_argument(
        "--temperature", type=positive, metavar="T", help="temperature, 1 by default; lower is closer to whole counts"
    )
    group.add_argument("--straight-through", action="store_true", help="whole counts, exactly from Fisher's distribution")
    group.add_argument(
        "--conditionals", choices=["exact", "merged"], help="exact by default; merged is the published approximation"
    )
    add_seed_argument(parser)
    add_output_arguments(parser, ["csv", "json"])


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Samples and writes the counts.

    Args:
        arguments: parsed arguments.
        terminal: output of the results and the progress.

    Raises:
        ValueError: if an option does not apply to the distribution.
    """
    chosen = output_format(arguments)
    relaxed = arguments.law == "relaxed"
    for option in ("temperature", "straight_through", "conditionals"):
        if getattr(arguments, option) and not relaxed:
            raise ValueError(f"--{option.replace('_', '-')} goes with --law relaxed")
    if arguments.temperature is not None and len(arguments.temperature) != 1:
        raise ValueError(f"--temperature must be one number; got {len(arguments.temperature)}")
    generator = start(arguments)
    distribution = _distribution(arguments, urn_of(arguments))
    groups = distribution.event_shape[0]
    parts = _parts(distribution, arguments.num_samples, max(1, _COUNTS_PER_PART // groups), terminal, generator)
    whole_counts = not relaxed or arguments.straight_through
    if chosen == "csv":
        terminal.write(_as_csv(parts, groups, whole_counts))
    else:
        terminal.write(_as_json(parts, whole_counts))


def _distribution(
    arguments: argparse.Namespace, exact: FisherHypergeometric
) -> FisherHypergeometric | RelaxedFisherHypergeometric | WalleniusHypergeometric:
    if arguments.law == "fisher":
        return exact
    if arguments.law == "wallenius":
        return WalleniusHypergeometric(exact.total_count, exact.group_sizes, log_weights=exact.log_weights)
    return RelaxedFisherHypergeometric(
        1.0 if arguments.temperature is None else arguments.temperature[0],
        exact.total_count,
        exact.group_sizes,
        log_weights=exact.log_weights,
        straight_through=arguments.straight_through,
        conditionals=arguments.conditionals or "exact",
    )


def _parts(
    distribution: FisherHypergeometric | RelaxedFisherHypergeometric | WalleniusHypergeometric,
    number: int,
    size: int,
    terminal: Terminal,
    generator: torch.Generator,
) -> Iterator[Tensor]:
    done = 0
    while done < number:
        terminal.progress(done / number, f"{done:,} of {number:,} samples")
        part = distribution.sample((min(size, number - done),), generator=generator)
        done += len(part)
        yield part


def _as_csv(parts: Iterator[Tensor], groups: int, whole_counts: bool) -> Iterator[str]:
    yield csv_text([[f"group {group + 1}" for group in range(groups)]])
    for part in parts:
        yield csv_text(part.long().tolist() if whole_counts else part.tolist())


def _as_json(parts: Iterator[Tensor], whole_counts: bool) -> Iterator[str]:
    """Yields a list of lists with one sample per line."""
    opening = "[\n"
    for part in parts:
        rows = part.long().tolist() if whole_counts else part.tolist()
        yield opening + ",\n".join(map(repr, rows))
        opening = ",\n"
    yield "\n]\n"
