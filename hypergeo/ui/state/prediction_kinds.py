"""Kinds of predictions: allowed guesses, their texts, and when a guess is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Arrow", "Bar", "Kind", "Pick"]

_HALF, _TURN = 180.0, 360.0


class Kind(Protocol):
    """The methods of every kind of prediction; guesses and answers are numbers."""

    def nearest(self, guess: float) -> float:
        """Returns the allowed guess nearest to a number.

        Args:
            guess: any finite number.

        Returns:
            The allowed guess.
        """
        ...

    def number(self, value: float | str) -> float:
        """Converts an answer into a number, which can be compared with guesses.

        Args:
            value: answer as a prediction computes it.

        Returns:
            The answer as a number.
        """
        ...

    def words(self, number: float) -> str:
        """Writes a guess or an answer as text.

        Args:
            number: guess or answer as a number.

        Returns:
            The text.
        """
        ...

    def is_right(self, guess: float, truth: float) -> bool:
        """Checks whether a guess counts as right.

        Args:
            guess: the guess.
            truth: answer as a number.

        Returns:
            Whether it is right.
        """
        ...

    def miss(self, guess: float, truth: float) -> str:
        """Describes the difference between a guess and the answer.

        Args:
            guess: the guess.
            truth: answer as a number.

        Returns:
            The description; empty for kinds without distances.
        """
        ...

    def allowed(self) -> str:
        """Describes the allowed guesses as text.

        Returns:
            The description.
        """
        ...


@dataclass(frozen=True)
class Bar:
    """A bar whose length the reader drags.

    Attributes:
        label: the quantity.
        low: least guess.
        high: greatest guess.
        step: difference between neighbouring guesses.
        within: greatest distance from the truth at which a guess is right.
        unit: unit of the quantity, such as ``"balls"`` or ``"%"``.
        start: computes the quantity before the change from the page's values, for a mark on the bar; the bar starts there.
    """

    label: str
    low: float
    high: float
    step: float
    within: float
    unit: str = ""
    start: Callable[[Mapping[str, Any]], float] | None = None

    def nearest(self, guess: float) -> float:
        """Returns the step nearest to a number, between the bounds.

        Args:
            guess: any finite number.

        Returns:
            The allowed guess.

        Example:
            >>> Bar("Mean", 0, 12, 0.5, 1).nearest(3.3)
            3.5
        """
        clamped = min(max(guess, self.low), self.high)
        return round(self.low + round((clamped - self.low) / self.step) * self.step, 9)

    def number(self, value: float | str) -> float:
        """Converts an answer into a number.

        Args:
            value: answer as a prediction computes it.

        Returns:
            The same number.
        """
        return float(value)

    def words(self, number: float) -> str:
        """Writes a number with its unit, rounded to a tenth of a step.

        Args:
            number: guess or answer as a number.

        Returns:
            The text.

        Example:
            >>> Bar("Mean", 0, 12, 0.5, 1, unit="balls").words(3.456)
            '3.46\\xa0balls'
        """
        text = f"{number:.{self._places()}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text + {"": "", "%": "\N{NARROW NO-BREAK SPACE}%"}.get(self.unit, f"\N{NO-BREAK SPACE}{self.unit}")

    def is_right(self, guess: float, truth: float) -> bool:
        """Checks whether the difference between a guess and the answer is small enough.

        Args:
            guess: the guess.
            truth: answer as a number.

        Returns:
            Whether it is.
        """
        return abs(guess - truth) <= self.within + 1e-9

    def miss(self, guess: float, truth: float) -> str:
        """Describes the difference between a guess and the answer, and its sign.

        Args:
            guess: the guess.
            truth: answer as a number.

        Returns:
            The description.

        Example:
            >>> Bar("Mean", 0, 12, 0.5, 1).miss(3.0, 4.26)
            '1.26 too low'
        """
        return f"{self.words(abs(guess - truth))} too {'low' if guess < truth else 'high'}"

    def allowed(self) -> str:
        """Describes the allowed guesses as text.

        Returns:
            The description.
        """
        return f"numbers from {self.low:g} to {self.high:g}"

    def _places(self) -> int:
        return next(places for places in range(6) if self.step >= 9 * 0.1**places or places == 5)


@dataclass(frozen=True)
class Arrow:
    """An arrow in the triangle of three groups, which the reader turns.

    Angles are in degrees, counterclockwise from the right: group 1 is the lower left corner, group 2 the lower right one,
    group 3 the top.

    Attributes:
        label: the direction that is asked for.
        step: difference between neighbouring guesses, in degrees.
        within: greatest angle from the truth at which a guess is right, in degrees.
    """

    label: str
    step: float = 5.0
    within: float = 20.0

    def nearest(self, guess: float) -> float:
        """Returns the step nearest to an angle.

        Args:
            guess: angle in degrees.

        Returns:
            The allowed angle, from 0 to less than 360 degrees.
        """
        return round(guess / self.step) * self.step % _TURN

    def number(self, value: float | str) -> float:
        """Converts an answer into an angle.

        Args:
            value: answer as a prediction computes it, in degrees.

        Returns:
            The angle, from 0 to less than 360 degrees.
        """
        return float(value) % _TURN

    def words(self, number: float) -> str:
        """Writes an angle with its direction in the triangle.

        Args:
            number: angle in degrees.

        Returns:
            The text.

        Example:
            >>> Arrow("Descent").words(93)
            '93° (towards group 3)'
        """
        angle = min(self.directions(), key=lambda each: self._angle(each, number))
        return f"{number:.0f}° ({self.directions()[angle]})"

    def is_right(self, guess: float, truth: float) -> bool:
        """Checks whether the angle between a guess and the answer is small enough.

        Args:
            guess: the guess, in degrees.
            truth: answer in degrees.

        Returns:
            Whether it is.
        """
        return self._angle(guess, truth) <= self.within

    def miss(self, guess: float, truth: float) -> str:
        """Describes the angle between a guess and the answer.

        Args:
            guess: the guess, in degrees.
            truth: answer in degrees.

        Returns:
            The description.
        """
        return f"{self._angle(guess, truth):.0f}° off"

    def allowed(self) -> str:
        """Describes the allowed guesses as text.

        Returns:
            The description.
        """
        return "angles from 0 to 355 degrees"

    @staticmethod
    def directions() -> dict[int, str]:
        """Describes six directions in the triangle.

        Returns:
            The description of each direction, by its angle in degrees.
        """
        words = [f"{'towards' if at % 2 else 'away from'} group {group}" for at, group in enumerate((1, 3, 2, 1, 3, 2))]
        return {30 + 60 * at: direction for at, direction in enumerate(words)}

    @staticmethod
    def _angle(one: float, other: float) -> float:
        return abs((one - other + _HALF) % _TURN - _HALF)


@dataclass(frozen=True)
class Pick:
    """A choice of one option; guesses are numbers of options, counted from 1.

    Attributes:
        label: the quantity that is asked for.
        options: texts of the options.
    """

    label: str
    options: Sequence[str]

    def nearest(self, guess: float) -> float:
        """Returns the number of the option nearest to a number.

        Args:
            guess: any finite number.

        Returns:
            Number of the option, counted from 1.
        """
        return float(min(max(round(guess), 1), len(self.options)))

    def number(self, value: float | str) -> float:
        """Converts an option into its number.

        Args:
            value: text of the option.

        Returns:
            Number of the option, counted from 1.

        Example:
            >>> Pick("Which mean falls most?", ["group 1", "group 2"]).number("group 2")
            2.0
        """
        return float(self.options.index(str(value)) + 1)

    def words(self, number: float) -> str:
        """Returns the text of an option.

        Args:
            number: number of the option, counted from 1.

        Returns:
            The text.
        """
        return self.options[int(number) - 1]

    def is_right(self, guess: float, truth: float) -> bool:
        """Checks whether an option is the right one.

        Args:
            guess: number of the guessed option.
            truth: number of the right option.

        Returns:
            Whether it is.
        """
        return guess == truth

    def miss(self, guess: float, truth: float) -> str:
        """Returns an empty text, since options have no distance.

        Args:
            guess: number of the guessed option.
            truth: number of the right option.

        Returns:
            The empty text.
        """
        return ""

    def allowed(self) -> str:
        """Describes the allowed guesses as text.

        Returns:
            The description.
        """
        return f"whole numbers from 1 to {len(self.options)}"
