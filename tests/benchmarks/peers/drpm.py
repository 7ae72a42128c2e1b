"""The official code of Sutter, Ryser, Liebeskind and Vogt (NeurIPS 2023), imported from a checkout of thomassutter/drpm."""

from __future__ import annotations

import hashlib
import sys
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["SOURCE", "PartitionPeer"]

SOURCE = Path("drpm") / "diff_rand_part_model.py"


class PartitionPeer:
    """The peer's random partitions.

    Args:
        path: checkout of drpm.
        sizes: checkout of thomassutter/mvhg, which drpm imports.
    """

    def __init__(self, path: Path, sizes: Path):
        self.digest = hashlib.sha256((path / SOURCE).read_bytes()).hexdigest()
        folders = [str(path.resolve()), str(sizes.resolve())]
        sys.path[:0] = folders
        try:
            self._module = import_module("drpm.diff_rand_part_model")
        finally:
            del sys.path[: len(folders)]

    def sampler(self, groups: int) -> _Sampler:
        """Returns a sampler of straight-through partitions for a number of groups."""
        return _Sampler(self._module.RandPart(groups, device="cpu"))


class _Sampler:
    def __init__(self, model: torch.nn.Module):
        self._model = model

    def __call__(self, scores: Tensor, log_weights: Tensor, temperature: float, *, noise: bool = True) -> Tensor:
        """Samples partitions.

        Args:
            scores: scores that sort the elements, shape ``(B, N)``.
            log_weights: log weights of the groups, shape ``(B, K)``.
            temperature: temperature of the relaxation.
            noise: whether sizes and order are random.

        Returns:
            Membership matrices, shape ``(B, N, K)``.
        """
        tau = torch.tensor(temperature)
        members = self._model(scores.float(), log_weights.float(), g_noise=noise, temperature=tau)[0]
        return members.reshape(-1, *members.shape[-2:]).mT
