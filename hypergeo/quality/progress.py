"""Progress of a quality report through its parts, with their names, temperatures and seeds."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any

import torch

from hypergeo.estimators import Estimator

__all__ = ["Progress", "Work", "label", "named_estimators", "seeded_generator"]

Progress = Callable[[float, str], object]


class Work:
    """Converts the progress of a report's parts, each from 0 to 1, to one fraction of the whole.

    Args:
        progress: called with the fraction of the work that is done and with the name of the current part; ``None`` reports
            nothing.
        samplers: number of parts besides the estimators and their reference.
        named: estimators with their names.
        temperatures: temperatures at which estimators with a temperature are measured.
    """

    def __init__(
        self, progress: Progress | None, samplers: int, named: list[tuple[str, Estimator]], temperatures: Sequence[float]
    ):
        self.progress = progress
        self.estimators = [(label, one) for label, estimator in named for one in _at_temperatures(estimator, temperatures)]
        self.parts = samplers + len(self.estimators) + bool(named)
        self.done = -1

    def next(self, label: str) -> Callable[[float], None]:
        """Starts the next part.

        Args:
            label: name of the part.

        Returns:
            Function to be called with the fraction of the part that is done.
        """
        self.done += 1
        done = self.done

        def step(fraction: float) -> None:
            if self.progress is not None:
                self.progress(min(1.0, (done + fraction) / self.parts), label)

        step(0.0)
        return step


def named_estimators(estimators: Sequence[Estimator] | Mapping[str, Estimator]) -> list[tuple[str, Estimator]]:
    """Returns estimators with their names. Estimators without a name get that of :func:`label`.

    Args:
        estimators: estimators, or a mapping from names to estimators.

    Returns:
        Pairs of name and estimator.
    """
    if isinstance(estimators, Mapping):
        return list(estimators.items())
    return [(label(estimator), estimator) for estimator in estimators]


def label(estimator: Estimator) -> str:
    """Describes an estimator: its class, and the settings that differ from the default.

    Args:
        estimator: a gradient estimator.

    Returns:
        Name for tables and figures.

    Example:
        >>> from hypergeo.estimators import ScoreFunction, StraightThrough
        >>> label(StraightThrough(0.5, "merged")), label(ScoreFunction(None)), label(ScoreFunction())
        ('Straight-through (merged conditionals)', 'Score function (no baseline)', 'Score function (leave-one-out)')
    """
    kind = type(estimator).__name__
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind).strip()
    known = {
        "straight through": "Straight-through",
        "gumbel softmax": "Gumbel-softmax",
        "linearized control variate": "Linearised control variate",
    }
    label = known.get(words, words[:1].upper() + words[1:])
    more = []
    if getattr(estimator, "conditionals", "exact") == "merged":
        more.append("merged conditionals")
    if hasattr(estimator, "baseline"):
        more.append("leave-one-out" if estimator.baseline else "no baseline")
    if getattr(estimator, "curvature", True) is False:
        more.append("first order")
    return f"{label} ({', '.join(more)})" if more else label


def _at_temperatures(estimator: Any, temperatures: Sequence[float]) -> list[Any]:
    if is_dataclass(estimator) and not isinstance(estimator, type) and hasattr(estimator, "temperature"):
        return [replace(estimator, temperature=float(temperature)) for temperature in temperatures]
    return [estimator]


def seeded_generator(seed: int, part: str) -> torch.Generator:
    """Creates the random generator of one part of a report.

    Its seed is a 32-bit checksum, because torch's CPU generator uses only 32 bits of its seed.

    Args:
        seed: seed of the report.
        part: name of the part.

    Returns:
        A seeded generator.
    """
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {part}".encode()))
