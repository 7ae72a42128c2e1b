"""Numbers as people write them: decimal points or commas, thousands separators, percentages and marks of missing values."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

__all__ = ["MISSING", "MISSING_WORDS", "Number", "decimal_mark", "is_date", "is_number", "read_number"]

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "#n/a", "?"})
"""Marks of a missing value among words, in lower case."""
MISSING = MISSING_WORDS | {"n.a.", "none", "#na", "missing", "-", "--", "–", "—", "."}
"""Marks of a missing value among numbers, in lower case."""

_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d.*)?|\d{1,2}:\d{2}(?::\d{2}.*)?")


def _pattern(decimal: str, groups: str) -> re.Pattern[str]:
    grouped = rf"[1-9][0-9]{{0,2}}(?:(?P<group>[{groups}'’ \u00a0\u202f])[0-9]{{3}})(?:(?P=group)[0-9]{{3}})*"
    whole = rf"(?:{grouped}|[0-9]+)(?:{decimal}[0-9]*)?|{decimal}[0-9]+"
    return re.compile(rf"(?P<digits>[+-]?(?:{whole})(?:[eE][+-]?[0-9]+)?)(?P<percent>\s*%)?")


_POINT, _COMMA = _pattern(r"\.", ","), _pattern(",", ".")
_PLAIN = re.compile(r"[+-]?[0-9]{1,18}(\.(?:[0-9]{1,2}|[0-9]{4,18}))?")  # most cells: with three digits it could be thousands


class Number(NamedTuple):
    """The readings of a cell.

    Attributes:
        point: its value if points are decimal marks, or ``None``.
        comma: its value if commas are.
        percent: whether a percent sign follows.
    """

    point: float | None
    comma: float | None
    percent: bool


def read_number(cell: str) -> Number | None:
    """Reads a cell with either decimal mark.

    Returns:
        ``None`` where it is no finite number with either.

    Example:
        >>> read_number("1,234.5"), read_number("2,5"), read_number("1.234"), read_number("1_0")
        (Number(point=1234.5, comma=None, percent=False), Number(point=None, comma=2.5, percent=False),
         Number(point=1.234, comma=1234.0, percent=False), None)
    """
    if match := _PLAIN.fullmatch(cell):
        value = float(cell)
        return Number(value, None if match[1] else value, False)
    values: list[float | None] = []
    percent = False
    for pattern, decimal in ((_POINT, "."), (_COMMA, ",")):
        match = pattern.fullmatch(cell)
        number = None
        if match:
            percent = bool(match["percent"])
            digits = match["digits"].replace(match["group"], "") if match["group"] else match["digits"]
            number = float(digits.replace(decimal, "."))
            number = number if math.isfinite(number) else None
        values.append(number)
    return None if values == [None, None] else Number(values[0], values[1], percent)


def is_number(cell: str) -> bool:
    """Returns whether a cell is a finite number with a decimal point or a decimal comma."""
    return read_number(cell) is not None


def is_date(cell: str) -> bool:
    """Returns whether a cell is a date or a time of day.

    Example:
        >>> is_date("2024-05-01"), is_date("1.5.2024"), is_date("12:30"), is_date("1.5")
        (True, True, True, False)
    """
    return bool(_DATE.fullmatch(cell))


def decimal_mark(
    columns: Sequence[Sequence[tuple[int, str, Number]]], separator: str | None, chosen: Literal["point", "comma"] | None
) -> Literal["point", "comma"]:
    """Decides which of the marks is the decimal one, from all numbers of a table.

    Args:
        columns: line, cell and readings of each number, for each column.
        separator: of the columns.
        chosen: what the reader says, which settles what cannot be decided.

    Returns:
        The decimal mark.

    Raises:
        ValueError: where both occur, or where a number such as ``1,234`` could be either and nothing else decides.

    Example:
        >>> decimal_mark([[(1, "2,5", read_number("2,5")), (2, "1.234", read_number("1.234"))]], ";", None)
        'comma'
    """
    points = commas = both = None
    for column in columns:
        for line, cell, number in column:
            if number.comma is None:
                points = points or (line, cell)
            elif number.point is None:
                commas = commas or (line, cell)
            elif number.point != number.comma:
                both = both or (line, cell)
    if points and commas:
        raise ValueError(
            f"Line {points[0]} has {points[1]!r} with a decimal point, line {commas[0]} has {commas[1]!r} with a decimal "
            "comma. Use one of them in the whole table."
        )
    if points or commas:
        return "point" if points else "comma"
    if both is None or chosen:
        return chosen or "point"
    if "," in both[1] or separator == ";":
        mark = "," if "," in both[1] else "."
        whole, other = both[1].replace(mark, ""), both[1].replace(mark, ".")
        raise ValueError(
            f"Line {both[0]} has {both[1]!r}, which could be {whole} or {other}, and no other number of the table decides. "
            "Write it without a thousands separator, or choose the decimal mark."
        )
    return "point"
