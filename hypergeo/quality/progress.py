"""What a quality report measures, part by part: names, temperatures, seeds and the share that is done."""

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
    """Turns the parts of a report, each from 0 to 1, into one share done."""

    def __init__(
        self, progress: Progress | None, samplers: int, named: list[tuple[str, Estimator]], temperatures: Sequence[float]
    ):
        self.progress = progress
        self.estimators = [(label, one) for label, estimator in named for one in _at_temperatures(estimator, temperatures)]
        self.parts = samplers + len(self.estimators) + bool(named)
        self.done = -1

    def next(self, label: str) -> Callable[[float], None]:
        """Starts a part, and returns what is to be called with its share done."""
        self.done += 1
        done = self.done

        def step(share: float) -> None:
            if self.progress is not None:
                self.progress(min(1.0, (done + share) / self.parts), label)

        step(0.0)
        return step


def named_estimators(estimators: Sequence[Estimator] | Mapping[str, Estimator]) -> list[tuple[str, Estimator]]:
    """Estimators with their names, those given or :func:`label`'s."""
    if isinstance(estimators, Mapping):
        return list(estimators.items())
    return [(label(estimator), estimator) for estimator in estimators]


def label(estimator: Estimator) -> str:
    """An estimator in words: its class, and what of its settings is not the usual.

    Example:
        >>> from hypergeo.estimators import ScoreFunction, StraightThrough
        >>> label(StraightThrough(0.5, "merged")), label(ScoreFunction(None)), label(ScoreFunction())
        ('Straight-through (merged rule)', 'Score function (no baseline)', 'Score function (leave-one-out)')
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
        more.append("merged rule")
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
    """Makes the generator of one part of a report. Of a seed, torch's generator of the CPU takes 32 bits only."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed} {part}".encode()))
