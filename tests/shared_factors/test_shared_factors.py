"""Models of image pairs against plain loops, torch's own laws and optimiser, exact fractions and constructed cases."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from hypergeo.datasets import Sprites
from hypergeo.distributed import Team
from hypergeo.shared_factors import PairView, Settings, SharedFactors
from hypergeo.shared_factors.autoencoder import Layers, PairAutoencoder, kl_to_prior, product_of_experts, symmetric_kl
from hypergeo.shared_factors.fixed_rules import (
    AdaptiveThreshold,
    AlwaysHalf,
    Categorical,
    FixedThreshold,
    Hypergeometric,
    Oracle,
    SharingRule,
    Unshared,
    closest,
)
from hypergeo.shared_factors.scores import Collapse, collapse, correlation, masked_r2, match_factors, score

RATE = 1e-6
SMALL = Settings(steps=8, batch=8, hidden=(16, 12))
RULES = {
    "hypergeometric": Hypergeometric(),
    "hypergeometric, global": Hypergeometric(amortised=False),
    "hypergeometric, whole": Hypergeometric(straight_through=True),
    "categorical": Categorical(),
    "categorical, global": Categorical(amortised=False),
    "adavae": AdaptiveThreshold(),
    "threshold": FixedThreshold(1.0),
    "half": AlwaysHalf(),
    "oracle": Oracle(),
    "unshared": Unshared(),
}


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def posteriors(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.randn(2, *shape, generator=generator(seed), dtype=torch.float64)
    return draw[0], draw[1]


# Parts


def test_distances_and_divergences_match_torch():
    mean, log_var = posteriors(4, 2, 3)
    laws = Normal(mean, (0.5 * log_var).exp())
    first, second = (Normal(laws.mean[:, i], laws.stddev[:, i]) for i in (0, 1))
    expected = 0.5 * (kl_divergence(first, second) + kl_divergence(second, first))
    assert torch.allclose(symmetric_kl(mean, log_var), expected)
    assert torch.allclose(kl_to_prior(mean, log_var), kl_divergence(laws, Normal(0.0, 1.0).expand(mean.shape)))


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


# Rules


@pytest.mark.parametrize("log_weight", [-4.0, 0.0, 1.5])
def test_hypergeometric_law_matches_fractions(log_weight):
    d = 5
    weight = Fraction(math.exp(log_weight))
    terms = [math.comb(d, k) ** 2 * weight**k for k in range(d + 1)]
    exact = torch.tensor([float(term / sum(terms)) for term in terms], dtype=torch.float64)
    distances = torch.rand(1, 3, d, generator=generator(2), dtype=torch.float64)
    parameters = torch.full((1, 1), log_weight, dtype=torch.float64, requires_grad=True)
    found = Hypergeometric(amortised=False).decide(parameters, distances, None, 1.0, None)
    assert torch.allclose(found.law, exact.expand(1, 3, -1), atol=1e-12)
    mean = (exact * torch.arange(d + 1)).sum()
    assert torch.allclose(found.gates.sum(-1), mean)
    assert found.penalty[0, 0].item() == pytest.approx(stats.entropy(exact.numpy(), [1 / 6] * 6), abs=1e-12)
    (slope,) = torch.autograd.grad(found.gates.sum(-1)[0, 0], parameters)
    assert slope.item() == pytest.approx((exact * (torch.arange(d + 1) - mean).square()).sum().item(), rel=1e-9)


@pytest.mark.parametrize("rule", [Hypergeometric(amortised=False, straight_through=True), Categorical(amortised=False)])
def test_drawn_numbers_follow_the_law(rule):
    """A chi-squared test of 20,000 draws; a law at a total variation of 0.03 fails with probability above 0.99."""
    d, draws = 4, 20_000
    distances = torch.rand(1, 1, d, generator=generator(3)).expand(1, draws, d)
    parameters = 0.7 * torch.randn(1, rule.length(d), generator=generator(4))
    noise = torch.rand(1, draws, d + 1, generator=generator(5), dtype=torch.float64)
    found = rule.decide(parameters, distances, noise, 1e-3, None)
    counts = torch.bincount(found.gates.sum(-1)[0].round().long(), minlength=d + 1)
    assert stats.chisquare(counts.numpy(), (found.law[0, 0].double() * draws).numpy(), sum_check=False).pvalue > RATE
    assert (found.gates.sum(-1) - found.gates.sum(-1).round()).abs().mean() < 1e-3


def test_rules_without_a_law():
    distances = torch.tensor([[[0.1, 5.0, 0.3, 2.0]]])
    none = torch.zeros(1, 0)
    expected = {"adavae": [1, 0, 1, 1], "threshold": [1, 0, 1, 0], "half": [1, 0, 1, 0], "unshared": [0, 0, 0, 0]}
    for name, gates in expected.items():
        found = RULES[name].decide(none, distances, None, 1.0, None)
        assert found.gates[0, 0].tolist() == gates, name
        assert found.law[0, 0].tolist() == [float(k == sum(gates)) for k in range(5)]
        assert found.penalty.item() == 0
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


# Training


@pytest.mark.parametrize("name", ["half", "unshared", "oracle"])
def test_a_step_against_plain_torch(name):
    """Loss by torch's layers and laws, gradient by autograd on them, a step by torch's Adam; three steps in turn."""
    settings = replace(SMALL, warm_up=0.0, scale=0.3, prior=0.7)
    model = SharedFactors(Sprites(image_size=6), 2, rule=RULES[name], settings=settings, seeds=11)
    own = generator(11)
    model.autoencoder.start([own])
    parameters = model.state()["parameters"].clone().requires_grad_()
    adam = torch.optim.Adam([parameters], lr=settings.learning_rate)
    number = {"half": 2, "unshared": 0, "oracle": 2}[name]
    for _ in range(3):
        pairs = Sprites(image_size=6).pairs(settings.batch, 2, own)
        noise = torch.randn(settings.batch, 3, 5, generator=own)
        torch.rand(settings.batch, 6, generator=own)
        mean, log_var = model.autoencoder.encode(parameters, pairs.images[None])
        laws = Normal(mean[0], (0.5 * log_var[0]).exp())
        nearest = symmetric_kl(mean, log_var)[0].argsort(-1)[:, :number]
        losses = []
        for pair in range(settings.batch):
            latents, divergence = laws.mean[pair] + laws.stddev[pair] * noise[pair, :2], 0.0
            each = kl_divergence(Normal(laws.mean[pair], laws.stddev[pair]), Normal(torch.zeros(2, 5), 1.0))
            for j in range(5):
                if j not in nearest[pair]:
                    divergence = divergence + each[:, j].sum()
                    continue
                precision = laws.variance[pair, :, j].reciprocal()
                together = Normal((precision * laws.mean[pair, :, j]).sum() / precision.sum(), precision.sum() ** -0.5)
                drawn = together.mean + together.stddev * noise[pair, 2, j]
                latents = torch.cat([latents[:, :j], drawn.expand(2, 1), latents[:, j + 1 :]], 1)
                divergence = divergence + kl_divergence(together, Normal(0.0, 1.0))
            seen = model.autoencoder.decode(parameters, latents[None])[0]
            constant = math.log(settings.scale * math.sqrt(2 * math.pi)) * seen.numel()
            error = -(Normal(seen, settings.scale).log_prob(pairs.images[pair]).sum() + constant)
            losses.append(error + 0.7 * divergence)
        loss = torch.stack(losses).mean()
        adam.param_groups[0]["lr"] = settings.rate(model.steps_done)
        adam.zero_grad()
        loss.backward()
        adam.step()
        model.step()
        assert model.record.loss[-1].item() == pytest.approx(loss.item(), rel=1e-5)
        assert torch.allclose(model.state()["parameters"], parameters.detach(), atol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_trains(name):
    model = SharedFactors(Sprites(image_size=6), (0, 5), rule=RULES[name], settings=SMALL, seeds=[1, 2])
    model.step(5)
    record = model.record
    assert len(record) == model.steps_done == 5
    assert torch.allclose(record.estimate[:2], torch.tensor(2.5)), "the warm-up's law has weight one"
    assert torch.allclose(record.law.sum(-1), torch.tensor(1.0), atol=1e-5)
    assert torch.allclose((record.law * torch.arange(6)).sum(-1), record.estimate, atol=1e-5)
    assert bool((record.distances.diff(dim=-1) >= 0).all())
    assert bool((record.log_weight[2:].isnan() != ("hypergeometric" in name)).all())
    for number in (record.loss, record.error, record.divergence, record.penalty, record.adavae):
        assert number.shape == (5, 2)
        assert bool(number.isfinite().all())
    pairs = Sprites(image_size=6).pairs(7, 2, generator(1))
    seen = model.view(pairs.images, pairs.num_shared)
    assert torch.equal(seen.shared.sum(-1), seen.estimate.round().long())
    learned = isinstance(model.rule, (Hypergeometric, Categorical))
    before = model.rule.start(5, [generator(1)])
    assert model.state()["parameters"].shape[1] == model.autoencoder.length + before.shape[1]
    assert (before.shape[1] > 0) == learned == model.rule.learned


def test_the_warm_up_leaves_the_law_alone():
    model = SharedFactors(Sprites(image_size=6), 2, rule=Hypergeometric(amortised=False), settings=SMALL)
    model.step(2)
    assert model.state()["parameters"][0, -1] == 0
    model.step(1)
    assert model.state()["parameters"][0, -1] != 0


def test_steps_do_not_depend_on_company_or_on_how_they_are_taken():
    def made(seeds, shared, *counts):
        model = SharedFactors(Sprites(image_size=6), shared, settings=SMALL, seeds=seeds)
        for count in counts:
            model.step(count)
        return model

    alone, parts, company = made(5, 3, 6), made(5, 3, 1, 5), made([4, 5], [1, 3], 6)
    assert torch.equal(alone.state()["parameters"], parts.state()["parameters"])
    assert torch.equal(alone.record.loss, parts.record.loss)
    assert torch.allclose(alone.state()["parameters"][0], company.state()["parameters"][1], atol=1e-4)
    assert not torch.allclose(company.state()["parameters"][0], company.state()["parameters"][1], atol=1e-2)
    torch.manual_seed(1)
    assert torch.equal(made(5, 3, 6).record.loss, alone.record.loss), "the global generator is left out of it"


def test_rules_go_on_from_one_warm_up():
    """Bit for bit what each rule's own warm-up would have led to."""
    warm = SharedFactors(Sprites(image_size=6), [1, 3], rule=AlwaysHalf(), settings=SMALL, seeds=[5, 6])
    warm.step(2)
    for rule in (Hypergeometric(), Categorical(), Unshared()):
        alone, after = (SharedFactors(Sprites(image_size=6), [1, 3], rule=rule, settings=SMALL, seeds=[5, 6]) for _ in range(2))
        after.take_over(warm)
        alone.step(6)
        after.step(4)
        assert all(torch.equal(value, after.state()[name]) for name, value in alone.state().items() if name != "record")
        assert torch.equal(alone.record.loss, after.record.loss)
    warm.step(1)
    with pytest.raises(ValueError, match="warm-up is over; it has taken 3 steps"):
        after.take_over(warm)
    with pytest.raises(ValueError, match="same data, pairs, seeds and settings"):
        SharedFactors(Sprites(image_size=6), [1, 2], settings=SMALL, seeds=[5, 6]).take_over(warm)


def test_learning_rates_fall_in_a_straight_line_after_the_warm_up():
    settings = Settings(steps=200, warm_up=0.25, learning_rate=4e-3, last_learning_rate=1e-3)
    expected = torch.cat([torch.full((50,), 4e-3), torch.linspace(4e-3, 1e-3, 151), torch.full((9,), 1e-3)])
    assert [settings.rate(step) for step in range(210)] == pytest.approx(expected.tolist(), rel=1e-5)


class _Half(Team):
    """One of two processes, whose means are put together by hand."""

    def mean(self, value: Tensor) -> Tensor:
        return value


def test_halves_of_a_batch_make_the_gradient_of_the_whole():
    """After one step from zero moments Adam's first moment is a tenth of the gradient."""

    def gradient(team: Team) -> Tensor:
        settings = replace(SMALL, warm_up=0.0)
        model = SharedFactors(Sprites(image_size=6), [1, (0, 5)], settings=settings, seeds=[5, 6], team=team)
        model.step(1)
        return model.state()["mean"]

    halves = [gradient(_Half(rank=rank, size=2)) for rank in range(2)]
    whole = gradient(Team())
    assert not torch.allclose(halves[0], halves[1], atol=1e-3)
    assert torch.allclose(sum(halves) / 2, whole, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="multiple of the 3 processes; got 8"):
        gradient(_Half(rank=0, size=3))


def test_states_go_back_and_on():
    model = SharedFactors(Sprites(image_size=6), 2, settings=SMALL)
    model.step(3)
    kept = model.state()
    model.step(3)
    after = model.state()
    model.load_state(kept)
    assert len(model.record) == model.steps_done == 3
    model.step(3)
    assert all(torch.equal(value, after[name]) for name, value in model.state().items())
    fresh = SharedFactors(Sprites(image_size=6), 2, settings=SMALL, seeds=9)
    fresh.load_state(after)
    assert torch.equal(fresh.record.law, model.record.law)
    with pytest.raises(ValueError, match="not the state of a model with these arguments"):
        SharedFactors(Sprites(image_size=8), 2, settings=SMALL).load_state(kept)


def test_pictures_of_a_model():
    model = SharedFactors(Sprites(image_size=6), 2, settings=SMALL, seeds=[0, 1])
    model.step(4)
    images = Sprites(image_size=6).pairs(4, 2, generator(2)).images
    seen = model.view(images)
    assert torch.equal(model.reconstruct(images), model.decode(seen.latents))
    plain = model.decode(seen.mean)
    assert torch.equal(model.swap(images, "shared", torch.arange(4)), plain)
    both = model.decode(torch.where(seen.shared[:, :, None], seen.mean.flip(2), seen.mean))
    assert torch.equal(model.swap(images, "shared"), both)
    assert torch.allclose(model.swap(images, "independent"), both.flip(2), atol=1e-6)
    values = torch.tensor([-1.0, 0.5])
    trips = model.traverse(images, values)
    assert trips.shape == (2, 4, 5, 2, 3, 6, 6)
    moved = seen.mean[:, :, 0].clone()
    moved[..., 3] = 0.5
    assert torch.allclose(trips[:, :, 3, 1], model.decode(moved), atol=1e-6)
    assert torch.allclose(model.view(images.expand(2, *images.shape)).law, seen.law)
    with pytest.raises(ValueError, match=r"images must have shape \(N, 2, 3, 6, 6\)"):
        model.view(images[:, 0])
    with pytest.raises(ValueError, match='part must be "shared" or "independent"'):
        model.swap(images, "all")


@pytest.mark.slow
def test_the_number_is_found_without_labels():
    """Fresh pairs after a short training, for every number but the two ends, and for pairs that differ.

    Numbers are biased towards the middle by up to 0.6 so early, with a standard deviation of 0.1 over seeds; the bound is two
    of those beyond, and 0.7 less than what is off where nothing is learned (2.5 for every number).
    """
    settings = Settings(steps=1_000)
    shared = [1, 2, 3, 4, (0, 5)]
    model = SharedFactors(Sprites(), shared, settings=settings, seeds=[21, 22, 23, 24, 25])
    model.step(settings.steps)
    pairs = [Sprites().pairs(512, each, generator(26)) for each in shared]
    seen = model.view(torch.stack([each.images for each in pairs]))
    found = seen.estimate.mean(1)
    told = f"estimates {found.tolist()}, AdaVAE's {seen.adavae.double().mean(1).tolist()}, nats {seen.information.tolist()}"
    assert (found[:4] - torch.arange(1, 5)).abs().max() < 0.8, told
    assert bool((found[:4].diff() > 0.25).all()), told
    varying = score(seen, pairs)[4]
    assert varying.correlation > 0.7, varying
    assert abs(correlation(seen.adavae[4], pairs[4].num_shared)) < 0.5, "AdaVAE's threshold does not follow the number"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SharedFactors(Sprites(), 6), "shared must be from 0 to 5"),
        (lambda: SharedFactors(Sprites(), [1, 2], seeds=[1]), "one entry for each of 1 seeds; got 2"),
        (lambda: SharedFactors(Sprites(), 2, seeds=[]), "at least one number"),
        (lambda: SharedFactors(Sprites(), 2, dimensions=0), "dimensions must be a whole number of at least 1; got 0"),
        (lambda: Settings(steps=0), "steps must be a whole number of at least 1; got 0"),
        (lambda: Settings(scale=0.0), "scale must be positive; got 0.0"),
        (lambda: Settings(warm_up=1.5), "warm_up must be at least 0 and at most 1; got 1.5"),
        (lambda: Settings(prior=-1.0), "prior must be at least 0; got -1.0"),
        (lambda: FixedThreshold(0.0), "nats must be positive; got 0.0"),
        (lambda: Oracle().decide(torch.zeros(1, 0), torch.rand(1, 2, 3), None, 1.0, None), "The oracle needs labels"),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_names_of_factors_may_be_shared():
    model = SharedFactors(Sprites(image_size=6), ["hue"], settings=SMALL, seeds=[1, 2])
    model.step(1)
    assert model.shared == [["hue"], ["hue"]]


# Measures


def view_of(estimate: Tensor, mean: Tensor, log_var: Tensor | None = None, distances: Tensor | None = None) -> PairView:
    log_var = torch.full_like(mean, -3.0) if log_var is None else log_var
    distances = symmetric_kl(mean, log_var) if distances is None else distances
    d = mean.shape[-1]
    law = torch.nn.functional.one_hot(estimate.round().long(), d + 1).double()
    shared = closest(distances, estimate.round()) > 0.5
    return PairView(mean, log_var, distances, law, estimate, estimate, shared, estimate, mean)


def test_collapse_is_detected_and_named():
    mean = torch.randn(4, 50, 2, 3, generator=generator(1), dtype=torch.float64)
    log_var = torch.full_like(mean, -3.0)
    mean[3, ..., 1], log_var[3, ..., 1] = 0.05, 0.0
    estimate = torch.stack([torch.full((50,), 2.9), torch.full((50,), 0.2), torch.linspace(0, 3, 50), torch.full((50,), 1.0)])
    found = collapse(view_of(estimate.double(), mean, log_var))
    assert found == [
        Collapse(True, False, ()),
        Collapse(False, True, ()),
        Collapse(False, False, ()),
        Collapse(False, False, (1,)),
    ]
    assert [str(each) for each in found] == ["all shared", "none shared", "no collapse", "unused: dimension 2"]
    assert [bool(each) for each in found] == [True, True, False, True]


def test_scores_of_a_perfect_model_and_of_a_blind_one():
    pairs = Sprites().pairs(1_000, (0, 5), generator(2))
    order = torch.tensor([3, 0, 4, 1, 2])
    latents = (pairs.factors.double() * 2 - 1)[..., order] ** 3
    perfect = score(view_of(pairs.num_shared.double()[None], latents[None]), [pairs])[0]
    assert perfect.squared_error == perfect.pooled_squared_error == perfect.bias == 0
    assert perfect.correlation == pytest.approx(1.0)
    assert perfect.pooled_correlation == pytest.approx(1.0)
    assert perfect.mask_accuracy == 1.0
    assert perfect.shared_r2 > 0.8
    assert perfect.independent_r2 > 0.8
    blind_latents = torch.randn(latents.shape, generator=generator(3), dtype=torch.float64)
    blind = score(view_of(torch.full((1, 1_000), 2.0, dtype=torch.float64), blind_latents[None]), [pairs])[0]
    truth = pairs.num_shared.double()
    assert blind.squared_error == pytest.approx((truth - 2).square().mean().item())
    assert blind.bias == pytest.approx(2 - truth.mean().item())
    assert math.isnan(blind.correlation)
    assert blind.shared_r2 < 0.1
    assert blind.independent_r2 < 0.1
    assert abs(blind.mask_accuracy - 0.5) < 0.1


def test_pooling_averages_groups_of_the_same_number():
    pairs = Sprites().pairs(640, (1, 2), generator(4))
    noise = torch.randn(640, generator=generator(5), dtype=torch.float64)
    view = view_of((pairs.num_shared + noise)[None].clamp(0, 5), torch.randn(1, 640, 2, 5, generator=generator(6)).double())
    found = score(view, [pairs])[0]
    assert found.pooled_squared_error < found.squared_error / 5
    assert found.pooled_correlation > found.correlation + 0.2


def test_r2_by_scikit_learn():
    from sklearn.linear_model import Ridge
    from sklearn.metrics import r2_score

    latents = torch.randn(600, 3, generator=generator(7), dtype=torch.float64)
    kept = torch.rand(600, 3, generator=generator(8)) < 0.5
    factors = (latents[:, :1] ** 2 + latents[:, 1:2] + 0.1 * torch.randn(600, 1, generator=generator(9))).double()
    wanted = torch.rand(600, 1, generator=generator(10)) < 0.8
    scaled = (latents - latents.mean(0)) / latents.std(0) * kept
    columns = [torch.ones(600, dtype=torch.float64), *kept.double().T, *scaled.T]
    columns += [scaled[:, i] * scaled[:, j] for i in range(3) for j in range(i, 3)]
    features, rows = torch.stack(columns, 1).numpy(), wanted[:, 0].nonzero()[:, 0].numpy()
    fit, test = rows[::2], rows[1::2]
    target = factors[:, 0].numpy()
    ridge = Ridge(alpha=1e-3 * len(fit), fit_intercept=False).fit(features[fit], target[fit] - target[fit].mean())
    expected = r2_score(target[test], ridge.predict(features[test]) + target[fit].mean())
    assert masked_r2(latents, kept, factors, wanted) == pytest.approx(expected, abs=1e-9)
    assert math.isnan(masked_r2(latents, kept, factors, wanted & False))


def test_factors_are_matched_to_their_dimensions():
    factors = torch.rand(300, 3, generator=generator(11))
    latents = torch.stack(
        [factors[:, 2], torch.rand(300, generator=generator(12)), -(factors[:, 0] ** 5), factors[:, 1].exp()], 1
    )
    assert match_factors(latents, factors).tolist() == [2, 3, 0]
    assert sorted(match_factors(latents[:, :1], factors).tolist()) == [-1, -1, 0]


def test_correlation_by_scipy():
    first, second = torch.randn(2, 30, generator=generator(13), dtype=torch.float64)
    assert correlation(first, second) == pytest.approx(stats.pearsonr(first.numpy(), second.numpy()).statistic)
    assert math.isnan(correlation(first, torch.ones(30)))


def test_rules_say_what_is_missing():
    with pytest.raises(NotImplementedError):
        SharingRule().decide(torch.zeros(1, 0), torch.rand(1, 1, 2), None, 1.0, None)
