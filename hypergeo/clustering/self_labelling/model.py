"""Self-labelling: a network learns from labels that its own features give, and the labels' numbers come from a size prior."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hypergeo._validate import require_whole
from hypergeo.clustering.hard_labels import hard_labels
from hypergeo.clustering.merged_start import merged_labels
from hypergeo.clustering.size_priors import SizePrior, centred, size_prior
from hypergeo.clustering.transport_plan import assign

from .settings import LabellingSettings

__all__ = ["LabelledClusters", "SelfLabelling", "concentration", "fit_self_labelling"]

_FIRST_CONCENTRATION = 20.0
_LAST_ASSIGNMENTS = 30


@dataclass(frozen=True)
class LabelledClusters:
    """What self-labelling found.

    Attributes:
        labels: cluster of each image, shape ``(N,)``, within the capacities and minimum sizes.
        sizes: expected sizes under the prior, shape ``(K,)``.
        plan: share of each image in each cluster, shape ``(N, K)``.
        log_weights: logarithms of the importance weights, mean zero, shape ``(K,)``.
        features: of the images, of length one, shape ``(N, D)``.
        first_labels: clusters in the features of the warm-up, from which the labels set out, shape ``(N,)``; see
            :func:`~hypergeo.clustering.merged_start.merged_labels`.
    """

    labels: Tensor
    sizes: Tensor
    plan: Tensor
    log_weights: Tensor
    features: Tensor
    first_labels: Tensor


class SelfLabelling:
    r"""A network, clusters of its features, and sizes of these clusters, learned together.

    The network takes an image to a unit vector ``z``. First, in the warm-up, it learns by contrast: two changed versions of one
    image are to be near one another and far from those of others. Then clusters come in, each with a direction ``c_k``, all
    with one concentration ``κ``: the density of ``z`` in cluster ``k`` is von Mises and Fisher's, proportional to
    ``exp(κ z·c_k)``. Every few steps

    - sizes ``n`` are drawn from the prior, and all images assigned to clusters of these sizes at least cost,
      ``J(n) = min_P Σ P (−κ z·c) + Σ P log(P / (n / N))``: see :func:`~hypergeo.clustering.transport_plan.assign`;
    - the log weights go down the gradient of ``J``, which flows through the drawn sizes;
    - each ``c_k`` becomes the direction of its images' mean, and ``κ`` what their spread says;

    and in the steps between, the network learns these labels from changed images, and goes on contrasting. The prior is all
    that differs from one method to the other: with ``"uniform"`` this is self-labelling as published but for the features'
    own loss, which keeps clusters from falling into one once sizes may be learned.

    Args:
        images: shape ``(N, H, W)``, ``(N, H, W, C)``, or ``(N, D)`` for what are no images; any scale.
        num_clusters: ``K``, at most ``N``.
        prior: where sizes come from: ``"hypergeometric"``, ``"categorical"`` (learned shares) or ``"uniform"``.
        seed: of the network, its batches and changes, of starts and drawn sizes.
        settings: how it is trained.
        size_settings: of :class:`~hypergeo.clustering.size_priors.HypergeometricSizes`: ``capacities``, ``minimum_sizes``,
            ``temperature``, ``straight_through``, ``conditionals``.

    Attributes:
        prior: where sizes come from.
        network: from images, values from zero to one, shape ``(B, C, H, W)``, to features before they are scaled to length one.
        warm_up: steps without labels.
        steps: steps with labels, after those.
        steps_done: number of steps so far, those of the warm-up included.
        plan: the labels: share of each image in each cluster, shape ``(N, K)``; ``None`` during the warm-up.

    Raises:
        ValueError: naming the argument, its value and what is allowed.

    Example:
        >>> from hypergeo.clustering.self_labelling.settings import LabellingSettings
        >>> images = np.zeros((30, 6, 6))
        >>> images[:20, 1:5, 2:4] = 1.0
        >>> images[20:, 2:4, 1:5] = 1.0
        >>> settings = LabellingSettings(width=16, batch=30, warm_up=20, steps=20)
        >>> fit_self_labelling(images, 2, settings=settings).sizes.round().sort().values
        tensor([10., 20.])

    References:
        Y. Asano, C. Rupprecht, A. Vedaldi, "Self-labelling via simultaneous clustering and representation learning", ICLR 2020,
        sections 3.1 and 3.2, where sizes are uniform.
        T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A simple framework for contrastive learning of visual representations",
        ICML 2020, equation 1.
        A. Banerjee, I. Dhillon, J. Ghosh, S. Sra, "Clustering on the unit hypersphere using von Mises-Fisher distributions",
        JMLR 6, 2005, equation 4.4, for the concentration.
    """

    def __init__(
        self,
        images: Any,
        num_clusters: int,
        *,
        prior: str = "hypergeometric",
        seed: int = 0,
        settings: LabellingSettings | None = None,
        **size_settings: Any,
    ):
        self.images = _read_images(images)
        N = len(self.images)
        num_clusters = require_whole("num_clusters", num_clusters, 1, N, f"between 1 and the number of images, {N}")
        seed = require_whole("seed", seed)
        self.settings = LabellingSettings() if settings is None else settings
        self.warm_up, self.steps = self.settings.steps_for(N)
        self.prior: SizePrior = size_prior(prior, N, num_clusters, **size_settings)
        self.num_clusters, self.seed = num_clusters, seed
        self._generator = torch.Generator().manual_seed(seed)
        self._numbers = np.random.default_rng((seed, 1))
        self.network = _network(self.images[0].numel(), self.settings, seed)
        self._rows = torch.empty(0, dtype=torch.long)
        self._adam = torch.optim.AdamW(self.network.parameters(), self.settings.rates[0], weight_decay=1e-4)
        self.steps_done = 0
        self.plan: Tensor | None = None
        self._concentration = _FIRST_CONCENTRATION
        self._centres = torch.zeros(0)
        self._log_weights = torch.zeros(1, num_clusters, requires_grad=True)
        self._weight_adam = torch.optim.Adam([self._log_weights], self.settings.weight_rate, betas=(0.9, 0.99))
        self._potentials: Tensor | None = None
        self._log_plan = torch.zeros(0)
        self.first_labels: Tensor | None = None

    @property
    def log_weights(self) -> Tensor:
        """Logarithms of the importance weights, mean zero, shape ``(K,)``."""
        return self._log_weights.detach()[0].clone()

    @torch.no_grad()
    def features(self) -> Tensor:
        """Of all images, unchanged, shape ``(N, D)``."""
        self.network.eval()
        found = functional.normalize(self.network(self.images), dim=-1)
        self.network.train()
        return found

    def with_prior(self, prior: str, **size_settings: Any) -> SelfLabelling:
        """A copy that goes on with another prior, as if it had had that from the beginning.

        Args:
            prior: where sizes come from.
            size_settings: of the hypergeometric prior.

        Raises:
            ValueError: once there are labels, as those have come from a prior.
        """
        if self.plan is not None:
            raise ValueError("The prior can be exchanged during the warm-up only; there are labels already.")
        other = deepcopy(self)
        other.prior = size_prior(prior, len(self.images), self.num_clusters, **size_settings)
        return other

    def step(self, count: int = 1) -> None:
        """Learn from a batch, and assign labels where that is due, a number of times."""
        for _ in range(count):
            labelled = self.steps_done - self.warm_up
            if labelled == 0:
                self._start()
            if labelled >= 0 and labelled % self.settings.every == 0:
                self._label(labelled / max(self.steps, 1), self.settings.draws)
            self._learn(labelled)
            self.steps_done += 1

    def finish(self, progress: Callable[[int, int], object] | None = None) -> LabelledClusters:
        """All steps that are left, and what came out.

        Args:
            progress: called after each step with the number of steps done and to do.
        """
        steps = self.warm_up + self.steps
        while self.steps_done < steps:
            self.step()
            if progress is not None:
                progress(self.steps_done, steps)
        return self.evaluate()

    def evaluate(self) -> LabelledClusters:
        """Labels without the randomness of draws: features as they are now, and the prior's mean as the sizes."""
        if self.plan is None:
            self._start()
        self._label(1.0, _LAST_ASSIGNMENTS)
        assert self.plan is not None
        assert self.first_labels is not None
        sizes = self.prior.mean(self._log_weights.detach())[0]
        labels = hard_labels(self.plan.argmax(-1), self._log_plan, self.prior.bounds)
        return LabelledClusters(labels, sizes, self.plan, self.log_weights, self.features(), self.first_labels)

    def _start(self) -> None:
        """First clusters: many small ones in the features that there are, merged."""
        features = self.features()
        generators = [np.random.default_rng((self.seed, 2, start)) for start in range(self.settings.starts)]
        self.first_labels = merged_labels(features, self.num_clusters, generators)
        belongs = functional.one_hot(self.first_labels, self.num_clusters)
        counts = belongs.sum(0)
        self._move(features, belongs.to(features))
        with torch.no_grad():
            self._log_weights.copy_(self.prior.log_weights_for(counts[None].double().clamp(min=0.5)))
        self._mend()

    def _label(self, done: float, draws: int) -> None:
        """Assigns all images to clusters whose sizes are drawn, and moves clusters and weights."""
        features = self.features()
        self._weight_adam.param_groups[0]["lr"] = self.settings.weight_rate * min(1.0, 2 * (1 - done) + 0.05)
        for _ in range(draws):
            drawn = done < self.settings.drawn
            sizes = self.prior.draw(self._log_weights, [self._numbers]) if drawn else self.prior.mean(self._log_weights)
            cost = -self._concentration * (features @ self._centres.mT)[None]
            found = assign(cost, sizes.detach(), self._potentials)
            self._potentials = found.column_potentials
            if self.prior.learned:
                self._weight_adam.zero_grad()
                # The loss's gradient in the sizes is the columns' potentials (the envelope theorem).
                (sizes * found.column_potentials).sum().backward()
                self._weight_adam.step()
                self._mend()
            self._move(features, found.plan[0])
        self.plan, self._log_plan = found.plan[0], found.log_plan(cost)[0]

    def _move(self, features: Tensor, plan: Tensor) -> None:
        """Clusters where their images are, as concentrated as those are together."""
        sums = plan.mT @ features
        length = float(sums.norm(dim=-1).sum() / len(features))
        self._concentration = min(concentration(length, features.shape[1]), self.settings.concentration)
        self._centres = functional.normalize(sums, dim=-1)

    @torch.no_grad()
    def _mend(self) -> None:
        """Takes out what changes nothing, and keeps in bounds what drifts where there is nothing to learn."""
        self._log_weights.copy_(centred(self._log_weights))

    def _learn(self, labelled: int) -> None:
        settings = self.settings
        if labelled < 0:
            rate, done = settings.rates[0], self.steps_done / self.warm_up
        else:
            rate, done = settings.rates[1], min(labelled / max(self.steps, 1), 1.0)
        self._adam.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * done))
        rows = self._batch()
        changed = settings.augmentation(self.images[rows].repeat(2, 1, 1, 1), self._generator)
        features = functional.normalize(self.network(changed), dim=-1)
        loss = _contrast(features, settings.contrast)
        if self.plan is not None:
            shares = self.prior.mean(self._log_weights.detach()) / len(self.images)
            logits = self._concentration * features @ self._centres.mT + shares.clamp(min=1e-12).log()
            loss = loss - (self.plan[rows].repeat(2, 1) * logits.log_softmax(-1)).sum(-1).mean()
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()

    def _batch(self) -> Tensor:
        """Rows of the next batch: each image once before any comes twice."""
        size = min(self.settings.batch, len(self.images))
        if len(self._rows) < size:
            self._rows = torch.cat([self._rows, torch.randperm(len(self.images), generator=self._generator)])
        chosen, self._rows = self._rows[:size], self._rows[size:]
        return chosen


def fit_self_labelling(
    images: Any,
    num_clusters: int,
    *,
    prior: str = "hypergeometric",
    seed: int = 0,
    settings: LabellingSettings | None = None,
    progress: Callable[[int, int], object] | None = None,
    **size_settings: Any,
) -> LabelledClusters:
    """Train :class:`SelfLabelling` to its end.

    Args:
        images: shape ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, D)``.
        num_clusters: ``K``.
        prior: ``"hypergeometric"``, ``"categorical"`` or ``"uniform"``.
        seed: of everything random.
        settings: how it is trained.
        progress: called after each step with the number of steps done and to do.
        size_settings: of the hypergeometric prior.

    Raises:
        ValueError: as :class:`SelfLabelling` does.
    """
    model = SelfLabelling(images, num_clusters, prior=prior, seed=seed, settings=settings, **size_settings)
    return model.finish(progress)


def concentration(length: float, axes: int) -> float:
    """How concentrated unit vectors of von Mises and Fisher's law are, from the length of their mean; within a tenth.

    Args:
        length: of the mean, from zero to one.
        axes: number of dimensions.

    Example:
        >>> round(concentration(0.9, 16), 2)
        71.95

    References:
        A. Banerjee, I. Dhillon, J. Ghosh, S. Sra, JMLR 6, 2005, equation 4.4.
    """
    return length * (axes - length**2) / max(1 - length**2, 1e-6)


def _contrast(features: Tensor, temperature: float) -> Tensor:
    """How badly the two versions of each image are told from those of others, shape ``()``; features of shape ``(2 B, D)``."""
    number = len(features)
    alike = features @ features.mT / temperature
    alike = alike.masked_fill(torch.eye(number, dtype=torch.bool), -torch.inf)
    return functional.cross_entropy(alike, torch.arange(number).roll(number // 2))


def _network(pixels: int, settings: LabellingSettings, seed: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs in (pixels, settings.width):
            layers += [nn.Linear(inputs, settings.width), nn.BatchNorm1d(settings.width), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(settings.width, settings.dimensions))


def _read_images(given: Any) -> Tensor:
    """Images as float32 from zero to one, shape ``(N, C, H, W)``."""
    try:
        read = torch.as_tensor(given if isinstance(given, Tensor) else np.asarray(given)).detach().float()
    except (TypeError, ValueError):
        raise ValueError(f"images must be a regular array of numbers; got {given!r}.") from None
    if read.dim() not in (2, 3, 4) or not read.numel() or len(read) < 2:
        raise ValueError(
            f"images must have shape (N, H, W), (N, H, W, C) or (N, D), two of them at least; got {tuple(read.shape)}."
        )
    if not bool(read.isfinite().all()):
        raise ValueError("images must be finite.")
    low, high = read.min(), read.max()
    if low == high:
        raise ValueError("images must not all be the same.")
    read = (read - low) / (high - low)
    if read.dim() == 2:
        return read[:, None, None]
    return read[:, None] if read.dim() == 3 else read.permute(0, 3, 1, 2)
