"""``python -m hypergeo cluster``: points into clusters whose sizes are learned, beside other ways to do it."""

from __future__ import annotations

import argparse
import csv
import io
import json
import statistics
from dataclasses import asdict

import torch

from hypergeo.blobs import gaussian_blobs
from hypergeo.clustering_scores import score_clusters

from .cluster_methods import METHODS, ClusterTask, find_clusters
from .points_file import Points, read_points
from .terminal import Terminal, add_output_arguments, output_format, table
from .urn_arguments import positive, sizes, whole

__all__ = ["EPILOG", "add_arguments", "run"]

_LIMITED = "hypergeometric, capacities known"

EPILOG = """examples:
  clouds of 240, 100, 40 and 20 points, three deviations apart, over ten seeds:
    python -m hypergeo cluster --blobs 240,100,40,20 --separation 3 --seeds 10
  limits that are known:
    python -m hypergeo cluster --blobs 100,82,67,55,45 --separation 2 --capacities 100 --seeds 10
  points of your own, and all the numbers:
    python -m hypergeo cluster points.npz -k 4 -o clusters.json

A file is an .npz archive with an array x (and y, the classes, if they are known), or a table with a row for each point, in
which a column named class holds the classes. A size error of 5 % means that 5 % of the points would have to change cluster
for the sizes to be right. ARI, NMI: adjusted Rand index, normalized mutual information; accuracy: by the best matching.
All methods have the same number of starts; those of ours and "same starts" have the very same."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    data = parser.add_argument_group("the points")
    data.add_argument("points", nargs="?", metavar="FILE", help="points (.npz or a table; - for standard input)")
    data.add_argument("--blobs", type=sizes, metavar="SIZES", help="clouds of these sizes instead of a file: 240,100,40,20")
    data.add_argument("--separation", type=_number, default=3.0, metavar="D", help="of neighbouring clouds, 3 by default")
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
    how.add_argument("--temperature", type=_number, default=1.0, metavar="T", help="of relaxed draws, 1 by default")
    how.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, metavar="SEED", help="the first seed, 0 by default")
    how.add_argument("--seeds", type=whole(1, 10_000), default=1, metavar="N", help="how many seeds, 1 by default")
    add_output_arguments(parser, ["text", "json", "csv"])


def run(given: argparse.Namespace, terminal: Terminal) -> None:
    """Clusters the points by every method and writes what came out."""
    chosen = output_format(given)
    torch.set_num_threads(1)
    if (given.points is None) == (given.blobs is None):
        raise ValueError("Give either a file of points or --blobs.")
    read = None if given.points is None else read_points(given.points)
    if read is not None and len(read.points) > given.max_points:
        terminal.say(f"{len(read.points):,} points; each seed takes {given.max_points:,} of them at random (--max-points).")
    names = _methods(given)
    records = []
    for turn in range(given.seeds):
        seed = given.seed + turn
        data = _blobs(given, seed) if read is None else read.some(given.max_points, seed)
        task = _task(given, data, seed)
        for place, name in enumerate(names):
            terminal.progress((turn + place / len(names)) / given.seeds, f"seed {seed}: {name}")
            records.append({"method": name, "seed": seed, **_record(name, task, data)})
    terminal.progress(1.0, "done")
    if chosen == "json":
        settings = {
            key: getattr(given, key) for key in ("blobs", "separation", "restarts", "steps", "temperature", "capacities")
        }
        settings["file"] = given.points
        summary = [_summary(name, records) for name in names]
        terminal.write(json.dumps({"settings": settings, "summary": summary, "runs": records}, ensure_ascii=False) + "\n")
    elif chosen == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "sizes": " ".join(f"{size:.6g}" for size in row["sizes"])} for row in records)
        terminal.write(text.getvalue())
    else:
        terminal.write(_table([_summary(name, records) for name in names], given.seeds))


def _methods(given: argparse.Namespace) -> list[str]:
    if given.methods is None:
        return [name for name in METHODS if given.capacities is not None or name != _LIMITED]
    names = [name.strip() for name in given.methods.split(";") if name.strip()]
    if not names or (unknown := [name for name in names if name not in METHODS]):
        raise ValueError(f"--methods must be some of {'; '.join(METHODS)}; got {given.methods if not names else unknown[0]}.")
    if _LIMITED in names and given.capacities is None:
        raise ValueError(f"The method {_LIMITED!r} needs --capacities.")
    return names


def _blobs(given: argparse.Namespace, seed: int) -> Points:
    blobs = gaussian_blobs(given.blobs, given.separation, seed)
    return Points(blobs.points, blobs.classes)


def _task(given: argparse.Namespace, data: Points, seed: int) -> ClusterTask:
    clusters = given.clusters
    if clusters is None:
        if data.classes is None:
            raise ValueError("The points have no classes; say how many clusters there are with -k.")
        clusters = int(data.classes.max()) + 1
    limits = None
    if given.capacities is not None:
        limits = given.capacities[0] if len(given.capacities) == 1 else tuple(given.capacities)
    return ClusterTask(data.points, clusters, seed, given.restarts, given.steps, given.temperature, limits)


def _record(name: str, task: ClusterTask, data: Points) -> dict[str, object]:
    found = find_clusters(name, task)
    record: dict[str, object] = {}
    if data.classes is not None:
        scores = asdict(score_clusters(data.classes, found.labels, found.sizes))
        del scores["matched"]
        record |= scores
    return record | {"seconds": found.seconds, "sizes": [float(size) for size in found.sizes]}


def _summary(name: str, records: list[dict[str, object]]) -> dict[str, object]:
    rows = [row for row in records if row["method"] == name]
    summary: dict[str, object] = {"method": name, "sizes": sorted(rows[0]["sizes"], reverse=True)}  # type: ignore[call-overload]
    for key in rows[0]:
        if key not in ("method", "seed", "sizes"):
            values = [float(row[key]) for row in rows]  # type: ignore[arg-type]
            summary[key] = {"mean": statistics.mean(values), "sd": statistics.stdev(values) if len(values) > 1 else None}
    return summary


def _table(summary: list[dict[str, object]], seeds: int) -> str:
    scored = "size_error" in summary[0]
    head = ["method"]
    if scored:
        head += ["size error, %", "ARI", "NMI", "accuracy, %"]
    head += ["CPU s", "sizes" if seeds == 1 else "sizes, first seed"]
    lines = []
    for row in summary:
        cells = [str(row["method"])]
        if scored:
            cells += [_spread(row["size_error"], 100, 2), _spread(row["adjusted_rand_index"], 1, 3)]
            cells += [_spread(row["mutual_information"], 1, 3), _spread(row["accuracy"], 100, 1)]
        cells += [_spread(row["seconds"], 1, 2), " ".join(f"{size:.0f}" for size in row["sizes"])]  # type: ignore[attr-defined]
        lines.append(cells)
    return f"{seeds} seed{'s' * (seeds > 1)}{', mean ± standard deviation' * (seeds > 1)}\n\n{table(head, lines)}"


def _spread(value: object, scale: float, digits: int) -> str:
    assert isinstance(value, dict)
    mean = f"{scale * value['mean']:.{digits}f}"
    return mean if value["sd"] is None else f"{mean} ± {scale * value['sd']:.{digits}f}"


def _number(text: str) -> float:
    found = positive(text)
    if len(found) != 1:
        raise argparse.ArgumentTypeError(f"must be one positive number; got {text!r}")
    return found[0]
