"""``python -m hypergeo cluster``: points into clusters whose sizes are learned, beside other ways to do it."""

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
  clouds of 240, 100, 40 and 20 points, three deviations apart, over ten seeds:
    python -m hypergeo cluster --blobs 240,100,40,20 --separation 3 --seeds 10
  limits that are known:
    python -m hypergeo cluster --blobs 100,82,67,55,45 --separation 2 --capacities 100 --seeds 10
  real digits, 180 of one class down to 20 of another, by networks and without, as a page with figures:
    python -m hypergeo cluster --digits --imbalance 180,20 --seeds 10 -o digits.html
  points or images of your own (MNIST's archive will do), and all the numbers:
    python -m hypergeo cluster points.npz -k 4 -o clusters.json
  two columns of a table, on one scale, with the classes of a third:
    python -m hypergeo cluster penguins.csv --columns "bill length (mm),body mass (g)" --labels species --standardise
  what it will cost, and a run that Ctrl-C may stop: the same command goes on from there:
    python -m hypergeo cluster mnist.npz --seeds 10 --dry-run
    python -m hypergeo cluster mnist.npz --seeds 10 -o mnist.json

A file is an .npz archive with an array x (and y, the classes, if they are known), or a table with a row for each point, of any
separator and decimal mark; columns that are not named are inferred, which is written to standard error. A size error of 5 %
means that 5 % of the points would have to change cluster for the sizes to be right. ARI, NMI: adjusted Rand index, normalized
mutual information; accuracy: by the best matching. All methods have the same number of starts; those of ours and "same starts"
have the very same, and all networks start from one warm-up and from small clusters in its features that are merged. Data,
starts and draws follow from the seed. Where one method is held against another, that is seed by seed: a win or loss is more
than two standard errors."""


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
        type=whole(2, 1_000_000),
        metavar="N",
        help="a random part of larger files; by default as many as take two minutes a seed",
    )
    add_table_arguments(data, "coordinates")
    data.add_argument("--labels", metavar="NAME", help="of a table: the column of classes, by name or number; none for none")
    data.add_argument(
        "--standardise", action="store_true", help="of a table: each column to mean zero and standard deviation one"
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
    how.add_argument("--dry-run", action="store_true", help="say what each method will cost, and compute nothing")
    how.add_argument(
        "--runs",
        type=Path,
        metavar="FOLDER",
        help="where finished runs are kept and found again; beside the output by default, as OUTPUT.runs",
    )
    add_output_arguments(parser, ["text", "json", "csv", "html"])


def run(given: argparse.Namespace, terminal: Terminal) -> None:
    """Clusters the points by every method and writes what came out."""
    chosen = output_format(given)
    torch.set_num_threads(1)
    data = _data(given, terminal)
    first = data.points(given.seed)
    names = _methods(given, images=len(first.shape or ()) > 1)
    most = _most_points(given, terminal, names, data)
    task = _task(given, data.points(given.seed, most), given.seed)
    if given.dry_run:
        terminal.write(_costs(names, task, given.seeds))
        return
    if task.reduces and any(name.startswith("Gaussian mixture") for name in names):
        terminal.say(
            f"Gaussian mixtures see {REDUCED} principal components of the images in place of {task.points.shape[1]} pixels."
        )
    folder = RunFolder(given.runs or (Path("cluster.runs") if given.output is None else given.output.with_suffix(".runs")))
    runs: dict[tuple[int, str], tuple[str, ClusterRun]] = {}
    try:
        _work(given, terminal, data, names, most, folder, runs)
    except KeyboardInterrupt:
        for key, found in runs.values():
            folder.put(key, found)
        wanted = given.seeds * len(names)
        terminal.say(f"Stopped: {len(runs)} of {wanted} runs are kept in {folder.path}. The same command goes on from there.")
        raise
    terminal.progress(1.0, "done")
    settings = {**_settings(given), "points": most, "classes": dict(_class_sizes(first)), "read": list(first.notes)}
    terminal.write(WRITERS[chosen](ClusterStudy([found for _, found in runs.values()], settings)))


def _work(
    given: argparse.Namespace,
    terminal: Terminal,
    data: Source,
    names: list[str],
    most: int | None,
    folder: RunFolder,
    runs: dict[tuple[int, str], tuple[str, ClusterRun]],
) -> None:
    """Makes all runs that are not kept from before, and puts them into ``runs``."""
    keeps = given.runs is not None or given.output is not None
    costs: dict[str, float] = {}
    for seed in range(given.seed, given.seed + given.seeds):
        points = data.points(seed, most)
        task = _task(given, points, seed)
        for name in names:
            key = run_key(name, task, points.classes)
            if (kept := folder.get(key)) is not None:
                runs[seed, name] = key, kept
        ahead = [name for name in names if (seed, name) not in runs]
        costs |= {f"{seed} {name}": cost for name, cost in estimated_seconds(ahead, task).items()}
    before = len(runs)
    if before:
        terminal.say(f"{before} of {given.seeds * len(names)} runs are from before ({folder.path}).")
    pace = Pace(terminal, costs)
    for seed in range(given.seed, given.seed + given.seeds):
        points = data.points(seed, most)
        task = replace(_task(given, points, seed), progress=pace.report)
        ahead = [name for name in names if (seed, name) not in runs]
        if f"{seed} {WARM_UP}" in costs:
            with pace.piece(f"seed {seed}: warm-up of the network", f"{seed} {WARM_UP}"):
                task.warm_up  # noqa: B018  made once, kept in the task
        for name in ahead:
            with pace.piece(f"seed {seed}: {name}", f"{seed} {name}"):
                found = find_clusters(name, task)
            run = ClusterRun.scored(name, seed, found.labels, found.sizes, points.classes, found.seconds)
            key = run_key(name, task, points.classes)
            runs[seed, name] = key, run
            if keeps:
                folder.put(key, run)
    order = [(seed, name) for seed in range(given.seed, given.seed + given.seeds) for name in names]
    finished = {place: runs[place] for place in order}
    runs.clear()
    runs.update(finished)


def _most_points(given: argparse.Namespace, terminal: Terminal, names: list[str], data: Source) -> int | None:
    """Number of points that each seed takes; ``None`` for all."""
    if given.blobs is not None or given.imbalance is not None:
        return None
    task = _task(given, data.points(given.seed), given.seed)
    there = len(task.points)
    most = most_points(names, task, _BUDGET) if given.max_points is None else min(given.max_points, there)
    if most < there:
        why = "which takes about two minutes; " if given.max_points is None else ""
        how = f"({why}--max-points)" if given.max_points is None else "(--max-points)"
        terminal.say(f"{there:,} points; each seed takes {most:,} of them at random {how}.")
    return most


def _costs(names: list[str], task: ClusterTask, seeds: int) -> str:
    """The table of what each method will cost."""
    costs = estimated_seconds(names, task)
    rows = [[name, duration(cost)] for name, cost in costs.items()]
    total = sum(costs.values())
    rows.append(["one seed", duration(total)])
    if seeds > 1:
        rows.append([f"{seeds} seeds", duration(seeds * total)])
    points, axes = task.points.shape
    shape = " x ".join(map(str, task.shape)) if task.shape and len(task.shape) > 1 else f"{axes} columns"
    return (
        f"{points:,} points of {shape}, {task.num_clusters} clusters; nothing was computed. Time on one core, good to a factor "
        f"of two:\n\n{table(['method', 'cost'], rows)}"
    )


class Source(NamedTuple):
    """Where the points of each seed come from.

    Attributes:
        of_seed: makes the points of a seed, at most a number of them where that is asked for.
    """

    of_seed: Callable[[int, int | None], LabelledArrays]

    def points(self, seed: int, most: int | None = None) -> LabelledArrays:
        """The points of a seed, all of them or at most some."""
        return self.of_seed(seed, most)


def _data(given: argparse.Namespace, terminal: Terminal) -> Source:
    """The points of each seed."""
    if sum((given.points is not None, given.blobs is not None, given.digits)) != 1:
        raise ValueError("Give either a file of points, --blobs or --digits.")
    if given.blobs is not None:
        if given.imbalance is not None:
            raise ValueError("--imbalance goes with a file or --digits; --blobs has sizes of its own.")
        return Source(lambda seed, most: _blobs(given, seed))
    tabled = {"columns": given.columns, "labels": given.labels, "decimal": given.decimal, "standardise": given.standardise}
    if given.digits and any(tabled.values()):
        raise ValueError("--columns, --labels, --decimal and --standardise go with a table.")
    read = labelled_digits() if given.digits else read_points(given.points, **tabled)
    if read.notes:
        terminal.say(" ".join(read.notes))
    if read.class_names and not all(name.isdigit() for name in read.class_names):
        terminal.say(f"Classes: {', '.join(f'{name} {size}' for name, size in _class_sizes(read))}.")
    if given.imbalance is not None:
        if read.sizes is None:
            raise ValueError("--imbalance needs to know the classes; the file has none.")
        if len(given.imbalance) != 2:
            raise ValueError(f"--imbalance must be two numbers, the most and the least; got {len(given.imbalance)}.")
        sizes = geometric_sizes(len(read.sizes), *given.imbalance)
        return Source(lambda seed, most: read.sized(sizes, seed))
    return Source(lambda seed, most: read.some(len(read.points) if most is None else most, seed))


def _class_sizes(read: LabelledArrays) -> list[tuple[str, int]]:
    """Names of the classes, where there are any, and how many points each has."""
    return [] if read.sizes is None else list(zip(read.class_names, map(int, read.sizes), strict=False))


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
