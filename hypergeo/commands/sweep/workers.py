"""Processes that measure the cells of a sweep: this one, others on this machine, or a cluster's, by Dask."""

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
    "With --workers 0 it runs in this process, without."
)
_PATIENCE = 60  # seconds until a cluster must have a worker
_ANSWER = 10  # seconds until a scheduler must answer
_CHANCES = 3  # deaths of its workers that a cell is forgiven


def measured(
    cells: Sequence[Cell], workers: int | None, scheduler: str | None
) -> Iterator[tuple[Cell, str | None, str | None]]:
    """Measures cells, in whatever order they are finished.

    A cell whose worker dies is given to another one.

    Args:
        cells: what to measure.
        workers: processes to start on this machine; one for each core when ``None``, and this process itself when 0.
        scheduler: address of a scheduler to use instead.

    Yields:
        The cell, its report as JSON or ``None``, and ``None`` or what went wrong.

    Raises:
        ValueError: where Dask is missing, or the workers run other code.
        RuntimeError: where the scheduler does not answer, has no workers or is lost.
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
                    "and the same command goes on with the others"
                )
            future.release()


def _outcome(result: dict[str, Any]) -> tuple[str | None, str | None]:
    if result["version"] != code_version():
        here, there = (", ".join(f"{name} {of[name]}" for name in of) for of in (code_version(), result["version"]))
        raise ValueError(f"The workers must run the code that this command runs ({here}); they run {there}.")
    return result.get("report"), result.get("error")


def _why(error: BaseException | None) -> str:
    """What is wrong with one cell; raises what is wrong with all of them."""
    kind = type(error).__name__
    if kind == "KilledWorker":
        return f"its worker died {_CHANCES + 1} times, perhaps for want of memory"
    if isinstance(error, ImportError) or "deserialization" in str(error):
        raise RuntimeError(
            "the workers cannot load hypergeo; start them in a copy of the folder that this command is started in, "
            "with the same packages installed"
        )
    return f"{kind}: {' '.join(str(error).split())[:300]}"


@contextmanager
def _client(cells: int, workers: int | None, scheduler: str | None) -> Iterator[Client]:
    """A client of a scheduler, of a new one with workers of this machine where no address is given."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise ValueError(_INSTALL) from None
    with ExitStack() as stack:
        stack.enter_context(_silence())
        settings = {
            "distributed.scheduler.allowed-failures": _CHANCES,
            "distributed.scheduler.worker-saturation": 1.0,  # a worker that dies takes one cell with it, none that waits
            "distributed.admin.large-graph-warning-threshold": "1GiB",
        }
        stack.enter_context(dask.config.set(settings))
        if scheduler is not None:
            try:
                client = stack.enter_context(Client(scheduler, timeout=_ANSWER))
            except (OSError, ValueError) as error:
                raise RuntimeError(f"no Dask scheduler answers at {scheduler} ({' '.join(str(error).split())[:120]})") from None
            try:
                client.wait_for_workers(1, timeout=_PATIENCE)
            except TimeoutError:
                raise RuntimeError(f"the scheduler at {scheduler} has had no worker for {_PATIENCE} seconds") from None
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hypergeo-sweep-"))
            cluster = LocalCluster(
                n_workers=min(cells, workers or _cores()),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # its port is any free one: a busy one would be warned of
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
    """Dask's log is kept off standard error: what matters of it comes back as results and errors."""
    logger = logging.getLogger("distributed")
    handlers = {handler: handler.level for handler in logger.handlers}
    for handler in handlers:
        handler.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for handler, level in handlers.items():
            handler.setLevel(level)
