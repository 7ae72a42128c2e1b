"""A quality report as one HTML page that opens offline: the verdict in words, the figures, the tables, the data."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import plotly.graph_objects as go

from hypergeo.goodness_of_fit import EXPECTED
from hypergeo.gradient_quality import NEGLIGIBLE, Measured
from hypergeo.quality import QualityReport

from .gradient_quality import gradient_figure
from .palette import LIGHT
from .sample_quality import sample_figure

__all__ = ["gradient_alt", "gradient_figure", "report_html", "sample_alt", "sample_figure", "sweep_html"]

_SAMPLE_TESTS = (
    "Kolmogorov-Smirnov of each group, p-values exact for discrete counts; likelihood ratio of the joint law where it can be "
    f"listed, over cells of at least {EXPECTED:g} expected draws. Soft draws go to the nearest whole vector first."
)
_GRADIENT_TESTS = (
    "t-tests of each component, Bonferroni, skewness taken out. Biases below "
    f"{100 * NEGLIGIBLE:g} % of the gradient are not looked for."
)
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #16202B; background: #FFFFFF }
body { max-width: 1100px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
.scroll { overflow-x: auto; margin-top: 1rem }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #D3DAE1; white-space: nowrap }
th:first-child, td:first-child { text-align: left } .off { font-weight: bold }
dl { display: grid; grid-template-columns: max-content auto; gap: .2rem 1rem } dt { color: #55606C } dd { margin: 0 }
"""


def report_html(report: QualityReport) -> str:
    """The report as a page of its own; plotly.js is inside, and nothing is asked of any other machine.

    The report itself is in it too, as JSON, in the element ``report``.

    Args:
        report: what was measured.

    Example:
        >>> from hypergeo import FisherHypergeometric
        >>> report = QualityReport.measure(FisherHypergeometric(5, [3, 4]), [0.5], num_samples=100)
        >>> page = report_html(report)
        >>> "Nothing wrong was found" in page, "<script src=" in page
        (True, False)
    """
    figures = []
    if report.temperatures and report.samples:
        figures.append(("Samples", _drawn(sample_figure(report, LIGHT), sample_alt(report), True), _sample_table(report)))
    elif report.samples:
        figures.append(("Counts", "", _sample_table(report)))
    if report.gradients:
        drawn = _drawn(gradient_figure(report, LIGHT), gradient_alt(report), not report.samples)
        figures.append(("Gradients", drawn, _gradient_table(report)))
    parts = [f"<h1>Relaxation quality</h1><p>{_escaped(_described(report))}</p>"]
    first, *others = report.verdict()
    parts.append(f"<p>{_escaped(first)}</p><ul>{''.join(f'<li>{_escaped(words)}</li>' for words in others)}</ul>")
    parts += [f"<h2>{title}</h2>{drawn}{table}" for title, drawn, table in figures]
    parts.append(f"<h2>Settings</h2>{_settings(report)}")
    data = report.to_json().replace("<", "\\u003c")
    parts.append(f'<script type="application/json" id="report">{data}</script>')
    return _page("Relaxation quality", "".join(parts))


def sweep_html(sentence: str, tables: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]]) -> str:
    """The tables of many reports as a page of their own.

    Args:
        sentence: what they are.
        tables: title, head and rows of each.

    Example:
        >>> "<td>1 &lt; 2</td>" in sweep_html("One cell.", [("Samples", ["urn"], [["1 < 2"]])])
        True
    """
    shown = [f"<h2>{html.escape(title)}</h2>{_table(head, [(row, False) for row in rows])}" for title, head, rows in tables]
    return _page("Relaxation quality, a sweep", f"<h1>A sweep</h1><p>{html.escape(sentence)}</p>{''.join(shown)}")


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def sample_alt(report: QualityReport) -> str:
    """What :func:`sample_figure` shows, in words."""
    words = {True: "told apart", False: "not told apart"}
    told = ", ".join(
        f"{row.label} at τ = {row.temperature:g}: {row.wasserstein:.2g} counts, {words[row.differs]}" for row in report.samples
    )
    return f"Distance of samples from the exact law and p-values against temperature. {told}."


def gradient_alt(report: QualityReport) -> str:
    """What :func:`gradient_figure` shows, in words."""
    told = ", ".join(
        f"{row.label}{'' if row.temperature is None else f' at τ = {row.temperature:g}'}: {row.verdict}"
        for row in report.gradients
    )
    return f"Bias, cosine and error at equal cost of each gradient estimator. {told}."


def _drawn(figure: go.Figure, alt: str, first: bool) -> str:
    drawn = figure.to_html(
        full_html=False,
        include_plotlyjs=first,
        include_mathjax=False,
        default_width="100%",
        config={"displaylogo": False, "displayModeBar": False, "responsive": True},
    )
    return f'<div role="img" aria-label="{html.escape(alt)}">{drawn}</div>'


def _described(report: QualityReport) -> str:
    urn = report.urn
    sizes, weights = ", ".join(map(str, urn.group_sizes)), ", ".join(f"{weight:.4g}" for weight in urn.weights)
    return f"Groups of {sizes} elements with weights {weights}, of which {urn.total_count:,} are drawn."


def _settings(report: QualityReport) -> str:
    rows = [
        ("Temperatures", ", ".join(f"{value:g}" for value in report.temperatures) or "none"),
        ("Draws" if not report.temperatures else "Draws of each sampler", f"{report.num_samples:,}"),
        ("Count vectors", "too many to list" if report.support_size is None else f"{report.support_size:,}"),
        ("Tests of samples", _SAMPLE_TESTS if report.samples else "none"),
        ("Tests of gradients", _GRADIENT_TESTS if report.gradients else "none"),
        ("False-alarm rate", f"{report.level:g}, all {report.num_tests} tests together (Holm)"),
        ("Seed", str(report.seed)),
    ]
    if report.reference is not None:
        rows += [
            ("Objective", report.objective),
            ("Estimates of each estimator", f"{report.num_gradients:,}, of {report.num_evaluations} draws each"),
            ("Exact gradient", f"({', '.join(f'{value:.4g}' for value in report.reference.gradient)})"),
            ("Reference", report.reference.description),
        ]
    return f"<dl>{''.join(f'<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>' for name, value in rows)}</dl>"


def _sample_table(report: QualityReport) -> str:
    head = (
        *("Sampler", "τ", "Verdict", "Largest KS distance", "Corrected p", "Total variation", "Noise"),
        *("Wasserstein, counts", "Noise", "95 % of noise", "Sums broken", "Bounds broken"),
    )
    rows = []
    for row in report.samples:
        joint, floor = row.total_variation, row.total_variation_floor
        cells = (
            *(
                row.label,
                "" if row.temperature is None else f"{row.temperature:g}",
                "told apart" if row.differs else "not told apart",
            ),
            *(f"{max(row.ks):.3g}", _p_value(row.adjusted_p_value)),
            *("–" if joint is None else f"{joint:.3g}", "–" if floor is None else f"{floor.mean:.3g}"),
            *(f"{row.wasserstein:.3g}", f"{row.wasserstein_floor.mean:.3g}", f"{row.wasserstein_floor.quantile:.3g}"),
            *(str(row.sum_violations), str(row.bound_violations)),
        )
        rows.append((cells, row.differs))
    return _table(head, rows)


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
    return _table(head, rows)


def _p_value(value: float) -> str:
    return "< 1e-12" if value < 1e-12 else f"{value:.2g}"


def _measured(measured: Measured | None) -> str:
    return "–" if measured is None else f"{measured.value:.3g} ({measured.low:.3g} to {measured.high:.3g})"


def _table(head: Sequence[str], rows: Sequence[tuple[Sequence[str], bool]]) -> str:
    top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr{' class=off' if off else ''}>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"
        for cells, off in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _escaped(markdown: str) -> str:
    """A sentence of a verdict as HTML: bold words stay bold."""
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(markdown))
