"""What a quality report says, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .gradients import GradientQuality
from .report_data import ReportData
from .samples import SampleQuality

__all__ = ["described_sampler", "failures", "percent", "verdict"]


def verdict(report: ReportData) -> list[str]:
    """Sentences, the overall one first; Markdown-safe.

    Args:
        report: what was measured.
    """
    sentences = [_overall(report)]
    sentences += [_observed(row) for row in report.samples if row.conditionals is None]
    for hard in (True, False):
        for conditionals in dict.fromkeys(row.conditionals for row in report.samples):
            rows = [row for row in report.samples if row.straight_through == hard and row.conditionals == conditionals]
            if rows:
                sentences.append(_straight_through(rows) if hard else _soft(rows))
    if report.samples:
        sentences.append(_rules(report))
    if report.gradients:
        sentences += _gradients(report)
    sentences.append(_fine_print(report))
    return sentences


def percent(share: float) -> str:
    """A share in per cent, to two digits.

    Example:
        >>> percent(0.0234), percent(5.96), percent(0.0)
        ('2.3 %', '596 %', '0 %')
    """
    shown = 100 * share
    return f"{shown:.0f} %" if shown >= 99.5 else f"{shown:.2g} %"


def described_sampler(row: SampleQuality) -> str:
    """A row's draws in words, for the middle of a sentence."""
    if row.conditionals is None:
        return "the observed counts"
    rule = "with exact conditionals" if row.conditionals == "exact" else "with merged conditionals"
    return f"{'straight-through' if row.straight_through else 'soft'} samples {rule}"


def failures(report: ReportData) -> list[str]:
    """What is not to be trusted: whole samples of another law, broken rules, biased gradients.

    Args:
        report: what was measured.
    """
    wrong = [row for row in report.samples if (row.differs and row.straight_through is not False) or row.violations]
    biased = [row for row in report.gradients if row.verdict == "biased"]
    return [*dict.fromkeys(map(described_sampler, wrong)), *(f"the gradients of {name}" for name in _names(biased))]


def _overall(report: ReportData) -> str:
    found = failures(report)
    if found == ["the observed counts"]:
        return "**The observed counts do not come from this distribution.**"
    if found:
        return f"**Not to be trusted here: {_listed(found)}.**"
    if not report.samples and not report.gradients:
        return "**Nothing was measured.**"
    soft = [row for row in report.samples if row.straight_through is False]
    off = [row for row in soft if row.differs]
    if off:
        at = _temperatures(off, soft)
        return (
            f"**Nothing wrong was found.** {_capital(f'at {at}')} soft samples differ significantly from exact ones, as "
            "expected of a relaxation."
        )
    return "**Nothing wrong was found.** No significant difference from the exact distribution in any test."


def _observed(row: SampleQuality) -> str:
    if not row.differs:
        return f"No significant difference between {row.num_samples:,} observed counts and this distribution."
    return f"The observed counts differ significantly from this distribution: {_how_far(row, [row])}."


def _straight_through(rows: Sequence[SampleQuality]) -> str:
    kind, number = _capital(described_sampler(rows[0])), rows[0].num_samples
    off = [row for row in rows if row.differs]
    if not off:
        return f"{kind} pass at {_temperatures(rows, rows)}: no significant difference in {number:,} samples."
    worst = max(off, key=lambda row: row.wasserstein)
    return f"{kind} do not follow Fisher's distribution at {_temperatures(off, rows, 'any')}: {_how_far(worst, off)}."


def _soft(rows: Sequence[SampleQuality]) -> str:
    kind = _capital(described_sampler(rows[0]))
    off = [row for row in rows if row.differs]
    same = [row for row in rows if not row.differs]
    if not off:
        return f"{kind} do not differ significantly from exact ones at {_temperatures(rows, rows, 'any')}."
    worst = max(off, key=lambda row: row.wasserstein)
    told = f"{kind} differ significantly from exact ones at {_temperatures(off, rows)}: {_how_far(worst, off)}"
    if rows[0].conditionals != "exact":
        return told + "."
    if same:
        told += f"; at {_temperatures(same, rows)} they do not"
    return told + ". That is expected of a relaxation: soft samples become exact ones as the temperature falls."


def _how_far(row: SampleQuality, among: Sequence[SampleQuality]) -> str:
    where = max(range(len(row.ks)), key=lambda group: row.ks[group])
    noise = row.wasserstein_floor.mean
    at = f" at τ = {row.temperature:g}" if len(among) > 1 else ""
    words = f"Wasserstein distance {row.wasserstein:.2g} counts{at}, exact samples {noise:.2g}"
    if row.total_variation is not None and row.total_variation_floor is not None:
        words += f" (total variation {row.total_variation:.2g}, exact samples {row.total_variation_floor.mean:.2g})"
    return f"{words}; the largest difference is in group {where + 1}"


def _rules(report: ReportData) -> str:
    bad = [row for row in report.samples if row.violations]
    if not bad:
        return f"All samples sum to {report.urn.total_count:,} and stay within the group sizes."
    worst = max(bad, key=lambda row: row.violations)
    return (
        f"The rules of the urn are broken: {worst.sum_violations:,} of {worst.num_samples:,} {described_sampler(worst)} do not "
        f"add up to {report.urn.total_count:,} (off by up to {worst.largest_sum_error:.3g}), and {worst.bound_violations:,} "
        f"leave the group sizes (by up to {worst.largest_bound_error:.3g})."
    )


def _gradients(report: ReportData) -> list[str]:
    sentences = []
    fine = [row for row in report.gradients if not row.biased]
    if fine:
        bound = max((row.relative_bias.high for row in fine if row.relative_bias is not None), default=None)
        reach = "" if bound is None else f", to within {percent(bound)} of the gradient norm"
        sentences.append(f"Gradients of {report.objective}: no bias found in {_listed(_names(fine))}{reach}.")
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
        return f"{name} is biased, while the exact gradient is zero: by {bias.value:.2g} ({bias.low:.2g} to {bias.high:.2g})."
    how = "is biased by" if row.verdict == "biased" else "has some bias:"
    share, low, high = (percent(end) for end in (row.relative_bias.value, row.relative_bias.low, row.relative_bias.high))
    against = ", and has the wrong direction" if row.cosine is not None and row.cosine.high < 0 else ""
    return f"{name} {how} {share} of the gradient norm ({low} to {high}){against}."


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
            f"{report.num_tests} test{'s' * (report.num_tests > 1)}, corrected by Holm's method: where all is right, a report "
            f"raises any false alarm in at most {percent(report.level)} of cases."
        )
    if report.samples:
        seen = math.sqrt(math.log(2 * max(report.num_tests, 1) / report.level) / (2 * report.num_samples))
        words.append(f"A difference of less than about {2 * seen:.2g} in a group's distribution function may go undetected.")
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
