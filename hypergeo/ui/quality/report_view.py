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

__all__ = ["PublishedView", "ReportView", "view_of"]


@dataclass(frozen=True)
class ReportView:
    """A quality report as the page shows it.

    Attributes:
        report: what was measured.
        gradients: whether the figure is that of the gradients, where there are any.
    """

    report: QualityReport
    gradients: bool = False

    @property
    def good(self) -> bool:
        """Whether nothing was found that a model could not rely on; that soft samples are soft is no fault."""
        return not failures(self.report)

    def sentences(self) -> list[str]:
        """The verdict, the overall one first."""
        return self.report.verdict()

    def live(self) -> str:
        """The verdict in a sentence."""
        return self.sentences()[0]

    def figure(self, palette: Palette, *, narrow: bool = False) -> go.Figure:
        """The figure of the samples or of the gradients."""
        return (gradient_figure if self._of_gradients else sample_figure)(self.report, palette, narrow=narrow)

    def alt(self) -> str:
        """The figure as text."""
        return (gradient_alt if self._of_gradients else sample_alt)(self.report)

    @property
    def _of_gradients(self) -> bool:
        return bool(self.report.gradients) and self.gradients

    def table(self) -> dict[str, list[Any]]:
        """The numbers behind the figures: samplers, then estimators."""
        samples, gradients = self.report.samples, self.report.gradients
        blank_samples: list[Any] = [None] * len(samples)
        blank_gradients: list[Any] = [None] * len(gradients)
        return {
            "what": [row.label for row in samples] + [row.label for row in gradients],
            "τ": [row.temperature for row in samples] + [row.temperature for row in gradients],
            "verdict": ["significantly different" if row.differs else "no significant difference" for row in samples]
            + [row.verdict for row in gradients],
            "p, corrected": [row.adjusted_p_value for row in samples] + [row.adjusted_p_value for row in gradients],
            "largest KS": [max(row.ks) for row in samples] + blank_gradients,
            "total variation": [row.total_variation for row in samples] + blank_gradients,
            "Wasserstein, counts": [row.wasserstein for row in samples] + blank_gradients,
            "of exact samples": [row.wasserstein_floor.mean for row in samples] + blank_gradients,
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
        return "p-values are corrected for all tests of the report; the formulas below define distances and errors."

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
        """Whether neither kind of conditionals is told from Fisher's distribution."""
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
                "**The exact conditionals pass, the paper's approximation does not**: it differs significantly from Fisher's "
                f"distribution at {len(missed)} of {len(check.of('merged', 'exact'))} weights, and a reference that uses the "
                "same approximation cannot show it."
            )
        else:
            overall = "**Both pass here**: with so few samples the paper's approximation shows no significant difference."
        return [overall, *check.verdict()]

    def live(self) -> str:
        """The verdict in a sentence."""
        return self.sentences()[0]

    def figure(self, palette: Palette, *, narrow: bool = False) -> go.Figure:
        """Distances of samples from Fisher's distribution and from the merged reference."""
        return published_figure(self.check, palette, narrow=narrow)

    def alt(self) -> str:
        """The figure as text."""
        rows = self.check.of("merged", "exact")
        numbers = ", ".join(
            f"merged conditionals at weight {row.second_weight:g}: {row.median_distance:.2g}, {row.rejected} of {row.tests} "
            "rejected"
            for row in rows
        )
        return (
            f"Distance of samples from Fisher's distribution and from a merged reference against the second weight. {numbers}."
        )

    def table(self) -> dict[str, list[Any]]:
        """The numbers behind the figure."""
        rows = self.check.rows
        return {
            "weight of group 2": [row.second_weight for row in rows],
            "samples": ["exact conditionals" if row.conditionals == "exact" else "merged conditionals" for row in rows],
            "against": ["Fisher's distribution" if row.reference == "exact" else "merged reference" for row in rows],
            "median of largest KS": [row.median_distance for row in rows],
            "tests rejected": [row.rejected for row in rows],
            "tests": [row.tests for row in rows],
        }

    @property
    def note(self) -> str:
        """What the table's numbers are of."""
        return "Median over the sets of samples of the largest distance of the three groups, and the number of rejected tests."

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
        return standalone_html(self.figure(LIGHT), "The published check")

    def json(self) -> str:
        """The check as JSON."""
        return self.check.to_json()


def view_of(result: QualityReport | PublishedCheck, *, gradients: bool = False) -> ReportView | PublishedView:
    """How the page shows a result.

    Args:
        result: what was measured.
        gradients: whether the figure is that of the gradients, where there are any.
    """
    return PublishedView(result) if isinstance(result, PublishedCheck) else ReportView(result, gradients)
