"""Handles of figures without a browser: effects of the positions that a browser sends, valid or not, on three pages."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from hypergeo.figures.counts.plane import Plane
from hypergeo.ui.clusters.data import clouds, cluster_sizes, resized
from hypergeo.ui.clusters.run import ClusterRun
from hypergeo.ui.clusters.settings import PriorSettings, read_sizes, write_sizes
from hypergeo.ui.clusters.view import ClusterView
from hypergeo.ui.component.handles import DragPoint, PressArea
from hypergeo.ui.page.urn_editor import WEIGHTS, weight_after
from tests.support.app.pages import page, stage


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"at": None},
        {"at": [1]},
        {"at": ["1", "2"]},
        {"at": [float("nan"), 0]},
        {"at": [1e300, 0]},
        {"by": "1"},
        {"by": 10**9},
    ],
)
def test_messages_that_no_browser_sends_change_nothing(sent: dict[str, Any]) -> None:
    point = DragPoint("t", "", ("x", "y"), (0, 0), (1, 0), (0, 1), lambda x, y: {"t": round(x)})
    area = PressArea("w", "", ("x", "y"), (0, 0), (1, 1), lambda times: {"w": times})
    assert point.taken(sent) == area.taken(sent) == {}


@pytest.mark.parametrize(("total", "sizes"), [(12, (12, 12, 12)), (15, (10, 3, 8)), (9, (5, 6)), (8, (4, 4, 4, 2))])
def test_every_count_is_nearest_to_its_own_place(total: int, sizes: tuple[int, ...]) -> None:
    plane = Plane.of(total, sizes)
    support = [counts for counts in itertools.product(*(range(size + 1) for size in sizes)) if sum(counts) == total]
    for counts in support:
        x, y = plane.place(np.array(counts, dtype=float))
        near = plane.nearest(x + 0.2 * plane.cell, y)
        assert near == dict(enumerate(counts[: len(near)]))


def test_the_arrow_keys_move_the_target_by_one_element() -> None:
    """A move to the right is one from group 1 to group 2, upwards to group 3; targets are corrected to the right sum."""
    (handle,) = stage(page("gradients", grad_t1="5", grad_t2="4", grad_t3="3"))["picture"]["handles"]
    plane = Plane.of(12, (12, 12, 12))
    moves = {name: plane.nearest(*np.add(handle["at"], handle[name])) for name in ("right", "up")}
    assert moves == {"right": {0: 4, 1: 5, 2: 3}, "up": {0: 4, 1: 4, 2: 4}}
    assert "handles" not in stage(page("gradients", grad_loss="step"))["picture"], "a loss without a target has no handle"


def test_presses_walk_along_the_weights() -> None:
    for weight in WEIGHTS[1:]:
        more, less = weight_after(weight, 1), weight_after(weight, -1)
        assert more in WEIGHTS
        assert less in WEIGHTS
        assert less < weight
        assert more >= min(1.2 * weight, 100)
    assert weight_after(2.0, 100) == 100
    assert weight_after(2.0, -100) == 0
    assert set(np.arange(0.5, 10.5, 0.5)) | set(range(10, 21)) <= set(WEIGHTS)
    handles = stage(page("urn", urn_groups="4"))["picture"]["handles"]
    assert [handle["name"] for handle in handles] == ["w1", "w2", "w3", "w4"]


def test_sizes_set_by_hand_add_up_and_leave_no_cluster_empty() -> None:
    for size in (-5, 0, 1, 57.4, 399, 1e9):
        sizes = resized([213, 107, 53, 27], 2, size)
        assert sum(sizes) == 400
        assert min(sizes) >= 1
        assert sizes[2] == min(max(round(size), 1), 397)
    assert resized([200, 100, 100], 0, 200) == [200, 100, 100], "what is not moved stays"
    assert resized([398, 1, 1], 0, 100) == [100, 150, 150]
    assert cluster_sizes("steep", 3, 400, (1, 1, 2)) == [100, 100, 200]
    assert cluster_sizes("steep", 4, 400, (1, 1, 2)) == cluster_sizes("steep", 4, 400), "sizes of another number of clusters"
    for text in ("", "5", "1-0", "1--2", "a-b", "1-2-3-4-5-6-7-8-9", "12345-1"):
        assert read_sizes(text) == ()
    assert read_sizes(write_sizes([3, 4])) == (3, 4)


def test_an_outline_sets_the_size_of_its_own_class() -> None:
    data = clouds([60, 30, 20], 5.0, 0)
    view = ClusterView(data, ClusterRun(data, 3, 0).at("hypergeometric", 0, PriorSettings()), {}, 0, PriorSettings())
    handles = {handle.name: handle for handle in view.handles()}
    assert handles.keys() == {"size0", "size1", "size2"}
    assert handles["size2"].at[1] == 20
    assert handles["size2"].taken({"at": [2.0, 40.0]}) == {"sizes": "47-23-40"}
