"""The quality page without a browser: its runs, the results that it keeps, and its numbers, which are the core's."""

from __future__ import annotations

import re
from functools import cache

import pytest

from hypergeo import FisherHypergeometric
from hypergeo.figures import LIGHT
from hypergeo.figures.core.words import thin
from hypergeo.figures.quality.published_check import published_figure
from hypergeo.quality.published_check import published_check
from hypergeo.quality.report import QualityReport
from hypergeo.ui.quality.controls import PUBLISHED, CheckSettings, PublishedSettings, quality_controls
from hypergeo.ui.quality.lesson import PRESETS
from hypergeo.ui.quality.report_view import PublishedView
from hypergeo.ui.quality.run_panel import AT_ONCE
from hypergeo.ui.runtime.background_run import finished, stop_all
from tests.support.app.gate import Gate
from tests.support.app.pages import alt, go, link, sentence, told, values
from tests.support.app.quality import done, good, page, run_snippet

DEFAULTS = {name: control.default for name, control in quality_controls().items()}
SMALL = {"qual_samples": "1000", "qual_gradients": "100", "qual_taus": "0.1"}
SMALL_SETTINGS = CheckSettings.of({**DEFAULTS, "samples": 1000, "gradients": 100, "taus": "0.1"})
COUNTS = {"qual_check": "your counts"}
PAPER = {"qual_check": PUBLISHED, "qual_repeats": "2", "qual_samples": "1000"}


@pytest.fixture(autouse=True)
def forget():
    """Discards finished and running computations, before and after each test."""
    finished().clear()
    yield
    stop_all()
    finished().clear()


@cache
def small_report() -> QualityReport:
    return SMALL_SETTINGS.measure()


@pytest.fixture
def measured(forget) -> None:
    """Has the report of ``SMALL`` in the store, as after a visit, where a test is about what follows."""
    finished().put(SMALL_SETTINGS, small_report())


def timeless(words: str) -> str:
    """Returns a verdict without the times, which depend on the machine."""
    return re.sub(r"; for [^;]* ms:.*?(?=\n|$)", "", words)


class TestRelaxation:
    """A report on a relaxation."""

    def test_a_first_visit_runs_by_itself_and_shows_the_core_s_verdict(self):
        app = page(**SMALL)
        assert not app.exception
        app = done(app)
        assert not app.exception
        law = FisherHypergeometric(15, [10, 10, 10], [1.0, 2.0, 4.0])
        report = small_report()
        assert report.urn.total_count == law.total_count
        first, *others = report.verdict()
        assert sentence(app) == thin(first)
        assert timeless(told(app)) == timeless(thin("- " + "\n- ".join(others)))
        assert alt(app).startswith("Distance of samples")
        assert good(app)
        labels = [button.label for button in app.get("download_button")]
        assert labels == ["Report (HTML, opens offline)", "Report (JSON)", "Table (CSV)", "Python"]

    def test_the_same_address_gives_the_same_numbers(self):
        first = done(page(**SMALL, qual_seed="5", qual_table="true"))
        finished().clear()
        second = done(page(**SMALL, qual_seed="5", qual_table="true"))
        for name in first.dataframe[0].value:
            if name != "ms":
                assert list(first.dataframe[0].value[name].fillna(-1)) == list(second.dataframe[0].value[name].fillna(-1)), name

    def test_a_report_stays_when_controls_move_and_is_marked(self, measured):
        app = done(page(**SMALL))
        verdict, notices = sentence(app), told(app)
        go(app, **SMALL, qual_m1="9")
        assert any("former settings" in warning.value for warning in app.warning)
        assert (sentence(app), told(app)) == (verdict, notices)
        app.button(key="_qual_back").click().run()
        assert values(app)["m1"] == "10"
        assert not any("former settings" in warning.value for warning in app.warning)

    def test_run_makes_a_report_of_the_controls(self, measured):
        app = done(page(**SMALL))
        notices = told(app)
        go(app, **SMALL, qual_n="12")
        app.button(key="_qual_run").click().run()
        assert app.button(key="_qual_run").disabled
        app = done(app)
        assert not any("former settings" in warning.value for warning in app.warning)
        assert told(app) != notices
        assert "All samples add up to 12" in told(app)

    def test_cancel_acts_at_once_and_keeps_what_was_there(self, measured, monkeypatch):
        app = done(page(**SMALL))
        notices = told(app)
        gate = Gate()
        monkeypatch.setattr(CheckSettings, "measure", lambda self, progress=None: gate.measure(progress))
        go(app, **SMALL, qual_n="12")
        app.button(key="_qual_run").click().run()
        assert gate.entered.wait(30)
        assert told(app) == notices
        # Controls can be moved meanwhile.
        go(app, **SMALL, qual_n="12", qual_seed="3")
        assert not app.button(key="_qual_cancel").disabled
        app.button(key="_qual_cancel").click().run()
        assert any("Stopped. The previous results are kept." in info.value for info in app.info)
        assert told(app) == notices
        assert app.button(key="_qual_cancel").disabled
        gate.opened.set()
        app.run()
        assert told(app) == notices

    def test_what_another_session_has_measured_is_shown_at_once(self):
        done(page(**SMALL))
        app = page(**SMALL)
        assert not app.session_state["_qual_runs"]
        assert sentence(app)

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
        assert "figure" not in values(app)
        assert alt(app).startswith("Distance of samples")

    def test_the_figure_of_gradients_is_a_choice(self, measured):
        app = done(page(**SMALL))
        assert values(app)["figure"] == "samples"
        go(app, **SMALL, qual_figure="gradients")
        assert alt(app).startswith("Bias, cosine and error")
        assert not app.session_state["_qual_runs"], "another figure is no other run"

    def test_long_runs_wait_for_the_button(self):
        large = {"groups": 6, "n": 600, "gradients": 1_000} | {f"m{group}": 200 for group in range(1, 7)}
        assert CheckSettings.of({**DEFAULTS, **large}).work() > AT_ONCE
        app = page(**{f"qual_{name}": str(value) for name, value in large.items()})
        assert not app.session_state["_qual_runs"]
        assert any("Press *Run*; the results appear here" in block.value for block in app.markdown)

    @pytest.mark.parametrize("address", [{}, {"qual_rule": "both", "qual_draws": "straight-through", "qual_w2": "10"}])
    def test_the_snippet_prints_the_verdict(self, measured, address):
        app = done(page(**SMALL, **address, qual_python="true"))
        printed = run_snippet(app, "QualityReport")
        first, *others = printed.strip().split("\n")
        assert thin(first) == sentence(app)
        assert timeless(thin("\n".join(f"- {line}" for line in others))) == timeless(told(app))


class TestPublished:
    """The paper's check."""

    def test_shows_that_the_exact_conditionals_pass_and_the_merged_rule_does_not(self):
        app = done(page(**PAPER, qual_table="true", qual_python="true"))
        assert not app.exception
        assert "The exact conditionals pass, the published approximation does not" in sentence(app)
        table = app.dataframe[0].value
        own = table[(table["samples"] == "exact conditionals") & (table["against"] == "Fisher's distribution")]
        merged = table[(table["samples"] == "merged conditionals") & (table["against"] == "Fisher's distribution")]
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


class TestWhatCanBeTried:
    """Presets and addresses. The tour has a file of its own: tours/test_quality.py."""

    @pytest.mark.parametrize("number", range(len(PRESETS)))
    def test_presets_give_an_answer(self, measured, number):
        app = page(**SMALL)
        app.button(key=f"_qual_preset_{number}").click().run()
        assert not app.exception
        assert not app.error
        if PRESETS[number].label == "The published check":
            assert not app.button(key="_qual_run").disabled
            return
        app = done(app)
        assert not app.exception
        assert sentence(app)
        assert not any("former" in warning.value for warning in app.warning)
        assert link(app)["qual_seed"] == "0"

    def test_addresses_out_of_range_are_mended(self):
        app = page(qual_m1="900", qual_taus="hot", **COUNTS)
        assert not app.exception
        assert (
            'The link has an invalid group size 1 ("900"; allowed: whole numbers from 0 to 200); using 200.'
            in app.warning[0].value
        )
        assert 'invalid temperature ("hot"' in app.warning[0].value
