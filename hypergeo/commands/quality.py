"""The subcommand ``python -m hypergeo quality``, which reports on samples and gradients of an urn, or on observed counts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from hypergeo.objectives import OBJECTIVES, preset_objective
from hypergeo.quality import QualityReport
from hypergeo.quality.table import estimator_table, sampler_table

from .inputs import add_table_arguments, counts_of
from .named_estimators import ESTIMATORS, with_target
from .terminal import Terminal, add_output_arguments, output_format, table
from .urn_arguments import add_seed_argument, add_urn_arguments, level, numbers, positive, start, urn_of, whole

__all__ = ["EPILOG", "add_arguments", "run"]

EPILOG = """examples:
  three groups of 200, merged (published) and exact conditionals, as a page with figures:
    python -m hypergeo quality -n 180 -m 3x200 -w 1,5,1 --conditionals both -o report.html
  only the gradients of the absolute distance to (2, 4, 9):
    python -m hypergeo quality -n 15 -m 3x10 -w 1,2,4 --samplers none --objective absolute --target 2,4,9
  test whether counts come from this distribution (with --strict the status is 3 if they do not):
    python -m hypergeo quality -n 15 -m 3x10 -w 1,2,4 --counts counts.csv --strict
  many urns, temperatures, sample counts and seeds, on all cores; a repeated command continues where it stopped:
    python -m hypergeo quality --sweep grid.json -o sweep.csv

A grid is a JSON file; entries that it lacks are taken from the command line:
  {"urns": [{"total_count": 15, "group_sizes": "3x10", "weights": [1, 2, 4]}],
   "temperatures": [0.1, 0.5, 1], "num_samples": [1000, 10000], "seeds": 20}

The verdict comes first, as text. With --strict the status is 3 if any sampler or estimator fails."""

_DEFAULT_ESTIMATORS = ["score-function", "control-variate", "exact-marginal", "straight-through"]
_DISTRUSTED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand.

    Args:
        parser: parser of the subcommand.
    """
    add_urn_arguments(parser, required=False)
    group = parser.add_argument_group("samplers and estimators")
    group.add_argument(
        "--temperatures",
        type=positive,
        default=[0.1, 1.0],
        metavar="LIST",
        help="temperatures of the relaxation; 0.1,1 by default",
    )
    group.add_argument(
        "--conditionals", choices=["exact", "merged", "both"], default="exact", help="exact, merged (published), or both"
    )
    group.add_argument(
        "--samplers",
        type=_names({"soft": False, "straight-through": True}),
        default=["soft", "straight-through"],
        metavar="LIST",
        help="soft, straight-through, both (the default), or none",
    )
    group.add_argument(
        "--estimators",
        type=_names(ESTIMATORS),
        default=_DEFAULT_ESTIMATORS,
        metavar="LIST",
        help=f"gradient estimators: {', '.join(ESTIMATORS)}, or none; {','.join(_DEFAULT_ESTIMATORS)} by default",
    )
    group.add_argument(
        "--objective",
        choices=OBJECTIVES,
        default="quadratic",
        help="function whose expectation is differentiated; quadratic by default",
    )
    group.add_argument(
        "--target",
        type=numbers,
        metavar="LIST",
        help="target counts of the quadratic and absolute objectives, coefficients of the linear one",
    )
    group.add_argument(
        "--counts", metavar="FILE", help="test these counts (CSV, - for standard input) instead of the project's samplers"
    )
    add_table_arguments(group, "counts")
    effort = parser.add_argument_group("effort")
    effort.add_argument(
        "--num-samples", type=whole(1, 10**8), default=10_000, metavar="S", help="samples of each sampler; 10,000"
    )
    effort.add_argument(
        "--num-gradients", type=whole(2, 10**7), default=400, metavar="R", help="estimates of each estimator; 400"
    )
    effort.add_argument("--num-evaluations", type=whole(1, 10**6), default=8, metavar="E", help="samples per estimate; 8")
    effort.add_argument("--level", type=level, default=0.01, metavar="P", help="false-alarm rate of the whole report; 0.01")
    add_seed_argument(parser)
    many = parser.add_argument_group("a sweep")
    many.add_argument("--sweep", type=Path, metavar="GRID", help="measure every cell of a grid (JSON) instead of one urn")
    many.add_argument(
        "--workers",
        type=whole(0, 1024),
        metavar="W",
        help="processes of this machine, one for each core by default; 0 computes in this one, without dask",
    )
    many.add_argument("--scheduler", metavar="ADDRESS", help="a cluster's Dask scheduler instead, such as tcp://10.0.0.1:8786")
    many.add_argument(
        "--cells",
        type=Path,
        metavar="FOLDER",
        help="folder of the finished cells; beside the grid by default, as GRID.cells",
    )
    parser.add_argument("--strict", action="store_true", help="end with status 3 if any sampler or estimator fails")
    add_output_arguments(parser, ["text", "json", "csv", "html"])


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Measures and writes the report.

    Args:
        arguments: parsed arguments.
        terminal: output of the results and the progress.

    Returns:
        Exit status: 3 with ``--strict`` if any sampler or estimator fails, else 0.

    Raises:
        ValueError: if arguments contradict each other or the urn is missing.
    """
    chosen = output_format(arguments)
    if arguments.sweep is not None:
        from .sweep.command import run_sweep

        return run_sweep(arguments, terminal, chosen)
    if arguments.workers is not None or arguments.scheduler is not None or arguments.cells is not None:
        raise ValueError("--workers, --scheduler and --cells go with --sweep")
    if arguments.total_count is None or arguments.group_sizes is None:
        raise ValueError("describe the urn by --total-count and --group-sizes, or several urns by --sweep")
    start(arguments)
    distribution = urn_of(arguments)
    if arguments.counts is not None:
        counts = counts_of(arguments.counts, arguments, distribution.event_shape[0], terminal).counts
        report = QualityReport.of_counts(distribution, counts, level=arguments.level, seed=arguments.seed)
    else:
        if arguments.target is not None and len(arguments.target) != distribution.event_shape[0]:
            raise ValueError(
                f"--target must list one number for each of the {distribution.event_shape[0]} groups; "
                f"got {len(arguments.target)}"
            )
        objective = with_target(preset_objective(arguments.objective, distribution), arguments.target)
        report = QualityReport.measure(
            distribution,
            arguments.temperatures,
            objective,
            [ESTIMATORS[name]() for name in arguments.estimators],
            num_samples=arguments.num_samples,
            num_gradients=arguments.num_gradients,
            num_evaluations=arguments.num_evaluations,
            straight_through=[name == "straight-through" for name in arguments.samplers],
            conditionals=["exact", "merged"] if arguments.conditionals == "both" else [arguments.conditionals],
            level=arguments.level,
            seed=arguments.seed,
            progress=terminal.progress,
        )
    terminal.write(_written(report, chosen))
    return _DISTRUSTED if arguments.strict and report.failures() else 0


def _written(report: QualityReport, chosen: str) -> str:
    if chosen == "json":
        return report.to_json() + "\n"
    if chosen == "csv":
        return report.to_csv()
    if chosen == "html":
        from hypergeo.figures.quality.report import report_html

        return report_html(report)
    return "\n".join(_paragraphs(report))


def _paragraphs(report: QualityReport) -> Iterable[str]:
    first, *others = report.verdict()
    yield first.replace("**", "")
    yield ""
    yield from (f"- {sentence}" for sentence in others)
    if report.samples:
        yield ""
        yield table(*sampler_table(report))
    if report.gradients:
        yield table(*estimator_table(report))


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    allowed = list(known)

    def parsed(text: str) -> list[str]:
        names = [part for part in text.replace(",", " ").split() if part]
        if names == ["none"]:
            return []
        for name in names:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"must be of {', '.join(allowed)}, or none; got {name!r}")
        return list(dict.fromkeys(names))

    return parsed
