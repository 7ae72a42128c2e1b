"""The pages as Streamlit runs them, without a browser."""

from __future__ import annotations

import contextlib
import io
import re
from functools import partial
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from hypergeo.ui.catalogue import PAGES
from hypergeo.ui.convergence.arrays import TEMPERATURES
from tests.support.app import pages
from tests.support.app.pages import alt, figure, go, link, sentence, stage, told, values, visit

page = partial(pages.page, "convergence")


def test_home_shows_what_the_subject_is_and_where_to_go():
    app = visit().run()
    assert not app.exception
    assert app.title[0].value == "How many from each group?"
    assert [link.value for link in app.page_link] == [f"**{entry.title}**" for entry in PAGES]
    assert stage(app)["bar"]["length"] == 10
    assert alt(app).startswith("Bars of all 2 splits of one soft sample")


def test_the_page_shows_its_figure_and_says_what_it_shows():
    app = page()
    assert not app.exception
    assert not app.warning
    assert not app.error
    assert re.match(
        r"1000 relaxed samples of 3 groups over the exact probabilities, temperature 1: .* of equally many exact", alt(app)
    )
    bar = stage(app)["bar"]
    assert bar["values"] == [f"{temperature:g}" for temperature in reversed(TEMPERATURES)]
    assert bar["values"][figure(app)["position"]] == "1"
    assert told(app).count("\n- ") == 2
    assert [button.label for button in app.get("download_button")] == ["Data (CSV)", "Figure (HTML, opens offline)", "Python"]


def test_every_table_has_a_name_for_those_who_cannot_see_it():
    assert not page().dataframe, "what nobody looks at is not drawn"
    (table,) = page(conv_table="true").dataframe
    assert table.proto.alt
    assert list(table.value["group"]) == [1, 2, 3]


@pytest.mark.parametrize("number", range(9))
def test_try_this(number):
    app = page()
    before = values(app)
    button = app.button(key=f"_conv_preset_{number}")
    button.click().run()
    assert not app.exception
    assert not app.error, f"{button.label} asks for an urn that cannot be drawn from"
    assert not app.warning
    assert values(app) != before, f"{button.label} changes nothing"
    assert button.help
    assert stage(app)["note"] == button.help, "what to look at is written beside the figure"
    pages.check_link("convergence", app)


def test_there_are_no_more_presets_than_are_tried():
    assert len([button for button in page().button if str(button.key).startswith("_conv_preset_")]) == 9


def test_every_control_changes_the_picture():
    app = page()
    for name, value in {
        "n": "15",
        "m2": "9",
        "w1": "4",
        "tau": "0.1",
        "seed": "3",
        "follow": "20",
        "number": "200",
        "conditionals": "merged",
        "kind": "straight-through",
        "groups": "5",
    }.items():
        before = figure(app)
        app.query_params[f"conv_{name}"] = value
        app.run()
        assert not app.exception
        assert values(app)[name] == value
        assert link(app)[f"conv_{name}"] == value
        assert figure(app) != before, f"{name} changes nothing in the picture"


def test_hot_and_cold_differ_as_they_should():
    def distance(app: AppTest) -> float:
        match = re.search(r"\*\*([\d.]+) counts\*\*", sentence(app))
        assert match is not None
        return float(match[1])

    assert distance(page(conv_tau="10")) > 5 * distance(page(conv_tau="0.01"))
    assert "within sampling error" in sentence(page(conv_tau="0.01", conv_number="500"))
    for tau in ("0.01", "10"):
        assert "within sampling error" in sentence(page(conv_tau=tau, conv_kind="straight-through"))


@pytest.mark.parametrize(
    ("address", "words", "taken"),
    [
        (
            {"conv_n": "750", "conv_m1": "30"},
            'The link has an invalid number of balls ("750"; allowed: whole numbers from 0 to 60); using 60.',
            {"n": "60"},
        ),
        (
            {"conv_tau": "1e-7"},
            'The link has an invalid temperature ("1e-7"; allowed: steps from 0.01 to 10); using 0.01.',
            {"tau": "0.01"},
        ),
        ({"conv_w2": "abc"}, 'The link has an invalid weight 2 ("abc"; allowed: steps from 0 to 100); using 2.', {"w2": "2"}),
        (
            {"conv_kind": "boiled"},
            'The link has an invalid sample type ("boiled"; allowed: soft, straight-through); using soft.',
            {"kind": "soft"},
        ),
        (
            {"conv_groups": "0"},
            'The link has an invalid number of groups ("0"; allowed: 2, 3, 4, 5, 6); using 2.',
            {"groups": "2"},
        ),
        (
            {"conv_seed": "-1"},
            'The link has an invalid seed ("-1"; allowed: whole numbers from 0 to 9999); using 0.',
            {"seed": "0"},
        ),
        (
            {"conv_follow": "nan"},
            'The link has an invalid sample number ("nan"; allowed: whole numbers from 0 to 99); using 7.',
            {"follow": "7"},
        ),
    ],
)
def test_addresses_out_of_range_are_mended_and_said_so(address, words, taken):
    app = page(**address)
    assert not app.exception
    assert words in app.warning[0].value
    assert values(app).items() >= taken.items()
    # The link says what is shown, and so does the address after the next commit; Back does not come to the bad one twice.
    assert link(app).items() >= {f"conv_{name}": value for name, value in taken.items()}.items()
    app.run()
    assert words in app.warning[0].value, "the message stays while nothing moves"
    app.button(key="_conv_preset_0").click().run()
    assert not app.warning
    for name, value in taken.items():
        default = values(page())[name]
        assert app.query_params.get(f"conv_{name}", [default]) in (value, [value], [values(app)[name]])


def test_several_bad_values_are_one_message():
    app = page(conv_n="-4", conv_tau="99", conv_w1="x")
    assert len(app.warning) == 1
    assert app.warning[0].value.count("The link has an invalid") == 3


def test_an_urn_that_cannot_be_drawn_from_keeps_the_last_picture():
    app = page(conv_n="20")
    good = figure(app)
    go(app, conv_n="50")
    assert not app.exception
    assert app.error[0].value.startswith("The urn holds only 36 balls, so 50 cannot be drawn.")
    assert figure(app)["data"] == good["data"]
    assert values(app)["n"] == "50"
    go(app, conv_n="21")
    assert not app.error
    assert figure(app)["data"] != good["data"]


def test_a_first_visit_to_an_urn_that_cannot_be_drawn_from_shows_one_that_can():
    app = page(conv_w1="0", conv_w2="0", conv_n="20")
    assert not app.exception
    assert "Only 12 balls have a weight above zero" in app.error[0].value
    assert figure(app)["data"] == figure(page())["data"]


@pytest.mark.parametrize(
    "address",
    [
        {},
        {"conv_tau": "0.13", "conv_seed": "5", "conv_number": "200", "conv_follow": "31"},
        {"conv_kind": "straight-through", "conv_groups": "4", "conv_n": "25"},
        {"conv_conditionals": "merged", "conv_w2": "10", "conv_tau": "0.01"},
    ],
)
def test_the_snippet_gives_the_numbers_on_the_page(address):
    app = page(**address, conv_table="true", conv_python="true", conv_formulas="true")
    assert any("Fisher's" in block.value and "frac1Z" in block.value for block in app.markdown)
    code = next(block.value for block in app.code if block.value.startswith("import torch"))
    output = io.StringIO()
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(output):
        exec(compile(code, "snippet", "exec"), names)
    printed = output.getvalue()
    shown = sentence(app) + told(app)
    assert f"{names['distance']:.2g} counts" in shown
    assert f"mean {names['floor'].mean.item():.2g}, 95\u202f% below {names['floor'].quantile.item():.2g}" in shown
    assert f"Wasserstein distance: {names['distance']:.3g} counts" in printed
    (table,) = app.dataframe
    assert list(table.value["mean of samples"]) == pytest.approx(names["samples"].mean(0).tolist(), rel=1e-12)
    assert list(table.value["exact mean"]) == pytest.approx(names["exact"].mean.tolist(), rel=1e-12)
    follow = int(address.get("conv_follow", "7"))
    assert f"sample {follow}:" in printed
    if "conv_kind" not in address:
        place = ", ".join(f"{count:.2f}" for count in names["samples"][follow].tolist())
        assert f"Sample {follow} is at ({place})" in shown
    assert f"**{names['variation']['merged']:.2g}** with the published approximation" in shown
    assert f"**{names['variation']['exact']:.2g}** with exact conditionals" in shown
