"""Parser, output of results and progress display, shared by the subcommands."""

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
    """Parses arguments. Reports an error in one line and ends with status 2.

    Args:
        *args: positional arguments of :class:`argparse.ArgumentParser`.
        **kwargs: keyword arguments of :class:`argparse.ArgumentParser`.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Ends the program with an error message.

        Args:
            message: the error.
        """
        words = " ".join(message.split()).rstrip(".")
        self.exit(2, f"{self.prog}: {words}. Help: {self.prog} --help\n")


def add_output_arguments(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """Adds the arguments for the output of results and the progress display.

    Args:
        parser: parser of a subcommand.
        formats: formats that the subcommand can write, the one for standard output first.
    """
    suffixes = [suffix for suffix, name in FORMATS.items() if name in formats]
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help=f"output file; its suffix decides the format ({', '.join(suffixes)}); standard output by default",
    )
    group.add_argument("--format", choices=formats, help=f"format on standard output; {formats[0]} by default")
    exclusive = group.add_mutually_exclusive_group()
    exclusive.add_argument("--progress", action="store_true", help="show progress on standard error, also without a terminal")
    exclusive.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(formats=tuple(formats))


def output_format(arguments: argparse.Namespace) -> str:
    """Determines the format of the results, before the work begins.

    Args:
        arguments: parsed arguments, with those of :func:`add_output_arguments`.

    Returns:
        Name of the format.

    Raises:
        ValueError: if the suffix is unknown, contradicts ``--format``, or if the file cannot be written.
    """
    path = arguments.output
    if path is None:
        return str(arguments.format or arguments.formats[0])
    chosen = FORMATS.get(path.suffix.lower())
    if chosen is None or chosen not in arguments.formats:
        suffixes = [suffix for suffix, name in FORMATS.items() if name in arguments.formats]
        raise ValueError(f"--output must end in {' or '.join(suffixes)}; got {path}")
    if arguments.format not in (None, chosen):
        raise ValueError(f"--format {arguments.format} contradicts --output {path}; leave one of them out")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ValueError(f"--output must be a file in a folder that exists; got {path}")
    return chosen


class Terminal:
    """Writes results to standard output or a file, and progress to standard error.

    Args:
        arguments: parsed arguments, with those of :func:`add_output_arguments`.

    Attributes:
        live: whether standard error is a terminal, on which the progress bar is redrawn in place.
    """

    def __init__(self, arguments: argparse.Namespace):
        self._output: Path | None = arguments.output
        self.live = sys.stderr.isatty()
        self._shown = arguments.progress or (self.live and not arguments.quiet)
        self._last = (-1.0, "", 0.0)
        self._width = 0

    def progress(self, fraction: float, label: str) -> None:
        """Shows a progress bar on a terminal, or writes a line for each part of the work elsewhere.

        Args:
            fraction: fraction of the work that is done, between 0 and 1.
            label: name of the current task.
        """
        if not self._shown:
            return
        _, last_label, last_time = self._last
        now = time.monotonic()
        if self.live:
            if now - last_time < 0.1 and fraction < 1:
                return
            filled = int(24 * fraction)
            line = f"{'█' * filled}{'░' * (24 - filled)} {100 * fraction:3.0f} %  {label}"
            sys.stderr.write(f"\r{line.ljust(self._width)}")
            self._width = len(line)
        elif label != last_label:
            sys.stderr.write(f"{100 * fraction:3.0f} %  {label}\n")
        sys.stderr.flush()
        self._last = (fraction, label, now)

    def close(self) -> None:
        """Removes the progress bar."""
        if self._width:
            sys.stderr.write(f"\r{' ' * self._width}\r")
            sys.stderr.flush()
            self._width = 0

    def say(self, words: str) -> None:
        """Writes a line to standard error.

        Args:
            words: text of the line.
        """
        self.close()
        sys.stderr.write(f"{words}\n")

    def write(self, parts: str | Iterable[str]) -> None:
        """Writes the results, whole or in parts.

        Args:
            parts: text with its line ends.
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
    """Aligns columns of text, the first to the left, the others to the right.

    Args:
        head: title of each column.
        rows: cells of each row.

    Returns:
        Text with one line for each row.

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
