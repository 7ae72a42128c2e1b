"""Networks, divergences and sharing rules against plain loops, integrals and exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Normal

from hypergeo.datasets import Sprites
from hypergeo.shared_factors.autoencoder import Layers, PairAutoencoder, kl_to_prior, product_of_experts, symmetric_kl
from hypergeo.shared_factors.fixed_rules import (
    Categorical,
    FixedThreshold,
    Hypergeometric,
    Oracle,
    SharingRule,
    closest,
)
from tests.support.sharing_rules import RULES, generator

RATE = 1e-6


def posteriors(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.randn(2, *shape, generator=generator(seed), dtype=torch.float64)
    return draw[0], draw[1]


def test_divergences_are_the_integrals_that_define_them():
    """Kullback-Leibler divergences by the trapezoidal rule, which is accurate to rounding for such smooth functions."""
    mean, log_var = posteriors(4, 2, 3)
    grid = torch.linspace(-60, 60, 60_001, dtype=torch.float64)

    def log_density(mean: Tensor, log_var: Tensor) -> Tensor:
        return -0.5 * (
            (grid - mean[..., None]).square() / log_var.exp()[..., None] + (2 * math.pi * log_var.exp()).log()[..., None]
        )

    def divergence(first: Tensor, second: Tensor) -> Tensor:
        return torch.trapezoid(first.exp() * (first - second), grid)

    density = log_density(mean, log_var)
    first, second = density.unbind(1)
    torch.testing.assert_close(symmetric_kl(mean, log_var), 0.5 * (divergence(first, second) + divergence(second, first)))
    standard = log_density(torch.zeros(()).double(), torch.zeros(()).double())
    torch.testing.assert_close(kl_to_prior(mean, log_var), divergence(density, standard))


def test_product_of_experts_is_the_product_of_densities():
    mean, log_var = posteriors(2, 1)
    grid = torch.linspace(-30, 30, 200_001, dtype=torch.float64)
    density = Normal(mean, (0.5 * log_var).exp()).log_prob(grid).sum(0).exp()
    density /= density.sum()
    centre = (density * grid).sum()
    found_mean, found_log_var = product_of_experts(mean, log_var)
    assert found_mean.item() == pytest.approx(centre.item(), abs=1e-8)
    assert found_log_var.exp().item() == pytest.approx((density * (grid - centre).square()).sum().item(), rel=1e-6)


def test_networks_side_by_side_are_networks_one_by_one():
    examples = torch.rand(9, 3, 4, 4, generator=generator(2))
    autoencoder = PairAutoencoder((3, 4, 4), 5, (7, 6), examples)
    parameters = autoencoder.start([generator(seed) for seed in (3, 4, 5)])
    parameters += 0.1 * torch.randn(parameters.shape, generator=generator(6))
    images = torch.rand(3, 2, 2, 3, 4, 4, generator=generator(7))
    mean, log_var = autoencoder.encode(parameters, images)
    seen = autoencoder.decode(parameters, mean)
    centre, spread = examples.mean(0), (examples - examples.mean(0)).square().mean().sqrt()
    for model, row in enumerate(parameters):
        value, begin = ((images[model] - centre) / spread).flatten(-3), 0
        outputs = []
        for layers in (autoencoder.encoder, autoencoder.decoder):
            for layer, (inward, outward) in enumerate(zip(layers.widths, layers.widths[1:], strict=False)):
                weight = row[begin : begin + inward * outward].view(inward, outward)
                begin += inward * outward
                bias = row[begin : begin + outward]
                begin += outward
                value = torch.nn.functional.linear(value.relu() if layer else value, weight.T, bias)
            outputs.append(value)
            value = value[..., :5]
        assert begin == autoencoder.length
        assert torch.allclose(torch.cat([mean[model], log_var[model]], -1), outputs[0], atol=1e-5)
        assert torch.allclose(seen[model], centre + spread * outputs[1].unflatten(-1, (3, 4, 4)), atol=1e-5)


def test_networks_start_with_signals_of_one_size():
    """Weights as He's rule says; posteriors narrow, their means of the prior's size, first reconstructions near the mean."""
    weights, biases = Layers([400, 30, 4]).start([generator(0)])[0].split([12_000, 154])
    assert stats.kstest((weights * (400 / 6) ** 0.5).double().numpy(), "uniform", args=(-1, 2)).pvalue > RATE
    assert biases[:30].abs().max() == 0
    images, _ = Sprites().sample(200, generator(1))
    autoencoder = PairAutoencoder((3, 12, 12), 5, (64, 64), images)
    parameters = autoencoder.start([generator(seed) for seed in range(4)])
    mean, log_var = autoencoder.encode(parameters, images.expand(4, *images.shape))
    assert 0.3 < mean.square().mean().sqrt() < 3
    assert bool((log_var.mean((1, 2)) < -2).all())
    seen = autoencoder.decode(parameters, mean)
    assert (seen - images.mean(0)).square().mean() < 0.1 * (images - images.mean(0)).square().mean()


@pytest.mark.parametrize("number", [0.0, 0.4, 1.0, 2.7, 4.0])
def test_closest_dimensions_by_counting(number):
    distances = torch.rand(20, 4, generator=generator(1))
    gates = closest(distances, torch.full((20,), number))
    assert torch.allclose(gates.sum(-1), torch.tensor(number))
    for row, gate in zip(distances.tolist(), gates.tolist(), strict=True):
        nearer = [sum(other < own for other in row) for own in row]
        assert gate == pytest.approx([min(max(number - rank, 0.0), 1.0) for rank in nearer], abs=1e-6)


def test_gates_pass_gradients_to_the_number():
    number = torch.tensor([1.3, 2.6], requires_grad=True)
    closest(torch.tensor([[3.0, 1.0, 2.0]] * 2), number)[:, 2].sum().backward()
    assert number.grad.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("log_weight", [-4.0, 0.0, 1.5])
def test_hypergeometric_law_matches_fractions(log_weight):
    d = 5
    weight = Fraction(math.exp(log_weight))
    terms = [math.comb(d, k) ** 2 * weight**k for k in range(d + 1)]
    exact = torch.tensor([float(term / sum(terms)) for term in terms], dtype=torch.float64)
    distances = torch.rand(1, 3, d, generator=generator(2), dtype=torch.float64)
    parameters = torch.full((1, 1), log_weight, dtype=torch.float64, requires_grad=True)
    result = Hypergeometric(amortised=False).decide(parameters, distances, None, 1.0, None)
    assert torch.allclose(result.law, exact.expand(1, 3, -1), atol=1e-12)
    mean = (exact * torch.arange(d + 1)).sum()
    assert torch.allclose(result.gates.sum(-1), mean)
    assert result.penalty[0, 0].item() == pytest.approx(stats.entropy(exact.numpy(), [1 / 6] * 6), abs=1e-12)
    (slope,) = torch.autograd.grad(result.gates.sum(-1)[0, 0], parameters)
    assert slope.item() == pytest.approx((exact * (torch.arange(d + 1) - mean).square()).sum().item(), rel=1e-9)


@pytest.mark.parametrize("rule", [Hypergeometric(amortised=False, straight_through=True), Categorical(amortised=False)])
def test_drawn_numbers_follow_the_law(rule):
    """A chi-squared test of 20,000 samples; a distribution at a total variation of 0.03 fails with probability above 0.99."""
    d, draws = 4, 20_000
    distances = torch.rand(1, 1, d, generator=generator(3)).expand(1, draws, d)
    parameters = 0.7 * torch.randn(1, rule.length(d), generator=generator(4))
    noise = torch.rand(1, draws, d + 1, generator=generator(5), dtype=torch.float64)
    result = rule.decide(parameters, distances, noise, 1e-3, None)
    counts = torch.bincount(result.gates.sum(-1)[0].round().long(), minlength=d + 1)
    assert stats.chisquare(counts.numpy(), (result.law[0, 0].double() * draws).numpy(), sum_check=False).pvalue > RATE
    assert (result.gates.sum(-1) - result.gates.sum(-1).round()).abs().mean() < 1e-3


def test_rules_without_a_law():
    distances = torch.tensor([[[0.1, 5.0, 0.3, 2.0]]])
    none = torch.zeros(1, 0)
    expected = {"adavae": [1, 0, 1, 1], "threshold": [1, 0, 1, 0], "half": [1, 0, 1, 0], "unshared": [0, 0, 0, 0]}
    for name, gates in expected.items():
        result = RULES[name].decide(none, distances, None, 1.0, None)
        assert result.gates[0, 0].tolist() == gates, name
        assert result.law[0, 0].tolist() == [float(k == sum(gates)) for k in range(5)]
        assert result.penalty.item() == 0
    assert Oracle().decide(none, distances, None, 1.0, torch.tensor([[3]])).gates[0, 0].tolist() == [1, 0, 1, 1]
    each = FixedThreshold(torch.tensor([0.2, 3.0])).decide(none, distances.expand(2, 1, 4), None, 1.0, None)
    assert each.gates.sum(-1).flatten().tolist() == [1, 3]


def test_amortised_laws_start_even_and_see_sorted_distances_only():
    distances = torch.rand(1, 6, 4, generator=generator(6)) * 10
    for rule in (Hypergeometric(), Categorical()):
        start = rule.start(4, [generator(7)])
        law = rule.decide(start, distances, None, 1.0, None).law
        assert torch.allclose(law, law[:, :1].expand_as(law))
        other = start + 0.3 * torch.randn(start.shape, generator=generator(8))
        law = rule.decide(other, distances, None, 1.0, None).law
        assert law.std(1).max() > 1e-3
        assert torch.allclose(law, rule.decide(other, distances.flip(-1), None, 1.0, None).law)
        with pytest.raises(RuntimeError, match="does not require grad"):
            rule.decide(other, distances.clone().requires_grad_(), None, 1.0, None).law.sum().backward()


def test_rules_say_what_is_missing():
    with pytest.raises(NotImplementedError):
        SharingRule().decide(torch.zeros(1, 0), torch.rand(1, 1, 2), None, 1.0, None)
