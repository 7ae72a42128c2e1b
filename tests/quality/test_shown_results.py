"""Results as notebooks and terminals show them: one line, and HTML that holds names as text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from hypergeo import FisherHypergeometric
from hypergeo.clustering.benchmark.study import ClusterRun, ClusterStudy
from hypergeo.estimators import Exact, ExactMarginal
from hypergeo.estimators.descent import descend
from hypergeo.objectives import Quadratic
from hypergeo.quality import QualityReport
from hypergeo.quality.published_check import published_check
from hypergeo.shared_factors.results import FactorResults
from hypergeo.shared_factors.scores import Collapse, Score
from hypergeo.shared_factors.study import StudyRow

NAME = "ours <b>&"
SCORE = Score(0.5, 0.5, float("nan"), 0.4, float("nan"), 0.9, 0.8, 0.7, Collapse(False, False, (1,)))


class Rows(HTMLParser):
    """The text of each row of the tables; tags that are left open are an error."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.rows = list[str](), list[list[str]]()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["td"]:
            self.rows[-1].append(data)


def made_report() -> QualityReport:
    urn = FisherHypergeometric(3, [2, 2], [1.0, 2.0])
    return QualityReport.measure(urn, [0.5], Quadratic((1, 2)), {NAME: ExactMarginal()}, num_samples=100, num_gradients=4)


@pytest.mark.parametrize(
    ("result", "words", "cell"),
    [
        (made_report, "<QualityReport of 3 from (2, 2): 2 samplers, 1 estimator; ", NAME),
        (
            lambda: published_check((1, 2), num_seeds=2, num_samples=50),
            "<PublishedCheck of 180 from (200, 200, 200): second weights 1, 2>",
            "merged",
        ),
        (
            lambda: ClusterStudy([ClusterRun(NAME, 0, {"size_error": 0.25}, 0.1, (2.0, 1.0))]),
            f"<ClusterStudy of {NAME}: 1 seed>",
            "25.00",
        ),
        (lambda: FactorResults("sprites", 5, {}, [StudyRow(NAME, 2, 0, SCORE, SCORE)]), "<FactorResults on sprites: ", "0.5"),
    ],
    ids=["report", "published check", "clusters", "factors"],
)
def test_results_are_shown_in_one_line_and_as_tables(result, words, cell):
    made = result()
    assert repr(made).startswith(words)
    assert "\n" not in repr(made)
    assert any(cell in row for row in Rows(made._repr_html_()).rows)


def test_a_report_of_samples_or_of_gradients_alone_has_one_table():
    urn = FisherHypergeometric(3, [2, 2], [1.0, 2.0])
    counts = QualityReport.of_counts(urn, urn.sample((50,)))
    gradients = QualityReport.measure(urn, [0.5], Quadratic((1, 2)), [ExactMarginal()], straight_through=[], num_gradients=4)
    for report, what, name in ((counts, "1 sampler", "Observed counts"), (gradients, "1 estimator", "Exact marginal")):
        assert repr(report).startswith(f"<QualityReport of 3 from (2, 2): {what}; ")
        html = report._repr_html_()
        assert html.count("<table") == 1
        assert [row[0] for row in Rows(html).rows if row] == [name]


def test_a_descent_in_one_line():
    run = descend(
        *(Exact(), lambda x: (x[..., 0] - 4) ** 2, 15, [10, 10, 10], [0.0, 0.0, 0.0]),
        steps=20,
        learning_rate=0.1,
        num_samples=1,
        seed=0,
    )
    assert repr(run) == f"<Descent of 20 steps: loss {run.losses[0]:.4g} to {run.losses[-1]:.4g}>"
