"""Bounds of the clusters' sizes: respected by sampled sizes, expected sizes and labels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from hypergeo.clustering import Schedule, SizedClusters, fit_clusters
from hypergeo.clustering.hard_labels import hard_labels
from hypergeo.datasets.blobs import gaussian_blobs

BLOBS = gaussian_blobs([60, 25, 10, 5], 6.0, seed=3)
SHORT = Schedule(steps=40)


def test_capacities_are_respected_in_every_draw_and_help() -> None:
    """Overlapping clouds of 40, 30 and 20 points, capacities 40, 33 and 40: no cluster ever holds more than its capacity."""
    blobs = gaussian_blobs([40, 30, 20], 2.0, seed=1)
    model = SizedClusters(blobs.points, 3, capacities=[40, 33, 40], restarts=2)
    bounds = torch.tensor([40.0, 33.0, 40.0], dtype=torch.float64)
    for _ in range(60):
        model.step()
        assert (model.drawn <= bounds + 1e-9).all()
        assert (model.drawn >= 0).all()
        torch.testing.assert_close(model.drawn.sum(-1), torch.full((2,), 90.0, dtype=torch.float64))
        torch.testing.assert_close(model.assigned.plan.sum(-2), model.drawn, rtol=1e-6, atol=1e-6)
    assert (model.evaluate().sizes <= bounds).all()


def test_capacities_that_leave_no_choice() -> None:
    fit = fit_clusters(BLOBS.points, 2, capacities=[30, 70], restarts=2, schedule=SHORT)
    assert fit.sizes.tolist() == pytest.approx([30, 70])
    torch.testing.assert_close(fit.plan.sum(0), torch.tensor([30.0, 70.0], dtype=torch.float64), rtol=1e-6, atol=0)


@pytest.mark.parametrize("straight_through", [False, True])
def test_minimum_sizes_are_respected_in_every_draw(straight_through: bool) -> None:
    """Clouds of 40, 30 and 20 points, minimum size 25 for each cluster."""
    blobs = gaussian_blobs([40, 30, 20], 4.0, seed=1)
    model = SizedClusters(blobs.points, 3, minimum_sizes=25, capacities=38, restarts=2, straight_through=straight_through)
    for _ in range(30):
        model.step()
        assert (model.drawn >= 25 - 1e-9).all()
        assert (model.drawn <= 38 + 1e-9).all()
    result = model.evaluate()
    assert (result.sizes >= 25).all()
    for labels in result.labels:
        assert 25 <= int(torch.bincount(labels, minlength=3).min()) <= int(torch.bincount(labels).max()) <= 38


def test_labels_keep_to_capacities_where_points_tie() -> None:
    """One of four equal points belongs to another cluster: its choice does not depend on the run."""
    points = [[0.0]] * 4 + [[9.0]] * 2
    fit, again = (fit_clusters(points, np.int64(2), capacities=3, restarts=4, schedule=SHORT) for _ in range(2))
    assert torch.bincount(fit.labels).tolist() == [3, 3]
    assert len(set(fit.labels[4:].tolist())) == 1
    assert torch.equal(fit.labels, again.labels)


def test_hard_labels_are_the_best_that_keep_to_the_bounds() -> None:
    """References: all labellings of seven points, and an assignment problem with a column for every place."""
    generator = torch.Generator().manual_seed(0)
    every = torch.tensor(list(itertools.product(range(3), repeat=7)))
    counts = torch.nn.functional.one_hot(every, 3).sum(1)
    for bounds in ([[0, 0, 0], [3, 3, 3]], [[2, 2, 2], [7, 7, 7]], [[0, 1, 4], [1, 7, 4]], [[1, 2, 4], [1, 2, 4]]):
        least, most = map(torch.tensor, bounds)
        for _ in range(20):
            scores = 5 * torch.randn(7, 3, generator=generator, dtype=torch.float64) + torch.tensor([4.0, 0.0, 0.0])
            labels = hard_labels(scores.argmax(-1), scores, (least, most))
            best = scores[torch.arange(7), every].sum(-1)[((least <= counts) & (counts <= most)).all(-1)].max()
            assert float(scores[torch.arange(7), labels].sum()) == pytest.approx(float(best), abs=1e-9)
            assert bool(((least <= torch.bincount(labels, minlength=3)) & (torch.bincount(labels, minlength=3) <= most)).all())
    scores = 30 * torch.randn(300, 4, generator=generator, dtype=torch.float64) + torch.tensor([90.0, 0.0, 0.0, 0.0])
    most = torch.tensor([60, 80, 100, 90])
    labels = hard_labels(scores.argmax(-1), scores, (torch.zeros(4).long(), most))
    places = np.repeat(np.arange(4), most.numpy())
    rows, columns = linear_sum_assignment(scores.numpy()[:, places], maximize=True)
    assert float(scores[torch.arange(300), labels].sum()) == pytest.approx(scores.numpy()[rows, places[columns]].sum())
    free = scores.argmax(-1)
    assert hard_labels(free, scores, (torch.zeros(4).long(), torch.full((4,), 300))) is free


def test_the_width_is_learned_where_capacities_forbid_the_nearest_centres() -> None:
    """With one coinciding point too many near a centre, the width starts at that of the assignment within capacities.

    Reference: three points at 0 in one cluster, one at 0 and two at 9 in the other, whose root mean square deviation is 3.
    """
    fit = fit_clusters([[0.0]] * 4 + [[9.0]] * 2, 2, capacities=3, restarts=4)
    assert fit.width == pytest.approx(3.0, rel=0.05)
    assert fit.losses.max() < 18.0
    assert torch.bincount(fit.labels).tolist() == [3, 3]
