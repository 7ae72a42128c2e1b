"""The subcommand ``python -m hypergeo app``, which starts the app."""

from __future__ import annotations

import argparse
import importlib
import runpy
import sys
from pathlib import Path

from .terminal import Terminal
from .urn_arguments import whole

__all__ = ["EPILOG", "add_arguments", "app_script", "run"]

EPILOG = """examples:
  the app on this machine, at http://localhost:8501:
    python -m hypergeo app
  for a class, on another port and without opening a browser here:
    python -m hypergeo app --port 8600 --address 0.0.0.0 --headless
  with any further option of Streamlit, after two dashes:
    python -m hypergeo app -- --server.baseUrlPath hypergeo

Ctrl-C ends it. The app needs Streamlit and Plotly: pip install "hypergeo[app]"."""

_PACKAGE = Path(__file__).parents[1]


def app_script() -> Path:
    """Locates the script of the app, with its pages and settings beside it.

    Returns:
        ``app.py`` of the installed package, or that of the checkout.

    Example:
        >>> app_script().name
        'app.py'
    """
    installed = _PACKAGE / "_app" / "app.py"
    return installed if installed.is_file() else _PACKAGE.parent / "app.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the subcommand.

    Args:
        parser: parser of the subcommand.
    """
    parser.add_argument("--port", type=whole(1, 65_535), metavar="P", help="port that the server listens on; 8501 by default")
    parser.add_argument("--address", metavar="A", help="address that the server listens on; every address by default")
    parser.add_argument("--headless", action="store_true", help="open no browser")
    parser.add_argument("options", nargs="*", metavar="OPTION", help="options passed on to streamlit run, after --")
    parser.set_defaults(output=None, progress=False, quiet=True)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Serves the app until it is interrupted.

    A ``ModuleNotFoundError`` is raised if Streamlit or Plotly is not installed.

    Args:
        arguments: parsed arguments.
        terminal: unused; the server writes to the terminal itself.

    Returns:
        Exit status.
    """
    for library in ("streamlit", "plotly"):
        importlib.import_module(library)
    words = ["streamlit", "run", str(app_script())]
    for option in ("port", "address"):
        if (value := getattr(arguments, option)) is not None:
            words += [f"--server.{option}", str(value)]
    if arguments.headless:
        words += ["--server.headless", "true"]
    sys.argv = words + arguments.options
    try:
        runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
