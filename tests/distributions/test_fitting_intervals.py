"""Confidence intervals of fitted weights: their formula, and their coverage to the last digit."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
import torch

from hypergeo import FisherHypergeometric
from tests.support.reference import RationalUrn

ROWS, TOTAL, SIZES, WEIGHTS = 40, 6, (10, 9), (2.0, 1.0)


def sums_and_probabilities() -> tuple[np.ndarray, np.ndarray]:
    """Returns all sums of the first counts of 40 samples and their probabilities, both of shape ``(S,)``.

    The sum is sufficient for the fit of two groups.
    """
    marginal = [float(p) for p in RationalUrn(TOTAL, SIZES, WEIGHTS).marginals()[0]]
    probabilities = np.ones(1)
    for _ in range(ROWS):
        probabilities = np.convolve(probabilities, marginal)
    return np.arange(len(probabilities)), probabilities


def counts_that_add_up_to(first: int) -> torch.Tensor:
    """Returns forty samples whose first counts have a sum, shape ``(40, 2)``."""
    column = torch.full((ROWS,), first // ROWS) + (torch.arange(ROWS) < first % ROWS)
    return torch.stack([column, TOTAL - column], -1)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_wald_intervals_are_the_normal_quantile_times_the_standard_error(level: float) -> None:
    torch.manual_seed(0)
    fit = FisherHypergeometric.fit(FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0]).sample((60,)), [10, 10, 10])
    reach = NormalDist().inv_cdf((1 + level) / 2)
    interval = fit.confidence_interval(level)
    assert interval.shape == (3, 2)
    for k in range(3):
        middle, error = float(fit.log_weights[k]), float(fit.standard_errors[k])
        assert interval[k, 0].item() == pytest.approx(math.exp(middle - reach * error), rel=1e-12)
        assert interval[k, 1].item() == pytest.approx(math.exp(middle + reach * error), rel=1e-12)


def test_intervals_are_of_95_per_cent_where_nothing_is_said_and_nest() -> None:
    fit = FisherHypergeometric.fit(counts_that_add_up_to(130), SIZES)
    assert torch.equal(fit.confidence_interval(), fit.confidence_interval(0.95))
    bounds = [fit.confidence_interval(level) for level in (0.1, 0.5, 0.9, 0.999)]
    for narrow, wide in itertools.pairwise(bounds):
        assert (wide[:, 0] < narrow[:, 0]).all()
        assert (narrow[:, 1] < wide[:, 1]).all()


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 1.5, math.nan])
def test_levels_that_are_no_coverage_are_named(level: float) -> None:
    fit = FisherHypergeometric.fit(counts_that_add_up_to(130), SIZES)
    with pytest.raises(ValueError, match=f"level must be between 0 and 1; got {level}"):
        fit.confidence_interval(level)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """The coverage is a sum over all possible observations: without sampling there is no false alarm, and full power.

    It is discontinuous in the counts, so it may differ from the level by half a point at 95 % and a point at 90 and 80 %.
    Intervals of 90 % with the label 95 % have an error of five points.
    """
    sums, probabilities = sums_and_probabilities()
    likely = sums[probabilities > 1e-9]
    fits = [FisherHypergeometric.fit(counts_that_add_up_to(int(first)), SIZES) for first in likely]
    truth = torch.tensor(WEIGHTS, dtype=torch.float64)
    truth = truth / truth.log().mean().exp()

    def coverage(level: float) -> float:
        bounds = torch.stack([fit.confidence_interval(level) for fit in fits])
        inside = ((bounds[..., 0] <= truth) & (truth <= bounds[..., 1])).all(-1)
        return float(probabilities[likely] @ inside.numpy())

    assert coverage(0.95) == pytest.approx(0.95, abs=0.01)
    assert coverage(0.9) == pytest.approx(0.9, abs=0.02)
    assert coverage(0.8) == pytest.approx(0.8, abs=0.02)
