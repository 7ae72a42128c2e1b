"""The official code of Sutter, Manduchi, Ryser and Vogt (ICLR 2023), imported from a checkout of thomassutter/mvhg."""

from __future__ import annotations

import hashlib
import sys
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor

from tests.benchmarks.cases import Urn
from tests.benchmarks.workloads import Sampler

__all__ = ["Peer"]


class Peer:
    """The peer's PyTorch sampler; the constructor fails if the checkout lacks ``mvhg/pt_fmvhg.py``.

    Args:
        path: checkout of mvhg.
    """

    def __init__(self, path: Path):
        self.path = path.resolve()
        source = self.path / "mvhg" / "pt_fmvhg.py"
        self.digest = hashlib.sha256(source.read_bytes()).hexdigest()
        sys.path.insert(0, str(self.path))
        try:
            self.model = import_module("mvhg.pt_fmvhg").MVHG(device="cpu")
        finally:
            sys.path.remove(str(self.path))

    def sampler(self, urn: Urn, temperature: float) -> Sampler:
        """Returns a straight-through sampler; the peer needs a float32 weight vector for each sample, so one is expanded."""
        sizes, tau = urn.size_tensor(), torch.tensor(temperature)

        def draw(log_weights: Tensor, draws: int) -> Tensor:
            rows = log_weights.float().expand(draws, urn.groups)
            _, counts, _, _ = self.model(sizes, torch.full((draws, 1), urn.drawn), rows, tau, hard=True)
            return torch.cat([count.reshape(draws, 1) for count in counts], 1)

        return draw
