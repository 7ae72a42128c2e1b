"""The quality page without a browser: what it reads, what it runs and keeps, and that its numbers are the core's."""

from __future__ import annotations

import contextlib
import io
import math
import re
import threading
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from hypergeo import FisherHypergeometric
from hypergeo.figures import LIGHT
from hypergeo.figures.quality.fitted_weights import weights_panel
from hypergeo.figures.quality.published_check import published_figure
from hypergeo.quality import measure_counts
from hypergeo.quality.published_check import published_check
from hypergeo.ui.convergence.arrays import Urn, seeded
from hypergeo.ui.counts.arrays import fit, fitted_sums
from hypergeo.ui.counts.reading import LARGEST_SIZE, MOST_BYTES, MOST_ROWS, UnreadableError, plain, read
from hypergeo.ui.counts.view import counts_view, nearest_weights
from hypergeo.ui.quality.controls import PUBLISHED, RELAXATION, CheckSettings, PublishedSettings, quality_controls
from hypergeo.ui.quality.lesson import PRESETS, TOUR
from hypergeo.ui.quality.report_view import PublishedView
from hypergeo.ui.quality.run_panel import AT_ONCE
from hypergeo.ui.runtime import background_run as quality_run
from hypergeo.ui.runtime.background_run import Run, finished, stop_all
from tests.support.app import pages
from tests.support.app.pages import told

DEFAULTS = {name: control.default for name, control in quality_controls().items()}
SMALL = {"qual_samples": "1000", "qual_gradients": "100", "qual_taus": "0.1"}
COUNTS = {"qual_check": "your counts"}
PAPER = {"qual_check": PUBLISHED, "qual_repeats": "2", "qual_samples": "1000"}


@pytest.fixture(autouse=True)
def forget():
    finished().clear()
    yield
    stop_all()
    finished().clear()


page = partial(pages.page, "quality")


def done(app: AppTest) -> AppTest:
    """The page once what it runs has ended."""
    if "_qual_runs" in app.session_state:
        for run, _ in list(app.session_state["_qual_runs"].values()):
            run.wait(120)
            assert not run.running
    return app.run()


def box(app: AppTest) -> str:
    """The verdict's box."""
    found = [b.value for b in [*app.success, *app.warning] if b.icon in (":material/check_circle:", ":material/report:")]
    assert len(found) == 1
    return found[0]


def timeless(words: str) -> str:
    """A verdict without what depends on the machine's speed."""
    return re.sub(r"; for [^;]* ms:.*?(?=\n|$)", "", words)


class TestReading:
    """Counts as people have them."""

    ROWS = ((3, 2, 1), (0, 5, 1), (2, 2, 2))

    @pytest.mark.parametrize(
        "data",
        [
            "3,2,1\n0,5,1\n2,2,2",
            "3;2;1\r\n0;5;1\r\n2;2;2\r\n",
            "3\t2\t1\n0\t5\t1\n2\t2\t2\n\n",
            "  3 2 1\n0   5 1\n2 2 2",
            "red,green,blue\n3,2,1\n0,5,1\n2,2,2",
            '"red one";"green";"blue"\n"3";"2";"1"\n0;5;1\n2;2;2',
            "# drawn in May\n3,2,1\n\n0,5,1\n,,\n2,2,2",
            "3.0, 2.0, 1e0\n0, 5, 1\n2, 2, 2",
            ",0,1,2\n0,3,2,1\n1,0,5,1\n2,2,2,2",
            "row,a,b,c\n1,3,2,1\n2,0,5,1\n3,2,2,2",
            "3,2,1\n0,5,1\n2,2,2".encode("utf-16"),
            b"\xef\xbb\xbfa,b,c\n3,2,1\n0,5,1\n2,2,2",
            "rot,grün,blau\n3,2,1\n0,5,1\n2,2,2".encode("latin-1"),
        ],
    )
    def test_reads_what_spreadsheets_and_programs_write(self, data):
        assert read(data).counts.tolist() == [list(row) for row in self.ROWS]

    @pytest.mark.parametrize(
        "line", ["sizes: 9, 8, 7", "# sizes = 9 8 7", "Group sizes; 9; 8; 7", '"sizes",9,8,7', "size\t9\t8\t7"]
    )
    def test_takes_the_sizes_from_a_line_anywhere(self, line):
        for text in (f"{line}\n3,2,1", f"3,2,1\n{line}"):
            found = read(text)
            assert found.sizes == (9, 8, 7)
            assert found.counts.tolist() == [[3, 2, 1]]

    def test_a_first_column_that_counts_rows_is_kept_where_the_sizes_say_so(self):
        assert read("sizes: 9 9 9\n0 3 4\n1 2 4\n2 3 2").counts.shape == (3, 3)
        assert read("0 3 4\n1 2 4\n2 3 2").counts.shape == (3, 2)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"PK\x03\x04" + bytes(90), "an Excel workbook"),
            (b"%PDF-1.7", "a PDF"),
            (b"\x1f\x8b\x08", "a compressed file"),
            (bytes(range(256)), "binary file"),
            (b"1,2\n3,\x004", "binary file"),
            ("", "empty"),
            ("# nothing\n\n", "empty"),
            ("a,b,c", "no counts below"),
            ("3\n4\n5", "one number only"),
            ("1,2,3,4,5,6,7", "up to 6 groups"),
            ("3,2\n4", "Line 2 has 1 columns where the first has 2"),
            ("3,2\n\n4,x", "Line 3 has 'x' where a count should be"),
            ("3,2\n4,", "where a count should be"),
            ("a,b\n3,2\n4,−1", "where a count should be"),
            ("a,b\n3,2\n4,-1", "Line 3, column 2 has −1. Counts are not negative"),
            ("3,2\n4.5,1", "Line 2, column 1 has 4.5. Counts are whole"),
            ("3,1e30", "no count that this page can show"),
            ("3,inf", "where a count should be"),
            ("3,nan", "where a count should be"),
            ("sizes: 9, 8\n3,2,1", "The line of sizes has 2 numbers, and the rows have 3"),
            ("sizes: 9, -8\n3,2", "sizes are whole numbers from 0"),
            (f"sizes: {LARGEST_SIZE + 1}, 8\n3,2", "sizes are whole numbers from 0"),
            ("1,2\n" * (MOST_ROWS + 1), f"at most {MOST_ROWS:,} rows"),
            (b"1,2\n" * (MOST_BYTES // 4 + 1), "takes up to 5 MB"),
            ('3,2\n"4,1', "Line 2"),
        ],
    )
    def test_says_what_is_wrong(self, data, words):
        with pytest.raises(UnreadableError) as caught:
            read(data)
        assert words in str(caught.value).replace("\\", "")

    def test_what_a_reader_wrote_is_shown_as_text(self):
        with pytest.raises(UnreadableError) as caught:
            read("1,2\n3,<img src=x>![a](http://b) :red[c] $x$ `d`")
        for mark in "<>[]$`!:":
            assert not re.search(rf"(?<!\\){re.escape(mark)}", str(caught.value)), mark
        assert plain("a\nb\x00") == "a b "
        for address in ("http://a.b", "www.a.b", "x@a.b"):
            assert address not in plain(address).replace("\\", ""), "a link of it would be made"

    def test_any_bytes_are_read_or_refused_in_words(self):
        generator = np.random.default_rng(0)
        for _ in range(300):
            size = int(generator.integers(0, 60))
            data = bytes(generator.choice(np.frombuffer(b"0123456789,;\t \n\"'.-exa#:\xff\x00sizes", dtype=np.uint8), size))
            with contextlib.suppress(UnreadableError):
                found = read(data)
                assert found.counts.ndim == 2
                assert found.counts.min() >= 0


class Gate:
    """Work that waits, so that a test can act while it goes on."""

    def __init__(self) -> None:
        self.opened, self.entered = threading.Event(), threading.Event()

    def measure(self, progress: Any = None) -> str:
        progress(0.25, "waiting")
        self.entered.set()
        assert self.opened.wait(30)
        progress(0.75, "done waiting")
        return "result"


class TestRun:
    """Work in a thread of its own."""

    def test_tells_its_progress_and_its_result(self):
        gate = Gate()
        run = Run(gate).start()
        assert gate.entered.wait(30)
        assert (run.running, run.fraction, run.label, run.result) == (True, 0.25, "waiting", None)
        gate.opened.set()
        run.wait(30)
        assert (run.running, run.fraction, run.result) == (False, 0.75, "result")

    def test_stopping_acts_at_once_and_leaves_no_result(self):
        gate = Gate()
        run = Run(gate).start()
        assert gate.entered.wait(30)
        run.stop()
        assert not run.running
        gate.opened.set()
        run.wait(30)
        assert run.result is None
        assert not run.failure

    def test_a_run_that_nobody_watches_stops(self, monkeypatch):
        monkeypatch.setattr(quality_run, "_ABANDONED", -1.0)
        run = Run(Gate()).start()
        run.wait(30)
        assert not run.running
        assert run.result is None
        assert "nobody looked on" in run.failure

    def test_failures_are_told_in_words(self):
        class Bad:
            def measure(self, progress: Any = None) -> None:
                raise ValueError("n must be at most 3.")

        class Broken:
            def measure(self, progress: Any = None) -> None:
                raise ZeroDivisionError

        for work, words in ((Bad(), "n must be at most 3."), (Broken(), "The server's log")):
            run = Run(work).start()
            run.wait(30)
            assert words in run.failure
            assert "Error" not in run.failure

    def test_others_have_their_turn_and_change_nothing(self):
        settings = CheckSettings.of({**DEFAULTS, "samples": 1_000, "gradients": 100, "evaluations": 4, "marginal": False})
        with seeded(3):
            first = torch.rand(2)
        turns = 0
        run = Run(settings).start()
        while run.running:
            with seeded(3):
                assert torch.equal(torch.rand(2), first)
            turns += 1
        assert turns > 3
        assert run.result is not None
        alone = settings.measure()
        assert run.result.samples == alone.samples or [r.ks for r in run.result.samples] == [r.ks for r in alone.samples]
        assert [row.mean for row in run.result.gradients] == [row.mean for row in alone.gradients]

    def test_torch_s_generator_is_left_as_it_was(self):
        before = torch.get_rng_state()
        gate = Gate()
        run = Run(gate).start()
        gate.opened.set()
        run.wait(30)
        assert torch.equal(torch.get_rng_state(), before)

    def test_only_the_latest_results_are_kept(self, monkeypatch):
        monkeypatch.setattr(quality_run, "_KEPT", 2)
        finished.clear()  # the next store keeps so many
        for number in range(3):
            finished().put(number, str(number))
        assert [finished().get(number) for number in range(3)] == [None, "1", "2"]
        finished.clear()


class TestRelaxation:
    """A report on a relaxation."""

    def test_a_first_visit_runs_by_itself_and_shows_the_core_s_verdict(self):
        app = page(**SMALL)
        assert not app.exception
        app = done(app)
        assert not app.exception
        law = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
        settings = CheckSettings.of({**DEFAULTS, "samples": 1000, "gradients": 100, "taus": "0.1"})
        report = settings.measure()
        assert report.urn.total_count == law.total_count
        first, *others = report.verdict()
        assert box(app) == first
        assert timeless(told(app)) == timeless("- " + "\n- ".join(others))
        assert [chart.proto.alt for chart in app.get("plotly_chart")] != []
        labels = [button.label for button in app.get("download_button")]
        assert labels == ["Report (HTML, opens offline)", "Report (JSON)", "Table (CSV)", "Python"]

    def test_the_same_address_gives_the_same_numbers(self):
        first = done(page(**SMALL, qual_seed="5", qual_table="true"))
        finished().clear()
        second = done(page(**SMALL, qual_seed="5", qual_table="true"))
        for name in first.dataframe[0].value:
            if name != "ms":
                assert list(first.dataframe[0].value[name].fillna(-1)) == list(second.dataframe[0].value[name].fillna(-1)), name

    def test_a_report_stays_when_controls_move_and_is_marked(self):
        app = done(page(**SMALL))
        verdict, said = box(app), told(app)
        app.number_input(key="qual_m1").set_value(9).run()
        assert any("former settings" in warning.value for warning in app.warning)
        assert (box(app), told(app)) == (verdict, said)
        app.button(key="_qual_back").click().run()
        assert app.number_input(key="qual_m1").value == 10
        assert not any("former settings" in warning.value for warning in app.warning)

    def test_run_makes_a_report_of_the_controls(self):
        app = done(page(**SMALL))
        said = told(app)
        app.number_input(key="qual_n").set_value(12).run()
        app.button(key="_qual_run").click().run()
        assert app.button(key="_qual_run").disabled
        app = done(app)
        assert not any("former settings" in warning.value for warning in app.warning)
        assert told(app) != said
        assert "adds up to 12" in told(app)

    def test_cancel_acts_at_once_and_keeps_what_was_there(self, monkeypatch):
        app = done(page(**SMALL))
        said = told(app)
        gate = Gate()
        monkeypatch.setattr(CheckSettings, "measure", lambda self, progress=None: gate.measure(progress))
        app.number_input(key="qual_n").set_value(12).run()
        app.button(key="_qual_run").click().run()
        assert gate.entered.wait(30)
        assert told(app) == said
        # Controls can be moved meanwhile.
        app.number_input(key="qual_seed").set_value(3).run()
        assert not app.button(key="_qual_cancel").disabled
        app.button(key="_qual_cancel").click().run()
        assert any("Stopped. What was on show before is kept." in info.value for info in app.info)
        assert told(app) == said
        assert app.button(key="_qual_cancel").disabled
        gate.opened.set()
        app.run()
        assert told(app) == said

    def test_what_another_session_has_measured_is_shown_at_once(self):
        done(page(**SMALL))
        app = page(**SMALL)
        assert not app.session_state["_qual_runs"]
        assert box(app)

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ({"qual_n": "31"}, "total_count must be at most sum(group_sizes) = 30; got 31"),
            ({"qual_w1": "0", "qual_w2": "0", "qual_w3": "0"}, "weight"),
        ],
    )
    def test_what_cannot_be_run_says_why(self, address, words):
        app = page(**address)
        assert not app.exception
        assert words in app.error[0].value
        assert app.button(key="_qual_run").disabled
        assert not app.session_state["_qual_runs"]

    def test_a_report_without_gradients(self):
        app = done(
            page(**SMALL, **{f"qual_{name}": "false" for name in ("gumbel", "straight", "marginal", "score", "control")})
        )
        assert not app.exception
        assert len(app.get("plotly_chart")) == 1

    def test_long_runs_wait_for_the_button(self):
        large = {"groups": 6, "n": 600, "gradients": 1_000} | {f"m{group}": 200 for group in range(1, 7)}
        assert CheckSettings.of({**DEFAULTS, **large}).work() > AT_ONCE
        app = page(**{f"qual_{name}": str(value) for name, value in large.items()})
        assert not app.session_state["_qual_runs"]
        assert any("Nothing has been measured yet" in block.value for block in app.markdown)

    @pytest.mark.parametrize("address", [{}, {"qual_rule": "both", "qual_draws": "straight-through", "qual_w2": "10"}])
    def test_the_snippet_prints_the_verdict(self, address):
        app = done(page(**SMALL, **address, qual_python="true"))
        printed = run_snippet(app, "QualityReport")
        first, *others = printed.strip().split("\n")
        assert first == box(app)
        assert timeless("\n".join(f"- {line}" for line in others)) == timeless(told(app))


class TestPublished:
    """The paper's check."""

    def test_shows_that_the_exact_conditionals_pass_and_the_merged_rule_does_not(self):
        app = done(page(**PAPER, qual_table="true", qual_python="true"))
        assert not app.exception
        assert "The exact conditionals pass, the published rule does not" in box(app)
        table = app.dataframe[0].value
        own = table[(table["draws"] == "exact conditionals") & (table["against"] == "Fisher's law")]
        merged = table[(table["draws"] == "merged rule") & (table["against"] == "Fisher's law")]
        assert own["tests rejected"].sum() == 0
        assert merged["tests rejected"].iloc[-1] == 6
        printed = run_snippet(app, "published_check")
        assert printed.split("\n")[0] == told(app).split("\n")[0].removeprefix("- ")

    def test_the_figure_has_its_numbers(self):
        check = published_check([1, 10], num_seeds=2, num_samples=1000)
        for narrow in (False, True):
            data = published_figure(check, LIGHT, narrow=narrow).to_dict()["data"]
            lines = [trace for trace in data if trace["mode"] == "lines+markers"]
            assert [list(trace["y"]) for trace in lines] == [
                [row.median_distance for row in check.of(rule, law)]
                for law in ("exact", "merged")
                for rule in ("exact", "merged")
            ]
            assert lines[1]["marker"]["symbol"][-1] == "x"
            assert lines[3]["marker"]["symbol"] == ["circle-open"] * 2 or "x" not in lines[3]["marker"]["symbol"]

    def test_few_draws_tell_nothing(self):
        shown = PublishedView(PublishedSettings(1, 10, 0).measure())
        assert shown.good == ("Both pass" in shown.sentences()[0])


def run_snippet(app: AppTest, mark: str) -> str:
    code = next(block.value for block in app.code if mark in block.value)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), torch.random.fork_rng(devices=[]):
        exec(compile(code, "snippet", "exec"), {})
    return output.getvalue()


def counts_text() -> str:
    """About 400 rows that have the law's own shares of each count vector, so that no test can tell them from it."""
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
        assert "Nothing tells these 2,000 rows from this law" in box(app)
        assert app.query_params["qual_source"] == "of this law"

    def test_counts_of_wallenius_law_are_rejected(self):
        app = page(**COUNTS, qual_source="of Wallenius' law")
        assert "do not come from this law" in box(app)
        assert app.get("plotly_chart")[0].proto.alt.startswith(
            "Histograms of 2000 rows of counts over the exact law, told from it"
        )

    def test_pasted_counts_have_the_core_s_numbers(self):
        text = counts_text()
        app = pasted(text, qual_table="true", qual_python="true")
        assert f"Nothing tells these {ROWS} rows from this law" in box(app)
        counts = torch.from_numpy(read(text).counts)
        law = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
        quality, found = measure_counts(law, counts), FisherHypergeometric.fit(counts, [10, 10, 10])
        table = app.dataframe[0].value
        assert list(table["KS distance"]) == pytest.approx(quality.ks, rel=1e-12)
        assert list(table["p"]) == pytest.approx(quality.ks_p_values, rel=1e-9)
        assert list(table["fitted weight"]) == pytest.approx(found.weights.tolist(), rel=1e-9)
        ends = found.confidence_interval()
        assert list(table["from"]) == pytest.approx(ends[:, 0].tolist(), rel=1e-9)
        assert list(table["to"]) == pytest.approx(ends[:, 1].tolist(), rel=1e-9)
        assert list(table["weight of the law"]) == pytest.approx([0.5, 1.0, 2.0], rel=1e-12)
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
        assert f"rows tested: {ROWS if source == 'yours' else 500}, told from the law: {'do not come' in box(app)}" in printed
        for group in range(3):
            row = table.iloc[group]
            assert f"KS distance {row['KS distance']:.2g}, p = {row['p']:.2g}" in printed
            assert f"fitted weight {row['fitted weight']:.3g} ({row['from']:.3g} to {row['to']:.3g})" in printed

    def test_a_file_is_read_and_bad_ones_lose_nothing(self):
        app = page(**COUNTS)
        app.file_uploader[0].set_value(("counts.csv", counts_text().encode(), "text/csv")).run()
        said = told(app)
        assert f"Nothing tells these {ROWS} rows" in box(app)
        for data, words in ((b"PK\x03\x04..", "Excel workbook"), (b"1,2,x\n", "count"), (b"1,2,3\n4,5", "columns")):
            app.file_uploader[0].set_value(("bad.csv", data, "text/csv")).run()
            assert not app.exception
            assert "These counts cannot be read" in app.error[0].value
            assert words in app.error[0].value.replace("\\", "")
            assert "The counts given before are kept below" in app.error[0].value
            assert told(app) == said
        app.segmented_control(key="qual_check").set_value(RELAXATION).run()
        app.segmented_control(key="qual_check").set_value("your counts").run()
        assert told(app) == said

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
        assert "Nothing tells these 2 rows" in box(app)
        assert app.query_params["qual_groups"] == "4"

    def test_larger_sizes_are_offered(self):
        app = pasted("1,2,12\n2,2,11")
        assert "Row 1 has **12 of group 3**, which holds 10" in app.warning[0].value
        app.button[[b.label for b in app.button].index("Raise the sizes to 10, 10, 12")].click().run()
        assert not app.exception
        assert app.number_input(key="qual_m3").value == 12
        assert box(app)

    def test_sizes_beyond_the_fields_may_come_in_a_line(self):
        app = pasted("1,2,500\n2,1,500")
        assert "a line *sizes: …*" in " ".join(caption.value for caption in app.caption)
        app = pasted("sizes: 10, 10, 1000\n1,2,500\n2,1,500")
        assert not app.exception
        assert box(app)
        assert not app.number_input

    def test_rows_that_draw_different_numbers_are_fitted_together_and_tested_apart(self):
        rows = ["3,5,7"] * 3 + ["4,5,6"] * 4 + ["2,2,2"] * 2
        app = pasted("\n".join(rows), qual_table="true")
        assert any("**2 different numbers**" in info.value for info in app.info)
        assert "these 7 rows" in box(app)
        (choice,) = [select for select in app.selectbox if select.label == "Test the rows that draw"]
        assert choice.options == ["15 elements (7 rows)", "6 elements (2 rows)"]
        choice.set_value(6).run()
        assert "these 2 rows" in box(app)
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
        assert "Group 1 **always gave all it could**" in told(app)
        assert any("no bound" in info.value for info in app.info)

    def test_all_weights_zero_is_told(self):
        app = pasted("5,5,5\n4,5,6", qual_w1="0", qual_w2="0", qual_w3="0")
        assert not app.exception
        assert "All weights are zero" in app.warning[0].value
        app = pasted("5,5,5\n4,5,6", qual_w1="0", qual_w2="0")
        assert not app.exception
        app.button(key="_qual_offer_against_as fitted").click().run()
        assert not app.exception
        assert "Fisher's law with the fitted weights" in box(app)

    def test_the_fitted_weights_can_be_used(self):
        app = pasted(counts_text(), qual_w1="1", qual_w2="1", qual_w3="1")
        assert "do not come from this law" in box(app)
        app.button(key="_qual_use").click().run()
        assert not app.exception
        set_to = [app.select_slider(key=f"qual_w{group}").value for group in (1, 2, 3)]
        assert set_to[1] / set_to[0] == pytest.approx(2.0, rel=0.25)
        assert set_to[2] / set_to[0] == pytest.approx(4.0, rel=0.25)
        assert f"Nothing tells these {ROWS} rows from this law" in box(app)

    def test_markup_in_counts_is_no_markup(self):
        app = pasted("<b>a</b>,![x](http://x),c\n1,2,:red[3]")
        assert not app.exception
        assert r"\[" in app.error[0].value
        assert not re.search(r"(?<!\\)<b>|(?<!\\)!\[", " ".join(e.value for e in app.error))

    @pytest.mark.parametrize("rows", ["15,0,0", "5,5,5", "0,0,0\n0,0,0", "10,10,10"])
    def test_degenerate_counts_have_an_answer(self, rows):
        app = pasted(rows)
        assert not app.exception
        assert app.warning or box(app)


class TestFittedWeights:
    """Weights as controls and as a figure."""

    def test_nearest_steps_keep_ratios(self):
        generator = np.random.default_rng(1)
        for _ in range(50):
            weights = tuple(np.exp(generator.normal(0, 1, 3)).tolist())
            found = nearest_weights(weights)
            ratios = np.log(np.array(found) / np.array(weights))
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


class TestWhatCanBeTried:
    """Presets and the tour."""

    @pytest.mark.parametrize("number", range(len(PRESETS)))
    def test_presets_give_an_answer(self, number):
        app = page(**SMALL)
        app.button(key=f"_qual_preset_{number}").click().run()
        assert not app.exception
        assert not app.error
        if PRESETS[number].label == "The paper's check":
            assert not app.button(key="_qual_run").disabled
            return
        app = done(app)
        assert not app.exception
        assert box(app)
        assert not any("former" in warning.value for warning in app.warning)
        link = next(block.value for block in app.text if "qual_check" in block.value)
        assert "qual_seed=0" in link

    @pytest.mark.parametrize("number", range(1, len(TOUR) + 1))
    def test_stops_of_the_tour_show_what_they_say(self, number):
        app = page(qual_tour=str(number))
        assert not app.exception
        app = done(app)
        assert not app.exception
        good = {1: True, 2: True, 3: False, 4: False, 5: False, 6: True, 7: False}
        assert (":material/check_circle:" in [b.icon for b in app.success]) == good[number], box(app)

    def test_addresses_out_of_range_are_mended(self):
        app = page(qual_m1="900", qual_taus="hot", **COUNTS)
        assert not app.exception
        assert "qual_m1=900 is not allowed (whole numbers from 0 to 200): 200 is shown." in app.warning[0].value
        assert "qual_taus=hot is not allowed" in app.warning[0].value
