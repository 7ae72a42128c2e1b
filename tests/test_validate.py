"""Whole and real numbers of callers: NumPy's scalars are accepted; booleans, strings and numbers out of range are not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from hypergeo import FisherHypergeometric
from hypergeo._validate import require_count, require_real, require_whole
from hypergeo.datasets import Sprites
from hypergeo.estimators import ScoreFunction
from hypergeo.quality import QualityReport
from hypergeo.shared_factors import SharedFactorsSettings


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_any_kind_become_int(value):
    for number in (require_whole("n", value, 3, 3), require_count("n", value, 3)):
        assert (number, type(number)) == (3, int)


@pytest.mark.parametrize("value", [True, np.True_, 3.0, np.float64(3), "3", None, math.nan, np.array([3])])
def test_what_is_no_whole_number_is_refused(value):
    for check in (require_whole, require_count):
        with pytest.raises(ValueError, match="n must be a whole number"):
            check("n", value, 0)


@pytest.mark.parametrize(("value", "kind"), [(1, int), (0.5, float), (np.float32(0.5), float), (np.int64(1), float)])
def test_real_numbers_of_any_kind_become_plain_ones(value, kind):
    number = require_real("x", value, gt=0)
    assert number == value
    assert type(number) is kind


@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan, True, "1", None, 1j])
def test_what_is_no_positive_number_is_refused(value):
    with pytest.raises(ValueError, match="x must be positive; got"):
        require_real("x", value, gt=0)


def test_ends_are_in_or_out():
    assert [require_real("x", end, ge=0, le=1) for end in (0, 1)] == [0, 1]
    for end in (0, 1):
        with pytest.raises(ValueError, match="x must be between"):
            require_real("x", end, "between 0 and 1", gt=0, lt=1)


def test_numpy_scalars_go_through_the_packages():
    urn = FisherHypergeometric(3, [2, 2])
    report = QualityReport.measure(urn, [np.float64(0.5)], num_samples=np.int64(50), level=np.float32(0.5), seed=1)
    assert QualityReport.from_json(report.to_json()) == report
    assert ScoreFunction().surrogate_loss(urn, lambda x: x[..., 0], np.int64(4)).shape == ()
    settings = SharedFactorsSettings(steps=np.int64(5), scale=np.float32(0.5))
    assert json.loads(json.dumps([settings.steps, settings.scale])) == [5, 0.5]
    assert Sprites(image_size=np.int64(12)).pairs(np.int64(2), np.int64(1)).num_shared.tolist() == [1, 1]
