"""The subcommand ``python -m hypergeo bench``, which times the distributions and the estimators for one urn."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import torch
from torch import Tensor

from hypergeo._records import csv_records
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric
from hypergeo.distributions.wallenius import WalleniusHypergeometric
from hypergeo.estimators import Estimator
from hypergeo.objectives import preset_objective
from hypergeo.quality.goodness_of_fit import support_size

from .named_estimators import ESTIMATORS
from .terminal import Terminal, add_output_arguments, output_format, table
from .urn_arguments import add_seed_argument, add_urn_arguments, single_positive, start, urn_of, whole

__all__ = ["EPILOG", "add_arguments", "run"]

EPILOG = """examples:
  python -m hypergeo bench -n 180 -m 3x200 -w 1,2,4
  python -m hypergeo bench -n 2000 -m 1000x10 --num-samples 100 --threads 2 -o bench.json

Each call is made once to warm up, then repeated for --seconds (at least three times), and the medians are printed. Every call
constructs its distribution, as a training step does. Other work on the machine changes the times: compare those of one run."""


@dataclass(frozen=True)
class Timing:
    """Holds the times of one kind of call.

    Attributes:
        what: name of the call.
        median: median in seconds.
        fastest: minimum in seconds.
        calls: number of calls.
    """

    what: str
    median: float
    fastest: float
    calls: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand.

    Args:
        parser: parser of the subcommand.
    """
    add_urn_arguments(parser)
    group = parser.add_argument_group("effort")
    group.add_argument("--num-samples", type=whole(1, 10**8), default=1_000, metavar="S", help="samples per call; 1,000")
    group.add_argument(
        "--num-evaluations", type=whole(2, 10**6), default=8, metavar="E", help="samples per gradient estimate; 8"
    )
    group.add_argument("--seconds", type=single_positive, default=0.3, metavar="T", help="time for each kind of call; 0.3")
    group.add_argument(
        "--temperature", type=single_positive, default=0.5, metavar="T", help="temperature of the relaxation; 0.5"
    )
    add_seed_argument(parser)
    add_output_arguments(parser, ["text", "json", "csv"])


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Measures the times and writes the medians.

    Args:
        arguments: parsed arguments.
        terminal: output of the results and the progress.
    """
    chosen = output_format(arguments)
    calls = _calls(arguments, urn_of(arguments), start(arguments))
    timings = []
    for number, (what, call) in enumerate(calls.items()):
        terminal.progress(number / len(calls), what)
        timings.append(_timed(what, call, arguments.seconds))
    rows = [asdict(timing) for timing in timings]
    machine = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": arguments.threads,
        "cores": os.cpu_count(),
    }
    if chosen == "json":
        terminal.write(json.dumps({"machine": machine, "timings": rows}, indent=1, ensure_ascii=False) + "\n")
    elif chosen == "csv":
        terminal.write(csv_records(rows))
    else:
        words = ", ".join(f"{name} {value}" for name, value in machine.items())
        shown = [[row.what, _duration(row.median), _duration(row.fastest), str(row.calls)] for row in timings]
        terminal.write(f"{words}\n\n{table(['call', 'median', 'fastest', 'calls'], shown)}")


def _calls(
    arguments: argparse.Namespace, distribution: FisherHypergeometric, generator: torch.Generator
) -> dict[str, Callable[[], object]]:
    """Returns the calls to time, by name."""
    number = arguments.num_samples
    parameters = distribution.total_count, distribution.group_sizes
    logs = distribution.log_weights
    counts = distribution.sample((number,), generator=generator)
    leaf = logs.clone().requires_grad_()

    def exact() -> FisherHypergeometric:
        return FisherHypergeometric(*parameters, log_weights=logs)

    def wallenius() -> WalleniusHypergeometric:
        return WalleniusHypergeometric(*parameters, log_weights=logs)

    def relaxed(hard: bool, conditionals: str) -> None:
        sampler = RelaxedFisherHypergeometric(
            arguments.temperature, *parameters, log_weights=leaf, straight_through=hard, conditionals=conditionals
        )
        _backward(sampler.rsample((number,), generator=generator).square().mean(), leaf)

    calls: dict[str, Callable[[], object]] = {
        "construction": exact,
        "mean and variance": lambda: (exact().mean, exact().variance),
        f"log_prob of {number:,}": lambda: exact().log_prob(counts),
        f"{number:,} exact samples": lambda: exact().sample((number,), generator=generator),
        f"{number:,} Wallenius samples": lambda: wallenius().sample((number,), generator=generator),
    }
    for hard in (False, True):
        for conditionals in ("exact", "merged"):
            kind = f"{'straight-through' if hard else 'soft'} samples, {conditionals} conditionals, forward and backward"
            calls[f"{number:,} {kind}"] = partial(relaxed, hard, conditionals)
    objective = preset_objective("quadratic", distribution)

    def gradient(estimator: Estimator) -> None:
        urn = FisherHypergeometric(*parameters, log_weights=leaf)
        _backward(estimator.surrogate_loss(urn, objective, arguments.num_evaluations, generator=generator), leaf)

    for name, make in ESTIMATORS.items():
        if name != "exact" or support_size(distribution) is not None:
            calls[f"gradient by {name}"] = partial(gradient, make())
    return calls


def _backward(loss: Tensor, leaf: Tensor) -> None:
    torch.autograd.grad(loss, leaf)


def _timed(what: str, call: Callable[[], object], seconds: float) -> Timing:
    call()
    durations: list[float] = []
    while len(durations) < 3 or sum(durations) < seconds:
        started = time.perf_counter()
        call()
        durations.append(time.perf_counter() - started)
    return Timing(what, statistics.median(durations), min(durations), len(durations))


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
