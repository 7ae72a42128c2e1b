"""Distances against scipy and enumeration, and the noise floor against what exact samples show."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from hypergeo.quality import distances
from hypergeo.quality.distances import marginal_total_variation, noise_floor, total_variation, wasserstein_distance

URNS = [
    (12, [12, 12, 12], [1.0, 2.0, 4.0]),
    (7, [3, 9], [0.2, 5.0]),
    (15, [4, 0, 9, 6, 11], [1.0, 3.0, 1e-3, 40.0, 0.5]),
    (6, [6], [2.0]),
    (5, [4, 4, 4], [0.0, 1.0, 2.0]),
]


@pytest.mark.parametrize(("total_count", "group_sizes", "weights"), URNS)
@pytest.mark.parametrize("straight_through", [False, True])
def test_wasserstein_distance_is_scipys(total_count, group_sizes, weights, straight_through):
    law = FisherHypergeometric(total_count, group_sizes, weights)
    relaxed = RelaxedFisherHypergeometric(0.7, total_count, group_sizes, weights, straight_through=straight_through)
    samples = relaxed.rsample((301,))
    marginals = law.marginal_log_prob().exp().numpy()
    expected = [
        stats.wasserstein_distance(samples[:, group].numpy(), np.arange(len(row)), None, row)
        for group, row in enumerate(marginals)
    ]
    assert wasserstein_distance(samples, law).item() == pytest.approx(np.mean(expected), rel=1e-11, abs=1e-13)


def test_wasserstein_distance_of_a_batch_is_that_of_its_members():
    temperatures = torch.tensor([0.05, 0.5, 5.0])
    law = FisherHypergeometric(9, [5, 6, 7], [1.0, 2.0, 3.0])
    samples = RelaxedFisherHypergeometric(temperatures, 9, [5, 6, 7], [1.0, 2.0, 3.0]).rsample((64,))
    together = wasserstein_distance(samples, law)
    separate = torch.stack([wasserstein_distance(samples[:, index], law) for index in range(3)])
    torch.testing.assert_close(together, separate)

    weights = torch.tensor([[1.0, 2.0, 3.0], [9.0, 1.0, 1.0]], dtype=torch.float64)
    batch = FisherHypergeometric(9, [5, 6, 7], weights)
    samples = batch.sample((50,))
    separate = torch.stack(
        [wasserstein_distance(samples[:, i], FisherHypergeometric(9, [5, 6, 7], weights[i])) for i in range(2)]
    )
    torch.testing.assert_close(wasserstein_distance(samples, batch), separate)


def test_wasserstein_distance_is_zero_for_the_law_itself_and_grows_by_what_is_moved():
    law = FisherHypergeometric(1, [1, 1])
    support = law.enumerate_support()
    assert wasserstein_distance(support, law).item() == 0
    for shift in (0.25, 3.0):
        assert wasserstein_distance(support + shift, law).item() == pytest.approx(shift, rel=1e-14)


@pytest.mark.parametrize(("total_count", "group_sizes", "weights"), URNS)
def test_total_variation_is_that_of_enumeration(total_count, group_sizes, weights):
    law = FisherHypergeometric(total_count, group_sizes, weights)
    samples = law.sample((40,))
    support = law.enumerate_support()
    frequencies = (samples[:, None] == support).all(-1).double().mean(0)
    expected = (frequencies - law.log_prob(support).exp()).abs().sum() / 2
    torch.testing.assert_close(total_variation(samples, law), expected, rtol=1e-10, atol=1e-12)
    marginals = torch.stack([samples.eq(x).double().mean(0) for x in range(max(group_sizes) + 1)], -1)
    expected = (marginals - law.marginal_log_prob().exp()).abs().sum(-1) / 2
    torch.testing.assert_close(marginal_total_variation(samples, law), expected, rtol=1e-10, atol=1e-12)


def test_total_variation_is_one_for_vectors_that_the_law_cannot_give():
    law = FisherHypergeometric(4, [3, 3], [1.0, 2.0])
    assert total_variation(torch.tensor([[4, 0], [4, 1]]), law).item() == pytest.approx(1)
    both = torch.tensor([[4, 0], [2, 2]])
    inside = law.log_prob(torch.tensor([2.0, 2.0])).exp().item()
    assert total_variation(both, law).item() == pytest.approx((0.5 + abs(0.5 - inside) + 1 - inside) / 2)


@pytest.mark.parametrize("number", [1, 2, 7, 100])
def test_mean_absolute_deviation_is_that_of_the_binomial(number):
    probabilities = torch.tensor([0.0, 1e-9, 0.01, 0.3, 0.5, 2 / 7, 0.999, 1.0], dtype=torch.float64)
    counts = np.arange(number + 1)
    expected = [(stats.binom.pmf(counts, number, p) * np.abs(counts / number - p)).sum() for p in probabilities.tolist()]
    np.testing.assert_allclose(distances._mean_absolute_deviation(number, probabilities), expected, rtol=1e-11, atol=1e-18)


def test_noise_floor_of_two_samples_is_that_of_all_pairs():
    law = FisherHypergeometric(4, [3, 5, 2], [1.0, 0.3, 2.0])
    support = law.enumerate_support()
    probabilities = law.log_prob(support).exp()
    expected = sum(
        probabilities[i] * probabilities[j] * wasserstein_distance(support[[i, j]], law)
        for i, j in itertools.product(range(len(support)), repeat=2)
    )
    assert noise_floor(law, 2, num_replicates=1).mean.item() == pytest.approx(float(expected), rel=1e-11)


def test_noise_floor_is_what_exact_samples_show():
    """False alarm 1e-6. An error of the mean of 4 %, or the 90 % quantile instead, is detected with probability 0.99."""
    law = FisherHypergeometric(15, [10, 10, 10], [1.0, 4.0, 1.0])
    number, sets = 200, 4000
    floor = noise_floor(law, number, num_replicates=4000)
    seen = wasserstein_distance(law.sample((number, sets)), law)
    score = (seen.mean() - floor.mean) / (seen.std() / sets**0.5)
    assert abs(score.item()) < stats.norm.isf(5e-7)
    beyond = int((seen > floor.quantile).sum())
    # The quantile itself comes from as many sets: twice the binomial variance.
    assert abs(beyond - 0.05 * sets) < stats.norm.isf(5e-7) * (2 * sets * 0.05 * 0.95) ** 0.5


def test_noise_floor_in_chunks_and_in_batches(monkeypatch):
    weights = torch.tensor([[1.0, 2.0], [5.0, 1.0]], dtype=torch.float64)
    batch = FisherHypergeometric(6, [8, 9], weights)
    monkeypatch.setattr(distances, "_COUNTS_PER_PART", 1000)
    floor = noise_floor(batch, 50, num_replicates=300)
    assert floor.mean.shape == floor.quantile.shape == (2,)
    for index in range(2):
        single = noise_floor(FisherHypergeometric(6, [8, 9], weights[index]), 50, num_replicates=300)
        torch.testing.assert_close(floor.mean[index], single.mean)
        torch.testing.assert_close(floor.quantile[index], single.quantile, rtol=0.25, atol=0)
        assert floor.quantile[index] > floor.mean[index]


def test_noise_floor_vanishes_where_every_count_is_forced():
    floor = noise_floor(FisherHypergeometric(5, [2, 3], [1.0, 9.0]), 10)
    assert floor.mean.item() == pytest.approx(0, abs=1e-14)
    assert floor.quantile.item() == pytest.approx(0, abs=1e-14)


LAW = FisherHypergeometric(3, [2, 2], [1.0, 2.0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: wasserstein_distance(torch.zeros(5, 3), LAW), r"shape \(S, ..., 2\); got \(5, 3\)"),
        (lambda: wasserstein_distance(torch.zeros(2), LAW), r"got \(2,\)"),
        (lambda: total_variation(torch.tensor([[1.5, 1.5]]), LAW), "samples must be whole counts; got 1.5"),
        (lambda: total_variation(torch.zeros(4, 3, 2), LAW), r"got \(4, 3, 2\)"),
        (lambda: total_variation(torch.ones(4, 2), LAW.expand([3])), r"batch_shape \(3,\)"),
        (lambda: marginal_total_variation(torch.tensor([[3, 0]]), LAW), "between 0 and 2"),
        (lambda: marginal_total_variation(torch.tensor([[0.5, 2.5]]), LAW), "whole counts; got 0.5"),
        (lambda: noise_floor(LAW, 0), "at least 1; got 0"),
        (lambda: noise_floor(LAW, 5, num_replicates=0), "at least 1; got 5 and 0"),
        (lambda: noise_floor(LAW, 5, level=1.0), "between 0 and 1; got 1.0"),
    ],
)
def test_errors_name_what_is_wrong(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_single_precision_laws_are_measured_in_single_precision():
    law = FisherHypergeometric(9, [5, 6, 7], torch.tensor([1.0, 2.0, 3.0]))
    samples = law.sample((100,))
    assert samples.dtype == torch.float32
    wide = FisherHypergeometric(9, [5, 6, 7], [1.0, 2.0, 3.0])
    torch.testing.assert_close(
        wasserstein_distance(samples, law).double(), wasserstein_distance(samples.double(), wide), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(noise_floor(law, 100).mean.double(), noise_floor(wide, 100).mean, rtol=1e-3, atol=1e-5)
