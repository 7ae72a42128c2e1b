"""Sentences that summarise a quality report."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .gradients import GradientQuality
from .report_data import ReportData
from .samples import SampleQuality

__all__ = ["failures", "percent", "verdict"]


def verdict(report: ReportData) -> list[str]:
    """Summarises a report in sentences that are safe in Markdown.

    Args:
        report: the report.

    Returns:
        Sentences, the overall one first.
    """
    sentences = [_overall(report)]
    sentences += [_observed(row) for row in report.samples if row.conditionals is None]
    for hard in (True, False):
        for conditionals in dict.fromkeys(row.conditionals for row in report.samples):
            rows = [row for row in report.samples if row.straight_through == hard and row.conditionals == conditionals]
            if rows:
                sentences.append(_straight_through(rows) if hard else _soft(rows))
    if report.samples:
        sentences.append(_constraints(report))
    if report.gradients:
        sentences += _gradients(report)
    return [*sentences, *filter(None, [_fine_print(report)])]


def percent(fraction: float) -> str:
    """Formats a fraction as a percentage with two digits.

    Args:
        fraction: fraction; 1 is 100 %.

    Returns:
        Text with the unit.

    Example:
        >>> percent(0.0234), percent(5.96), percent(0.0)
        ('2.3 %', '596 %', '0 %')
    """
    shown = 100 * fraction
    return f"{shown:.0f} %" if shown >= 99.5 else f"{shown:.2g} %"


def described_sampler(row: SampleQuality) -> str:
    """Describes the samples of a row for the middle of a sentence.

    Args:
        row: comparison of samples with the exact distribution.

    Returns:
        Name of the samples.
    """
    if row.conditionals is None:
        return "the observed counts"
    return f"{'straight-through' if row.straight_through else 'soft'} samples with {row.conditionals} conditionals"


def failures(report: ReportData) -> list[str]:
    """Lists what fails: whole samples of another distribution, violated constraints, biased gradients.

    Args:
        report: the report.

    Returns:
        Name of each failing sampler or estimator.
    """
    wrong = [row for row in report.samples if (row.differs and row.straight_through is not False) or row.violations]
    biased = [row for row in report.gradients if row.verdict == "biased"]
    return [*dict.fromkeys(map(described_sampler, wrong)), *(f"the gradients of {name}" for name in _names(biased))]


def _overall(report: ReportData) -> str:
    failing = failures(report)
    if failing == ["the observed counts"]:
        return "**The observed counts do not come from this distribution.**"
    if failing:
        return f"**Not to be trusted here: {_listed(failing)}.**"
    if not report.samples and not report.gradients:
        return "**Nothing was measured.**"
    soft = [row for row in report.samples if row.straight_through is False]
    different = [row for row in soft if row.differs]
    if different:
        at = _temperatures(different, soft)
        merged = "" if all(row.conditionals == "exact" for row in different) else " and of merged conditionals"
        return (
            f"**Nothing wrong was found.** {_capital(f'at {at}')} soft samples differ significantly from exact ones, as "
            f"expected of a relaxation{merged}."
        )
    return "**Nothing wrong was found.** The results agree with the exact distribution up to sampling noise."


def _observed(row: SampleQuality) -> str:
    if not row.differs:
        return f"No significant difference between {row.num_samples:,} observed counts and samples from this distribution."
    return f"The observed counts differ significantly from samples of this distribution: {_distance(row, [row])}."


def _straight_through(rows: Sequence[SampleQuality]) -> str:
    kind, number = _capital(described_sampler(rows[0])), rows[0].num_samples
    different = [row for row in rows if row.differs]
    if not different:
        return f"{kind} pass at {_temperatures(rows, rows)}: no significant difference in {number:,} samples."
    worst = max(different, key=lambda row: row.wasserstein)
    return (
        f"{kind} do not follow Fisher's distribution at {_temperatures(different, rows, 'any')}: {_distance(worst, different)}."
    )


def _soft(rows: Sequence[SampleQuality]) -> str:
    kind = _capital(described_sampler(rows[0]))
    different = [row for row in rows if row.differs]
    same = [row for row in rows if not row.differs]
    if not different:
        return f"{kind} do not differ significantly from exact ones at {_temperatures(rows, rows, 'any')}."
    worst = max(different, key=lambda row: row.wasserstein)
    but = f", but not at {_temperatures(same, rows)}" if same else ""
    at = f"{_temperatures(different, rows)}{but}"
    sentence = f"{kind} differ significantly from exact ones at {at}: {_distance(worst, different)}."
    if rows[0].conditionals != "exact":
        return sentence
    return sentence + " That is expected of a relaxation: soft samples become exact ones as the temperature falls."


def _distance(row: SampleQuality, among: Sequence[SampleQuality]) -> str:
    largest = max(range(len(row.ks)), key=lambda group: row.ks[group])
    noise = row.wasserstein_floor.mean
    at = f" at τ = {row.temperature:g}" if len(among) > 1 else ""
    words = f"Wasserstein distance {row.wasserstein:.2g} counts{at}, sampling noise {noise:.2g}"
    if row.total_variation is not None and row.total_variation_floor is not None:
        words += f" (total variation {row.total_variation:.2g}, sampling noise {row.total_variation_floor.mean:.2g})"
    return f"{words}; the difference is largest for group {largest + 1}"


def _constraints(report: ReportData) -> str:
    bad = [row for row in report.samples if row.violations]
    if not bad:
        return f"All samples add up to {report.urn.total_count:,} and stay within the group sizes."
    worst = max(bad, key=lambda row: row.violations)
    return (
        f"The urn's constraints are violated: {worst.sum_violations:,} of {worst.num_samples:,} {described_sampler(worst)} "
        f"do not add up to {report.urn.total_count:,} (largest error {worst.largest_sum_error:.3g}), and "
        f"{worst.bound_violations:,} are outside 0 to the group size (largest violation {worst.largest_bound_error:.3g})."
    )


def _gradients(report: ReportData) -> list[str]:
    sentences = []
    fine = [row for row in report.gradients if not row.biased]
    if fine:
        bound = max((row.relative_bias.high for row in fine if row.relative_bias is not None), default=None)
        reach = "" if bound is None else f" above {percent(bound)} of the gradient norm"
        sentences.append(f"Gradients of {report.objective}: no bias{reach} in {_listed(_names(fine))}.")
    sentences += [_bias(row) for row in report.gradients if row.biased]
    ranked = sorted(report.gradients, key=lambda row: row.rmse_at_equal_evaluations)
    if len(ranked) > 1 and report.equal_evaluations and report.equal_seconds:
        swift = min(report.gradients, key=lambda row: row.rmse_at_equal_time)
        sentences.append(
            f"Smallest error for {report.equal_evaluations:g} evaluations of the objective: {_names(ranked[:1])[0]} "
            f"({_error(report, ranked[0].rmse_at_equal_evaluations)}); for {1e3 * report.equal_seconds:.3g} ms: "
            f"{_names([swift])[0]} ({_error(report, swift.rmse_at_equal_time)})."
        )
    return sentences


def _bias(row: GradientQuality) -> str:
    name, bias = _names([row])[0], row.bias
    if row.relative_bias is None:
        return f"{name} is biased by {bias.value:.2g} ({bias.low:.2g} to {bias.high:.2g}); the exact gradient is zero."
    how = "is biased by" if row.verdict == "biased" else "has some bias:"
    relative, low, high = (percent(end) for end in (row.relative_bias.value, row.relative_bias.low, row.relative_bias.high))
    against = ", and points in the wrong direction" if row.cosine is not None and row.cosine.high < 0 else ""
    return f"{name} {how} {relative} of the gradient ({low} to {high}){against}."


def _error(report: ReportData, rmse: float) -> str:
    norm = 0.0 if report.reference is None else report.reference.norm
    return f"{percent(rmse / norm)} of the gradient norm" if norm else f"{rmse:.2g}"


def _fine_print(report: ReportData) -> str:
    words = []
    if report.support_size is None:
        words.append(
            "The urn has too many count vectors to list: each group's counts were tested, their joint distribution was not."
        )
    if report.reference is not None and report.reference.method != "exact":
        words.append(report.reference.description)
    if report.num_tests:
        words.append(
            f"{report.num_tests} test{'s' * (report.num_tests > 1)}, corrected by Holm's method: a report on a correct sampler "
            f"raises any false alarm in at most {percent(report.level)} of cases."
        )
    if report.samples:
        bound = 2 * math.sqrt(math.log(2 * max(report.num_tests, 1) / report.level) / (2 * report.num_samples))
        words.append(f"Errors below about {bound:.2g} in a group's distribution function may remain undetected.")
    return " ".join(words)


def _names(rows: Sequence[GradientQuality]) -> list[str]:
    return [row.label if row.temperature is None else f"{row.label} at τ = {row.temperature:g}" for row in rows]


def _temperatures(rows: Sequence[SampleQuality], all_rows: Sequence[SampleQuality], every: str = "every") -> str:
    if len(rows) == len(all_rows) > 1:
        return f"{every} temperature"
    return _listed([*dict.fromkeys(f"τ = {row.temperature:g}" for row in rows)])


def _listed(words: Sequence[str]) -> str:
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
