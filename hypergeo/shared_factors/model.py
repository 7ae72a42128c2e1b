"""Trains autoencoders that learn how many factors two images share, from unlabelled pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from hypergeo._validate import require_whole
from hypergeo.datasets.image_pairs import FactorImages, Sharing
from hypergeo.distributed import Team
from hypergeo.numerics.adam import Adam

from .autoencoder import PairAutoencoder, kl_to_prior, product_of_experts, symmetric_kl
from .fixed_rules import Decision, Hypergeometric, SharingRule, adavae_shared, closest
from .records import PairView, SharedFactorsSettings, TrainingRecord

__all__ = ["PairView", "SharedFactors", "SharedFactorsSettings", "TrainingRecord"]

_STATE = ("parameters", "mean", "square", "steps_done", "generators", "record")

_EXAMPLES = 512
_RULE_SEED_OFFSET = 2**32


class SharedFactors:
    """Trains autoencoders of image pairs that learn how many factors the pairs share.

    Each step samples pairs, encodes both images, sorts the dimensions by the distance of the two posteriors and samples the
    number of shared dimensions. The dimensions with the smallest distances share one posterior, the product of both. They share
    one noise variable, and their divergence from the prior is counted once.

    ``R`` models run side by side, one for each seed. The result of a model depends only on its seed, the arguments and the
    number of steps (up to rounding). It depends neither on the other models nor on how the steps are divided into calls.

    Args:
        data: source of the pairs.
        shared: what pairs share (see :data:`~hypergeo.datasets.image_pairs.Sharing`); a list holds one entry for each seed.
        dimensions: number of latent dimensions, ``d``; the number of factors when omitted.
        rule: rule that decides which dimensions are shared; :class:`~hypergeo.shared_factors.fixed_rules.Hypergeometric` when
            omitted.
        settings: settings of the training; the defaults when omitted.
        seeds: seeds of the models: one number, or several.
        team: processes that train together, from :func:`~hypergeo.distributed.process_group`. Each takes its part of every
            batch, and all hold the same parameters. This process alone when omitted.

    Raises:
        ValueError: if an argument is invalid; the message names the argument, its value and what is allowed.

    Example:
        >>> from hypergeo.datasets import Sprites
        >>> sprites = Sprites()
        >>> model = SharedFactors(sprites, shared=2, settings=SharedFactorsSettings(steps=40), seeds=1)
        >>> model.step(30)
        >>> model.record.loss.shape, bool(model.record.loss[-5:].mean() < model.record.loss[:5].mean())
        (torch.Size([30, 1]), True)
        >>> pairs = sprites.pairs(8, 2, torch.Generator().manual_seed(0))
        >>> model.view(pairs.images).law.shape, model.reconstruct(pairs.images).shape
        (torch.Size([1, 8, 6]), torch.Size([1, 8, 2, 3, 12, 12]))

    References:
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, section 5.2.
        F. Locatello et al., "Weakly-supervised disentanglement without compromises", ICML 2020.
    """

    def __init__(
        self,
        data: FactorImages,
        shared: Sharing | list[Sharing],
        *,
        dimensions: int | None = None,
        rule: SharingRule | None = None,
        settings: SharedFactorsSettings | None = None,
        seeds: int | Sequence[int] = 0,
        team: Team | None = None,
    ):
        self.data = data
        self.seeds = list(seeds) if isinstance(seeds, Sequence) else [int(seeds)]
        if not self.seeds:
            raise ValueError("seeds must hold at least one number.")
        by_name = isinstance(shared, list) and all(isinstance(each, str) for each in shared)
        if isinstance(shared, list) and not by_name:
            if len(shared) != len(self.seeds):
                raise ValueError(f"shared must hold one entry for each of {len(self.seeds)} seeds; got {len(shared)}.")
            self.shared = list(shared)
        else:
            self.shared = [shared] * len(self.seeds)
        for each in self.shared:
            data.pairs(1, each, torch.Generator().manual_seed(0))
        self.dimensions = data.num_factors if dimensions is None else require_whole("dimensions", dimensions, 1)
        self.rule = Hypergeometric() if rule is None else rule
        self.settings = SharedFactorsSettings() if settings is None else settings
        self.team = Team() if team is None else team
        examples = data.sample(_EXAMPLES, torch.Generator().manual_seed(0))[0]
        self.autoencoder = PairAutoencoder(data.image_shape, self.dimensions, self.settings.hidden, examples)
        self._generators = [torch.Generator().manual_seed(seed) for seed in self.seeds]
        networks = self.autoencoder.start(self._generators)
        self._lengths = [*self.autoencoder.lengths, self.rule.length(self.dimensions)]
        # Separate generators initialise the rule, so that networks and pairs do not depend on the rule.
        rule_generators = [torch.Generator().manual_seed(seed + _RULE_SEED_OFFSET) for seed in self.seeds]
        self._parameters = torch.cat([networks, self.rule.start(self.dimensions, rule_generators)], 1)
        self._adam = Adam(self._parameters)
        self._even = Hypergeometric(amortised=False)
        self._rows: list[Tensor] = []
        self.steps_done = 0

    def step(self, count: int = 1) -> None:
        """Takes training steps.

        Args:
            count: number of steps.
        """
        for _ in range(count):
            self._step()

    def _step(self) -> None:
        settings, now = self.settings, self.steps_done
        pairs = self.data.pairs_of_each(settings.batch, self.shared, self._generators)
        noise = (
            self._noise(torch.randn, settings.batch, 3, self.dimensions),
            self._noise(torch.rand, settings.batch, self.dimensions + 1),
        )
        images, num_shared, normal, uniform = (self.team.share(whole, 1) for whole in (pairs.images, pairs.num_shared, *noise))
        images = self.autoencoder.normalised(images)
        precision = 0.5 * (self.autoencoder.deviation / settings.scale) ** 2
        with torch.enable_grad():
            parameters = self._parameters.requires_grad_()
            encoder_parameters, decoder_parameters, rule_parameters = parameters.split(self._lengths, 1)
            mean, log_var = self.autoencoder.encode_normalised(encoder_parameters, images)
            distances = symmetric_kl(mean, log_var)
            temperature = settings.temperature(now)
            if settings.warming(now):
                weightless = torch.zeros(len(images), 1)
                decision = self._even.decide(weightless, distances, uniform, temperature, None)
            else:
                decision = self.rule.decide(rule_parameters, distances, uniform, temperature, num_shared)
            gates = decision.gates[:, :, None]
            common_mean, common_log_var = product_of_experts(mean, log_var)
            own = mean + (0.5 * log_var).exp() * normal[:, :, :2]
            common = common_mean + (0.5 * common_log_var).exp() * normal[:, :, 2:]
            decoded = self.autoencoder.decode_normalised(decoder_parameters, own + gates * (common - own))
            error = precision * mse_loss(decoded, images, reduction="none").sum((-1, -2))
            # The divergence of a shared posterior is counted once. If it were counted twice, sharing would save nothing.
            divergence = ((1 - gates) * kl_to_prior(mean, log_var)).sum((-1, -2))
            divergence = divergence + (gates * kl_to_prior(common_mean, common_log_var)).sum((-1, -2))
            loss = error + settings.prior_weight(now) * divergence + settings.law_prior * decision.penalty
            (gradient,) = torch.autograd.grad(loss.mean(1).sum(), parameters)
        self._parameters = parameters.detach()
        self._adam.step(self._parameters, self.team.mean(gradient), settings.rate(now))
        self._rows.append(self.team.mean(self._row(loss, error, divergence, decision, distances)))
        self.steps_done += 1

    def _noise(self, sampler: Callable[..., Tensor], *shape: int) -> Tensor:
        return torch.stack([sampler(shape, generator=generator) for generator in self._generators])

    def _row(self, loss: Tensor, error: Tensor, divergence: Tensor, decision: Decision, distances: Tensor) -> Tensor:
        """Returns a step's row of the record, shape ``(R, 7 + (d + 1) + d)``."""
        with torch.no_grad():
            numbers = [loss, error, divergence, decision.penalty, _expected(decision.law)]
            numbers += [adavae_shared(distances).sum(-1).to(loss.dtype), decision.log_weight]
            columns = torch.stack([number.to(loss.dtype) for number in numbers], -1)
            wide = torch.cat([columns, decision.law.to(loss.dtype), distances.sort(-1).values], -1)
            return wide.mean(1)

    @property
    def record(self) -> TrainingRecord:
        """Losses, estimates and distributions of all steps so far."""
        width = 7 + 2 * self.dimensions + 1
        rows = torch.stack(self._rows) if self._rows else torch.zeros(0, len(self.seeds), width)
        return TrainingRecord(*rows[..., :7].unbind(-1), *rows[..., 7:].split([self.dimensions + 1, self.dimensions], -1))

    def state(self) -> dict[str, Tensor]:
        """Copies everything that changes from step to step, so that :meth:`load_state` can resume from it.

        Returns:
            Tensors by name: parameters, mean and square of Adam, all of shape ``(R, P)`` for ``P`` parameters, number of steps,
            states of the generators and rows of the record.
        """
        record = torch.stack(self._rows) if self._rows else torch.zeros(0)
        generators = torch.stack([generator.get_state() for generator in self._generators])
        steps = torch.tensor(self.steps_done)
        values = (*(each.clone() for each in self._learned()), steps, generators, record)
        return dict(zip(_STATE, values, strict=True))

    def _learned(self) -> tuple[Tensor, Tensor, Tensor]:
        return self._parameters, self._adam.mean, self._adam.square

    def take_over(self, other: SharedFactors) -> None:
        """Continues from the warm-up of another model, in which the rule plays no part.

        Both models must have the same arguments except for the rule. The result is the same as after this model's own warm-up.

        Args:
            other: model in or just after its warm-up.

        Raises:
            ValueError: if the other model's warm-up is over, or if its seeds, settings or networks differ.
        """
        alike = (other.seeds, other.settings, other.shared, other._lengths[:2])
        if alike != (self.seeds, self.settings, self.shared, self._lengths[:2]):
            raise ValueError("The other model must have the same data, pairs, seeds and settings.")
        if not (other.steps_done == 0 or self.settings.warming(other.steps_done - 1)):
            raise ValueError(f"The other model's warm-up is over; it has taken {other.steps_done} steps.")
        networks = self.autoencoder.length
        for own, others in zip(self._learned(), other._learned(), strict=True):
            own[:, :networks] = others[:, :networks]
        for generator, source in zip(self._generators, other._generators, strict=True):
            generator.set_state(source.get_state())
        self.steps_done = self._adam.steps = other.steps_done
        self._rows = list(other._rows)

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restores a state of a model with the same arguments.

        Args:
            state: tensors of :meth:`state`; parameters have shape ``(R, P)``.

        Raises:
            ValueError: if the state belongs to a model with other arguments.
        """
        if set(state) != set(_STATE) or state["parameters"].shape != self._parameters.shape:
            raise ValueError("This is not the state of a model with these arguments.")
        for own, name in zip(self._learned(), _STATE, strict=False):
            own.copy_(state[name])
        self.steps_done = self._adam.steps = int(state["steps_done"])
        for generator, bits in zip(self._generators, state["generators"], strict=True):
            generator.set_state(bits)
        self._rows = list(state["record"])

    @torch.no_grad()
    def view(self, images: Tensor, num_shared: Tensor | None = None) -> PairView:
        """Encodes pairs and decides which dimensions they share, without sampling.

        Args:
            images: pixel values, shape ``(N, 2, C, H, W)``, or ``(R, N, 2, C, H, W)`` with pairs for each model. A
                ``ValueError`` is raised for any other shape.
            num_shared: number of factors that the pairs share, shape ``(N,)`` or ``(R, N)``; needed by the oracle's rule only.

        Returns:
            Posteriors, distances, estimates and masks of the pairs.
        """
        rule_parameters = self._parameters[:, self.autoencoder.length :]
        mean, log_var = self.autoencoder.encode(self._parameters, self._for_each(images))
        distances = symmetric_kl(mean, log_var)
        labels = None if num_shared is None else num_shared.expand(distances.shape[:2])
        decision = self.rule.decide(rule_parameters, distances, None, self.settings.last_temperature, labels)
        estimate = _expected(decision.law)
        shared = closest(distances, estimate.round()) > 0.5
        common = product_of_experts(mean, log_var)[0]
        latents = torch.where(shared[:, :, None], common, mean)
        adavae = adavae_shared(distances).sum(-1)
        return PairView(mean, log_var, distances, decision.law, decision.log_weight, estimate, shared, adavae, latents)

    def _for_each(self, images: Tensor) -> Tensor:
        shape = self.autoencoder.image_shape
        if images.shape[-4:] != (2, *shape) or images.dim() not in (5, 6):
            raise ValueError(f"images must have shape (N, 2, {', '.join(map(str, shape))}); got {tuple(images.shape)}.")
        return images.expand(len(self.seeds), *images.shape) if images.dim() == 5 else images

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Computes the images of latents.

        Args:
            latents: latent coordinates, shape ``(R, …, d)``.

        Returns:
            Images between 0 and 1, shape ``(R, …, C, H, W)``.
        """
        return self.autoencoder.decode(self._parameters[:, : self.autoencoder.length], latents).clamp(0, 1)

    def reconstruct(self, pairs: Tensor | PairView) -> Tensor:
        """Decodes pairs, with the product of both posteriors in the shared dimensions.

        Args:
            pairs: images, shape ``(N, 2, C, H, W)``, or their view, which saves encoding them again.

        Returns:
            Images, shape ``(R, N, 2, C, H, W)``.
        """
        return self.decode(self._viewed(pairs).latents)

    def swap(self, pairs: Tensor | PairView, part: str | Tensor = "shared", donors: Tensor | None = None) -> Tensor:
        """Decodes pairs after one part of their latents has been exchanged.

        Between the two images of a pair, exchanging the shared part should change nothing, and exchanging the independent part
        should turn each image into the other. With ``donors``, each pair takes the part from the same image of another pair.

        Args:
            pairs: images, shape ``(N, 2, C, H, W)``, or their view.
            part: ``"shared"``, ``"independent"``, or a mask of the dimensions to exchange, shape ``(R, N, d)``.
            donors: index of the pair from which each pair takes the part, shape ``(N,)``.

        Returns:
            Images, shape ``(R, N, 2, C, H, W)``.

        Raises:
            ValueError: if ``part`` is another text.
        """
        view = self._viewed(pairs)
        if isinstance(part, str):
            if part not in ("shared", "independent"):
                raise ValueError(f'part must be "shared" or "independent"; got {part!r}.')
            part = view.shared if part == "shared" else ~view.shared
        source = view.mean.flip(2) if donors is None else view.mean[:, donors]
        return self.decode(torch.where(part[:, :, None], source, view.mean))

    def traverse(self, pairs: Tensor | PairView, values: Tensor) -> Tensor:
        """Decodes the first image of each pair while one latent dimension after the other takes a series of values.

        Args:
            pairs: images, shape ``(N, 2, C, H, W)``, or their view.
            values: latent values in standard deviations of the prior, shape ``(V,)``.

        Returns:
            Images, shape ``(R, N, d, V, C, H, W)``.
        """
        mean = self._viewed(pairs).mean[:, :, 0]
        varied = torch.eye(self.dimensions, dtype=torch.bool)[:, None]
        return self.decode(torch.where(varied, values.to(mean.dtype)[:, None], mean[:, :, None, None]))

    def _viewed(self, pairs: Tensor | PairView) -> PairView:
        return pairs if isinstance(pairs, PairView) else self.view(pairs)


def _expected(probabilities: Tensor) -> Tensor:
    return (probabilities * torch.arange(probabilities.shape[-1], dtype=probabilities.dtype)).sum(-1)
