"""Variational clustering: the bound against integrals, its gradient, and recovered clusters."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import Normal

from hypergeo.clustering.scores import score_clusters
from hypergeo.clustering.size_priors import CategoricalSizes, HypergeometricSizes
from hypergeo.clustering.variational.autoencoder import MixtureAutoencoder
from hypergeo.clustering.variational.fit import VariationalClusters, fit_variational_clusters
from hypergeo.clustering.variational.label_priors import LabelPrior
from hypergeo.clustering.variational.mixture import gaussian_scores, start_mixture
from hypergeo.clustering.variational.sampled_labels import SampledLabels
from hypergeo.datasets.labelled import labelled_digits
from hypergeo.distributed import Team
from tests.support.curved_clusters import QUICK, SIZES, curved_clusters


@cache
def fitted(prior: str, num_clusters: int) -> VariationalClusters:
    """Returns the fit of a prior to the curved clusters; several tests share it."""
    return fit_variational_clusters(curved_clusters(0)[0], num_clusters, prior, **QUICK)


@pytest.fixture(scope="module")
def model() -> MixtureAutoencoder:
    """Returns an autoencoder with one latent dimension, two clusters, three columns and generic parameters."""
    model = MixtureAutoencoder(3, 2, 1, (6,), torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        model.means.copy_(torch.tensor([[-1.0], [1.5]]))
        model.log_variances.copy_(torch.tensor([[0.2], [-0.7]]))
        model.log_noise.copy_(torch.tensor(-0.5))
    return model


def shares() -> LabelPrior:
    law = LabelPrior(CategoricalSizes(10, 2))
    law.fit(torch.tensor([7.0, 3.0]))
    return law


def test_scores_are_expectations(model):
    """References are Gauss-Hermite sums, which are exact for normal log-densities under normal distributions."""
    mean, variance = torch.tensor([[0.3], [-2.0]]).double(), torch.tensor([[0.5], [3.0]]).double()
    nodes, weights = (torch.from_numpy(part) for part in np.polynomial.hermite_e.hermegauss(8))
    drawn = mean + variance.sqrt() * nodes
    means, deviations = model.means[:, 0], (0.5 * model.log_variances[:, 0]).exp()
    expected = (Normal(means, deviations).log_prob(drawn[..., None]) * weights[:, None]).sum(1) / weights.sum()
    torch.testing.assert_close(gaussian_scores(mean, variance, model.means, model.log_variances), expected)
    certain = Normal(means, deviations).log_prob(mean)
    torch.testing.assert_close(gaussian_scores(mean, None, model.means, model.log_variances), certain)


@torch.no_grad()
def test_the_bound_is_below_the_evidence_and_as_far_as_the_posterior_is_off(model):
    """log p(x) minus the bound is the divergence of q(z | x) q(c | x) from the exact posterior: both by integration."""
    law, row = shares(), torch.tensor([[0.4, -1.0, 0.2]]).double()
    log_shares = law.log_weights.log_softmax(-1)
    z, step = torch.linspace(-12, 12, 24_001, dtype=torch.float64), 0.001
    clusters = Normal(model.means[:, 0], (0.5 * model.log_variances[:, 0]).exp()).log_prob(z[:, None])
    joint = Normal(model.decoder(z[:, None]), (0.5 * model.log_noise).exp()).log_prob(row).sum(-1)[:, None]
    joint = joint + clusters + log_shares
    evidence = float(joint.flatten().logsumexp(0) + math.log(step))
    mean, log_variance = model.encode(row)
    labels = law.soft_labels(model.scores(mean, log_variance))
    guess = Normal(mean[0], (0.5 * log_variance[0]).exp()).log_prob(z)[:, None] + labels.log()
    off = float((guess.exp() * (guess - (joint - evidence))).sum() * step)
    noise = torch.randn(200_000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    bounds = model(row.expand(len(noise), -1), noise, law.soft_labels) + float((labels * log_shares).sum())
    error = float(bounds.std()) / len(noise) ** 0.5
    assert off > 0.05
    assert float(bounds.mean()) == pytest.approx(evidence - off, abs=5 * error)  # false alarms: 6e-7; error is about 0.003
    assert error < 0.01


def test_no_gradient_is_lost_through_the_labels(model):
    """With optimal labels, the bound's gradient is that of the sum over all labels."""
    law, rows = shares(), torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    noise = torch.randn(6, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    log_shares = law.log_weights.log_softmax(-1)
    held = torch.autograd.grad(model(rows, noise, law.soft_labels).sum(), list(model.parameters()))
    mean, log_variance = model.encode(rows)
    summed = (model.scores(mean, log_variance) + log_shares).logsumexp(-1)
    drawn = model.decoder(mean + (0.5 * log_variance).exp() * noise)
    whole = Normal(drawn, (0.5 * model.log_noise).exp()).log_prob(rows).sum() + summed.sum()
    whole = whole + Normal(mean, (0.5 * log_variance).exp()).entropy().sum()
    for got, expected in zip(held, torch.autograd.grad(whole, list(model.parameters())), strict=True):
        torch.testing.assert_close(got, expected)


def test_a_start_that_keeps_to_limits_is_found():
    points, classes = curved_clusters(3, (50, 50, 50, 50))
    start = start_mixture(torch.from_numpy(points).float(), LabelPrior(HypergeometricSizes(200, 4, capacities=55)), 0)
    assert start.labels.mean.max() <= 55
    scores = gaussian_scores(torch.from_numpy(points).float(), None, start.means, start.log_variances)
    assert score_clusters(classes, start.labels.soft_labels(scores).argmax(-1).numpy()).size_error < 0.05


def test_many_points_start_from_some_that_stand_for_all():
    """Clouds of 4,000 and 2,000 points, twelve standard deviations apart, of which 5,000 are chosen.

    The number of chosen points of a cloud is hypergeometric; bounds are 4.9 standard deviations (false alarms 1e-6).
    """
    points = torch.randn(6000, 2, generator=torch.Generator().manual_seed(0))
    points[4000:] += 12.0
    law = LabelPrior(CategoricalSizes(6000, 2))
    first = torch.tensor([[0.0, 0.0], [12.0, 12.0]])
    start = start_mixture(points, law, 0, first)
    assert start.labels.mean.sum() == pytest.approx(6000)
    deviation = 6000 / 5000 * stats.hypergeom(6000, 4000, 5000).std()
    assert 0 < abs(float(start.labels.mean[0]) - 4000) < 4.9 * deviation
    # Per point, the log-density has mean -1 - log 2π and variance 1, and the label minus its entropy.
    expected = -1 - math.log(2 * math.pi) - float(stats.entropy([4000, 2000]))
    assert start.bound == pytest.approx(expected, abs=4.9 / 5000**0.5)
    torch.testing.assert_close(start.means, first, rtol=0, atol=0.15)
    assert not torch.equal(start_mixture(points, law, 1, first).means, start.means), "another seed chooses other points"


@pytest.mark.parametrize("prior", ["uniform", "categorical", "fisher"])
def test_clusters_are_found(prior):
    points, classes = curved_clusters(0)
    calls: list[tuple[int, int]] = []
    fit = fit_variational_clusters(points, 4, prior, progress=lambda *place: calls.append(place), **QUICK)
    scores = score_clusters(classes, fit.labels, fit.sizes)
    assert scores.accuracy > 0.9
    assert scores.size_error == pytest.approx(1 / 4 + 5 / 180, abs=1e-9) if prior == "uniform" else scores.size_error < 0.05
    assert calls == [(done, 70) for done in range(1, 71)]
    assert fit.sizes.sum() == pytest.approx(180)
    assert len(fit.elbo) == 30
    assert np.mean(fit.elbo[-3:]) > np.mean(fit.elbo[:3]) + 1
    assert fit.log_weights.sum() == pytest.approx(0, abs=1e-9)
    np.testing.assert_array_equal(fit.predict(points), fit.labels)
    np.testing.assert_allclose(fit.soft_labels.sum(1), 1, rtol=1e-5)


def test_results_follow_from_the_seed():
    points, _ = curved_clusters(0)
    runs = [fitted("fisher", 4)] + [fit_variational_clusters(points, 4, seed=seed, **QUICK) for seed in (0, 1)]
    np.testing.assert_array_equal(runs[0].soft_labels, runs[1].soft_labels)
    assert runs[0].elbo == runs[1].elbo != runs[2].elbo


@pytest.mark.parametrize("urn", ["all", "batch"])
def test_limits_are_kept_to(urn):
    """Five clusters for four clouds: without limits one is split or almost empty; capacities of 45 forbid one of 90."""
    points, _ = curved_clusters(0)
    assert fitted("categorical", 5).sizes.max() > 55
    limited = fit_variational_clusters(points, 5, "fisher", capacities=45, urn=urn, **QUICK)
    assert limited.sizes.max() <= 45 + 1e-6
    assert np.bincount(limited.labels).max() <= 45


@pytest.mark.parametrize("urn", ["all", "batch"])
def test_minimum_sizes_are_kept_to(urn):
    """A minimum of 40 for each is more than the smallest two clouds have."""
    points, _ = curved_clusters(0)
    fit = fit_variational_clusters(points, 4, minimum_sizes=40, urn=urn, **QUICK)
    assert fit.sizes.min() >= 40 - 1e-6
    assert np.bincount(fit.labels, minlength=4).min() >= 40


def test_limits_matter_and_weights_alone_do_not_on_digits():
    """Without limits Fisher's and the learned categorical prior agree; the true limit, 183 images of a digit, helps."""
    digits = labelled_digits()
    shared, urn, limited = (
        fit_variational_clusters(digits.points / 16, 10, prior, capacities=capacities)
        for prior, capacities in (("categorical", None), ("fisher", None), ("fisher", 183))
    )
    assert score_clusters(shared.labels, urn.labels).accuracy > 0.97
    assert np.abs(shared.sizes - urn.sizes).sum() / 2 < 0.02 * len(digits.points)
    assert limited.sizes.max() <= 183
    before, after = (score_clusters(digits.classes, fit.labels, fit.sizes) for fit in (shared, limited))
    assert min(before.adjusted_rand_index, after.adjusted_rand_index) > 0.5
    assert after.size_error < 0.03 < before.size_error


def test_the_scale_of_the_data_moves_the_bound_by_its_logarithm():
    small, large = fitted("fisher", 4), fit_variational_clusters(16.0 * curved_clusters(0)[0], 4, **QUICK)
    np.testing.assert_array_equal(small.labels, large.labels)
    assert small.elbo[-1] - large.elbo[-1] == pytest.approx(8 * math.log(16), abs=0.01)


@pytest.mark.parametrize("shape", [(180, 2, 4), (180, 8)])
def test_images_are_rows(shape):
    points = curved_clusters(0)[0].reshape(shape).astype(np.float32)
    fit = fit_variational_clusters(torch.from_numpy(points), 4, **{**QUICK, "pretraining": 1, "epochs": 1})
    assert fit.predict(points[:7]).shape == (7,)


BAD = [
    ({"x": [[1.0, 2.0], [3.0]]}, "x must be a regular array of numbers"),
    ({"x": np.zeros(5)}, r"x must have shape \(N, D\)"),
    ({"x": np.array([[0.0, 1.0], [np.nan, 1.0]])}, "x must be finite; row 1 is not"),
    ({"x": np.ones((9, 3))}, "x must not consist of copies of one point"),
    ({"num_clusters": 0}, "num_clusters must be a whole number between 1 and the 12 points; got 0"),
    ({"num_clusters": 13}, "between 1 and the 12 points; got 13"),
    ({"prior": "normal"}, "prior must be one of hypergeometric, categorical, uniform; got 'normal'"),
    ({"prior": "uniform", "capacities": 6}, "Only the hypergeometric prior has capacities"),
    ({"capacities": 3}, "capacities must leave room for all 12 points"),
    ({"urn": "vase"}, 'urn must be "all" or "batch"; got \'vase\''),
    ({"seed": -1}, "seed must be a whole number of at least 0; got -1"),
    ({"device": "abacus"}, "device must be available"),
    ({"device": "cpu", "team": Team()}, "Give either device or team"),
    ({"team": Team(1, 20)}, "x must have a point for each of the 20 processes; got 12"),
    (
        {"team": Team(0, 5), "labels": "sampled", "urn": "batch"},
        "batch_size, or the number of points .* a multiple of the 5 processes for sampled labels; got 12",
    ),
    (
        {"team": Team(0, 3), "labels": "sampled", "urn": "batch", "batch_size": 7},
        "a multiple of the 3 processes for sampled labels; got 7",
    ),
    ({"depth": 3}, "The settings are latent, hidden, .*; got depth"),
    ({"epochs": 0}, "epochs must be a whole number of at least 1; got 0"),
    ({"hidden": [8, 0]}, "hidden must be a whole number of at least 1; got 0"),
    ({"hidden": 8}, "hidden must be a list of whole numbers; got 8"),
    ({"rate": 0.0}, "rate must be a positive number; got 0.0"),
    ({"noise": math.nan}, "noise must be a number of at least 0; got nan"),
]


@pytest.mark.parametrize(("changes", "words"), BAD)
def test_errors_say_what_is_allowed(changes, words):
    arguments = {"x": np.random.default_rng(0).normal(size=(12, 3)), "num_clusters": 3, **changes}
    with pytest.raises(ValueError, match=words):
        fit_variational_clusters(**arguments)


def test_predict_knows_its_columns():
    fit = fit_variational_clusters(curved_clusters(0)[0], 4, **{**QUICK, "pretraining": 0, "epochs": 1})
    with pytest.raises(ValueError, match="x must have 8 numbers per point, as in training; got 7"):
        fit.predict(np.zeros((2, 7)))


class TestSampledLabels:
    def test_sizes_and_members_are_sampled_together_and_the_sizes_learned(self):
        """The labels are as good as the best soft labels, and the sizes are correct to within a tenth of the points."""
        points, classes = curved_clusters(0)
        fit = fit_variational_clusters(points, 4, urn="batch", labels="sampled", **QUICK)
        assert score_clusters(classes, fit.labels).adjusted_rand_index > 0.9
        assert np.abs(np.sort(fit.sizes) - np.sort(SIZES)).sum() < 0.1 * len(points)

    def test_labels_of_a_batch_keep_within_the_capacities(self):
        prior = LabelPrior(HypergeometricSizes(30, 3, capacities=[20, 15, 5], minimum_sizes=[0, 6, 0], straight_through=True))
        sampled, generator = SampledLabels(prior, rate=0.1), torch.Generator().manual_seed(0)
        scores = torch.zeros(30, 3)
        scores[:, 0] = 5.0
        for _ in range(50):
            one_hot = sampled.sample(scores, generator)
            counts = one_hot.sum(0)
            assert (one_hot.sum(1) == 1).all()
            assert (counts <= torch.tensor([20, 15, 5])).all()
            assert counts[1] >= 6
        assert counts[0] >= 17, "the log weights follow the scores"

    @pytest.mark.parametrize("more", [{"urn": "all"}, {"urn": "batch", "prior": "categorical"}, {"labels": "guessed"}])
    def test_only_batches_with_an_urn_of_their_own_are_sampled(self, more):
        with pytest.raises(ValueError, match="labels"):
            fit_variational_clusters(curved_clusters(0)[0], 4, **{"labels": "sampled", **more})
