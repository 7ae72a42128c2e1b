"""Settings of the training, its record, and what the models infer about pairs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor

from hypergeo._validate import require_real, require_whole

from .autoencoder import kl_to_prior

__all__ = ["PairView", "SharedFactorsSettings", "TrainingRecord"]


@dataclass(frozen=True)
class SharedFactorsSettings:
    """Holds the settings of the training. A ``ValueError`` is raised for a setting that is out of range.

    Attributes:
        steps: length of the schedule in steps; later steps use its last temperature and learning rate.
        batch: number of pairs per step.
        hidden: widths of the networks' hidden layers.
        learning_rate: initial learning rate of Adam, also used in the warm-up.
        last_learning_rate: learning rate at the end of the schedule; it changes linearly after the warm-up.
        warm_up: fraction of the schedule, from 0 to 1, in which numbers are sampled from the distribution with weight one,
            whatever the rule, and in which the prior's weight rises to its value. Dimensions become useful before some of them
            are shared.
        first_temperature: temperature of the relaxed samples at the first step.
        last_temperature: temperature at the end of the schedule; it falls geometrically.
        scale: standard deviation of the decoder's normal distribution, in units of the images' range. It is fixed, because a
            learned one would shrink, make wrongly shared dimensions expensive and thereby make the estimates too low.
        prior: weight of the posteriors' divergence from the standard normal distribution (β).
        law_prior: weight of the divergence of the number's distribution from the uniform distribution.
    """

    steps: int = 2_000
    batch: int = 64
    hidden: tuple[int, ...] = (64, 64)
    learning_rate: float = 3e-3
    last_learning_rate: float = 3e-3
    warm_up: float = 0.25
    first_temperature: float = 1.0
    last_temperature: float = 0.1
    scale: float = 0.4
    prior: float = 1.0
    law_prior: float = 1.0

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            object.__setattr__(self, name, require_whole(name, getattr(self, name), 1))
        for name in ("learning_rate", "last_learning_rate", "first_temperature", "last_temperature", "scale"):
            object.__setattr__(self, name, require_real(name, getattr(self, name), gt=0))
        object.__setattr__(self, "warm_up", require_real("warm_up", self.warm_up, "at least 0 and at most 1", ge=0, le=1))
        for name in ("prior", "law_prior"):
            object.__setattr__(self, name, require_real(name, getattr(self, name), "at least 0", ge=0))

    def temperature(self, step: int) -> float:
        """Computes the temperature of a step.

        Args:
            step: index of the step, from 0.

        Returns:
            Positive temperature.

        Example:
            >>> [round(SharedFactorsSettings(steps=100).temperature(step), 3) for step in (0, 50, 100, 200)]
            [1.0, 0.316, 0.1, 0.1]
        """
        return self.first_temperature * (self.last_temperature / self.first_temperature) ** min(step / self.steps, 1.0)

    def rate(self, step: int) -> float:
        """Computes the learning rate of a step.

        Args:
            step: index of the step, from 0.

        Returns:
            Positive learning rate.

        Example:
            >>> settings = SharedFactorsSettings(steps=100, last_learning_rate=3e-4)
            >>> [round(settings.rate(step), 5) for step in (0, 25, 50, 100, 200)]
            [0.003, 0.003, 0.0021, 0.0003, 0.0003]
        """
        start = self.warm_up * self.steps
        progress = min(max(step - start, 0.0) / max(self.steps - start, 1.0), 1.0)
        return self.learning_rate + progress * (self.last_learning_rate - self.learning_rate)

    def warming(self, step: int) -> bool:
        """Checks whether a step belongs to the warm-up.

        Args:
            step: index of the step, from 0.

        Returns:
            True during the warm-up.
        """
        return step < self.warm_up * self.steps

    def prior_weight(self, step: int) -> float:
        """Computes the weight of the posteriors' divergence at a step.

        Args:
            step: index of the step, from 0.

        Returns:
            Weight from 0 to ``prior``.
        """
        return self.prior * min((step + 1) / max(self.warm_up * self.steps, 1.0), 1.0)


@dataclass(frozen=True)
class TrainingRecord:
    """Holds means over the pairs of each step, for ``T`` steps and ``R`` models.

    Attributes:
        loss: loss in nats per pair, shape ``(T, R)``.
        error: part of the loss due to the reconstruction error, shape ``(T, R)``.
        divergence: divergence of the posteriors from the prior; that of shared posteriors is counted once; shape ``(T, R)``.
        penalty: divergence of the number's distribution from the uniform distribution, shape ``(T, R)``.
        estimate: expected number of shared dimensions under the current rule, shape ``(T, R)``; ``d / 2`` in the warm-up.
        adavae: number of dimensions that AdaVAE's threshold shares for the same distances, shape ``(T, R)``.
        log_weight: log weight of the shared group, shape ``(T, R)``; NaN for rules without one.
        law: probability of each number, shape ``(T, R, d + 1)``.
        distances: sorted distances, smallest first, shape ``(T, R, d)``.
    """

    loss: Tensor
    error: Tensor
    divergence: Tensor
    penalty: Tensor
    estimate: Tensor
    adavae: Tensor
    log_weight: Tensor
    law: Tensor
    distances: Tensor

    def __len__(self) -> int:
        return len(self.loss)


@dataclass(frozen=True)
class PairView:
    """Holds what models infer about pairs without sampling, for ``R`` models, ``N`` pairs and ``d`` dimensions.

    Attributes:
        mean: posterior means of both images, shape ``(R, N, 2, d)``.
        log_var: logarithms of the posterior variances, shape ``(R, N, 2, d)``.
        distances: distances of the two posteriors in each dimension, in nats, shape ``(R, N, d)``.
        law: probability of each number of shared dimensions, shape ``(R, N, d + 1)``.
        log_weight: log weight of the shared group, shape ``(R, N)``; NaN for rules without one.
        estimate: expected number of shared dimensions, shape ``(R, N)``.
        shared: mask of the shared dimensions, those with the smallest distances, as many as the rounded estimate; shape ``(R,
            N, d)``.
        adavae: number of dimensions that AdaVAE's threshold shares for the same distances, shape ``(R, N)``.
        latents: posterior means, those of shared dimensions from the product of both posteriors, shape ``(R, N, 2, d)``.
    """

    mean: Tensor
    log_var: Tensor
    distances: Tensor
    law: Tensor
    log_weight: Tensor
    estimate: Tensor
    shared: Tensor
    adavae: Tensor
    latents: Tensor

    @property
    def information(self) -> Tensor:
        """Mean divergence of each dimension's posteriors from the prior, in nats, shape ``(R, d)``; near 0 for unused
        dimensions."""
        return kl_to_prior(self.mean, self.log_var).mean((1, 2))

    def first(self, count: int) -> PairView:
        """Selects the first pairs of each model.

        Args:
            count: number of pairs.

        Returns:
            View of ``count`` pairs.
        """
        return PairView(*(getattr(self, field.name)[:, :count] for field in fields(self)))
