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

Results go to standard output or to --output, progress to standard error. Status: 0 for success, 2 for invalid input, 1 if a
computation failed."""

# Optional libraries, and the extra of the package that installs them.
_EXTRAS = {"streamlit": "app", "plotly": "app", "pandas": "app", "PIL": "app", "sklearn": "clustering", "distributed": "sweeps"}
_FAILED = 1
_INVALID_INPUT = 2
_INTERRUPTED = 130  # exit status in shells for the signal of Ctrl-C
_CLOSED_PIPE = 141  # exit status in shells for the signal of a closed pipe


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand.

    Args:
        arguments: arguments after the program's name; those of the process when omitted.

    Returns:
        Exit status of the process.

    Raises:
        ModuleNotFoundError: if a required library is missing; a missing optional one is reported in one line.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in words if word in COMMANDS), None)
    parser = _parser(chosen)
    terminal = None
    try:
        parsed = parser.parse_args(words)
        terminal = Terminal(parsed)
        return int(parsed.run(parsed, terminal) or 0)
    except BrokenPipeError:
        return _CLOSED_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except ModuleNotFoundError as error:
        if (library := (error.name or "").partition(".")[0]) not in _EXTRAS:
            raise
        sys.stderr.write(f'python -m hypergeo {chosen}: this needs {library}: pip install "hypergeo[{_EXTRAS[library]}]"\n')
        return _INVALID_INPUT
    except (ValueError, OSError, OverflowError, MemoryError, RuntimeError) as error:
        if terminal is not None:
            terminal.close()
        sys.stderr.write(f"python -m hypergeo{'' if chosen is None else f' {chosen}'}: {_error_message(error)}\n")
        return _FAILED if type(error) is RuntimeError and not _memory(error) else _INVALID_INPUT
    finally:
        if terminal is not None:
            terminal.close()
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader of the results closed the pipe. Python would report an error for the rest at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser(chosen: str | None) -> Parser:
    """Returns the parser with the names of all subcommands, and the arguments of the one that is called."""
    parser = Parser(
        prog="python -m hypergeo", description="Exact and differentiable hypergeometric distributions.", epilog=_EPILOG
    )
    commands = parser.add_subparsers(title="subcommands", metavar="COMMAND", required=True, parser_class=Parser)
    for name, what in COMMANDS.items():
        if name != chosen:
            commands.add_parser(name, help=what)
            continue
        module = importlib.import_module(f"hypergeo.commands.{name}")
        description = f"{what[:1].upper()}{what[1:]}."
        command: argparse.ArgumentParser = commands.add_parser(name, help=what, description=description, epilog=module.EPILOG)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _error_message(error: BaseException) -> str:
    """Returns the message of an error in one line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    words = " ".join(str(error).split())
    if _memory(error):
        return "This urn needs more memory than there is; try smaller groups or fewer samples."
    if isinstance(error, RuntimeError):
        return f"The computation failed: {words[:300]}"
    return words


def _memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "alloc" in str(error)


if __name__ == "__main__":
    sys.exit(main())
