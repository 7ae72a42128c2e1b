"""How shared factors are learned, what happened at each step, and what models make of pairs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor

from hypergeo._validate import require_real, require_whole

from .autoencoder import kl_to_prior

__all__ = ["PairView", "Settings", "TrainingRecord"]


@dataclass(frozen=True)
class Settings:
    """How shared factors are learned.

    Attributes:
        steps: length of the schedule; more steps may follow, at its last temperature.
        batch: pairs of each step.
        hidden: widths of the networks' hidden layers.
        learning_rate: of Adam, at first and in the warm-up.
        last_learning_rate: at the schedule's end, which it falls to in a straight line.
        warm_up: share of the schedule in which numbers are drawn from the law of weight one, whatever the rule, and in which
            the prior's weight rises to its value: dimensions find their uses before they are asked to do without.
        first_temperature: of relaxed draws at first.
        last_temperature: at the schedule's end, which the temperature falls to geometrically.
        scale: standard deviation of the decoder's normal law, in units of the images' range; fixed: learned, it would shrink
            and make wrongly shared dimensions dear, so that numbers come out low.
        prior: weight of the posteriors' divergence from the standard normal law (β).
        law_prior: weight of the divergence of the number's law from an even one.
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
        """Temperature of a step.

        Example:
            >>> [round(Settings(steps=100).temperature(step), 3) for step in (0, 50, 100, 200)]
            [1.0, 0.316, 0.1, 0.1]
        """
        return self.first_temperature * (self.last_temperature / self.first_temperature) ** min(step / self.steps, 1.0)

    def rate(self, step: int) -> float:
        """Learning rate of a step.

        Example:
            >>> [round(Settings(steps=100, last_learning_rate=3e-4).rate(step), 5) for step in (0, 25, 50, 100, 200)]
            [0.003, 0.003, 0.0021, 0.0003, 0.0003]
        """
        start = self.warm_up * self.steps
        share = min(max(step - start, 0.0) / max(self.steps - start, 1.0), 1.0)
        return self.learning_rate + share * (self.last_learning_rate - self.learning_rate)

    def warming(self, step: int) -> bool:
        """Whether a step belongs to the warm-up."""
        return step < self.warm_up * self.steps

    def prior_weight(self, step: int) -> float:
        """Weight of the posteriors' divergence at a step."""
        return self.prior * min((step + 1) / max(self.warm_up * self.steps, 1.0), 1.0)


@dataclass(frozen=True)
class TrainingRecord:
    """What happened at each step, as means over its pairs. ``T`` steps, ``R`` models.

    Attributes:
        loss: in nats a pair, shape ``(T, R)``.
        error: the part of it that the images' errors make up, shape ``(T, R)``.
        divergence: of the posteriors from the prior, shared ones counted once, shape ``(T, R)``.
        penalty: of the number's law, shape ``(T, R)``.
        estimate: expected number of shared dimensions by the rule in force, shape ``(T, R)``; in the warm-up ``d / 2``.
        adavae: number that AdaVAE's threshold gives for the same distances, shape ``(T, R)``.
        log_weight: of the shared group, shape ``(T, R)``; NaN for rules without one.
        law: probability of each number, shape ``(T, R, d + 1)``.
        distances: sorted, closest first, shape ``(T, R, d)``.
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
    """What models make of pairs, without the randomness of draws. ``R`` models, ``N`` pairs, ``d`` dimensions.

    Attributes:
        mean: posterior means of both images, shape ``(R, N, 2, d)``.
        log_var: logarithms of the posterior variances, shape ``(R, N, 2, d)``.
        distances: of the two posteriors in each dimension, in nats, shape ``(R, N, d)``.
        law: probability of each number of shared dimensions, shape ``(R, N, d + 1)``.
        log_weight: of the shared group, shape ``(R, N)``; NaN for rules without one.
        estimate: expected number of shared dimensions, shape ``(R, N)``.
        shared: which dimensions are taken for shared: the closest, as many as the rounded estimate; shape ``(R, N, d)``.
        adavae: number that AdaVAE's threshold gives for the same distances, shape ``(R, N)``.
        latents: posterior means, those of shared dimensions from the two posteriors' product, shape ``(R, N, 2, d)``.
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
        """Mean divergence of each dimension's posteriors from the prior, in nats, shape ``(R, d)``; near 0 where unused."""
        return kl_to_prior(self.mean, self.log_var).mean((1, 2))

    def first(self, count: int) -> PairView:
        """The first pairs of each model, so many of them."""
        return PairView(*(getattr(self, field.name)[:, :count] for field in fields(self)))
