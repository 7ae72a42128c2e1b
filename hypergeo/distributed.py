"""Training with several processes: the process group that ``torchrun`` starts, and the rows of a mini-batch of each process."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

__all__ = ["Team", "process_group"]

_groups = itertools.count()  # process groups of this process so far
_TORCHRUN_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Team:
    """Represents the processes that train together, from the view of one of them.

    One rule makes results independent of the number of processes, up to rounding: everything that belongs to a whole mini-batch
    (its rows, its noise) is sampled by every process from the same seed, and each process uses its part. Losses are means over
    rows, so the mean of the processes' gradients is the gradient of the whole batch.

    Attributes:
        rank: index of this process; process 0 reports and saves.
        size: number of processes.
        device: device of this process.
        joined: whether there is a process group; false for a process that was started alone.

    Example:
        >>> alone = Team()
        >>> [rows.tolist() for rows in alone.batches(5, 2, seed=0, epoch=0)]
        [[0, 4], [2, 3]]
        >>> second = Team(rank=1, size=2)
        >>> [rows.tolist() for rows in second.batches(5, 2, seed=0, epoch=0)]
        [[4], [3]]
        >>> second.share(torch.arange(6.0))
        tensor([3., 4., 5.])
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    joined: bool = False

    @property
    def leads(self) -> bool:
        """Whether this process reports and saves."""
        return self.rank == 0

    def wrap(self, module: nn.Module, **settings: Any) -> nn.Module:
        """Moves a module to this process's device and averages its gradients over all processes.

        Args:
            module: module with the same parameters in all processes. Training starts from the parameters of rank 0.
            **settings: arguments of ``DistributedDataParallel``, such as ``find_unused_parameters``.

        Returns:
            ``DistributedDataParallel`` around the module, or the module itself without a process group.
        """
        module = module.to(self.device)
        if not self.joined:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=devices, **settings)

    @staticmethod
    def unwrap(module: nn.Module) -> nn.Module:
        """Returns the module inside ``DistributedDataParallel``, whose ``state_dict`` has the same names as without a process
        group.

        Args:
            module: result of :meth:`wrap`.

        Returns:
            The module.
        """
        return module.module if isinstance(module, DistributedDataParallel) else module

    def share(self, whole: Tensor, dim: int = 0) -> Tensor:
        """Selects this process's rows. Every process gets the same number of consecutive rows.

        Args:
            whole: values of all processes, any shape.
            dim: axis of the rows.

        Returns:
            This process's rows, shape of ``whole`` with ``dim`` divided by the number of processes.

        Raises:
            ValueError: if the number of rows is not a multiple of the number of processes.
        """
        rows = whole.shape[dim]
        if rows % self.size:
            raise ValueError(f"the rows of a batch must be a multiple of the {self.size} processes; got {rows}.")
        return whole.narrow(dim, self.rank * (rows // self.size), rows // self.size)

    def batches(self, num_rows: int, batch: int, *, seed: int, epoch: int) -> Iterator[Tensor]:
        """Yields this process's rows of one epoch's mini-batches, in an order that depends on seed and epoch.

        Every process gets the same number of batches, all of the same size, because gradients are averaged. Rows at the end of
        the order that do not fill a batch are skipped in this epoch.

        Args:
            num_rows: number of rows of the data.
            batch: number of rows of a mini-batch of all processes together.
            seed: seed of the training.
            epoch: index of the epoch.

        Yields:
            Row numbers, int64, shape ``(batch / size,)``, on the CPU.

        Raises:
            ValueError: if there are fewer rows than one batch, or the batch is not a multiple of the number of processes.
        """
        if not 1 <= batch <= num_rows:
            raise ValueError(f"batch must be between 1 and the {num_rows} rows of the data; got {batch}.")
        if batch % self.size:
            raise ValueError(f"batch must be a multiple of the {self.size} processes; got {batch}.")
        order = torch.randperm(num_rows, generator=self.generator(seed, epoch))
        for start in range(0, num_rows - batch + 1, batch):
            yield self.share(order[start : start + batch])

    def generator(self, seed: int, *place: int, own: bool = False) -> torch.Generator:
        """Creates a random generator on the CPU from the seed and a key.

        Args:
            seed: seed of the training.
            *place: whole numbers of at least 0 that form the key, such as epoch and step.
            own: whether each process gets a different generator; otherwise all get the same, to sample for the whole batch.

        Returns:
            The generator.
        """
        words = np.random.SeedSequence(seed, spawn_key=(*place, self.rank + 1 if own else 0)).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(words[0]))

    def mean(self, value: Tensor) -> Tensor:
        """Averages a tensor over the processes in place, such as a loss to report or a gradient outside modules.

        Args:
            value: tensor of any shape.

        Returns:
            The same tensor, same shape.
        """
        if self.joined:
            torch.distributed.all_reduce(value)
            value.div_(self.size)
        return value


@contextmanager
def process_group(device: str | torch.device | None = None, *, timeout: float = 600) -> Iterator[Team]:
    """Joins the process group that ``torchrun`` has prepared, until the block ends. Without ``torchrun`` the process works
    alone.

    ``torchrun --nproc-per-node 2 script.py`` starts the script twice; several machines need ``--nnodes``. The processes
    communicate by gloo on CPUs and by NCCL on CUDA devices.

    Args:
        device: device such as ``"cpu"`` or ``"cuda"`` (the process's own CUDA device). When omitted, CUDA if each process of
            this machine can have its own device, otherwise the CPU.
        timeout: seconds after which a process stops waiting for another one.

    Yields:
        The team, as this process sees it.

    Raises:
        ValueError: if the device does not exist, or the environment has only a part of torchrun's variables.

    Example:
        >>> with process_group("cpu") as team:
        ...     model = team.wrap(torch.nn.Linear(3, 1))
        >>> team.rank, team.size, type(model).__name__
        (0, 1, 'Linear')
    """
    rank, size, local = _places(os.environ)
    chosen = _device(device, local, int(os.environ.get("LOCAL_WORLD_SIZE", size)))
    if rank is None:
        yield Team(device=chosen)
        return
    if chosen.type not in ("cpu", "cuda") and size > 1:
        raise ValueError(f"several processes train together on CPUs or CUDA devices; got {chosen}.")
    cuda = chosen.type == "cuda"
    if cuda:
        torch.cuda.set_device(chosen)
    patience = timedelta(seconds=timeout)
    # torchrun's store outlives a group: under its keys, a second group would find the closed ports of the first.
    store, rank, size = next(rendezvous("env://", timeout=patience))
    torch.distributed.init_process_group(
        "nccl" if cuda else "gloo",
        store=PrefixStore(f"hypergeo {next(_groups)}", store),
        rank=rank,
        world_size=size,
        timeout=patience,
        device_id=chosen if cuda else None,
    )
    try:
        yield Team(rank, size, chosen, joined=True)
        # A process that exits early closes connections that another one still uses. After an error no process waits.
        torch.distributed.barrier()
    finally:
        torch.distributed.destroy_process_group()


def _places(environment: Mapping[str, str]) -> tuple[int | None, int, int]:
    """Returns rank, number of processes and rank on this machine; no rank for a process that was started alone.

    Raises:
        ValueError: if only a part of torchrun's variables is set.
    """
    present = [name for name in _TORCHRUN_VARIABLES if name in environment]
    if not {"RANK", "LOCAL_RANK"} & set(present):
        return None, 1, 0
    if missing := [name for name in _TORCHRUN_VARIABLES if name not in present]:
        raise ValueError(f"{' and '.join(missing)} must be set where RANK is; start the processes with torchrun.")
    try:
        rank, size, local = (int(environment[name]) for name in _TORCHRUN_VARIABLES[:3])
    except ValueError:
        rank = size = local = -1
    if not (0 <= rank < size and 0 <= local < size):
        got = ", ".join(f"{name}={environment[name]}" for name in _TORCHRUN_VARIABLES[:3])
        raise ValueError(f"RANK and LOCAL_RANK must be whole numbers below WORLD_SIZE; got {got}.")
    return rank, size, local


def _device(device: str | torch.device | None, local: int, neighbours: int) -> torch.device:
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device is None:
        return torch.device("cuda", local) if there >= neighbours else torch.device("cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise ValueError(f'device must name one of torch\'s, such as "cpu" or "cuda"; got {device!r}.') from None
    if chosen.type == "cuda":
        index = local if chosen.index is None else chosen.index
        if index >= there:
            raise ValueError(f"device must exist; got {chosen} for process {local} of a machine with {there} CUDA devices.")
        return torch.device("cuda", index)
    return chosen
