"""The tours of the pages "One sample" and "Convergence", and what their stops claim."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric
from hypergeo.ui.convergence import view as convergence
from hypergeo.ui.one_sample import arrays as one_sample_arrays
from hypergeo.ui.one_sample import view as one_sample

from .checks import TourChecks, Values


def opened(values: Values) -> one_sample.OneSampleView:
    return one_sample.one_sample_view(one_sample.OneSampleSettings.of(values), values["step"])


def exact_log_probabilities(values: Values) -> None:
    view = opened(values)
    asked, first = view.settings.urn, view.opened.splits[0]
    assert (asked.total_count, asked.group_sizes, asked.weights) == (10, (8, 8, 8), (1.0, 2.0, 4.0))
    exact = FisherHypergeometric(10, [8, 8, 8], [1.0, 2.0, 4.0]).marginal_log_prob()[0].numpy()
    np.testing.assert_allclose(first.used, exact[first.candidates], atol=1e-10)
    assert view.current == (0, 0)


def the_mean_is_soft_and_the_star_stays(values: Values) -> None:
    first, hot = (opened({**values, "tau": tau}).opened.splits[0] for tau in (values["tau"], 10.0))
    assert first.weights.sum() == pytest.approx(1)
    assert (first.weights > 0).all()
    assert first.taken == pytest.approx(first.weights @ first.candidates)
    assert first.hard == hot.hard


def most_lie_close_to_whole_counts(values: Values) -> None:
    sample = opened(values).opened
    distance = np.abs(sample.others - np.rint(sample.others)).max(1)
    assert (distance < 0.25).mean() > 0.7
    assert np.abs(sample.path[0] - sample.hard).max() < 0.05, "the path ends at the star"


def noisy_but_right_on_average(values: Values) -> None:
    """Mean Jacobian of the 1,000 samples by autograd."""
    view = opened(values)
    asked = view.settings.urn
    logs = torch.tensor(asked.weights, dtype=torch.float64).log().requires_grad_()
    law = RelaxedFisherHypergeometric(
        values["tau"], asked.total_count, list(asked.group_sizes), log_weights=logs, conditionals="sequential"
    )
    torch.manual_seed(0)
    counts = law.rsample((1000,), noise=law.sample_noise((1000,)))
    mean = torch.stack([torch.autograd.grad(count, logs, retain_graph=True)[0] for count in counts.mean(0)]).numpy()
    size = np.linalg.norm(view.exact)
    assert np.linalg.norm(mean - view.exact) < 0.1 * size
    assert np.linalg.norm(view.opened.jacobian - view.exact) > 0.1 * size


def halves_have_the_exact_distribution(values: Values) -> None:
    """Means of 1,000 whole samples within four standard errors, a false alarm in one of 4,000 such tests."""
    view = opened(values)
    assert [split.left for split in view.opened.splits] == [(0, 1), (0,), (2,)]
    counts = one_sample_arrays.whole_samples(view.settings.urn, "exact")
    assert (np.abs(counts.mean(0) - view.law.mean) < 4 * view.law.deviation / 1000**0.5).all()


def a_real_total_is_interpolated(values: Values) -> None:
    view = opened(values)
    second = view.opened.splits[1]
    low = int(second.total)
    assert 0.05 < second.total - low < 0.95, "it is no whole number"
    below, above = (
        FisherHypergeometric(total, [8, 8], [2.0, 4.0]).marginal_log_prob()[0].exp().numpy() for total in (low, low + 1)
    )
    between = below + (second.total - low) * (above - below)
    np.testing.assert_allclose(np.exp(second.used), between[second.candidates], atol=1e-10)
    assert view.opened.counts.sum() == pytest.approx(10, abs=1e-12)


class TestOneSample(TourChecks):
    name = "one_sample"
    claims: ClassVar = {
        "One group at a time": exact_log_probabilities,
        "Softmax": the_mean_is_soft_and_the_star_stays,
        "What is left": a_real_total_is_interpolated,
        "One among a thousand": most_lie_close_to_whole_counts,
        "The gradient of one sample": noisy_but_right_on_average,
        "Down the tree": halves_have_the_exact_distribution,
    }


def cooled(values: Values, **changes: Any) -> convergence.View:
    return convergence.convergence_view(convergence.ConvergenceSettings.of({**values, **changes}))


def all_in_one_spot(values: Values) -> None:
    view = cooled(values)
    assert (view.shown.std(0) < 0.15 * view.law.deviation).all()


def colder_is_nearer(values: Values) -> None:
    hot, warm = cooled(values, tau=10.0), cooled(values)
    assert warm.distance < hot.distance
    assert (warm.shown.std(0) > hot.shown.std(0)).all()


def almost_exact(values: Values) -> None:
    view = cooled(values)
    assert view.within_noise
    assert (np.abs(view.shown - np.rint(view.shown)).max(1) < 0.05).mean() > 0.9


def a_continuous_path(values: Values) -> None:
    view = cooled(values)
    path = view.samples.soft[:, values["follow"]]
    np.testing.assert_allclose(path.sum(1), 12, atol=1e-9)
    assert np.abs(np.diff(path, axis=0)).max() < 1
    assert np.abs(path[-1] - path[0]).max() > 0.5, "it is worth following"


def exact_at_one(values: Values) -> None:
    assert cooled(values).within_noise
    assert not cooled(values, kind="soft").within_noise


def another_distribution_at_every_temperature(values: Values) -> None:
    view = cooled(values)
    assert (view.distances > 3 * view.floor.quantile).all()


class TestConvergence(TourChecks):
    name = "convergence"
    claims: ClassVar = {
        "Exact and relaxed": all_in_one_spot,
        "A lower temperature": colder_is_nearer,
        "Almost exact": almost_exact,
        "One sample, from hot to cold": a_continuous_path,
        "Straight-through": exact_at_one,
        "The published approximation": another_distribution_at_every_temperature,
    }
