"""The page on shared factors: its runs, plans, figures and sentences; its snippet prints its numbers."""

from __future__ import annotations

import contextlib
import io
import json
import re
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as plotly
import pytest
import torch
from PIL import Image
from scipy.optimize import minimize_scalar
from scipy.stats import nchypergeom_fisher
from streamlit.testing.v1 import AppTest

from hypergeo.figures import DARK, LIGHT
from hypergeo.figures.shared_factors.sprites import mosaic
from hypergeo.shared_factors import SharedFactors
from hypergeo.shared_factors.pooled_estimate import pooled_law
from hypergeo.shared_factors.scores import Collapse
from hypergeo.ui.runtime.result_store import ResultStore
from hypergeo.ui.shared_factors import run as factor_run
from hypergeo.ui.shared_factors.run import SHOWN, FactorRun, Snapshot, fresh_pairs
from hypergeo.ui.shared_factors.settings import FORMER_RULES, RULES, SHARED, STEPS, VARYING, EditList, FactorSettings, Plan
from hypergeo.ui.shared_factors.text import FactorWords
from hypergeo.ui.shared_factors.view import VIEWS, FactorView
from tests.support.app import pages
from tests.support.app.pages import alt, figure, go, link, sentence, stage, text, values

SMALL = FactorSettings(factors=3, schedule=400, seed=3)
LATE: dict[str, Any] = {"step": 200, "record": np.ones((200, 5))}
CHANGED = Plan("1", ((6, "3"), (9, VARYING)))


@pytest.fixture(autouse=True)
def shelf(monkeypatch) -> ResultStore:
    """Returns the store of results: an empty one, so that no test sees results of another."""
    empty: ResultStore = ResultStore(100)
    monkeypatch.setattr(factor_run, "_SHARED_STATES", empty)
    return empty


def same(one: Snapshot, other: Snapshot) -> None:
    """Asserts that two snapshots have the same numbers."""
    for name in ("estimate", "law", "distances", "record", "laws", "traversals", "inferred"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def page(**address: str) -> AppTest:
    return pages.page("shared_factors", **address)


def test_a_run_does_what_the_model_does():
    snapshot = FactorRun(SMALL).at(12, CHANGED)
    model = SMALL.model("1")
    model.step(6)
    model.shared = [3]
    model.step(3)
    model.shared = [(0, 3)]
    model.step(3)
    pairs = fresh_pairs(SMALL, model, VARYING)
    seen = model.view(pairs.images)
    np.testing.assert_allclose(snapshot.estimate, seen.estimate[0].numpy(), rtol=1e-5)
    np.testing.assert_allclose(snapshot.law, seen.law[0].mean(0).numpy(), rtol=1e-5)
    np.testing.assert_array_equal(snapshot.true, pairs.num_shared.numpy())
    assert snapshot.record[:, 3].tolist() == [1] * 6 + [3] * 3 + [1.5] * 3
    np.testing.assert_allclose(snapshot.record[:, 0], model.record.loss[:, 0].numpy(), rtol=1e-5)
    assert snapshot.even == pytest.approx([1 / 20, 9 / 20, 9 / 20, 1 / 20])


def test_the_pooled_law_is_the_one_of_greatest_likelihood():
    """SciPy's hypergeometric distribution, fitted to counts with this mean by minimising the negative log-likelihood."""
    counts = np.array([0, 1, 1, 2, 2, 2, 3, 4, 1, 0])

    def cost(log_weight: float) -> float:
        return -float(nchypergeom_fisher(10, 5, 5, np.exp(log_weight)).logpmf(counts).sum())

    best = minimize_scalar(cost, bounds=(-5, 5), method="bounded", options={"xatol": 1e-9}).x
    expected = nchypergeom_fisher(10, 5, 5, np.exp(best)).pmf(np.arange(6))
    np.testing.assert_allclose(pooled_law(float(counts.mean()), 5), expected, atol=1e-4)


def test_pictures_are_those_that_the_model_gives():
    snapshot = FactorRun(SMALL).at(30, Plan("1"))
    model = SMALL.model("1")
    model.step(30)
    pairs = fresh_pairs(SMALL, model, "1").images
    few = pairs[:SHOWN]

    def as_bytes(images: torch.Tensor) -> np.ndarray:
        return (255 * images).round().byte().movedim(-3, -1).numpy()

    expected = {
        "pairs": few,
        "seen": model.reconstruct(few)[0],
        "shared": model.swap(few)[0],
        "independent": model.swap(few, "independent")[0],
        "next": model.swap(pairs, donors=torch.arange(1, len(pairs) + 1) % len(pairs))[0, : SHOWN - 1],
    }
    for name, images in expected.items():
        shown = snapshot.images[name][: len(images)].astype(int)
        assert abs(shown - as_bytes(images)).max() <= 1, name
    through = as_bytes(model.traverse(few, torch.from_numpy(factor_run.VALUES))[0])
    assert abs(snapshot.traversals.astype(int) - through).max() <= 1
    plain, swapped = model.decode(model.view(pairs).mean)[0], model.swap(pairs)[0]
    moved = (plain - swapped)[: factor_run._EXCHANGED].square().mean().sqrt().item()
    assert snapshot.moved["ours"] == pytest.approx(moved, rel=1e-3)


def test_what_is_shown_does_not_depend_on_the_way_there(monkeypatch):
    plan = Plan("1", ((25, "2"),))
    straight = FactorRun(SMALL).at(45, plan)
    monkeypatch.setattr(factor_run, "_STEPS_PER_STORED_STATE", 20)
    wandering = FactorRun(SMALL)
    for step, other in [(10, Plan("1")), (30, Plan("1")), (15, Plan("2")), (28, Plan("1", ((20, "0"),)))]:
        wandering.at(step, other)
    snapshot = wandering.at(45, plan)
    same(snapshot, straight)
    with pytest.raises(AssertionError):
        same(snapshot, wandering.at(45, Plan("1", ((26, "2"),))))


def test_a_session_goes_on_from_where_another_has_been(monkeypatch):
    plan = Plan("1", ((15, "2"), (20, "0")))
    monkeypatch.setattr(factor_run, "_STEPS_PER_STORED_STATE", 20)
    first = FactorRun(SMALL).at(30, plan)
    steps = []
    genuine = SharedFactors.step
    monkeypatch.setattr(SharedFactors, "step", lambda model, count=1: (steps.append(1), genuine(model, count))[1])
    same(FactorRun(SMALL).at(30, plan), first)
    assert len(steps) == 10, "the first twenty steps were made before"
    steps.clear()
    FactorRun(replace(SMALL, seed=4)).at(21, plan)
    assert len(steps) == 21, "another seed is another run"


def test_steps_that_play_are_looked_at_on_the_way():
    run = FactorRun(SMALL)
    shares = list(run.take_on([10, 20, 30, 40], Plan("1")))
    assert shares == sorted(shares)
    assert all(0 < share < 1 for share in shares)
    model = run._model
    for step in (10, 20, 30, 40):
        same(run.at(step, Plan("1")), FactorRun(SMALL).at(step, Plan("1")))
    assert run._model is model
    assert model.steps_done == 40, "nobody had to go back"


def test_two_runs_of_a_page_at_once_do_not_get_into_each_others_way():
    wanted = [5, 15, 15, 5, 15, 5]
    expected = {step: FactorRun(SMALL).at(step, Plan("1")) for step in set(wanted)}
    run = FactorRun(SMALL)
    with ThreadPoolExecutor(3) as pool:
        for step, snapshot in zip(wanted, pool.map(lambda step: run.at(step, Plan("1")), wanted), strict=True):
            same(snapshot, expected[step])


def test_plans_survive_the_address():
    assert Plan.read(CHANGED.write(), "0") == CHANGED
    assert EditList().read(CHANGED.write()) == CHANGED.write()
    for junk in ("", "x", "5~9", "5~", "~2", "ü~2", "²~2", "99999~2", "5~2~3", "\0"):
        assert EditList().read(junk) == "", junk
    many = Plan.read("_".join(f"{step}~{step % 3}" for step in range(1, 2000)), "0")
    assert len(many.edits) <= 21
    assert Plan.read("9999~2", "0").edits == ((STEPS, "2"),)


def test_a_change_takes_the_place_of_later_ones():
    plan = Plan("2").changed(300, "4")
    assert plan == Plan("2", ((300, "4"),))
    assert plan.changed(100, "1") == Plan("2", ((100, "1"),))
    assert plan.changed(300, "2") == Plan("2"), "back to what it was"
    assert plan.changed(0, "5") == Plan("5")
    assert "4 from step 300" in plan.in_words()
    assert Plan("2").in_words() == ""


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("view", VIEWS)
def test_figures_are_valid(palette, view):
    for settings, plan, step in [
        (SMALL, Plan("1"), 0),
        (SMALL, Plan("1"), 12),
        (replace(SMALL, spare=1, rule="AdaVAE's threshold"), CHANGED, 12),
    ]:
        run = FactorRun(settings)
        for narrow in (False, True):
            shown = FactorView(settings, run.at(step, plan), view, 2)
            figure = shown.figure(palette, narrow=narrow)
            plotly.Figure(figure.to_dict())
            assert not re.search(r"[:,\[ ]NaN", figure.to_json()), "pictures may say so, numbers not"
            assert any(trace.type == "image" for trace in figure.data)
            assert f"After {step} steps" in shown.alt()


def test_the_mosaic_is_the_pictures():
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 4, 3), dtype=np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(b64decode(mosaic(images).split(",")[1]))))
    assert sheet.shape == (2 * 24, 3 * 20, 4)
    for row in range(2):
        for column in range(3):
            cell = sheet[24 * row : 24 * row + 24, 20 * column : 20 * column + 20]
            np.testing.assert_array_equal(cell[1:20:4, 1:16:4, :3], images[row, column])
            assert (cell[:20, :16, 3] == 255).all()
            assert (cell[20:, :, 3] == 0).all()


@pytest.mark.parametrize(
    ("true", "collapse", "message"),
    [
        (1, Collapse(True, False, ()), "every dimension is inferred as shared"),
        (3, Collapse(True, False, ()), ""),
        (1, Collapse(False, True, ()), "no dimension is inferred as shared"),
        (0, Collapse(False, True, ()), ""),
        (1, Collapse(False, False, (1,)), "dimension 2 unused (its posterior"),
        (1, Collapse(True, False, (0, 2)), "every dimension is inferred as shared; dimensions 1, 3 unused"),
    ],
)
def test_a_collapse_is_named_unless_the_pairs_are_so(true, collapse, message):
    now = replace(FactorRun(SMALL).at(3, Plan(str(true))), collapse=collapse, **LATE)
    words = FactorWords(SMALL, now)
    assert ("Collapse" in words.live()) == bool(message)
    assert message in words.live()
    assert ("**Collapse" in words.sentences()[2]) == bool(message)


@pytest.mark.parametrize("shared", SHARED[:4])
def test_the_bias_is_told_where_it_is_seen(shared):
    now = replace(FactorRun(SMALL).at(3, Plan(shared)), **LATE)
    assert ("If no factor is shared" in FactorWords(SMALL, now).sentences()[0]) == (shared in ("0", "2"))
    assert FactorWords(SMALL, now).answer == pytest.approx((1, 0.6, 1, 1), abs=0.05)
    assert ("correct to within a quarter" in FactorWords(SMALL, now).live()) == (shared == "1")


def test_a_heavy_prior_collapses_and_the_page_says_so():
    settings = replace(SMALL, beta=50.0, factors=5)
    words = FactorWords(settings, FactorRun(settings).at(170, Plan("2")))
    assert " unused (" in words.live()


def test_the_number_is_found_where_three_of_four_are_shared():
    """In a short, untuned run our number increases from 2.0, its start, and stays below 4, the number of dimensions."""
    settings = FactorSettings(factors=4, schedule=400, seed=11)
    answer = FactorWords(settings, FactorRun(settings).at(240, Plan("3"))).answer
    assert answer is not None
    assert 2.2 < answer.mean < 3.8


@pytest.mark.parametrize("rule", RULES)
def test_the_page_shows_a_run_and_its_snippet_gives_the_same_numbers(rule):
    app = page(
        fac_factors="3",
        fac_schedule="400",
        fac_step="14",
        fac_shared="2",
        fac_rule=rule,
        fac_edits="0~1_6~2",
        fac_python="true",
        fac_table="true",
    )
    assert not app.exception
    assert not app.warning
    assert "1 at first, 2 from step 6 on" in text(app)
    code = next(block.value for block in app.code if "SharedFactors" in block.value)
    output, names = io.StringIO(), dict[str, Any]()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "snippet", "exec"), names)
    lines = dict(line.split(": ", 1) for line in output.getvalue().splitlines())
    inferred = alt(app).split("; ")[1]
    assert f"{float(lines['ours'].split()[0]):.1f} dimensions inferred as shared" in inferred
    assert names["seen"].estimate[0, :SHOWN].tolist() == pytest.approx(app.dataframe[0].value["ours"].tolist(), abs=1e-4)
    bars = next(trace for trace in figure(app)["data"] if trace["type"] == "bar")
    law = np.frombuffer(b64decode(bars["y"]["bdata"]), dtype=np.float32)
    printed, number = lines["distribution"].split(" most probable: ")
    assert json.loads(printed) == pytest.approx(law.tolist(), abs=1e-4)
    assert int(number) == law.argmax()


def controls() -> None:
    """The page's state alone, with one button that moves each control and one that drags it without a release."""
    import streamlit as st

    from hypergeo.ui.component.playback import playback_controls
    from hypergeo.ui.shared_factors.session import FactorState
    from hypergeo.ui.shared_factors.settings import SHARED, EditList, FactorSettings
    from hypergeo.ui.state.controls import Choice, Whole

    start = FactorSettings()
    settings = {
        "factors": Choice(start.factors, [3, 4, 5]),
        "spare": Whole(0, 0, 2),
        "rule": Choice(start.rule, [start.rule]),
        "beta": Choice(start.beta, [1.0, 50.0]),
        "schedule": Choice(start.schedule, [400, 1000]),
        "seed": Whole(0, 0, 9),
    }
    state = FactorState("fac", {"shared": Choice("2", SHARED), **settings, "edits": EditList(), **playback_controls(3000)})
    state.start()
    shared = [{"shared": choice} for choice in SHARED]
    for moved in (*shared, {"beta": 50.0}, {"step": 9}, {"shared": "1", "edits": ""}):
        words = ", ".join(f"{name}={value}" for name, value in moved.items())
        st.button(f"move {words}", on_click=state.commit, args=(moved,))
        st.button(f"drag {words}", on_click=state.live, args=(moved,))
    st.text(repr(state.plan))
    st.text(str(state.get("step")))


def test_changing_what_pairs_share_on_the_way_is_an_edit_and_all_else_starts_anew():
    app = AppTest.from_function(controls)
    app.query_params["fac_step"] = "5"
    app.run()

    def after(*moves: str) -> list[str]:
        for move in moves:
            next(button for button in app.button if button.label == move).click().run()
            assert not app.exception
        address = {name: value[0] if isinstance(value, list) else value for name, value in dict(app.query_params).items()}
        return [address.get(f"fac_{name}", "") for name in ("shared", "edits", "step")]

    assert after("move shared=3") == ["3", "0~2_5~3", "5"]
    assert after("drag shared=4") == ["3", "0~2_5~3", "5"], "a drag leaves the address alone"
    assert app.text[0].value == repr(Plan("2", ((5, "4"),)))
    assert after("move shared=4") == ["4", "0~2_5~4", "5"]
    assert after("move step=9", "move shared=2") == ["", "0~2_5~4_9~2", "9"]
    assert after("move shared=1, edits=") == ["1", "", "9"], "a preset sets the edits itself"
    assert after("move shared=2", "drag beta=50.0") == ["", "0~1_9~2", "9"]
    assert [shown.value for shown in app.text] == [repr(Plan("2")), "0"]
    assert after("move beta=50.0") == ["", "", ""], "other settings start anew"


def test_edits_of_an_address_are_shown_and_can_be_forgotten():
    app = page(fac_factors="3", fac_step="5", fac_shared="3", fac_edits="0~2_2~3")
    assert "2 at first, 3 from step 2 on" in text(app)
    assert figure(page(**link(app)))["data"] == figure(app)["data"]
    app.button(key="_fac_forget").click().run()
    assert not app.exception
    assert "fac_edits" not in app.query_params
    assert "at first" not in text(app)
    go(app, fac_factors="3", fac_step="5", fac_seed="8")
    assert sentence(app).startswith("**Step 5.**")


@pytest.mark.parametrize("number", range(6))
def test_try_this(number):
    app = page(fac_factors="3", fac_step="3")
    before = link(app)
    button = app.button(key=f"_fac_preset_{number}")
    button.click().run()
    assert not app.exception
    assert not app.warning
    assert link(app) != before, f"{button.label} changes nothing"
    assert stage(app)["note"] == button.help
    pages.check_link("shared_factors", app)


def test_there_are_no_more_presets_than_are_tried():
    assert len([button for button in page().button if str(button.key).startswith("_fac_preset_")]) == 6


def test_the_pair_can_be_chosen_where_it_is_shown():
    assert "pair" not in values(page())
    app = page(fac_view="traversals", fac_pair="3")
    assert values(app)["pair"] == "3"
    assert "Pair 3" in str(figure(app)["layout"]["annotations"])


def test_more_cannot_be_shared_than_there_are_factors():
    app = page(fac_factors="3", fac_shared="5", fac_step="2")
    assert not app.exception
    assert "the true number is 3.0" in alt(app)


@pytest.mark.parametrize(("former", "rule"), FORMER_RULES.items())
def test_a_link_from_before_a_rule_was_renamed_opens_as_it_was(former, rule):
    app = page(fac_factors="3", fac_schedule="400", fac_rule=former)
    assert not app.exception
    assert not app.warning
    assert values(app)["rule"] == rule
