"""The tour of the page "Cluster sizes", and what its stops claim."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hypergeo.ui.clusters import session as clusters
from hypergeo.ui.clusters.settings import STEPS

from .checks import TourChecks, Values


def cluster_view(values: Values) -> Any:
    request = clusters.request_of(values, None)
    list(clusters.work_until(request, values["step"]))
    return clusters.view_at(request, values["step"])


def equal_at_first(values: Values) -> None:
    view = cluster_view(values)
    assert sorted(view.data.sizes.tolist()) == [27, 53, 107, 213]
    np.testing.assert_allclose(view.ours.sizes, 100, atol=0.5)


def sizes_move(values: Values) -> None:
    view = cluster_view(values)
    assert view.ours.drawn.shape[0] == 20
    assert np.ptp(view.ours.pull) > 0


def sizes_differ(values: Values) -> None:
    view = cluster_view(values)
    assert np.ptp(view.ours.log_weights[-1]) > 1
    assert view.ours.scores.size_error < 0.5 * cluster_view({**values, "step": 0}).ours.scores.size_error


def a_tie_and_a_split(values: Values) -> None:
    view = cluster_view(values)
    errors = {prior: run.scores.size_error for prior, run in view.others.items()}
    assert abs(view.ours.scores.size_error - errors["categorical"]) < 0.01
    labels = view.others["uniform"].labels[view.data.classes == view.data.sizes.argmax()]
    assert (np.bincount(labels) > 50).sum() >= 2


def the_limit_helps(values: Values) -> None:
    assert values["step"] == STEPS
    for seed in range(4):
        request = clusters.request_of({**values, "seed": seed}, None)
        ours, categorical = (request.run.at(prior, STEPS, request.settings) for prior in ("hypergeometric", "categorical"))
        assert ours.scores.size_error < categorical.scores.size_error, seed
        assert (ours.drawn <= 80 + 1e-6).all(), "the limit holds at every step"
        assert categorical.sizes.max() > 80


class TestClusterSizes(TourChecks):
    name = "cluster_sizes"
    claims: ClassVar = {
        "Equal sizes at the start": equal_at_first,
        "The first steps": sizes_move,
        "The bars reach the outlines": sizes_differ,
        "Three priors compared": a_tie_and_a_split,
        "When a size limit is known": the_limit_helps,
    }
