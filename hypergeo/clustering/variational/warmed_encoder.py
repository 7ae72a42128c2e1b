"""An encoder that starts from the contrastive warm-up of self-labelling, and its randomly changed training images."""

from __future__ import annotations

import math
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional

from hypergeo.clustering.self_labelling.model import SelfLabelling

from .autoencoder import layers

__all__ = ["WarmedEncoder"]

_FIRST_LOG_VARIANCE = -3.0


class WarmedEncoder(nn.Module):
    """Computes means and log variances of latents by a feature network from contrastive training.

    The means lie on a sphere: the network's output, scaled to length ``sqrt(d)``, so that each coordinate has variance one on
    average. The log variances start at -3 for every row. Statistics of batch normalisation remain those of the warm-up, so
    that the result for a row does not depend on the other rows of its batch.

    Args:
        model: self-labelling after its warm-up; it is not changed.
        style: number of further latents, for properties that features omit, such as the pose of an object.
        hidden: width of the hidden layer of the network from rows to these latents.
        generator: source of the initial parameters of that network.

    Raises:
        ValueError: if the model already has labels, because its network then depends on a prior.
    """

    def __init__(self, model: SelfLabelling, style: int, hidden: int, generator: torch.Generator):
        super().__init__()
        if model.plan is not None:
            raise ValueError("warm_up must be a model in its warm-up; this one has labels already.")
        self.network = deepcopy(model.network)
        self.features, self.shape = model.settings.dimensions, model.images.shape[1:]
        self.latent = self.features + style
        self.style = layers([model.images[0].numel(), hidden, 2 * style], generator)
        self.log_variance = nn.Linear(self.features, self.features)
        nn.init.zeros_(self.log_variance.weight)
        nn.init.constant_(self.log_variance.bias, _FIRST_LOG_VARIANCE)
        self.augmentation = model.settings.augmentation
        images = model.images.permute(0, 2, 3, 1).flatten(1)
        self.register_buffer("centre", images.mean(0))
        self.spread = float((images - self.centre).square().mean().sqrt())
        self.train()

    centre: Tensor

    def train(self, mode: bool = True) -> WarmedEncoder:
        """Sets the mode of the module, except for batch normalisation, which keeps its statistics.

        Args:
            mode: whether the module is in training mode.

        Returns:
            The module.
        """
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, rows: Tensor) -> Tensor:
        """Computes means and log variances side by side.

        Args:
            rows: data of mean zero and overall variance one, shape ``(B, D)``.

        Returns:
            Shape ``(B, 2 d)``.
        """
        direction = functional.normalize(self.network(self._images(rows)), dim=-1)
        mean, log_variance = self.style(rows).chunk(2, -1)
        return torch.cat([math.sqrt(self.features) * direction, mean, self.log_variance(direction), log_variance], -1)

    def changed(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Changes the images of rows at random as in the warm-up.

        Args:
            rows: data, shape ``(B, D)``.
            generator: source of the random numbers.

        Returns:
            Rows of the changed images, shape ``(B, D)``.
        """
        images = self.augmentation(self._images(rows), generator)
        return (images.permute(0, 2, 3, 1).flatten(1) - self.centre) / self.spread

    def _images(self, rows: Tensor) -> Tensor:
        channels, height, width = self.shape
        return (rows * self.spread + self.centre).view(-1, height, width, channels).permute(0, 3, 1, 2)
