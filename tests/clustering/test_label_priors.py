"""Priors of labels against enumerated orders of filling an urn's places, and their soft labels against all labellings."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch

from hypergeo import FisherHypergeometric
from hypergeo.clustering.size_priors import size_prior
from hypergeo.clustering.variational.label_priors import LabelPrior


def labels(prior: str, points: int, clusters: int, **bounds: object) -> LabelPrior:
    return LabelPrior(size_prior(prior, points, clusters, **bounds))


def fisher(total: int, capacities: list[int], log_weights: list[float], minimum: object = None) -> LabelPrior:
    law = labels("hypergeometric", total, len(capacities), capacities=capacities, minimum_sizes=minimum)
    law.log_weights = torch.tensor(log_weights, dtype=torch.float64)
    return law


def labellings(points: int, clusters: int) -> torch.Tensor:
    """Returns all labellings, one-hot, shape ``(K^n, n, K)``."""
    every = torch.tensor(list(itertools.product(range(clusters), repeat=points)))
    return torch.nn.functional.one_hot(every, clusters).double()


def posterior(law: LabelPrior, scores: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Enumerates all labellings.

    Args:
        law: prior of labels.
        scores: log-likelihoods of points in clusters, shape ``(n, K)``.

    Returns:
        Exact posterior probabilities of labels, shape ``(n, K)``, and the log-evidence.
    """
    every = labellings(*scores.shape)
    joint = (every * scores).sum((-1, -2)) + law.log_prob(every.sum(1))
    return (joint.softmax(0)[:, None, None] * every).sum(0), float(joint.logsumexp(0))


def test_places_taken_one_by_one_in_every_order():
    capacities, weights, total = [3, 2, 2], [Fraction(1), Fraction(3), Fraction(1, 2)], 4
    places = [cluster for cluster, places in enumerate(capacities) for _ in range(places)]
    tally: Counter[tuple[int, ...]] = Counter()
    for taken in itertools.permutations(range(len(places)), total):
        labels = tuple(places[place] for place in taken)
        tally[labels] += math.prod(weights[label] for label in labels)
    law = fisher(total, capacities, [math.log(weight) for weight in weights])
    every = labellings(total, 3)
    probabilities = law.log_prob(every.sum(1)).exp()
    expected = [float(Fraction(tally[tuple(row.argmax(-1).tolist())], sum(tally.values()))) for row in every]
    torch.testing.assert_close(probabilities, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0)
    assert 0 in expected, "labellings that need more places than there are must be among them"
    assert float(probabilities.sum()) == pytest.approx(1, abs=1e-12)


def test_fishers_law_over_the_number_of_orders():
    capacities, logs = [9, 5, 7], [0.3, -1.0, 0.7]
    law = fisher(12, capacities, logs)
    urn = FisherHypergeometric(12, capacities, log_weights=torch.tensor(logs, dtype=torch.float64))
    counts = urn.enumerate_support()
    orders = math.lgamma(13) - torch.lgamma(counts + 1).sum(-1)
    torch.testing.assert_close(law.log_prob(counts), urn.log_prob(counts) - orders, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("law", [labels("uniform", 5, 3), labels("categorical", 5, 3)])
def test_other_laws_sum_to_one(law):
    law.fit(torch.tensor([1.0, 1.5, 2.5]))
    assert float(law.log_prob(labellings(5, 3).sum(1)).exp().sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("points", "capacity"), [(4, 4), (6, 6), (6, 12)])
def test_at_expected_counts_it_is_a_little_above_its_expectation(points, capacity):
    law = fisher(points, [capacity] * 3, [0.5, -0.2, 0.0])
    soft = torch.softmax(2 * torch.randn(points, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(points)), -1)
    every = labellings(points, 3)
    chances = (every * soft + (1 - every)).prod(-1).prod(-1)  # of labellings, where labels are independent
    assert float(chances.sum()) == pytest.approx(1, abs=1e-12)
    expected = float((chances * law.log_prob(every.sum(1))).sum())
    gap = float(law.log_prob(soft.sum(0))) - expected
    predicted = float(0.5 * ((soft * (1 - soft)).sum(0) / (capacity - soft.sum(0))).sum())
    assert gap > 0
    assert gap == pytest.approx(predicted, rel=0.35)


def objective(law: LabelPrior, scores: torch.Tensor, rest: torch.Tensor, share: float, soft: torch.Tensor) -> torch.Tensor:
    """Returns the objective of soft labels, shape ``()``.

    Args:
        law: prior of labels.
        scores: log-likelihoods of points in clusters, shape ``(n, K)``.
        rest: expected counts of all other points, shape ``(K,)``.
        share: number of points that each row stands for.
        soft: probabilities of labels, shape ``(n, K)``.
    """
    own = share * ((soft * scores).sum() + torch.special.entr(soft).sum())
    return own + law.log_prob(rest + share * soft.sum(0))


@pytest.mark.parametrize(
    ("capacities", "logs", "rest", "share"),
    [
        ([40, 40, 40], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 1.0),
        ([20, 16, 9], [1.0, -1.0, 0.0], [0.0, 0.0, 0.0], 1.0),
        ([14, 14, 12], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 1.0),
        ([20, 16, 9], [3.0, 0.0, 0.0], [9.3, 4.2, 6.5], 1.0),
        ([20, 16, 9], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 2.0),
        ([40, 40, 40], [15.0, 0.0, -15.0], [0.0, 0.0, 0.0], 1.0),
    ],
)
def test_soft_labels_are_the_best(capacities, logs, rest, share):
    """The labels are stationary, and the objective is concave. The gradient's scale is that of the scores, a few nats."""
    law = fisher(40, capacities, logs)
    rest = torch.tensor(rest, dtype=torch.float64)
    rows = round((40 - float(rest.sum())) / share)
    generator = torch.Generator().manual_seed(1)
    scores = 3 * torch.randn(rows, 3, dtype=torch.float64, generator=generator) + torch.tensor([4.0, 0.0, 0.0])
    soft = law.soft_labels(scores, rest, share)
    torch.testing.assert_close(soft.sum(-1), torch.ones(rows, dtype=torch.float64))
    assert bool((rest + share * soft.sum(0) < torch.tensor(capacities) + 1).all())
    slope = scores + law.log_weights - torch.log(soft.clamp(min=1e-300))
    slope = slope + torch.digamma(torch.tensor(capacities) - rest - share * soft.sum(0) + 1)
    weighted = soft * (slope - (soft * slope).sum(-1, keepdim=True))
    assert float(weighted.abs().max()) < 1e-6
    best = objective(law, scores, rest, share, soft)
    for scale in (1e-3, 1e-1, 1.0):
        shaken = soft.clamp(min=1e-300).log() + scale * torch.randn(rows, 3, dtype=torch.float64, generator=generator)
        assert objective(law, scores, rest, share, shaken.softmax(-1)) <= best + 1e-9


def test_soft_labels_are_near_the_exact_posterior():
    """Places for 6 of 7 similar points: the exact answer needs an enumeration of all 2,187 labellings."""
    law = fisher(7, [6, 6, 3], [0.0, 0.0, 0.0])
    scores = torch.randn(7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) + torch.tensor([0.0, 0.0, 1.5])
    exact, evidence = posterior(law, scores)
    soft = law.soft_labels(scores)
    ignoring = scores.softmax(-1)
    assert float((soft - exact).abs().max()) < 0.06
    assert float((soft - exact).abs().max()) < 0.4 * float((ignoring - exact).abs().max())
    every = labellings(7, 3)
    chances = (every * soft + (1 - every)).prod(-1).prod(-1)
    allowed = every.sum(1)[:, 2] <= 3
    assert float(chances[allowed].sum()) > 0.6
    assert float(objective(law, scores, torch.zeros(3), 1.0, soft)) == pytest.approx(evidence, abs=1.0)


def test_soft_labels_do_not_depend_on_a_shift_of_all_scores_of_a_point():
    """Shifts of ±1e10 cancel in the dual, whose rounding errors then stop the line search; scores keep an error of 2e-6."""
    for seed in range(10):
        scores = 3 * torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        scores += torch.tensor([4.0, 0.0, 0.0])
        shift = 1e10 * torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(20)[:, None]
        plain, shifted = (fisher(40, [20, 16, 9], [1.0, -1.0, 0.0]).soft_labels(each) for each in (scores, scores + shift))
        torch.testing.assert_close(shifted, plain, rtol=0, atol=1e-4)


@pytest.mark.parametrize("prior", ["uniform", "categorical", "hypergeometric"])
def test_offsets_give_an_additional_point_the_label_of_an_equal_one(prior):
    """A point among 400 hardly changes the free places: its soft label is that of its score and the offsets."""
    law = fisher(400, [200, 120, 90], [1.0, -1.0, 0.0]) if prior == "hypergeometric" else labels(prior, 400, 3)
    scores = 2 * torch.randn(400, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    soft = law.soft_labels(scores)
    torch.testing.assert_close((scores + law.offsets()).softmax(-1), soft, rtol=0, atol=1e-3)
    if prior == "hypergeometric":
        assert float((scores.softmax(-1) - soft).abs().max()) > 0.05, "the offsets matter"


def test_labels_of_independent_points_are_exact():
    law = labels("categorical", 5, 3)
    law.fit(torch.tensor([1.0, 1.5, 2.5]))
    scores = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(law.soft_labels(scores), posterior(law, scores)[0])


@pytest.mark.parametrize("capacities", [300, [120, 200, 260, 90]])
def test_fitted_weights_expect_the_counts(capacities):
    law = labels("hypergeometric", 300, 4, capacities=capacities)
    counts = torch.tensor([100.25, 150.0, 30.75, 19.0], dtype=torch.float64)
    law.fit(counts)
    torch.testing.assert_close(law.mean, counts, rtol=0, atol=2e-3)
    roughly = labels("hypergeometric", 300, 4, capacities=capacities)
    roughly.fit(counts, roughly=True)
    torch.testing.assert_close(roughly.mean, counts, rtol=0, atol=1.0)
    slope = torch.autograd.functional.jacobian(
        lambda logs: fitted_log_prob(law, logs, counts), law.log_weights, create_graph=False
    )
    assert float(slope.abs().max()) < 2e-3


def fitted_log_prob(law: LabelPrior, logs: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    kept, law.log_weights = law.log_weights, logs
    result = law.log_prob(counts)
    law.log_weights = kept
    return result


def test_many_places_make_labels_independent():
    """For large m a taken place changes little: the relative difference from independent probabilities is n² / m."""
    logs = torch.tensor([0.5, -0.2, 0.0], dtype=torch.float64)
    law, free = fisher(5, [10**8] * 3, logs.tolist()), labels("categorical", 5, 3)
    free.log_weights = logs
    counts = labellings(5, 3).sum(1)
    torch.testing.assert_close(law.log_prob(counts), free.log_prob(counts), rtol=0, atol=3e-7)
    assert float((fisher(5, [5] * 3, logs.tolist()).log_prob(counts) - free.log_prob(counts)).abs().max()) > 0.5


def test_full_and_empty_clusters_keep_finite_weights():
    law = labels("hypergeometric", 30, 3, capacities=[20, 20, 20])
    law.fit(torch.tensor([20.0, 10.0, 0.0]))
    assert bool(law.log_weights.isfinite().all())
    torch.testing.assert_close(law.mean, torch.tensor([19.5, 10.0, 0.5], dtype=torch.float64), rtol=0, atol=0.1)
    exactly = labels("hypergeometric", 30, 3, capacities=[15, 10, 5])
    exactly.fit(torch.tensor([15.0, 10.0, 5.0]))
    assert exactly.mean.tolist() == pytest.approx([15, 10, 5])
    assert bool(exactly.log_weights.isfinite().all())


@pytest.mark.parametrize("start", [[80.0, 10.0, 10.0], [20.0, 40.0, 40.0]])
def test_without_limits_learned_weights_are_learned_shares(start):
    """For m = N, weights and free places are equivalent to mixing weights: both priors end at the same labels."""
    scores = 2 * torch.randn(100, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    scores += torch.tensor([2.0, 0.0, 0.5])
    ends = []
    for law in (labels("hypergeometric", 100, 3), labels("categorical", 100, 3)):
        law.fit(torch.tensor(start))
        for _ in range(300):
            soft = law.soft_labels(scores)
            law.fit(soft.sum(0))
        ends.append((soft, law.mean))
    torch.testing.assert_close(ends[0][0], ends[1][0], rtol=0, atol=5e-3)
    torch.testing.assert_close(ends[0][1], ends[1][1], rtol=0, atol=0.3)


def test_limits_that_bind_are_kept_to_and_shares_do_not_know_them():
    generator = np.random.default_rng(6)
    scores = torch.from_numpy(generator.normal(size=(100, 3))) + torch.tensor([5.0, 0.0, 0.0])
    limited, free = labels("hypergeometric", 100, 3, capacities=[50, 40, 40]), labels("categorical", 100, 3)
    for law in (limited, free):
        for _ in range(20):
            soft = law.soft_labels(scores)
            law.fit(soft.sum(0))
    assert limited.mean[0] <= 50
    assert free.mean[0] > 95


@pytest.mark.parametrize(
    ("prior", "bounds", "words"),
    [
        ("poisson", {}, "prior must be one of hypergeometric, categorical, uniform; got 'poisson'"),
        ("uniform", {"capacities": 4}, "Only the hypergeometric prior has capacities; this one is uniform"),
        ("hypergeometric", {"capacities": [1, 2, 2]}, "add up to 5"),
        ("hypergeometric", {"capacities": [1.5, 9, 9]}, "capacities must be whole numbers"),
        ("hypergeometric", {"capacities": [9, 9]}, "capacities must be a whole number or 3 of them"),
        (
            "hypergeometric",
            {"minimum_sizes": 3},
            r"not add up to more than the 6 points; \[3, 3, 3\] add up to 9",
        ),
        ("hypergeometric", {"minimum_sizes": -1}, "minimum_sizes must be whole numbers, zero or more"),
        (
            "hypergeometric",
            {"capacities": [1, 6, 6], "minimum_sizes": 2},
            r"minimum_sizes must be at most the capacities, \[1, 6, 6\]; got \[2, 2, 2\]",
        ),
    ],
)
def test_errors(prior, bounds, words):
    with pytest.raises(ValueError, match=words):
        labels(prior, 6, 3, **bounds)


def test_bounds_of_a_prior_can_be_read_and_changed():
    prior = size_prior("hypergeometric", 6, 3, capacities=4, minimum_sizes=[1, 0, 2])
    assert (prior.capacities.tolist(), prior.minimum_sizes.tolist()) == ([4, 4, 4], [1, 0, 2])
    prior.minimum_sizes = None
    assert prior.minimum_sizes.tolist() == [0, 0, 0]


def test_places_that_must_be_taken_come_first():
    """Three of five points take one place of cluster 0 and two of cluster 1, the others further places of the urn.

    All assignments of points to places are enumerated, with fractions.
    """
    capacities, minimum, weights, total = [3, 3, 2], [1, 2, 0], [Fraction(1), Fraction(3), Fraction(1, 2)], 5
    tally: Counter[tuple[int, ...]] = Counter()
    further = [cluster for cluster in range(3) for _ in range(capacities[cluster] - minimum[cluster])]
    for chosen in itertools.combinations(range(len(further)), total - sum(minimum)):
        counts = [least + sum(further[place] == cluster for place in chosen) for cluster, least in enumerate(minimum)]
        tally[tuple(counts)] += math.prod(weights[further[place]] for place in chosen)
    law = fisher(total, capacities, [math.log(weight) for weight in weights], minimum)
    every = labellings(total, 3)
    probabilities = law.log_prob(every.sum(1)).exp()
    assert float(probabilities.sum()) == pytest.approx(1, abs=1e-12)
    for counts, ways in tally.items():
        same = (every.sum(1) == torch.tensor(counts)).all(-1)
        expected = float(Fraction(ways, sum(tally.values())) / int(same.sum()))
        torch.testing.assert_close(probabilities[same], torch.full((int(same.sum()),), expected, dtype=torch.float64))
    mean = sum(torch.tensor(counts).double() * float(Fraction(ways, sum(tally.values()))) for counts, ways in tally.items())
    torch.testing.assert_close(law.mean, mean)


@pytest.mark.parametrize(
    ("capacities", "minimum", "rest"),
    [
        ([40, 40, 40], [0, 15, 15], [0.0, 0.0, 0.0]),
        ([20, 16, 12], [5, 11, 12], [0.0, 0.0, 0.0]),
        ([20, 16, 12], [0, 12, 12], [9.3, 4.2, 6.5]),
    ],
)
def test_soft_labels_with_minimum_sizes_are_the_best(capacities, minimum, rest):
    """The labels are stationary, by automatic differentiation, and the objective is concave."""
    law = fisher(40, capacities, [1.0, -1.0, 0.0], minimum)
    rest = torch.tensor(rest, dtype=torch.float64)
    rows = round(40 - float(rest.sum()))
    generator = torch.Generator().manual_seed(1)
    scores = 3 * torch.randn(rows, 3, dtype=torch.float64, generator=generator) + torch.tensor([4.0, 0.0, 0.0])
    soft = law.soft_labels(scores, rest)
    counts = rest + soft.sum(0)
    assert bool((counts > torch.tensor(minimum) - 1).all())
    assert bool((counts < torch.tensor(capacities) + 1).all())
    logits = soft.log().requires_grad_()
    (slope,) = torch.autograd.grad(objective(law, scores, rest, 1.0, logits.softmax(-1)), logits)
    assert float(slope.abs().max()) < 1e-6
    free = fisher(40, capacities, [1.0, -1.0, 0.0]).soft_labels(scores, rest).sum(0) + rest
    assert bool((free < torch.tensor(minimum) - 1).any()), "a bound must matter"


def test_fitted_weights_keep_to_minimum_sizes():
    law = labels("hypergeometric", 300, 4, capacities=[300, 200, 100, 30], minimum_sizes=[10, 10, 60, 30])
    law.fit(torch.tensor([150.25, 59.75, 60.0, 30.0]))
    torch.testing.assert_close(law.mean, torch.tensor([150.0, 59.5, 60.5, 30.0], dtype=torch.float64), rtol=0, atol=0.3)
    assert bool(law.log_weights.isfinite().all())
