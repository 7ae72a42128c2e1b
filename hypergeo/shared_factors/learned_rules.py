"""Rules that sample the number of shared latent dimensions from a distribution with learned parameters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
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


class _SampledNumber(SharingRule, ABC):
    """Samples the number of shared dimensions from a distribution with learned parameters.

    Args:
        amortised: whether the distribution depends on the pair's sorted distances; otherwise it is the same for all pairs.
    """

    learned = True

    def __init__(self, amortised: bool = True):
        self.amortised = amortised

    @abstractmethod
    def _outputs(self, dimensions: int) -> int:
        """Returns the number of parameters of the distribution of one pair."""

    def _layers(self, dimensions: int) -> Layers:
        return Layers([dimensions, _HIDDEN, self._outputs(dimensions)])

    def length(self, dimensions: int) -> int:
        """Returns the number of learned parameters.

        Args:
            dimensions: number of latent dimensions, ``d``.

        Returns:
            Number of parameters of one model.
        """
        return self._layers(dimensions).length if self.amortised else self._outputs(dimensions)

    def start(self, dimensions: int, generators: Sequence[torch.Generator]) -> Tensor:
        """Samples the initial parameters. At first the distribution does not depend on the distances and has weight one.

        Args:
            dimensions: number of latent dimensions, ``d``.
            generators: one random generator for each of the ``R`` models.

        Returns:
            Parameters, shape ``(R, length)``.
        """
        if not self.amortised:
            return super().start(dimensions, generators)
        layers = self._layers(dimensions)
        parameters = layers.start(generators)
        parameters[:, -layers.lengths[-1] - layers.lengths[-2] :] = 0
        return parameters

    def _output(self, parameters: Tensor, distances: Tensor) -> Tensor:
        """Returns the parameters of the distribution for each pair, shape ``(R, B, outputs)``."""
        batch = distances.shape[:-1]
        if not self.amortised:
            return parameters[:, None].expand(*batch, -1)
        # Logarithms, because distances range from hundredths to hundreds of nats. No gradient, because the encoder would
        # otherwise learn to encode information for this network in the distances.
        features = distances.detach().clamp(min=1e-3).log().sort(-1).values
        return self._layers(distances.shape[-1])(parameters, 0.5 * features)


class Hypergeometric(_SampledNumber):
    """Samples the number of shared dimensions from Fisher's noncentral hypergeometric distribution.

    The urn has two groups of ``d`` elements, shared and not shared, of which ``d`` are drawn. The only parameter is the weight
    of the shared group. It is learned for each pair from its sorted distances (``amortised``), or for all pairs together. A
    penalty, the Kullback-Leibler divergence from the uniform distribution over ``0 … d``, regularises the distribution.

    Args:
        amortised: whether weights depend on the pair.
        straight_through: whether sampled numbers are whole in the forward pass.

    Example:
        >>> rule = Hypergeometric(amortised=False)
        >>> decision = rule.decide(torch.zeros(1, 1), torch.tensor([[[0.1, 3.0, 0.2]]]), None, 1.0, None)
        >>> decision.law, decision.gates
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
        """Computes the gates of pairs and the distribution of the number of shared dimensions.

        Args:
            parameters: parameters of the rule, shape ``(R, length)``.
            distances: distances of the two posteriors in each dimension, shape ``(R, B, d)``.
            noise: uniform numbers between 0 and 1, shape ``(R, B, d + 1)``; ``None`` takes the expected number.
            temperature: temperature of the relaxed samples.
            num_shared: ignored.

        Returns:
            Gates, penalty, probabilities and log weight of each pair.
        """
        d = distances.shape[-1]
        log_weight = self._output(parameters, distances)[..., 0].clamp(-_LARGEST_LOG_WEIGHT, _LARGEST_LOG_WEIGHT)
        log_weights = torch.stack([log_weight, torch.zeros_like(log_weight)], -1)
        distribution = FisherHypergeometric(d, [d, d], log_weights=log_weights, validate_args=False)
        log_probabilities = distribution.marginal_log_prob()[..., 0, :]
        if noise is None:
            number = distribution.mean[..., 0]
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
        return _decision(distances, log_probabilities, number, log_weight)


class Categorical(_SampledNumber):
    """Samples the number of shared dimensions from a categorical distribution, relaxed by Gumbel-softmax.

    Args:
        amortised: whether probabilities depend on the pair.
    """

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
        """Computes the gates of pairs and the distribution of the number of shared dimensions.

        Args:
            parameters: parameters of the rule, shape ``(R, length)``.
            distances: distances of the two posteriors in each dimension, shape ``(R, B, d)``.
            noise: uniform numbers between 0 and 1, shape ``(R, B, d + 1)``; ``None`` takes the expected number.
            temperature: temperature of the relaxed samples.
            num_shared: ignored.

        Returns:
            Gates, penalty and probabilities of each pair; the log weights are NaN.
        """
        log_probabilities = self._output(parameters, distances).log_softmax(-1)
        counts = torch.arange(log_probabilities.shape[-1], dtype=log_probabilities.dtype)
        relaxed = log_probabilities.exp() if noise is None else ((log_probabilities + _gumbel(noise)) / temperature).softmax(-1)
        nothing = torch.full_like(log_probabilities[..., 0], torch.nan)
        return _decision(distances, log_probabilities, (relaxed * counts).sum(-1).to(distances.dtype), nothing)


def _decision(distances: Tensor, log_probabilities: Tensor, number: Tensor, log_weight: Tensor) -> Decision:
    probabilities = log_probabilities.exp()
    # All numbers are possible, but the probabilities of extreme ones may underflow.
    penalty = (probabilities * log_probabilities.clamp(min=-1e3)).sum(-1) + math.log(probabilities.shape[-1])
    return Decision(closest(distances, number), penalty, probabilities, log_weight)


def _gumbel(uniform: Tensor) -> Tensor:
    return -(-uniform.double().clamp(1e-12, 1 - 1e-12).log()).log()
