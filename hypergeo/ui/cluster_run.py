"""A live run of clustering: three size priors from one start, that can be edited, taken on, and gone back in."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np

from hypergeo.clustering import Schedule, SizedClusters
from hypergeo.clustering_scores import ClusterScores, score_clusters
from hypergeo.size_priors import HypergeometricSizes

from .cluster_data import ClusterData
from .controls import Choice, Control, Whole
from .sweep import one_thread

__all__ = ["LIVE", "PRIORS", "STEPS", "ClusterRun", "Edit", "Settings", "Snapshot", "read_edits", "write_edits"]

PRIORS = ("hypergeometric", "categorical", "uniform")
STEPS = 400
# Sizes are drawn to the end, and steps stay large for long: what is changed on the way has its effect, and time to mend.
_SCHEDULE = Schedule(steps=STEPS, hold=0.8, drawn=1.0)
_KEPT = 25  # steps between two states that are kept to go back to
_MOST_EDITS = 60

TAUS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
LIVE: dict[str, Control] = {
    "tau": Choice(1.0, TAUS),
    "kind": Choice("soft", ["soft", "straight-through"]),
    "conditionals": Choice("exact", ["exact", "merged"]),
    "room": Whole(100, 13, 100),
}
"""Controls that may be moved while a run goes on."""


@dataclass(frozen=True)
class Settings:
    """What the hypergeometric prior draws sizes with.

    Attributes:
        tau: temperature of the draws.
        kind: ``"soft"`` or ``"straight-through"``.
        conditionals: ``"exact"`` or ``"merged"``.
        room: the most that a cluster holds, in percent of the points.
    """

    tau: float = 1.0
    kind: str = "soft"
    conditionals: str = "exact"
    room: int = 100

    def put_on(self, prior: HypergeometricSizes) -> None:
        """Sets a prior; there is always room for all points."""
        prior.temperature, prior.straight_through = self.tau, self.kind == "straight-through"
        if prior.conditionals != self.conditionals:
            prior.conditionals = self.conditionals
        places = max(math.ceil(self.room / 100 * prior.num_points), math.ceil(prior.num_points / prior.num_clusters))
        if int(prior.capacities[0]) != places:
            prior.capacities = places


@dataclass(frozen=True)
class Edit:
    """What was changed before some step.

    Attributes:
        step: number of steps made before.
        name: one of ``LIVE``, or ``"weights"``.
        value: what it was set to: a number, a word, or weights.
    """

    step: int
    name: str
    value: Any


def write_edits(edits: Sequence[Edit]) -> str:
    """Edits as a page's address says them.

    Example:
        >>> write_edits([Edit(40, "tau", 0.1), Edit(60, "weights", (1.0, 0.5))])
        '40~tau~0.1_60~weights~1!0.5'
    """
    return "_".join(f"{edit.step}~{edit.name}~{_said(edit.value)}" for edit in edits)


def read_edits(text: str) -> list[Edit]:
    """What :func:`write_edits` wrote; what makes no sense is left out.

    Example:
        >>> read_edits("40~tau~0.1_x~y_60~weights~1!0.5")
        [Edit(step=40, name='tau', value=0.1), Edit(step=60, name='weights', value=(1.0, 0.5))]
    """
    edits = []
    for part in text.split("_")[:_MOST_EDITS]:
        match part.split("~"):
            case [step, name, value] if step.isdecimal() and len(step) < 5:
                read = _read(name, value)
                if read is not None:
                    edits.append(Edit(min(int(step), STEPS), name, read))
    return sorted(edits, key=lambda edit: edit.step)


@dataclass(frozen=True)
class Snapshot:
    """One prior's clusters at the step on show.

    Attributes:
        means: shape ``(K, 2)``.
        width: standard deviation of the clusters.
        sizes: expected sizes, ``(K,)``.
        labels: cluster of each point, ``(N,)``.
        certainty: share of each point in its cluster, ``(N,)``.
        pull: by how much the loss falls with each size, ``(K,)``, less its mean.
        drawn: sizes drawn at each step until now, ``(T, K)``.
        log_weights: after each step and at the start, ``(T + 1, K)``.
        losses: at each step, in nats a point, ``(T,)``.
        scores: agreement with the true classes, where they are known.
    """

    means: np.ndarray
    width: float
    sizes: np.ndarray
    labels: np.ndarray
    certainty: np.ndarray
    pull: np.ndarray
    drawn: np.ndarray
    log_weights: np.ndarray
    losses: np.ndarray
    scores: ClusterScores | None


class ClusterRun:
    """Three models of the same points from the same start.

    What it shows after so many steps depends on the data, the seed, the settings and the edits alone, not on how it came there.

    Args:
        data: the points.
        clusters: number of clusters.
        seed: of the start and of all draws.
    """

    def __init__(self, data: ClusterData, clusters: int, seed: int):
        self.data, self.clusters = data, clusters
        # Streamlit starts the next run of a page while the last one still computes.
        self._turn = threading.Lock()
        self._tracks = {prior: _Track(data.points, clusters, seed, prior) for prior in PRIORS}

    @one_thread()
    def at(self, prior: str, step: int, settings: Settings, edits: Sequence[Edit] = ()) -> Snapshot:
        """Clusters after so many steps.

        Args:
            prior: one of ``PRIORS``.
            step: number of steps.
            settings: before the first edit.
            edits: in the order of their steps. Only the hypergeometric prior has settings to edit.
        """
        track = self._tracks[prior]
        if prior != "hypergeometric":
            edits = ()
        with self._turn:
            track.go_to(step, [_turn(turn, settings, edits) for turn in range(step + 1)])
            return track.snapshot(self.data)


class _Turn(NamedTuple):
    """What one step is made with, and the weights set by hand before it."""

    settings: Settings
    weights: tuple[float, ...] | None


def _turn(turn: int, settings: Settings, edits: Sequence[Edit]) -> _Turn:
    before = [edit for edit in edits if edit.step <= turn]
    changes = {edit.name: edit.value for edit in before if edit.name != "weights"}
    by_hand = [edit.value for edit in before if edit.name == "weights" and edit.step == turn]
    return _Turn(replace(settings, **changes), by_hand[-1] if by_hand else None)


class _Track:
    """One model, and states that it passed."""

    def __init__(self, points: np.ndarray, clusters: int, seed: int, prior: str):
        self.model = SizedClusters(points, clusters, prior=prior, seed=seed, equal_start=True, schedule=_SCHEDULE)
        self.editable = prior == "hypergeometric"
        self.kept = {0: self.model.state_dict()}
        self.turns: list[_Turn] = []
        self.drawn: list[np.ndarray] = []
        self.logs: list[np.ndarray] = []
        self.losses: list[float] = []

    def go_to(self, step: int, turns: Sequence[_Turn]) -> None:
        """Makes the steps that are missing, from the last kept state before anything differs from what was done."""
        same = next(
            (done for done, (was, now) in enumerate(zip(self.turns, turns, strict=False)) if was != now), len(self.turns)
        )
        if min(same, step) < len(self.turns):
            self._back_to(min(same, step) // _KEPT * _KEPT)
        for turn in turns[len(self.turns) : step]:
            self._prepare(turn)
            self.logs.append(self.model.log_weights[0].numpy())
            self.model.step()
            assert self.model.drawn is not None
            assert self.model.assigned is not None
            self.turns.append(turn)
            self.drawn.append(self.model.drawn[0].numpy())
            self.losses.append(float(self.model.assigned.loss[0]))
            if len(self.turns) % _KEPT == 0:
                self.kept[len(self.turns)] = self.model.state_dict()
        self._prepare(turns[step])

    def _prepare(self, turn: _Turn) -> None:
        if not self.editable:
            return
        prior = cast(HypergeometricSizes, self.model.prior)
        turn.settings.put_on(prior)
        if turn.weights is not None:
            self.model.log_weights = [[math.log(weight) for weight in turn.weights]]

    def _back_to(self, step: int) -> None:
        self.model.load_state_dict(self.kept[step])
        self.kept = {kept: state for kept, state in self.kept.items() if kept <= step}
        for record in (self.turns, self.drawn, self.logs, self.losses):
            del record[step:]

    def snapshot(self, data: ClusterData) -> Snapshot:
        """Where it is now."""
        found = self.model.evaluate()
        labels, sizes = found.labels[0].numpy(), found.sizes[0].numpy()
        clusters = len(sizes)
        assigned = self.model.assigned
        pull = np.zeros(clusters) if assigned is None else -assigned.column_potentials[0].numpy()
        return Snapshot(
            means=self.model.means[0].numpy(),
            width=float(self.model.width[0]),
            sizes=sizes,
            labels=labels,
            certainty=found.plan[0].max(-1).values.numpy(),
            pull=pull,
            drawn=np.array(self.drawn).reshape(-1, clusters),
            log_weights=np.array([*self.logs, self.model.log_weights[0].numpy()]),
            losses=np.array(self.losses) / len(data.points),
            scores=None if data.classes is None else score_clusters(data.classes, labels, sizes),
        )


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return "!".join(f"{weight:g}" for weight in value)
    return value if isinstance(value, str) else f"{value:g}"


def _read(name: str, text: str) -> Any:
    """A value that some control allows, or nothing."""
    if name == "weights":
        try:
            weights = tuple(float(weight) for weight in text.split("!"))
        except ValueError:
            return None
        return weights if 2 <= len(weights) <= 8 and all(1e-3 <= weight <= 1e3 for weight in weights) else None
    control = LIVE.get(name)
    if control is None:
        return None
    value = control.read(text)
    return value if control.write(value) == text else None
