"""Controls of the page on partitions without Streamlit: edited logits, clicked entries, orders and sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hypergeo.ui.partitions.arrays import cooling
from hypergeo.ui.partitions.controls import EditedScores, controls, follow
from hypergeo.ui.partitions.sample_view import sample_view
from hypergeo.ui.partitions.settings import (
    SCORES,
    Edit,
    PartitionSettings,
    logits_of,
    number_of_elements,
    read_edits,
    write_edits,
)

DEFAULT = {name: control.default for name, control in controls().items()}


def after(changes: dict[str, Any], **before: Any) -> dict[str, Any]:
    """Returns the values after a change, as in a page's state."""
    start = {**DEFAULT, **before}
    return {**start, **follow(start, changes), **changes}


def test_a_logit_set_by_hand_is_an_edit_of_the_chosen_entry():
    chosen = after({"element": 7, "group": 3})
    assert chosen["score"] == 0.0, "the control shows the entry's own logit"
    raised = after({"score": 3.5}, **chosen)
    assert read_edits(raised["edits"]) == [Edit(6, 2, 3.5)]
    assert logits_of(raised)[6, 2] == 3.5
    again = after({"score": -1.0}, **raised)
    assert read_edits(again["edits"]) == [Edit(6, 2, -1.0)]
    assert after({"element": 1, "group": 1}, **again)["score"] == 2.0


def test_a_stop_of_the_tour_sets_no_edit():
    """A preset sets all controls at once, that of the logit among them."""
    assert after({**DEFAULT, "affinity": "none"})["edits"] == ""


@pytest.mark.parametrize("text", ["", "x", "0~1~1", "41~1~1", "1~5~1", "1~1~nan", "1~1~inf", "1~1", "1~1~1~1", "~" * 5000])
def test_edits_that_make_no_sense_are_left_out(text):
    logits = logits_of({**DEFAULT, "edits": text, "n": 40})
    assert np.isfinite(logits).all()
    assert set(logits.ravel()) <= set(SCORES)
    assert EditedScores().read(EditedScores().read(text)) == EditedScores().read(text)


def test_no_address_holds_more_edits_than_allowed():
    many = [Edit(element, group, 1.0) for element in range(40) for group in range(4)]
    assert len(read_edits(write_edits(many))) <= 40


def test_a_click_raises_an_entry_and_the_mark_moves_to_it():
    grid, mark = sample_view(PartitionSettings.of(DEFAULT), 1.0).handles()
    assert grid.taken({"at": [2.2, 4.9], "by": 2}) == {"element": 6, "group": 3, "score": 2.0}
    assert grid.taken({"at": [0, 0], "by": 9})["score"] == 8.0, "to the largest logit at most"
    assert grid.taken({"at": [0, 24], "by": 1}) == {}, "the sums are no entries"
    raised = after(dict(grid.taken({"at": [2.2, 4.9], "by": 2})))
    assert read_edits(raised["edits"]) == [Edit(5, 2, 2.0)]
    assert sample_view(PartitionSettings.of(raised), 1.0).settings.chosen == (5, 2)
    assert mark.taken({"at": [1.4, 30.0]}) == {"element": 24, "group": 2}
    message = mark.message()
    assert mark.taken({"at": np.add(message["at"], message["right"]).tolist()}) == {"element": 1, "group": 2}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("as listed", (0, 1, 2, 3)),
        ("reversed", (3, 2, 1, 0)),
        ("small groups first", (1, 3, 0, 2)),
        ("large groups first", (2, 0, 3, 1)),
    ],
)
def test_orders_follow_the_sizes(order, expected):
    values = {**DEFAULT, "given": "fixed", "n1": 6, "n2": 2, "n3": 12, "order": order}
    model = PartitionSettings.of(values).model
    assert model.sizes == (6, 2, 12, 4)
    assert model.order == expected


def test_sizes_beyond_the_elements_are_cut():
    assert PartitionSettings.of({**DEFAULT, "given": "fixed", "n1": 20, "n2": 20, "n3": 20}).model.sizes == (20, 4, 0, 0)


def test_gradients_list_no_more_partitions_than_allowed():
    assert [number_of_elements({**DEFAULT, "view": "gradients", "few": 8, "groups": k}) for k in (2, 3, 4)] == [8, 8, 6]


def test_the_noise_stays_when_anything_else_changes():
    """A constant added to all logits changes nothing; the last temperature is the exact sample's."""
    settings = PartitionSettings.of({**DEFAULT, "affinity": "random"})
    first = cooling(settings.model, 0.01, 0)
    assert np.abs(first.soft.sum(-1) - 1).max() < 1e-12
    assert np.abs(first.soft.sum(-2) - first.sizes).max() < 1e-9
    assert (first.soft[0].argmax(-1) == first.hard.argmax(-1)).mean() > 0.9
    assert (np.diff(first.moved) > -1e-9).all()
