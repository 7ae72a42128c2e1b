"""What the quality page shows of a finished report, and of the published check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from hypergeo._records import csv_text
from hypergeo.figures import LIGHT, Palette
from hypergeo.figures.quality.published_check import published_figure
from hypergeo.figures.quality.report import gradient_alt, gradient_figure, report_html, sample_alt, sample_figure
from hypergeo.quality import QualityReport
from hypergeo.quality.published_check import PublishedCheck
from hypergeo.quality.verdict import failures
from hypergeo.ui.page.downloads import standalone_html

__all__ = ["Drawing", "PublishedView", "ReportView", "view_of"]


@dataclass(frozen=True)
class Drawing:
    """A figure of a view.

    Attributes:
        key: its name on the page.
        figure: itself.
        alt: itself in words.
    """

    key: str
    figure: go.Figure
    alt: str


@dataclass(frozen=True)
class ReportView:
    """A quality report as the page shows it.

    Attributes:
        report: what was measured.
    """

    report: QualityReport

    @property
    def good(self) -> bool:
        """Whether nothing was found that a model could not rely on; that soft draws are soft is no fault."""
        return not failures(self.report)

    def sentences(self) -> list[str]:
        """The verdict, the overall one first."""
        return self.report.verdict()

    def drawings(self, palette: Palette, *, narrow: bool = False) -> list[Drawing]:
        """The figures: samples, then gradients, as far as they were measured."""
        report, drawn = self.report, []
        if report.samples:
            drawn.append(Drawing("qual_samples_figure", sample_figure(report, palette, narrow=narrow), sample_alt(report)))
        if report.gradients:
            drawn.append(
                Drawing("qual_gradients_figure", gradient_figure(report, palette, narrow=narrow), gradient_alt(report))
            )
        return drawn

    def table(self) -> dict[str, list[Any]]:
        """The numbers behind the figures: samplers, then estimators."""
        samples, gradients = self.report.samples, self.report.gradients
        blank_samples: list[Any] = [None] * len(samples)
        blank_gradients: list[Any] = [None] * len(gradients)
        return {
            "what": [row.label for row in samples] + [row.label for row in gradients],
            "τ": [row.temperature for row in samples] + [row.temperature for row in gradients],
            "verdict": [("told apart" if row.differs else "not told apart") for row in samples]
            + [row.verdict for row in gradients],
            "p, corrected": [row.adjusted_p_value for row in samples] + [row.adjusted_p_value for row in gradients],
            "largest KS": [max(row.ks) for row in samples] + blank_gradients,
            "total variation": [row.total_variation for row in samples] + blank_gradients,
            "Wasserstein, counts": [row.wasserstein for row in samples] + blank_gradients,
            "its noise": [row.wasserstein_floor.mean for row in samples] + blank_gradients,
            "bias": blank_samples + [row.bias.value for row in gradients],
            "standard deviation": blank_samples + [row.deviation.value for row in gradients],
            "RMSE": blank_samples + [row.rmse.value for row in gradients],
            "cosine": blank_samples + [None if row.cosine is None else row.cosine.value for row in gradients],
            "evaluations": blank_samples + [row.evaluations for row in gradients],
            "ms": blank_samples + [1e3 * row.seconds for row in gradients],
        }

    @property
    def note(self) -> str:
        """What the table's numbers are of."""
        return "p-values are corrected for all tests of the report; distances and errors are as the formulas below say."

    def csv(self) -> bytes:
        """The report as comma-separated values."""
        return self.report.to_csv().encode()

    def html(self) -> str:
        """The report as a page that opens offline."""
        return report_html(self.report)

    def json(self) -> str:
        """The report as JSON."""
        return self.report.to_json()


@dataclass(frozen=True)
class PublishedView:
    """The published check as the page shows it.

    Attributes:
        check: what was measured.
    """

    check: PublishedCheck

    @property
    def good(self) -> bool:
        """Whether neither kind of conditionals is told from Fisher's law."""
        return not any(row.rejected for row in self.check.rows if row.reference == "exact")

    def sentences(self) -> list[str]:
        """The verdict, the overall one first."""
        check = self.check
        missed = [row for row in check.of("merged", "exact") if row.rejected]
        false = [row for row in check.of("exact", "exact") if row.rejected]
        if false:
            overall = "**The exact conditionals fail here, which they should not.** Please report the settings."
        elif missed:
            overall = (
                f"**The exact conditionals pass, the published rule does not**: it is told from Fisher's law at {len(missed)} "
                f"of {len(check.of('merged', 'exact'))} weights, and a reference that shares its rule cannot show it."
            )
        else:
            overall = "**Both pass here**: with so few draws the published rule cannot be told from Fisher's law."
        return [overall, *check.verdict()]

    def drawings(self, palette: Palette, *, narrow: bool = False) -> list[Drawing]:
        """The figure."""
        rows = self.check.of("merged", "exact")
        alt = "Distance of draws from Fisher's law and from a merged reference against the second weight. " + ", ".join(
            f"merged rule at weight {row.second_weight:g}: {row.median_distance:.2g}, {row.rejected} of {row.tests} rejected"
            for row in rows
        )
        return [Drawing("qual_published_figure", published_figure(self.check, palette, narrow=narrow), f"{alt}.")]

    def table(self) -> dict[str, list[Any]]:
        """The numbers behind the figure."""
        rows = self.check.rows
        return {
            "weight of group 2": [row.second_weight for row in rows],
            "draws": ["exact conditionals" if row.conditionals == "exact" else "merged rule" for row in rows],
            "against": ["Fisher's law" if row.reference == "exact" else "merged reference" for row in rows],
            "median of largest KS": [row.median_distance for row in rows],
            "tests rejected": [row.rejected for row in rows],
            "tests": [row.tests for row in rows],
        }

    @property
    def note(self) -> str:
        """What the table's numbers are of."""
        return "The median over the sets of draws of the largest distance of the three groups, and the tests of all of them."

    def csv(self) -> bytes:
        """Every test as comma-separated values."""
        head = ["second_weight", "conditionals", "reference", "set", "group", "ks", "p_value"]
        rows = [
            [row.second_weight, row.conditionals, row.reference, number, group, *tested]
            for row in self.check.rows
            for number, tests in enumerate(zip(row.distances, row.p_values, strict=True))
            for group, tested in enumerate(zip(*tests, strict=True), 1)
        ]
        return csv_text([head, *rows]).encode()

    def html(self) -> str:
        """The figure as a page that opens offline."""
        return standalone_html(published_figure(self.check, LIGHT), "The published check")

    def json(self) -> str:
        """The check as JSON."""
        return self.check.to_json()


def view_of(result: QualityReport | PublishedCheck) -> ReportView | PublishedView:
    """How the page shows a result."""
    return PublishedView(result) if isinstance(result, PublishedCheck) else ReportView(result)
