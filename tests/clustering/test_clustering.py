"""Clusters with learned sizes: recovered sizes, respected limits, and independence of order, units and common generators."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics
from sklearn.mixture import GaussianMixture
from torch import Tensor

from hypergeo import FisherHypergeometric
from hypergeo.clustering import Schedule, SizedClusters, fit_clusters
from hypergeo.clustering.kmeans import kmeans_plus_plus, lloyd, squared_distances
from hypergeo.clustering.scores import score_clusters
from hypergeo.clustering.size_priors import HypergeometricSizes, size_prior
from hypergeo.clustering.transport_plan import assignment_loss
from hypergeo.datasets.blobs import gaussian_blobs

BLOBS = gaussian_blobs([60, 25, 10, 5], 6.0, seed=3)
SHORT = Schedule(steps=40)


def size_error(blobs: object, fit: object) -> float:
    return score_clusters(blobs.classes, fit.labels.numpy(), fit.sizes.numpy()).size_error


@pytest.mark.parametrize(
    "settings", [{}, {"straight_through": True}, {"conditionals": "merged"}, {"temperature": 0.5}], ids=str
)
def test_sizes_are_recovered(settings: dict[str, object]) -> None:
    """Clouds at a distance of six deviations: at most one of a hundred points is misplaced, so an error of 2 % is generous."""
    fit = fit_clusters(BLOBS.points, 4, restarts=2, schedule=Schedule(steps=100), **settings)
    scores = score_clusters(BLOBS.classes, fit.labels.numpy(), fit.sizes.numpy())
    assert scores.size_error < 0.02
    assert scores.accuracy > 0.98
    assert fit.width == pytest.approx(1.0, abs=0.15)
    means = fit.means.numpy()[np.argsort(scores.matched)]
    assert np.abs(means - BLOBS.centres).max() < 5 / math.sqrt(5)


def test_weights_walk_from_equal_ones() -> None:
    model = SizedClusters(BLOBS.points, 4, equal_start=True, restarts=2)
    first = model.evaluate()
    torch.testing.assert_close(first.sizes, torch.full((2, 4), 25.0, dtype=torch.float64))
    model.step(150)
    last = model.evaluate()
    best = int(last.loss.argmin())
    assert float(last.loss[best]) < float(first.loss[best]) - 30
    assert sorted(last.sizes[best].round().tolist()) == pytest.approx([5, 10, 25, 60], abs=1.5)


def test_without_limits_the_loss_is_the_likelihood_of_a_mixture() -> None:
    """Reference: expectation-maximization of the same model, from the best means; both priors must agree with it."""
    blobs = gaussian_blobs([90, 40, 20], 3.0, seed=5)
    x = torch.from_numpy(blobs.points)
    fits = {prior: fit_clusters(x, 3, restarts=2, prior=prior) for prior in ("categorical", "hypergeometric")}
    means, shares, variance = torch.from_numpy(blobs.centres), torch.full((3,), 1 / 3, dtype=torch.float64), torch.ones(())
    for _ in range(2_000):
        logits = shares.log() - squared_distances(x, means[None])[0] / (2 * variance)
        share = logits.softmax(-1)
        shares = share.mean(0)
        means = share.T @ x / share.sum(0)[:, None]
        variance = (share * squared_distances(x, means[None])[0]).sum() / (2 * len(x))
    likelihood = (logits.logsumexp(-1) - (2 * math.pi * variance).log()).sum()
    for prior, fit in fits.items():
        assert fit.loss == pytest.approx(-float(likelihood), abs=0.05), prior
        torch.testing.assert_close(fit.sizes.sort().values, (150 * shares).sort().values, rtol=0, atol=1.0)


def test_uniform_sizes_stay_uniform_and_cost_more() -> None:
    uniform = fit_clusters(BLOBS.points, 4, prior="uniform", restarts=2)
    learned = fit_clusters(BLOBS.points, 4, prior="categorical", restarts=2)
    assert uniform.sizes.tolist() == [25.0] * 4
    assert size_error(BLOBS, uniform) == pytest.approx(0.35)
    torch.testing.assert_close(uniform.plan.sum(0), uniform.sizes, rtol=1e-6, atol=0)
    assert uniform.loss > learned.loss + 20
    assert uniform.log_weights.tolist() == [0.0] * 4


def test_a_fit_shows_itself() -> None:
    fit = fit_clusters(BLOBS.points, 4, restarts=2, schedule=SHORT)
    assert repr(fit).startswith("ClusterFit(100 points in 4 clusters of expected sizes ")
    assert "\n" not in repr(fit)
    table = fit._repr_html_()
    assert table.count("<tr>") == 5
    assert all(f"<td>{int(count)}</td>" in table for count in torch.bincount(fit.labels))


def test_the_first_restarts_are_the_same_however_many_there_are() -> None:
    together = SizedClusters(BLOBS.points, 4, restarts=3, seed=9)
    fewer = SizedClusters(BLOBS.points, 4, restarts=2, seed=9)
    alone = SizedClusters(BLOBS.points, 4, seed=9)
    for model in (together, fewer, alone):
        model.step(20)
    for other in (fewer, alone):
        number = other.restarts
        torch.testing.assert_close(together.means[:number], other.means, rtol=1e-7, atol=1e-7)
        torch.testing.assert_close(together.log_weights[:number], other.log_weights, rtol=1e-7, atol=1e-7)
        torch.testing.assert_close(together.evaluate().loss[:number], other.evaluate().loss, rtol=1e-9, atol=1e-7)


def test_everything_follows_from_the_seed_and_the_steps() -> None:
    first, again, other = (SizedClusters(BLOBS.points, 4, seed=seed, start=BLOBS.centres) for seed in (1, 1, 2))
    torch.manual_seed(1)
    first.step(5)
    torch.manual_seed(2)
    for _ in range(5):
        again.step()
    other.step(5)
    assert torch.equal(first.means, again.means)
    assert torch.equal(first.drawn, again.drawn)
    assert not torch.equal(first.drawn, other.drawn)
    before = torch.random.get_rng_state()
    first.step(2)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_saved_state_goes_on_as_if_nothing_had_happened() -> None:
    model = SizedClusters(BLOBS.points, 4, seed=4, restarts=2)
    model.step(7)
    saved = model.state_dict()
    model.step(6)
    elsewhere = SizedClusters(BLOBS.points, 4, seed=4, restarts=2)
    elsewhere.step(1)
    elsewhere.load_state_dict(saved)
    elsewhere.step(6)
    assert elsewhere.steps_done == 13
    assert torch.equal(model.means, elsewhere.means)
    assert torch.equal(model.drawn, elsewhere.drawn)
    model.load_state_dict(saved)
    model.step(6)
    assert torch.equal(model.log_weights, elsewhere.log_weights)


def test_a_weight_dragged_by_hand_comes_back() -> None:
    """From the true centres, with one weight multiplied by twelve, the sizes are right again after 100 steps."""
    model = SizedClusters(BLOBS.points, 4, start=BLOBS.centres, temperature=2.0, schedule=Schedule(steps=None))
    model.step(5)
    model.log_weights = model.log_weights + torch.tensor([0.0, 0.0, 0.0, 2.5])
    assert model.log_weights.mean() == pytest.approx(0.0, abs=1e-12)
    assert float(model.evaluate().sizes[0, 3]) > 15
    model.step(100)
    assert model.evaluate().sizes[0].tolist() == pytest.approx([60, 25, 10, 5], abs=5)


def test_settings_may_be_edited_between_steps() -> None:
    model = SizedClusters(BLOBS.points, 4, start=BLOBS.centres)
    model.step()
    assert not torch.equal(model.drawn, model.drawn.round())
    model.prior.temperature = 0.2
    model.prior.straight_through = True
    model.step()
    assert torch.equal(model.drawn, model.drawn.round())
    exact = model.prior.draw(model._log_weights, model._generators(1))
    model.prior.conditionals = "merged"
    assert not torch.equal(exact, model.prior.draw(model._log_weights, model._generators(1)))
    model.step()
    model.prior.straight_through = False
    model.prior.capacities = [70, 70, 70, 3]
    model.step(3)
    assert float(model.evaluate().sizes[0, 3]) <= 3
    model.means = model.means + 0.1
    model.width = [2.0]
    assert model.width.tolist() == pytest.approx([2.0])
    model.steps_done = 0
    model.step()
    assert model.steps_done == 1


def test_the_gradient_in_the_weights_is_that_of_the_loss() -> None:
    """Central differences of the whole solution, through sampled sizes and assignment, with fixed noise.

    Two clusters have one split of the sample, whose gradient is exact (see RelaxedFisherHypergeometric).
    """
    model = SizedClusters(BLOBS.points, 2, seed=2)
    cost = model._cost().detach()
    logs = torch.tensor([[0.5, -0.5]], dtype=torch.float64, requires_grad=True)

    def loss(logs: Tensor) -> Tensor:
        return assignment_loss(cost, model.prior.draw(logs, [np.random.default_rng(8)]))[0].sum()

    (gradient,) = torch.autograd.grad(loss(logs), logs)
    for k in range(2):
        step = torch.zeros_like(logs)
        step[0, k] = 1e-5
        with torch.no_grad():
            slope = float(loss(logs + step) - loss(logs - step)) / 2e-5
        assert float(gradient[0, k]) == pytest.approx(slope, rel=1e-5)
    assert float(gradient.abs().max()) > 0.1


def test_the_mean_of_the_law_is_exact_and_its_gradient_nearly_so() -> None:
    prior = HypergeometricSizes(200, 3, capacities=[100, 150, 200])
    logs = torch.tensor([[0.3, -0.5, 0.2]], dtype=torch.float64, requires_grad=True)
    law = FisherHypergeometric(200, [100, 150, 200], log_weights=logs.detach())
    mean = prior.mean(logs)
    torch.testing.assert_close(mean.detach(), law.mean)
    rows = torch.stack([torch.autograd.grad(mean[0, k], logs, retain_graph=True)[0][0] for k in range(3)])
    torch.testing.assert_close(rows, law.covariance_matrix[0], rtol=0.02, atol=0)
    torch.testing.assert_close(rows.sum(-1), torch.zeros(3, dtype=torch.float64), atol=1e-10, rtol=0)


@pytest.mark.parametrize("prior", ["hypergeometric", "categorical", "uniform"])
def test_weights_for_counts_give_those_counts(prior: str) -> None:
    counts = torch.tensor([[120.0, 60.0, 20.0, 0.0]])
    sizes = size_prior(prior, 200, 4)
    mean = sizes.mean(sizes.log_weights_for(counts))
    wanted = counts.double() if prior != "uniform" else torch.full((1, 4), 50.0, dtype=torch.float64)
    torch.testing.assert_close(mean, wanted, rtol=0, atol=1.0)
    assert mean.sum().item() == pytest.approx(200)


def test_draws_average_to_the_mean_where_they_are_whole() -> None:
    """Straight-through sizes follow Fisher's distribution: 2,000 samples, z-tests of all means at a total level of 1e-6."""
    prior = HypergeometricSizes(40, 3, capacities=[20, 30, 40], straight_through=True)
    logs = torch.tensor([[1.0, 0.0, -1.0]], dtype=torch.float64).expand(2_000, 3)
    drawn = prior.draw(logs, [np.random.default_rng(i) for i in range(2_000)])
    error = (drawn.mean(0) - prior.mean(logs[:1])[0]) / (drawn.std(0) / math.sqrt(2_000))
    assert float(error.abs().max()) < 5.2


@pytest.mark.parametrize("prior", ["hypergeometric", "categorical"])
def test_float32_and_large_offsets(prior: str) -> None:
    """Points keep their single precision; a large common offset is subtracted before distances lose their digits."""
    exact = fit_clusters(BLOBS.points, 4, prior=prior, start=BLOBS.centres, restarts=1, schedule=SHORT)
    single = fit_clusters(BLOBS.points.astype(np.float32), 4, prior=prior, start=BLOBS.centres, restarts=1, schedule=SHORT)
    moved = fit_clusters(BLOBS.points + 1e7, 4, prior=prior, start=BLOBS.centres + 1e7, restarts=1, schedule=SHORT)
    assert single.means.dtype == single.sizes.dtype == single.plan.dtype == torch.float32
    torch.testing.assert_close(single.sizes.double(), exact.sizes, rtol=0, atol=0.2)
    torch.testing.assert_close(moved.sizes, exact.sizes, rtol=0, atol=0.01)
    torch.testing.assert_close(moved.means - 1e7, exact.means, rtol=0, atol=1e-3)


@pytest.mark.parametrize("unit", [1e-4, 1e-290, 1e300])
def test_other_units_change_nothing_but_the_units(unit: float) -> None:
    """Units also make squares of the numbers overflow or underflow."""
    start = BLOBS.centres
    plain = fit_clusters(BLOBS.points, 4, start=start, restarts=1, schedule=SHORT)
    scaled = fit_clusters(unit * BLOBS.points, 4, start=unit * start, restarts=1, schedule=SHORT)
    torch.testing.assert_close(scaled.sizes, plain.sizes, rtol=1e-6, atol=1e-6)
    assert scaled.width == pytest.approx(unit * plain.width, rel=1e-6)
    assert scaled.loss == pytest.approx(plain.loss + 200 * math.log(unit), abs=1e-3)


def test_repeated_points_and_clusters_without_any_do_no_harm() -> None:
    points = torch.tensor([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0]])
    fit = fit_clusters(points, 3, restarts=3, schedule=SHORT)
    assert all(bool(value.isfinite().all()) for value in (fit.means, fit.sizes, fit.plan, fit.losses))
    assert float(fit.sizes.sum()) == pytest.approx(6, abs=1e-4)
    one = fit_clusters(points, 1, restarts=1, schedule=SHORT)
    assert one.sizes.tolist() == pytest.approx([6.0])


def test_progress_is_told() -> None:
    calls = []
    fit_clusters(BLOBS.points, 2, restarts=1, schedule=Schedule(steps=3), progress=lambda *now: calls.append(now))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"points": [1.0, 2.0]}, r"points must have shape \(N, D\)"),
        ({"points": [["a", "b"]]}, "regular array of numbers"),
        ({"points": [[0.0, 1.0], [math.nan, 2.0]]}, r"row 1 is \[nan, 2.0\]"),
        ({"points": [[3.0, 1.0], [3.0, 1.0]]}, "not all be the same"),
        ({"num_clusters": 7}, "between 1 and the number of points, 3; got 7"),
        ({"num_clusters": 2.0}, "whole number"),
        ({"restarts": 0}, "of at least 1; got 0"),
        ({"seed": -1}, "of at least 0; got -1"),
        ({"prior": "normal"}, "must be one of hypergeometric, categorical, uniform; got 'normal'"),
        ({"prior": "uniform", "temperature": 2.0}, "Only the hypergeometric prior has temperature"),
        ({"colour": 1}, "has the settings capacities, minimum_sizes, temperature, straight_through, conditionals; got colour"),
        ({"capacities": [1, 1]}, "room for all 3 points; .* add up to 2"),
        ({"capacities": [2, 2, 2]}, "a whole number or 2 of them"),
        ({"capacities": [2.5, 2]}, "whole numbers, zero or more"),
        ({"temperature": 0.0}, "temperature must be a positive number; got 0.0"),
        ({"conditionals": "both"}, '"exact" or "merged"; got \'both\''),
        ({"start": [[0.0, 0.0]]}, r"start must be finite, of shape \(2, 2\) or \(1, 2, 2\)"),
    ],
)
def test_errors_name_what_is_wrong(arguments: dict[str, object], words: str) -> None:
    usual = {"points": [[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]], "num_clusters": 2} | arguments
    with pytest.raises(ValueError, match=words):
        SizedClusters(**usual)


def test_edits_that_do_not_fit_are_named() -> None:
    model = SizedClusters(BLOBS.points, 4)
    with pytest.raises(ValueError, match=r"log_weights must have shape \(1, 4\); got \(3,\)"):
        model.log_weights = [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="width must be finite and above zero"):
        model.width = [0.0]
    with pytest.raises(ValueError, match="steps=None"):
        fit_clusters(BLOBS.points, 4, schedule=Schedule(steps=None))


def test_initial_means_are_sampled_by_squared_distance() -> None:
    """Pairs of two initial means of four points, 4,000 restarts; false alarm 1e-6.

    Power: 0.14 of the probability after one of the means that goes to another point is seen with probability 0.99.
    """
    points = torch.tensor([[0.0], [1.0], [3.0], [4.0]])
    means = kmeans_plus_plus(points, 2, [np.random.default_rng(i) for i in range(4_000)])[..., 0]
    squares = (points - points.T).square().double()
    expected = 4_000 * (squares / squares.sum(-1, keepdim=True) / 4)
    observed = torch.tensor(
        [[float(((means == torch.stack([a, b])).all(-1)).sum()) for b in points[:, 0]] for a in points[:, 0]]
    )
    possible = expected > 0
    assert float(observed[~possible].sum()) == 0
    assert stats.chisquare(observed[possible].numpy(), expected[possible].numpy()).pvalue > 1e-6


def test_kmeans_plus_plus_spreads_and_lloyd_descends() -> None:
    points = torch.from_numpy(BLOBS.points)
    means = kmeans_plus_plus(points, 4, [np.random.default_rng(i) for i in range(400)])
    nearest = squared_distances(torch.from_numpy(BLOBS.centres), means).argmin(-1)
    reached = torch.tensor([len(set(row.tolist())) for row in nearest])
    uniform = points[torch.randint(len(points), (400, 4))]
    by_chance = torch.tensor(
        [len(set(row.tolist())) for row in squared_distances(torch.from_numpy(BLOBS.centres), uniform).argmin(-1)]
    )
    assert reached.double().mean() > by_chance.double().mean() + 0.2  # distinct clouds that four means reach
    widths = [lloyd(points, means, steps)[2] for steps in range(6)]
    for before, after in itertools.pairwise(widths):
        assert (after <= before + 1e-12).all()
    _, counts, width = lloyd(points, means, 5)
    assert counts.sum(-1).tolist() == [100] * 400
    away = squared_distances(points, lloyd(points, means, 5)[0])
    torch.testing.assert_close(width, (away.amin(-1).sum(-1) / 200).sqrt())


def test_scores_agree_with_their_definitions() -> None:
    """References: sums over all pairs of points, and over all pairs of a class and a cluster."""
    random = np.random.default_rng(0)
    for classes, clusters in ((3, 3), (4, 2), (2, 5), (1, 3), (1, 1)):
        true, labels = random.integers(classes, size=60), random.integers(clusters, size=60)
        labels = np.where(random.random(60) < 0.6, true % clusters, labels)
        scores = score_clusters(true, labels)
        pairs = list(itertools.combinations(range(60), 2))
        same = np.array([(true[i] == true[j], labels[i] == labels[j]) for i, j in pairs])
        chance, most = same[:, 0].sum() * same[:, 1].sum() / len(pairs), same.sum() / 2
        rand = 1.0 if most == chance else (same.all(1).sum() - chance) / (most - chance)
        assert scores.adjusted_rand_index == pytest.approx(rand, abs=1e-12)
        joint = np.array([[np.mean((true == a) & (labels == b)) for b in range(clusters)] for a in range(classes)])
        entropies = [-sum(p * math.log(p) for p in shares if p > 0) for shares in (joint.sum(0), joint.sum(1), joint.ravel())]
        both = (entropies[0] + entropies[1]) / 2
        information = 1.0 if both == 0 else (entropies[0] + entropies[1] - entropies[2]) / both
        assert scores.mutual_information == pytest.approx(information, abs=1e-12)
        again = score_clusters(true, labels[::-1], np.bincount(labels))
        assert 0 <= again.size_error <= 1
    exact = score_clusters([0, 0, 1, 2], [2, 2, 0, 1])
    assert (exact.adjusted_rand_index, exact.accuracy, exact.size_error) == (1.0, 1.0, 0.0)
    assert score_clusters([0, 0, 0, 0], [0, 0, 1, 1]).size_error == 0.5
    with pytest.raises(ValueError, match="of one length"):
        score_clusters([0, 1], [0])
    with pytest.raises(ValueError, match="whole numbers from zero"):
        score_clusters([0, 1], [0.0, 1.0])
    with pytest.raises(ValueError, match="a number for each of 2 clusters"):
        score_clusters([0, 1], [0, 1], [2])


def test_scikit_learns_mixture_agrees_where_clouds_are_apart() -> None:
    mixture = GaussianMixture(4, covariance_type="tied", means_init=BLOBS.centres, random_state=0).fit(BLOBS.points)
    ours = fit_clusters(BLOBS.points, 4, restarts=2, schedule=SHORT)
    assert metrics.adjusted_rand_score(mixture.predict(BLOBS.points), ours.labels.numpy()) > 0.97
