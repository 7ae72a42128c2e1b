"""Command-line arguments that describe an urn, shared by the subcommands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

import torch

from hypergeo.distributions.fisher import FisherHypergeometric

__all__ = [
    "add_seed_argument",
    "add_urn_arguments",
    "level",
    "numbers",
    "positive",
    "single_positive",
    "sizes",
    "start",
    "urn_of",
    "whole",
]

_MOST_GROUPS = 10_000


def add_urn_arguments(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Adds ``--total-count``, ``--group-sizes`` and the weights.

    Args:
        parser: parser of a subcommand.
        required: whether the urn is required; false if it can be described in another way.
    """
    group = parser.add_argument_group("the urn")
    group.add_argument("-n", "--total-count", type=whole(0), required=required, metavar="N", help="number of elements drawn")
    group.add_argument(
        "-m", "--group-sizes", type=sizes, required=required, metavar="SIZES", help="elements in each group: 10,10,10 or 3x10"
    )
    weights = group.add_mutually_exclusive_group()
    weights.add_argument(
        "-w", "--weights", type=numbers, metavar="WEIGHTS", help="weight of each group: 1,2,4; all equal by default"
    )
    weights.add_argument("--log-weights", type=numbers, metavar="LOGS", help="natural logarithms of the weights: 0,0.7,1.4")


def add_seed_argument(parser: argparse.ArgumentParser) -> None:
    """Adds ``--seed`` and ``--threads``.

    Args:
        parser: parser of a subcommand.
    """
    parser.add_argument(
        "--seed", type=whole(0, 2**31 - 1), default=0, metavar="SEED", help="seed of the random numbers, 0 by default"
    )
    parser.add_argument("--threads", type=whole(1, 1024), default=1, metavar="T", help="number of threads, 1 by default")


def start(arguments: argparse.Namespace) -> torch.Generator:
    """Sets torch's number of threads and creates a random generator.

    Args:
        arguments: parsed arguments, with those of :func:`add_seed_argument`.

    Returns:
        The generator, with the seed of the arguments.
    """
    torch.set_num_threads(arguments.threads)
    return torch.Generator().manual_seed(arguments.seed)


def urn_of(arguments: argparse.Namespace) -> FisherHypergeometric:
    """Creates the exact distribution of the urn that the arguments describe.

    Args:
        arguments: parsed arguments, with those of :func:`add_urn_arguments`.

    Returns:
        Fisher's noncentral hypergeometric distribution without a batch.

    Raises:
        ValueError: if the number of weights is wrong or the urn is impossible.
    """
    groups = len(arguments.group_sizes)
    for name in ("weights", "log_weights"):
        weights = getattr(arguments, name)
        if weights is not None and len(weights) != groups:
            raise ValueError(
                f"--{name.replace('_', '-')} must list one number for each of the {groups} groups; got {len(weights)}"
            )
    return FisherHypergeometric(
        arguments.total_count, arguments.group_sizes, arguments.weights, log_weights=arguments.log_weights, validate_args=True
    )


def numbers(text: str) -> list[float]:
    """Parses real numbers, separated by commas or blanks.

    Args:
        text: value of an argument.

    Returns:
        The numbers.

    Raises:
        ArgumentTypeError: if a part is not a number.

    Example:
        >>> numbers("1, 2.5,1e-3")
        [1.0, 2.5, 0.001]
    """
    parts = _parts(text)
    try:
        values = [float(part) for part in parts]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers, separated by commas; got {text!r}") from None
    if any(value != value for value in values):
        raise argparse.ArgumentTypeError(f"must be numbers; got {text!r}")
    return values


def positive(text: str) -> list[float]:
    """Parses positive finite numbers, separated by commas or blanks.

    Args:
        text: value of an argument.

    Returns:
        The numbers.

    Raises:
        ArgumentTypeError: if a number is not positive and finite.
    """
    values = numbers(text)
    if not all(0 < value < float("inf") for value in values):
        raise argparse.ArgumentTypeError(f"must be positive numbers, separated by commas; got {text!r}")
    return values


def single_positive(text: str) -> float:
    """Parses one positive finite number.

    Args:
        text: value of an argument.

    Returns:
        The number.

    Raises:
        ArgumentTypeError: if the number is not positive and finite, or not the only one.
    """
    values = numbers(text)
    if len(values) != 1 or not 0 < values[0] < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number; got {text!r}")
    return values[0]


def level(text: str) -> float:
    """Parses one number between 0 and 1, exclusive.

    Args:
        text: value of an argument.

    Returns:
        The number.

    Raises:
        ArgumentTypeError: if the number is outside 0 to 1, or not the only one.
    """
    values = numbers(text)
    if len(values) != 1 or not 0 < values[0] < 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1; got {text!r}")
    return values[0]


def sizes(text: str) -> list[int]:
    """Parses group sizes, separated by commas or blanks; ``3x200`` stands for three groups of 200.

    Args:
        text: value of an argument.

    Returns:
        Size of each group.

    Raises:
        ArgumentTypeError: if a part is not a size, or if there are no groups or too many.

    Example:
        >>> sizes("2x10,5")
        [10, 10, 5]
    """
    values: list[int] = []
    for part in _parts(text):
        match = re.fullmatch(r"(?:(\d{1,9})[x×])?(\d{1,15})", part, re.ASCII)
        if match is None:
            raise argparse.ArgumentTypeError(
                f"must be whole numbers, separated by commas, such as 10,10,10 or 3x10; got {text!r}"
            )
        times = int(match[1] or 1)
        if len(values) + times > _MOST_GROUPS:
            raise argparse.ArgumentTypeError(f"must be at most {_MOST_GROUPS:,} groups; got {text!r}")
        values += [int(match[2])] * times
    if not values:
        raise argparse.ArgumentTypeError(f"must name at least one group; got {text!r}")
    return values


def whole(least: int, most: int = 10**15) -> Callable[[str], int]:
    """Creates a parser of whole numbers within bounds.

    Args:
        least: smallest number.
        most: largest number.

    Returns:
        Function that parses the value of an argument, or raises an ``ArgumentTypeError``.
    """

    def parsed(text: str) -> int:
        digits = text.strip().replace(",", "").removeprefix("+")
        if not re.fullmatch(r"-?\d{1,16}", digits, re.ASCII) or not least <= int(digits) <= most:
            bounds = f"of at least {least:,}" if most >= 10**15 else f"between {least:,} and {most:,}"
            raise argparse.ArgumentTypeError(f"must be a whole number {bounds}; got {text!r}")
        return int(digits)

    return parsed


def _parts(text: str) -> list[str]:
    parts = [part for part in re.split(r"[,;\s]+", text.strip()) if part]
    if not parts:
        raise argparse.ArgumentTypeError("must not be empty")
    return parts
