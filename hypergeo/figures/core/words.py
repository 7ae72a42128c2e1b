"""Numbers as text, in one format everywhere."""

from __future__ import annotations

import re

__all__ = ["percent", "subscript", "thin"]


def percent(share: float, places: int = 0) -> str:
    """Writes a fraction as a percentage.

    Args:
        share: the fraction.
        places: number of decimals.

    Returns:
        The percentage with its sign.

    Example:
        >>> percent(0.4567), percent(0.4567, 1)
        ('46 %', '45.7 %')
    """
    return f"{100 * share:.{places}f} %"


def subscript(number: int) -> str:
    """Writes a whole number as a subscript, for symbols in plain text.

    Args:
        number: nonnegative whole number.

    Returns:
        The subscript digits.

    Example:
        >>> "w" + subscript(12)
        'w₁₂'
    """
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def thin(text: str) -> str:
    """Puts a narrow no-break space between a number and its percent sign, also after a number that plotly fills in.

    Args:
        text: text with percent signs.

    Returns:
        The text with narrow no-break spaces.

    Example:
        >>> thin("46 % of 3 counts; %{y:.1f} %") == "46\u202f% of 3 counts; %{y:.1f}\u202f%"
        True
    """
    return re.sub(r"(?<=[\d}*]) %(?!\{)", "\u202f%", text)
