"""Time and memory of the largest requests that the pages accept, each in a new process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.report import Cell, Missing, Section, Verdict

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

__all__ = ["LARGEST", "Cost", "Request", "cost", "limits"]

ROOT = Path(__file__).parents[3]
SECONDS, MEGABYTES = 2.0, 300.0


@dataclass(frozen=True)
class Request:
    """A visit to a page, with its parameters and files.

    Attributes:
        page: name of the page's script.
        name: description of the request.
        address: URL parameters.
        upload: kind of the uploaded file, if any.
        then: URL parameters of a second request on the same visit.
    """

    page: str
    name: str
    address: Mapping[str, object] = field(default_factory=dict)
    upload: str = ""
    then: Mapping[str, object] = field(default_factory=dict)


def _urn(prefix: str, groups: int, size: int, drawn: int, **more: object) -> dict[str, object]:
    sizes = {f"{prefix}_m{group}": size for group in range(1, groups + 1)}
    weights = {f"{prefix}_w{group}": weight for group, weight in enumerate((0.5, 1, 2, 4, 8, 16)[:groups], 1)}
    opened = {f"{prefix}_{section}": "true" for section in ("table", "formulas", "python")}
    chosen = {f"{prefix}_{name}": value for name, value in more.items()}
    return {f"{prefix}_groups": groups, f"{prefix}_n": drawn, **sizes, **weights, **opened, **chosen}


LARGEST = [
    Request("home", "as it opens"),
    Request("glossary", "as it opens"),
    Request("urn", "six groups, a thousand draws of Fisher's law", _urn("urn", 6, 20, 60, step=1000)),
    Request("urn", "six groups, a thousand draws of Wallenius' law", _urn("urn", 6, 20, 60, step=1000, law="Wallenius")),
    Request("urn", "three groups of either law", _urn("urn", 3, 20, 30, step=1000, law="Wallenius")),
    Request("one_sample", "six groups", _urn("one", 6, 12, 24, sample=1000, step=25)),
    Request("convergence", "six groups, 4,000 samples", _urn("conv", 6, 30, 60, number=4000)),
    Request("convergence", "six groups, merged", _urn("conv", 6, 30, 60, number=4000, conditionals="merged")),
    Request("convergence", "three groups, 4,000 samples", _urn("conv", 3, 30, 45, number=4000)),
    Request("convergence", "two groups, 4,000 samples", _urn("conv", 2, 30, 30, number=4000)),
    *(
        Request("gradients", f"{view}, {groups} groups, {kind}", _urn("grad", groups, 16, 40, number=1000, draws=16, **more))
        for view, kind, more in (
            ("descent", "Gumbel-softmax", {"step": 0, "estimator": "Gumbel-softmax"}),
            ("descent", "control variate", {"step": 0, "estimator": "control variate"}),
            ("descent", "exact", {"step": 0, "estimator": "exact"}),
            ("descent", "200 steps, control variate", {"step": 200, "estimator": "control variate"}),
            ("side by side", "all", {"view": "side by side"}),
            ("temperature", "all", {"view": "temperature"}),
            ("race", "at 0", {"view": "race"}),
            ("race", "200 steps", {"view": "race", "step": 200}),
        )
        for groups in (3, 5)
    ),
    Request("partitions", "40 elements in four groups", {"part_n": 40, "part_affinity": "random"}),
    Request(
        "partitions",
        "gradients of eight elements in three groups",
        {"part_view": "gradients", "part_few": 8, "part_groups": 3, "part_number": 4000, "part_estimator": "score function"},
    ),
    Request("quality", "a report, as it opens", _urn("qual", 6, 200, 600, samples=20000, gradients=1000, evaluations=32)),
    Request("quality", "example rows", _urn("qual", 6, 200, 600, check="your counts", source="of this law", rows=50000)),
    Request("quality", "example rows", _urn("qual", 3, 200, 300, check="your counts", source="of this law", rows=50000)),
    Request(
        "quality",
        "example rows of Wallenius' law",
        _urn("qual", 6, 200, 600, check="your counts", source="of Wallenius' law", rows=50000, against="as fitted"),
    ),
    Request("quality", "a file of as many rows as may be", _urn("qual", 6, 200, 600, check="your counts"), upload="counts"),
    Request("quality", "a file of the largest groups", _urn("qual", 6, 200, 600, check="your counts"), upload="large counts"),
    Request("quality", "a file of ten sums", _urn("qual", 6, 200, 600, check="your counts"), upload="sums"),
    Request("cluster_sizes", "eight clusters of 800 points", {"clu_clusters": 8, "clu_number": 800}),
    Request("cluster_sizes", "eight digits", {"clu_clusters": 8, "clu_number": 800, "clu_source": "digits"}),
    Request(
        "cluster_sizes",
        "all steps",
        {"clu_clusters": 8, "clu_number": 800, "clu_step": 400},
    ),
    Request(
        "cluster_sizes",
        "all steps, side by side",
        {"clu_clusters": 8, "clu_number": 800, "clu_step": 400, "clu_view": "side by side"},
    ),
    Request("cluster_sizes", "a file of 1,500 points", {"clu_clusters": 8, "clu_source": "your own"}, upload="points"),
    Request(
        "cluster_sizes",
        "a file of points, and its steps anew",
        {"clu_clusters": 8, "clu_source": "your own", "clu_view": "side by side", "clu_step": 400},
        upload="points",
    ),
    Request("shared_factors", "five factors, as it opens", {"fac_factors": 5, "fac_spare": 2}),
    Request("shared_factors", "all steps", {"fac_factors": 5, "fac_spare": 2, "fac_step": 3000, "fac_schedule": 3000}),
]
"""Largest valid requests, the most expensive kind of each view; a test compares them with the table of limits."""


@dataclass(frozen=True)
class Cost:
    """Time and memory of a request.

    Attributes:
        seconds: processor time until the page was complete.
        quiet: longest processor time without a message to the reader, in seconds.
        progress: whether the page showed its progress.
        megabytes: increase of the process's peak memory.
        wrong: error messages, empty if there were none.
    """

    seconds: float
    quiet: float
    progress: bool
    megabytes: float
    wrong: str = ""


def limits(judged: bool) -> Section:
    """Returns time and memory of the largest requests, each in a process that has opened only the home page."""
    section = Section("limits", "The largest requests that the pages accept, each in a fresh process")
    for request in LARGEST if judged else LARGEST[:1]:
        result = cost(request)
        seconds = Missing(result.wrong) if result.wrong else result.quiet if result.progress else result.seconds
        row: dict[str, Cell] = {"page": request.page, "request": request.name, "seconds": result.seconds}
        row |= {
            "longest without a word": result.quiet,
            "shows its progress": "yes" if result.progress else "",
            "MB": result.megabytes,
        }
        section.rows.append(row)
        what = f"{request.page}, {request.name}"
        section.verdicts.append(
            Verdict(f"{what}: seconds{' without a word' * result.progress}", seconds, SECONDS, "s", judged=judged)
        )
        section.verdicts.append(Verdict(f"{what}: memory", result.megabytes, MEGABYTES, "MB", judged=judged))
    return section


def cost(request: Request) -> Cost:
    """Returns time and memory of one request in a separate process."""
    command = [sys.executable, "-m", __name__, str(LARGEST.index(request))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        return Cost(0.0, 0.0, False, 0.0, done.stderr.strip().splitlines()[-1])
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _file(kind: str) -> tuple[str, bytes]:
    """Returns name and content of the largest file of a kind."""
    import numpy as np

    from hypergeo.ui.limits import COUNTS

    random = np.random.default_rng(0)
    if kind == "points":
        rows = np.column_stack([random.normal(size=(1500, 2)) * 3, random.integers(0, 8, 1500)])
        return "points.csv", "\n".join(f"{x!r},{y!r},{int(group)}" for x, y, group in rows.tolist()).encode()
    size, number = (COUNTS.size if kind == "large counts" else 200), COUNTS.rows
    drawn = random.integers(580, 620, number) if kind == "sums" else np.full(number, 3 * size)
    rows = np.stack([random.multivariate_hypergeometric([size] * 6, int(total)) for total in drawn])
    text = f"sizes: {', '.join([str(size)] * 6)}\n" + "\n".join(",".join(map(str, row)) for row in rows.tolist())
    return "counts.csv", text.encode()


def _make(request: Request) -> Cost:
    import torch
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
    from streamlit.testing.v1 import AppTest

    torch.set_num_threads(1)
    app: AppTest = AppTest.from_file(str(ROOT / "app.py"), default_timeout=280).run()
    app.switch_page(f"pages/{request.page}.py")
    if request.upload:
        content = _file(request.upload)
        app.query_params.update({key: str(value) for key, value in request.address.items()})
        app.run()
        act: Callable[[], Any] = lambda: app.file_uploader[0].upload(*content).run()  # noqa: E731
    else:
        app.query_params.update({key: str(value) for key, value in request.address.items()})
        act = app.run
    heard, enqueue = [0.0], ScriptRunContext.enqueue
    progress = False

    def hear(context: ScriptRunContext, message: ForwardMsg) -> None:
        nonlocal progress
        progress |= message.delta.new_element.WhichOneof("type") == "progress"
        heard.append(time.process_time())
        enqueue(context, message)

    before = _peak(reset=True)
    ScriptRunContext.enqueue = hear  # type: ignore[method-assign, assignment]
    heard[0] = start = time.process_time()
    act()
    seconds = time.process_time() - start
    quiet = max(after - earlier for earlier, after in pairwise([*heard, start + seconds]))
    wrong = [element.message for element in app.exception]
    return Cost(seconds, quiet, progress, _peak() - before, "; ".join(wrong))


def _peak(*, reset: bool = False) -> float:
    """Returns the peak memory of this process in MB, after an optional reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return next(float(line.split()[1]) / 1e3 for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    print(json.dumps(vars(_make(LARGEST[int(sys.argv[1])]))))
