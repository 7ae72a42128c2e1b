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
    """Linear layers with ReLU between them, started as in He et al., "Delving deep into rectifiers", ICCV 2015."""
    modules: list[nn.Module] = []
    for inward, outward in pairwise(widths):
        linear = nn.utils.skip_init(nn.Linear, inward, outward)
        nonlinearity: Literal["relu", "linear"] = "relu" if len(modules) < 2 * (len(widths) - 2) else "linear"
        nn.init.kaiming_uniform_(linear.weight, nonlinearity=nonlinearity, generator=generator)
        nn.init.zeros_(linear.bias)
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


class MixtureAutoencoder(nn.Module):
    r"""``c`` from a prior of labels, ``z | c ~ N(μ_c, diag σ_c²)``, ``x | z ~ N(decoder(z), s²)``; ``z | x`` from an encoder.

    Args:
        width: numbers in a row of data, ``D``; rows should have mean zero and overall variance one.
        num_clusters: ``K``.
        latent: dimensions of ``z``, ``d``.
        hidden: widths of the encoder's hidden layers; the decoder's are the same in reverse.
        generator: of the first parameters.
        encoder: from rows to means and log variances beside each other; layers as the decoder's when omitted.
        style: number of the last latents that have no clusters, but a standard normal prior.

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
        """Means and log variances of ``z`` given rows ``(B, D)``, each ``(B, d)``."""
        mean, log_variance = self.encoder(rows).chunk(2, -1)
        return mean, log_variance.clamp(-12.0, 6.0)

    def scores(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        """Expected log-density of ``z`` in each cluster, shape ``(B, K)``, for ``z`` normal with these, each ``(B, d)``."""
        inner = slice(self.clustered)
        return gaussian_scores(mean[:, inner], log_variance[:, inner].exp(), self.means, self.log_variances)

    def forward(self, rows: Tensor, noise: Tensor, label: Callable[[Tensor], Tensor], changed: Tensor | None = None) -> Tensor:
        """The part of the evidence lower bound that networks and mixture matter for.

        Args:
            rows: shape ``(B, D)``.
            noise: standard normal, shape ``(B, d)``.
            label: from scores, shape ``(B, K)``, to soft labels ``q`` of the same shape.
            changed: what the encoder gets in place of the rows, shape ``(B, D)``: a lower bound as well (Im et al., "Denoising
                criterion for variational auto-encoding framework", AAAI 2017).

        Returns:
            ``E[log p(x | z)] + Σ_k q_k (E[log p(z | k)] − log q_k) + H(z | x)`` of each row, shape ``(B,)``, the first
            expectation by one draw.
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
    """Encoder and decoder alone, to begin with: error of rows that went through, ``z`` at its mean.

    Args:
        model: whose networks these are.
    """

    def __init__(self, model: MixtureAutoencoder):
        super().__init__()
        self.encoder, self.decoder, self.latent = model.encoder, model.decoder, model.latent

    def forward(self, rows: Tensor, noise: Tensor, changed: Tensor | None = None) -> Tensor:
        """Mean squared error of each row, shape ``(B,)``, where the latents are disturbed by noise, shape ``(B, d)``."""
        mean, log_variance = self.encoder(rows if changed is None else changed).chunk(2, -1)
        decoded = self.decoder(mean + noise)
        # Keeps the latents at a scale of one, which the noise would otherwise drive up, and lets all parameters learn.
        held = 1e-3 * (mean.square().mean(-1) + (log_variance + 3).square().mean(-1))
        return (rows - decoded).square().mean(-1) + held
