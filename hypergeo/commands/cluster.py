"""The subcommand ``python -m hypergeo cluster``, which clusters points with learned sizes and compares methods."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from hypergeo.clustering.benchmark.costs import WARM_UP, estimated_seconds, most_points
from hypergeo.clustering.benchmark.registry import LIMITED, METHODS, find_clusters, usual_methods
from hypergeo.clustering.benchmark.study import ClusterRun, ClusterStudy
from hypergeo.clustering.benchmark.task import REDUCED, ClusterTask
from hypergeo.datasets.blobs import gaussian_blobs
from hypergeo.datasets.labelled import LabelledArrays, geometric_sizes, labelled_digits

from .cluster_output import WRITERS
from .cluster_runs import Pace, RunFolder, duration, run_key
from .inputs import add_table_arguments, read_points
from .terminal import Terminal, add_output_arguments, output_format, table
from .urn_arguments import single_positive, sizes, whole

__all__ = ["EPILOG", "add_arguments", "run"]

_BUDGET = 120.0  # seconds of one core for a seed
EPILOG = """examples:
  Gaussian clusters of 240, 100, 40 and 20 points, three standard deviations between neighbours, ten seeds:
    python -m hypergeo cluster --blobs 240,100,40,20 --separation 3 --seeds 10
  with known capacities:
    python -m hypergeo cluster --blobs 100,82,67,55,45 --separation 2 --capacities 100 --seeds 10
  handwritten digits, from 180 of one class to 20 of another, with and without networks, as a page with figures:
    python -m hypergeo cluster --digits --imbalance 180,20 --seeds 10 -o digits.html
  your own points or images (such as MNIST's archive), with all results as JSON:
    python -m hypergeo cluster points.npz -k 4 -o clusters.json
  two columns of a table, on one scale, with the classes of a third:
    python -m hypergeo cluster penguins.csv --columns "bill length (mm),body mass (g)" --labels species --standardise
  the estimated cost, and a run that continues with the same command after Ctrl-C:
    python -m hypergeo cluster mnist.npz --seeds 10 --dry-run
    python -m hypergeo cluster mnist.npz --seeds 10 -o mnist.json

A file is an .npz archive with an array x (and y, the classes, if they are known), or a table with a row for each point, of any
separator and decimal mark; columns that are not named are inferred, and the inference is written to standard error. A size
error of 5 % means that 5 % of the points would have to change cluster for the sizes to be right. ARI, NMI: adjusted Rand index,
normalized mutual information; accuracy: with the best matching. All methods have the same number of restarts. Our methods and
"same starts" use identical starts. All networks start from the same warm-up, and from merged small clusters of its features.
Data, starts and samples depend only on the seed. Methods are compared seed by seed: a win or loss is a difference of more than
two standard errors."""


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
        type=whole(2, 1_000_000),
        metavar="N",
        help="number of points in a random subset of larger files; by default as many as take two minutes per seed",
    )
    add_table_arguments(data, "coordinates")
    data.add_argument("--labels", metavar="NAME", help="column of the classes in a table, by name or number, or none")
    data.add_argument(
        "--standardise", action="store_true", help="scale each column of a table to mean zero and standard deviation one"
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
    how.add_argument("--dry-run", action="store_true", help="list the estimated time of each method, and compute nothing")
    how.add_argument(
        "--runs",
        type=Path,
        metavar="FOLDER",
        help="folder of the finished runs, which the same command reuses; OUTPUT.runs beside the output by default",
    )
    add_output_arguments(parser, ["text", "json", "csv", "html"])


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Clusters the points by every method and writes the scores.

    Args:
        arguments: parsed arguments.
        terminal: output of the results and the progress.

    Raises:
        KeyboardInterrupt: if the user interrupts; the finished runs are kept.
    """
    chosen = output_format(arguments)
    torch.set_num_threads(1)
    data = _data(arguments, terminal)
    first = data.points(arguments.seed)
    names = _methods(arguments, images=len(first.shape or ()) > 1)
    most = _most_points(arguments, terminal, names, data)
    task = _task(arguments, data.points(arguments.seed, most), arguments.seed)
    if arguments.dry_run:
        terminal.write(_costs(names, task, arguments.seeds))
        return
    if task.reduces and any(name.startswith("Gaussian mixture") for name in names):
        terminal.say(
            f"Gaussian mixtures see {REDUCED} principal components of the images in place of {task.points.shape[1]} pixels."
        )
    folder = RunFolder(
        arguments.runs or (Path("cluster.runs") if arguments.output is None else arguments.output.with_suffix(".runs"))
    )
    runs: dict[tuple[int, str], tuple[str, ClusterRun]] = {}
    try:
        _work(arguments, terminal, data, names, most, folder, runs)
    except KeyboardInterrupt:
        for key, result in runs.values():
            folder.put(key, result)
        wanted = arguments.seeds * len(names)
        terminal.say(f"Stopped: {len(runs)} of {wanted} runs are kept in {folder.path}. The same command continues from there.")
        raise
    terminal.progress(1.0, "done")
    settings = {**_settings(arguments), "points": most, "classes": dict(_class_sizes(first)), "read": list(first.notes)}
    terminal.write(WRITERS[chosen](ClusterStudy([run for _, run in runs.values()], settings)))


def _work(
    arguments: argparse.Namespace,
    terminal: Terminal,
    data: Source,
    names: list[str],
    most: int | None,
    folder: RunFolder,
    runs: dict[tuple[int, str], tuple[str, ClusterRun]],
) -> None:
    """Computes the runs that no earlier call has finished, and adds all runs to ``runs``."""
    keeps = arguments.runs is not None or arguments.output is not None
    costs: dict[str, float] = {}
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        points = data.points(seed, most)
        task = _task(arguments, points, seed)
        for name in names:
            key = run_key(name, task, points.classes)
            if (kept := folder.get(key)) is not None:
                runs[seed, name] = key, kept
        ahead = [name for name in names if (seed, name) not in runs]
        costs |= {f"{seed} {name}": cost for name, cost in estimated_seconds(ahead, task).items()}
    before = len(runs)
    if before:
        terminal.say(f"{before} of {arguments.seeds * len(names)} runs were finished before ({folder.path}).")
    pace = Pace(terminal, costs)
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        points = data.points(seed, most)
        task = replace(_task(arguments, points, seed), progress=pace.report)
        ahead = [name for name in names if (seed, name) not in runs]
        if f"{seed} {WARM_UP}" in costs:
            with pace.piece(f"seed {seed}: warm-up of the network", f"{seed} {WARM_UP}"):
                task.warm_up  # noqa: B018  made once, kept in the task
        for name in ahead:
            with pace.piece(f"seed {seed}: {name}", f"{seed} {name}"):
                result = find_clusters(name, task)
            run = ClusterRun.scored(name, seed, result.labels, result.sizes, points.classes, result.seconds)
            key = run_key(name, task, points.classes)
            runs[seed, name] = key, run
            if keeps:
                folder.put(key, run)
    order = [(seed, name) for seed in range(arguments.seed, arguments.seed + arguments.seeds) for name in names]
    finished = {place: runs[place] for place in order}
    runs.clear()
    runs.update(finished)


def _most_points(arguments: argparse.Namespace, terminal: Terminal, names: list[str], data: Source) -> int | None:
    """Returns the number of points of each seed; ``None`` for all."""
    if arguments.blobs is not None or arguments.imbalance is not None:
        return None
    task = _task(arguments, data.points(arguments.seed), arguments.seed)
    there = len(task.points)
    most = most_points(names, task, _BUDGET) if arguments.max_points is None else min(arguments.max_points, there)
    if most < there:
        why = "which takes about two minutes; " if arguments.max_points is None else ""
        how = f"({why}--max-points)" if arguments.max_points is None else "(--max-points)"
        terminal.say(f"{there:,} points; each seed uses {most:,} of them at random {how}.")
    return most


def _costs(names: list[str], task: ClusterTask, seeds: int) -> str:
    """Returns the table of the estimated time of each method."""
    costs = estimated_seconds(names, task)
    rows = [[name, duration(cost)] for name, cost in costs.items()]
    total = sum(costs.values())
    rows.append(["one seed", duration(total)])
    if seeds > 1:
        rows.append([f"{seeds} seeds", duration(seeds * total)])
    points, axes = task.points.shape
    shape = " x ".join(map(str, task.shape)) if task.shape and len(task.shape) > 1 else f"{axes} columns"
    return (
        f"{points:,} points of {shape}, {task.num_clusters} clusters; nothing was computed. Time on one core, accurate to a "
        f"factor of two:\n\n{table(['method', 'cost'], rows)}"
    )


class Source(NamedTuple):
    """Source of the points of each seed.

    Attributes:
        of_seed: function that returns the points of a seed, all of them or at most a number of them.
    """

    of_seed: Callable[[int, int | None], LabelledArrays]

    def points(self, seed: int, most: int | None = None) -> LabelledArrays:
        """Returns the points of a seed.

        Args:
            seed: the seed.
            most: largest number of points; all points when omitted.

        Returns:
            The points, with shape ``(N, D)``.
        """
        return self.of_seed(seed, most)


def _data(arguments: argparse.Namespace, terminal: Terminal) -> Source:
    """Returns the source of the points.

    Raises:
        ValueError: if the arguments describe no data, several data sets, or an impossible imbalance.
    """
    if sum((arguments.points is not None, arguments.blobs is not None, arguments.digits)) != 1:
        raise ValueError("Give either a file of points, --blobs or --digits.")
    if arguments.blobs is not None:
        if arguments.imbalance is not None:
            raise ValueError("--imbalance goes with a file or --digits; --blobs has sizes of its own.")
        return Source(lambda seed, most: _blobs(arguments, seed))
    tabled = {
        "columns": arguments.columns,
        "labels": arguments.labels,
        "decimal": arguments.decimal,
        "standardise": arguments.standardise,
    }
    if arguments.digits and any(tabled.values()):
        raise ValueError("--columns, --labels, --decimal and --standardise go with a table.")
    read = labelled_digits() if arguments.digits else read_points(arguments.points, **tabled)
    if read.notes:
        terminal.say(" ".join(read.notes))
    if read.class_names and not all(name.isdigit() for name in read.class_names):
        terminal.say(f"Classes: {', '.join(f'{name} {size}' for name, size in _class_sizes(read))}.")
    if arguments.imbalance is not None:
        if read.sizes is None:
            raise ValueError("--imbalance needs to know the classes; the file has none.")
        if len(arguments.imbalance) != 2:
            raise ValueError(f"--imbalance must be two numbers, the largest and the smallest; got {len(arguments.imbalance)}.")
        sizes = geometric_sizes(len(read.sizes), *arguments.imbalance)
        return Source(lambda seed, most: read.sized(sizes, seed))
    return Source(lambda seed, most: read.some(len(read.points) if most is None else most, seed))


def _class_sizes(read: LabelledArrays) -> list[tuple[str, int]]:
    """Returns names and sizes of the classes, if there are any."""
    return [] if read.sizes is None else list(zip(read.class_names, map(int, read.sizes), strict=False))


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
            raise ValueError("The points have no classes; pass the number of clusters with -k.")
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
