"""The command line: ``python -m hypergeo --help``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from .commands import COMMANDS
from .commands.terminal import Parser, Terminal

__all__ = ["main"]

_EPILOG = """examples:
  python -m hypergeo sample -n 15 -m 10,10,10 -w 1,2,4
  python -m hypergeo quality -n 180 -m 3x200 -w 1,5,1 --conditionals both -o report.html
  python -m hypergeo fit counts.csv -m 10,10,10
  python -m hypergeo cluster --digits --imbalance 180,20 --seeds 10 -o digits.html

Results go to standard output or to --output, progress to standard error. Status: 0 when all went well, 2 for input that
cannot be used, 1 where a computation failed."""

# Libraries that not every installation has, and the extra of the package that brings them.
_EXTRAS = {"streamlit": "app", "plotly": "app", "pandas": "app", "PIL": "app", "sklearn": "clustering", "distributed": "sweeps"}
_FAILED = 1
_WRONG = 2
_INTERRUPTED = 130  # what shells show for the signals of Ctrl-C and of a closed pipe
_CLOSED_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand.

    Args:
        arguments: words after the program's name; the process's own when left out.

    Returns:
        The status that the process should end with.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in words if word in COMMANDS), None)
    parser = _parser(chosen)
    terminal = None
    try:
        given = parser.parse_args(words)
        terminal = Terminal(given)
        return int(given.run(given, terminal) or 0)
    except BrokenPipeError:
        return _CLOSED_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except ModuleNotFoundError as error:
        if (library := (error.name or "").partition(".")[0]) not in _EXTRAS:
            raise
        sys.stderr.write(f'python -m hypergeo {chosen}: this needs {library}: pip install "hypergeo[{_EXTRAS[library]}]"\n')
        return _WRONG
    except (ValueError, OSError, OverflowError, MemoryError, RuntimeError) as error:
        if terminal is not None:
            terminal.close()
        sys.stderr.write(f"python -m hypergeo{'' if chosen is None else f' {chosen}'}: {_said(error)}\n")
        return _FAILED if type(error) is RuntimeError and not _memory(error) else _WRONG
    finally:
        if terminal is not None:
            terminal.close()
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever reads the results has seen enough; Python would complain about the rest when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(chosen: str | None) -> Parser:
    """The parser with all subcommands' names, and the arguments of the one that is called."""
    parser = Parser(prog="python -m hypergeo", description="Exact and differentiable hypergeometric laws.", epilog=_EPILOG)
    commands = parser.add_subparsers(title="subcommands", metavar="COMMAND", required=True, parser_class=Parser)
    for name, what in COMMANDS.items():
        if name != chosen:
            commands.add_parser(name, help=what)
            continue
        module = importlib.import_module(f"hypergeo.commands.{name}")
        described = f"{what[:1].upper()}{what[1:]}."
        command: argparse.ArgumentParser = commands.add_parser(name, help=what, description=described, epilog=module.EPILOG)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _said(error: BaseException) -> str:
    """An error in one line, for people."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    words = " ".join(str(error).split())
    if _memory(error):
        return "This urn needs more memory than there is; try smaller groups or fewer draws."
    if isinstance(error, RuntimeError):
        return f"The computation failed: {words[:300]}"
    return words


def _memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "alloc" in str(error)


if __name__ == "__main__":
    sys.exit(main())
