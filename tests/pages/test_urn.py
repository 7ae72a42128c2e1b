"""The urn page as Streamlit runs it."""

from __future__ import annotations

import contextlib
import io
import re
from functools import partial
from typing import Any

import pytest

from hypergeo.figures.core.words import subscript
from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.urn.view import UrnSettings, urn_view
from tests.support.app import pages
from tests.support.app.pages import alt, figure, go, link, sentence, stage, told, values

page = partial(pages.page, "urn")


def test_the_page_shows_its_figure_and_says_what_it_shows():
    app = page()
    assert not app.exception
    assert not app.warning
    assert not app.error
    assert alt(app).startswith("An urn with 10, 10, 10 balls of 3 groups; each sample takes 12. 1 sample of Fisher's")
    assert told(app).count("\n- ") == 2
    assert [button.label for button in app.get("download_button")] == ["Data (CSV)", "Figure (HTML, opens offline)", "Python"]


@pytest.mark.parametrize("number", range(8))
def test_try_this(number):
    app = page()
    before = link(app)
    button = app.button(key=f"_urn_preset_{number}")
    button.click().run()
    assert not app.exception
    assert not app.error, f"{button.label} asks for an urn that cannot be drawn from"
    assert not app.warning
    assert link(app) != before, f"{button.label} changes nothing"
    assert stage(app)["note"] == button.help
    pages.check_link("urn", app)


def test_there_are_no_more_presets_than_are_tried():
    assert len([button for button in page().button if str(button.key).startswith("_urn_preset_")]) == 8


def test_every_control_changes_the_picture_and_stays_in_the_address():
    app = page(urn_step="200")
    for name, value in {"n": "15", "m2": "9", "w1": "4", "seed": "3", "law": "Wallenius", "groups": "5"}.items():
        before = figure(app)
        app.query_params[f"urn_{name}"] = value
        app.run()
        assert not app.exception
        assert values(app)[name] == value
        assert figure(app) != before, f"{name} changes nothing in the picture"
        assert link(app)["urn_step"] == "200", "draws go on from where they were"


def test_the_address_holds_the_draws():
    app = page(urn_step="312", urn_seed="7")
    assert "**312 samples**" in sentence(app)
    assert link(app)["urn_step"] == "312"
    assert figure(app)["data"] == figure(page(urn_step="312", urn_seed="7"))["data"]
    assert figure(app)["data"] != figure(page(urn_step="312", urn_seed="8"))["data"]
    assert "**1,000 samples**" in sentence(page(urn_step="99999"))


@pytest.mark.parametrize(
    "address",
    [
        {"urn_n": "0"},
        {"urn_n": "30"},
        {"urn_w1": "0"},
        {"urn_groups": "2", "urn_w1": "0", "urn_n": "10"},
        {"urn_groups": "6", "urn_n": "60", "urn_m1": "20"},
        {"urn_m1": "0", "urn_m2": "0", "urn_m3": "0", "urn_n": "0"},
        {"urn_w1": "0.01", "urn_w2": "100", "urn_w3": "100"},
    ],
)
@pytest.mark.parametrize("law", ["Fisher", "Wallenius"])
def test_extremes_are_shown_like_anything_else(address, law):
    app = page(**address, urn_law=law, urn_table="true", urn_step="50")
    assert not app.exception
    assert not app.error
    assert not app.warning
    assert len(app.dataframe) == 1


def test_an_urn_that_cannot_be_drawn_from_keeps_the_last_picture():
    app = page(urn_n="20")
    good = figure(app)["data"]
    go(app, urn_n="50")
    assert not app.exception
    assert app.error[0].value.startswith("The urn holds only 30 balls, so 50 cannot be drawn. Showing the last valid urn.")
    assert figure(app)["data"] == good
    go(app, urn_n="21")
    assert not app.error
    assert figure(app)["data"] != good


@pytest.mark.parametrize(
    "address",
    [
        {"urn_step": "150", "urn_seed": "4"},
        {"urn_law": "Wallenius", "urn_step": "80", "urn_w2": "10", "urn_m1": "7"},
        {"urn_law": "Wallenius", "urn_groups": "5", "urn_n": "25", "urn_w4": "0", "urn_step": "3"},
        {"urn_step": "0"},
    ],
)
def test_the_snippet_gives_the_numbers_on_the_page(address):
    app = page(**address, urn_table="true", urn_python="true", urn_formulas="true")
    assert not app.exception
    assert any("Wallenius' distribution" in block.value and "frac1Z" in block.value for block in app.markdown)
    code = next(block.value for block in app.code if block.value.startswith("import torch"))
    output, names = io.StringIO(), dict[str, Any]()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "snippet", "exec"), names)
    printed, law = output.getvalue(), address.get("urn_law", "Fisher")
    (table,) = app.dataframe
    assert table.proto.alt
    assert list(table.value[f"mean, {law}"]) == pytest.approx(names["mean"].tolist(), abs=1e-9)
    assert list(table.value[f"variance, {law}"]) == pytest.approx(names["variance"].tolist(), abs=1e-8)
    if law == "Fisher":
        assert f"most probable: {[int(x) for x in table.value['mode, Fisher']]}" in printed
    gain = re.search(r"raising weight (\d) by 1 % raises the mean of group \d by ([\d.e-]+) balls", printed)
    assert gain is not None
    assert f"Raising w{subscript(int(gain[1]))} by 1 % raises group {gain[1]}'s mean by **{gain[2]} balls**" in told(
        app
    ).replace("\u202f", " ")
    if address["urn_step"] == "0":
        assert table.value["mean, sampled"].isna().all()
        return
    assert names["samples"].shape[0] == int(address["urn_step"])
    assert list(table.value["mean, sampled"]) == pytest.approx(names["samples"].double().mean(0).tolist(), rel=1e-12)
    assert list(table.value["variance, sampled"]) == pytest.approx(names["samples"].var(0, correction=0).tolist(), rel=1e-9)
    last = " + ".join(str(int(count)) for count in names["samples"][-1])
    title = next(note["text"] for note in figure(app)["layout"]["annotations"] if note["text"].startswith("Sample "))
    assert re.sub("<[^>]*>", "", title).replace("■ ", "").endswith(f": {last}")


def test_the_draws_can_be_taken_away():
    view = urn_view(UrnSettings(Urn(12, (10, 10, 10), (1.0, 2.0, 4.0)), "Fisher", 0), 3)
    lines = view.export().decode().splitlines()
    assert lines[0] == "sample,group_1,group_2,group_3"
    assert [list(map(int, line.split(","))) for line in lines[1:]] == [
        [number, *row] for number, row in enumerate(view.drawn.counts[:3].tolist(), 1)
    ]
