"""Python code that prints the numbers of the page on cluster sizes."""

from __future__ import annotations

from collections.abc import Sequence

from .settings import STEPS, Edit, PriorSettings

__all__ = ["cluster_snippet"]

_HEAD = """\
import numpy as np

from hypergeo.clustering import Schedule, SizedClusters
from hypergeo.clustering.scores import score_clusters
{imports}
{data}
for prior in ("hypergeometric", "categorical", "uniform"):
    schedule = Schedule(steps={steps}, hold=0.8, drawn=1.0)
    model = SizedClusters(points, {clusters}, prior=prior, seed={seed}, equal_start=True, schedule=schedule)
    if prior == "hypergeometric":
{ours}
    else:
        model.step({step})
    evaluation = model.evaluate()
    print(prior, "sizes:", evaluation.sizes[0].numpy().round(2).tolist())
{scores}"""


def cluster_snippet(
    data: str, imports: str, clusters: int, seed: int, step: int, settings: PriorSettings, edits: Sequence[Edit], known: bool
) -> str:
    """Returns Python code that prints the expected sizes of all priors, and their errors.

    Args:
        data: lines of code that set ``points`` and ``classes``.
        imports: lines of code that import what ``data`` needs.
        clusters: number of clusters.
        seed: seed of the start and of all samples.
        step: number of steps.
        settings: settings of the hypergeometric prior before the first edit.
        edits: changes of these settings during the run, in the order of their steps.
        known: whether the true classes are known.

    Returns:
        The code.
    """
    lines, done = _settings(vars(settings)), 0
    for edit in edits:
        if edit.step > step:
            break
        if edit.step > done:
            lines.append(f"model.step({edit.step - done})")
            done = edit.step
        if edit.name == "weights":
            lines.append(f"model.log_weights = np.log([{list(edit.value)}])")
        else:
            lines += _settings({edit.name: edit.value})
    lines.append(f"model.step({step - done})")
    scores = (
        "    scores = score_clusters(classes, evaluation.labels[0].numpy(), evaluation.sizes[0].numpy())\n"
        '    print(prior, f"size error: {scores.size_error:.4f}, adjusted Rand index: {scores.adjusted_rand_index:.4f}")\n'
        if known
        else ""
    )
    return _HEAD.format(
        imports=imports,
        data=data,
        steps=STEPS,
        clusters=clusters,
        seed=seed,
        step=step,
        ours="\n".join(f"        {line}" for line in lines),
        scores=scores,
    )


def _settings(values: dict[str, object]) -> list[str]:
    lines = []
    for name, value in values.items():
        if name == "tau":
            lines.append(f"model.prior.temperature = {value}")
        elif name == "kind":
            lines.append(f"model.prior.straight_through = {value == 'straight-through'}")
        elif name == "conditionals":
            lines.append(f"model.prior.conditionals = {value!r}")
        else:
            lines.append(
                f"capacity = max(int(np.ceil({value} / 100 * len(points))), -(-len(points) // model.prior.num_clusters))"
            )
            lines.append("model.prior.capacities = capacity")
    return lines
