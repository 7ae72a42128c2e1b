"""The tour of the page "Shared factors", and what its stops claim."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from hypergeo.ui.shared_factors import session as factors

from .checks import TourChecks, Values


def learned(values: Values) -> Any:
    run, plan = factors.run_of(factors.settings_of(values)), factors.plan_of(values)
    factors.train(run, [values["step"]], plan)
    return factors.view_at(run, values["step"], plan, values["view"], values["pair"])


def one_is_shared(values: Values) -> None:
    now = learned(values).now
    assert (now.true == 1).all()
    assert now.images["seen"].astype(float).std(0).max() < 10, "all reconstructions are alike, on a scale to 255"


def held_at_one(values: Values) -> None:
    view = learned(values)
    assert view.words.warming
    assert view.now.estimate == pytest.approx(2.5)
    spreads = [float(np.ptp(each.now.distances.mean(0))) for each in (view, learned({**values, "step": 0}))]
    assert spreads[0] > 1.5 * spreads[1]


def nearer_than_the_threshold(values: Values) -> None:
    answer = learned(values).words.answer
    assert abs(answer.mean - 1) < 0.5 * abs(answer.adavae - 1)


def the_rest_matters(values: Values) -> None:
    images = {name: each.astype(float) for name, each in learned(values).now.images.items()}
    plain = images["plain"]

    def far(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.square(one - other).mean() ** 0.5)

    assert far(images["shared"][:, 0], plain[:, 0]) < far(images["shared"][:, 0], plain[:, 1])
    assert far(images["independent"][:, 0], plain[:, 1]) < far(images["independent"][:, 0], plain[:, 0])


def dimensions_follow_factors(values: Values) -> None:
    now, before = learned(values).now, learned({**values, "step": 0}).now
    assert sorted(now.match.tolist()) == list(range(5))
    assert now.strength.mean() > before.strength.mean() + 0.1


class TestSharedFactors(TourChecks):
    name = "shared_factors"
    claims: ClassVar = {
        "Pairs": one_is_shared,
        "Warm-up": held_at_one,
        "The weight is now trained": nearer_than_the_threshold,
        "Swap the rest": the_rest_matters,
        "What each dimension encodes": dimensions_follow_factors,
    }
