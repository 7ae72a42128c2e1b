"""``python -m hypergeo cluster``: points into clusters whose sizes are learned, beside other ways to do it."""

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
  clouds of 240, 100, 40 and 20 points, three deviations apart, over ten seeds:
    python -m hypergeo cluster --blobs 240,100,40,20 --separation 3 --seeds 10
  limits that are known:
    python -m hypergeo cluster --blobs 100,82,67,55,45 --separation 2 --capacities 100 --seeds 10
  real digits, 180 of one class down to 20 of another, by networks and without, as a page with figures:
    python -m hypergeo cluster --digits --imbalance 180,20 --seeds 10 -o digits.html
  points or images of your own (MNIST's archive will do), and all the numbers:
    python -m hypergeo cluster points.npz -k 4 -o clusters.json

A file is an .npz archive with an array x (and y, the classes, if they are known), or a table with a row for each point, in
which a column named class holds the classes. A size error of 5 % means that 5 % of the points would have to change cluster
for the sizes to be right. ARI, NMI: adjusted Rand index, normalized mutual information; accuracy: by the best matching.
All methods have the same number of starts; those of ours and "same starts" have the very same, and all kinds of
self-labelling start from the clusters that k-means finds in the features of the warm-up. Data, starts and draws follow from
the seed. Where one method is held against another, that is seed by seed: a win or loss is more than two standard errors."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    data = parser.add_argument_group("what is clustered")
    data.add_argument("points", nargs="?", metavar="FILE", help="points or images (.npz or a table; - for standard input)")
    data.add_argument("--blobs", type=sizes, metavar="SIZES", help="clouds of these sizes instead of a file: 240,100,40,20")
    data.add_argument(
        "--separation", type=single_positive, default=3.0, metavar="D", help="of neighbouring clouds, 3 by default"
    )
    data.add_argument("--digits", action="store_true", help="scikit-learn's 1,797 handwritten digits instead of a file")
    data.add_argument(
        "--imbalance",
        type=sizes,
        metavar="MOST,LEAST",
        help="numbers of the classes of a file or of the digits, falling by one factor; at random",
    )
    data.add_argument(
        "--max-points",
        type=whole(2, 100_000),
        default=2_000,
        metavar="N",
        help="a random part of larger files, 2,000 by default",
    )
    how = parser.add_argument_group("the clusters")
    how.add_argument("-k", "--clusters", type=whole(1, 1_000), metavar="K", help="how many; the number of classes by default")
    how.add_argument("-c", "--capacities", type=sizes, metavar="SIZES", help="most points of each cluster: 100 or 100,80,60")
    how.add_argument("--methods", metavar="NAMES", help=f"some of: {'; '.join(METHODS)} (separated by semicolons)")
    how.add_argument("--restarts", type=whole(1, 1_000), default=8, metavar="R", help="starts of each method, 8 by default")
    how.add_argument("--steps", type=whole(1, 100_000), default=200, metavar="S", help="gradient steps, 200 by default")
    how.add_argument(
        "--network-steps", type=whole(1, 100_000), metavar="S", help="of each half of a network's training; what suits each"
    )
    how.add_argument("--temperature", type=single_positive, default=1.0, metavar="T", help="of relaxed draws, 1 by default")
    how.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, metavar="SEED", help="the first seed, 0 by default")
    how.add_argument("--seeds", type=whole(1, 10_000), default=1, metavar="N", help="how many seeds, 1 by default")
    add_output_arguments(parser, ["text", "json", "csv", "html"])


def run(given: argparse.Namespace, terminal: Terminal) -> None:
    """Clusters the points by every method and writes what came out."""
    chosen = output_format(given)
    torch.set_num_threads(1)
    data = _data(given, terminal)
    names = _methods(given, images=len(data(given.seed).shape or ()) > 1)
    runs = []
    for turn in range(given.seeds):
        seed = given.seed + turn
        points = data(seed)
        task = _task(given, points, seed)
        for place, name in enumerate(names):
            terminal.progress((turn + place / len(names)) / given.seeds, f"seed {seed}: {name}")
            found = find_clusters(name, task)
            runs.append(ClusterRun.scored(name, seed, found.labels, found.sizes, points.classes, found.seconds))
    terminal.progress(1.0, "done")
    terminal.write(_WRITERS[chosen](ClusterStudy(runs, _settings(given))))


def _data(given: argparse.Namespace, terminal: Terminal) -> Callable[[int], LabelledArrays]:
    """The points of each seed."""
    if sum((given.points is not None, given.blobs is not None, given.digits)) != 1:
        raise ValueError("Give either a file of points, --blobs or --digits.")
    if given.blobs is not None:
        if given.imbalance is not None:
            raise ValueError("--imbalance goes with a file or --digits; --blobs has sizes of its own.")
        return partial(_blobs, given)
    read = labelled_digits() if given.digits else read_points(given.points)
    if given.imbalance is not None:
        if read.sizes is None:
            raise ValueError("--imbalance needs to know the classes; the file has none.")
        if len(given.imbalance) != 2:
            raise ValueError(f"--imbalance must be two numbers, the most and the least; got {len(given.imbalance)}.")
        return partial(read.sized, geometric_sizes(len(read.sizes), *given.imbalance))
    if len(read.points) > given.max_points:
        terminal.say(f"{len(read.points):,} points; each seed takes {given.max_points:,} of them at random (--max-points).")
    return partial(read.some, given.max_points)


def _blobs(given: argparse.Namespace, seed: int) -> LabelledArrays:
    blobs = gaussian_blobs(given.blobs, given.separation, seed)
    return LabelledArrays(blobs.points, blobs.classes)


def _methods(given: argparse.Namespace, images: bool) -> list[str]:
    if given.methods is None:
        return usual_methods(images, given.capacities is not None)
    names = [" ".join(name.split()) for name in given.methods.split(";") if name.strip()]
    if not names or (unknown := [name for name in names if name not in METHODS]):
        raise ValueError(f"--methods must be some of {'; '.join(METHODS)}; got {given.methods if not names else unknown[0]}.")
    if given.capacities is None and (limited := [name for name in names if name.endswith(LIMITED)]):
        raise ValueError(f"The method {limited[0]!r} needs --capacities.")
    return list(dict.fromkeys(names))


def _task(given: argparse.Namespace, data: LabelledArrays, seed: int) -> ClusterTask:
    clusters = given.clusters
    if clusters is None:
        if data.classes is None:
            raise ValueError("The points have no classes; say how many clusters there are with -k.")
        clusters = int(data.classes.max()) + 1
    limits = None
    if given.capacities is not None:
        limits = given.capacities[0] if len(given.capacities) == 1 else tuple(given.capacities)
    return ClusterTask(
        data.points,
        clusters,
        seed,
        given.restarts,
        given.steps,
        given.temperature,
        limits,
        data.shape,
        given.network_steps,
    )


def _settings(given: argparse.Namespace) -> dict[str, object]:
    names = [
        *("blobs", "separation", "digits", "imbalance", "max_points", "clusters", "capacities", "restarts", "steps"),
        *("network_steps", "temperature", "seed", "seeds"),
    ]
    return {"file": given.points, **{name: getattr(given, name) for name in names}}


def _json(study: ClusterStudy) -> str:
    summary = [
        {
            "method": name,
            "sizes": study.sizes(name).tolist(),
            **{score: _summed_up(study.values(name, score)) for score in (*study.scores, "seconds")},
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
                "better": found.difference,
                "standard_error": found.standard_error,
                "verdict": found.verdict(larger_is_better=True),
            }
            for (rival, score), found in study.comparisons(study.methods[0]).items()
        ],
        "runs": [asdict(run) for run in study.runs],
    }
    return json.dumps(written, ensure_ascii=False) + "\n"


def _summed_up(values: list[float]) -> dict[str, float | None]:
    found = SeedStatistics.of(values)
    return {"mean": found.mean, "sd": found.deviation, "median": statistics.median(values)}


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
    if found := study.comparisons(study.methods[0]):
        head, rows = study.comparison_table(found)
        parts.append(
            f"{study.methods[0]}, how much better than, mean ± standard error over the same seeds\n\n{table(head, rows)}"
        )
    return "\n".join(parts)


def _html(study: ClusterStudy) -> str:
    from hypergeo.figures.clusters.study import study_html

    return study_html(study)


_WRITERS: dict[str, Callable[[ClusterStudy], str]] = {"text": _text, "json": _json, "csv": _csv, "html": _html}
