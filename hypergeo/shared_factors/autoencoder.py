"""Encoders and decoders of image pairs. Many models run side by side, with all their parameters in one tensor."""

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
    """Applies fully connected layers with ReLU between them. The parameters are passed to every call.

    Args:
        widths: number of units of the input, of each hidden layer and of the output.

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
        """Samples the initial parameters of one network per generator.

        Weights are uniform, with the variance that keeps the variance of the signals from layer to layer. Biases are zero.

        Args:
            generators: one random generator for each of the ``R`` networks.

        Returns:
            Parameters, shape ``(R, length)``.

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
        """Evaluates ``R`` networks, each on its own inputs.

        Args:
            parameters: parameters of the networks, shape ``(R, length)``.
            value: inputs, shape ``(R, N, widths[0])``.

        Returns:
            Outputs, shape ``(R, N, widths[-1])``.
        """
        blocks = [
            block.unflatten(-1, shape) for block, shape in zip(parameters.split(self.lengths, -1), self.shapes, strict=True)
        ]
        for layer in range(len(self.widths) - 1):
            value = torch.baddbmm(blocks[2 * layer + 1], value.relu() if layer else value, blocks[2 * layer])
        return value


class PairAutoencoder:
    """Encodes images to independent normal posteriors and decodes latents, for ``R`` models side by side.

    Args:
        image_shape: channels, rows and columns.
        dimensions: number of latent dimensions, ``d``.
        hidden: widths of the encoder's hidden layers. The decoder has the same widths in reverse order.
        examples: images, shape ``(N, C, H, W)``. Their mean and standard deviation normalise the images of the networks.
    """

    def __init__(self, image_shape: tuple[int, int, int], dimensions: int, hidden: Sequence[int], examples: Tensor):
        self.image_shape, self.dimensions = image_shape, dimensions
        pixels = math.prod(image_shape)
        self.encoder = Layers([pixels, *hidden, 2 * dimensions])
        self.decoder = Layers([dimensions, *reversed(hidden), pixels])
        self.lengths = (self.encoder.length, self.decoder.length)
        self.length = sum(self.lengths)
        self.centre = examples.mean(0)
        self.deviation = float((examples - self.centre).square().mean().sqrt().clamp(min=1e-3))

    def start(self, generators: Sequence[torch.Generator]) -> Tensor:
        """Samples the initial parameters of one model per generator.

        Posteriors start narrow, with means of the prior's size, because dimensions that start as noise may stay unused.

        Args:
            generators: one random generator for each of the ``R`` models.

        Returns:
            Parameters, shape ``(R, length)``.
        """
        encoder, decoder = (part.start(generators) for part in (self.encoder, self.decoder))
        weights, biases = encoder.split([encoder.shape[1] - 2 * self.dimensions, 2 * self.dimensions], 1)
        last = weights[:, -self.encoder.lengths[-2] :].unflatten(1, (-1, 2 * self.dimensions))
        last[..., self.dimensions :] *= _FAINT
        biases[:, self.dimensions :] = _FIRST_LOG_VAR
        decoder[:, -self.decoder.lengths[-1] - self.decoder.lengths[-2] :] *= _FAINT
        return torch.cat([encoder, decoder], 1)

    def normalised(self, images: Tensor) -> Tensor:
        """Normalises images with the mean and the standard deviation of the examples, and flattens the pixels.

        Args:
            images: pixel values, shape ``(…, C, H, W)``.

        Returns:
            Normalised pixels, shape ``(…, C·H·W)``.
        """
        return ((images - self.centre) / self.deviation).flatten(-3)

    def encode(self, parameters: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the means and log variances of the posteriors.

        Args:
            parameters: parameters of the models, shape ``(R, length)``.
            images: pixel values, shape ``(R, …, C, H, W)``.

        Returns:
            Two tensors of shape ``(R, …, d)``. Variances lie between 1e-4 and 1e2.
        """
        return self.encode_normalised(parameters[:, : self.encoder.length], self.normalised(images))

    def encode_normalised(self, parameters: Tensor, flat: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the means and log variances of the posteriors of normalised images.

        Args:
            parameters: parameters of the encoders alone, shape ``(R, encoder.length)``.
            flat: normalised images, shape ``(R, …, C·H·W)``.

        Returns:
            Two tensors of shape ``(R, …, d)``. Variances lie between 1e-4 and 1e2.
        """
        out = self.encoder(parameters, flat.flatten(1, -2))
        mean, log_var = out.unflatten(1, flat.shape[1:-1]).chunk(2, -1)
        return mean, log_var.clamp(math.log(1e-4), math.log(1e2))

    def decode(self, parameters: Tensor, latents: Tensor) -> Tensor:
        """Computes the mean images of latents.

        Args:
            parameters: parameters of the models, shape ``(R, length)``.
            latents: latent coordinates, shape ``(R, …, d)``.

        Returns:
            Images, shape ``(R, …, C, H, W)``.
        """
        out = self.decode_normalised(parameters[:, self.encoder.length :], latents)
        return self.centre + self.deviation * out.unflatten(-1, self.image_shape)

    def decode_normalised(self, parameters: Tensor, latents: Tensor) -> Tensor:
        """Computes the normalised mean images of latents.

        Args:
            parameters: parameters of the decoders alone, shape ``(R, decoder.length)``.
            latents: latent coordinates, shape ``(R, …, d)``.

        Returns:
            Normalised pixels, shape ``(R, …, C·H·W)``.
        """
        return self.decoder(parameters, latents.flatten(1, -2)).unflatten(1, latents.shape[1:-1])


def symmetric_kl(mean: Tensor, log_var: Tensor) -> Tensor:
    """Computes the symmetric Kullback-Leibler divergence of the two posteriors in each dimension.

    This is the mean of the two divergences, in nats.

    Args:
        mean: means of the two posteriors, shape ``(…, 2, d)``.
        log_var: logarithms of their variances, shape ``(…, 2, d)``.

    Returns:
        Nonnegative divergences, shape ``(…, d)``.

    Example:
        >>> symmetric_kl(torch.tensor([[0.0, 0.0], [0.0, 2.0]]), torch.zeros(2, 2))
        tensor([0., 2.])
    """
    # The sum of two kl_divergence() of torch loses all digits where the posteriors are nearly equal. The order of the
    # dimensions would then be arbitrary.
    difference = mean.diff(dim=-2)[..., 0, :].square()
    ratio = log_var.diff(dim=-2)[..., 0, :]
    return 0.25 * (difference * (-log_var).exp().sum(-2)) + 0.5 * (torch.cosh(ratio) - 1)


def product_of_experts(mean: Tensor, log_var: Tensor) -> tuple[Tensor, Tensor]:
    """Computes the mean and the log variance of the normalised product of the two posteriors.

    Args:
        mean: means of the two posteriors, shape ``(…, 2, d)``.
        log_var: logarithms of their variances, shape ``(…, 2, d)``.

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
    """Computes the Kullback-Leibler divergence of normal distributions from the standard normal distribution, in nats.

    Args:
        mean: means, any shape.
        log_var: logarithms of the variances, same shape.

    Returns:
        Nonnegative divergences, same shape.
    """
    return 0.5 * (mean.square() + log_var.exp() - 1 - log_var)
