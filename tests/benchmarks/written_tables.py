"""Writes measured tables into the README files of the repository, between the comments that name them."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypergeo.__main__ import main as hypergeo
from hypergeo.shared_factors.result_tables import factor_sentences, factor_tables
from hypergeo.shared_factors.results import FactorResults

from .report import machine

__all__ = ["command_tables", "main", "markdown", "provenance", "readme_files", "table_names", "write_tables"]

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"<!-- table: (?P<name>[^\n]+?) -->\n.*?<!-- end -->", re.DOTALL)
_COLUMNS = (
    ("size_error", "size error, %", 100.0, 1),
    ("adjusted_rand_index", "ARI", 1.0, 3),
    ("mutual_information", "NMI", 1.0, 3),
    ("accuracy", "accuracy, %", 100.0, 1),
)
_CLOSE = 0.05


def readme_files(root: Path = ROOT) -> list[Path]:
    """Returns the files of the repository that may have measured tables."""
    return sorted([*root.glob("*.md"), *(root / "hypergeo").rglob("*.md"), *(root / "tests").rglob("*.md")])


def table_names(files: Iterable[Path]) -> list[str]:
    """Returns the names of the tables in files, in order and with repetitions."""
    return [match["name"] for file in files for match in _BLOCK.finditer(file.read_text(encoding="utf-8"))]


def write_tables(tables: Mapping[str, str], files: Iterable[Path], note: str = "") -> list[Path]:
    """Replaces the text between the comments ``<!-- table: NAME -->`` and ``<!-- end -->``.

    Args:
        tables: Markdown text of each table by its name.
        files: files to write to; blocks of other names stay as they are.
        note: line that follows each table, such as the machine and the date.

    Returns:
        The files that hold one of the tables.
    """

    def block(match: re.Match[str]) -> str:
        if match["name"] not in tables:
            return match[0]
        parts = [f"<!-- table: {match['name']} -->", tables[match["name"]], *([note] if note else []), "<!-- end -->"]
        return "\n\n".join(parts)

    written = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        if tables.keys() & {match["name"] for match in _BLOCK.finditer(text)}:
            file.write_text(_BLOCK.sub(block, text), encoding="utf-8")
            written.append(file)
    return written


def provenance() -> str:
    """Returns a description of the machine and the day in one line."""
    at = machine()
    versions = ", ".join(f"{name} {at[name]}" for name in ("torch", "numpy", "scipy"))
    load = at["load_average"][0]
    return (
        f"Measured {at['time'][:10]} on {at['cpu']}, {at['cores']} cores, {at['threads']} threads, {versions}, load {load:.1f}."
    )


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table, the first column aligned left and the others right.

    Example:
        >>> print(markdown(["method", "ARI"], [["k-means", "0.5"]]))
        | method | ARI |
        | :--- | ---: |
        | k-means | 0.5 |
    """
    rule = [":---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def command_tables(command: str) -> dict[str, str]:
    """Runs a ``hypergeo cluster`` or ``hypergeo factors`` command and formats its results.

    Args:
        command: command as in a terminal, without output options.

    Returns:
        Tables by name: the table of ``cluster`` has the command as its name; the tables and the sentences of ``factors``
        have the command with ``| 1``, ``| 2`` and ``| sentences``.

    Raises:
        RuntimeError: if the command fails.
    """
    words = shlex.split(command)[1:]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.json"
        # Finished runs of ``cluster`` are kept, so that stopped commands can continue.
        kept = ["--runs", str(ROOT / "results" / "cluster.runs")] if words[0] == "cluster" else []
        if status := hypergeo([*words, *kept, "--output", str(file)]):
            raise RuntimeError(f"{command} ended with status {status}")
        text = file.read_text(encoding="utf-8")
    if words[0] == "cluster":
        return {command: _cluster_table(json.loads(text))}
    results = FactorResults.from_json(text)
    tables = {f"{command} | {i}": markdown(head, rows) for i, (_, head, rows) in enumerate(factor_tables(results), 1)}
    return tables | {f"{command} | sentences": "\n".join(f"- {sentence}" for sentence in factor_sentences(results))}


def _cluster_table(results: Mapping[str, Any]) -> str:
    """Returns a table with one row for each method: mean ± standard deviation over seeds, and the first method's gain."""
    ours = results["summary"][0]["method"]
    better = {
        (comparison["rival"], comparison["score"]): comparison
        for comparison in results["comparisons"]
        if comparison["method"] == ours
    }
    columns = [column for column in _COLUMNS if column[0] in results["summary"][0]]
    compared = [column for column in columns if any(score == column[0] for _, score in better)]
    head = ["method", *(title for _, title, _, _ in columns), "CPU s", *(f"ours better by: {c[1]}" for c in compared)]
    if sized := any(column[0] == "size_error" for column in columns):
        head.insert(2, "below 5 %")
    rows = []
    for method in results["summary"]:
        name = method["method"]
        row = [f"**{name}**" if name == ours else name]
        for score, _, scale, digits in columns:
            mean, deviation = method[score]["mean"], method[score]["sd"]
            spread = "" if deviation is None else f" ± {scale * deviation:.{digits}f}"
            row.append(f"{scale * mean:.{digits}f}{spread}")
        if sized:
            errors = [run["scores"]["size_error"] for run in results["runs"] if run["method"] == name]
            row.insert(2, f"{sum(error < _CLOSE for error in errors)} of {len(errors)}")
        row.append(f"{method['seconds']['median']:.2f}")
        for score, _, scale, _ in compared:
            comparison = better.get((name, score))
            digits = 2 if scale > 1 else 3
            row.append("" if comparison is None else _difference(comparison, scale, digits))
        rows.append(row)
    return markdown(head, rows)


def _difference(comparison: Mapping[str, Any], scale: float, digits: int) -> str:
    error = "" if comparison["standard_error"] is None else f" ± {scale * comparison['standard_error']:.{digits}f}"
    return f"{scale * comparison['better']:+.{digits}f}{error}, {comparison['verdict']}".replace("-", "−")


def main(arguments: Sequence[str]) -> None:
    """Runs the ``hypergeo`` commands whose tables the README files hold.

    Args:
        arguments: words of the command line after ``commands``.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks commands", description=main.__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="only the commands that contain these words; all by default")
    parser.add_argument("--write", action="store_true", help="write the tables into the README files")
    chosen = parser.parse_args(arguments)
    commands = dict.fromkeys(name.split(" | ")[0] for name in table_names(readme_files()) if name.startswith("hypergeo "))
    for command in commands:
        files = [word for word in shlex.split(command) if word.endswith(".npz")]
        if missing := [file for file in files if not Path(file).exists()]:
            print(f"\n{command}: skipped, as there is no {missing[0]} in the current folder", flush=True)
        elif all(word in command for word in chosen.words):
            print(f"\n{command}", flush=True)
            tables = command_tables(command)
            print("\n\n".join(tables.values()), flush=True)
            if chosen.write:
                for file in write_tables(tables, readme_files(), provenance()):
                    print(f"\nwritten: {file.relative_to(ROOT)}", flush=True)
