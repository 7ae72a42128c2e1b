"""Measures of gradient estimators against estimators whose bias and standard deviation are known."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from scipy import stats
from torch import Tensor

from hypergeo import FisherHypergeometric
from hypergeo.estimators import Exact, ExactMarginal, LinearizedControlVariate, ScoreFunction
from hypergeo.objectives import Absolute, Linear, Quadratic
from hypergeo.quality import agreement
from hypergeo.quality import gradients as gradient_quality
from hypergeo.quality import reference_gradient as gradient_estimates
from hypergeo.quality.agreement import compare_gradients
from hypergeo.quality.gradients import GradientQuality, Measured, Reference, measure_estimator, reference_gradient

LAW = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
EVEN = Quadratic((5.0, 5.0, 5.0))


@dataclass(frozen=True)
class Known:
    """Gives a stated gradient with normal noise, whatever is asked."""

    mean: tuple[float, ...]
    deviation: float

    def surrogate_loss(self, distribution: FisherHypergeometric, objective, num_samples: int, *, generator=None) -> Tensor:
        logs = distribution.log_weights
        gradient = logs.new_tensor(self.mean) + self.deviation * torch.randn(logs.shape, dtype=logs.dtype, generator=generator)
        objective(distribution.mean.detach().expand(num_samples, *logs.shape))
        return ((logs - logs.detach()) * gradient).sum(-1)


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimators are not run again for the clock."""
    monkeypatch.setattr(gradient_quality, "_cost", lambda *_: (8.0, 1e-3))


def measured(estimator, reference: Reference, number: int = 100, objective=EVEN) -> GradientQuality:
    return measure_estimator(LAW, objective, estimator, reference, label="", num_estimates=number, num_evaluations=8)


def within(interval: Measured, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def test_the_reference_is_the_covariance_with_the_objective():
    counts = LAW.enumerate_support()
    probability, values = LAW.log_prob(counts).exp(), EVEN(counts)
    expected = (probability * (values - probability @ values)) @ (counts - LAW.mean)
    reference = reference_gradient(LAW, EVEN)
    assert reference.method == "exact"
    assert reference.gradient == pytest.approx(expected.tolist(), rel=1e-11)
    assert reference.standard_errors == (0, 0, 0)
    assert reference.norm == pytest.approx(expected.norm().item())


def test_a_long_run_covers_the_exact_gradient(monkeypatch):
    """Three components, two urns: 4.9 standard errors each, false alarm 6e-6 in all."""
    exact = reference_gradient(LAW, Absolute((5.0, 5.0, 5.0)))
    monkeypatch.setattr(gradient_estimates, "support_size", lambda _: None)
    run = reference_gradient(LAW, Absolute((5.0, 5.0, 5.0)), num_estimates=200)
    assert run.method == "long run"
    for estimate, error, truth in zip(run.gradient, run.standard_errors, exact.gradient, strict=True):
        assert 0 < error < 0.02 * exact.norm
        assert abs(estimate - truth) < 4.9 * error


def test_intervals_cover_what_is_known(untimed):
    """300 estimators with bias (0.3, −0.3, 0) and noise 0.5: intervals of 95 % miss at most 8.9 % of the time, but for 1e-3.

    Misses of the bias are rarer than 5 % by construction; of deviation, error and p-value they are near it.
    """
    reference = Reference("exact", (3.0, -1.0, -2.0), (0.0, 0.0, 0.0), "")
    estimator = Known((3.3, -1.3, -2.0), 0.5)
    torch.manual_seed(0)
    rows = [measured(estimator, reference) for _ in range(300)]
    bias, deviation = 0.18**0.5, (3 * 0.25) ** 0.5
    truths = {"bias": bias, "deviation": deviation, "rmse": (bias**2 + deviation**2) ** 0.5}
    for name, truth in truths.items():
        missed = sum(not within(getattr(row, name), truth) for row in rows)
        assert missed <= stats.binom.isf(1e-4, 300, 0.055), name
    mean = sum(row.bias.value**2 for row in rows) / 300
    assert mean == pytest.approx(bias**2, rel=0.05)  # less its noise, which would add 0.0075
    assert all(row.relative_bias.value == pytest.approx(row.bias.value / 14**0.5) for row in rows)


def test_without_bias_p_values_are_uniform_or_larger(untimed):
    reference = Reference("exact", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), "")
    torch.manual_seed(1)
    p_values = [measured(Known((0.0, 0.0, 0.0), 1.0), reference, 50).bias_p_value for _ in range(300)]
    for level in (0.3, 0.05):
        assert sum(p <= level for p in p_values) <= stats.binom.isf(1e-6, 300, level)
    assert sum(p <= 0.3 for p in p_values) > 0.15 * 300  # and not much larger


def test_the_error_along_the_gradient_is_that_of_the_mean_projection():
    noise = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    estimates = noise + torch.tensor([3.0, 0.0, 4.0])
    agreement = compare_gradients(estimates, Reference("exact", (3.0, 0.0, 4.0), (0.0, 0.0, 0.0), ""))
    projections = estimates @ torch.tensor([3.0, 0.0, 4.0], dtype=torch.float64) / 25
    assert agreement.along == pytest.approx(float(projections.mean()) - 1)
    assert agreement.along_error == pytest.approx(float(stats.sem(projections.numpy())))


def test_rounding_of_a_reference_is_in_proportion_to_the_objective():
    urn = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
    roundings = [
        reference_gradient(urn, lambda x, scale=scale: scale * x[..., 0], generator=torch.Generator().manual_seed(0)).rounding
        for scale in (1.0, 1e4)
    ]
    assert roundings[1] == pytest.approx(1e4 * roundings[0])
    assert 1e3 * 2.2e-16 < roundings[0] < 1e5 * 2.3e-16


def test_a_doubtful_reference_widens_everything(untimed):
    """The reference has an error of 1.5 standard errors of its own. Without its uncertainty this would count as a bias."""
    estimator = Known((3.0, -1.0, -2.0), 0.1)
    doubtful = Reference("long run", (3.15, -1.15, -2.0), (0.1, 0.1, 0.1), "")
    certain = Reference("exact", (3.15, -1.15, -2.0), (0.0, 0.0, 0.0), "")
    torch.manual_seed(2)
    assert measured(estimator, doubtful, 400).bias_p_value > 0.01
    assert measured(estimator, certain, 400).bias_p_value < 1e-20
    assert measured(estimator, doubtful, 400).bias.low == 0


def test_a_bias_without_noise_is_certain_and_one_below_a_hundredth_is_not_looked_for(untimed):
    reference = Reference("exact", (3.0, 0.0, 4.0), (0.0, 0.0, 0.0), "")
    assert measured(Known((3.2, 0.0, 4.0), 0.0), reference).bias_p_value < 1e-100
    small = measured(Known((3.04, 0.0, 4.0), 0.0), reference)
    assert small.bias_p_value == 1
    assert small.bias.value == pytest.approx(0.04)


def test_skewed_estimates_raise_no_more_alarms_than_they_should(untimed):
    """A rare large value among many small ones, mean zero. Plain t-tests raise six times the alarms of their level, 1 %."""

    class Rare:
        def surrogate_loss(self, distribution: FisherHypergeometric, objective, num_samples: int, *, generator=None) -> Tensor:
            logs = distribution.log_weights
            drawn = (torch.rand(logs.shape, dtype=logs.dtype, generator=generator) < 0.03).to(logs.dtype)
            return ((logs - logs.detach()) * (drawn - 0.03)).sum(-1)

    reference = Reference("exact", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), "")
    torch.manual_seed(3)
    p_values = [measured(Rare(), reference, 400).bias_p_value for _ in range(400)]
    assert sum(p <= 0.01 for p in p_values) <= stats.binom.isf(1e-4, 400, 0.015)


def test_costs_are_counted_and_equalised():
    reference = reference_gradient(LAW, EVEN)
    rows = {type(e).__name__: measured(e, reference, 20) for e in (ScoreFunction(), ExactMarginal(), Exact())}
    assert rows["ScoreFunction"].evaluations == rows["ExactMarginal"].evaluations == 8
    assert rows["Exact"].evaluations == 91
    assert all(row.seconds > 0 for row in rows.values())
    row = rows["ExactMarginal"]
    paid = row.at_cost(24.0, 4 * row.seconds)
    assert paid.rmse_at_equal_evaluations == pytest.approx((row.bias.value**2 + row.deviation.value**2 / 3) ** 0.5)
    assert paid.rmse_at_equal_time == pytest.approx((row.bias.value**2 + row.deviation.value**2 / 4) ** 0.5)


def test_exact_estimators_have_no_bias_no_spread_and_the_right_direction():
    linear = Linear((1.0, 0.0, 0.0))
    reference = reference_gradient(LAW, linear)
    for estimator in (Exact(), ExactMarginal(), LinearizedControlVariate()):
        row = measured(estimator, reference, 20, linear)
        assert row.bias == row.deviation == row.rmse == Measured(0.0, 0.0, 0.0)
        assert row.cosine is not None
        assert row.cosine.value == pytest.approx(1)
        assert row.bias_p_value == 1


def test_many_groups_and_few_estimates_have_the_same_radius():
    """The length of the noise from the smaller of the two Gram matrices, with more groups than estimates and with fewer."""
    torch.manual_seed(4)
    centred = torch.randn(30, 50, dtype=torch.float64)
    centred -= centred.mean(0)
    none = torch.zeros(50, dtype=torch.float64)
    few = agreement._noise_radius(centred, none)
    covariance = centred.T @ centred / 29 / 30
    trace, squares = covariance.trace().item(), covariance.square().sum().item()
    expected = (squares / trace * stats.chi2.ppf(0.95, trace**2 / squares)) ** 0.5
    assert few == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (Known((float("nan"), 0.0, 0.0), 1.0), "gave a gradient that is not finite: nan"),
        (ScoreFunction(), "num_estimates must be at least 2; got 1"),
    ],
)
def test_errors_name_what_is_wrong(estimator, words):
    reference = Reference("exact", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), "")
    with pytest.raises(ValueError, match=words):
        measured(estimator, reference, 1 if "num_estimates" in words else 10)


def test_an_estimator_that_ignores_the_weights_is_named():
    class Constant:
        def surrogate_loss(self, distribution: FisherHypergeometric, objective, num_samples: int, *, generator=None) -> Tensor:
            return objective(distribution.sample((num_samples,), generator=generator)).mean(0)

    with pytest.raises(ValueError, match="must depend on the weights"):
        measured(Constant(), reference_gradient(LAW, EVEN), 10)
