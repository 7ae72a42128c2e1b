"""Cases that no other test covers: refusals, fits without a finite maximum, and gradients of one argument alone."""

from __future__ import annotations

import pytest
import torch

from hypergeo import FisherHypergeometric, RelaxedFisherHypergeometric
from hypergeo.distributions.fitting import fit_weights


@pytest.mark.parametrize("value", [1.5, -0.1, float("nan")])
def test_quantiles_of_what_is_no_probability_are_refused(value: float) -> None:
    law = FisherHypergeometric(3, [2, 3, 1])
    with pytest.raises(ValueError, match=f"between 0 and 1; got {value}"):
        law.icdf(torch.tensor([0.5, value, 0.5]))


def test_urns_of_different_numbers_of_groups_have_no_divergence() -> None:
    with pytest.raises(ValueError, match="same number of groups; got 3 and 2"):
        torch.distributions.kl_divergence(FisherHypergeometric(3, [2, 3, 1]), FisherHypergeometric(3, [2, 3]))


@pytest.mark.parametrize("by_logarithm", [False, True])
def test_a_batch_of_temperatures_makes_a_batch_of_one_urn(by_logarithm: bool) -> None:
    weights = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    arguments = {"log_weights": weights.log()} if by_logarithm else {"weights": weights}
    heat = torch.tensor([[1e-3], [1.0]], dtype=torch.float64)
    law = RelaxedFisherHypergeometric(heat, torch.tensor([5, 6, 7]), [4, 5, 6], **arguments)
    assert law.batch_shape == law.temperature.shape == law.total_count.shape == (2, 3)
    assert law.group_sizes.shape == law.weights.shape == law.log_weights.shape == (2, 3, 3)
    torch.testing.assert_close(law.weights, weights.expand(2, 3, 3))
    samples = law.rsample((4,))
    torch.testing.assert_close(samples.sum(-1), torch.tensor([5.0, 6.0, 7.0]).double().expand(4, 2, 3))
    assert ((samples[:, 0] - samples[:, 0].round()).abs() < 0.4).all(), "at 0.001 nearly whole"
    with pytest.raises(ValueError, match=r"temperature of shape \(2,\) must broadcast with batch_shape \(3,\)"):
        RelaxedFisherHypergeometric(heat[:, 0], torch.tensor([5, 6, 7]), [4, 5, 6])


def test_relaxed_samples_have_no_density() -> None:
    with pytest.raises(NotImplementedError, match="base_dist"):
        RelaxedFisherHypergeometric(1.0, 3, [2, 3]).log_prob(torch.tensor([1.0, 2.0]))


def test_a_fit_that_may_take_one_step_says_that_it_did_not_converge() -> None:
    counts = FisherHypergeometric(15, [10, 10, 10], [1.0, 5.0, 20.0]).sample((50,))
    short = fit_weights(counts, [10, 10, 10], max_iterations=1)
    assert (short.converged, short.iterations) == (False, 1)
    assert short.standard_errors.isnan().all()
    full = fit_weights(counts, [10, 10, 10])
    assert full.converged
    assert full.iterations > 1
    assert full.log_likelihood > short.log_likelihood


def test_groups_that_separate_one_by_one_are_blocks_of_one() -> None:
    """The first group is drawn whole whenever the second count is positive, yet neither is at a bound in every row."""
    fit = fit_weights([[2, 0], [3, 1]], [3, 3])
    assert sorted(fit.blocks) == [(0,), (1,)]
    assert not fit.converged
    assert fit.log_weights.tolist() == [0.0, 0.0]


def test_urns_too_wide_to_be_told_apart_by_one_number() -> None:
    """With twelve groups of hundreds, rows are compared number by number, and equal ones are still combined."""
    generator = torch.Generator().manual_seed(0)
    sizes = torch.randint(100, 400, (3, 12), generator=generator)
    weights = torch.rand(12, generator=generator, dtype=torch.float64) + 0.5
    repeated = sizes[torch.tensor([0, 1, 2, 0, 1, 0])]
    counts = FisherHypergeometric(600, repeated, weights).sample()
    fit = fit_weights(counts, repeated)
    assert fit.converged
    mean = FisherHypergeometric(600, repeated, fit.weights).mean
    torch.testing.assert_close(mean.sum(0), counts.sum(0), rtol=1e-9, atol=0)


@pytest.mark.parametrize("straight_through", [False, True])
def test_a_gradient_in_the_temperature_alone_is_that_of_both(straight_through: bool) -> None:
    total, sizes, logs = 14, [6, 9, 4, 7], torch.tensor([0.0, 1.0, -0.7, 0.7], dtype=torch.float64)
    noise = RelaxedFisherHypergeometric(1.0, total, sizes, log_weights=logs).sample_noise((20,))
    gradients = []
    for leaf in (logs.clone(), logs.clone().requires_grad_()):
        heat = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
        law = RelaxedFisherHypergeometric(heat, total, sizes, log_weights=leaf, straight_through=straight_through)
        gradients.append(torch.autograd.grad(law.rsample((20,), noise)[..., 0].sum(), heat)[0])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=1e-12)
    assert gradients[0] != 0
