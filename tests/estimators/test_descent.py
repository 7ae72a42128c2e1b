"""Descents against torch's own optimizers and plain loops, and exact expectations against rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from hypergeo import FisherHypergeometric
from hypergeo.estimators import Exact, ExactMarginal, GumbelSoftmax, LinearizedControlVariate, ScoreFunction, StraightThrough
from hypergeo.estimators.descent import DescentRun, descend
from hypergeo.estimators.expectation import ListedUrn, expected_separable
from tests.support.reference import RationalUrn

URN = (7, (4, 6, 5))
LOGS = [0.0, 0.7, -0.4]
STATES = ("log_weights", "means", "losses", "exact_gradients")


def objective(x: torch.Tensor) -> torch.Tensor:
    """Returns an objective that is not a sum over the groups."""
    return (x[..., 0] - 3).square() + x[..., 1] * x[..., 2]


def separable(x: torch.Tensor) -> torch.Tensor:
    return (x[..., 0] - 3).abs() + x[..., 2].log1p()


def run(estimator=None, *, steps: int = 6, **options):
    options = {"learning_rate": 0.1, "num_samples": 4, "seed": 3, **options}
    return descend(estimator or ExactMarginal(), objective, *URN, LOGS, steps=steps, **options)


@pytest.mark.parametrize(("optimizer", "maker"), [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)])
def test_steps_are_those_of_a_plain_training_loop(optimizer, maker):
    torch.manual_seed(3)
    logs = torch.tensor(LOGS, dtype=torch.float64, requires_grad=True)
    walker = maker([logs], lr=0.05)
    for _ in range(12):
        walker.zero_grad()
        ScoreFunction().surrogate_loss(FisherHypergeometric(*URN, log_weights=logs), objective, 4).backward()
        walker.step()
    record = run(ScoreFunction(), steps=12, learning_rate=0.05, optimizer=optimizer)
    expected = (logs - logs.mean()).detach().numpy()
    np.testing.assert_allclose(record.log_weights[-1], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "estimator", [GumbelSoftmax(0.5), StraightThrough(0.5, "merged"), ScoreFunction(), LinearizedControlVariate()]
)
def test_steps_do_not_depend_on_how_many_are_made_at_a_time(estimator):
    whole = run(estimator, steps=9)
    options = {"learning_rate": 0.1, "num_samples": 4, "seed": 3}
    parts = DescentRun(estimator, objective, *URN, LOGS, **options)
    for steps in (1, 0, 3, 5):
        parts.advance(steps)
        torch.rand(7)  # other random numbers have no effect
    for name in ("log_weights", "gradients", "values", "evaluations"):
        np.testing.assert_array_equal(getattr(parts.record, name), getattr(whole, name), err_msg=name)
    for name in STATES:  # sums over batches of other lengths round otherwise
        np.testing.assert_allclose(getattr(parts.record, name), getattr(whole, name), rtol=1e-12, atol=1e-12, err_msg=name)
    early = whole.until(4)
    assert len(early) == 4
    assert early.losses.shape == (5,)
    np.testing.assert_array_equal(early.means, whole.means[:5])


def test_the_global_generator_is_put_back():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    run(ScoreFunction())
    assert torch.equal(torch.rand(3), expected)


def test_records_are_exact():
    record = run(StraightThrough(0.5), steps=5)
    for logs, mean, loss, gradient in zip(*(getattr(record, name) for name in STATES), strict=True):
        law = RationalUrn(URN[0], URN[1], tuple(np.exp(logs).tolist())).law
        p = {x: float(probability) for x, probability in law.items()}
        f = {x: float(objective(torch.tensor(x, dtype=torch.float64))) for x in p}
        expected = np.array([sum(p[x] * x[k] for x in p) for k in range(3)])
        value = sum(p[x] * f[x] for x in p)
        slope = np.array([sum(p[x] * (f[x] - value) * (x[k] - expected[k]) for x in p) for k in range(3)])
        np.testing.assert_allclose(mean, expected, atol=1e-12)
        np.testing.assert_allclose(loss, value, atol=1e-12)
        np.testing.assert_allclose(gradient, slope, atol=1e-11)


def test_long_lists_are_done_without():
    listed = run(Exact(), steps=3)
    unknown = run(Exact(), steps=3, most=5)
    np.testing.assert_allclose(unknown.log_weights, listed.log_weights, atol=1e-12)
    np.testing.assert_allclose(unknown.means, listed.means, atol=1e-11)
    assert np.isnan(unknown.losses).all()
    assert np.isnan(unknown.exact_gradients).all()
    options = {"steps": 3, "learning_rate": 0.1, "num_samples": 1, "seed": 0}
    short = descend(Exact(), separable, *URN, LOGS, **options)
    long = descend(Exact(), separable, *URN, LOGS, **options, separable=True, most=5)
    np.testing.assert_allclose(long.losses, short.losses, atol=1e-11)
    np.testing.assert_allclose(long.exact_gradients, short.exact_gradients, atol=1e-10)


def test_evaluations_are_counted():
    assert run(ScoreFunction(), steps=2).evaluations.tolist() == [4, 4]
    assert run(Exact(), steps=1).evaluations.tolist() == [len(RationalUrn(*URN, (1, 1, 1)).law)]
    assert run(LinearizedControlVariate(), steps=1).evaluations[0] > 4
    assert (run().seconds > 0).all()


def test_exact_descent_descends():
    record = descend(Exact(), objective, *URN, LOGS, steps=60, learning_rate=0.1, num_samples=1, seed=0)
    assert (np.diff(record.losses[:15]) < 0).all()
    np.testing.assert_allclose(record.gradients, record.exact_gradients[:-1], atol=1e-10)
    np.testing.assert_allclose(record.gradient_norms, record.exact_norms[:-1], atol=1e-10)


def test_a_weight_of_zero_stays():
    record = descend(
        ExactMarginal(), separable, 7, (6, 6, 5), [0.0, -torch.inf, 1.0], steps=4, learning_rate=0.1, num_samples=2, seed=0
    )
    assert np.isneginf(record.log_weights[:, 1]).all()
    assert np.isfinite(record.log_weights[:, [0, 2]]).all()
    assert (record.means[:, 1] == 0).all()
    assert np.isfinite(record.exact_gradients).all()


def test_settings_are_checked():
    with pytest.raises(ValueError, match="optimizer must be one of adam, sgd; got 'newton'"):
        run(optimizer="newton")
    with pytest.raises(ValueError, match="total_count"):
        descend(Exact(), objective, 99, [1, 2, 3], LOGS, steps=1, learning_rate=0.1, num_samples=1, seed=0)


@pytest.mark.parametrize("weights", [(1.0, 2.0, 3.0), (0.0, 1.0, 1.0), (1e-6, 1.0, 1e6)])
def test_listed_urns_have_fishers_distribution(weights):
    law = RationalUrn(*URN, tuple(map(Fraction, weights))).law
    listed = ListedUrn(URN[0], torch.tensor(URN[1]))
    probabilities = listed.probabilities(torch.tensor(weights, dtype=torch.float64).log())
    expected = [float(law.get(tuple(x), 0)) for x in listed.counts.int().tolist()]
    np.testing.assert_allclose(probabilities.numpy(), expected, rtol=1e-11, atol=0)


@pytest.mark.parametrize("weights", [(1.0, 2.0, 3.0), (0.0, 1.0, 1.0), (1e-3, 1.0, 1e3)])
def test_separable_objectives_need_the_marginals_alone(weights):
    logs = torch.tensor(weights, dtype=torch.float64).log().requires_grad_()
    value = expected_separable(FisherHypergeometric(*URN, log_weights=logs), separable)
    (gradient,) = torch.autograd.grad(value, logs)
    _, expected, slope = ListedUrn(URN[0], torch.tensor(URN[1])).moments(logs.detach(), separable)
    assert value.item() == pytest.approx(expected.item(), abs=1e-12)
    np.testing.assert_allclose(gradient.numpy(), slope.numpy(), atol=1e-11)
