"""Sentences about the clusters on show, with their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hypergeo.clustering.scores import ClusterScores
from hypergeo.figures.core.words import percent
from hypergeo.ui.state.markdown import plain

from .run import Snapshot

__all__ = [
    "NAMES",
    "about_arrows",
    "about_capacity",
    "about_classes",
    "about_pixels",
    "about_samples",
    "about_sizes",
    "about_step",
    "compare_priors",
]

NAMES = {"hypergeometric": "hypergeometric", "categorical": "mixture weights", "uniform": "equal sizes"}
"""Name of each prior as the page shows it."""

_CLOSE, _FEW = 0.1, 3.0  # a size is right with an error below this fraction of the true size, or below so many points
_TIE = 0.01
_SHORT = 0.01  # nats per point below which an arrow is too short to be seen


def about_step(step: int, snapshot: Snapshot) -> str:
    """Describes the clusters after a number of steps: the largest, the smallest, and the error of the sizes.

    Args:
        step: number of steps.
        snapshot: clusters after these steps.

    Returns:
        Up to three sentences.
    """
    if not step:
        return (
            "All sizes start equal, with centres from k-means. **Press Play**: each step samples sizes, assigns the points to "
            "fill them, and changes the weights along the gradient."
        )
    largest, smallest = int(snapshot.sizes.argmax()), int(snapshot.sizes.argmin())
    sizes = (
        f"**Step {step}.** Cluster {largest + 1} is the largest ({snapshot.sizes[largest]:.0f} points), cluster "
        f"{smallest + 1} the smallest ({snapshot.sizes[smallest]:.0f})."
    )
    return sizes if snapshot.scores is None else f"{sizes} {_about_error(snapshot.scores)}"


def compare_priors(step: int, scores: Mapping[str, ClusterScores]) -> str:
    """Names the priors with the smallest size error, with the errors of all priors.

    Args:
        step: number of steps.
        scores: scores of each prior, by name; empty if the true classes are unknown.

    Returns:
        One sentence.
    """
    if not scores:
        return "Without true classes the priors cannot be ranked; compare the sizes."
    numbers = "; ".join(
        f"{NAMES[prior]} {percent(each.size_error, 1)}, adjusted Rand index {each.adjusted_rand_index:.2f}"
        for prior, each in scores.items()
    )
    least = min(each.size_error for each in scores.values())
    best = [NAMES[prior] for prior, each in scores.items() if each.size_error <= least + _TIE]
    return f"**Step {step}. Smallest size error: {' and '.join(best)}** ({numbers})."


def about_pixels(step: int, scores: Iterable[tuple[str, ClusterScores]]) -> str:
    """Compares the model of two principal components with the model of all pixels.

    Args:
        step: number of steps.
        scores: name and scores of each model.

    Returns:
        One sentence.
    """
    parts = [
        f"{name}: size error **{percent(each.size_error, 1)}**, adjusted Rand index {each.adjusted_rand_index:.2f}"
        for name, each in scores
    ]
    return f"**Step {step}.** Model of {'; model of '.join(parts)}."


def about_sizes(snapshot: Snapshot, true: np.ndarray | None) -> str:
    """Compares the expected sizes with the true sizes.

    Args:
        snapshot: clusters on show.
        true: true size of the class matched with each cluster, NaN where there is none, shape ``(K,)``; ``None`` if unknown.

    Returns:
        Up to three sentences.
    """
    if snapshot.scores is None or true is None:
        return f"The expected sizes are {_listed(snapshot.sizes)}; the true sizes are unknown."
    right = _close(snapshot.sizes, true)
    sizes = f"Expected sizes {_listed(snapshot.sizes)}, true sizes {_listed(true)}"
    if right.all():
        return f"**All {len(right)} sizes are right**, to within 10 % or {_FEW:.0f} points: {sizes}."
    worst = int(np.nanargmax(np.where(right, -1.0, np.abs(snapshot.sizes - true) / true)))
    return (
        f"**{right.sum()} of {len(right)} sizes are right**, to within 10 % or {_FEW:.0f} points: {sizes}. Cluster "
        f"{worst + 1} has the largest relative error. {_about_error(snapshot.scores)}"
    )


def about_classes(names: Sequence[str]) -> str:
    """Names the class that has most points in common with each cluster.

    Args:
        names: name of the class that is matched with each cluster.

    Returns:
        One sentence.
    """
    matches = ", ".join(f"{plain(name)} for cluster {cluster}" for cluster, name in enumerate(names, 1))
    return f"Class matched with each cluster: {matches}."


def about_arrows(snapshot: Snapshot, true: np.ndarray, certain: np.ndarray) -> list[str]:
    """Names the arrows that point away from the true sizes, and the outlines whose match is uncertain.

    Args:
        snapshot: clusters on show.
        true: true size of the class matched with each cluster, NaN where there is none, shape ``(K,)``.
        certain: whether the match of each cluster is certain, shape ``(K,)``.

    Returns:
        The sentences, one item for the arrows and one for the outlines, as far as there are such.
    """
    wrong = (np.abs(snapshot.pull) > _SHORT) & (snapshot.pull * (true - snapshot.sizes) < 0) & ~_close(snapshot.sizes, true)
    sentences = []
    if wrong.any():
        arrows = f"arrow of {_clusters(wrong)} points" if wrong.sum() == 1 else f"arrows of {_clusters(wrong)} point"
        sentences.append(
            f"The {arrows} **away from the true size**. An arrow shows the negative gradient at the current centres; it "
            "can be wrong until the centres stop moving."
        )
    if not certain.all():
        outlines = "outline is" if (~certain).sum() == 1 else "outlines are"
        sentences.append(
            f"At most half of the points in {_clusters(~certain)} belong to the matched class. "
            f"Such a match can still change, so the {outlines} faint."
        )
    return sentences


def about_samples(sizes: np.ndarray, tau: float) -> str:
    """Describes the standard deviation of the sampled sizes.

    Args:
        sizes: sizes sampled at each step, shape ``(T, K)``.
        tau: temperature of the samples.

    Returns:
        Two sentences.
    """
    recent = sizes[-20:]
    if len(recent) < 2:
        return "Dots: sizes sampled in recent steps. Each step learns from one sample."
    return (
        f"Sizes sampled in the last {len(recent)} steps have a standard deviation of up to "
        f"**{float(recent.std(0).max()):.1f} points** at τ = {tau:g}. Each step learns from one sample."
    )


def about_capacity(sizes: np.ndarray, number: int, percentage: int) -> str:
    """Describes the limit on the sizes, and names the clusters that reach it.

    Args:
        sizes: expected sizes, shape ``(K,)``.
        number: number of points.
        percentage: capacity of each cluster, in per cent of the points.

    Returns:
        Two or three sentences.
    """
    if percentage >= 100:
        return (
            f"Every cluster could hold all {number} points. Without a size limit the hypergeometric prior behaves like learned "
            "mixture weights. It helps only if **maximum sizes** are known."
        )
    capacity = max(int(np.ceil(percentage / 100 * number)), -(-number // len(sizes)))
    full = sizes > 0.98 * capacity
    reached = f"Full: {_clusters(full)}." if full.any() else "No cluster is full."
    return f"A cluster holds at most **{capacity} points**; mixture weights cannot use this limit. {reached}"


def _close(sizes: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Returns whether each size is right, shape ``(K,)``; false where the true size is NaN."""
    return np.abs(sizes - true) <= np.maximum(_CLOSE * true, _FEW)


def _clusters(chosen: np.ndarray) -> str:
    """Returns the numbers of clusters as text, such as "cluster 1" or "clusters 1, 2 and 4"."""
    numbers = [str(cluster + 1) for cluster in np.flatnonzero(chosen)]
    if len(numbers) == 1:
        return f"cluster {numbers[0]}"
    return f"clusters {', '.join(numbers[:-1])} and {numbers[-1]}"


def _about_error(scores: ClusterScores) -> str:
    return f"**{percent(scores.size_error, 1)}** of points would need to change cluster to match the true sizes."


def _listed(sizes: np.ndarray) -> str:
    return "(" + ", ".join("–" if np.isnan(size) else f"{size:.0f}" for size in sizes) + ")"
