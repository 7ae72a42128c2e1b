"""Encoders and decoders of image pairs, many of them side by side, with all their parameters in one tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.init import kaiming_uniform_

__all__ = ["Layers", "PairAutoencoder", "kl_to_prior", "product_of_experts", "symmetric_kl"]

_FAINT = 0.1
_FIRST_LOG_VAR = -3.0


class Layers:
    """Fully connected layers with ReLU between them, without parameters of their own: those are handed over.

    Args:
        widths: of input, hidden layers and output.

    Example:
        >>> layers = Layers([3, 8, 2])
        >>> parameters = layers.start([torch.Generator().manual_seed(seed) for seed in (0, 1)])
        >>> layers(parameters, torch.zeros(2, 5, 3)).shape
        torch.Size([2, 5, 2])
    """

    def __init__(self, widths: Sequence[int]):
        self.widths = tuple(widths)
        pairs = list(zip(self.widths, self.widths[1:], strict=False))
        self.shapes = [shape for inward, outward in pairs for shape in ((inward, outward), (1, outward))]
        self.lengths = [math.prod(shape) for shape in self.shapes]
        self.length = sum(self.lengths)

    def start(self, generators: Sequence[torch.Generator]) -> Tensor:
        """First parameters of a network for each generator, shape ``(R, length)``.

        Weights are uniform, with the variance that keeps the signals' variance from layer to layer; biases are zero.

        References:
            K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, section 2.2.
        """
        parameters = torch.zeros(len(generators), self.length)
        begin = 0
        for layer, (inward, outward) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            nonlinearity: Literal["relu", "linear"] = "relu" if layer < len(self.widths) - 2 else "linear"
            for row, generator in zip(parameters[:, begin : begin + inward * outward], generators, strict=True):
                kaiming_uniform_(row.view(inward, outward).T, nonlinearity=nonlinearity, generator=generator)
            begin += (inward + 1) * outward
        return parameters

    def __call__(self, parameters: Tensor, value: Tensor) -> Tensor:
        """Outputs ``(R, N, widths[-1])`` of inputs ``(R, N, widths[0])``, by networks ``(R, length)``."""
        blocks = [
            block.unflatten(-1, shape) for block, shape in zip(parameters.split(self.lengths, -1), self.shapes, strict=True)
        ]
        for layer in range(len(self.widths) - 1):
            value = torch.baddbmm(blocks[2 * layer + 1], value.relu() if layer else value, blocks[2 * layer])
        return value


class PairAutoencoder:
    """An encoder to independent normal posteriors and a decoder, for ``R`` models side by side.

    Args:
        image_shape: channels, rows and columns.
        dimensions: number of latent dimensions, ``d``.
        hidden: widths of the encoder's hidden layers; the decoder's are the same in reverse.
        examples: images, shape ``(N, C, H, W)``: what the networks see and give is relative to their mean and spread.
    """

    def __init__(self, image_shape: tuple[int, int, int], dimensions: int, hidden: Sequence[int], examples: Tensor):
        self.image_shape, self.dimensions = image_shape, dimensions
        pixels = math.prod(image_shape)
        self.encoder = Layers([pixels, *hidden, 2 * dimensions])
        self.decoder = Layers([dimensions, *reversed(hidden), pixels])
        self.lengths = (self.encoder.length, self.decoder.length)
        self.length = sum(self.lengths)
        self.centre = examples.mean(0)
        self.spread = float((examples - self.centre).square().mean().sqrt().clamp(min=1e-3))

    def start(self, generators: Sequence[torch.Generator]) -> Tensor:
        """First parameters of a model for each generator, shape ``(R, length)``.

        Posteriors start narrow, with means of the prior's size: dimensions that start as noise may never find a use.
        """
        encoder, decoder = (part.start(generators) for part in (self.encoder, self.decoder))
        weights, biases = encoder.split([encoder.shape[1] - 2 * self.dimensions, 2 * self.dimensions], 1)
        last = weights[:, -self.encoder.lengths[-2] :].unflatten(1, (-1, 2 * self.dimensions))
        last[..., self.dimensions :] *= _FAINT
        biases[:, self.dimensions :] = _FIRST_LOG_VAR
        decoder[:, -self.decoder.lengths[-1] - self.decoder.lengths[-2] :] *= _FAINT
        return torch.cat([encoder, decoder], 1)

    def normalised(self, images: Tensor) -> Tensor:
        """Images ``(…, C, H, W)`` as the networks see and give them: pixels in a row, relative to mean and spread."""
        return ((images - self.centre) / self.spread).flatten(-3)

    def encode(self, parameters: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log variances of the posteriors.

        Args:
            parameters: shape ``(R, length)``.
            images: shape ``(R, …, C, H, W)``.

        Returns:
            Two tensors of shape ``(R, …, d)``; variances between 1e-4 and 1e2.
        """
        return self.encode_normalised(parameters[:, : self.encoder.length], self.normalised(images))

    def encode_normalised(self, parameters: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Likewise, with the encoder's parameters alone and normalised images ``(R, …, C·H·W)``."""
        out = self.encoder(parameters, flat.flatten(1, -2))
        mean, log_var = out.unflatten(1, flat.shape[1:-1]).chunk(2, -1)
        return mean, log_var.clamp(math.log(1e-4), math.log(1e2))

    def decode(self, parameters: Tensor, latents: Tensor) -> Tensor:
        """Mean images, shape ``(R, …, C, H, W)``, of latents, shape ``(R, …, d)``."""
        out = self.decode_normalised(parameters[:, self.encoder.length :], latents)
        return self.centre + self.spread * out.unflatten(-1, self.image_shape)

    def decode_normalised(self, parameters: Tensor, latents: Tensor) -> Tensor:
        """Likewise, with the decoder's parameters alone, as normalised images ``(R, …, C·H·W)``."""
        return self.decoder(parameters, latents.flatten(1, -2)).unflatten(1, latents.shape[1:-1])


def symmetric_kl(mean: Tensor, log_var: Tensor) -> Tensor:
    """Distance of the two views' posteriors in each dimension: the mean of both Kullback-Leibler divergences, in nats.

    Args:
        mean: shape ``(…, 2, d)``.
        log_var: likewise.

    Returns:
        Nonnegative, shape ``(…, d)``.

    Example:
        >>> symmetric_kl(torch.tensor([[0.0, 0.0], [0.0, 2.0]]), torch.zeros(2, 2))
        tensor([0., 2.])
    """
    # The sum of two kl_divergence() of torch loses all digits where posteriors are nearly equal, and with them the order.
    difference = mean.diff(dim=-2)[..., 0, :].square()
    ratio = log_var.diff(dim=-2)[..., 0, :]
    return 0.25 * (difference * (-log_var).exp().sum(-2)) + 0.5 * (torch.cosh(ratio) - 1)


def product_of_experts(mean: Tensor, log_var: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log variance of the normalised product of the two views' posteriors.

    Args:
        mean: shape ``(…, 2, d)``.
        log_var: likewise.

    Returns:
        Two tensors of shape ``(…, 1, d)``.

    Example:
        >>> mean, log_var = product_of_experts(torch.tensor([[0.0], [3.0]]), torch.tensor([[1.0], [0.5]]).log())
        >>> mean, log_var.exp()
        (tensor([[2.]]), tensor([[0.3333]]))

    References:
        D. Bouchacourt, R. Tomioka, S. Nowozin, "Multi-level variational autoencoder", AAAI 2018, section 3.2.
    """
    share = (-log_var).softmax(-2)
    return (share * mean).sum(-2, keepdim=True), -(-log_var).logsumexp(-2, keepdim=True)


def kl_to_prior(mean: Tensor, log_var: Tensor) -> Tensor:
    """Kullback-Leibler divergence of normal distributions from the standard one, in nats, elementwise."""
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var)
