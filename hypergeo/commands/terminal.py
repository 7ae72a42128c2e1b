"""What every subcommand shares: its parser, where results go, and progress on standard error."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

__all__ = ["FORMATS", "Parser", "Terminal", "add_output_arguments", "output_format", "table"]

FORMATS = {".json": "json", ".csv": "csv", ".html": "html", ".txt": "text"}


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and ends with status 2."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        words = " ".join(message.split()).rstrip(".")
        self.exit(2, f"{self.prog}: {words}. Help: {self.prog} --help\n")


def add_output_arguments(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """Where results go, and how progress is shown.

    Args:
        parser: a subcommand's.
        formats: what it can write, the one for standard output first.
    """
    suffixes = [suffix for suffix, name in FORMATS.items() if name in formats]
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help=f"where to write; its suffix decides the format ({', '.join(suffixes)}); standard output when left out",
    )
    group.add_argument("--format", choices=formats, help=f"format on standard output; {formats[0]} by default")
    shown = group.add_mutually_exclusive_group()
    shown.add_argument("--progress", action="store_true", help="show progress on standard error, terminal or not")
    shown.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(formats=tuple(formats))


def output_format(given: argparse.Namespace) -> str:
    """The format of the results, checked before the work begins.

    Raises:
        ValueError: for a suffix that means nothing, or a place where nothing can be written.
    """
    path = given.output
    if path is None:
        return str(given.format or given.formats[0])
    chosen = FORMATS.get(path.suffix.lower())
    if chosen is None or chosen not in given.formats:
        suffixes = [suffix for suffix, name in FORMATS.items() if name in given.formats]
        raise ValueError(f"--output must end in {' or '.join(suffixes)}; got {path}")
    if given.format not in (None, chosen):
        raise ValueError(f"--format {given.format} contradicts --output {path}; leave one of them out")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ValueError(f"--output must be a file in a folder that exists; got {path}")
    return chosen


class Terminal:
    """Results on standard output or in a file, progress on standard error.

    Args:
        given: the parsed arguments, with those of :func:`add_output_arguments`.

    Attributes:
        live: whether standard error is a terminal, on which a bar is drawn over.
    """

    def __init__(self, given: argparse.Namespace):
        self._output: Path | None = given.output
        self.live = sys.stderr.isatty()
        self._shown = given.progress or (self.live and not given.quiet)
        self._last = (-1.0, "", 0.0)
        self._width = 0

    def progress(self, share: float, label: str) -> None:
        """A bar that is drawn over, on a terminal; elsewhere a line for each part of the work.

        Args:
            share: between 0 and 1.
            label: what is being done.
        """
        if not self._shown:
            return
        _, before, when = self._last
        now = time.monotonic()
        if self.live:
            if now - when < 0.1 and share < 1:
                return
            filled = int(24 * share)
            line = f"{'█' * filled}{'░' * (24 - filled)} {100 * share:3.0f} %  {label}"
            sys.stderr.write(f"\r{line.ljust(self._width)}")
            self._width = len(line)
        elif label != before:
            sys.stderr.write(f"{100 * share:3.0f} %  {label}\n")
        sys.stderr.flush()
        self._last = (share, label, now)

    def close(self) -> None:
        """Takes the bar away."""
        if self._width:
            sys.stderr.write(f"\r{' ' * self._width}\r")
            sys.stderr.flush()
            self._width = 0

    def say(self, words: str) -> None:
        """A line on standard error."""
        self.close()
        sys.stderr.write(f"{words}\n")

    def write(self, parts: str | Iterable[str]) -> None:
        """The results, whole or in parts.

        Args:
            parts: text, with its line ends.
        """
        self.close()
        if self._output is None:
            _write(sys.stdout, parts)
            sys.stdout.flush()
            return
        with self._output.open("w", encoding="utf-8", newline="") as file:
            _write(file, parts)


def _write(stream: TextIO, parts: str | Iterable[str]) -> None:
    for part in [parts] if isinstance(parts, str) else parts:
        stream.write(part)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns that line up; the first to the left, the others to the right.

    Example:
        >>> print(table(["group", "weight"], [["1", "0.25"], ["2", "12.5"]]), end="")
        group  weight
        1        0.25
        2        12.5
    """
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    lines = []
    for line in [head, *rows]:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        lines.append("  ".join([line[0].ljust(widths[0]), *cells[1:]]).rstrip() + "\n")
    return "".join(lines)
