"""Arguments that describe an urn, shared by the subcommands."""

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
    """``--total-count``, ``--group-sizes`` and the weights; where there are other ways to say it, none is required."""
    group = parser.add_argument_group("the urn")
    group.add_argument("-n", "--total-count", type=whole(0), required=required, metavar="N", help="how many elements are drawn")
    group.add_argument(
        "-m", "--group-sizes", type=sizes, required=required, metavar="SIZES", help="elements in each group: 10,10,10 or 3x10"
    )
    weights = group.add_mutually_exclusive_group()
    weights.add_argument(
        "-w", "--weights", type=numbers, metavar="WEIGHTS", help="importance of each group: 1,2,4; all equal by default"
    )
    weights.add_argument("--log-weights", type=numbers, metavar="LOGS", help="natural logarithms of the weights: 0,0.7,1.4")


def add_seed_argument(parser: argparse.ArgumentParser) -> None:
    """``--seed`` and ``--threads``."""
    parser.add_argument(
        "--seed", type=whole(0, 2**31 - 1), default=0, metavar="SEED", help="of the random numbers, 0 by default"
    )
    parser.add_argument("--threads", type=whole(1, 1024), default=1, metavar="T", help="threads to compute with, 1 by default")


def start(given: argparse.Namespace) -> torch.Generator:
    """Sets torch's threads and makes a generator of random numbers, as the arguments say."""
    torch.set_num_threads(given.threads)
    return torch.Generator().manual_seed(given.seed)


def urn_of(given: argparse.Namespace) -> FisherHypergeometric:
    """The exact law of the urn that the arguments describe.

    Raises:
        ValueError: naming what cannot be drawn.
    """
    groups = len(given.group_sizes)
    for name in ("weights", "log_weights"):
        listed = getattr(given, name)
        if listed is not None and len(listed) != groups:
            raise ValueError(
                f"--{name.replace('_', '-')} must list one number for each of the {groups} groups; got {len(listed)}"
            )
    return FisherHypergeometric(
        given.total_count, given.group_sizes, given.weights, log_weights=given.log_weights, validate_args=True
    )


def numbers(text: str) -> list[float]:
    """Real numbers, separated by commas or blanks.

    Example:
        >>> numbers("1, 2.5,1e-3")
        [1.0, 2.5, 0.001]
    """
    parts = _parts(text)
    try:
        found = [float(part) for part in parts]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers, separated by commas; got {text!r}") from None
    if any(value != value for value in found):
        raise argparse.ArgumentTypeError(f"must be numbers; got {text!r}")
    return found


def positive(text: str) -> list[float]:
    """Positive finite numbers, separated by commas or blanks."""
    found = numbers(text)
    if not all(0 < value < float("inf") for value in found):
        raise argparse.ArgumentTypeError(f"must be positive numbers, separated by commas; got {text!r}")
    return found


def single_positive(text: str) -> float:
    """One positive finite number."""
    found = numbers(text)
    if len(found) != 1 or not 0 < found[0] < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number; got {text!r}")
    return found[0]


def level(text: str) -> float:
    """One number between 0 and 1, the ends excluded."""
    found = numbers(text)
    if len(found) != 1 or not 0 < found[0] < 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1; got {text!r}")
    return found[0]


def sizes(text: str) -> list[int]:
    """Group sizes, separated by commas or blanks; ``3x200`` stands for three groups of 200.

    Example:
        >>> sizes("2x10,5")
        [10, 10, 5]
    """
    found: list[int] = []
    for part in _parts(text):
        match = re.fullmatch(r"(?:(\d{1,9})[x×])?(\d{1,15})", part, re.ASCII)
        if match is None:
            raise argparse.ArgumentTypeError(
                f"must be whole numbers, separated by commas, such as 10,10,10 or 3x10; got {text!r}"
            )
        times = int(match[1] or 1)
        if len(found) + times > _MOST_GROUPS:
            raise argparse.ArgumentTypeError(f"must be at most {_MOST_GROUPS:,} groups; got {text!r}")
        found += [int(match[2])] * times
    if not found:
        raise argparse.ArgumentTypeError(f"must name at least one group; got {text!r}")
    return found


def whole(least: int, most: int = 10**15) -> Callable[[str], int]:
    """A parser of whole numbers within bounds."""

    def parsed(text: str) -> int:
        digits = text.strip().replace(",", "").removeprefix("+")
        if not re.fullmatch(r"-?\d{1,16}", digits, re.ASCII) or not least <= int(digits) <= most:
            bounds = f"of at least {least:,}" if most >= 10**15 else f"between {least:,} and {most:,}"
            raise argparse.ArgumentTypeError(f"must be a whole number {bounds}; got {text!r}")
        return int(digits)

    return parsed


def _parts(text: str) -> list[str]:
    found = [part for part in re.split(r"[,;\s]+", text.strip()) if part]
    if not found:
        raise argparse.ArgumentTypeError("must not be empty")
    return found
