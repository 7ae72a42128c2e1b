"""Random augmentation of images: rotation, stretching, shear, shifts, elastic deformation, contrast and noise."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from hypergeo._validate import require_real

__all__ = ["Augmentation"]


@dataclass(frozen=True)
class Augmentation:
    """Changes each image randomly. A ``ValueError`` is raised for a negative amount.

    Attributes:
        rotation: largest angle in degrees.
        scale: largest logarithm of the factor by which each axis is stretched.
        shear: largest shear.
        shift: largest shift along each axis, as a fraction of the image.
        bend: standard deviation of the shifts of a grid of three by three points, which are interpolated, as a fraction of the
            image.
        contrast: largest relative change of all of an image's values.
        noise: standard deviation of the noise of each value, where values range from zero to one.

    Example:
        >>> image = torch.zeros(1, 1, 8, 8)
        >>> image[..., 2:6, 3:5] = 1.0
        >>> changed = Augmentation(noise=0.0)(image.expand(500, -1, -1, -1), torch.Generator().manual_seed(0))
        >>> changed.shape, bool(0.5 < changed[:, 0, 2:6, 3:5].mean() < changed.max() <= 1.2)
        (torch.Size([500, 1, 8, 8]), True)
        >>> plain = Augmentation(rotation=0, scale=0, shear=0, shift=0, bend=0, contrast=0, noise=0)
        >>> bool(torch.allclose(plain(image, torch.Generator()), image, atol=1e-6))
        True

    References:
        P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks applied to visual document
        analysis", ICDAR 2003, section 2: affine and elastic changes of digits.
    """

    rotation: float = 15.0
    scale: float = 0.15
    shear: float = 0.2
    shift: float = 0.1
    bend: float = 0.05
    contrast: float = 0.2
    noise: float = 0.1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = require_real(field.name, getattr(self, field.name), "a number, zero or more", ge=0)
            object.__setattr__(self, field.name, value)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Changes images. Rows of numbers, which have one pixel row or column, change only in contrast and noise.

        Args:
            images: values from zero (the background) to one, shape ``(B, C, H, W)``.
            generator: random generator.

        Returns:
            Changed images, shape ``(B, C, H, W)``.
        """
        B, C, H, W = images.shape
        if min(H, W) > 1:
            images = functional.grid_sample(images, self._places(B, H, W, generator).to(images.dtype), align_corners=False)
        contrast = 1 + self.contrast * _uniform((B, 1, 1, 1), generator)
        return images * contrast + self.noise * torch.randn((B, C, H, W), generator=generator)

    def _places(self, B: int, H: int, W: int, generator: torch.Generator) -> Tensor:
        """Returns the source position of each pixel, shape ``(B, H, W, 2)``; -1 and 1 are the edges of the image."""
        angle = math.radians(self.rotation) * _uniform((B,), generator)
        stretch = torch.exp(self.scale * _uniform((B, 2, 1), generator))
        slant = self.shear * _uniform((B,), generator)
        cosine, sine = angle.cos(), angle.sin()
        turned = torch.stack([cosine, slant - sine, sine, cosine], -1).view(B, 2, 2)
        moved = 2 * self.shift * _uniform((B, 2, 1), generator)
        grid = functional.affine_grid(torch.cat([turned * stretch, moved], 2), [B, 1, H, W], align_corners=False)
        bent = 2 * self.bend * torch.randn((B, 2, 3, 3), generator=generator)
        return grid + functional.interpolate(bent, (H, W), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Returns uniform random numbers between -1 and 1."""
    return 2 * torch.rand(shape, generator=generator) - 1
