"""A live run on shared factors: a model that trains on or goes back, and what there is to see at a step."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hypergeo.datasets.image_pairs import ImagePairs
from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.shared_factors import PairView, SharedFactors
from hypergeo.shared_factors.fixed_rules import adavae_shared
from hypergeo.shared_factors.scores import Collapse, collapse, match_factors, rank_correlations
from hypergeo.ui.convergence.arrays import one_thread
from hypergeo.ui.runtime.result_store import ResultStore

from .settings import STEPS, FactorSettings, Plan

__all__ = ["PAIRS", "VALUES", "FactorRun", "Snapshot", "fresh_pairs"]

PAIRS = 192
"""Fresh pairs on which a model is looked at."""
VALUES = np.linspace(-1.8, 1.8, 7)
"""Where traversals go, in the prior's standard deviations."""
SHOWN = 8
"""Pairs in the pictures: the first ones."""

_EXCHANGED = 64  # pairs with which exchanges are measured
_ASIDE = 2**40  # seeds of the pairs that are looked at lie beyond those of training
_STEPS_PER_TURN = 10  # steps that are made before others have their turn
_STEPS_PER_STORED_STATE = 100  # steps between two states that all sessions may go on from
_LAST = 24  # steps that were looked at and are kept as they were

State = dict[str, Tensor]
_SHELF: ResultStore[State] = ResultStore(100)


@dataclass(frozen=True)
class Snapshot:
    """A model at a step, on fresh pairs. ``N`` pairs, ``P`` of them in pictures, ``F`` factors, ``d`` dimensions.

    Attributes:
        step: number of steps made.
        said: what pairs share, as the control says it.
        since: number of steps after which they began to.
        true: number of factors that each pair shares, shape ``(N,)``.
        estimate: expected number of shared dimensions, ``(N,)``.
        adavae: number by AdaVAE's threshold for the same distances, ``(N,)``.
        law: mean distribution of the number, ``(d + 1,)``.
        even: the distribution of weight one, ``(d + 1,)``.
        log_weight: of the shared group, mean over pairs; NaN for rules without weights.
        distances: sorted, ``(N, d)``, in nats.
        threshold: AdaVAE's, the median over pairs, in nats.
        information: mean divergence of each dimension from the prior, ``(d,)``, in nats.
        match: for each factor the dimension that follows it, or -1, ``(F,)``.
        strength: rank correlation of both, without its sign, ``(F,)``.
        shared: which factors the pairs in pictures share, ``(P, F)``.
        found: whether the dimensions that follow them are inferred as shared, ``(P, F)``.
        hits: fraction of pairs and factors in which both agree.
        dimensions: which dimensions of the pairs in pictures are inferred as shared, ``(P, d)``.
        collapse: how the model has failed, if it has.
        images: the ``"pairs"``, what the model has ``"seen"``, the same without sharing (``"plain"``), after an exchange of
            the ``"shared"`` part, of the ``"independent"`` part, and with the shared part of the ``"next"`` pair; each of
            shape ``(P, 2, H, W, 3)``, from 0 to 255.
        moved: change of the images of a pair by an exchange of what is ``"ours"`` to share, of what is ``"AdaVAE's"``, and of
            ``"everything"``: root mean square over pixels, from 0 to 1.
        traversals: first images as each dimension goes through ``VALUES``, ``(P, d, V, H, W, 3)``.
        record: at each step until now loss, estimate, AdaVAE's number, true number and log weight, ``(T, 5)``.
        laws: distribution of the number at each step until now, ``(T, d + 1)``.
    """

    step: int
    sharing_kind: str
    since: int
    true: np.ndarray
    estimate: np.ndarray
    adavae: np.ndarray
    law: np.ndarray
    even: np.ndarray
    log_weight: float
    distances: np.ndarray
    threshold: float
    information: np.ndarray
    match: np.ndarray
    strength: np.ndarray
    shared: np.ndarray
    inferred: np.ndarray
    hits: float
    dimensions: np.ndarray
    collapse: Collapse
    images: dict[str, np.ndarray]
    moved: dict[str, float]
    traversals: np.ndarray
    record: np.ndarray
    laws: np.ndarray


class FactorRun:
    """A model that learns, and goes back where it is asked to.

    What it shows after so many steps depends on the settings and the plan alone, not on how it came there.

    Args:
        settings: what it is made with.
    """

    def __init__(self, settings: FactorSettings):
        self.settings = settings
        # Streamlit starts the next run of a page while the last one still computes.
        self._turn = threading.Lock()
        self._model: SharedFactors | None = None
        self._done: tuple[tuple[int, str], ...] = ()
        self._seen: ResultStore[Snapshot] = ResultStore(_LAST)

    def at(self, step: int, plan: Plan) -> Snapshot:
        """What there is to see after so many steps.

        Args:
            step: number of steps.
            plan: what pairs share on the way.
        """
        seen = self._reach(step, plan)
        assert seen is not None, "all missing steps are made at once"
        return seen

    def take_on(self, steps: Sequence[int], plan: Plan) -> Iterator[float]:
        """Makes what :meth:`at` needs for some steps, a few at a time; yields the share that is done.

        Args:
            steps: numbers of steps, increasing.
            plan: what pairs share on the way.
        """
        for step in steps:
            for _ in range(STEPS):  # at most: another run of the page may take the model elsewhere meanwhile
                if self._reach(step, plan, _STEPS_PER_TURN) is not None:
                    break
                yield self._model.steps_done / steps[-1] if self._model else 0.0

    def _reach(self, step: int, plan: Plan, most: int = STEPS) -> Snapshot | None:
        """Makes at most so many steps; what there is to see at the step, once it is reached."""
        with self._turn, one_thread():
            seen = self._seen.get((step, plan))
            if seen is None:
                model = self._go_to(step, plan, most)
                if model.steps_done == step:
                    seen = _snapshot(model, self.settings, plan)
                    self._seen.put((step, plan), seen)
            return seen

    def _go_to(self, step: int, plan: Plan, most: int) -> SharedFactors:
        """The model, taken towards a step by at most so many steps."""
        model = self._model
        if model is None or model.steps_done > step or self._done != plan.until(model.steps_done):
            model = self._back_to(step, plan)
        elif step - model.steps_done > _STEPS_PER_STORED_STATE:
            self._skip_to(model, step, plan)
        for _ in range(min(step - model.steps_done, most)):
            model.shared = [self.settings.sharing(plan.at(model.steps_done))]
            model.step()
            self._done = plan.until(model.steps_done)
            if model.steps_done % _STEPS_PER_STORED_STATE == 0:
                _SHELF.put(self._name(model.steps_done, plan), model.state())
        return model

    def _back_to(self, step: int, plan: Plan) -> SharedFactors:
        model = self._model = self.settings.model(plan.start)
        self._done = ()
        self._skip_to(model, step, plan)
        return model

    def _skip_to(self, model: SharedFactors, step: int, plan: Plan) -> None:
        """Goes on from the furthest state that a session has passed with the same settings and plan."""
        for done in range(
            step // _STEPS_PER_STORED_STATE * _STEPS_PER_STORED_STATE, model.steps_done, -_STEPS_PER_STORED_STATE
        ):
            state = _SHELF.get(self._name(done, plan))
            if state is not None:
                model.load_state(state)
                self._done = plan.until(done)
                return

    def _name(self, done: int, plan: Plan) -> tuple[FactorSettings, int, tuple[tuple[int, str], ...]]:
        return self.settings, done, plan.until(done)


def fresh_pairs(settings: FactorSettings, model: SharedFactors, sharing_kind: str) -> ImagePairs:
    """Pairs that a model is looked at with, the same at every step."""
    return model.data.pairs(PAIRS, settings.sharing(sharing_kind), torch.Generator().manual_seed(_ASIDE + settings.seed))


def _snapshot(model: SharedFactors, settings: FactorSettings, plan: Plan) -> Snapshot:
    sharing_kind = plan.at(model.steps_done)
    pairs = fresh_pairs(settings, model, sharing_kind)
    images = pairs.images
    seen = model.view(images, pairs.num_shared)
    few = images[:SHOWN]
    latents, factors = seen.mean[0, :, 0], pairs.factors[:, 0]
    match = match_factors(latents, factors)
    inferred = seen.shared[0][:, match.clamp(min=0)] & (match >= 0)
    parts, moved = _exchanged(model, seen)
    strength = rank_correlations(latents, factors)[np.arange(len(match)), match.numpy()]
    low, high = seen.distances[0].aminmax(dim=-1)
    d = settings.dimensions
    return Snapshot(
        step=model.steps_done,
        sharing_kind=sharing_kind,
        since=plan.since(model.steps_done),
        true=pairs.num_shared.numpy(),
        estimate=seen.estimate[0].numpy(),
        adavae=seen.adavae[0].numpy(),
        law=seen.law[0].mean(0).numpy(),
        even=FisherHypergeometric(d, [d, d]).marginal_log_prob()[0].exp().numpy(),
        log_weight=float(seen.log_weight[0].mean()),
        distances=seen.distances[0].sort(-1).values.numpy(),
        threshold=float((0.5 * (low + high)).median()),
        information=seen.information[0].numpy(),
        match=match.numpy(),
        strength=np.where(match.numpy() >= 0, strength, 0.0),
        shared=pairs.shared[:SHOWN].numpy(),
        inferred=inferred[:SHOWN].numpy(),
        hits=float((inferred == pairs.shared).double().mean()),
        dimensions=seen.shared[0, :SHOWN].numpy(),
        collapse=collapse(seen)[0],
        images={"pairs": _bytes(few), **parts},
        moved=moved,
        traversals=_bytes(model.traverse(seen.first(SHOWN), torch.from_numpy(VALUES))[0]),
        **_history(model, settings, plan),
    )


def _exchanged(model: SharedFactors, seen: PairView) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Pictures before and after exchanges, and how far both are from each other."""
    few = seen.first(_EXCHANGED)
    pairs = few.mean.shape[1]
    plain, shared = model.decode(few.mean)[0], model.swap(few)[0]
    threshold = model.swap(few, adavae_shared(few.distances))[0]
    pictures = {
        "plain": plain,
        "shared": shared,
        "independent": model.swap(few, "independent")[0],
        "next": model.swap(few, donors=torch.arange(1, pairs + 1) % pairs)[0],
        "seen": model.reconstruct(few)[0],
    }
    moved = {"ours": _far(shared, plain), "AdaVAE's": _far(threshold, plain), "everything": _far(plain[:, 0], plain[:, 1])}
    return {name: _bytes(each[:SHOWN]) for name, each in pictures.items()}, moved


def _history(model: SharedFactors, settings: FactorSettings, plan: Plan) -> dict[str, np.ndarray]:
    past = model.record
    steps = np.arange(model.steps_done)
    expected = {
        sharing_kind: settings.factors / 2 if isinstance(sharing := settings.sharing(sharing_kind), tuple) else sharing
        for sharing_kind in {plan.start, *(sharing_kind for _, sharing_kind in plan.edits)}
    }
    true = np.array([expected[plan.at(step)] for step in steps.tolist()], dtype=float)
    columns = [past.loss[:, 0], past.estimate[:, 0], past.adavae[:, 0], torch.from_numpy(true), past.log_weight[:, 0]]
    return {"record": torch.stack([column.double() for column in columns], 1).numpy(), "laws": past.law[:, 0].numpy()}


def _bytes(images: Tensor) -> np.ndarray:
    return (255 * images.clamp(0, 1)).round().to(torch.uint8).movedim(-3, -1).contiguous().numpy()


def _far(first: Tensor, second: Tensor) -> float:
    return float((first - second).square().mean().sqrt())
