"""Settings of the network of self-labelling and its training."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypergeo._validate import require_whole
from hypergeo.clustering.merged_start import STARTS

from .augmentation import Augmentation

__all__ = ["LabellingSettings"]

_LEAST_STEPS, _EPOCHS = 300, 15


@dataclass(frozen=True)
class LabellingSettings:
    """Holds the settings of the network and its training, which are the same for every prior.

    A ``ValueError`` is raised for an invalid setting.

    Attributes:
        dimensions: number of features, ``D``.
        width: width of the network's two hidden layers.
        batch: images per step.
        warm_up: steps in which only the contrastive loss trains the features, before there are labels; at least 300, and enough
            for 15 epochs, when omitted.
        steps: steps with labels, after the warm-up; the same default as ``warm_up``.
        every: steps between assignments.
        draws: number of assignments, each to newly sampled sizes, whenever labels are assigned; the weights take a step after
            each.
        drawn: fraction of the steps with labels in which sizes are sampled; afterwards they are the prior's mean.
        rates: initial learning rates of the network, without and with labels; both fall to zero by half a cosine.
        weight_rate: initial learning rate of the log weights, constant for half of the steps, then decreasing.
        contrast: temperature of the contrastive loss.
        concentration: largest concentration of the clusters.
        starts: number of starts of the first clusters (see :func:`.merged_labels`).
        augmentation: augmentation of the images.
    """

    dimensions: int = 16
    width: int = 256
    batch: int = 256
    warm_up: int | None = None
    steps: int | None = None
    every: int = 15
    draws: int = 5
    drawn: float = 0.4
    rates: tuple[float, float] = (2e-3, 1e-3)
    weight_rate: float = 0.1
    contrast: float = 0.2
    concentration: float = 50.0
    starts: int = STARTS
    augmentation: Augmentation = Augmentation()  # noqa: RUF009  frozen, so it may be shared

    def __post_init__(self) -> None:
        least = {"dimensions": 2, "width": 1, "batch": 2, "warm_up": 0, "steps": 0, "every": 1, "draws": 1, "starts": 1}
        for name, bound in least.items():
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, require_whole(name, value, bound))

    def steps_for(self, number: int) -> tuple[int, int]:
        """Returns the numbers of steps without and with labels.

        Args:
            number: number of images.

        Returns:
            Steps of the warm-up, and steps with labels.

        Example:
            >>> LabellingSettings(steps=50).steps_for(10_000)
            (586, 50)
        """
        usual = max(_LEAST_STEPS, math.ceil(_EPOCHS * number / self.batch))
        return usual if self.warm_up is None else self.warm_up, usual if self.steps is None else self.steps
