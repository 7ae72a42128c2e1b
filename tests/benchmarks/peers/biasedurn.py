"""Agner Fog's BiasedUrn, a C++ sampler in an R package, timed inside R."""

from __future__ import annotations

import json
import shutil
import subprocess

from tests.benchmarks.cases import Case, Urn
from tests.benchmarks.timing import Effort, Timing

__all__ = ["BiasedUrn"]

_CLOCK = """
suppressMessages(library(BiasedUrn))
once <- function(call) { start <- as.numeric(Sys.time()); call(); as.numeric(Sys.time()) - start }
repeated <- function(call, repeats, budget) {
    spent <- c()
    while (length(spent) < repeats || sum(spent) < budget) spent <- c(spent, once(call))
    cat("[", paste(format(spent, digits = 10, scientific = FALSE), collapse = ","), "]\\n", sep = "")
}
"""


class BiasedUrn:
    """BiasedUrn, if it is installed.

    Args:
        command: name of R's command.

    Attributes:
        missing: reason why it cannot run, or ``None``.
        version: version of the package, or ``None``.

    Example:
        >>> BiasedUrn("no-such-command").missing
        'R is not installed (Debian: r-base-core, r-cran-biasedurn)'
    """

    def __init__(self, command: str = "Rscript"):
        self.command = command
        self.missing: str | None = None
        self.version: str | None = None
        if shutil.which(command) is None:
            self.missing = "R is not installed (Debian: r-base-core, r-cran-biasedurn)"
            return
        answer = self._run('cat(as.character(packageVersion("BiasedUrn")))', check=False)
        if answer.returncode:
            self.missing = "R has no package BiasedUrn (Debian: r-cran-biasedurn)"
        else:
            self.version = answer.stdout.strip()

    def sampling(self, case: Case, draws: int, effort: Effort) -> Timing:
        """Returns the times of exact samples with one weight vector.

        Args:
            case: case with the urn.
            draws: number of samples.
            effort: repeats and seconds.
        """
        return self._time(f"rMFNCHypergeo({draws}, {self._arguments(case.urn)})", effort)

    def log_prob(self, urn: Urn, counts: list[int]) -> Timing:
        """Returns the time of one probability, in a single run, as it may take half a minute."""
        return self._time(f"dMFNCHypergeo({_vector(counts)}, {self._arguments(urn)})", Effort(0.0, 1), warm_up=False)

    def _time(self, expression: str, effort: Effort, *, warm_up: bool = True) -> Timing:
        call = f"function() {expression}"
        script = f"{_CLOCK}\ncall <- {call}\n{'call()' if warm_up else ''}\nrepeated(call, {effort.repeats}, {effort.seconds})"
        lines = self._run(script, check=True).stdout.strip().splitlines()
        return Timing.of(json.loads(lines[-1]))

    def _run(self, script: str, *, check: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.command, "-e", script], capture_output=True, text=True, check=check)

    @staticmethod
    def _arguments(urn: Urn) -> str:
        return f"{_vector(urn.sizes)}, {urn.drawn}, {_vector(urn.weights)}"


def _vector(numbers: tuple[float, ...] | list[int]) -> str:
    return f"c({', '.join(repr(number) for number in numbers)})"
