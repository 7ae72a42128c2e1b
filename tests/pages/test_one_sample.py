"""The page on one sample as Streamlit runs it."""

from __future__ import annotations

import contextlib
import csv
import io
from functools import partial
from typing import Any

import pytest

from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.one_sample.view import OneSampleSettings, last_step, one_sample_view
from tests.support.app import pages
from tests.support.app.pages import alt, figure, go, link, sentence, stage, told, values

page = partial(pages.page, "one_sample")
PRESETS = 8


def test_the_page_shows_its_figure_and_says_what_it_shows():
    app = page()
    assert not app.exception
    assert not app.warning
    assert not app.error
    assert alt(app).startswith("Bars of 4 steps of one soft sample at temperature 0.56")
    assert told(app).count("\n- ") == 3
    bar = stage(app)["bar"]
    assert (bar["length"], len(bar["labels"]), bar["leap"]) == (10, 11, ["Step back", -1])
    assert [button.label for button in app.get("download_button")] == ["Data (CSV)", "Figure (HTML, opens offline)", "Python"]


def test_presets_show_what_their_links_show():
    app = page()
    buttons = [button.key for button in app.button if str(button.key).startswith("_one_preset_")]
    assert len(buttons) == PRESETS
    for key in buttons:
        go(app)
        before = link(app)
        button = app.button(key=key)
        button.click().run()
        assert not app.exception
        assert not app.error, f"{button.label} asks for an urn that cannot be drawn from"
        assert link(app) != before, f"{button.label} changes nothing"
        assert stage(app)["note"] == button.help
        shown, words = figure(app)["data"], told(app)
        again = page(**link(app))
        assert not again.warning, "the link of a preset names what no control allows"
        assert (figure(again)["data"], told(again)) == (shown, words)


def test_every_control_changes_the_picture_and_stays_in_the_address():
    app = page(one_step="10")
    changes = {"n": "12", "m2": "6", "w1": "4", "tau": "0.1", "kind": "straight-through", "conditionals": "merged"}
    for name, value in {**changes, "sample": "7", "target": "3", "groups": "5"}.items():
        before = figure(app)
        app.query_params[f"one_{name}"] = value
        app.run()
        assert not app.exception
        assert values(app)[name] == value
        assert link(app)[f"one_{name}"] == value
        assert figure(app) != before, f"{name} changes nothing in the picture"


def test_new_noise_opens_the_next_sample():
    app = page(one_sample="1000", one_step="8")
    before = sentence(app)
    app.button(key="_one_noise").click().run()
    assert values(app)["sample"] == "1"
    assert link(app)["one_sample"] == "1"
    assert sentence(app) != before


@pytest.mark.parametrize(
    "address",
    [
        {"one_n": "0"},
        {"one_n": "24"},
        {"one_w1": "0"},
        {"one_w3": "0", "one_conditionals": "merged", "one_kind": "straight-through"},
        {"one_groups": "6", "one_n": "24", "one_m1": "0", "one_conditionals": "tree"},
        {"one_groups": "2", "one_w1": "0.01", "one_w2": "100", "one_tau": "0.01"},
        {"one_m1": "0", "one_m2": "0", "one_m3": "0", "one_n": "0"},
    ],
)
def test_extremes_are_shown_like_anything_else(address):
    app = page(**address, one_table="true", one_step="0")
    for step in ("3", "8", "99"):
        assert not app.exception, app.exception[0].message
        assert not app.error
        assert len(app.dataframe) == 1
        assert "nan" not in f"{sentence(app)} {told(app)} {alt(app)}"
        go(app, **address, one_table="true", one_step=step)
    assert not app.exception


def test_an_urn_that_cannot_be_drawn_from_keeps_the_last_picture():
    app = page(one_m1="2", one_m2="2", one_m3="2", one_n="6")
    good = figure(app)["data"]
    go(app, one_m1="2", one_m2="2", one_m3="2", one_n="7")
    assert not app.exception
    assert app.error[0].value.startswith("total_count must be at most sum(group_sizes) = 6; got 7.")
    assert figure(app)["data"] == good


@pytest.mark.parametrize(
    "address",
    [
        {},
        {"one_kind": "straight-through", "one_sample": "4", "one_tau": "1", "one_target": "3"},
        {"one_conditionals": "merged", "one_w2": "10", "one_groups": "5"},
        {"one_conditionals": "tree", "one_groups": "6", "one_w4": "0", "one_target": "6"},
    ],
)
def test_the_snippet_gives_the_numbers_on_the_page(address):
    app = page(**address, one_table="true", one_python="true", one_step="25")
    assert not app.exception
    code = next(block.value for block in app.code if block.value.startswith("import torch"))
    names = dict[str, Any]()
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "snippet", "exec"), names)
    table = app.dataframe[0].value
    target = int(address.get("one_target", "2"))
    kind = "straight-through" if "one_kind" in address else "soft"
    assert list(table[f"{kind} count"]) == pytest.approx(names["counts"].tolist(), abs=1e-9)
    assert list(table[f"gradient of count {target}"]) == pytest.approx(names["gradient"].tolist(), abs=1e-8)
    assert list(table[f"gradient of exact mean {target}"]) == pytest.approx(names["exact"].tolist(), abs=1e-9)
    assert names["trace"].counts.tolist() == pytest.approx(names["counts"].tolist(), abs=1e-9)


def test_bars_can_be_taken_away():
    view = one_sample_view(OneSampleSettings(Urn(10, (8, 8, 8), (1.0, 2.0, 4.0)), 0.56, "in turn", False, 34, 1), 0)
    rows = list(csv.DictReader(io.StringIO(view.export().decode())))
    for number, split in enumerate(view.opened.splits, 1):
        own = [row for row in rows if row["split"] == str(number)]
        assert [int(row["candidate"]) for row in own] == split.candidates.tolist()
        assert [float(row["softmax"]) for row in own] == pytest.approx(split.weights.tolist())
        assert [float(row["gradient_of_count_2"]) for row in own] == pytest.approx(split.gradient[1].tolist())
    assert len(rows) == sum(len(split.candidates) for split in view.opened.splits)


def test_the_last_step_is_that_of_the_playback():
    for groups in range(2, 7):
        assert stage(page(one_groups=str(groups), one_step="99"))["bar"]["length"] == last_step(groups)
