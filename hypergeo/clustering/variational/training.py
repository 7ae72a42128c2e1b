"""Training of variational clustering: first an autoencoder, then clusters in its latent space, then the whole model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hypergeo._validate import require_real, require_whole
from hypergeo.clustering.merged_start import STARTS, merged_labels
from hypergeo.distributed import Team

from .autoencoder import MixtureAutoencoder, Reconstruction
from .label_priors import LabelPrior
from .mixture import start_mixture
from .sampled_labels import SampledLabels
from .warmed_encoder import WarmedEncoder

__all__ = ["VariationalSettings", "VariationalTraining"]

_LEAST_EPOCHS, _LEAST_STEPS = 20, 280
_NETWORKS, _AUTOENCODER, _TOGETHER, _LABELS = range(4)  # purposes of random numbers


@dataclass(frozen=True)
class VariationalSettings:
    """Holds durations and learning rates. The defaults were chosen on digits, with other seeds than those of reported results.

    Attributes:
        latent: dimensions of the latent space; those of the features after a warm-up.
        hidden: widths of the encoder's hidden layers; the decoder's are the same in reverse.
        batch_size: number of rows of a mini-batch, over all processes; all rows if there are fewer.
        pretraining: epochs of the autoencoder alone; at least 20, and enough for 280 steps, when omitted.
        epochs: epochs of the whole model; the same default as ``pretraining``.
        rate: step size of Adam for the networks; falls to a twentieth in the second half of each stage.
        mixture_rate: step size of the mixture's means and variances, with the same decrease.
        noise: standard deviation of the noise that is added to the latents in pretraining, where their own is about one.
        encoder_rate: step size of the encoder after a warm-up, as a fraction of ``rate``.
        weight_rate: step size of the prior's log weights where labels are sampled; falls like the others.

    Raises:
        ValueError: if a setting is invalid; the message names the setting, its value and what is allowed.
    """

    latent: int = 10
    hidden: tuple[int, ...] = (128,)
    batch_size: int = 128
    pretraining: int | None = None
    epochs: int | None = None
    rate: float = 3e-3
    mixture_rate: float = 3e-3
    noise: float = 0.3
    encoder_rate: float = 0.03
    weight_rate: float = 0.02

    def __post_init__(self) -> None:
        try:
            hidden = tuple(self.hidden)
        except TypeError:
            raise ValueError(f"hidden must be a list of whole numbers; got {self.hidden!r}.") from None
        object.__setattr__(self, "hidden", tuple(require_whole("hidden", width, 1) for width in hidden))
        for name, least in {"latent": 1, "batch_size": 1, "pretraining": 0, "epochs": 1}.items():
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, require_whole(name, value, least))
        for name in ("rate", "mixture_rate", "encoder_rate", "weight_rate"):
            object.__setattr__(self, name, require_real(name, getattr(self, name), "a positive number", gt=0))
        object.__setattr__(self, "noise", require_real("noise", self.noise, "a number of at least 0", ge=0))


def _epochs(number: int | None, steps: int) -> int:
    """Returns the number of epochs or, if it is ``None``, the default for epochs of ``steps`` steps."""
    return max(_LEAST_EPOCHS, math.ceil(_LEAST_STEPS / steps)) if number is None else number


def _rate(epoch: int, epochs: int) -> float:
    return 1 - 0.95 * max(0.0, 2 * epoch / epochs - 1)


class VariationalTraining:
    """Trains a model with a prior of the labels of its data, on one process or several.

    Networks and mixture follow the gradient of the evidence lower bound by mini-batches. In each, the soft labels are the best
    ones for the current model; the bound is stationary in them, so that they need no gradient. After each epoch the weights
    of the prior are fitted to the counts, the sums of all soft labels.

    Args:
        data: rows of mean zero and overall variance one, shape ``(N, D)``, all of them in every process.
        labels: prior of the labels, for ``N`` points, or for the rows of one batch if each batch has its own urn.
        settings: duration and learning rates.
        seed: seed of all random numbers.
        team: the processes.
        encoder: encoder from the warm-up of self-labelling. The decoder is then pretrained alone, and rows are changed at
            random as in the warm-up; when omitted, encoder and decoder are pretrained together.
        sampled: whether sizes and members of each batch are sampled together instead of the best soft labels.

    Attributes:
        model: networks and mixture.
        soft_labels: soft labels of each row in its latest batch, shape ``(N, K)``.
        epochs: numbers of epochs of the autoencoder alone and of the whole model.
        elbo: evidence lower bound in nats per row, one number per epoch.
    """

    def __init__(
        self,
        data: Tensor,
        labels: LabelPrior,
        settings: VariationalSettings,
        seed: int,
        team: Team,
        encoder: WarmedEncoder | None = None,
        *,
        sampled: bool = False,
    ):
        num_clusters = labels.prior.num_clusters
        self.data, self.labels, self.settings, self.seed, self.team = data, labels, settings, seed, team
        self.warmed = encoder
        self.latent = settings.latent if encoder is None else encoder.latent
        generator = team.generator(seed, _NETWORKS)
        model = MixtureAutoencoder(
            data.shape[1],
            num_clusters,
            self.latent,
            settings.hidden,
            generator,
            encoder,
            0 if encoder is None else encoder.latent - encoder.features,
        )
        self.model = model.to(data.device)
        self.soft_labels = torch.full((len(data), num_clusters), 1 / num_clusters, device=data.device)
        self.elbo: list[float] = []
        self._is_sampled = sampled
        self._sampler: SampledLabels | None = None
        self._samples = 0
        rows = min(settings.batch_size, len(data))
        self.batch = max(rows - rows % team.size, team.size)
        steps = len(data) // self.batch
        self.epochs = _epochs(settings.pretraining, steps), _epochs(settings.epochs, steps)

    @property
    def _share(self) -> float:
        """Number of points of the prior per row of the data."""
        return self.labels.prior.num_points / len(self.data)

    def run(self, progress: Callable[[int, int], object] | None = None) -> None:
        """Runs all stages of the training.

        Args:
            progress: function that is called after each epoch with the number of completed epochs and of all epochs.
        """
        stages = (self._autoencoder(), self._together())
        for done, _ in enumerate((epoch for stage in stages for epoch in stage), 1):
            if progress is not None:
                progress(done, sum(self.epochs))

    def _batches(self, stage: int, epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor | None]]:
        """Divides the rows into the mini-batches of an epoch.

        Args:
            stage: purpose of the random numbers.
            epoch: number of the epoch.

        Yields:
            Indices of all rows of the batch, shape ``(B,)``; for this process's part of the batch, the rows, standard normal
            noise, and the randomly changed rows after a warm-up.
        """
        generator = self.team.generator(self.seed, stage, epoch)
        order = int(torch.randint(1 << 31, (), generator=generator))
        for rows in Team().batches(len(self.data), self.batch, seed=order, epoch=0):
            noise = self.team.share(torch.randn(len(rows), self.latent, generator=generator))
            rows = rows.to(self.data.device)
            changed = None
            if self.warmed is not None:
                with torch.no_grad():  # all processes change all rows, and select their part
                    changed = self.team.share(self.warmed.changed(self.data[rows], generator))
            yield rows, self.data[self.team.share(rows)], noise.to(self.data.device), changed

    def _autoencoder(self) -> Iterator[None]:
        if self.warmed is not None:
            self.warmed.network.requires_grad_(False)
        network = self.team.wrap(Reconstruction(self.model))
        adam = torch.optim.Adam(parameter for parameter in network.parameters() if parameter.requires_grad)
        for epoch in range(self.epochs[0]):
            adam.param_groups[0]["lr"] = self.settings.rate * _rate(epoch, self.epochs[0])
            for _, own, noise, changed in self._batches(_AUTOENCODER, epoch):
                adam.zero_grad()
                network(own, self.settings.noise * noise, changed).mean().backward()
                adam.step()
            yield
        if self.warmed is not None:
            self.warmed.network.requires_grad_(True)

    def _together(self) -> Iterator[None]:
        self.place_clusters()
        if self._is_sampled:
            self._sampler = SampledLabels(self.labels, self.settings.weight_rate)
        network = self.team.wrap(self.model)
        mixture = [self.model.means, self.model.log_variances, self.model.log_noise]
        parts = [[*self.model.encoder.parameters()], [*self.model.decoder.parameters()], mixture]
        adam = torch.optim.Adam([{"params": part} for part in parts])
        encoder_rate = self.settings.rate * (1.0 if self.warmed is None else self.settings.encoder_rate)
        rates = encoder_rate, self.settings.rate, self.settings.mixture_rate
        for epoch in range(self.epochs[1]):
            for group, rate in zip(adam.param_groups, rates, strict=True):
                group["lr"] = rate * _rate(epoch, self.epochs[1])
            bounds = []
            rate = _rate(epoch, self.epochs[1])
            for rows, own, noise, changed in self._batches(_TOGETHER, epoch):
                adam.zero_grad()
                bound = network(own, noise, lambda scores, rows=rows, rate=rate: self._labels(rows, scores, rate), changed)
                (-bound.mean()).backward()
                adam.step()
                bounds.append(bound.detach().mean())
            self.elbo.append(self._bound(torch.stack(bounds)))
            yield
        self.fit_labels()

    def _labels(self, rows: Tensor, own: Tensor, rate: float) -> Tensor:
        """Returns labels of this process's part of a batch, from its scores, and stores those of the whole batch."""
        if self._sampler is not None:
            self._samples += 1
            generator = self.team.generator(self.seed, _LABELS, self._samples)
            labels = self._sampler.sample(self._gathered(own), generator, rate)
            self.soft_labels[rows] = labels
            return self.team.share(labels)
        rest = None
        if self.labels.prior.num_points == len(self.data):
            rest = self.soft_labels.sum(0) - self.soft_labels[rows].sum(0)
        labels = self.labels.soft_labels(self._gathered(own), rest)
        self.soft_labels[rows] = labels
        return self.team.share(labels)

    def _gathered(self, own: Tensor) -> Tensor:
        """Returns the rows of all processes in order."""
        if not self.team.joined:
            return own
        whole = own.new_zeros(self.team.size, *own.shape)
        whole[self.team.rank] = own
        return self.team.mean(whole).mul_(self.team.size).flatten(0, 1)

    def _bound(self, parts: Tensor) -> float:
        """Returns the evidence lower bound in nats per row, with weights of the prior near their optimum."""
        self.fit_labels(roughly=True)
        counts = self.soft_labels.double().sum(0).cpu() * self._share
        prior = float(self.labels.log_prob(counts)) / self.labels.prior.num_points
        return float(self.team.mean(parts.double().mean())) + prior

    def fit_labels(self, roughly: bool = False) -> None:
        """Fits the weights of the prior to the soft labels; for sampled sizes they are learned by gradient instead.

        Args:
            roughly: whether a few steps suffice.
        """
        if self._sampler is not None:
            return
        self.labels.fit(self.soft_labels.double().sum(0).cpu() * self._share, roughly=roughly)

    @torch.no_grad()
    def place_clusters(self) -> None:
        """Initialises the mixture from the latents, the decoder's noise from its error, and the labels from both."""
        latents, log_variance = self.model.encode(self.data)
        error = (self.data - self.model.decoder(latents)).square().mean()
        latents = latents[:, : self.model.clustered]
        start = start_mixture(latents.cpu(), self.labels, self.seed, self._first_means(latents.cpu()))
        self.labels = start.labels
        self.model.means.copy_(start.means)
        variances = start.log_variances.exp()
        if self.warmed is not None:  # the encoder's variance is part of a cluster's variance
            variances = variances + log_variance[:, : self.model.clustered].exp().mean(0).cpu()
        self.model.log_variances.copy_(variances.log())
        self.model.log_noise.copy_(error.clamp(min=1e-4).log())
        self.label_all()
        self.fit_labels()

    def _first_means(self, latents: Tensor) -> Tensor | None:
        """Returns means of clusters merged from many small ones, shape ``(K, d)``, or ``None`` without a warm-up."""
        if self.warmed is None:
            return None
        generators = [np.random.default_rng((self.seed, _TOGETHER, start)) for start in range(STARTS)]
        labels = merged_labels(functional.normalize(latents, dim=-1), self.labels.prior.num_clusters, generators)
        belongs = functional.one_hot(labels, self.labels.prior.num_clusters).to(latents)
        return belongs.mT @ latents / belongs.sum(0)[:, None]

    @torch.no_grad()
    def label_all(self) -> Tensor:
        """Computes soft labels of all rows at once.

        Returns:
            Logits of the soft labels, float64, shape ``(N, K)``.
        """
        scores = self.model.scores(*self.model.encode(self.data))
        self.soft_labels = self.labels.soft_labels(scores, share=self._share)
        return scores.cpu().double() + self.labels.offsets()
