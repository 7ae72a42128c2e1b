"""A quality report as one HTML page that opens offline: the verdict as text, the figures, the tables, the data."""

from __future__ import annotations

import html
from collections.abc import Sequence

from hypergeo._records import html_table, html_text
from hypergeo.figures.core.html_page import drawn_figure, html_page
from hypergeo.figures.core.palette import LIGHT
from hypergeo.quality import QualityReport
from hypergeo.quality.goodness_of_fit import EXPECTED
from hypergeo.quality.gradients import NEGLIGIBLE, Measured

from .gradients import gradient_figure
from .samples import sample_figure

__all__ = ["gradient_alt", "gradient_figure", "report_html", "sample_alt", "sample_figure", "sweep_html"]

_SAMPLE_TESTS = (
    "Kolmogorov-Smirnov of each group, p-values exact for discrete counts; likelihood ratio of the joint distribution if it "
    f"can be listed, over cells of at least {EXPECTED:g} expected samples. Soft samples are rounded to the nearest integers "
    "first."
)
_GRADIENT_TESTS = (
    "t-tests of each component, corrected for skewness and by Bonferroni. Biases below "
    f"{100 * NEGLIGIBLE:g} % of the gradient norm are not tested."
)


def report_html(report: QualityReport) -> str:
    """Writes the report as an HTML page that opens offline and requests nothing from other machines.

    The element ``report`` of the page contains the report as JSON.

    Args:
        report: the report.

    Returns:
        The HTML document.

    Example:
        >>> from hypergeo import FisherHypergeometric
        >>> report = QualityReport.measure(FisherHypergeometric(5, [3, 4]), [0.5], num_samples=100)
        >>> page = report_html(report)
        >>> "Nothing wrong was found" in page, "<script src=" in page
        (True, False)
    """
    figures = []
    if report.temperatures and report.samples:
        figures.append(("Samples", drawn_figure(sample_figure(report, LIGHT), sample_alt(report), True), _sample_table(report)))
    elif report.samples:
        figures.append(("Counts", "", _sample_table(report)))
    if report.gradients:
        drawn = drawn_figure(gradient_figure(report, LIGHT), gradient_alt(report), not report.samples)
        figures.append(("Gradients", drawn, _gradient_table(report)))
    parts = [f"<h1>Relaxation quality</h1><p>{html_text(_described(report))}</p>"]
    first, *others = report.verdict()
    parts.append(f"<p>{html_text(first)}</p><ul>{''.join(f'<li>{html_text(words)}</li>' for words in others)}</ul>")
    parts += [f"<h2>{title}</h2>{drawn}{table}" for title, drawn, table in figures]
    parts.append(f"<h2>Settings</h2>{_settings(report)}")
    data = report.to_json().replace("<", "\\u003c")
    parts.append(f'<script type="application/json" id="report">{data}</script>')
    return html_page("Relaxation quality", "".join(parts))


def sweep_html(sentence: str, tables: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]]) -> str:
    """Writes the tables of many reports as an HTML page.

    Args:
        sentence: introduction of the tables.
        tables: title, head and rows of each table.

    Returns:
        The HTML document.

    Example:
        >>> "<td>1 &lt; 2</td>" in sweep_html("One cell.", [("Samples", ["urn"], [["1 < 2"]])])
        True
    """
    shown = [f"<h2>{html.escape(title)}</h2>{html_table(head, [(row, False) for row in rows])}" for title, head, rows in tables]
    return html_page("Relaxation quality, a sweep", f"<h1>A sweep</h1><p>{html.escape(sentence)}</p>{''.join(shown)}")


def sample_alt(report: QualityReport) -> str:
    """Describes :func:`sample_figure` as text.

    Args:
        report: report with samples.

    Returns:
        The alternative text.
    """
    words = {True: "significantly different", False: "no significant difference"}
    sentences = ", ".join(
        f"{row.label} at τ = {row.temperature:g}: {row.wasserstein:.2g} counts, {words[row.differs]}" for row in report.samples
    )
    return f"Distance of samples from the exact distribution and p-values against temperature. {sentences}."


def gradient_alt(report: QualityReport) -> str:
    """Describes :func:`gradient_figure` as text.

    Args:
        report: report with gradients.

    Returns:
        The alternative text.
    """
    sentences = ", ".join(
        f"{row.label}{'' if row.temperature is None else f' at τ = {row.temperature:g}'}: {row.verdict}"
        for row in report.gradients
    )
    return f"Bias, cosine and error at equal cost of each gradient estimator. {sentences}."


def _described(report: QualityReport) -> str:
    urn = report.urn
    sizes, weights = ", ".join(map(str, urn.group_sizes)), ", ".join(f"{weight:.4g}" for weight in urn.weights)
    return f"Groups of {sizes} elements with weights {weights}, of which {urn.total_count:,} are drawn."


def _settings(report: QualityReport) -> str:
    rows = [
        ("Temperatures", ", ".join(f"{value:g}" for value in report.temperatures) or "none"),
        ("Samples" if not report.temperatures else "Samples of each sampler", f"{report.num_samples:,}"),
        ("Count vectors", "too many to list" if report.support_size is None else f"{report.support_size:,}"),
        ("Tests of samples", _SAMPLE_TESTS if report.samples else "none"),
        ("Tests of gradients", _GRADIENT_TESTS if report.gradients else "none"),
        ("False-alarm rate", f"{report.level:g}, all {report.num_tests} tests together (Holm)"),
        ("Seed", str(report.seed)),
    ]
    if report.reference is not None:
        rows += [
            ("Objective", report.objective),
            ("Estimates of each estimator", f"{report.num_gradients:,}, from {report.num_evaluations} samples each"),
            ("Exact gradient", f"({', '.join(f'{value:.4g}' for value in report.reference.gradient)})"),
            ("Reference", report.reference.description),
        ]
    return f"<dl>{''.join(f'<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>' for name, value in rows)}</dl>"


def _sample_table(report: QualityReport) -> str:
    head = (
        *("Sampler", "τ", "Verdict", "Largest KS distance", "Corrected p", "Total variation", "Noise"),
        *("Wasserstein, counts", "Exact samples", "95 % of exact samples", "Sums violated", "Bounds violated"),
    )
    rows = []
    for row in report.samples:
        joint, floor = row.total_variation, row.total_variation_floor
        cells = (
            *(
                row.label,
                "" if row.temperature is None else f"{row.temperature:g}",
                "significantly different" if row.differs else "no significant difference",
            ),
            *(f"{max(row.ks):.3g}", _p_value(row.adjusted_p_value)),
            *("–" if joint is None else f"{joint:.3g}", "–" if floor is None else f"{floor.mean:.3g}"),
            *(f"{row.wasserstein:.3g}", f"{row.wasserstein_floor.mean:.3g}", f"{row.wasserstein_floor.quantile:.3g}"),
            *(str(row.sum_violations), str(row.bound_violations)),
        )
        rows.append((cells, row.differs))
    return html_table(head, rows)


def _gradient_table(report: QualityReport) -> str:
    head = (
        *("Estimator", "τ", "Verdict", "Bias, of the gradient", "Standard deviation", "RMSE", "Cosine", "Corrected p"),
        *("Evaluations", "ms", "RMSE at equal evaluations", "RMSE at equal time"),
    )
    rows = []
    for row in report.gradients:
        cells = (
            *(row.label, "" if row.temperature is None else f"{row.temperature:g}", row.verdict, _measured(row.relative_bias)),
            *(_measured(row.deviation), _measured(row.rmse), _measured(row.cosine), _p_value(row.adjusted_p_value)),
            *(f"{row.evaluations:g}", f"{1e3 * row.seconds:.3g}"),
            *(f"{row.rmse_at_equal_evaluations:.3g}", f"{row.rmse_at_equal_time:.3g}"),
        )
        rows.append((cells, row.verdict == "biased"))
    return html_table(head, rows)


def _p_value(value: float) -> str:
    return "< 1e-12" if value < 1e-12 else f"{value:.2g}"


def _measured(measured: Measured | None) -> str:
    return "–" if measured is None else f"{measured.value:.3g} ({measured.low:.3g} to {measured.high:.3g})"
