"""Formats a study of shared factors as tables and as sentences that compare the methods."""

from __future__ import annotations

from hypergeo.numerics.seed_statistics import SeedStatistics

from .results import FactorResults
from .study import CONSTANT

__all__ = ["TABLE_NOTES", "factor_sentences", "factor_table", "factor_tables"]

TABLE_NOTES = (
    "Mean ± standard deviation over seeds. Columns s: mean estimate for pairs that all share s factors. Error: squared error "
    "of the estimate. Columns after the errors: pairs whose numbers differ. 16 pairs: estimates averaged over 16 pairs that "
    "share the same number. Mask right: fraction of factors whose dimension is correctly classified as shared or not. "
    "R² shared: shared factors predicted from the shared part of the latents. R² independent: independent factors predicted "
    "from the independent part. Collapsed: models that answer all, or none, although it is wrong. Methods that do not "
    "estimate the number have no error."
)

_COLUMNS = (
    ("error, s varies", "squared_error", 2),
    ("correlation", "correlation", 2),
    ("error, 16 pairs", "pooled_squared_error", 2),
    ("correlation, 16 pairs", "pooled_correlation", 2),
    ("mask right", "mask_accuracy", 2),
    ("R² shared", "shared_r2", 2),
    ("R² independent", "independent_r2", 2),
)
_COMPARED = (
    ("squared_error", False, False, "squared error, fixed numbers"),
    ("squared_error", True, False, "squared error, numbers differ"),
    ("correlation", True, True, "correlation"),
    ("mask_accuracy", True, True, "masks"),
    ("independent_r2", True, True, "R² of independent factors"),
)
_WORDS = {"win": "better", "loss": "worse", "tie": "no difference shown"}


def factor_table(results: FactorResults) -> tuple[list[str], list[list[str]]]:
    """Formats the results as a table with one row for each method.

    Args:
        results: results of a study.

    Returns:
        Header and rows.
    """
    summary = results.summary()
    numbers = sorted({number for method in summary for number in method.numbers})
    head = ["method", *(f"s = {number}" for number in numbers), "error, fixed s"]
    head += [title for title, _, _ in _COLUMNS] + ["collapsed", "unused dimensions"]
    lines = []
    for method in summary:
        line = [method.method, *(_formatted(method.numbers.get(number), 2) for number in numbers)]
        line.append(_formatted(method.fixed["squared_error"], 2))
        line += [_formatted(method.varying[measure], digits) for _, measure, digits in _COLUMNS]
        kinds = [f"{count} {words}" for count, words in ((method.all_shared, "all"), (method.none_shared, "none")) if count]
        failed = method.all_shared + method.none_shared
        why = f" ({', '.join(kinds)})" if kinds else ""
        line.append(f"{failed} of {method.models}{why}")
        line.append(f"{method.unused} of {method.models}")
        lines.append(line)
    return head, lines


def factor_tables(results: FactorResults) -> list[tuple[str, list[str], list[list[str]]]]:
    """Formats the results as narrower tables. The second one exists if some pairs share varying numbers.

    Args:
        results: results of a study.

    Returns:
        Title, header and rows of each table.
    """
    head, lines = factor_table(results)
    first = head.index(_COLUMNS[0][0])
    last = first + len(_COLUMNS)
    parts = [("Pairs that share a fixed number s, and failures of all models", [*range(first), *range(last, len(head))])]
    if any(isinstance(row.shared, tuple) for row in results.rows):
        parts.append(("Pairs whose numbers differ", [0, *range(first, last)]))
    return [
        (title, [head[place] for place in places], [[line[place] for place in places] for line in lines])
        for title, places in parts
    ]


def factor_sentences(results: FactorResults) -> list[str]:
    """Compares the first method with each of the others, by 95 % intervals of paired differences over seeds.

    Args:
        results: results of a study.

    Returns:
        One sentence for each comparison, and one for the bias of each method.
    """
    ours, *others = results.methods
    sentences = []
    for other in others:
        parts = []
        for measure, varying, larger, words in _COMPARED:
            comparison = results.compare(ours, other, measure, varying)
            if comparison is not None:
                parts.append(f"{words} {comparison.difference:+.2f} ({_WORDS[comparison.verdict(larger)]})")
        if parts:
            sentences.append(f"{ours} against {other}: {'; '.join(parts)}.")
    for method in results.summary():
        if method.numbers and method.method not in CONSTANT:
            bias_of = {number: statistics.mean - number for number, statistics in method.numbers.items()}
            worst = max(bias_of, key=lambda number: abs(bias_of[number]))
            biases = ", ".join(f"{bias:+.2f} at {number}" for number, bias in bias_of.items())
            sentences.append(f"Bias of {method.method}: {biases}; largest at {worst}.")
    return sentences


def _formatted(statistics: SeedStatistics | None, digits: int) -> str:
    if statistics is None:
        return "–"
    mean = f"{statistics.mean:.{digits}f}"
    return mean if statistics.deviation is None else f"{mean} ± {statistics.deviation:.{digits}f}"
