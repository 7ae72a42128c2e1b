"""The subcommand ``python -m hypergeo factors``, which learns how many factors two images share and compares rules."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict, replace
from pathlib import Path

import torch

from hypergeo._records import csv_text
from hypergeo.datasets import SPRITE_FACTORS, FactorImages, ImageArchive, Sprites
from hypergeo.distributed import Team, process_group
from hypergeo.shared_factors.result_tables import TABLE_NOTES, factor_sentences, factor_tables
from hypergeo.shared_factors.results import MEASURES, FactorResults
from hypergeo.shared_factors.study import METHODS, STUDY_SETTINGS, factor_study

from .terminal import Terminal, add_output_arguments, output_format, table
from .urn_arguments import whole

__all__ = ["EPILOG", "add_arguments", "run"]

EPILOG = """examples:
  the whole study, with every fixed number of shared factors and with varying numbers, as a page with figures:
    python -m hypergeo factors -o factors.html
  a quick run with pairs that share two factors, or none to five, with two seeds:
    python -m hypergeo factors --shared 2,0-5 --methods "hypergeometric; AdaVAE" --seeds 2 --steps 500
  your own images, or dSprites, Shapes3D, MPI3D:
    python -m hypergeo factors --images dsprites.npz --image-size 16 -o factors.json
  a study in parts, one for each seed, merged afterwards:
    python -m hypergeo factors --seed 1 --seeds 1 -o one.json
    python -m hypergeo factors --seed 2 --seeds 1 -o two.json
    python -m hypergeo factors --read one.json two.json -o factors.html
  two processes that train together, each on half of every batch:
    torchrun --nproc-per-node 2 -m hypergeo factors -o factors.html

Errors are squared errors of the number of shared dimensions as an estimate of the number of shared factors. All methods use
the same networks, pairs, steps and warm-up. An .npz file holds images and the values of the factors that generated them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand.

    Args:
        parser: parser of the subcommand.
    """
    data = parser.add_argument_group("the pairs")
    data.add_argument("--images", type=Path, metavar="FILE", help="images with factor values (.npz) instead of sprites")
    data.add_argument(
        "--factors",
        type=_factors,
        metavar="NAMES",
        help=f"factors of the sprites, from {', '.join(SPRITE_FACTORS)}; the first five by default",
    )
    data.add_argument(
        "--image-size",
        type=whole(4, 256),
        metavar="P",
        help="rows and columns of an image; 12 for sprites, the size in the file otherwise",
    )
    data.add_argument(
        "--shared",
        type=_shared,
        metavar="LIST",
        help="number of factors that pairs share: fixed numbers and ranges of varying numbers: 2,0-5; all by default",
    )
    how = parser.add_argument_group("the training")
    how.add_argument("--methods", metavar="NAMES", help=f"some of: {'; '.join(METHODS)} (separated by semicolons)")
    how.add_argument(
        "--steps",
        type=whole(1, 10**6),
        default=STUDY_SETTINGS.steps,
        metavar="T",
        help=f"steps of each model, {STUDY_SETTINGS.steps:,} by default",
    )
    how.add_argument(
        "--batch",
        type=whole(1, 10**5),
        default=STUDY_SETTINGS.batch,
        metavar="B",
        help=f"pairs per step, {STUDY_SETTINGS.batch} by default",
    )
    how.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, metavar="SEED", help="the first seed, 0 by default")
    how.add_argument("--seeds", type=whole(1, 10_000), default=5, metavar="N", help="number of seeds, 5 by default")
    how.add_argument(
        "--num-pairs", type=whole(32, 10**6), default=1_024, metavar="N", help="new pairs for each score; 1,024 by default"
    )
    parser.add_argument("--read", type=Path, nargs="+", metavar="JSON", help="results of earlier runs instead of a new one")
    add_output_arguments(parser, ["text", "json", "csv", "html"])


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Trains, scores and writes the results.

    Args:
        arguments: parsed arguments.
        terminal: output of the results and the progress.
    """
    chosen = output_format(arguments)
    torch.set_num_threads(1)
    if arguments.read:
        results = _read(arguments.read)
    else:
        with process_group("cpu") as team:
            results = _study(arguments, terminal, team)
        if not team.leads:
            return
    if chosen == "json":
        terminal.write(results.to_json() + "\n")
    elif chosen == "csv":
        terminal.write(_csv(results))
    elif chosen == "html":
        from hypergeo.figures.shared_factors.study import factor_html

        terminal.write(factor_html(results))
    else:
        terminal.write(_text(results))


def _read(paths: list[Path]) -> FactorResults:
    parts = []
    for path in paths:
        try:
            parts.append(FactorResults.from_json(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    return FactorResults.merged(parts)


def _study(arguments: argparse.Namespace, terminal: Terminal, team: Team) -> FactorResults:
    data, description = _data(arguments)
    methods = _methods(arguments.methods)
    shared = [*range(data.num_factors + 1), (0, data.num_factors)] if arguments.shared is None else arguments.shared
    for each in shared:
        if (each if isinstance(each, int) else each[1]) > data.num_factors:
            raise ValueError(f"--shared must be from 0 to {data.num_factors}, the number of factors; got {_range_text(each)}.")
    settings = replace(STUDY_SETTINGS, steps=arguments.steps, batch=arguments.batch)
    rows = factor_study(
        data,
        shared,
        methods=methods,
        seeds=range(arguments.seed, arguments.seed + arguments.seeds),
        settings=settings,
        num_pairs=arguments.num_pairs,
        progress=terminal.progress if team.leads else None,
        team=team,
    )
    if team.leads:
        terminal.progress(1.0, "done")
    record = {**asdict(settings), "hidden": list(settings.hidden), "num_pairs": arguments.num_pairs}
    return FactorResults(description, data.num_factors, record, rows)


def _data(arguments: argparse.Namespace) -> tuple[FactorImages, str]:
    if arguments.images is not None:
        if arguments.factors is not None:
            raise ValueError("--factors is for sprites; a file of images has its own.")
        archive = ImageArchive(arguments.images, image_size=arguments.image_size)
        return archive, f"{arguments.images.name}, {'×'.join(map(str, archive.image_shape))}: {', '.join(archive.factor_names)}"
    size = 12 if arguments.image_size is None else arguments.image_size
    sprites = Sprites(image_size=size) if arguments.factors is None else Sprites(arguments.factors, size)
    return sprites, f"sprites of {size}×{size} pixels: {', '.join(sprites.factor_names)}"


def _methods(listed: str | None) -> list[str]:
    if listed is None:
        return list(METHODS)
    names = list(dict.fromkeys(name.strip() for name in listed.split(";") if name.strip()))
    if not names or (unknown := [name for name in names if name not in METHODS]):
        raise ValueError(f"--methods must be some of {'; '.join(METHODS)}; got {listed if not names else unknown[0]}.")
    return names


def _text(results: FactorResults) -> str:
    seeds = results.seeds
    first = f"{results.data}; {results.settings.get('steps', 0):,} steps; {len(seeds)} seed{'s' * (len(seeds) > 1)}"
    tables = "\n".join(f"{title}\n{table(head, lines)}" for title, head, lines in factor_tables(results))
    sentences = "".join(f"- {sentence}\n" for sentence in factor_sentences(results))
    return f"{first}\n\n{tables}\n{sentences}\n{TABLE_NOTES}\n"


def _csv(results: FactorResults) -> str:
    head = ["method", "shared", "seed", *MEASURES, "adavae_squared_error", "all_shared", "none_shared", "unused"]
    rows: list[list[object]] = [[*head]]
    for row in results.rows:
        collapse = row.score.collapse
        values = [f"{getattr(row.score, name):.6g}" for name in MEASURES]
        failed = [int(collapse.all_shared), int(collapse.none_shared), len(collapse.unused)]
        rows.append([row.method, _range_text(row.shared), row.seed, *values, f"{row.adavae.squared_error:.6g}", *failed])
    return csv_text(rows)


def _range_text(shared: int | tuple[int, int]) -> str:
    return str(shared) if isinstance(shared, int) else f"{shared[0]}-{shared[1]}"


def _factors(text: str) -> list[str]:
    names = [part for part in text.replace(",", " ").split() if part]
    for name in names or [text]:
        if name not in SPRITE_FACTORS:
            raise argparse.ArgumentTypeError(f"must be of {', '.join(SPRITE_FACTORS)}; got {name!r}")
    return names


def _shared(text: str) -> list[int | tuple[int, int]]:
    numbers: list[int | tuple[int, int]] = []
    for part in text.replace(",", " ").split():
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)
        if match is None or (match[2] is not None and int(match[2]) <= int(match[1])):
            raise argparse.ArgumentTypeError(f"must list numbers and ranges, such as 2,0-5; got {part!r}")
        numbers.append(int(match[1]) if match[2] is None else (int(match[1]), int(match[2])))
    if not numbers:
        raise argparse.ArgumentTypeError("must list at least one number")
    return list(dict.fromkeys(numbers))
