"""The tours of the pages "Gradients" and "Partitions", and what their stops claim."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from hypergeo.ui.gradients.descent_view import DescentView
from hypergeo.ui.gradients.race_view import RaceView
from hypergeo.ui.gradients.settings import GradientSettings
from hypergeo.ui.gradients.side_by_side_view import SideBySide
from hypergeo.ui.gradients.temperature_view import TemperatureView
from hypergeo.ui.partitions.gradient_view import GradientView
from hypergeo.ui.partitions.sample_view import SampleView, sample_view
from hypergeo.ui.partitions.settings import PartitionSettings

from .checks import TourChecks, Values


def at_start(values: Values, step: int = 0) -> DescentView:
    view = DescentView(GradientSettings.of(values), step)
    list(view.work())
    return view


def arrows_differ(values: Values) -> None:
    assert at_start(values).agreement.deviation.value > 0.3


def small_bias(values: Values) -> None:
    assert not at_start(values).agreement.biased
    assert at_start(values).agreement.bias.value < 0.1


def descent_reaches_less(values: Values) -> None:
    start, now = at_start(values), at_start(values, 40)
    assert now.record.losses[-1] < 0.5 * now.record.losses[0]
    assert now.record.exact_norms[-1] < 0.5 * now.record.exact_norms[0]
    relative = now.agreement.deviation.value / start.agreement.deviation.value
    assert relative > 1.5, "in units of the gradient, which becomes small, the noise has grown"


def error_has_a_minimum(values: Values) -> None:
    view = TemperatureView(GradientSettings.of(values))
    list(view.work())
    for method, curve in view.curves.items():
        if method.relaxes and method.conditionals == "exact":
            errors = [one.rmse.value for one in curve]
            assert 0 < int(np.argmin(errors)) < len(errors) - 1, method.label
            assert curve[0].deviation.value > 3 * curve[-1].deviation.value
            assert curve[-1].biased
            assert not curve[0].biased


def compared(values: Values) -> dict[str, Any]:
    view = SideBySide(GradientSettings.of(values))
    list(view.work())
    return {method.key: agreement for method, agreement in view.agreements.items()}


def who_is_noisiest(values: Values) -> None:
    deviations = {key: agreement.deviation.value for key, agreement in compared(values).items() if key != "exact"}
    ranked = sorted(deviations, key=deviations.__getitem__)
    assert set(ranked[:2]) == {"control variate", "exact marginal"}
    assert ranked[-1] == "score function"


def merged_misses(values: Values) -> None:
    agreements = compared(values)
    for kind in ("Gumbel-softmax", "straight-through"):
        assert agreements[f"{kind} (merged)"].biased
        assert agreements[f"{kind} (merged)"].bias.low > agreements[kind].bias.value


def five_stay(values: Values) -> None:
    view = RaceView(GradientSettings.of(values), values["step"])
    list(view.work())
    made = {method.key: record.losses[-1] - record.losses[0] for method, record in view.records.items()}
    assert {key for key, change in made.items() if abs(change) < 1e-12} == set(made) - {
        *("score function", "control variate", "exact", "reference")
    }
    assert made["score function"] < -0.01
    assert made["control variate"] < -0.01


class TestGradients(TourChecks):
    name = "gradients"
    claims: ClassVar = {
        "Estimates of one gradient": arrows_differ,
        "The exact gradient": small_bias,
        "Descent": descent_reaches_less,
        "Bias against variance": error_has_a_minimum,
        "Side by side": who_is_noisiest,
        "The published approximation": merged_misses,
        "No slope to follow": five_stay,
    }


def partition(values: Values) -> SampleView:
    return sample_view(PartitionSettings.of(values), values["tau"])


def sums_are_exact(values: Values) -> None:
    view = partition(values)
    assert view.matrix.shape == (24, 4)
    np.testing.assert_allclose(view.matrix.sum(1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(view.matrix.sum(0), np.round(view.matrix.sum(0)), rtol=0, atol=1e-6)
    assert np.abs(view.matrix - np.round(view.matrix)).max() > 0.1, "a relaxed sample"


def rows_of_the_plan_are_equal(values: Values) -> None:
    plan, expected = partition(values).cooling.plan, PartitionSettings.of(values).model.expected_sizes()
    np.testing.assert_allclose(plan, np.broadcast_to(expected / 24, plan.shape), rtol=0.01)


def columns_are_the_fixed_sizes(values: Values) -> None:
    for strength in (0.0, values["strength"], 4.0):
        matrix = partition({**values, "strength": strength}).matrix
        np.testing.assert_allclose(matrix.sum(0), [3, 5, 6, 10], rtol=0, atol=1e-8)


def close_to_the_exact_gradient(values: Values) -> None:
    view = GradientView(PartitionSettings.of(values))
    rows, groups = view.settings.model.shape
    assert groups**rows == 729
    assert view.cosine > 0.95


class TestPartitions(TourChecks):
    name = "partitions"
    claims: ClassVar = {
        "Sizes and members": sums_are_exact,
        "Only sizes": rows_of_the_plan_are_equal,
        "Fixed sizes": columns_are_the_fixed_sizes,
        "Exact gradients": close_to_the_exact_gradient,
    }
