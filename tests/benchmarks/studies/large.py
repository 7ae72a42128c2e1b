"""Time and memory of a large urn, measured in a separate process from a cold start."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from hypergeo import FisherHypergeometric
from tests.benchmarks.cases import Urn
from tests.benchmarks.peers.mvhg import Peer
from tests.benchmarks.workloads import Call, forward_backward, log_prob, relaxed_sampler

__all__ = ["Footprint", "footprint", "peak_mb"]


@dataclass
class Footprint:
    """Time and memory of a large case."""

    start_mb: float
    """Peak resident memory before the first call: Python, torch and SciPy, imported."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds by stage, in the order in which they ran."""
    peak_mb: float = 0.0
    """Peak resident memory at the end."""
    failed: str | None = None
    """The error that ended the run."""


def footprint(urn: Urn, draws: int, *, threads: int, peer: Path | None = None) -> Footprint:
    """Returns time and memory of the stages of a large case, each run once in a new process.

    Args:
        urn: the urn.
        draws: number of relaxed samples.
        threads: number of threads.
        peer: checkout of the official code to run instead; it has relaxed samples only.
    """
    request = {**asdict(urn), "draws": draws, "threads": threads, "peer": None if peer is None else str(peer)}
    command = [sys.executable, "-m", __name__, json.dumps(request)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return Footprint(**json.loads(answer.splitlines()[-1]))


def _stages(urn: Urn, draws: int, peer: str | None) -> dict[str, Call]:
    sizes, log_weights = urn.size_tensor(), urn.log_weights()
    if peer is not None:
        sampler = Peer(Path(peer)).sampler(urn, 0.5)
        return {"relaxed": forward_backward(sampler, urn.log_weights(torch.float32), draws)}
    return {
        "mean": lambda: FisherHypergeometric(urn.drawn, sizes, log_weights=log_weights).mean,
        "log_prob": log_prob(urn, log_weights, urn.even_counts()),
        "relaxed": forward_backward(relaxed_sampler(urn, 0.5, straight_through=False), log_weights, draws),
    }


def peak_mb() -> float:
    """Returns the peak resident memory of this process so far, in MB."""
    # Not getrusage on Linux: its peak starts from that of the parent process.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def _main(request: dict[str, Any]) -> None:
    urn = Urn(tuple(request["sizes"]), request["drawn"], tuple(request["weights"]))
    torch.set_num_threads(request["threads"])
    stages = _stages(urn, request["draws"], request["peer"])
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_AS, (physical, physical))
    result = Footprint(start_mb=peak_mb())
    try:
        for name, call in stages.items():
            start = time.perf_counter()
            call()
            result.seconds[name] = time.perf_counter() - start
    except (RuntimeError, MemoryError) as error:
        result.failed = str(error).splitlines()[0]
    result.peak_mb = peak_mb()
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
