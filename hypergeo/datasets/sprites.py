"""Coloured sprites with smooth edges, rendered in torch from independent factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hypergeo._validate import require_whole

from .image_pairs import FactorImages

__all__ = ["SPRITE_FACTORS", "Sprites"]

SPRITE_FACTORS: dict[str, tuple[float, float]] = {
    "x": (0.3, 0.7),  # fraction of the image's width, from the left
    "y": (0.3, 0.7),  # fraction of its height, from the top
    "size": (0.15, 0.4),  # radius, as a fraction of the image's width
    "hue": (0.0, 0.75),  # turns of the colour circle; less than one, because the ends would look alike
    "brightness": (0.2, 0.8),
    "aspect": (1.4, 2.6),  # length by breadth, at the same area
    "rotation": (-math.pi / 3, math.pi / 3),  # radians
    "squareness": (2.0, 8.0),  # exponent of the outline |u|^p + |v|^p = 1: from an ellipse to nearly a rectangle
    "saturation": (0.2, 1.0),
    "background": (0.0, 0.5),  # grey level
}
"""Factors of sprites, with the physical values of the factor values 0 and 1."""

_DEFAULTS = {
    "x": 0.5,
    "y": 0.5,
    "size": 0.25,
    "hue": 0.0,
    "brightness": 0.5,
    "aspect": 1.0,
    "rotation": 0.0,
    "squareness": 2.0,
    "saturation": 1.0,
    "background": 0.0,
}
_ROTATED_ASPECT = 2.0  # aspect of sprites with the factor rotation but not aspect; the rotation of a disc would be invisible
_BLUR = 0.5  # standard deviation of the blur at the outline, in pixels


class Sprites(FactorImages):
    """Renders coloured sprites on a plain background, at any size in pixels and from any of ten factors.

    Every factor ranges from 0 to 1 and is sampled uniformly and independently. Outlines are blurred by half a pixel and colours
    follow cosines, so images are smooth functions of the factors, and :meth:`render` is differentiable.

    Args:
        factors: names from :data:`SPRITE_FACTORS`, in the order of the result's axis.
        image_size: rows and columns in pixels, at least 4.

    Raises:
        ValueError: if a name is unknown or repeated, or if the size is below 4.

    Example:
        >>> sprites = Sprites(image_size=12)
        >>> sprites.factor_names
        ('x', 'y', 'size', 'hue', 'brightness')
        >>> pairs = sprites.pairs(4, shared=2, generator=torch.Generator().manual_seed(0))
        >>> pairs.images.shape, pairs.num_shared
        (torch.Size([4, 2, 3, 12, 12]), tensor([2, 2, 2, 2]))
        >>> pairs.shared_names(0)
        ('x', 'hue')
    """

    def __init__(self, factors: Sequence[str] = ("x", "y", "size", "hue", "brightness"), image_size: int = 12):
        unknown = [name for name in factors if name not in SPRITE_FACTORS]
        if isinstance(factors, str) or unknown or not factors:
            raise ValueError(f"factors must be names from {', '.join(SPRITE_FACTORS)}; got {factors!r}.")
        if len(set(factors)) < len(factors):
            raise ValueError(f"factors must name each factor once; got {factors!r}.")
        image_size = require_whole("image_size", image_size, 4)
        self.factor_names = tuple(factors)
        self.image_shape = (3, image_size, image_size)

    def render(self, factors: Any) -> Tensor:
        """Renders the images of factors, differentiably.

        Args:
            factors: values from 0 to 1, shape ``(…, F)``.

        Returns:
            Values from 0 to 1, shape ``(…, 3, H, W)``.

        Raises:
            ValueError: if the number of factors is wrong, or if values are outside 0 to 1.
        """
        values = torch.as_tensor(factors)
        if not values.is_floating_point():
            values = values.float()
        if values.dim() < 1 or values.shape[-1] != self.num_factors:
            raise ValueError(f"factors must have shape (…, {self.num_factors}); got {tuple(values.shape)}.")
        if not bool(((values >= 0) & (values <= 1)).all()):
            bad = values.detach()[~((values >= 0) & (values <= 1))].flatten()[0].item()
            raise ValueError(f"factors must be from 0 to 1; got {bad}.")
        value = {name: values.new_tensor(plain) for name, plain in _DEFAULTS.items()}
        if "rotation" in self.factor_names and "aspect" not in self.factor_names:
            value["aspect"] = values.new_tensor(_ROTATED_ASPECT)
        for name, level in zip(self.factor_names, values.unbind(-1), strict=True):
            low, high = SPRITE_FACTORS[name]
            value[name] = low + (high - low) * level
        return _composed({name: each[..., None, None] for name, each in value.items()}, self.image_shape[-1])

    def sample(self, count: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Samples independent images.

        Args:
            count: number of images.
            generator: random generator; torch's global one when omitted.

        Returns:
            Images, shape ``(count, 3, H, W)``, and their factors, shape ``(count, F)``; float32.
        """
        factors = torch.rand(count, self.num_factors, generator=generator)
        return self.render(factors), factors

    def _pairs(self, shared: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        images, factors, _ = self._pairs_of_each([shared], [generator])
        return images[0], factors[0], shared

    def _pairs_of_each(
        self, masks: Sequence[Tensor], generators: Sequence[torch.Generator | None]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the pairs of all generators, rendered in one batch, which is faster for small images."""
        uniform = [torch.rand(2, *mask.shape, generator=generator) for mask, generator in zip(masks, generators, strict=True)]
        shared = torch.stack(list(masks))
        first, second = torch.stack(uniform, 1)
        factors = torch.stack([first, torch.where(shared, first, second)], 2)
        return self.render(factors), factors, shared


def _composed(value: dict[str, Tensor], pixels: int) -> Tensor:
    """Returns images from the values of all factors, each of shape ``(…, 1, 1)``."""
    centres = (torch.arange(pixels, dtype=value["x"].dtype) + 0.5) / pixels
    right, down = centres - value["x"], centres[:, None] - value["y"]
    cosine, sine = value["rotation"].cos(), value["rotation"].sin()
    long, broad = value["size"] * value["aspect"].sqrt(), value["size"] / value["aspect"].sqrt()
    along, across = (cosine * right + sine * down) / long, (cosine * down - sine * right) / broad
    # Powers and roots have no derivative at zero. The offset is far below the resolution of a pixel.
    along, across = along.square() + 1e-6, across.square() + 1e-6
    if value["squareness"].requires_grad or bool((value["squareness"] != 2).any()):
        power = value["squareness"] / 2
        radius = (along**power + across**power) ** (0.5 / power)
    else:
        radius = (along + across).sqrt()
    cover = torch.special.ndtr((1 - radius) * value["size"] * (pixels / _BLUR))[..., None, :, :]
    thirds = torch.arange(3, dtype=centres.dtype)[:, None, None] / 3
    turns = value["hue"][..., None, :, :] - thirds
    light = value["brightness"][..., None, :, :]
    # The largest strength that stays within 0 to 1 for brightness from 0.2 to 0.8.
    strength = 1.25 * value["saturation"][..., None, :, :] * light * (1 - light)
    lit = light + strength * torch.cos(2 * math.pi * turns)
    return value["background"][..., None, :, :] * (1 - cover) + lit * cover
