"""The quality page for a finished report or published check: verdict, figure, table and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypergeo._records import csv_text
from hypergeo.figures import LIGHT, Palette
from hypergeo.figures.core.plain_figure import PlainFigure
from hypergeo.figures.quality.published_check import published_figure
from hypergeo.figures.quality.report import gradient_alt, gradient_figure, report_html, sample_alt, sample_figure
from hypergeo.quality import QualityReport
from hypergeo.quality.published_check import PublishedCheck
from hypergeo.quality.verdict import failures
from hypergeo.ui.page.downloads import standalone_html

__all__ = ["PublishedView", "ReportView", "view_of"]


@dataclass(frozen=True)
class ReportView:
    """A quality report with its sentences, figure, table and files.

    Attributes:
        report: the report.
        gradients: whether the figure shows the gradients, if there are any, instead of the samples.
    """

    report: QualityReport
    gradients: bool = False

    @property
    def good(self) -> bool:
        """Whether the report has no failures; a significant difference of soft samples is expected and is no failure."""
        return not failures(self.report)

    def sentences(self) -> list[str]:
        """Returns the verdict in sentences, the overall one first.

        Returns:
            The sentences as Markdown.
        """
        return self.report.verdict()

    def live(self) -> str:
        """Returns the overall verdict.

        Returns:
            The sentence as Markdown.
        """
        return self.sentences()[0]

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the figure of the samples or of the gradients.

        Args:
            palette: colours of the figure.
            narrow: whether the page is as narrow as a telephone.

        Returns:
            The figure.
        """
        return (gradient_figure if self._of_gradients else sample_figure)(self.report, palette, narrow=narrow)

    def alt(self) -> str:
        """Describes the figure as alternative text.

        Returns:
            The text.
        """
        return (gradient_alt if self._of_gradients else sample_alt)(self.report)

    @property
    def _of_gradients(self) -> bool:
        return bool(self.report.gradients) and self.gradients

    def table(self) -> dict[str, list[Any]]:
        """Returns the numbers behind the figures: samplers, then estimators.

        Returns:
            The columns by name.
        """
        samples, gradients = self.report.samples, self.report.gradients
        blank_samples: list[Any] = [None] * len(samples)
        blank_gradients: list[Any] = [None] * len(gradients)
        return {
            "sampler or estimator": [row.label for row in samples] + [row.label for row in gradients],
            "τ": [row.temperature for row in samples] + [row.temperature for row in gradients],
            "verdict": ["significantly different" if row.differs else "no significant difference" for row in samples]
            + [row.verdict for row in gradients],
            "p, corrected": [row.adjusted_p_value for row in samples] + [row.adjusted_p_value for row in gradients],
            "largest KS": [max(row.ks) for row in samples] + blank_gradients,
            "total variation": [row.total_variation for row in samples] + blank_gradients,
            "Wasserstein, counts": [row.wasserstein for row in samples] + blank_gradients,
            "Wasserstein, exact samples": [row.wasserstein_floor.mean for row in samples] + blank_gradients,
            "bias": blank_samples + [row.bias.value for row in gradients],
            "standard deviation": blank_samples + [row.deviation.value for row in gradients],
            "RMSE": blank_samples + [row.rmse.value for row in gradients],
            "cosine": blank_samples + [None if row.cosine is None else row.cosine.value for row in gradients],
            "evaluations": blank_samples + [row.evaluations for row in gradients],
            "ms": blank_samples + [1e3 * row.seconds for row in gradients],
        }

    @property
    def note(self) -> str:
        """Caption of the table."""
        return "p-values are corrected for all tests of the report; the formulas below define distances and errors."

    def csv(self) -> bytes:
        """Writes the report as comma-separated values.

        Returns:
            Contents of the file.
        """
        return self.report.to_csv().encode()

    def html(self) -> str:
        """Writes the report as an HTML page that opens offline.

        Returns:
            The HTML document.
        """
        return report_html(self.report)

    def json(self) -> str:
        """Writes the report as JSON.

        Returns:
            Contents of the file.
        """
        return self.report.to_json()


@dataclass(frozen=True)
class PublishedView:
    """The published check with its sentences, figure, table and files.

    Attributes:
        check: the check.
    """

    check: PublishedCheck

    @property
    def good(self) -> bool:
        """Whether no kind of conditionals differs significantly from Fisher's distribution."""
        return not any(row.rejected for row in self.check.rows if row.reference == "exact")

    def sentences(self) -> list[str]:
        """Returns the verdict in sentences, the overall one first.

        Returns:
            The sentences as Markdown.
        """
        check = self.check
        missed = [row for row in check.of("merged", "exact") if row.rejected]
        false = [row for row in check.of("exact", "exact") if row.rejected]
        if false:
            overall = "**The exact conditionals fail here, but they should pass.** Please report the settings."
        elif missed:
            overall = (
                "**The exact conditionals pass, the published approximation does not**: it differs significantly from Fisher's "
                f"distribution at {len(missed)} of {len(check.of('merged', 'exact'))} weights, and a reference that uses the "
                "same approximation cannot show it."
            )
        else:
            overall = "**Both pass here**: with so few samples the published approximation shows no significant difference."
        return [overall, *check.verdict()]

    def live(self) -> str:
        """Returns the overall verdict.

        Returns:
            The sentence as Markdown.
        """
        return self.sentences()[0]

    def figure(self, palette: Palette, *, narrow: bool = False) -> PlainFigure:
        """Draws the distances of samples from Fisher's distribution and from the merged reference.

        Args:
            palette: colours of the figure.
            narrow: whether the page is as narrow as a telephone.

        Returns:
            The figure.
        """
        return published_figure(self.check, palette, narrow=narrow)

    def alt(self) -> str:
        """Describes the figure as alternative text.

        Returns:
            The text.
        """
        rows = self.check.of("merged", "exact")
        numbers = ", ".join(
            f"merged conditionals at weight {row.second_weight:g}: {row.median_distance:.2g}, {row.rejected} of {row.tests} "
            "rejected"
            for row in rows
        )
        return (
            f"Distance of samples from Fisher's distribution and from a merged reference, by the weight of group 2. {numbers}."
        )

    def table(self) -> dict[str, list[Any]]:
        """Returns the numbers behind the figure.

        Returns:
            The columns by name.
        """
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
        """Caption of the table."""
        return "Median over the sets of samples of the largest KS distance of a group, and number of tests that reject."

    def csv(self) -> bytes:
        """Writes every test as comma-separated values.

        Returns:
            Contents of the file.
        """
        head = ["second_weight", "conditionals", "reference", "set", "group", "ks", "p_value"]
        rows = [
            [row.second_weight, row.conditionals, row.reference, number, group, *tested]
            for row in self.check.rows
            for number, tests in enumerate(zip(row.distances, row.p_values, strict=True))
            for group, tested in enumerate(zip(*tests, strict=True), 1)
        ]
        return csv_text([head, *rows]).encode()

    def html(self) -> str:
        """Writes the figure as an HTML page that opens offline.

        Returns:
            The HTML document.
        """
        return standalone_html(self.figure(LIGHT), "The published check")

    def json(self) -> str:
        """Writes the check as JSON.

        Returns:
            Contents of the file.
        """
        return self.check.to_json()


def view_of(result: QualityReport | PublishedCheck, *, gradients: bool = False) -> ReportView | PublishedView:
    """Makes the view of a result.

    Args:
        result: the report or the published check.
        gradients: whether the figure of a report shows the gradients, if there are any, instead of the samples.

    Returns:
        The view.
    """
    return PublishedView(result) if isinstance(result, PublishedCheck) else ReportView(result, gradients)
