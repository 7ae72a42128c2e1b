"""A live run of clustering: three size priors from one start, that can be edited, taken on, and gone back in."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np

from hypergeo.clustering import Schedule, SizedClusters
from hypergeo.clustering.scores import ClusterScores, score_clusters
from hypergeo.clustering.size_priors import HypergeometricSizes
from hypergeo.ui.convergence.arrays import one_thread
from hypergeo.ui.runtime.result_store import ResultStore

from .data import ClusterData
from .settings import STEPS, Edit, PriorSettings

__all__ = ["PRIORS", "ClusterRun", "Snapshot"]

PRIORS = ("hypergeometric", "categorical", "uniform")
# Sizes are drawn to the end, and steps stay large for long: what is changed on the way has its effect, and time to mend.
_SCHEDULE = Schedule(steps=STEPS, hold=0.8, drawn=1.0)
_STEPS_PER_TURN = 5  # steps that are made before others have their turn
_STEPS_PER_STORED_STATE = 25  # steps between two states that are kept to go back to
_SHARED = 100  # steps between two states that other sessions may go on from


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
        losses: at each step, in nats per point, ``(T,)``.
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
        seed: of the start and of all samples.
    """

    def __init__(self, data: ClusterData, clusters: int, seed: int):
        self.data, self.clusters = data, clusters
        # Streamlit starts the next run of a page while the last one still computes.
        self._turn = threading.Lock()
        points = hashlib.sha256(data.points.tobytes()).digest(), data.points.shape
        self._tracks = {prior: _Track(data.points, clusters, seed, prior, (points, clusters, seed, prior)) for prior in PRIORS}

    @one_thread()
    def at(self, prior: str, step: int, settings: PriorSettings, edits: Sequence[Edit] = ()) -> Snapshot:
        """Clusters after so many steps.

        Args:
            prior: one of ``PRIORS``.
            step: number of steps.
            settings: before the first edit.
            edits: in the order of their steps. Only the hypergeometric prior has settings to edit.
        """
        track, turns = self._tracks[prior], _turns(prior, step, settings, edits)
        with self._turn:
            track.go_to(step, turns)
            return track.snapshot(self.data)

    def take_on(self, prior: str, step: int, settings: PriorSettings, edits: Sequence[Edit] = ()) -> Iterator[float]:
        """Makes the steps that :meth:`at` needs, a few at a time; yields the share that is done. Arguments as there."""
        track, turns = self._tracks[prior], _turns(prior, step, settings, edits)
        for _ in range(STEPS):
            with self._turn, one_thread():
                track.go_to(step, turns, _STEPS_PER_TURN)
                made = len(track.turns)
            if made >= step:
                return
            yield made / step


class _Turn(NamedTuple):
    """What one step is made with, and the weights set by hand before it."""

    settings: PriorSettings
    weights: tuple[float, ...] | None


def _turns(prior: str, step: int, settings: PriorSettings, edits: Sequence[Edit]) -> list[_Turn]:
    edits = edits if prior == "hypergeometric" else ()
    return [_turn(turn, settings, edits) for turn in range(step + 1)]


def _turn(turn: int, settings: PriorSettings, edits: Sequence[Edit]) -> _Turn:
    before = [edit for edit in edits if edit.step <= turn]
    changes = {edit.name: edit.value for edit in before if edit.name != "weights"}
    by_hand = [edit.value for edit in before if edit.name == "weights" and edit.step == turn]
    return _Turn(replace(settings, **changes), by_hand[-1] if by_hand else None)


class _Passed(NamedTuple):
    """A state of a model on its way, and what it drew and lost until there."""

    state: dict[str, Any]
    drawn: tuple[np.ndarray, ...]
    logs: tuple[np.ndarray, ...]
    losses: tuple[float, ...]


_SHELF: ResultStore[_Passed] = ResultStore(240)


class _Track:
    """One model, and states that it passed.

    Args:
        points: to divide.
        clusters: number of clusters.
        seed: of the start and of all samples.
        prior: one of ``PRIORS``.
        name: the same for two tracks exactly where the same turns take them through the same states.
    """

    def __init__(self, points: np.ndarray, clusters: int, seed: int, prior: str, name: Hashable):
        self.model = SizedClusters(points, clusters, prior=prior, seed=seed, equal_start=True, schedule=_SCHEDULE)
        self.editable = prior == "hypergeometric"
        self.name = name
        self.kept = {0: self.model.state_dict()}
        self.turns: list[_Turn] = []
        self.drawn: list[np.ndarray] = []
        self.logs: list[np.ndarray] = []
        self.losses: list[float] = []
        self.by_hand: tuple[float, ...] | None = None

    def go_to(self, step: int, turns: Sequence[_Turn], most: int = STEPS) -> None:
        """Makes the steps that are missing, from the last kept state before anything differs from what was done.

        Args:
            step: number of steps.
            turns: what each of them is made with, and the next.
            most: steps to make at most, for now.
        """
        same = next(
            (done for done, (was, now) in enumerate(zip(self.turns, turns, strict=False)) if was != now), len(self.turns)
        )
        # Weights set by hand after the last step change the model, but are no step yet.
        taken_back = self.by_hand is not None and turns[min(same, step)].weights != self.by_hand
        if min(same, step) < len(self.turns) or taken_back:
            self._back_to(max(kept for kept in self.kept if kept <= min(same, step)))
        self._skip_to(step, turns)
        step = min(step, len(self.turns) + most)
        for turn in turns[len(self.turns) : step]:
            self._prepare(turn)
            self.logs.append(self.model.log_weights[0].numpy())
            self.model.step()
            assert self.model.drawn is not None
            assert self.model.assigned is not None
            self.turns.append(turn)
            self.drawn.append(self.model.drawn[0].numpy())
            self.losses.append(float(self.model.assigned.loss[0]))
            if len(self.turns) % _STEPS_PER_STORED_STATE == 0:
                self._keep()
        self._prepare(turns[step])

    def _keep(self) -> None:
        done = len(self.turns)
        self.kept[done] = self.model.state_dict()
        if done % _SHARED == 0:
            passed = _Passed(self.kept[done], tuple(self.drawn), tuple(self.logs), tuple(self.losses))
            _SHELF.put((self.name, tuple(self.turns)), passed)

    def _skip_to(self, step: int, turns: Sequence[_Turn]) -> None:
        """Goes on from the furthest state that a session has passed with the same turns."""
        for done in range(step // _SHARED * _SHARED, len(self.turns), -_SHARED):
            passed = _SHELF.get((self.name, tuple(turns[:done])))
            if passed is not None:
                self.model.load_state_dict(passed.state)
                self.turns, self.kept[done] = list(turns[:done]), passed.state
                self.drawn, self.logs, self.losses = list(passed.drawn), list(passed.logs), list(passed.losses)
                return

    def _prepare(self, turn: _Turn) -> None:
        self.by_hand = turn.weights
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
        evaluation = self.model.evaluate()
        labels, sizes = evaluation.labels[0].numpy(), evaluation.sizes[0].numpy()
        clusters = len(sizes)
        assigned = self.model.assigned
        pull = np.zeros(clusters) if assigned is None else -assigned.column_potentials[0].numpy()
        return Snapshot(
            means=self.model.means[0].numpy(),
            width=float(self.model.width[0]),
            sizes=sizes,
            labels=labels,
            certainty=evaluation.plan[0].max(-1).values.numpy(),
            pull=pull,
            drawn=np.array(self.drawn).reshape(-1, clusters),
            log_weights=np.array([*self.logs, self.model.log_weights[0].numpy()]),
            losses=np.array(self.losses) / len(data.points),
            scores=None if data.classes is None else score_clusters(data.classes, labels, sizes),
        )
