"""Rules that say which latent dimensions two views share, given how far apart their posteriors are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from .fisher import FisherHypergeometric
from .pair_autoencoder import Layers
from .relaxed import RelaxedFisherHypergeometric

__all__ = [
    "AdaptiveThreshold",
    "AlwaysHalf",
    "Categorical",
    "Decision",
    "FixedThreshold",
    "Hypergeometric",
    "Oracle",
    "SharingRule",
    "Unshared",
    "adavae_shared",
    "closest",
]

_HIDDEN = 32
_LARGEST_LOG_WEIGHT = 30.0


@dataclass(frozen=True)
class Decision:
    """What a rule says of ``R × B`` pairs.

    Attributes:
        gates: how much each dimension is shared, from 0 to 1, shape ``(R, B, d)``.
        penalty: what the rule's law costs, in nats, shape ``(R, B)``.
        law: probability of each number of shared dimensions, shape ``(R, B, d + 1)``.
        log_weight: of the group of shared dimensions against the other, shape ``(R, B)``; NaN for rules without weights.
    """

    gates: Tensor
    penalty: Tensor
    law: Tensor
    log_weight: Tensor


def closest(distances: Tensor, number: Tensor) -> Tensor:
    """Gates that open for the ``number`` closest dimensions; for the next one partly, where the number is not whole.

    Args:
        distances: shape ``(…, d)``.
        number: from 0 to ``d``, shape ``(…)``; differentiable.

    Returns:
        From 0 to 1, shape ``(…, d)``; their sum is ``number``.

    Example:
        >>> closest(torch.tensor([3.0, 1.0, 2.0]), torch.tensor(1.25))
        tensor([0.0000, 1.0000, 0.2500])
    """
    ranks = distances.argsort(dim=-1, stable=True).argsort(dim=-1)
    return (number[..., None] - ranks).clamp(0, 1)


def adavae_shared(distances: Tensor) -> Tensor:
    """The dimensions that AdaVAE takes for shared: those nearer than half-way between the closest and the farthest.

    Args:
        distances: shape ``(…, d)``.

    Returns:
        True or false, shape ``(…, d)``.

    Example:
        >>> adavae_shared(torch.tensor([0.1, 0.2, 4.0]))
        tensor([ True,  True, False])

    References:
        F. Locatello et al., "Weakly-supervised disentanglement without compromises", ICML 2020, section 5.
    """
    low, high = distances.aminmax(dim=-1, keepdim=True)
    return distances < 0.5 * (low + high)


class SharingRule:
    """How a rule turns distances into gates; those with a law learn its parameters with the autoencoder's.

    Attributes:
        learned: whether there is anything to learn, after a warm-up.
    """

    learned = False

    def length(self, dimensions: int) -> int:
        """How many parameters the rule has."""
        return 0

    def start(self, dimensions: int, generators: Sequence[torch.Generator]) -> Tensor:
        """First parameters, shape ``(R, length)``."""
        return torch.zeros(len(generators), self.length(dimensions))

    def decide(
        self,
        parameters: Tensor,
        distances: Tensor,
        noise: Tensor | None,
        temperature: float,
        num_shared: Tensor | None,
    ) -> Decision:
        """Gates of pairs.

        Args:
            parameters: shape ``(R, length)``.
            distances: of the two posteriors in each dimension, shape ``(R, B, d)``.
            noise: even between 0 and 1, shape ``(R, B, d + 1)``; without any, the expected number is taken.
            temperature: of relaxed draws.
            num_shared: what pairs truly share, shape ``(R, B)``, which the oracle alone looks at.
        """
        raise NotImplementedError


class _Certain(SharingRule):
    """A rule that draws nothing."""

    def decide(
        self,
        parameters: Tensor,
        distances: Tensor,
        noise: Tensor | None,
        temperature: float,
        num_shared: Tensor | None,
    ) -> Decision:
        gates = self.gates(distances, num_shared).to(distances.dtype)
        law = one_hot(gates.sum(-1).round().long(), distances.shape[-1] + 1).to(distances.dtype)
        nothing = torch.zeros_like(gates[..., 0])
        return Decision(gates, nothing, law, torch.full_like(nothing, torch.nan))

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        raise NotImplementedError


class AdaptiveThreshold(_Certain):
    """AdaVAE's rule: a dimension is shared where it is nearer than half-way; see :func:`adavae_shared`."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        return adavae_shared(distances)


class FixedThreshold(_Certain):
    """A dimension is shared where its distance is below a number of nats, which somebody has to choose.

    Args:
        nats: the threshold: one number, or one for each model, shape ``(R,)``.
    """

    def __init__(self, nats: float | Tensor):
        self.nats = torch.as_tensor(nats, dtype=torch.float32)
        if not bool((self.nats > 0).all()):
            raise ValueError(f"nats must be positive; got {nats!r}.")

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        return distances < self.nats.reshape(-1, 1, 1)


class AlwaysHalf(_Certain):
    """Half of the dimensions, rounded down, are shared: the closest ones."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        return closest(distances, torch.full_like(distances[..., 0], distances.shape[-1] // 2))


class Oracle(_Certain):
    """As many dimensions are shared as the pair's label says: the closest ones."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        if num_shared is None:
            raise ValueError("The oracle needs labels: how many factors each pair shares.")
        return closest(distances, num_shared.to(distances.dtype).clamp(max=distances.shape[-1]))


class Unshared(_Certain):
    """A plain autoencoder: nothing is shared."""

    def gates(self, distances: Tensor, num_shared: Tensor | None) -> Tensor:
        """Gates, shape ``(R, B, d)``."""
        return torch.zeros_like(distances)


class _Drawn(SharingRule):
    """A rule that draws how many dimensions are shared, from a law whose parameters are learned.

    Args:
        amortised: whether the law depends on the pair's sorted distances; otherwise one law holds for all pairs.
    """

    learned = True

    def __init__(self, amortised: bool = True):
        self.amortised = amortised

    def _outputs(self, dimensions: int) -> int:
        raise NotImplementedError

    def _layers(self, dimensions: int) -> Layers:
        return Layers([dimensions, _HIDDEN, self._outputs(dimensions)])

    def length(self, dimensions: int) -> int:
        """How many parameters the rule has."""
        return self._layers(dimensions).length if self.amortised else self._outputs(dimensions)

    def start(self, dimensions: int, generators: Sequence[torch.Generator]) -> Tensor:
        """First parameters, shape ``(R, length)``: the law does not depend on the distances yet, and weighs nothing."""
        if not self.amortised:
            return super().start(dimensions, generators)
        layers = self._layers(dimensions)
        parameters = layers.start(generators)
        parameters[:, -layers.lengths[-1] - layers.lengths[-2] :] = 0
        return parameters

    def _output(self, parameters: Tensor, distances: Tensor) -> Tensor:
        """The law's own parameters, shape ``(R, B, outputs)``."""
        batch = distances.shape[:-1]
        if not self.amortised:
            return parameters[:, None].expand(*batch, -1)
        # Logarithms: distances run from hundredths to hundreds of nats. No gradient: it would teach the encoder to speak to
        # this network.
        seen = distances.detach().clamp(min=1e-3).log().sort(-1).values
        return self._layers(distances.shape[-1])(parameters, 0.5 * seen)


class Hypergeometric(_Drawn):
    """The number of shared dimensions follows Fisher's law: ``d`` are drawn from two groups of ``d``, shared and not.

    The law's one parameter is the weight of the shared group, learned for each pair from its sorted distances
    (``amortised``) or for all. It is held to an even law over ``0 … d`` by its Kullback-Leibler divergence.

    Args:
        amortised: whether weights depend on the pair.
        straight_through: whether draws are whole numbers in the forward pass.

    Example:
        >>> rule = Hypergeometric(amortised=False)
        >>> found = rule.decide(torch.zeros(1, 1), torch.tensor([[[0.1, 3.0, 0.2]]]), None, 1.0, None)
        >>> found.law, found.gates
        (tensor([[[0.0500, 0.4500, 0.4500, 0.0500]]]), tensor([[[1.0000, 0.0000, 0.5000]]]))

    References:
        T. Sutter, L. Manduchi, A. Ryser, J. Vogt, "Learning group importance using the differentiable hypergeometric
        distribution", ICLR 2023, section 5.2.
    """

    def __init__(self, amortised: bool = True, straight_through: bool = False):
        super().__init__(amortised)
        self.straight_through = straight_through

    def _outputs(self, dimensions: int) -> int:
        return 1

    def decide(
        self,
        parameters: Tensor,
        distances: Tensor,
        noise: Tensor | None,
        temperature: float,
        num_shared: Tensor | None,
    ) -> Decision:
        """Gates of pairs, with the law that the number came from."""
        d = distances.shape[-1]
        log_weight = self._output(parameters, distances)[..., 0].clamp(-_LARGEST_LOG_WEIGHT, _LARGEST_LOG_WEIGHT)
        log_weights = torch.stack([log_weight, torch.zeros_like(log_weight)], -1)
        law = FisherHypergeometric(d, [d, d], log_weights=log_weights, validate_args=False)
        log_law = law.marginal_log_prob()[..., 0, :]
        if noise is None:
            number = law.mean[..., 0]
        else:
            relaxed = RelaxedFisherHypergeometric(
                temperature,
                d,
                [d, d],
                log_weights=log_weights,
                straight_through=self.straight_through,
                validate_args=False,
            )
            number = relaxed.rsample(noise=_gumbel(noise))[..., 0]
        return _from_law(distances, log_law, number, log_weight)


class Categorical(_Drawn):
    """The number of shared dimensions follows a law with a free probability for each number, by Gumbel-softmax."""

    def _outputs(self, dimensions: int) -> int:
        return dimensions + 1

    def decide(
        self,
        parameters: Tensor,
        distances: Tensor,
        noise: Tensor | None,
        temperature: float,
        num_shared: Tensor | None,
    ) -> Decision:
        """Gates of pairs, with the law that the number came from."""
        log_law = self._output(parameters, distances).log_softmax(-1)
        counts = torch.arange(log_law.shape[-1], dtype=log_law.dtype)
        shares = log_law.exp() if noise is None else ((log_law + _gumbel(noise)) / temperature).softmax(-1)
        nothing = torch.full_like(log_law[..., 0], torch.nan)
        return _from_law(distances, log_law, (shares * counts).sum(-1).to(distances.dtype), nothing)


def _from_law(distances: Tensor, log_law: Tensor, number: Tensor, log_weight: Tensor) -> Decision:
    law = log_law.exp()
    # All of a Fisher law's numbers are possible, but far ones may be below what can be written.
    penalty = (law * log_law.clamp(min=-1e3)).sum(-1) + math.log(law.shape[-1])
    return Decision(closest(distances, number), penalty, law, log_weight)


def _gumbel(uniform: Tensor) -> Tensor:
    return -(-uniform.double().clamp(1e-12, 1 - 1e-12).log()).log()
