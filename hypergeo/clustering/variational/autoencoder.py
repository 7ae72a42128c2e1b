"""An autoencoder whose latent space holds a mixture of Gaussians: the networks of variational clustering."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from .mixture import gaussian_scores

__all__ = ["MixtureAutoencoder", "Reconstruction", "layers"]

_LOG_TAU = math.log(2 * math.pi)


def layers(widths: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    """Creates linear layers with ReLU between them.

    Parameters are initialised as in He et al., "Delving deep into rectifiers", ICCV 2015.

    Args:
        widths: number of inputs, of units in each hidden layer, and of outputs.
        generator: source of the initial parameters.

    Returns:
        The layers in sequence.
    """
    modules: list[nn.Module] = []
    for inward, outward in pairwise(widths):
        linear = nn.utils.skip_init(nn.Linear, inward, outward)
        nonlinearity: Literal["relu", "linear"] = "relu" if len(modules) < 2 * (len(widths) - 2) else "linear"
        nn.init.kaiming_uniform_(linear.weight, nonlinearity=nonlinearity, generator=generator)
        nn.init.zeros_(linear.bias)
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


class MixtureAutoencoder(nn.Module):
    r"""A variational autoencoder whose latent prior is a mixture of Gaussians, one for each cluster.

    The label ``c`` follows a prior, ``z | c ~ N(μ_c, diag σ_c²)`` and ``x | z ~ N(decoder(z), s²)``; an encoder
    approximates the distribution of ``z | x``.

    Args:
        width: number of values in a row of data, ``D``; rows should have mean zero and overall variance one.
        num_clusters: number of clusters ``K``.
        latent: dimension of ``z``, ``d``.
        hidden: widths of the encoder's hidden layers; the decoder's are the same in reverse.
        generator: source of the initial parameters.
        encoder: module from rows, shape ``(B, D)``, to means and log variances side by side, shape ``(B, 2 d)``; layers like
            those of the decoder when omitted.
        style: number of the last latents that have a standard normal prior instead of clusters.

    References:
        Z. Jiang, Y. Zheng, H. Tan, B. Tang, H. Zhou, "Variational deep embedding: an unsupervised and generative approach to
        clustering", IJCAI 2017, section 3.
    """

    def __init__(
        self,
        width: int,
        num_clusters: int,
        latent: int,
        hidden: Sequence[int],
        generator: torch.Generator,
        encoder: nn.Module | None = None,
        style: int = 0,
    ):
        super().__init__()
        self.latent, self.clustered = latent, latent - style
        self.encoder = layers([width, *hidden, 2 * latent], generator) if encoder is None else encoder
        self.decoder = layers([latent, *reversed(hidden), width], generator)
        self.means = nn.Parameter(torch.zeros(num_clusters, self.clustered))
        self.log_variances = nn.Parameter(torch.zeros(num_clusters, self.clustered))
        self.log_noise = nn.Parameter(torch.zeros(()))

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the normal distribution of ``z`` conditional on rows.

        Args:
            rows: data, shape ``(B, D)``.

        Returns:
            Means and log variances, each of shape ``(B, d)``.
        """
        mean, log_variance = self.encoder(rows).chunk(2, -1)
        return mean, log_variance.clamp(-12.0, 6.0)

    def scores(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Computes the expected log-density of normally distributed ``z`` in each cluster.

        Args:
            mean: means of ``z``, shape ``(B, d)``.
            log_variance: log variances of ``z``, shape ``(B, d)``.

        Returns:
            Shape ``(B, K)``, in nats.
        """
        inner = slice(self.clustered)
        return gaussian_scores(mean[:, inner], log_variance[:, inner].exp(), self.means, self.log_variances)

    def forward(self, rows: Tensor, noise: Tensor, label: Callable[[Tensor], Tensor], changed: Tensor | None = None) -> Tensor:
        """Computes the part of the evidence lower bound that depends on the networks and the mixture.

        Args:
            rows: data, shape ``(B, D)``.
            noise: standard normal, shape ``(B, d)``.
            label: function from scores, shape ``(B, K)``, to soft labels ``q`` of the same shape.
            changed: input of the encoder in place of the rows, shape ``(B, D)``. The result is then also a lower bound (Im et
                al., "Denoising criterion for variational auto-encoding framework", AAAI 2017).

        Returns:
            ``E[log p(x | z)] + Σ_k q_k (E[log p(z | k)] − log q_k) + H(z | x)`` of each row, shape ``(B,)``, the first
            expectation estimated by one sample.
        """
        mean, log_variance = self.encode(rows if changed is None else changed)
        scores = self.scores(mean, log_variance)
        labels = label(scores.detach())
        decoded = self.decoder(mean + (0.5 * log_variance).exp() * noise)
        error = (rows - decoded).square().sum(-1)
        fit = -0.5 * (error * (-self.log_noise).exp() + rows.shape[-1] * (self.log_noise + _LOG_TAU))
        clusters = (labels * scores).sum(-1) + torch.special.entr(labels).sum(-1)
        style = slice(self.clustered, None)
        clusters = clusters - 0.5 * (mean[:, style].square() + log_variance[:, style].exp() + _LOG_TAU).sum(-1)
        return fit + clusters + 0.5 * (log_variance + 1 + _LOG_TAU).sum(-1)


class Reconstruction(nn.Module):
    """Encoder and decoder alone, for pretraining: computes the reconstruction error with ``z`` at its mean.

    Args:
        model: model whose networks are trained.
    """

    def __init__(self, model: MixtureAutoencoder):
        super().__init__()
        self.encoder, self.decoder, self.latent = model.encoder, model.decoder, model.latent

    def forward(self, rows: Tensor, noise: Tensor, changed: Tensor | None = None) -> Tensor:
        """Computes the mean squared error of each row, with noise added to the latents.

        Args:
            rows: data, shape ``(B, D)``.
            noise: noise of the latents, shape ``(B, d)``.
            changed: input of the encoder in place of the rows, shape ``(B, D)``.

        Returns:
            Mean squared error with a small penalty on the scale of the latents, shape ``(B,)``.
        """
        mean, log_variance = self.encoder(rows if changed is None else changed).chunk(2, -1)
        decoded = self.decoder(mean + noise)
        # Keeps the latents at a scale of one, which the noise would otherwise increase, and gives all parameters a gradient.
        penalty = 1e-3 * (mean.square().mean(-1) + (log_variance + 3).square().mean(-1))
        return (rows - decoded).square().mean(-1) + penalty
