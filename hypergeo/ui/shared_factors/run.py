"""A training run on shared factors: a model that can be trained further or set back, and what it shows at a step."""

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
"""Number of fresh pairs on which a model is evaluated."""
VALUES = np.linspace(-1.8, 1.8, 7)
"""Latent values of traversals, in standard deviations of the prior, shape ``(V,)``."""
SHOWN = 8
"""Number of pairs in the pictures, which are the first ones."""

_EXCHANGED = 64  # pairs for which the effect of a swap is measured
_SEED_OFFSET = 2**40  # added to the seed of the fresh pairs, which thus differ from those of training
_STEPS_PER_TURN = 10  # training steps before other work gets its turn
_STEPS_PER_STORED_STATE = 100  # steps between two stored states, from which all sessions can continue
_STORED_SNAPSHOTS = 24

State = dict[str, Tensor]
_SHARED_STATES: ResultStore[State] = ResultStore(100)


@dataclass(frozen=True)
class Snapshot:
    """A model after a number of steps, evaluated on ``N`` fresh pairs.

    ``P`` of the pairs are in pictures. Images have ``F`` factors and ``d`` latent dimensions.

    Attributes:
        step: number of training steps.
        sharing_kind: value of the control of shared factors, one of ``SHARED``.
        since: number of steps after which pairs began to share this.
        true: number of factors that each pair shares, shape ``(N,)``.
        estimate: expected number of shared dimensions, shape ``(N,)``.
        adavae: number of shared dimensions by AdaVAE's threshold for the same distances, shape ``(N,)``.
        law: distribution of the number of shared dimensions, mean over pairs, shape ``(d + 1,)``.
        even: distribution of that number with weight one, shape ``(d + 1,)``.
        log_weight: log weight of the shared group, mean over pairs; NaN for rules without weights.
        distances: sorted distances of the posteriors in nats, shape ``(N, d)``.
        threshold: AdaVAE's threshold in nats, median over pairs.
        information: mean divergence of each dimension from the prior in nats, shape ``(d,)``.
        match: index of the dimension that encodes each factor, or -1, shape ``(F,)``.
        strength: absolute rank correlation of each factor with its dimension, shape ``(F,)``.
        shared: whether each pair in pictures shares each factor, shape ``(P, F)``.
        inferred: whether the dimension that encodes each factor is inferred as shared, shape ``(P, F)``.
        hits: fraction of pairs and factors for which ``inferred`` and ``shared`` agree.
        dimensions: whether each dimension of the pairs in pictures is inferred as shared, shape ``(P, d)``.
        collapse: failures of the model, if any.
        images: the ``"pairs"``, their reconstructions (``"seen"``), the reconstructions without sharing (``"plain"``), after a
            swap of the ``"shared"`` part, after a swap of the ``"independent"`` part, and with the shared part of the
            ``"next"`` pair; each of shape ``(P, 2, H, W, 3)``, from 0 to 255.
        moved: change of the images of a pair by a swap of the part inferred as shared (``"ours"``), of the part that AdaVAE's
            threshold infers (``"AdaVAE's"``), and of ``"everything"``: root mean square over pixels, from 0 to 1.
        traversals: first images while each dimension takes ``VALUES``, shape ``(P, d, V, H, W, 3)``, from 0 to 255.
        record: loss, estimate, AdaVAE's number, true number and log weight at each of ``T`` steps so far, shape ``(T, 5)``.
        laws: distribution of the number of shared dimensions at each step so far, shape ``(T, d + 1)``.
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
    """A model that is trained further or set back on request.

    A snapshot depends on the settings, the plan and the number of steps only, not on the order of requests.

    Args:
        settings: settings of the run.

    Attributes:
        settings: settings of the run.
    """

    def __init__(self, settings: FactorSettings):
        self.settings = settings
        # Streamlit starts the next run of a page while the last one still computes.
        self._turn = threading.Lock()
        self._model: SharedFactors | None = None
        self._done: tuple[tuple[int, str], ...] = ()
        self._seen: ResultStore[Snapshot] = ResultStore(_STORED_SNAPSHOTS)

    def at(self, step: int, plan: Plan) -> Snapshot:
        """Computes the snapshot after a number of steps.

        Args:
            step: number of steps.
            plan: what pairs share from step to step.

        Returns:
            The snapshot.
        """
        seen = self._reach(step, plan)
        assert seen is not None, "all missing steps are made at once"
        return seen

    def take_on(self, steps: Sequence[int], plan: Plan) -> Iterator[float]:
        """Computes the snapshots after several numbers of steps, a few training steps at a time.

        Args:
            steps: numbers of steps, increasing.
            plan: what pairs share from step to step.

        Yields:
            The fraction of the work that is done.
        """
        for step in steps:
            for _ in range(STEPS):  # at most: another run of the page may take the model elsewhere meanwhile
                if self._reach(step, plan, _STEPS_PER_TURN) is not None:
                    break
                yield self._model.steps_done / steps[-1] if self._model else 0.0

    def _reach(self, step: int, plan: Plan, most: int = STEPS) -> Snapshot | None:
        """Returns the snapshot after a number of steps, or ``None`` if ``most`` training steps do not reach it."""
        with self._turn, one_thread():
            seen = self._seen.get((step, plan))
            if seen is None:
                model = self._go_to(step, plan, most)
                if model.steps_done == step:
                    seen = _snapshot(model, self.settings, plan)
                    self._seen.put((step, plan), seen)
            return seen

    def _go_to(self, step: int, plan: Plan, most: int) -> SharedFactors:
        """Returns the model, trained or set back towards a step by at most ``most`` training steps."""
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
                _SHARED_STATES.put(self._name(model.steps_done, plan), model.state())
        return model

    def _back_to(self, step: int, plan: Plan) -> SharedFactors:
        model = self._model = self.settings.model(plan.start)
        self._done = ()
        self._skip_to(model, step, plan)
        return model

    def _skip_to(self, model: SharedFactors, step: int, plan: Plan) -> None:
        """Loads the last stored state before a step that any session has reached with the same settings and plan."""
        for done in range(
            step // _STEPS_PER_STORED_STATE * _STEPS_PER_STORED_STATE, model.steps_done, -_STEPS_PER_STORED_STATE
        ):
            state = _SHARED_STATES.get(self._name(done, plan))
            if state is not None:
                model.load_state(state)
                self._done = plan.until(done)
                return

    def _name(self, done: int, plan: Plan) -> tuple[FactorSettings, int, tuple[tuple[int, str], ...]]:
        return self.settings, done, plan.until(done)


def fresh_pairs(settings: FactorSettings, model: SharedFactors, sharing_kind: str) -> ImagePairs:
    """Generates the pairs on which a model is evaluated, the same at every step.

    Args:
        settings: settings of the run.
        model: the model, which holds the data.
        sharing_kind: what pairs share, one of ``SHARED``.

    Returns:
        ``PAIRS`` pairs.
    """
    return model.data.pairs(PAIRS, settings.sharing(sharing_kind), torch.Generator().manual_seed(_SEED_OFFSET + settings.seed))


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
    """Returns images before and after swaps, and the root mean square change by each swap."""
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
    moved = {
        "ours": _difference(shared, plain),
        "AdaVAE's": _difference(threshold, plain),
        "everything": _difference(plain[:, 0], plain[:, 1]),
    }
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


def _difference(first: Tensor, second: Tensor) -> float:
    return float((first - second).square().mean().sqrt())
