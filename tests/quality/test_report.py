"""The quality report: what is wrong is caught, what is right is not, and what it says is what it measured."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from dataclasses import dataclass, replace

import pytest
import torch
from scipy import stats
from torch import Tensor

from hypergeo import FisherHypergeometric
from hypergeo.estimators import Exact, ExactMarginal, GumbelSoftmax, LinearizedControlVariate, ScoreFunction, StraightThrough
from hypergeo.objectives import Absolute, Linear, Quadratic, Step, preset_objective
from hypergeo.quality import QualityReport
from hypergeo.quality import gradients as gradient_quality
from hypergeo.quality.progress import label
from hypergeo.quality.samples import Floors, measure_counts
from hypergeo.quality.table import sampler_table
from hypergeo.quality.verdict import percent

LAW = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
STEEP = FisherHypergeometric(15, [10, 10, 10], [1.0, 10.0, 1.0])
EVEN = Quadratic((5.0, 5.0, 5.0))


@dataclass(frozen=True)
class Flipped:
    """An estimator with its sign the wrong way round: the same value, the opposite gradient."""

    def surrogate_loss(self, distribution: FisherHypergeometric, objective, num_samples: int, *, generator=None) -> Tensor:
        loss = LinearizedControlVariate().surrogate_loss(distribution, objective, num_samples, generator=generator)
        return 2 * loss.detach() - loss


@dataclass(frozen=True)
class Shifted:
    """An estimator whose gradient has a bias of a half, and a standard deviation of a tenth, in the first group."""

    def surrogate_loss(self, distribution: FisherHypergeometric, objective, num_samples: int, *, generator=None) -> Tensor:
        noise = torch.randn(distribution.batch_shape, generator=generator, dtype=torch.float64)
        loss = Exact().surrogate_loss(distribution, objective, num_samples)
        return loss + (0.5 + 0.1 * noise) * distribution.log_weights[..., 0]


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Estimators are not run again for the clock."""
    monkeypatch.setattr(gradient_quality, "_cost", lambda *_: (8.0, 1e-3))


def timeless(report: QualityReport) -> QualityReport:
    """Returns a report without times, which differ from run to run."""
    samples = tuple(replace(row, seconds=0.0) for row in report.samples)
    gradients = tuple(replace(row, seconds=0.0, rmse_at_equal_time=0.0) for row in report.gradients)
    return replace(report, samples=samples, gradients=gradients, equal_seconds=None)


def test_the_merged_rule_and_a_flipped_sign_are_caught_and_nothing_else_is():
    """Each gap is many standard errors: merged conditionals have a total variation of 0.12,
    and a flipped sign has a bias of twice the gradient."""
    estimators = {
        "ours": LinearizedControlVariate(),
        "RLOO": ScoreFunction(),
        "flipped": Flipped(),
        "published": StraightThrough(1.0, "merged"),
    }
    report = QualityReport.measure(
        STEEP, [0.5], EVEN, estimators, straight_through=[True], conditionals=["exact", "merged"], num_gradients=300
    )
    assert [(row.conditionals, row.differs) for row in report.samples] == [("exact", False), ("merged", True)]
    assert {row.label: row.verdict for row in report.gradients} == {
        "ours": "no bias found",
        "RLOO": "no bias found",
        "flipped": "biased",
        "published": "biased",
    }
    flipped = report.gradients[2]
    assert flipped.relative_bias is not None
    assert flipped.relative_bias.value == pytest.approx(2, rel=0.02)
    assert flipped.cosine is not None
    assert flipped.cosine.value == pytest.approx(-1, abs=0.01)
    assert report.failures() == [
        "straight-through samples with merged conditionals",
        "the gradients of flipped",
        "the gradients of published at τ = 0.5",
    ]
    first, *others = report.verdict()
    assert first.startswith(
        "**Not to be trusted here: straight-through samples with merged conditionals, the gradients of flipped"
    )
    text = " ".join(others)
    assert "Straight-through samples with exact conditionals pass at τ = 0.5" in text
    assert "Straight-through samples with merged conditionals do not follow Fisher's distribution" in text
    assert "flipped is biased by" in text
    assert "points in the wrong direction" in text
    assert "of the gradient norm in ours and RLOO" in text


def test_right_samplers_and_estimators_raise_as_few_alarms_as_promised(untimed):
    """40 reports at level 0.2 raise 8 false alarms at most on average: more than 20 have a probability of 1e-6.

    Power: the six tests without correction would raise one in more than half of the reports.
    """
    alarms = 0
    for seed in range(40):
        report = QualityReport.measure(
            LAW,
            [0.5],
            Absolute((5.0, 5.0, 5.0)),
            [ScoreFunction(), LinearizedControlVariate()],
            straight_through=[True],
            num_samples=300,
            num_gradients=100,
            level=0.2,
            seed=seed,
        )
        assert report.num_tests == 6
        assert report.samples[0].violations == 0
        alarms += any(row.differs for row in report.samples) or any(row.biased for row in report.gradients)
    assert alarms <= stats.binom.isf(1e-6, 40, 0.2)


def test_weights_a_tenth_off_are_seen_in_five_thousand_draws():
    """Power: the third mean moves by 12 standard errors. The same number of right draws passes at 1e-4, each of ten times."""
    off = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.4])
    for seed in range(10):
        torch.manual_seed(seed)
        assert measure_counts(LAW, off.sample((5000,)), level=1e-4).differs
        assert not measure_counts(LAW, LAW.sample((5000,)), level=1e-4).differs


def test_soft_draws_are_told_apart_at_high_temperatures_and_not_at_low_ones():
    report = QualityReport.measure(LAW, [1e-3, 1.0], num_samples=4000)
    verdicts = {(row.straight_through, row.temperature): row.differs for row in report.samples}
    assert verdicts == {(False, 1e-3): False, (False, 1.0): True, (True, 1e-3): False, (True, 1.0): False}
    shown = [row[2] for row in sampler_table(report)[1]]
    assert shown == [f"{'' if row.differs else 'no '}significant difference" for row in report.samples]
    assert report.failures() == []
    text = " ".join(report.verdict())
    assert "Nothing wrong was found" in text
    assert "At τ = 1 soft samples differ significantly from exact ones, as expected of a relaxation." in report.verdict()[0]
    assert "differ significantly from exact ones at τ = 1, but not at τ = 0.001:" in text
    by_temperature = [row.wasserstein for row in report.samples if not row.straight_through]
    assert by_temperature[0] < report.samples[0].wasserstein_floor.quantile * 1.5 < by_temperature[1]


def test_noise_floors_are_those_of_exact_draws():
    """False alarm 1e-6: means of 100 sets, within 4.9 standard errors."""
    torch.manual_seed(0)
    floors = Floors.of(LAW, 200)
    rows = [measure_counts(LAW, LAW.sample((200,)), floors=floors) for _ in range(100)]
    for name in ("wasserstein", "total_variation"):
        seen = torch.tensor([getattr(row, name) for row in rows], dtype=torch.float64)
        floor = getattr(rows[0], f"{name}_floor")
        assert abs(seen.mean() - floor.mean) < 4.9 * seen.std() / 10
        assert 0 < (seen > floor.quantile).double().mean() < 0.2


def test_broken_rules_are_counted():
    counts = LAW.sample((100,))
    counts[0] += torch.tensor([0.5, 0.0, 0.0])
    counts[1] += torch.tensor([0.0, 1.0, 0.0])
    counts[2] = torch.tensor([12.0, 4.0, -1.0])
    row = measure_counts(LAW, counts)
    assert (row.sum_violations, row.largest_sum_error) == (2, 1.0)
    assert (row.bound_violations, row.largest_bound_error) == (1, 2.0)
    assert row.differs
    report = QualityReport.of_counts(LAW, counts)
    assert "2 of 100 the observed counts do not" in " ".join(report.verdict()).replace("  ", " ")
    assert report.failures() == ["the observed counts"]


def test_a_report_survives_json_and_is_the_same_for_the_same_seed():
    law = FisherHypergeometric(5, [4, 5, 6], [1.0, 0.0, 2.0])
    arguments = (law, [0.3], Linear((1.0, 0.0, 0.0)), [ExactMarginal(), GumbelSoftmax(1.0)])
    effort = {"num_samples": 200, "num_gradients": 20, "conditionals": ["exact", "merged"]}
    report = QualityReport.measure(*arguments, **effort, seed=11)
    assert report.urn.log_weights[1] == float("-inf")
    text = report.to_json()
    assert QualityReport.from_json(text) == report
    assert json.loads(text)["urn"]["log_weights"][1] == "-inf"
    assert timeless(QualityReport.measure(*arguments, **effort, seed=11)) == timeless(report)
    other = QualityReport.measure(*arguments, **effort, seed=12)
    assert other.samples[0].wasserstein != report.samples[0].wasserstein
    assert report.urn.law().mean.tolist() == law.mean.tolist()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"urn": 3}', "null", "[" * 100_000], ids=lambda text: text[:12])
def test_what_is_no_report_is_said_to_be_none(text):
    with pytest.raises(ValueError, match="must be the JSON of a QualityReport"):
        QualityReport.from_json(text)


def test_a_field_of_another_type_is_named():
    record = json.loads(QualityReport.of_counts(LAW, LAW.sample((10,))).to_json())
    for name, value in (("seed", "0"), ("seed", True), ("samples", {}), ("level", None), ("objective", 4)):
        with pytest.raises(ValueError, match="QualityReport"):
            QualityReport.from_json(json.dumps({**record, name: value}))


def test_rows_do_not_depend_on_what_else_is_measured():
    alone = QualityReport.measure(LAW, [1.0], straight_through=False, conditionals="exact", num_samples=300)
    among = QualityReport.measure(LAW, [0.1, 1.0], conditionals=["merged", "exact"], num_samples=300)
    same = next(r for r in among.samples if (r.temperature, r.conditionals, r.straight_through) == (1.0, "exact", False))
    assert replace(same, adjusted_p_value=0.0, seconds=0.0) == replace(alone.samples[0], adjusted_p_value=0.0, seconds=0.0)


def test_the_table_has_a_row_for_each_sampler_and_estimator():
    report = QualityReport.measure(LAW, [0.2, 2.0], EVEN, [StraightThrough(9.0), Exact()], num_samples=100, num_gradients=10)
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert [row["kind"] for row in rows] == ["samples"] * 4 + ["gradients"] * 3
    assert [row["temperature"] for row in rows] == ["0.2", "2.0"] * 3 + [""]
    assert float(rows[0]["wasserstein"]) == report.samples[0].wasserstein
    assert float(rows[-2]["rmse"]) == report.gradients[-2].rmse.value
    assert rows[0]["rmse"] == rows[-1]["ks_largest"] == ""


def test_progress_rises_to_one_and_may_cancel():
    calls = []
    QualityReport.measure(
        LAW, [0.5], EVEN, [ScoreFunction()], num_samples=100, num_gradients=120, progress=lambda *call: calls.append(call)
    )
    shares = [share for share, _ in calls]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert all(earlier <= later for earlier, later in itertools.pairwise(shares))
    assert len({label for _, label in calls}) == 5

    class Cancelled(Exception):  # noqa: N818
        pass

    def cancel(share: float, label: str) -> None:
        if share > 0.5:
            raise Cancelled

    state = torch.get_rng_state()
    with pytest.raises(Cancelled):
        QualityReport.measure(LAW, [0.5], num_samples=100, progress=cancel)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_urn_too_large_to_list_is_measured_by_its_margins(untimed):
    law = FisherHypergeometric(60, [20] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    report = QualityReport.measure(
        law, [0.5], Linear((1.0,) + (0.0,) * 5), {"flipped": Flipped(), "exact marginal": ExactMarginal()}, num_gradients=40
    )
    assert report.support_size is None
    assert all(row.g_p_value is None and row.total_variation is None for row in report.samples)
    assert all(len(row.ks_p_values) == 6 for row in report.samples)
    text = " ".join(report.verdict())
    assert "their joint distribution was not" in text
    assert "Too many count vectors to list: mean of 40 unbiased estimates" in text
    assert report.reference is not None
    # A linear objective leaves the control variate nothing to chance: the long run is the covariance itself.
    assert report.reference.gradient == pytest.approx(law.covariance_matrix[0].tolist(), rel=1e-9)
    assert {row.label: row.verdict for row in report.gradients} == {"flipped": "biased", "exact marginal": "no bias found"}


def test_a_flat_objective_has_no_gradient_and_no_bias(untimed):
    estimators = [ScoreFunction(), ScoreFunction(None), ExactMarginal(), StraightThrough(1.0), GumbelSoftmax(1.0)]
    report = QualityReport.measure(LAW, [0.5], Linear((1.0, 1.0, 1.0)), estimators, straight_through=[], num_gradients=100)
    assert report.samples == ()
    assert all(row.relative_bias is None and row.cosine is None for row in report.gradients)
    assert not any(row.biased for row in report.gradients)


def test_a_bias_where_the_exact_gradient_is_zero_is_a_number_without_a_percentage(untimed):
    """100 estimates: the bound of ten standard errors is exceeded by chance with a probability below 1e-20."""
    report = QualityReport.measure(
        LAW, [0.5], Linear((1.0, 1.0, 1.0)), {"shifted": Shifted()}, straight_through=[], num_gradients=100
    )
    bias = report.gradients[0].bias
    assert bias.value == pytest.approx(0.5, abs=10 * 0.1 / 100**0.5)
    assert report.verdict() == [
        "**Not to be trusted here: the gradients of shifted.**",
        f"shifted is biased by {bias.value:.2g} ({bias.low:.2g} to {bias.high:.2g}); the exact gradient is zero.",
        "1 test, corrected by Holm's method: a report on a correct sampler raises any false alarm in at most 1 % of cases.",
    ]


def test_soft_samples_with_merged_conditionals_differ_for_two_reasons():
    report = QualityReport.measure(STEEP, [0.5], straight_through=False, conditionals="merged", num_samples=500)
    assert report.samples[0].label == "Soft, merged conditionals"
    first, soft, *_ = report.verdict()
    assert first.endswith("differ significantly from exact ones, as expected of a relaxation and of merged conditionals.")
    assert re.fullmatch(
        r"Soft samples with merged conditionals differ significantly from exact ones at τ = 0\.5: Wasserstein distance .*; "
        r"the difference is largest for group \d",
        soft.removesuffix("."),
    )


def test_a_report_of_nothing_says_so_and_no_more():
    report = QualityReport.measure(LAW, [0.5], straight_through=[])
    assert report.verdict() == ["**Nothing was measured.**"]
    assert report._repr_html_() == "<p><strong>Nothing was measured.</strong></p><ul></ul>"


def test_estimators_are_named_by_the_settings_that_are_not_the_default():
    assert label(LinearizedControlVariate()) == "Linearised control variate"
    assert label(LinearizedControlVariate(curvature=False)) == "Linearised control variate (first order)"


def test_words_of_shares():
    assert [percent(share) for share in (0.0, 0.004, 0.05, 0.994, 1.0, 12.3)] == [
        "0 %",
        "0.4 %",
        "5 %",
        "99 %",
        "100 %",
        "1230 %",
    ]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: QualityReport.measure(LAW, []), "temperatures must be at least one positive number"),
        (lambda: QualityReport.measure(LAW, [1.0, -1.0]), r"got \[1.0, -1.0\]"),
        (lambda: QualityReport.measure(LAW.expand([2]), [1.0]), r"no batch; got batch_shape \(2,\)"),
        (lambda: QualityReport.measure(LAW, [1.0], None, [ScoreFunction()]), "objective is required if there are estimators"),
        (lambda: QualityReport.measure(LAW, [1.0], num_samples=0), "num_samples must be at least 1; got 0"),
        (lambda: QualityReport.measure(LAW, [1.0], num_gradients=1), "num_gradients must be at least 2; got 1"),
        (lambda: QualityReport.measure(LAW, [1.0], level=0.0), "level must be between 0 and 1; got 0.0"),
        (lambda: QualityReport.measure(LAW, [1.0], conditionals=["guess"]), "conditionals must be"),
        (lambda: measure_counts(LAW, torch.zeros(3, 2)), r"shape \(S, 3\) .* got \(3, 2\)"),
        (lambda: measure_counts(LAW, torch.full((2, 3), torch.nan)), "counts must be finite; got nan"),
        (lambda: measure_counts(LAW.expand([2]), torch.zeros(3, 3)), "no batch"),
        (lambda: preset_objective("cubic", LAW), "must be one of linear, quadratic, absolute, step; got 'cubic'"),
    ],
)
def test_errors_name_what_is_wrong(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("objective", [Linear((1.0, -2.0, 0.5)), EVEN, Absolute((2.0, 4.0, 9.0)), Step(1, 6)], ids=str)
def test_named_objectives_keep_batch_and_dtype(objective):
    counts = LAW.sample((4, 2))
    values = objective(counts)
    assert values.shape == (4, 2)
    assert values.dtype == counts.dtype
    assert objective(counts.float()).dtype == torch.float32
    by_hand = {
        Linear: lambda x: x[0] - 2 * x[1] + 0.5 * x[2],
        Quadratic: lambda x: sum((v - 5) ** 2 for v in x),
        Absolute: lambda x: abs(x[0] - 2) + abs(x[1] - 4) + abs(x[2] - 9),
        Step: lambda x: float(x[1] >= 6),
    }[type(objective)]
    assert values[3, 1].item() == by_hand(counts[3, 1].tolist())
