"""A report's figures and page: they show the measured numbers, and none of their text is markup."""

from __future__ import annotations

import base64
import html
import json
import re

import numpy as np
import pytest

from hypergeo import FisherHypergeometric
from hypergeo.estimators import Exact, ExactMarginal, ScoreFunction, StraightThrough
from hypergeo.figures import DARK, LIGHT
from hypergeo.figures.quality.report import gradient_alt, gradient_figure, report_html, sample_alt, sample_figure
from hypergeo.objectives import Linear, Quadratic
from hypergeo.quality import QualityReport

LAW = FisherHypergeometric(15, [10, 10, 10], [1.0, 10.0, 1.0])
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def report() -> QualityReport:
    """Returns a small report with a hostile name of an estimator."""
    estimators = {"RLOO": ScoreFunction(), "exact": Exact(), HOSTILE: StraightThrough(1.0, "merged")}
    return QualityReport.measure(
        LAW,
        [0.1, 1.0],
        Quadratic((5.0, 5.0, 5.0)),
        estimators,
        conditionals=["exact", "merged"],
        num_samples=2000,
        num_gradients=60,
    )


def numbers(value) -> list[float]:
    """Returns a trace's values, also where they are packed for plotly's JavaScript."""
    if isinstance(value, dict):
        return np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"]).tolist()
    return [float(item) for item in value]


def traces(figure, **wanted) -> list[dict]:
    """Returns the traces of a figure with these properties, at least one."""
    matches = [trace for trace in figure.to_plotly_json()["data"] if all(trace.get(k) == v for k, v in wanted.items())]
    assert matches
    return matches


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("narrow", [False, True])
def test_samples_are_drawn_as_measured(report, palette, narrow):
    figure = sample_figure(report, palette, narrow=narrow)
    for conditionals, hard in (("exact", False), ("exact", True), ("merged", False), ("merged", True)):
        rows = [row for row in report.samples if (row.conditionals, row.straight_through) == (conditionals, hard)]
        distance, evidence = traces(figure, name=rows[0].label.removesuffix(" conditionals"), mode="lines+markers")
        assert numbers(distance["x"]) == [row.temperature for row in rows]
        assert numbers(distance["y"]) == [row.wasserstein for row in rows]
        assert numbers(evidence["y"]) == [max(row.adjusted_p_value, 1e-12) for row in rows]
        assert (distance["showlegend"], evidence["showlegend"]) == (True, False)
    symbols = {trace["marker"]["symbol"] for trace in traces(figure, mode="lines+markers")}
    assert len(symbols) == 4  # colour is not the only cue
    (level,) = [t for t in traces(figure, mode="lines") if t.get("yaxis") == "y2"]
    assert numbers(level["y"]) == [report.level] * 2


@pytest.mark.parametrize("narrow", [False, True])
def test_estimators_are_drawn_as_measured(report, narrow):
    figure = gradient_figure(report, LIGHT, narrow=narrow)
    bias, cosine, evaluations, times = traces(figure, mode="markers")
    rows = report.gradients
    norm = report.reference.norm
    assert numbers(bias["x"]) == pytest.approx([row.relative_bias.value for row in rows])
    assert numbers(bias["error_x"]["array"]) == pytest.approx(
        [row.relative_bias.high - row.relative_bias.value for row in rows]
    )
    assert numbers(cosine["x"]) == pytest.approx([row.cosine.value for row in rows])
    assert numbers(evaluations["customdata"]) == pytest.approx([row.rmse_at_equal_evaluations / norm for row in rows])
    assert numbers(times["customdata"]) == pytest.approx([row.rmse_at_equal_time / norm for row in rows])
    layout = figure.to_plotly_json()["layout"]
    assert next(iter(layout["yaxis3"]["ticktext"])) == ("RLOO" if narrow else "")
    assert "0" in list(layout["xaxis3"]["ticktext"])  # the exact estimator's error has no logarithm
    colours = dict(zip([row.verdict for row in rows], bias["marker"]["color"], strict=True))
    assert colours.get("biased") != colours["no bias found"]


def test_the_page_holds_its_report_and_asks_nobody_for_anything(report):
    page = report_html(report)
    match = re.search(r'<script type="application/json" id="report">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    assert QualityReport.from_json(match[1]) == report
    assert json.loads(match[1])["seed"] == 0
    for sentence in report.verdict()[1:]:
        assert html.escape(sentence) in page
    assert "<strong>Not to be trusted here" in page
    shell = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"<[^>]*\b(src|href|onerror)\s*=", re.sub(r'aria-label="[^"]*"', "", shell))
    assert not re.search(r"url\(|@import", shell)
    assert "<img" not in shell
    assert page.count("plotly.js v") == 1
    assert page.count('role="img"') == 2
    assert "<script src" not in page


def test_names_are_no_markup_in_figures_either(report):
    drawn = json.dumps(gradient_figure(report, LIGHT).to_plotly_json(), default=str)
    assert "<img" not in drawn
    assert "&lt;img" in drawn


def test_words_for_those_who_do_not_see(report):
    assert "Straight-through, merged conditionals at τ = 1" in sample_alt(report)
    assert "significantly different" in sample_alt(report)
    assert "RLOO: no bias found" in gradient_alt(report)


def test_pages_of_parts_of_a_report():
    flat = QualityReport.measure(LAW, [1.0], Linear((1.0, 1.0, 1.0)), [ExactMarginal()], straight_through=[], num_gradients=10)
    page = report_html(flat)
    assert "plotly.js v" in page
    assert [part.split("<")[0] for part in page.split("<h2>")[1:]] == ["Gradients", "Settings"]
    counts = QualityReport.of_counts(LAW, LAW.sample((50,)))
    page = report_html(counts)
    assert "<h2>Counts</h2>" in page
    assert "plotly.js v" not in page
    large = QualityReport.measure(FisherHypergeometric(60, [20] * 6), [1.0], num_samples=50)
    assert "too many to list" in report_html(large)
