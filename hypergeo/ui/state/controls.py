"""Kinds of controls: which values they allow, and how the address of a page says them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["Choice", "Control", "Switch", "Whole"]

Option = TypeVar("Option", float, str)


class Control(Protocol):
    """What every kind of control offers."""

    @property
    def default(self) -> Any:
        """Value where the address says nothing."""
        ...

    def read(self, text: str) -> Any:
        """Parses the text of a URL parameter.

        Args:
            text: text of the URL parameter.

        Returns:
            The allowed value nearest to it.
        """
        ...

    def write(self, value: Any) -> str:
        """Writes a value as a URL parameter.

        Args:
            value: value of the control.

        Returns:
            Text of the URL parameter.
        """
        ...

    def allowed(self) -> str:
        """Describes the allowed values as text.

        Returns:
            The description.
        """
        ...


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds.

    Attributes:
        default: value where the address says nothing.
        low: least value.
        high: greatest value.
    """

    default: int
    low: int
    high: int

    def read(self, text: str) -> int:
        """Parses the text of a URL parameter.

        Args:
            text: text of the URL parameter.

        Returns:
            The allowed number nearest to it; the default where it is no number.

        Example:
            >>> Whole(default=5, low=0, high=9).read("12")
            9
        """
        number = _number(text)
        return self.default if number is None else int(min(max(round_half_up(number), self.low), self.high))

    def write(self, value: Any) -> str:
        """Writes a value as a URL parameter.

        Args:
            value: value of the control.

        Returns:
            Text of the URL parameter.
        """
        return str(int(value))

    def allowed(self) -> str:
        """Describes the allowed values as text.

        Returns:
            The description.

        Example:
            >>> Whole(default=5, low=0, high=9).allowed()
            'whole numbers from 0 to 9'
        """
        return f"whole numbers from {self.low} to {self.high}"


@dataclass(frozen=True)
class Choice(Generic[Option]):
    """One of a few values: numbers in increasing order, or words.

    Attributes:
        default: value where the address says nothing.
        options: what can be chosen.
        former: texts of links from before an option was renamed, with the text of today.
    """

    default: Option
    options: Sequence[Option]
    former: Mapping[str, str] = field(default_factory=dict)

    def read(self, text: str) -> Option:
        """Parses the text of a URL parameter.

        Args:
            text: text of the URL parameter.

        Returns:
            The option nearest to it; the default where there is none.

        Example:
            >>> Choice(1.0, [0.1, 1.0, 10.0]).read("7")
            10.0
            >>> Choice("soft", ["soft", "hard"]).read("boiled")
            'soft'
        """
        text = self.former.get(text, text)
        if text in (self.write(option) for option in self.options):
            return next(option for option in self.options if self.write(option) == text)
        number = _number(text)
        if number is None or isinstance(self.default, str):
            return self.default
        return min(self.options, key=lambda option: abs(float(option) - number))

    def write(self, value: Any) -> str:
        """Writes a value as a URL parameter.

        Args:
            value: value of the control.

        Returns:
            Text of the URL parameter.

        Example:
            >>> Choice(1.0, [0.1, 1.0, 10.0]).write(10.0)
            '10'
        """
        return value if isinstance(value, str) else f"{value:g}"

    def allowed(self) -> str:
        """Describes the allowed values as text.

        Returns:
            The description.

        Example:
            >>> Choice("soft", ["soft", "hard"]).allowed()
            'soft, hard'
        """
        if len(self.options) > 6:
            return f"steps from {self.write(self.options[0])} to {self.write(self.options[-1])}"
        return ", ".join(self.write(option) for option in self.options)


@dataclass(frozen=True)
class Switch:
    """On or off.

    Attributes:
        default: value where the address says nothing.
    """

    default: bool = False

    def read(self, text: str) -> bool:
        """Parses the text of a URL parameter.

        Args:
            text: text of the URL parameter.

        Returns:
            The value; the default where it is neither true nor false.

        Example:
            >>> Switch().read("1"), Switch(default=True).read("perhaps")
            (True, True)
        """
        return {"1": True, "true": True, "0": False, "false": False}.get(text.lower(), self.default)

    def write(self, value: Any) -> str:
        """Writes a value as a URL parameter.

        Args:
            value: value of the control.

        Returns:
            Text of the URL parameter.
        """
        return "true" if value else "false"

    def allowed(self) -> str:
        """Describes the allowed values as text.

        Returns:
            The description.
        """
        return "true or false"


def round_half_up(number: float) -> float:
    """Rounds a number to the nearest whole number, halves upwards.

    Args:
        number: the number.

    Returns:
        The whole number.

    Example:
        >>> round_half_up(2.5)
        3.0
    """
    return float((number + 0.5) // 1)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
