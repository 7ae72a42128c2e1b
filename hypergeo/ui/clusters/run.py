"""Live run of clustering: three size priors from one start. Its settings can change at any step, and it can go back."""

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
# Sizes are sampled until the last step, and the learning rate stays high for long, so that late changes still have an effect.
_SCHEDULE = Schedule(steps=STEPS, hold=0.8, drawn=1.0)
_STEPS_PER_TURN = 5  # steps until other requests have their turn
_STEPS_PER_STORED_STATE = 25  # steps between two stored states, to which the run can go back
_STEPS_PER_SHARED_STATE = 100  # steps between two states from which other sessions can continue


@dataclass(frozen=True)
class Snapshot:
    """Holds the clusters of one prior after a number of steps ``T``.

    Attributes:
        means: centres of the clusters, shape ``(K, 2)``; ``(K, D)`` for points of ``D`` dimensions.
        width: standard deviation of the clusters.
        sizes: expected sizes, shape ``(K,)``.
        labels: cluster of each point, shape ``(N,)``.
        certainty: fraction of each point that is assigned to its cluster, shape ``(N,)``.
        pull: negative gradient of the loss with respect to each size, in nats per point, centred, shape ``(K,)``.
        drawn: sizes sampled at each step, shape ``(T, K)``.
        log_weights: log weights at the start and after each step, shape ``(T + 1, K)``.
        losses: loss at each step, in nats per point, shape ``(T,)``.
        scores: agreement with the true classes; ``None`` if they are unknown.
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
    """Fits the same points with three priors from the same start.

    The state after a number of steps depends only on data, seed, settings and edits, not on the steps requested before.

    Args:
        data: points to cluster.
        clusters: number of clusters.
        seed: seed of the start and of all samples.
    """

    def __init__(self, data: ClusterData, clusters: int, seed: int):
        self.data, self.clusters = data, clusters
        # Streamlit starts the next run of a page while the previous one still computes.
        self._turn = threading.Lock()
        points = hashlib.sha256(data.points.tobytes()).digest(), data.points.shape
        self._tracks = {prior: _Track(data.points, clusters, seed, prior, (points, clusters, seed, prior)) for prior in PRIORS}
        # Most changes of a page, such as another view, leave the run where it is.
        self._latest: dict[str, tuple[list[_Turn], Snapshot]] = {}

    @one_thread()
    def at(self, prior: str, step: int, settings: PriorSettings, edits: Sequence[Edit] = ()) -> Snapshot:
        """Computes the clusters after a number of steps.

        Args:
            prior: one of ``PRIORS``.
            step: number of steps.
            settings: settings before the first edit.
            edits: edits in the order of their steps; only the hypergeometric prior has settings that they change.

        Returns:
            The clusters.
        """
        track, turns = self._tracks[prior], _turns(prior, step, settings, edits)
        with self._turn:
            if prior not in self._latest or self._latest[prior][0] != turns:
                track.go_to(step, turns)
                self._latest[prior] = turns, track.snapshot(self.data)
            return self._latest[prior][1]

    def take_on(self, prior: str, step: int, settings: PriorSettings, edits: Sequence[Edit] = ()) -> Iterator[float]:
        """Makes the steps that :meth:`at` needs, a few at a time.

        Args:
            prior: one of ``PRIORS``.
            step: number of steps.
            settings: settings before the first edit.
            edits: edits in the order of their steps; only the hypergeometric prior has settings that they change.

        Yields:
            Fraction of the steps that are done.
        """
        track, turns = self._tracks[prior], _turns(prior, step, settings, edits)
        for _ in range(STEPS):
            with self._turn, one_thread():
                track.go_to(step, turns, _STEPS_PER_TURN)
                made = len(track.turns)
            if made >= step:
                return
            yield made / step


class _Turn(NamedTuple):
    """Settings of one step, and the weights that the reader has set before it."""

    settings: PriorSettings
    weights: tuple[float, ...] | None


def _turns(prior: str, step: int, settings: PriorSettings, edits: Sequence[Edit]) -> list[_Turn]:
    edits = edits if prior == "hypergeometric" else ()
    first = min((edit.step for edit in edits), default=step + 1)
    unedited = [_Turn(settings, None)] * min(first, step + 1)
    return unedited + [_turn(turn, settings, edits) for turn in range(first, step + 1)]


def _turn(turn: int, settings: PriorSettings, edits: Sequence[Edit]) -> _Turn:
    before = [edit for edit in edits if edit.step <= turn]
    changes = {edit.name: edit.value for edit in before if edit.name != "weights"}
    by_hand = [edit.value for edit in before if edit.name == "weights" and edit.step == turn]
    return _Turn(replace(settings, **changes), by_hand[-1] if by_hand else None)


class _SharedState(NamedTuple):
    """State of a model, with the sampled sizes, log weights and losses of the steps before it."""

    state: dict[str, Any]
    drawn: tuple[np.ndarray, ...]
    logs: tuple[np.ndarray, ...]
    losses: tuple[float, ...]


_SHARED_STATES: ResultStore[_SharedState] = ResultStore(240)


class _Track:
    """Runs one model and stores states to which it can go back.

    Args:
        points: points to cluster, shape ``(N, D)``.
        clusters: number of clusters.
        seed: seed of the start and of all samples.
        prior: one of ``PRIORS``.
        name: key of the model: two tracks have the same name exactly if the same turns lead to the same states.
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
        """Makes the missing steps, from the last stored state whose turns are the requested ones.

        Args:
            step: number of steps.
            turns: turn of each step, and of the next one.
            most: greatest number of steps in this call.
        """
        same = next(
            (done for done, (was, now) in enumerate(zip(self.turns, turns, strict=False)) if was != now), len(self.turns)
        )
        # Weights set by hand after the last step change the model before the next step.
        taken_back = self.by_hand is not None and turns[min(same, step)].weights != self.by_hand
        if min(same, step) < len(self.turns) or taken_back:
            self._back_to(max(kept for kept in self.kept if kept <= min(same, step)))
        if len(self.turns) % _STEPS_PER_STORED_STATE == 0:
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
        if done % _STEPS_PER_SHARED_STATE == 0:
            shared = _SharedState(self.kept[done], tuple(self.drawn), tuple(self.logs), tuple(self.losses))
            _SHARED_STATES.put((self.name, tuple(self.turns)), shared)

    def _skip_to(self, step: int, turns: Sequence[_Turn]) -> None:
        """Loads the latest state that any session has reached with the same turns."""
        every = _STEPS_PER_SHARED_STATE
        for done in range(step // every * every, len(self.turns), -every):
            shared = _SHARED_STATES.get((self.name, tuple(turns[:done])))
            if shared is not None:
                self.model.load_state_dict(shared.state)
                self.turns, self.kept[done] = list(turns[:done]), shared.state
                self.drawn, self.logs, self.losses = list(shared.drawn), list(shared.logs), list(shared.losses)
                return

    def _prepare(self, turn: _Turn) -> None:
        self.by_hand = turn.weights
        if not self.editable:
            return
        prior = cast(HypergeometricSizes, self.model.prior)
        turn.settings.apply_to(prior)
        if turn.weights is not None:
            self.model.log_weights = [[math.log(weight) for weight in turn.weights]]

    def _back_to(self, step: int) -> None:
        self.model.load_state_dict(self.kept[step])
        self.kept = {kept: state for kept, state in self.kept.items() if kept <= step}
        for record in (self.turns, self.drawn, self.logs, self.losses):
            del record[step:]

    def snapshot(self, data: ClusterData) -> Snapshot:
        """Computes the clusters after the steps made so far.

        Args:
            data: points of the model, with their classes.

        Returns:
            The clusters.
        """
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
