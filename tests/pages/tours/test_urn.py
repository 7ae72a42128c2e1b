"""The tour of the page "Urn", and what its stops claim."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.ui.urn import view as urn

from .checks import TourChecks, Values


def drawn(values: Values) -> urn.UrnView:
    return urn.urn_view(urn.UrnSettings.of(values), values["step"])


def variation(view: urn.UrnView, law: str) -> float:
    """Returns the largest total variation between the histogram of a group and its exact distribution."""
    exact, seen = view.laws.of(law).marginals, view.seen / view.step
    width = max(exact.shape[1], seen.shape[1])
    exact, seen = (np.pad(each, ((0, 0), (0, width - each.shape[1]))) for each in (exact, seen))
    return float(np.abs(exact - seen).sum(1).max() / 2)


def thirty_balls(values: Values) -> None:
    asked = drawn(values).settings.urn
    assert (sum(asked.group_sizes), asked.total_count, asked.weights) == (30, 12, (1.0, 2.0, 4.0))


def counts_vary(values: Values) -> None:
    assert len(np.unique(drawn(values).counts, axis=0)) > 5


def histograms_are_close(values: Values) -> None:
    """Total variation is below 0.08: 1,000 samples of a group's 11 counts exceed it less than once in 10,000 tests."""
    view = drawn(values)
    assert variation(view, "Fisher") < 0.08
    assert abs(view.observed_mean - view.law.mean).max() < 0.25


def columns_sum_to_zero(values: Values) -> None:
    law = drawn(values).law
    np.testing.assert_allclose(law.sensitivity.sum(0), 0, atol=1e-10)
    asked = drawn(values).settings.urn
    step = np.array([0, 0, 1e-5, 0])
    up, down = (
        FisherHypergeometric(16, list(asked.group_sizes), log_weights=(np.log(asked.weights) + sign * step).tolist()).mean
        for sign in (1, -1)
    )
    np.testing.assert_allclose(law.sensitivity[:, 2], (up - down).numpy() / 2e-5, rtol=1e-5)


def heavy_groups_gain(values: Values) -> None:
    view = drawn(values)
    assert view.laws.wallenius.mean[2] > view.laws.fisher.mean[2] + 0.5
    assert variation(view, "Wallenius") < 0.08 < variation(view, "Fisher")
    assert np.abs(view.law.sensitivity - view.law.covariance).max() > 0.1


def weights_hardly_matter(values: Values) -> None:
    few = np.abs(drawn(values).law.sensitivity).max()
    assert few < 0.5 * np.abs(drawn({**values, "n": 12}).law.sensitivity).max()


def counts_jump_and_means_do_not(values: Values) -> None:
    base = drawn(values)
    heavier = [drawn({**values, "w3": weight}) for weight in (4 + 1e-6, 4.04)]
    assert (heavier[0].counts == base.counts).all(), "the derivative is zero"
    assert 0 < (heavier[1].counts != base.counts).any(1).mean() < 0.05
    assert heavier[0].law.mean[2] > base.law.mean[2]


class TestUrn(TourChecks):
    name = "urn"
    claims: ClassVar = {
        "An urn": thirty_balls,
        "A few samples": counts_vary,
        "Many samples": histograms_are_close,
        "How means depend on weights": columns_sum_to_zero,
        "Wallenius' distribution": heavy_groups_gain,
        "Almost every ball": weights_hardly_matter,
        "No gradient": counts_jump_and_means_do_not,
    }
