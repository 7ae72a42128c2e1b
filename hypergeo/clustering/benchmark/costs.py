"""Estimates of the cost of each clustering method before it runs, in seconds of one core."""

from __future__ import annotations

from collections.abc import Sequence

from hypergeo.clustering.self_labelling.settings import LabellingSettings
from hypergeo.clustering.variational.training import VariationalSettings

from .networks import WARMED
from .task import REDUCED, ClusterTask

__all__ = ["WARM_UP", "estimated_seconds", "most_points"]

WARM_UP = "warm-up shared by the networks"


def estimated_seconds(names: Sequence[str], task: ClusterTask) -> dict[str, float]:
    """Estimates the cost of each method, and of the warm-up that several share.

    The constants were measured on one core of a server of 2024 and are accurate to a factor of two. Numbers of iterations of
    Gaussian mixtures and k-means are those for digits.

    Args:
        names: names of the methods.
        task: points and settings.

    Returns:
        Seconds by name, in the order of the work; the warm-up has the name ``"warm-up shared by the networks"``.

    Example:
        >>> import numpy as np
        >>> costs = estimated_seconds(["k-means", "uniform"], ClusterTask(np.zeros((2000, 2)), 4))
        >>> list(costs), costs["k-means"] < costs["uniform"]
        (['k-means', 'uniform'], True)
    """
    points, axes = task.points.shape
    settings = LabellingSettings()
    steps = settings.steps_for(points) if task.network_steps is None else (task.network_steps, task.network_steps)
    a_step = 2 * settings.batch * (7e-8 * axes + 1.6e-5)
    costs: dict[str, float] = {}
    if any(name in WARMED or name.startswith("variational") for name in names) and task.has_images:
        costs[WARM_UP] = steps[0] * a_step
    for name in names:
        costs[name] = _seconds(name, task, points, axes, steps[1], a_step)
    return costs


def _seconds(name: str, task: ClusterTask, points: int, axes: int, steps: int, a_step: float) -> float:
    size = points * task.num_clusters
    if name.startswith("self-labelling"):
        settings = LabellingSettings()
        labelling = 2e-2 + 6.5e-7 * size if "hypergeometric" in name else 2e-3 + 2e-7 * size
        return steps * a_step * 1.1 + (steps / settings.every * settings.draws + 30) * labelling
    if name.startswith("variational"):
        batch = VariationalSettings().batch_size
        epochs = 2 * max(20, 280 * batch / points) if task.network_steps is None else 2
        if task.has_images and task.network_steps is None:
            epochs = 2 * max(10, 280 * 256 / points)
        return epochs * points * (5e-6 + 1.45e-7 * axes) + 1e-5 * size
    if name.endswith("features of the warm-up"):
        return 4e-6 * size
    if name.startswith("k-means"):
        return task.restarts * 30 * size * (3.5e-10 * axes + 2e-9)
    if name.startswith("Gaussian mixture"):
        axes = min(axes, REDUCED) if task.reduces else axes
        return task.restarts * 100 * size * (4e-9 * axes + 6e-11 * axes**2)
    rows = task.restarts * size
    return task.steps * (2e-3 + rows * (1e-7 + 2e-9 * axes) + (6e-7 * rows if name.startswith("hypergeometric") else 0.0))


def most_points(names: Sequence[str], task: ClusterTask, budget: float) -> int:
    """Computes the number of a task's points that can be clustered within a budget.

    Args:
        names: names of the methods.
        task: task with all points.
        budget: seconds of one core for all methods together.

    Returns:
        Number of points: all of them if they fit, otherwise a multiple of 500, at least 2,000. It does not depend on the
        machine, so that the same command uses the same points everywhere.
    """
    number = len(task.points)
    for fewer in (number, *range(number // 500 * 500, 1_999, -500)):
        if sum(estimated_seconds(names, task.first(fewer)).values()) <= budget:
            return fewer
    return min(number, 2_000)
