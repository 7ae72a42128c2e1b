"""Processes that measure the cells of a sweep: this process, others on this machine, or a cluster, by Dask."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from hypergeo._records import to_record

from .cells import Cell, code_version, measure_record

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["measured"]

_INSTALL = (
    "A sweep on several processes needs Dask, which is not installed here: pip install distributed. "
    "With --workers 0 it runs in this process, without Dask."
)
_WORKER_TIMEOUT = 60  # seconds until a cluster must have a worker
_SCHEDULER_TIMEOUT = 10  # seconds until a scheduler must answer
_RETRIES = 3  # how often a cell is repeated after the death of its worker


def measured(
    cells: Sequence[Cell], workers: int | None, scheduler: str | None
) -> Iterator[tuple[Cell, str | None, str | None]]:
    """Measures cells and yields them in the order of completion.

    A cell whose worker dies is repeated by another one. A ``ValueError`` is raised if Dask is missing or the workers run other
    code.

    Args:
        cells: cells to measure.
        workers: number of processes to start on this machine; one for each core if ``None``, and this process itself if 0.
        scheduler: address of a scheduler to use instead.

    Yields:
        The cell, its report as JSON or ``None``, and an error message or ``None``.

    Raises:
        RuntimeError: if the scheduler does not answer, has no workers or is lost.
    """
    if not cells:
        return
    if workers == 0 and scheduler is None:
        for cell in cells:
            yield cell, *_outcome(measure_record(to_record(cell)))
        return
    with _client(len(cells), workers, scheduler) as client:
        from distributed import as_completed

        futures = {client.submit(measure_record, to_record(cell), pure=False): cell for cell in cells}
        for future in as_completed(list(futures)):
            cell = futures.pop(future)
            if future.status == "finished":
                yield cell, *_outcome(future.result())
            elif future.status == "error":
                yield cell, None, _why(future.exception())
            else:
                raise RuntimeError(
                    f"the scheduler was lost with {len(futures) + 1:,} cells to go; finished ones are kept, "
                    "and the same command continues with the others"
                )
            future.release()


def _outcome(result: dict[str, Any]) -> tuple[str | None, str | None]:
    if result["version"] != code_version():
        here, there = (
            ", ".join(f"{name} {versions[name]}" for name in versions) for versions in (code_version(), result["version"])
        )
        raise ValueError(f"The workers must run the code that this command runs ({here}); they run {there}.")
    return result.get("report"), result.get("error")


def _why(error: BaseException | None) -> str:
    """Returns the error message of one cell.

    Raises:
        RuntimeError: if the error concerns all cells.
    """
    kind = type(error).__name__
    if kind == "KilledWorker":
        return f"its worker died {_RETRIES + 1} times, perhaps for lack of memory"
    if isinstance(error, ImportError) or "deserialization" in str(error):
        raise RuntimeError(
            "the workers cannot load hypergeo; start them in a copy of the folder that this command is started in, "
            "with the same packages installed"
        )
    return f"{kind}: {' '.join(str(error).split())[:300]}"


@contextmanager
def _client(cells: int, workers: int | None, scheduler: str | None) -> Iterator[Client]:
    """Yields a client of a scheduler. Without an address, a new scheduler with workers on this machine is started.

    Raises:
        ValueError: if Dask is not installed.
        RuntimeError: if the scheduler does not answer or has no workers.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise ValueError(_INSTALL) from None
    with ExitStack() as stack:
        stack.enter_context(_silence())
        settings = {
            "distributed.scheduler.allowed-failures": _RETRIES,
            "distributed.scheduler.worker-saturation": 1.0,  # a dying worker loses only the cell that it measures
            "distributed.admin.large-graph-warning-threshold": "1GiB",
        }
        stack.enter_context(dask.config.set(settings))
        if scheduler is not None:
            try:
                client = stack.enter_context(Client(scheduler, timeout=_SCHEDULER_TIMEOUT))
            except (OSError, ValueError) as error:
                raise RuntimeError(f"no Dask scheduler answers at {scheduler} ({' '.join(str(error).split())[:120]})") from None
            try:
                client.wait_for_workers(1, timeout=_WORKER_TIMEOUT)
            except TimeoutError:
                raise RuntimeError(f"the scheduler at {scheduler} has had no worker for {_WORKER_TIMEOUT} seconds") from None
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hypergeo-sweep-"))
            cluster = LocalCluster(
                n_workers=min(cells, workers or _cores()),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # any free port, to avoid a warning about a busy one
                memory_limit=0,
                local_directory=folder,
                silence_logs=logging.CRITICAL,
            )
            stack.enter_context(cluster)
            client = stack.enter_context(Client(cluster))
        yield client


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _silence() -> Iterator[None]:
    """Suppresses Dask's log on standard error. Results and errors report everything relevant."""
    logger = logging.getLogger("distributed")
    handlers = {handler: handler.level for handler in logger.handlers}
    for handler in handlers:
        handler.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for handler, level in handlers.items():
            handler.setLevel(level)
