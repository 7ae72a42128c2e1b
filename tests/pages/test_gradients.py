"""The gradients page: its numbers against independent references, its figures as data, its snippets, the running page."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import re
from typing import Any

import numpy as np
import plotly.graph_objects as plotly
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from hypergeo import FisherHypergeometric
from hypergeo.estimators import ExactMarginal, LinearizedControlVariate, ScoreFunction, StraightThrough
from hypergeo.figures import DARK, LIGHT, THEMED
from hypergeo.figures.core.series import Line, lines_panel, nice_above, spread_out
from hypergeo.figures.counts.plane import Plane
from hypergeo.figures.gradients.arrows import arrow_outline, spread_ellipse
from hypergeo.figures.gradients.estimators import STYLES
from hypergeo.figures.gradients.loss_background import BANDS, fog
from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.gradients import snippet as gradients_snippet
from hypergeo.ui.gradients.arrays import CURVE, Task, estimates, exact_gradient, probable_cells
from hypergeo.ui.gradients.descent_view import DescentView, arrow_scale
from hypergeo.ui.gradients.estimators import KINDS, Method, agreement, contestants
from hypergeo.ui.gradients.losses import LOSSES, Loss
from hypergeo.ui.gradients.race_view import RaceView
from hypergeo.ui.gradients.settings import GradientSettings
from hypergeo.ui.gradients.side_by_side_view import SideBySide
from hypergeo.ui.gradients.temperature_view import CURVE_ESTIMATES, TemperatureView
from hypergeo.ui.gradients.text import about_mean, loss_words
from tests.support.app import pages
from tests.support.app.pages import alt, figure, go, link, sentence, told, values
from tests.support.reference import RationalUrn

URN = Urn(8, (6, 5, 7), (1.0, 2.0, 4.0))
TARGETS = (4, 3, 1)
VIEWS = ["descent", "side by side", "temperature", "race"]


def settings(loss: str = "squared distance", kind: str = "straight-through", **more: Any) -> GradientSettings:
    urn = more.pop("urn", URN)
    targets = tuple(TARGETS[:2] + (1,) * (len(urn.group_sizes) - 2))
    method = Method(kind, more.pop("tau", 0.5), more.pop("conditionals", "exact"))
    options = {"draws": 4, "number": 50, "optimizer": "Adam", "rate": 0.1, "seed": 0, **more}
    return GradientSettings(Task(urn, Loss(loss, targets)), method, **options)


def rational_gradient(task: Task) -> np.ndarray:
    """Returns ``Cov(f(x), x)``, shape ``(K,)``, as a sum over the distribution in rational arithmetic."""
    urn = task.urn
    law = {x: float(p) for x, p in RationalUrn(urn.total_count, urn.group_sizes, urn.weights).law.items()}
    counts, p = np.array(list(law), dtype=float), np.array(list(law.values()))
    f = task.loss(torch.from_numpy(counts)).numpy()
    return (p * (f - p @ f)) @ (counts - p @ counts)


# Numbers


@pytest.mark.parametrize("kind", LOSSES)
def test_exact_gradients_are_covariances(kind):
    task = settings(kind).task
    np.testing.assert_allclose(exact_gradient(task, task.log_weights), rational_gradient(task), atol=1e-11)


@pytest.mark.parametrize("kind", LOSSES)
def test_losses_are_sums_over_the_groups_and_say_what_they_are(kind):
    loss = settings(kind).task.loss
    counts = torch.tensor([[4.0, 3.0, 1.0], [0.0, 6.0, 2.0], [8.0, 0.0, 0.0]], dtype=torch.float64)
    nothing = torch.zeros(3, dtype=torch.float64)
    alone = sum(loss(counts * torch.eye(3, dtype=torch.float64)[group]) for group in range(3)) - 2 * loss(nothing)
    torch.testing.assert_close(alone, loss(counts))
    space: dict[str, Any] = {"torch": torch}
    exec(loss.code(), space)
    torch.testing.assert_close(space["objective"](counts), loss(counts))
    assert loss.words()


def test_each_method_is_the_estimator_of_the_core():
    made = {method.key: method.estimator(4) for method in contestants(0.5)}
    assert set(made) | {"exact"} == set(STYLES)
    assert made["straight-through (merged)"] == StraightThrough(0.5, "merged")
    assert made["exact marginal"] == ExactMarginal()
    assert made["score function"] == ScoreFunction()
    assert made["control variate"] == LinearizedControlVariate()
    assert Method("score function").estimator(1) == ScoreFunction(None)
    for kind in KINDS:
        method = Method(kind, 0.5, "merged")
        space: dict[str, Any] = {}
        exec("from hypergeo.estimators import *", space)
        assert eval(method.code(4), space) == method.estimator(4)


@pytest.mark.parametrize("method", [*contestants(0.5), Method("exact")], ids=lambda method: method.key)
def test_estimates_are_those_of_single_laws(method):
    """A distribution with a batch of one and one without a batch give the same estimate from the same samples."""
    task = settings().task
    batch = estimates(task, task.log_weights, method, 4, 1, 7)
    torch.manual_seed(7)
    logs = torch.tensor(task.log_weights, dtype=torch.float64, requires_grad=True)
    law = FisherHypergeometric(URN.total_count, list(URN.group_sizes), log_weights=logs)
    method.estimator(4).surrogate_loss(law, task.loss, 4).backward()
    np.testing.assert_allclose(batch.gradients[0], logs.grad, atol=1e-12)
    assert not batch.gradients.flags.writeable


def test_estimates_are_independent_and_reproducible():
    task = settings().task
    first = estimates(task, task.log_weights, Method("score function"), 4, 60, 1).gradients
    assert len(np.unique(first.round(9), axis=0)) > 50
    assert not np.array_equal(first, estimates(task, task.log_weights, Method("score function"), 4, 60, 2).gradients)


def test_the_curve_has_the_estimates_of_each_temperature():
    """Other samples, but the same standard deviation to within its error: 5 standard errors of a relative deviation."""
    view = TemperatureView(settings())
    task, method = view.settings.task, contestants(1.0)[2]
    shares = list(view.work())
    assert shares == sorted(shares)
    assert (len(shares), shares[-1]) == (4 * len(CURVE) + 3, 1.0)
    agreements = view.curves[method]
    assert len(agreements) == len(CURVE)
    for index in (4, 8, 12):
        other = estimates(
            task, task.log_weights, Method(method.kind, CURVE[index]), view.settings.draws, CURVE_ESTIMATES, 10**6
        ).gradients
        one, two = agreements[index], agreement(other, exact_gradient(task, task.log_weights))
        assert abs(one.deviation.value / two.deviation.value - 1) < 0.3
        assert abs(one.along - two.along) < 5 * np.hypot(one.along_error, two.along_error)


def test_cells_have_the_law():
    task = settings().task
    law = RationalUrn(URN.total_count, URN.group_sizes, URN.weights).law
    cells = probable_cells(task, task.log_weights)
    expected = {x: float(p) for x, p in law.items() if p > 1e-5}
    assert {tuple(x) for x in cells.counts.tolist()} == set(expected)
    np.testing.assert_allclose(cells.probabilities, [expected[tuple(x)] for x in cells.counts.tolist()], rtol=1e-10)
    four = Task(Urn(6, (3, 4, 2, 5), (1.0, 0.5, 2.0, 0.0)), Loss("few groups", (0, 0, 0, 0)))
    pairs: dict[tuple[int, ...], float] = {}
    for x, p in RationalUrn(6, (3, 4, 2, 5), (1.0, 0.5, 2.0, 0.0)).law.items():
        pairs[x[:2]] = pairs.get(x[:2], 0.0) + float(p)
    cells = probable_cells(four, four.log_weights)
    probabilities = dict(zip(map(tuple, cells.counts.tolist()), cells.probabilities, strict=True))
    assert probabilities == pytest.approx({x: p for x, p in pairs.items() if p > 1e-5}, abs=1e-12)


def normal_estimates(bias: float, number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    exact = np.array([3.0, -1.0, -2.0])
    noise = np.random.default_rng(seed).normal(size=(number, 3)) * [1.0, 2.0, 0.5]
    return exact * (1 + bias) + noise, exact


def test_agreement_finds_what_was_put_in():
    """A relative bias of 0.2 at 4000 estimates is 20 standard errors: the probability of a miss is negligible."""
    measured = agreement(*normal_estimates(-0.2, 4000, 0))
    norm = np.sqrt(14)
    assert measured.biased
    assert measured.bias.low < 0.2 < measured.bias.high
    assert measured.bias.value == pytest.approx(0.2, abs=5 * 2.3 / norm / 4000**0.5)
    assert measured.along == pytest.approx(-0.2, abs=5 * measured.along_error)
    assert measured.deviation.value == pytest.approx(np.sqrt(5.25) / norm, rel=0.06)
    assert measured.rmse.value == pytest.approx(np.hypot(measured.bias.value, measured.deviation.value), rel=0.02)
    assert "too short**" in about_mean(measured)


def test_agreement_raises_few_false_alarms():
    """Of 200 unbiased sets, none may be called biased (false alarm 1e-4 each, 0.02 in all); 95 % intervals hold zero."""
    measured = [agreement(*normal_estimates(0.0, 100, seed)) for seed in range(200)]
    assert not any(one.biased for one in measured)
    assert sum(one.bias.low > 0 for one in measured) <= 25  # binomial(200, 0.05) exceeds 25 with probability 1e-5
    assert "No significant bias" in about_mean(measured[0])


def test_agreement_without_noise_and_without_gradient():
    exact = np.array([1.0, -1.0])
    same = agreement(np.tile(exact, (9, 1)), exact)
    assert (same.bias.value, same.deviation.value, same.biased) == (0.0, 0.0, False)
    assert "equals the exact gradient" in about_mean(same)
    nothing = agreement(np.zeros((9, 2)), exact)
    assert nothing.biased
    assert (nothing.bias.value, nothing.along) == (1.0, -1.0)
    zero = agreement(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.zeros(2))
    assert not zero.norm
    assert zero.deviation.value == pytest.approx(2.0)
    assert "**zero**" in about_mean(zero)
    assert loss_words(0.0) == "0"


def test_descent_reaches_what_exact_descent_reaches():
    """Two hundred steps with a control variate, whose squared-distance estimates are exact: the same path."""
    view = DescentView(settings(kind="control variate"), 60)
    np.testing.assert_allclose(view.record.means, view.reference.means[:61], atol=1e-6)
    assert view.record.losses[-1] < 0.3 * view.record.losses[0]


# Figures


def views(**more: Any) -> list[Any]:
    options = settings(**{"number": 20, **more})
    shown = [DescentView(options, 0), DescentView(options, 3), SideBySide(options), RaceView(options, 0), RaceView(options, 3)]
    return shown if "urn" in more else [*shown, TemperatureView(options)]


def unpacked(packed: Any) -> np.ndarray:
    """Returns an array from its form in a figure's JSON."""
    return np.frombuffer(base64.b64decode(packed["bdata"]), np.dtype(packed["dtype"]))


def numbers(value: Any) -> list[float]:
    """Returns all numbers of a figure's JSON."""
    if isinstance(value, dict):
        return [x for inner in value.values() for x in numbers(inner)]
    if isinstance(value, list | tuple):
        return [x for inner in value for x in numbers(inner)]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"loss": "step", "kind": "score function"},
        {"urn": Urn(5, (4, 6), (1.0, 3.0)), "loss": "absolute distance", "kind": "exact"},
        {"urn": Urn(9, (4, 6, 3, 5, 2), (1.0, 3.0, 0.2, 1.0, 2.0)), "kind": "control variate", "draws": 1},
        {"urn": Urn(0, (4, 6, 3), (1.0, 3.0, 1.0)), "kind": "exact marginal"},
        {"urn": Urn(13, (4, 6, 3), (1.0, 3.0, 1.0))},
        {"urn": Urn(5, (4, 6, 3), (1.0, 0.0, 1.0))},
        {"rate": 1.0, "optimizer": "plain", "kind": "score function"},
    ],
    ids=["plain", "step", "two", "five", "none drawn", "all drawn", "weight of zero", "wild"],
)
def test_every_view_draws_and_speaks_whatever_the_urn(more):
    for view in views(**more):
        figure = view.figure(LIGHT)
        checked = plotly.Figure(figure.to_dict())  # plotly looks at every option, which the page has no time for
        assert checked.layout.height == figure.layout.height
        assert np.isfinite(numbers(json.loads(figure.to_json())["layout"])).all()
        assert len(view.alt()) > 40
        assert len(view.sentences()) in (1, 3)
        assert "nan" not in " ".join([*view.sentences(), view.alt()]).lower()
        columns = {len(column) for column in view.table().values()}
        assert len(columns) == 1
        rows = list(csv.reader(io.StringIO(view.export().decode())))
        assert len({len(row) for row in rows}) == 1
        assert len(rows) > 1


def test_a_narrow_page_has_its_panels_below_one_another():
    for view in views():
        figure = view.figure(LIGHT, narrow=True)
        assert plotly.Figure(figure.to_dict()).layout.height > 700
        boxes = [tuple(axis.domain) for axis in figure.select_yaxes()]
        assert all(0 <= low < high <= 1 for low, high in boxes)


@pytest.mark.parametrize("palette", [LIGHT, DARK, THEMED], ids=["light", "dark", "themed"])
def test_exact_is_an_outline_and_estimates_are_filled(palette):
    figure = DescentView(settings(), 2).figure(palette)
    by_name = {trace.name: trace for trace in figure.data if trace.name}
    assert by_name["exact gradient"].line.color == palette.exact
    assert by_name["exact gradient"].fill is None
    assert by_name["mean of 50"].fill == "toself"
    assert by_name["mean of 50"].fillcolor == palette.relaxed


def test_arrows_point_downhill_and_share_one_scale():
    view = DescentView(settings(number=200), 0)
    outline = next(trace for trace in view.figure(LIGHT).data if trace.name == "exact gradient").to_plotly_json()
    start = view.plane.place(view.record.means[-1])
    tip = np.array([unpacked(outline[axis])[3] for axis in "xy"])
    expected = start - view.plane.shift(view.scale * view.exact)
    np.testing.assert_allclose(tip, expected, atol=1e-6)
    nearer = view.plane.place(np.array(TARGETS, dtype=float))
    assert np.linalg.norm(nearer - tip) < np.linalg.norm(nearer - start)


def test_each_step_has_its_own_draws():
    view = settings()
    logs = view.task.log_weights
    assert not np.array_equal(view.at(view.method, logs, 0).gradients, view.at(view.method, logs, 1).gradients)


def test_arrow_outlines():
    outline = arrow_outline(np.zeros(2), np.array([0.0, 5.0]), 1.0)
    np.testing.assert_allclose(outline[0], outline[-1])
    np.testing.assert_allclose(outline[3], [0, 5])
    assert np.ptp(outline[:, 0]) == pytest.approx(2.6)
    short = arrow_outline(np.zeros(2), np.array([0.0, 0.1]), 1.0)
    assert np.abs(short).max() <= 0.1 + 1e-9
    assert np.isfinite(arrow_outline(np.ones(2), np.ones(2), 1.0)).all()
    ellipse = spread_ellipse(np.array([1.0, 2.0]), np.diag([4.0, 9.0]), "#3A7DD9")
    assert (np.ptp(ellipse["x"]), np.ptp(ellipse["y"])) == pytest.approx((4, 6))
    assert arrow_scale(0.0, np.array([2.0])) == pytest.approx(0.11)
    assert arrow_scale(2.0, np.array([])) == pytest.approx(0.11)
    assert arrow_scale(1e-3, np.array([9.0, 9.0])) == pytest.approx(50)


def test_gradients_lie_in_the_plane_as_they_are():
    plane = Plane.of(12, (12, 12, 12))
    vectors = np.array([[1.0, -1.0, 0.0], [2.0, -0.5, -1.5]])
    lengths = np.linalg.norm(plane.shift(vectors), axis=-1) * 12
    np.testing.assert_allclose(lengths, np.linalg.norm(vectors, axis=-1) / np.sqrt(2))
    counts = np.array([[3.0, 4.0, 5.0], [4.0, 3.0, 5.0]])
    np.testing.assert_allclose(np.diff(plane.place(counts), axis=0), plane.shift(np.diff(counts, axis=0)))


@pytest.mark.parametrize("sizes", [(12, 12, 12), (5, 12, 9), (3, 4, 5, 6)])
def test_the_ground_is_the_loss(sizes):
    plane = Plane.of(12, sizes)
    rest = np.full(max(len(sizes) - 2, 0), 1 / max(len(sizes) - 2, 1))
    counts, inside, (left, right, bottom, top) = plane.grid(60, rest)
    rows, columns = inside.shape
    centres = np.stack(
        np.meshgrid(
            left + (right - left) * (np.arange(columns) + 0.5) / columns, top - (top - bottom) * (np.arange(rows) + 0.5) / rows
        ),
        -1,
    )
    if len(sizes) == 3:
        np.testing.assert_allclose(counts.sum(-1), 12)
        np.testing.assert_allclose(plane.place(counts), centres, atol=1e-12)
    assert (counts[inside] >= plane.lowest - 1e-6).all()
    assert (counts[inside] <= plane.highest + 1e-6).all()
    assert inside.mean() > 0.2


def test_fog_is_thin_where_the_function_is_low():
    values = np.tile(np.linspace(0, 1, 50), (4, 1))
    inside = np.ones_like(values, dtype=bool)
    inside[0] = False
    picture = Image.open(io.BytesIO(base64.b64decode(fog(values, inside).split(",")[1])))
    pixels = np.asarray(picture)
    assert pixels.shape == (4, 50)
    assert (pixels[0] == 0).all()
    band = np.where(pixels[1] > BANDS, pixels[1] - BANDS, pixels[1])
    assert (np.diff(band.astype(int)) >= 0).all()
    assert (band[0], band[-1]) == (1, BANDS)
    shown = np.asarray(picture.convert("RGBA"))
    assert (shown[..., :3] == shown[0, 0, :3]).all()
    assert (shown[0, :, 3] == 0).all()
    assert (np.diff(shown[1, pixels[1] <= BANDS, 3].astype(int)) >= 0).all()
    assert 0 < shown[1, 0, 3] < shown[1, -1, 3] < 255
    flat = fog(np.ones((3, 3)), np.ones((3, 3), dtype=bool))
    assert flat.startswith("data:image/png;base64,")


def test_words_at_the_ends_of_lines_keep_apart():
    places = spread_out(np.array([1.0, 1.05, 0.2, 1.1]), 0.5, 0.0, 2.0)
    assert (np.diff(np.sort(places)) >= 0.5 - 1e-9).all()
    assert places.min() >= 0
    assert places.max() <= 2
    assert np.argsort(places).tolist() == [2, 0, 1, 3]
    assert [nice_above(x) for x in (0.011, 1.0, 7.0, 9.9)] == pytest.approx([0.015, 1.0, 8.0, 10.0])
    line = Line(np.arange(3), np.array([1.0, np.nan, 2.0]), "#3A7DD9", "one", end="one")
    panel = lines_panel([line], LIGHT, title="t", xtitle="x", xrange=(0, 2), yrange=(0.5, 3), height=100, logy=True)
    assert [note["text"] for note in panel.annotations if "one" in note["text"]]


# Snippets


def printed(code: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "snippet", "exec"), {})
    return out.getvalue()


@pytest.mark.parametrize(("loss", "kind"), [("squared distance", "straight-through"), ("step", "score function")])
def test_the_descent_snippet_gives_the_numbers_of_the_page(loss, kind):
    options = settings(loss, kind, number=100, seed=2)
    view = DescentView(options, 5)
    text = printed(gradients_snippet.descent_snippet(options, 5))
    assert f"expected loss: {view.record.losses[-1]:.4g}" in text
    assert f"mean counts: {[round(x, 3) for x in view.record.means[-1].tolist()]}" in text
    assert str([round(x, 3) for x in view.measured.gradients.mean(0).tolist()]) in text
    measured = view.agreement
    assert f"bias {measured.bias.value:.3f}, standard deviation {measured.deviation.value:.3f}" in text


def test_the_side_by_side_snippet_gives_the_numbers_of_the_page():
    options = settings("absolute distance", conditionals="merged", number=60)
    text = printed(gradients_snippet.side_by_side_snippet(options))
    view = SideBySide(options)
    for method, measured in view.agreements.items():
        if method.kind != "exact":
            assert (
                f"bias {measured.bias.value:.3f}, standard deviation {measured.deviation.value:.3f}: {method.estimator(4)}"
                in text
            )


def test_the_race_snippet_gives_the_numbers_of_the_page():
    options = settings("absolute distance", seed=1)
    text = printed(gradients_snippet.race_snippet(options, 3))
    for method, record in RaceView(options, 3).records.items():
        assert f"{record.losses[-1]:.5g} after {record.evaluations.sum():.0f} evaluations: {method.estimator(4)}" in text


def test_the_temperature_snippet_gives_the_numbers_of_the_page():
    options = settings("absolute distance")
    text = printed(gradients_snippet.curve_snippet(options))
    names = {"Gumbel-softmax": "GumbelSoftmax", "straight-through": "StraightThrough"}
    for method, measured in TemperatureView(options).curves.items():
        for temperature, one in zip(CURVE, measured, strict=False):
            if method.relaxes:
                numbers_ = f"bias {one.bias.value:.3f}, standard deviation {one.deviation.value:.3f}"
                assert f"{names[method.kind]}, {method.conditionals}, {temperature:g}: {numbers_}" in text


# The page


def page(**address: str) -> AppTest:
    return pages.page("gradients", **{f"grad_{name}": value for name, value in address.items()})


def fine(app: AppTest) -> None:
    assert not app.exception
    assert not app.error
    assert not app.warning


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_shows_a_figure_and_what_to_notice(view):
    app = page(view=view, loss="absolute distance", number="50", step="2" if view in ("descent", "race") else "0")
    fine(app)
    assert len(alt(app)) > 40
    assert told(app).count("\n- ") == 2
    assert [button.label for button in app.get("download_button")] == ["Data (CSV)", "Figure (HTML, opens offline)", "Python"]


def test_presets_and_their_links_show_the_same_picture():
    for number in range(9):
        app = page(number="50")
        before = link(app)
        button = app.button(key=f"_grad_preset_{number}")
        app = button.click().run()
        fine(app)
        assert button.help
        assert link(app) != before or number == 0, f"{button.label} changes nothing"
        if number in (1, 7):
            again = pages.page("gradients", **link(app))
            fine(again)
            assert values(again) == values(app)
            assert told(again) == told(app)
            assert figure(again)["data"] == figure(app)["data"]
    assert len([button for button in app.button if str(button.key).startswith("_grad_preset_")]) == 9


def test_controls_change_the_picture():
    app = page(number="50")
    for name, value in {
        "estimator": "Gumbel-softmax",
        "tau": "3.2",
        "conditionals": "merged",
        "draws": "8",
        "number": "100",
        "seed": "4",
        "t1": "5",
        "loss": "step",
        "group": "2",
        "n": "10",
        "w2": "7.9",
        "optimizer": "plain",
        "rate": "0.5",
        "groups": "4",
    }.items():
        before = figure(app)
        app.query_params[f"grad_{name}"] = value
        app.run()
        fine(app)
        assert figure(app) != before, f"{name} changes nothing in the picture"


def test_an_urn_that_cannot_be_drawn_from_is_named_and_the_last_good_one_kept():
    app = page(number="50")
    before = figure(app)["data"]
    go(app, grad_number="50", grad_n="40")
    assert not app.exception
    assert re.search(r"The urn holds only 36 balls, so 40 cannot", app.error[0].value)
    assert figure(app)["data"] == before
    assert not page(n="40", m1="3", m2="3", m3="3", number="50").exception


def test_addresses_are_mended():
    app = page(tau="1e-9", estimator="magic", number="50")
    assert not app.exception
    assert 'invalid temperature ("1e-9"' in app.warning[0].value
    assert values(app)["estimator"] == "straight-through"


def test_a_flat_loss_leaves_relaxations_nothing_to_follow():
    app = page(loss="step", t1="3", number="50", view="race", step="4")
    live = sentence(app)
    assert live.startswith("**Step 4.**")
    assert "5 estimators have not moved: the gradient estimate is zero." in live
    app = page(loss="step", t1="3", number="50")
    assert "pathwise estimators return zero" in told(app)


def test_the_merged_rule_is_biased_where_exact_conditionals_are_not():
    """With the page's preset, the bias of merged conditionals is 25 standard errors of 1000 estimates; false alarm 1e-4."""
    options = settings(
        urn=Urn(18, (12, 12, 12), (1.0, 10.0, 1.0)), kind="straight-through", conditionals="merged", number=1000, tau=0.56
    )
    view = SideBySide(options)
    agreements = {method.key: one for method, one in view.agreements.items()}
    assert agreements["straight-through (merged)"].biased
    assert agreements["straight-through (merged)"].bias.value > 0.3
    assert agreements["control variate"].bias.value < 1e-9
    assert agreements["exact marginal"].bias.value < 0.15


def test_a_rare_success_is_not_called_flat():
    """None of 50 × 4 samples gives group 1 eight of twelve: the probability that any does is 200 · P(x_1 >= 8) < 0.03."""
    options = settings("step", "score function", urn=Urn(12, (12, 12, 12), (1.0, 2.0, 4.0)))
    rare = GradientSettings(
        Task(options.task.urn, Loss("step", (8, 4, 1))), **{k: v for k, v in vars(options).items() if k != "task"}
    )
    view = DescentView(rare, 0)
    assert 0 < 1 - view.record.losses[0] < 1.5e-4
    assert "too rare to occur" in view.sentences()[0]
