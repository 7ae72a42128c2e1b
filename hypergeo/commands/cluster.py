"""The subcommand ``python -m hypergeo cluster``, which clusters points with learned sizes and compares methods."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch

from hypergeo._records import csv_text
from hypergeo.clustering.benchmark.registry import LIMITED, METHODS, find_clusters, usual_methods
from hypergeo.clustering.benchmark.study import ClusterRun, ClusterStudy
from hypergeo.clustering.benchmark.task import ClusterTask
from hypergeo.datasets.blobs import gaussian_blobs
from hypergeo.datasets.labelled import LabelledArrays, geometric_sizes, labelled_digits
from hypergeo.numerics.seed_statistics import SeedStatistics

from .inputs import read_points
from .terminal import Terminal, add_output_arguments, output_format, table
from .urn_arguments import single_positive, sizes, whole

__all__ = ["EPILOG", "add_arguments", "run"]

EPILOG = """examples:
  Gaussian clusters of 240, 100, 40 and 20 points, three standard deviations between neighbours, ten seeds:
    python -m hypergeo cluster --blobs 240,100,40,20 --separation 3 --seeds 10
  with known capacities:
    python -m hypergeo cluster --blobs 100,82,67,55,45 --separation 2 --capacities 100 --seeds 10
  handwritten digits, from 180 of one class to 20 of another, with and without networks, as a page with figures:
    python -m hypergeo cluster --digits --imbalance 180,20 --seeds 10 -o digits.html
  your own points or images (such as MNIST's archive), with all numbers:
    python -m hypergeo cluster points.npz -k 4 -o clusters.json

A file is an .npz archive with an array x (and y, the classes, if they are known), or a table with a row for each point, in
which a column named class holds the classes. A size error of 5 % means that 5 % of the points would have to change cluster
for the sizes to be right. ARI, NMI: adjusted Rand index, normalized mutual information; accuracy: with the best matching.
All methods have the same number of restarts. Our methods and "same starts" use identical starts, and all variants of
self-labelling start from the k-means clusters of the features after the warm-up. Data, starts and samples depend only on the
seed. Methods are compared seed by seed: a win or loss is a difference of more than two standard errors."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand.

    Args:
        parser: parser of the subcommand.
    """
    data = parser.add_argument_group("the data")
    data.add_argument("points", nargs="?", metavar="FILE", help="points or images (.npz or a table; - for standard input)")
    data.add_argument(
        "--blobs", type=sizes, metavar="SIZES", help="Gaussian clusters of these sizes instead of a file: 240,100,40,20"
    )
    data.add_argument(
        "--separation",
        type=single_positive,
        default=3.0,
        metavar="D",
        help="distance of neighbouring clusters in standard deviations, 3 by default",
    )
    data.add_argument("--digits", action="store_true", help="scikit-learn's 1,797 handwritten digits instead of a file")
    data.add_argument(
        "--imbalance",
        type=sizes,
        metavar="MOST,LEAST",
        help="largest and smallest class of a random subset; class sizes fall geometrically",
    )
    data.add_argument(
        "--max-points",
        type=whole(2, 100_000),
        default=2_000,
        metavar="N",
        help="number of points in a random subset of larger files, 2,000 by default",
    )
    how = parser.add_argument_group("the clusters")
    how.add_argument(
        "-k", "--clusters", type=whole(1, 1_000), metavar="K", help="number of clusters; the number of classes by default"
    )
    how.add_argument("-c", "--capacities", type=sizes, metavar="SIZES", help="capacity of each cluster: 100 or 100,80,60")
    how.add_argument("--methods", metavar="NAMES", help=f"some of: {'; '.join(METHODS)} (separated by semicolons)")
    how.add_argument("--restarts", type=whole(1, 1_000), default=8, metavar="R", help="restarts of each method, 8 by default")
    how.add_argument("--steps", type=whole(1, 100_000), default=200, metavar="S", help="gradient steps, 200 by default")
    how.add_argument(
        "--network-steps",
        type=whole(1, 100_000),
        metavar="S",
        help="steps of each half of a network's training; depends on the method by default",
    )
    how.add_argument(
        "--temperature", type=single_positive, default=1.0, metavar="T", help="temperature of relaxed samples, 1 by default"
    )
    how.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, metavar="SEED", help="the first seed, 0 by default")
    how.add_argument("--seeds", type=whole(1, 10_000), default=1, metavar="N", help="number of seeds, 1 by default")
    add_output_arguments(parser, ["text", "json", "csv", "html"])


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Clusters the points by every method and writes the scores.

    Args:
        arguments: parsed arguments.
        terminal: output of the results and the progress.
    """
    chosen = output_format(arguments)
    torch.set_num_threads(1)
    data = _data(arguments, terminal)
    names = _methods(arguments, images=len(data(arguments.seed).shape or ()) > 1)
    runs = []
    for turn in range(arguments.seeds):
        seed = arguments.seed + turn
        points = data(seed)
        task = _task(arguments, points, seed)
        for place, name in enumerate(names):
            terminal.progress((turn + place / len(names)) / arguments.seeds, f"seed {seed}: {name}")
            result = find_clusters(name, task)
            runs.append(ClusterRun.scored(name, seed, result.labels, result.sizes, points.classes, result.seconds))
    terminal.progress(1.0, "done")
    terminal.write(_WRITERS[chosen](ClusterStudy(runs, _settings(arguments))))


def _data(arguments: argparse.Namespace, terminal: Terminal) -> Callable[[int], LabelledArrays]:
    """Returns the function that makes the points of a seed.

    Raises:
        ValueError: if the arguments describe no data, several data sets, or an impossible imbalance.
    """
    if sum((arguments.points is not None, arguments.blobs is not None, arguments.digits)) != 1:
        raise ValueError("Give either a file of points, --blobs or --digits.")
    if arguments.blobs is not None:
        if arguments.imbalance is not None:
            raise ValueError("--imbalance goes with a file or --digits; --blobs has sizes of its own.")
        return partial(_blobs, arguments)
    read = labelled_digits() if arguments.digits else read_points(arguments.points)
    if arguments.imbalance is not None:
        if read.sizes is None:
            raise ValueError("--imbalance needs to know the classes; the file has none.")
        if len(arguments.imbalance) != 2:
            raise ValueError(f"--imbalance must be two numbers, the most and the least; got {len(arguments.imbalance)}.")
        return partial(read.sized, geometric_sizes(len(read.sizes), *arguments.imbalance))
    if len(read.points) > arguments.max_points:
        terminal.say(f"{len(read.points):,} points; each seed takes {arguments.max_points:,} of them at random (--max-points).")
    return partial(read.some, arguments.max_points)


def _blobs(arguments: argparse.Namespace, seed: int) -> LabelledArrays:
    blobs = gaussian_blobs(arguments.blobs, arguments.separation, seed)
    return LabelledArrays(blobs.points, blobs.classes)


def _methods(arguments: argparse.Namespace, images: bool) -> list[str]:
    if arguments.methods is None:
        return usual_methods(images, arguments.capacities is not None)
    names = [" ".join(name.split()) for name in arguments.methods.split(";") if name.strip()]
    if not names or (unknown := [name for name in names if name not in METHODS]):
        raise ValueError(
            f"--methods must be some of {'; '.join(METHODS)}; got {arguments.methods if not names else unknown[0]}."
        )
    if arguments.capacities is None and (limited := [name for name in names if name.endswith(LIMITED)]):
        raise ValueError(f"The method {limited[0]!r} needs --capacities.")
    return list(dict.fromkeys(names))


def _task(arguments: argparse.Namespace, data: LabelledArrays, seed: int) -> ClusterTask:
    clusters = arguments.clusters
    if clusters is None:
        if data.classes is None:
            raise ValueError("The points have no classes; say how many clusters there are with -k.")
        clusters = int(data.classes.max()) + 1
    limits = None
    if arguments.capacities is not None:
        limits = arguments.capacities[0] if len(arguments.capacities) == 1 else tuple(arguments.capacities)
    return ClusterTask(
        data.points,
        clusters,
        seed,
        arguments.restarts,
        arguments.steps,
        arguments.temperature,
        limits,
        data.shape,
        arguments.network_steps,
    )


def _settings(arguments: argparse.Namespace) -> dict[str, object]:
    names = [
        *("blobs", "separation", "digits", "imbalance", "max_points", "clusters", "capacities", "restarts", "steps"),
        *("network_steps", "temperature", "seed", "seeds"),
    ]
    return {"file": arguments.points, **{name: getattr(arguments, name) for name in names}}


def _json(study: ClusterStudy) -> str:
    summary = [
        {
            "method": name,
            "sizes": study.sizes(name).tolist(),
            **{score: _statistics(study.values(name, score)) for score in (*study.scores, "seconds")},
        }
        for name in study.methods
    ]
    written = {
        "settings": study.settings,
        "summary": summary,
        "comparisons": [
            {
                "method": study.methods[0],
                "rival": rival,
                "score": score,
                "better": comparison.difference,
                "standard_error": comparison.standard_error,
                "verdict": comparison.verdict(larger_is_better=True),
            }
            for (rival, score), comparison in study.comparisons(study.methods[0]).items()
        ],
        "runs": [asdict(run) for run in study.runs],
    }
    return json.dumps(written, ensure_ascii=False) + "\n"


def _statistics(values: list[float]) -> dict[str, float | None]:
    summary = SeedStatistics.of(values)
    return {"mean": summary.mean, "sd": summary.deviation, "median": statistics.median(values)}


def _csv(study: ClusterStudy) -> str:
    rows: list[list[object]] = [["method", "seed", *study.scores, "seconds", "sizes", "true_sizes"]]
    for run in study.runs:
        sized = (" ".join(f"{size:.6g}" for size in sizes) for sizes in (run.sizes, run.true_sizes))
        rows.append([run.method, run.seed, *(run.scores[score] for score in study.scores), run.seconds, *sized])
    return csv_text(rows)


def _text(study: ClusterStudy) -> str:
    seeds = len(study.seeds)
    head, rows = study.table()
    parts = [f"{seeds} seed{'s' * (seeds > 1)}{', mean ± standard deviation' * (seeds > 1)}\n\n{table(head, rows)}"]
    if comparisons := study.comparisons(study.methods[0]):
        head, rows = study.comparison_table(comparisons)
        parts.append(
            f"{study.methods[0]}, improvement over others, mean ± standard error over the same seeds\n\n{table(head, rows)}"
        )
    return "\n".join(parts)


def _html(study: ClusterStudy) -> str:
    from hypergeo.figures.clusters.study import study_html

    return study_html(study)


_WRITERS: dict[str, Callable[[ClusterStudy], str]] = {"text": _text, "json": _json, "csv": _csv, "html": _html}
