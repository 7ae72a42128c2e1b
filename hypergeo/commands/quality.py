"""``python -m hypergeo quality``: a report on samples and gradients of an urn, or on observed counts."""

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
  three groups of 200, the published rule beside the exact one, as a page with figures:
    python -m hypergeo quality -n 180 -m 3x200 -w 1,5,1 --conditionals both -o report.html
  gradients only, of the absolute distance to (2, 4, 9):
    python -m hypergeo quality -n 15 -m 3x10 -w 1,2,4 --samplers none --objective absolute --target 2,4,9
  do these counts come from this law? (status 3 where they do not, with --strict)
    python -m hypergeo quality -n 15 -m 3x10 -w 1,2,4 --counts counts.csv --strict
  many urns, temperatures, sample counts and seeds, on all cores; run again, it goes on where it stopped:
    python -m hypergeo quality --sweep grid.json -o sweep.csv

A grid is a JSON file; what it does not say is taken from the command line:
  {"urns": [{"total_count": 15, "group_sizes": "3x10", "weights": [1, 2, 4]}],
   "temperatures": [0.1, 0.5, 1], "num_samples": [1000, 10000], "seeds": 20}

The verdict comes first, in words. With --strict the status is 3 where anything is not to be trusted."""

_USUAL = ["score-function", "control-variate", "exact-marginal", "straight-through"]
_DISTRUSTED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    add_urn_arguments(parser, required=False)
    group = parser.add_argument_group("what is measured")
    group.add_argument(
        "--temperatures", type=positive, default=[0.1, 1.0], metavar="LIST", help="of the relaxation; 0.1,1 by default"
    )
    group.add_argument(
        "--conditionals", choices=["exact", "merged", "both"], default="exact", help="exact, the published merged rule, or both"
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
        default=_USUAL,
        metavar="LIST",
        help=f"of gradients: {', '.join(ESTIMATORS)}, or none; {','.join(_USUAL)} by default",
    )
    group.add_argument(
        "--objective", choices=OBJECTIVES, default="quadratic", help="whose expectation is differentiated; quadratic by default"
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
        "--num-samples", type=whole(1, 10**8), default=10_000, metavar="S", help="draws of each sampler; 10,000"
    )
    effort.add_argument(
        "--num-gradients", type=whole(2, 10**7), default=400, metavar="R", help="estimates of each estimator; 400"
    )
    effort.add_argument("--num-evaluations", type=whole(1, 10**6), default=8, metavar="E", help="draws of each estimate; 8")
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
        help="where finished cells are kept and found again; beside the grid by default, as GRID.cells",
    )
    parser.add_argument("--strict", action="store_true", help="end with status 3 where anything is not to be trusted")
    add_output_arguments(parser, ["text", "json", "csv", "html"])


def run(given: argparse.Namespace, terminal: Terminal) -> int:
    """Measures and writes the report."""
    chosen = output_format(given)
    if given.sweep is not None:
        from .sweep.command import run_sweep

        return run_sweep(given, terminal, chosen)
    if given.workers is not None or given.scheduler is not None or given.cells is not None:
        raise ValueError("--workers, --scheduler and --cells go with --sweep")
    if given.total_count is None or given.group_sizes is None:
        raise ValueError("the urn must be given by --total-count and --group-sizes, or many of them by --sweep")
    start(given)
    law = urn_of(given)
    if given.counts is not None:
        counts = counts_of(given.counts, given, law.event_shape[0], terminal).counts
        report = QualityReport.of_counts(law, counts, level=given.level, seed=given.seed)
    else:
        if given.target is not None and len(given.target) != law.event_shape[0]:
            raise ValueError(
                f"--target must list one number for each of the {law.event_shape[0]} groups; got {len(given.target)}"
            )
        objective = with_target(preset_objective(given.objective, law), given.target)
        report = QualityReport.measure(
            law,
            given.temperatures,
            objective,
            [ESTIMATORS[name]() for name in given.estimators],
            num_samples=given.num_samples,
            num_gradients=given.num_gradients,
            num_evaluations=given.num_evaluations,
            straight_through=[name == "straight-through" for name in given.samplers],
            conditionals=["exact", "merged"] if given.conditionals == "both" else [given.conditionals],
            level=given.level,
            seed=given.seed,
            progress=terminal.progress,
        )
    terminal.write(_written(report, chosen))
    return _DISTRUSTED if given.strict and report.failures() else 0


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
        found = [part for part in text.replace(",", " ").split() if part]
        if found == ["none"]:
            return []
        for name in found:
            if name not in allowed:
                raise argparse.ArgumentTypeError(f"must be of {', '.join(allowed)}, or none; got {name!r}")
        return list(dict.fromkeys(found))

    return parsed
