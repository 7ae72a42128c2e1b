"""``python -m hypergeo factors``: how many factors two views share, by the law and by the rules that it replaces."""

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

_USUAL = STUDY_SETTINGS

EPILOG = """examples:
  the whole study, every number of shared factors and pairs that differ, as a page with figures:
    python -m hypergeo factors -o factors.html
  a quick look at pairs that share two factors, or none to five, with two seeds:
    python -m hypergeo factors --shared 2,0-5 --methods "hypergeometric; AdaVAE" --seeds 2 --steps 500
  images of your own, or dSprites, Shapes3D, MPI3D:
    python -m hypergeo factors --images dsprites.npz --image-size 16 -o factors.json
  parts of a study, one for each seed, put together:
    python -m hypergeo factors --seed 1 --seeds 1 -o one.json
    python -m hypergeo factors --seed 2 --seeds 1 -o two.json
    python -m hypergeo factors --read one.json two.json -o factors.html
  two processes that train together, each on half of every batch:
    torchrun --nproc-per-node 2 -m hypergeo factors -o factors.html

Errors are squared, of the number of shared dimensions as an estimate of the number of shared factors. All methods have the
same networks, pairs, steps and warm-up. An .npz file holds images and the values of the factors that made them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommand's arguments."""
    data = parser.add_argument_group("the pairs")
    data.add_argument("--images", type=Path, metavar="FILE", help="images with factor values (.npz) instead of sprites")
    data.add_argument(
        "--factors",
        type=_factors,
        metavar="NAMES",
        help=f"what sprites are made from, of {', '.join(SPRITE_FACTORS)}; the first five by default",
    )
    data.add_argument(
        "--image-size", type=whole(4, 256), metavar="P", help="rows and columns; 12 for sprites, a file's own otherwise"
    )
    data.add_argument(
        "--shared",
        type=_shared,
        metavar="LIST",
        help="how many factors pairs share: numbers, and ranges for pairs that differ: 2,0-5; all there are by default",
    )
    how = parser.add_argument_group("the training")
    how.add_argument("--methods", metavar="NAMES", help=f"some of: {'; '.join(METHODS)} (separated by semicolons)")
    how.add_argument(
        "--steps", type=whole(1, 10**6), default=_USUAL.steps, metavar="T", help=f"of each model, {_USUAL.steps:,} by default"
    )
    how.add_argument(
        "--batch",
        type=whole(1, 10**5),
        default=_USUAL.batch,
        metavar="B",
        help=f"pairs of a step, {_USUAL.batch} by default",
    )
    how.add_argument("--seed", type=whole(0, 2**31 - 1), default=0, metavar="SEED", help="the first seed, 0 by default")
    how.add_argument("--seeds", type=whole(1, 10_000), default=5, metavar="N", help="how many seeds, 5 by default")
    how.add_argument(
        "--num-pairs", type=whole(32, 10**6), default=1_024, metavar="N", help="fresh pairs for each score; 1,024 by default"
    )
    parser.add_argument("--read", type=Path, nargs="+", metavar="JSON", help="results of earlier runs instead of a new one")
    add_output_arguments(parser, ["text", "json", "csv", "html"])


def run(given: argparse.Namespace, terminal: Terminal) -> None:
    """Trains, scores and writes what came out."""
    chosen = output_format(given)
    torch.set_num_threads(1)
    if given.read:
        results = _read(given.read)
    else:
        with process_group("cpu") as team:
            results = _study(given, terminal, team)
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


def _study(given: argparse.Namespace, terminal: Terminal, team: Team) -> FactorResults:
    data, described = _data(given)
    methods = _methods(given.methods)
    shared = [*range(data.num_factors + 1), (0, data.num_factors)] if given.shared is None else given.shared
    for each in shared:
        if (each if isinstance(each, int) else each[1]) > data.num_factors:
            raise ValueError(f"--shared must be from 0 to {data.num_factors}, the number of factors; got {_spelt(each)}.")
    settings = replace(STUDY_SETTINGS, steps=given.steps, batch=given.batch)
    rows = factor_study(
        data,
        shared,
        methods=methods,
        seeds=range(given.seed, given.seed + given.seeds),
        settings=settings,
        num_pairs=given.num_pairs,
        progress=terminal.progress if team.leads else None,
        team=team,
    )
    if team.leads:
        terminal.progress(1.0, "done")
    kept = {**asdict(settings), "hidden": list(settings.hidden), "num_pairs": given.num_pairs}
    return FactorResults(described, data.num_factors, kept, rows)


def _data(given: argparse.Namespace) -> tuple[FactorImages, str]:
    if given.images is not None:
        if given.factors is not None:
            raise ValueError("--factors is for sprites; a file of images has its own.")
        archive = ImageArchive(given.images, image_size=given.image_size)
        return archive, f"{given.images.name}, {'×'.join(map(str, archive.image_shape))}: {', '.join(archive.factor_names)}"
    size = 12 if given.image_size is None else given.image_size
    sprites = Sprites(image_size=size) if given.factors is None else Sprites(given.factors, size)
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
        found = row.score.collapse
        values = [f"{getattr(row.score, name):.6g}" for name in MEASURES]
        failed = [int(found.all_shared), int(found.none_shared), len(found.unused)]
        rows.append([row.method, _spelt(row.shared), row.seed, *values, f"{row.adavae.squared_error:.6g}", *failed])
    return csv_text(rows)


def _spelt(shared: int | tuple[int, int]) -> str:
    return str(shared) if isinstance(shared, int) else f"{shared[0]}-{shared[1]}"


def _factors(text: str) -> list[str]:
    names = [part for part in text.replace(",", " ").split() if part]
    for name in names or [text]:
        if name not in SPRITE_FACTORS:
            raise argparse.ArgumentTypeError(f"must be of {', '.join(SPRITE_FACTORS)}; got {name!r}")
    return names


def _shared(text: str) -> list[int | tuple[int, int]]:
    found: list[int | tuple[int, int]] = []
    for part in text.replace(",", " ").split():
        match = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", part)
        if match is None or (match[2] is not None and int(match[2]) <= int(match[1])):
            raise argparse.ArgumentTypeError(f"must list numbers and ranges, such as 2,0-5; got {part!r}")
        found.append(int(match[1]) if match[2] is None else (int(match[1]), int(match[2])))
    if not found:
        raise argparse.ArgumentTypeError("must list at least one number")
    return list(dict.fromkeys(found))
