"""Rules that draw how many latent dimensions two views share, from a law that is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric

from .autoencoder import Layers
from .rules import Decision, SharingRule, closest

__all__ = ["Categorical", "Hypergeometric"]

_HIDDEN = 32
_LARGEST_LOG_WEIGHT = 30.0


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
