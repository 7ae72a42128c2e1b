"""Variational clustering: networks find a latent space in which the data are Gaussian clusters, whose sizes are learned."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hypergeo._validate import require_whole
from hypergeo.clustering.hard_labels import hard_labels
from hypergeo.clustering.self_labelling.model import SelfLabelling
from hypergeo.clustering.size_priors import size_prior
from hypergeo.distributed import Team

from .autoencoder import MixtureAutoencoder
from .label_priors import LabelPrior
from .training import VariationalSettings, VariationalTraining
from .warmed_encoder import WarmedEncoder

__all__ = ["VariationalClusters", "VariationalSettings", "fit_variational_clusters"]


@dataclass(frozen=True)
class VariationalClusters:
    """Holds the fitted model and labels.

    Attributes:
        labels: cluster of each point, int64, shape ``(N,)``, within the capacities and minimum sizes.
        soft_labels: probability of each cluster for each point, shape ``(N, K)``.
        sizes: mean of the learned prior of the sizes, scaled to ``N``, shape ``(K,)``.
        log_weights: log weights of the prior, mean zero, shape ``(K,)``.
        elbo: evidence lower bound in nats per point, one number per epoch; the prior is evaluated at the expected counts, see
            :class:`~hypergeo.clustering.size_priors.HypergeometricSizes`.
        model: the networks and the mixture, for rows minus ``centre``, divided by ``spread``.
        centre: mean of the rows, shape ``(D,)``.
        spread: root mean square of the centred rows.
        offsets: numbers that are added to the scores for the labels, shape ``(K,)``.
    """

    labels: np.ndarray
    soft_labels: np.ndarray
    sizes: np.ndarray
    log_weights: np.ndarray
    elbo: list[float]
    model: MixtureAutoencoder
    centre: Tensor
    spread: float
    offsets: Tensor

    @torch.no_grad()
    def predict(self, x: Any) -> np.ndarray:
        """Assigns further points to clusters.

        Training points get the labels of the fit, except for points whose label was changed to satisfy the bounds on the
        sizes. A ``ValueError`` is raised for numbers that are not finite.

        Args:
            x: points, shape ``(M, D)``, or ``(M, …)`` with ``D`` numbers in each.

        Returns:
            Cluster of each point, int64, shape ``(M,)``.

        Raises:
            ValueError: if the number of columns differs from that of the training points.
        """
        rows = _read_rows(x)
        if rows.shape[1] != len(self.centre):
            raise ValueError(f"x must have {len(self.centre)} numbers per point, as in training; got {rows.shape[1]}.")
        scaled = (rows.to(self.centre.device) - self.centre) / self.spread
        scores = self.model.scores(*self.model.encode(scaled))
        return (scores.cpu().double() + self.offsets).argmax(-1).numpy()


def fit_variational_clusters(
    x: Any,
    num_clusters: int,
    prior: str = "hypergeometric",
    *,
    capacities: Any = None,
    minimum_sizes: Any = None,
    urn: str = "all",
    labels: str = "expected",
    seed: int = 0,
    warm_up: SelfLabelling | None = None,
    device: str | torch.device | None = None,
    team: Team | None = None,
    progress: Callable[[int, int], object] | None = None,
    **settings: Any,
) -> VariationalClusters:
    """Fits variational deep embedding with a choice of priors of the cluster sizes.

    Args:
        x: points, shape ``(N, D)``, or ``(N, …)``, which is flattened.
        num_clusters: number of clusters ``K``.
        prior: prior of the sizes: ``"hypergeometric"`` (or ``"fisher"``), ``"categorical"`` (learned mixing weights, as in
            VaDE) or ``"uniform"``. If capacities are ``N`` and no cluster is full, the hypergeometric prior has the same best
            fits as mixing weights: the weight of a cluster compensates for the places that its points take.
        capacities: for the hypergeometric prior: largest size of each cluster, one number or ``K`` of them; ``N`` each when
            omitted.
        minimum_sizes: for the hypergeometric prior: smallest size of each cluster, one number or ``K`` of them; zero when
            omitted.
        urn: for the hypergeometric prior. ``"all"`` is one urn for all points; a mini-batch takes places that the other
            points have left. ``"batch"`` is an urn for each mini-batch, as published, with as many places per row as for
            ``"all"``.
        labels: ``"expected"`` uses the best soft labels of a mini-batch. ``"sampled"``, for the hypergeometric prior and
            ``urn="batch"``, samples the sizes of its clusters and their members together, as a
            :class:`~hypergeo.partitions.RandomPartition`; the evidence lower bound is then that of the sampled labels.
        seed: seed of all random numbers.
        warm_up: self-labelling of the same images, after its warm-up. The encoder starts from its network, the clusters start
            from many small ones that are merged (see :func:`.merged_labels`), and images are changed at random. When
            omitted, encoder and decoder are pretrained together.
        device: device of the computation; the CPU when omitted.
        team: the processes that train together (see :mod:`hypergeo.distributed`), instead of ``device``.
        progress: function that is called after each epoch with the number of completed epochs and of all epochs.
        settings: fields of :class:`VariationalSettings`: ``latent``, ``hidden``, ``batch_size``, ``pretraining``, ``epochs``,
            ``rate``, ``mixture_rate``, ``noise``, ``weight_rate``.

    Returns:
        Labels, learned sizes, evidence lower bound and model.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

    Example:
        >>> points = np.random.default_rng(0).normal(size=(90, 4)) + 8 * (np.arange(90)[:, None] < 30)
        >>> fit = fit_variational_clusters(points, 2, latent=2, hidden=[16], batch_size=30, pretraining=5, epochs=5)
        >>> sorted(fit.sizes.round().tolist())
        [30.0, 60.0]

    References:
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, section 5.3.
        Z. Jiang, Y. Zheng, H. Tan, B. Tang, H. Zhou, "Variational deep embedding: an unsupervised and generative approach to
        clustering", IJCAI 2017.
    """
    rows = _read_rows(x)
    num_clusters = require_whole("num_clusters", num_clusters, 1, len(rows), f"between 1 and the {len(rows)} points")
    seed = require_whole("seed", seed)
    if urn not in ("all", "batch"):
        raise ValueError(f'urn must be "all" or "batch"; got {urn!r}.')
    if labels not in ("expected", "sampled"):
        raise ValueError(f'labels must be "expected" or "sampled"; got {labels!r}.')
    chosen = _settings(settings)
    if team is None:
        team = Team(device=_device(device))
    elif device is not None:
        raise ValueError("Give either device or team, which has a device of its own.")
    if len(rows) < team.size:
        raise ValueError(f"x must have a point for each of the {team.size} processes; got {len(rows)}.")
    centre = rows.double().mean(0)
    spread = float((rows - centre).square().mean().sqrt())
    if not spread > 1e-6 * float(rows.abs().max()):
        raise ValueError("x must not consist of copies of one point.")
    centre = centre.float().to(team.device)
    data = (rows.to(team.device) - centre) / spread
    limits = {"capacities": capacities, "minimum_sizes": minimum_sizes}
    bounds = {name: np.asarray(bound) for name, bound in limits.items() if bound is not None}
    name = "hypergeometric" if prior == "fisher" else prior
    sizes = size_prior(name, len(rows), num_clusters, **bounds)
    prior_of_labels = LabelPrior(sizes)
    if urn == "batch":
        share = min(chosen.batch_size, len(rows)) / len(rows)
        # Rounded so that the bounds are no narrower.
        rounded = {each: (np.ceil if each == "capacities" else np.floor)(bound * share) for each, bound in bounds.items()}
        prior_of_labels = LabelPrior(size_prior(name, round(share * len(rows)), num_clusters, **rounded))
    if labels == "sampled":
        if name != "hypergeometric" or urn != "batch":
            raise ValueError(f'labels="sampled" needs prior="hypergeometric" and urn="batch"; got {prior!r} and {urn!r}.')
        if (rows_of_batch := prior_of_labels.prior.num_points) % team.size:
            raise ValueError(
                f"batch_size, or the number of points if it is smaller, must be a multiple of the {team.size} processes for "
                f"sampled labels; got {rows_of_batch}."
            )
        prior_of_labels.prior.straight_through = True  # type: ignore[attr-defined]
    encoder = None
    if warm_up is not None:
        if len(warm_up.images) != len(rows) or warm_up.images[0].numel() != rows.shape[1]:
            raise ValueError(f"warm_up must be a model of the same {len(rows)} images; it has {len(warm_up.images)}.")
        encoder = WarmedEncoder(warm_up, chosen.latent, chosen.hidden[0], torch.Generator().manual_seed(seed))
    training = VariationalTraining(data, prior_of_labels, chosen, seed, team, encoder, sampled=labels == "sampled")
    training.run(progress)
    scores = training.label_all()
    learned = training.labels
    logs = learned.log_weights
    return VariationalClusters(
        labels=hard_labels(training.soft_labels.argmax(-1).cpu(), scores, sizes.bounds).numpy(),
        soft_labels=training.soft_labels.cpu().numpy(),
        sizes=(learned.mean * (len(rows) / learned.prior.num_points)).numpy(),
        log_weights=(logs - logs.mean()).numpy(),
        elbo=[bound - data.shape[1] * math.log(spread) for bound in training.elbo],
        model=training.model,
        centre=centre,
        spread=spread,
        offsets=learned.offsets(),
    )


def _settings(values: dict[str, Any]) -> VariationalSettings:
    known = VariationalSettings.__dataclass_fields__
    if unknown := [name for name in values if name not in known]:
        raise ValueError(f"The settings are {', '.join(known)}; got {', '.join(unknown)}.")
    return VariationalSettings(**values)


def _device(device: str | torch.device | None) -> torch.device:
    try:
        chosen = torch.device("cpu" if device is None else device)
        torch.zeros(1, device=chosen).item()
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ValueError(f'device must be available, such as "cpu" or "cuda"; got {device!r}.') from None
    return chosen


def _read_rows(x: Any) -> Tensor:
    try:
        read = x.detach().cpu() if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x))
        rows = read.double()
    except (TypeError, ValueError):
        raise ValueError(f"x must be a regular array of numbers; got {type(x).__name__}.") from None
    if rows.dim() < 2 or not rows.numel():
        raise ValueError(f"x must have shape (N, D), a row for each point; got shape {tuple(rows.shape)}.")
    rows = rows.flatten(1).float()
    if not bool(rows.isfinite().all()):
        row = int((~rows.isfinite()).any(-1).nonzero()[0])
        raise ValueError(f"x must be finite; row {row} is not.")
    return rows
