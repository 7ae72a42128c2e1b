"""Parses numbers with decimal points or commas, thousands separators, percentages and marks of missing values."""

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
    """A number in a cell, as parsed with each decimal mark.

    Attributes:
        point: value if points are decimal marks, or ``None``.
        comma: value if commas are decimal marks, or ``None``.
        percent: whether a percent sign follows.
    """

    point: float | None
    comma: float | None
    percent: bool


def read_number(cell: str) -> Number | None:
    """Parses a cell with either decimal mark.

    Args:
        cell: text without blanks around it.

    Returns:
        Its values, or ``None`` if it is not a finite number with either mark.

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
    """Returns whether a cell is a finite number with a decimal point or a decimal comma.

    Args:
        cell: text without blanks around it.

    Returns:
        Whether it is a number.
    """
    return read_number(cell) is not None


def is_date(cell: str) -> bool:
    """Returns whether a cell is a date or a time of day.

    Args:
        cell: text without blanks around it.

    Returns:
        Whether it is a date or a time.

    Example:
        >>> is_date("2024-05-01"), is_date("1.5.2024"), is_date("12:30"), is_date("1.5")
        (True, True, True, False)
    """
    return bool(_DATE.fullmatch(cell))


def decimal_mark(
    columns: Sequence[Sequence[tuple[int, str, Number]]], separator: str | None, chosen: Literal["point", "comma"] | None
) -> Literal["point", "comma"]:
    """Infers the decimal mark from all numbers of a table.

    Args:
        columns: line, cell and parsed values of each number, for each column.
        separator: separator of the columns.
        chosen: decimal mark to use if the numbers are ambiguous.

    Returns:
        The decimal mark.

    Raises:
        ValueError: if both marks occur, or if a number such as ``1,234`` is ambiguous and nothing else decides.

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
