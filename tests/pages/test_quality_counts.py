"""Counts of the reader's own on the quality page, without a browser."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from hypergeo import FisherHypergeometric
from hypergeo.figures import LIGHT
from hypergeo.figures.quality.fitted_weights import weights_panel
from hypergeo.quality import measure_counts
from hypergeo.ui.convergence.arrays import Urn
from hypergeo.ui.counts.arrays import fit, fitted_sums
from hypergeo.ui.counts.reading import read
from hypergeo.ui.counts.view import counts_view, nearest_weights
from hypergeo.ui.quality.controls import RELAXATION
from hypergeo.ui.runtime.background_run import finished, stop_all
from tests.support.app.pages import alt, sentence, told, values
from tests.support.app.quality import page, run_snippet

COUNTS = {"qual_check": "your counts"}


@pytest.fixture(autouse=True)
def forget():
    """Discards finished and running computations, before and after each test."""
    finished().clear()
    yield
    stop_all()
    finished().clear()


def counts_text() -> str:
    """Returns about 400 rows with the distribution's own share of each count vector, so that no test rejects them."""
    law = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
    support = law.enumerate_support()
    number = (400 * law.log_prob(support).exp()).round().long()
    return "\n".join(",".join(f"{count:.0f}" for count in row) for row in support.repeat_interleave(number, 0).tolist())


ROWS = counts_text().count("\n") + 1


def pasted(text: str, **address: str) -> AppTest:
    app = page(**COUNTS, **address)
    app.text_area[0].set_value(text).run()
    return app


class TestCounts:
    """Counts of the reader's own."""

    def test_invites_and_offers_examples(self):
        app = page(**COUNTS)
        assert not app.exception
        assert any("Try with example counts" in block.value for block in app.markdown)
        app.button(key="_qual_offer_source_of this law").click().run()
        assert "These 2,000 rows do not differ significantly from this distribution" in sentence(app)
        assert app.query_params["qual_source"] == "of this law"

    def test_counts_of_wallenius_law_are_rejected(self):
        app = page(**COUNTS, qual_source="of Wallenius' law")
        assert "do not come from this distribution" in sentence(app)
        assert alt(app).startswith("Histograms of 2000 rows of counts over the exact probabilities: a significant difference")

    def test_pasted_counts_have_the_core_s_numbers(self):
        text = counts_text()
        app = pasted(text, qual_table="true", qual_python="true")
        assert f"These {ROWS} rows do not differ significantly from this distribution" in sentence(app)
        counts = torch.from_numpy(read(text).counts)
        law = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
        quality, fitted = measure_counts(law, counts), FisherHypergeometric.fit(counts, [10, 10, 10])
        table = app.dataframe[0].value
        assert list(table["KS distance"]) == pytest.approx(quality.ks, rel=1e-12)
        assert list(table["p"]) == pytest.approx(quality.ks_p_values, rel=1e-9)
        assert list(table["fitted weight"]) == pytest.approx(fitted.weights.tolist(), rel=1e-9)
        ends = fitted.confidence_interval()
        assert list(table["from"]) == pytest.approx(ends[:, 0].tolist(), rel=1e-9)
        assert list(table["to"]) == pytest.approx(ends[:, 1].tolist(), rel=1e-9)
        assert list(table["weight"]) == pytest.approx([0.5, 1.0, 2.0], rel=1e-12)
        assert [b.label for b in app.get("download_button")][2] == "Counts as read (CSV)"

    @pytest.mark.parametrize("source", ["yours", "of this law", "of Wallenius' law"])
    @pytest.mark.parametrize("against", ["as set", "as fitted"])
    def test_the_snippet_prints_the_numbers(self, source, against, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        address = {
            "qual_source": source,
            "qual_against": against,
            "qual_rows": "500",
            "qual_python": "true",
            "qual_table": "true",
        }
        app = pasted(counts_text(), **address) if source == "yours" else page(**COUNTS, **address)
        if source == "yours":
            urn = Urn(15, (10, 10, 10), (1.0, 2.0, 4.0))
            view = counts_view(urn, read(counts_text()).counts, 0, fitted_law=False)
            (tmp_path / "counts.csv").write_bytes(view.counts_csv())
        printed = run_snippet(app, "measure_counts")
        table = app.dataframe[0].value
        number, differs = ROWS if source == "yours" else 500, "do not come" in sentence(app)
        assert f"rows tested: {number}, significantly different: {differs}" in printed
        for group in range(3):
            row = table.iloc[group]
            assert f"KS distance {row['KS distance']:.2g}, p = {row['p']:.2g}" in printed
            assert f"fitted weight {row['fitted weight']:.3g} ({row['from']:.3g} to {row['to']:.3g})" in printed

    def test_a_file_is_read_and_bad_ones_lose_nothing(self):
        app = page(**COUNTS)
        app.file_uploader[0].set_value(("counts.csv", counts_text().encode(), "text/csv")).run()
        notices = told(app)
        assert f"These {ROWS} rows do not differ" in sentence(app)
        for data, words in ((b"PK\x03\x04..", "Excel workbook"), (b"1,2,x\n", "count"), (b"1,2,3\n4,5", "columns")):
            app.file_uploader[0].set_value(("bad.csv", data, "text/csv")).run()
            assert not app.exception
            assert "These counts cannot be read" in app.error[0].value
            assert words in app.error[0].value.replace("\\", "")
            assert "The previous counts are kept below" in app.error[0].value
            assert told(app) == notices
        app.segmented_control(key="qual_check").set_value(RELAXATION).run()
        app.segmented_control(key="qual_check").set_value("your counts").run()
        assert told(app) == notices

    def test_a_bad_first_file_leaves_the_invitation(self):
        app = page(**COUNTS)
        app.file_uploader[0].set_value(("<b>x</b>.csv", b"hello", "text/csv")).run()
        assert not app.exception
        assert len(app.error) == 1
        assert any("Try with example counts" in block.value for block in app.markdown)

    def test_another_number_of_groups_is_offered(self):
        app = pasted("1,2,3,4\n2,2,3,3")
        assert "**4 counts**" in app.warning[0].value
        app.button(key="_qual_offer_groups_4").click().run()
        assert not app.exception
        assert "These 2 rows do not differ" in sentence(app)
        assert app.query_params["qual_groups"] == "4"

    def test_larger_sizes_are_offered(self):
        app = pasted("1,2,12\n2,2,11")
        assert "Row 1 has **12 of group 3**, which holds 10" in app.warning[0].value
        app.button[[b.label for b in app.button].index("Raise the sizes to 10, 10, 12")].click().run()
        assert not app.exception
        assert values(app)["m3"] == "12"
        assert sentence(app)

    def test_sizes_beyond_the_fields_may_come_in_a_line(self):
        app = pasted("1,2,500\n2,1,500")
        assert "a line *sizes: …*" in " ".join(caption.value for caption in app.caption)
        app = pasted("sizes: 10, 10, 1000\n1,2,500\n2,1,500")
        assert not app.exception
        assert sentence(app)
        assert "m1" not in values(app)

    def test_rows_that_draw_different_numbers_are_fitted_together_and_tested_apart(self):
        rows = ["3,5,7"] * 3 + ["4,5,6"] * 4 + ["2,2,2"] * 2
        app = pasted("\n".join(rows), qual_table="true")
        assert any("**2 different numbers**" in info.value for info in app.info)
        assert "These 7 rows" in sentence(app)
        (choice,) = [select for select in app.selectbox if select.label == "Number of balls drawn in the tested rows"]
        assert choice.options == ["15 balls (7 rows)", "6 balls (2 rows)"]
        choice.set_value(6).run()
        assert "These 2 rows" in sentence(app)
        fitted = FisherHypergeometric.fit(read("\n".join(rows)).counts, [10, 10, 10])
        assert list(app.dataframe[0].value["fitted weight"]) == pytest.approx(fitted.weights.tolist(), rel=1e-9)

    def test_a_fit_takes_no_more_different_numbers_than_it_can(self):
        most = fitted_sums((100, 100))
        rows = np.array([[total, total] for total in range(1, most + 11)] + [[3, 3]] * 2)
        assert fit(rows, (100, 100)).rows == most + 2
        assert fitted_sums((1000,) * 6) < most

    def test_groups_at_their_bounds_are_told_in_words(self):
        app = pasted("0,5,10\n0,4,10\n0,3,10".replace("0,4,10", "0,5,10").replace("0,3,10", "0,5,10"))
        assert not app.exception
        assert "never drawn" in told(app)
        app = pasted("0,7,8\n0,6,9\n0,8,7", qual_against="as fitted")
        assert not app.exception
        assert "Group 1 was **never drawn**" in told(app)
        app = pasted("10,2,3\n10,3,2\n10,1,4", qual_against="as fitted")
        assert not app.exception
        assert "Group 1 **always gave as many balls as possible**" in told(app)
        assert any("The fitted weights are not finite" in info.value for info in app.info)

    def test_all_weights_zero_is_told(self):
        app = pasted("5,5,5\n4,5,6", qual_w1="0", qual_w2="0", qual_w3="0")
        assert not app.exception
        assert "All weights are zero" in app.warning[0].value
        app = pasted("5,5,5\n4,5,6", qual_w1="0", qual_w2="0")
        assert not app.exception
        app.button(key="_qual_offer_against_as fitted").click().run()
        assert not app.exception
        assert "Fisher's distribution with the fitted weights" in sentence(app)

    def test_the_fitted_weights_can_be_used(self):
        app = pasted(counts_text(), qual_w1="1", qual_w2="1", qual_w3="1")
        assert "do not come from this distribution" in sentence(app)
        app.button(key="_qual_use").click().run()
        assert not app.exception
        set_to = [float(values(app)[f"w{group}"]) for group in (1, 2, 3)]
        assert set_to[1] / set_to[0] == pytest.approx(2.0, rel=0.25)
        assert set_to[2] / set_to[0] == pytest.approx(4.0, rel=0.25)
        assert f"These {ROWS} rows do not differ significantly from this distribution" in sentence(app)

    def test_markup_in_counts_is_no_markup(self):
        app = pasted("<b>a</b>,![x](http://x),c\n1,2,:red[3]")
        assert not app.exception
        assert r"\[" in app.error[0].value
        assert not re.search(r"(?<!\\)<b>|(?<!\\)!\[", " ".join(e.value for e in app.error))

    @pytest.mark.parametrize("rows", ["15,0,0", "5,5,5", "0,0,0\n0,0,0", "10,10,10"])
    def test_degenerate_counts_have_an_answer(self, rows):
        app = pasted(rows)
        assert not app.exception
        assert app.warning or sentence(app)


class TestFittedWeights:
    """Weights as controls and as a figure."""

    def test_nearest_steps_keep_ratios(self):
        generator = np.random.default_rng(1)
        for _ in range(50):
            weights = tuple(np.exp(generator.normal(0, 1, 3)).tolist())
            steps = nearest_weights(weights)
            ratios = np.log(np.array(steps) / np.array(weights))
            assert np.ptp(ratios) < math.log(10) / 10 + 0.06  # a step, and the rounding of steps to two digits

    def test_what_cannot_be_set_is_left(self):
        assert nearest_weights((math.inf, math.nan, 0.0, 2.0))[:3] == [None, None, 0.0]
        assert nearest_weights((math.nan, 0.0)) == [None, 0.0]

    def test_the_figure_has_the_numbers_and_marks_the_bounds(self):
        ends = [(0.4, 0.6), (math.nan, math.nan), (math.nan, math.nan), (math.nan, math.nan)]
        panel = weights_panel((0.5, 0.0, math.inf, math.nan), ends, (0.5, 1.0, 1.0, 2.0), LIGHT, title="t")
        fitted, asked = panel.traces
        assert fitted["marker"]["symbol"] == ["circle", "triangle-left", "triangle-right"]
        assert fitted["x"][0] == 0.5
        assert fitted["error_x"]["array"][0] == pytest.approx(0.1)
        assert fitted["error_x"]["arrayminus"][0] == pytest.approx(0.1)
        low, high = (10**end for end in panel.xaxis["range"])
        assert all(low < x < high for x in [*fitted["x"], *asked["x"]])
        assert fitted["y"] == [3, 2, 1]
