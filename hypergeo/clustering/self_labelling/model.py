"""Self-labelling: a network learns from labels of its own features, and a size prior determines the sizes of the clusters."""

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
    """Holds the result of self-labelling.

    Attributes:
        labels: cluster of each image, shape ``(N,)``, within the capacities and minimum sizes.
        sizes: expected sizes under the prior, shape ``(K,)``.
        plan: fraction of each image in each cluster, shape ``(N, K)``.
        log_weights: log weights with mean zero, shape ``(K,)``.
        features: features of the images with norm one, shape ``(N, D)``.
        first_labels: merged clusters of the features after the warm-up, from which the labels start, shape ``(N,)``; see
            :func:`~hypergeo.clustering.merged_start.merged_labels`.
    """

    labels: Tensor
    sizes: Tensor
    plan: Tensor
    log_weights: Tensor
    features: Tensor
    first_labels: Tensor


class SelfLabelling:
    """Learns a network, clusters of its features, and the sizes of these clusters together.

    The network maps an image to a unit vector ``z``. In the warm-up it learns by contrast: the features of two changed versions
    of one image should be close to each other and distant from those of other images. Then clusters are added, each with a
    direction ``c_k``, and all with the same concentration ``κ``. The density of ``z`` in cluster ``k`` is the von Mises-Fisher
    distribution, proportional to ``exp(κ z·c_k)``. Every few steps:

    - sizes ``n`` are sampled from the prior, and all images are assigned to clusters of these sizes at the lowest cost,
      ``J(n) = min_P Σ P (−κ z·c) + Σ P log(P / (n / N))``: see :func:`~hypergeo.clustering.transport_plan.assign`;
    - the log weights follow the negative gradient of ``J``, which is propagated through the sampled sizes;
    - each ``c_k`` becomes the mean direction of its images, and ``κ`` is estimated from their dispersion.

    In the steps between, the network learns these labels from changed images, together with the contrastive loss. Only the
    prior differs between the methods. With ``"uniform"`` this is self-labelling as published, except for the contrastive loss,
    which prevents all points from joining one cluster when sizes are learned.

    Args:
        images: pixel values, shape ``(N, H, W)``, ``(N, H, W, C)``, or ``(N, D)`` for other data; any scale.
        num_clusters: number of clusters, ``K``, at most ``N``.
        prior: prior of the sizes: ``"hypergeometric"``, ``"categorical"`` (learned categorical prior) or ``"uniform"``.
        seed: seed of the network, its batches and augmentation, of starts and sampled sizes.
        settings: settings of the training; the defaults when omitted.
        **size_settings: arguments of :class:`~hypergeo.clustering.size_priors.HypergeometricSizes`: ``capacities``,
            ``minimum_sizes``, ``temperature``, ``straight_through``, ``conditionals``.

    Attributes:
        prior: prior of the sizes.
        network: maps images with values from zero to one, shape ``(B, C, H, W)``, to features before normalisation, shape ``(B,
            D)``.
        warm_up: number of steps without labels.
        steps: number of steps with labels.
        steps_done: number of steps so far, including the warm-up.
        plan: the soft labels: fraction of each image in each cluster, shape ``(N, K)``; ``None`` during the warm-up.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

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
        """Log weights with mean zero, shape ``(K,)``."""
        return self._log_weights.detach()[0].clone()

    @torch.no_grad()
    def features(self) -> Tensor:
        """Computes the features of all images without augmentation.

        Returns:
            Features with norm one, shape ``(N, D)``.
        """
        self.network.eval()
        features = functional.normalize(self.network(self.images), dim=-1)
        self.network.train()
        return features

    def with_prior(self, prior: str, **size_settings: Any) -> SelfLabelling:
        """Copies the model and replaces the prior. The copy continues as if it had used this prior from the beginning.

        Args:
            prior: ``"hypergeometric"``, ``"categorical"`` or ``"uniform"``.
            **size_settings: arguments of the hypergeometric prior.

        Returns:
            The copy.

        Raises:
            ValueError: if the warm-up is over, because the labels depend on the prior.
        """
        if self.plan is not None:
            raise ValueError("The prior can be replaced during the warm-up only; there are labels already.")
        other = deepcopy(self)
        other.prior = size_prior(prior, len(self.images), self.num_clusters, **size_settings)
        return other

    def step(self, count: int = 1) -> None:
        """Trains on batches, and assigns labels every few steps.

        Args:
            count: number of steps.
        """
        for _ in range(count):
            labelled = self.steps_done - self.warm_up
            if labelled == 0:
                self._start()
            if labelled >= 0 and labelled % self.settings.every == 0:
                self._label(labelled / max(self.steps, 1), self.settings.draws)
            self._learn(labelled)
            self.steps_done += 1

    def finish(self, progress: Callable[[int, int], object] | None = None) -> LabelledClusters:
        """Takes all remaining steps.

        Args:
            progress: called after each step with the number of steps done and the number of all steps.

        Returns:
            Labels, sizes and features after the last step.
        """
        steps = self.warm_up + self.steps
        while self.steps_done < steps:
            self.step()
            if progress is not None:
                progress(self.steps_done, steps)
        return self.evaluate()

    def evaluate(self) -> LabelledClusters:
        """Computes labels from the current features without sampling: the sizes are the prior's mean.

        Returns:
            Labels, sizes and features.
        """
        if self.plan is None:
            self._start()
        self._label(1.0, _LAST_ASSIGNMENTS)
        assert self.plan is not None
        assert self.first_labels is not None
        sizes = self.prior.mean(self._log_weights.detach())[0]
        labels = hard_labels(self.plan.argmax(-1), self._log_plan, self.prior.bounds)
        return LabelledClusters(labels, sizes, self.plan, self.log_weights, self.features(), self.first_labels)

    def _start(self) -> None:
        """Sets the first clusters: many small clusters of the features, merged."""
        features = self.features()
        generators = [np.random.default_rng((self.seed, 2, start)) for start in range(self.settings.starts)]
        self.first_labels = merged_labels(features, self.num_clusters, generators)
        belongs = functional.one_hot(self.first_labels, self.num_clusters)
        counts = belongs.sum(0)
        self._move(features, belongs.to(features))
        with torch.no_grad():
            self._log_weights.copy_(self.prior.log_weights_for(counts[None].double().clamp(min=0.5)))
        self._normalise()

    def _label(self, done: float, draws: int) -> None:
        """Assigns all images to clusters of sampled sizes, and updates clusters and weights."""
        features = self.features()
        self._weight_adam.param_groups[0]["lr"] = self.settings.weight_rate * min(1.0, 2 * (1 - done) + 0.05)
        for _ in range(draws):
            drawn = done < self.settings.drawn
            sizes = self.prior.draw(self._log_weights, [self._numbers]) if drawn else self.prior.mean(self._log_weights)
            cost = -self._concentration * (features @ self._centres.mT)[None]
            assignment = assign(cost, sizes.detach(), self._potentials)
            self._potentials = assignment.column_potentials
            if self.prior.learned:
                self._weight_adam.zero_grad()
                # The gradient of the loss with respect to the sizes is the column potentials (envelope theorem).
                (sizes * assignment.column_potentials).sum().backward()
                self._weight_adam.step()
                self._normalise()
            self._move(features, assignment.plan[0])
        self.plan, self._log_plan = assignment.plan[0], assignment.log_plan(cost)[0]

    def _move(self, features: Tensor, plan: Tensor) -> None:
        """Updates the directions of the clusters and the concentration from the assigned images."""
        sums = plan.mT @ features
        length = float(sums.norm(dim=-1).sum() / len(features))
        self._concentration = min(concentration(length, features.shape[1]), self.settings.concentration)
        self._centres = functional.normalize(sums, dim=-1)

    @torch.no_grad()
    def _normalise(self) -> None:
        """Centres the log weights, which changes nothing else, and limits them."""
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
            mixing_weights = self.prior.mean(self._log_weights.detach()) / len(self.images)
            logits = self._concentration * features @ self._centres.mT + mixing_weights.clamp(min=1e-12).log()
            loss = loss - (self.plan[rows].repeat(2, 1) * logits.log_softmax(-1)).sum(-1).mean()
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()

    def _batch(self) -> Tensor:
        """Returns the rows of the next batch. Each image occurs once before any occurs twice."""
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
    """Trains :class:`SelfLabelling` for all steps. A ``ValueError`` is raised for an invalid argument.

    Args:
        images: pixel values, shape ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, D)``.
        num_clusters: number of clusters, ``K``.
        prior: ``"hypergeometric"``, ``"categorical"`` or ``"uniform"``.
        seed: seed of all random numbers.
        settings: settings of the training; the defaults when omitted.
        progress: called after each step with the number of steps done and the number of all steps.
        **size_settings: arguments of the hypergeometric prior.

    Returns:
        Labels, sizes and features after the last step.
    """
    model = SelfLabelling(images, num_clusters, prior=prior, seed=seed, settings=settings, **size_settings)
    return model.finish(progress)


def concentration(length: float, axes: int) -> float:
    """Estimates the concentration of the von Mises-Fisher distribution from the norm of the mean vector, to within a tenth.

    Args:
        length: norm of the mean of unit vectors, from zero to one.
        axes: number of dimensions.

    Returns:
        Concentration, zero or more.

    Example:
        >>> round(concentration(0.9, 16), 2)
        71.95

    References:
        A. Banerjee, I. Dhillon, J. Ghosh, S. Sra, JMLR 6, 2005, equation 4.4.
    """
    return length * (axes - length**2) / max(1 - length**2, 1e-6)


def _contrast(features: Tensor, temperature: float) -> Tensor:
    """Returns the contrastive loss of features of shape ``(2 B, D)``, shape ``()``."""
    number = len(features)
    similarity = features @ features.mT / temperature
    similarity = similarity.masked_fill(torch.eye(number, dtype=torch.bool), -torch.inf)
    return functional.cross_entropy(similarity, torch.arange(number).roll(number // 2))


def _network(pixels: int, settings: LabellingSettings, seed: int) -> nn.Sequential:
    generator = torch.Generator().manual_seed(seed)

    def linear(inputs: int, outputs: int) -> nn.Linear:
        layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
        for parameters in layer.parameters():  # as torch does it, from torch's global generator
            nn.init.uniform_(parameters, -(inputs**-0.5), inputs**-0.5, generator=generator)
        return layer

    layers: list[nn.Module] = [nn.Flatten()]
    for inputs in (pixels, settings.width):
        layers += [linear(inputs, settings.width), nn.BatchNorm1d(settings.width), nn.ReLU()]
    return nn.Sequential(*layers, linear(settings.width, settings.dimensions))


def _read_images(images: Any) -> Tensor:
    """Returns images as float32 from zero to one, shape ``(N, C, H, W)``.

    Raises:
        ValueError: if the images have a wrong shape, are not finite or all equal.
    """
    try:
        read = torch.as_tensor(images if isinstance(images, Tensor) else np.asarray(images)).detach().float()
    except (TypeError, ValueError):
        raise ValueError(f"images must be a regular array of numbers; got {images!r}.") from None
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
