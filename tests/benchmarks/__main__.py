"""Runs the benchmarks, prints their tables and writes them as JSON.

``load`` simulates a classroom on the app, ``commands`` runs the commands with results in README files: see their --help.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

from . import written_tables
from .app import load
from .peers.biasedurn import BiasedUrn
from .peers.drpm import SOURCE, PartitionPeer
from .peers.mvhg import Peer
from .report import Section, machine, table, to_json
from .sections import SECTIONS, Bench
from .timing import Effort

_FULL = Effort(seconds=1.0, repeats=7)
_QUICK = Effort(seconds=0.0, repeats=1, most_draws=20)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"any of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="few samples and one repeat: a trial without verdicts")
    parser.add_argument(
        "--peer",
        type=Path,
        metavar="PATH",
        action="append",
        default=[],
        help="a checkout of thomassutter/mvhg, and another one of thomassutter/drpm, to measure beside this project",
    )
    parser.add_argument("--json", type=Path, metavar="PATH", default=Path("benchmark.json"), help="where to write the results")
    parser.add_argument("--threads", type=int, default=2, help="number of threads, 2 by default")
    parser.add_argument(
        "--write", action="store_true", help="write the tables into the README files that have a place for them"
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.sections if name not in SECTIONS]:
        parser.error(f"SECTION must be one of {', '.join(SECTIONS)}; got {', '.join(unknown)}")
    if arguments.write and arguments.quick:
        parser.error("--write needs a full run; leave out --quick")
    if arguments.threads < 1:
        parser.error(f"--threads must be at least 1; got {arguments.threads}")
    return arguments


def _print(section: Section) -> None:
    print(f"\n## {section.title}\n\n{table(section.rows)}", flush=True)


def _write(section: Section) -> None:
    """Writes a table immediately, so that it is kept if a later section fails."""
    note = "" if section.name == "accepted" else written_tables.provenance()
    for file in written_tables.write_tables({section.name: table(section.rows)}, written_tables.readme_files(), note):
        print(f"\nwritten: {file}")


def _peers(paths: list[Path]) -> tuple[Path | None, Peer | None, PartitionPeer | None]:
    """Reads the checkouts of the official code.

    Args:
        paths: checkouts of mvhg and drpm, in any order.

    Returns:
        The path and the code of mvhg, and the code of drpm; ``None`` for a missing one.

    Raises:
        SystemExit: if a checkout does not contain the code.
    """
    drpm = next((path for path in paths if (path / SOURCE).exists()), None)
    mvhg = next((path for path in paths if path != drpm), None)
    try:
        peer = None if mvhg is None else Peer(mvhg)
        if drpm is not None and mvhg is None:
            raise SystemExit("--peer must name a checkout of thomassutter/mvhg: drpm needs it")
        return mvhg, peer, None if drpm is None or mvhg is None else PartitionPeer(drpm, mvhg)
    except FileNotFoundError as error:
        raise SystemExit(f"--peer must name a checkout of thomassutter/mvhg: {error}") from None


def main() -> None:
    """Entry point of the command."""
    if sys.argv[1:2] == ["load"]:
        load.main(sys.argv[2:])
        return
    if sys.argv[1:2] == ["commands"]:
        written_tables.main(sys.argv[2:])
        return
    arguments = _arguments()
    peer_path, peer, partition_peer = _peers(arguments.peer)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    bench = Bench(_QUICK if arguments.quick else _FULL, arguments.threads, peer_path, peer, BiasedUrn(), partition_peer)
    at_start = machine()
    print("\n".join(f"{name}: {value}" for name, value in at_start.items()))
    sections = []
    for name in arguments.sections or SECTIONS:
        sections.append(SECTIONS[name](bench))
        _print(sections[-1])
        if arguments.write:
            _write(sections[-1])
    verdicts = [verdict.row() for section in sections for verdict in section.verdicts]
    if verdicts:
        print(f"\n## Targets\n\n{table(verdicts)}")
    settings = {
        "quick": arguments.quick,
        "sections": arguments.sections or list(SECTIONS),
        "official_code": None if peer is None else {"sha256_of_pt_fmvhg.py": peer.digest},
        "official_partitions": None if partition_peer is None else {f"sha256_of_{SOURCE.name}": partition_peer.digest},
        "biased_urn": bench.biased_urn.version or bench.biased_urn.missing,
    }
    arguments.json.write_text(json.dumps(to_json(sections, settings, at_start), indent=1, ensure_ascii=False) + "\n")
    print(f"\nwritten: {arguments.json}")


if __name__ == "__main__":
    main()
