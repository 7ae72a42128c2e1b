"""The command line. Each subcommand is a module with ``EPILOG``, ``add_arguments(parser)`` and ``run(arguments, terminal)``."""

from __future__ import annotations

__all__ = ["COMMANDS"]

COMMANDS = {
    "quality": "measure how close relaxed samples and gradients are to the exact ones",
    "fit": "estimate weights from observed counts, with confidence intervals",
    "sample": "sample counts: exact, one element at a time, or relaxed",
    "cluster": "cluster points with learned cluster sizes, and compare with other methods",
    "factors": "learn how many factors two images share, and compare with other rules",
    "app": "start the app and open it in the browser",
    "bench": "time the distributions and estimators on this machine",
    "nginx": "write the configuration of nginx as a load balancer for several replicas of the app",
}
"""Names and descriptions of the subcommands. The module with the name is imported when the subcommand is called."""
