"""Claims of each stop of a tour hold at that stop. Stops with a prediction compute their answer: test_predictions.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

from hypergeo.distributions.fisher import FisherHypergeometric
from hypergeo.distributions.relaxed import RelaxedFisherHypergeometric
from hypergeo.ui.clusters import session as clusters
from hypergeo.ui.clusters.settings import STEPS
from hypergeo.ui.convergence import view as convergence
from hypergeo.ui.gradients.descent_view import DescentView
from hypergeo.ui.gradients.race_view import RaceView
from hypergeo.ui.gradients.settings import GradientSettings
from hypergeo.ui.gradients.side_by_side_view import SideBySide
from hypergeo.ui.gradients.temperature_view import TemperatureView
from hypergeo.ui.one_sample import arrays as one_sample_arrays
from hypergeo.ui.one_sample import view as one_sample
from hypergeo.ui.page import frame
from hypergeo.ui.partitions.gradient_view import GradientView
from hypergeo.ui.partitions.sample_view import SampleView, sample_view
from hypergeo.ui.partitions.settings import PartitionSettings
from hypergeo.ui.quality.controls import COUNTS, PUBLISHED, CheckSettings, PublishedSettings
from hypergeo.ui.runtime.background_run import finished
from hypergeo.ui.shared_factors import session as factors
from hypergeo.ui.state.page_state import PageState
from hypergeo.ui.state.tours import Stop
from hypergeo.ui.urn import view as urn
from tests.support.app.pages import page

Values = dict[str, Any]
Claim = Callable[[Values], None]


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
    for seed in range(4):
        view = cluster_view({**values, "seed": seed})
        assert view.ours.scores.size_error < view.others["categorical"].scores.size_error, seed
        assert (view.ours.drawn <= 80 + 1e-6).all(), "the limit holds at every step"
        assert view.others["categorical"].sizes.max() > 80
    assert values["step"] == STEPS


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


def measured(values: Values) -> Any:
    settings = (PublishedSettings if values["check"] == PUBLISHED else CheckSettings).of(values)
    return finished().get(settings) or settings.measure()


def exact_conditionals_pass(values: Values) -> None:
    assert not any(row.differs for row in measured(values).samples if row.straight_through)


def only_hot_soft_samples_differ(values: Values) -> None:
    rows = measured(values).samples
    soft = {row.temperature: row.differs for row in rows if not row.straight_through}
    assert soft[10.0]
    assert not soft[0.01]
    assert not any(row.differs for row in rows if row.straight_through)


def merged_differs_everywhere(values: Values) -> None:
    for row in measured(values).samples:
        assert row.differs == (row.conditionals == "merged"), row.label


def relaxed_gradients_are_biased(values: Values) -> None:
    verdicts = {row.label: row.biased for row in measured(values).gradients}
    fine = {label for label, biased in verdicts.items() if not biased}
    assert any("score" in label.lower() for label in fine)
    assert any("control" in label.lower() for label in fine)
    assert any("umbel" in label for label, biased in verdicts.items() if biased)
    assert len(fine) == 2


def the_shared_reference_sees_nothing(values: Values) -> None:
    check = measured(values)
    unequal = [row for row in check.of("merged", "exact") if row.second_weight > 1.5]
    assert all(row.rejected for row in unequal)
    assert not any(row.rejected for row in check.of("merged", "merged"))


def counts_of(values: Values) -> Any:
    lesson = import_module("hypergeo.ui.quality.lesson")
    asked = lesson.urn_of(values)
    counts = lesson.example_counts(asked, values["rows"], values["seed"], wallenius="Wallenius" in values["source"])
    assert values["check"] == COUNTS
    return lesson.counts_view(asked, counts, values["seed"], fitted_law=False)


def counts_pass(values: Values) -> None:
    view = counts_of(values)
    assert view.good
    true = view.fitted.scaled(view.law.weights)
    assert all(low <= weight <= high for weight, (low, high) in zip(true, view.fitted.intervals, strict=True))


def counts_fail(values: Values) -> None:
    view = counts_of(values)
    assert not view.good
    true = view.fitted.scaled(view.law.weights)
    assert not all(low <= weight <= high for weight, (low, high) in zip(true, view.fitted.intervals, strict=True))


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


CLAIMS: dict[str, dict[str, Claim]] = {
    "urn": {
        "An urn": thirty_balls,
        "A few samples": counts_vary,
        "Many samples": histograms_are_close,
        "How means depend on weights": columns_sum_to_zero,
        "Wallenius' distribution": heavy_groups_gain,
        "Almost every ball": weights_hardly_matter,
        "No gradient": counts_jump_and_means_do_not,
    },
    "one_sample": {
        "One group at a time": exact_log_probabilities,
        "Softmax": the_mean_is_soft_and_the_star_stays,
        "What is left": a_real_total_is_interpolated,
        "One among a thousand": most_lie_close_to_whole_counts,
        "The gradient of one sample": noisy_but_right_on_average,
        "Down the tree": halves_have_the_exact_distribution,
    },
    "convergence": {
        "Exact and relaxed": all_in_one_spot,
        "A lower temperature": colder_is_nearer,
        "Almost exact": almost_exact,
        "One sample, from hot to cold": a_continuous_path,
        "Straight-through": exact_at_one,
        "The published approximation": another_distribution_at_every_temperature,
    },
    "gradients": {
        "Estimates of one gradient": arrows_differ,
        "The exact gradient": small_bias,
        "Descent": descent_reaches_less,
        "Bias against variance": error_has_a_minimum,
        "Side by side": who_is_noisiest,
        "The published approximation": merged_misses,
        "No slope to follow": five_stay,
    },
    "partitions": {
        "Sizes and members": sums_are_exact,
        "Only sizes": rows_of_the_plan_are_equal,
        "Fixed sizes": columns_are_the_fixed_sizes,
        "Exact gradients": close_to_the_exact_gradient,
    },
    "cluster_sizes": {
        "Equal sizes at the start": equal_at_first,
        "The first steps": sizes_move,
        "The bars reach the outlines": sizes_differ,
        "Three priors compared": a_tie_and_a_split,
        "When a size limit is known": the_limit_helps,
    },
    "shared_factors": {
        "Pairs": one_is_shared,
        "Warm-up": held_at_one,
        "The weight is now trained": nearer_than_the_threshold,
        "Swap the rest": the_rest_matters,
        "What each dimension encodes": dimensions_follow_factors,
    },
    "quality": {
        "The verdict as text": exact_conditionals_pass,
        "Soft samples become exact": only_hot_soft_samples_differ,
        "The published approximation": merged_differs_everywhere,
        "Gradients of a step": relaxed_gradients_are_biased,
        "The published check, repeated": the_shared_reference_sees_nothing,
        "Your own counts": counts_pass,
        "Counts of another distribution": counts_fail,
    },
}


@pytest.mark.parametrize("name", CLAIMS)
def test_what_a_stop_claims_holds_there(name, monkeypatch):
    tours: list[tuple[PageState, Sequence[Stop]]] = []
    genuine = frame.open_page

    def open_page(state: PageState, title: str, sentence: str, tour: Sequence[Stop] = ()) -> frame.Frame:
        tours.append((state, tour))
        return genuine(state, title, sentence, tour)

    monkeypatch.setattr(frame, "open_page", open_page)
    page(name)
    state, stops = tours[-1]
    claimed = {stop.title: stop for stop in stops if not stop.prediction}
    assert claimed.keys() == CLAIMS[name].keys(), "every stop has its claims checked"
    defaults = {control: table.default for control, table in state.controls.items()}
    for title, stop in claimed.items():
        CLAIMS[name][title]({**defaults, **stop.values})
