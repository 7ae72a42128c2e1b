"""The command line: one module a subcommand, each with ``EPILOG``, ``add_arguments(parser)`` and ``run(given, terminal)``."""

from __future__ import annotations

__all__ = ["COMMANDS"]

COMMANDS = {
    "quality": "measure how close relaxed samples and gradients are to the exact ones",
    "fit": "find the weights that explain observed counts, with intervals",
    "sample": "draw counts: exact, one element at a time, or relaxed",
    "cluster": "put points into clusters whose sizes are learned, beside other ways to do it",
    "factors": "learn how many factors two views share, beside the rules that this replaces",
    "app": "start the app, which opens in the browser",
    "bench": "time the laws and estimators on this machine",
    "nginx": "write the configuration of an nginx in front of several replicas of the app",
}
"""Names of the subcommands and what they do; the module of that name is imported when it is called."""
