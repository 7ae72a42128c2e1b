"""Predictions as data: what a reader drags or picks before a stop of a tour shows the answer, and how a guess is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

__all__ = ["GUESS", "REVEALED", "Answer", "Arrow", "Bar", "Guess", "Pick", "Prediction", "Verdict", "judge"]

GUESS, REVEALED = "guess", "revealed"
"""Names of the controls that hold the reader's guess, and whether the answer is on show."""

_HALF, _TURN = 180.0, 360.0


class Kind(Protocol):
    """What every kind of prediction offers; guesses and answers are numbers."""

    def nearest(self, guess: float) -> float:
        """Returns the guess that the kind allows nearest to a number."""
        ...

    def number(self, value: float | str) -> float:
        """Returns an answer as a number, comparable with guesses."""
        ...

    def words(self, number: float) -> str:
        """Returns a guess or an answer as text."""
        ...

    def is_right(self, guess: float, truth: float) -> bool:
        """Returns whether a guess counts as right."""
        ...

    def miss(self, guess: float, truth: float) -> str:
        """Returns the distance from the truth to a guess as text; empty where there is none to tell."""
        ...

    def allowed(self) -> str:
        """Returns the allowed guesses as text."""
        ...


@dataclass(frozen=True)
class Bar:
    """A bar whose length the reader drags.

    Attributes:
        label: the quantity.
        low: least guess.
        high: greatest guess.
        step: of the guesses.
        within: greatest distance from the truth at which a guess is right.
        unit: of the quantity, such as ``"balls"`` or ``"%"``.
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

        Example:
            >>> Bar("Mean", 0, 12, 0.5, 1).nearest(3.3)
            3.5
        """
        clamped = min(max(guess, self.low), self.high)
        return round(self.low + round((clamped - self.low) / self.step) * self.step, 9)

    def number(self, value: float | str) -> float:
        """Returns the answer itself."""
        return float(value)

    def words(self, number: float) -> str:
        """Returns a number with its unit, to a tenth of a step at most.

        Example:
            >>> Bar("Mean", 0, 12, 0.5, 1, unit="balls").words(3.456)
            '3.46\\xa0balls'
        """
        text = f"{number:.{self._places()}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text + {"": "", "%": "\N{NARROW NO-BREAK SPACE}%"}.get(self.unit, f"\N{NO-BREAK SPACE}{self.unit}")

    def is_right(self, guess: float, truth: float) -> bool:
        """Returns whether a guess is near enough."""
        return abs(guess - truth) <= self.within + 1e-9

    def miss(self, guess: float, truth: float) -> str:
        """Returns the distance as text.

        Example:
            >>> Bar("Mean", 0, 12, 0.5, 1).miss(3.0, 4.26)
            '1.26 too low'
        """
        return f"{self.words(abs(guess - truth))} too {'low' if guess < truth else 'high'}"

    def allowed(self) -> str:
        """Returns the allowed guesses as text."""
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
        step: of the guesses, in degrees.
        within: greatest angle from the truth at which a guess is right.
    """

    label: str
    step: float = 5.0
    within: float = 20.0

    def nearest(self, guess: float) -> float:
        """Returns the step nearest to an angle, from 0 to less than 360."""
        return round(guess / self.step) * self.step % _TURN

    def number(self, value: float | str) -> float:
        """Returns the answer as an angle from 0 to less than 360."""
        return float(value) % _TURN

    def words(self, number: float) -> str:
        """Returns an angle and what it points at.

        Example:
            >>> Arrow("Descent").words(93)
            '93° (towards group 3)'
        """
        angle = min(self.directions(), key=lambda each: self._angle(each, number))
        return f"{number:.0f}° ({self.directions()[angle]})"

    def is_right(self, guess: float, truth: float) -> bool:
        """Returns whether the angle between both is small enough."""
        return self._angle(guess, truth) <= self.within

    def miss(self, guess: float, truth: float) -> str:
        """Returns the angle between both as text."""
        return f"{self._angle(guess, truth):.0f}° off"

    def allowed(self) -> str:
        """Returns the allowed guesses as text."""
        return "angles from 0 to 355 degrees"

    @staticmethod
    def directions() -> dict[int, str]:
        """Returns what the arrow points at, by angle."""
        words = [f"{'towards' if at % 2 else 'away from'} group {group}" for at, group in enumerate((1, 3, 2, 1, 3, 2))]
        return {30 + 60 * at: direction for at, direction in enumerate(words)}

    @staticmethod
    def _angle(one: float, other: float) -> float:
        return abs((one - other + _HALF) % _TURN - _HALF)


@dataclass(frozen=True)
class Pick:
    """A choice of one option; guesses are numbered from 1.

    Attributes:
        label: what is asked for.
        options: what can be picked.
    """

    label: str
    options: Sequence[str]

    def nearest(self, guess: float) -> float:
        """Returns the number of the nearest option."""
        return float(min(max(round(guess), 1), len(self.options)))

    def number(self, value: float | str) -> float:
        """Returns the number of an option.

        Example:
            >>> Pick("Who loses most?", ["group 1", "group 2"]).number("group 2")
            2.0
        """
        return float(self.options.index(str(value)) + 1)

    def words(self, number: float) -> str:
        """Returns an option."""
        return self.options[int(number) - 1]

    def is_right(self, guess: float, truth: float) -> bool:
        """Returns whether the option is the right one."""
        return guess == truth

    def miss(self, guess: float, truth: float) -> str:
        """Returns nothing: options have no distance."""
        return ""

    def allowed(self) -> str:
        """Returns the allowed guesses as text."""
        return f"whole numbers from 1 to {len(self.options)}"


class Answer(NamedTuple):
    """The truth of a prediction, computed.

    Attributes:
        value: a number for a bar, degrees for an arrow, an option for a pick.
        why: the reason in one sentence, with the computed numbers; plain text and ``**bold**``.
    """

    value: float | str
    why: str


@dataclass(frozen=True)
class Prediction:
    """What a reader predicts at a stop of a tour, before *Reveal* shows it.

    Attributes:
        kind: what is dragged or picked.
        answer: computes the answer from the page's values; ``None`` while a background run that it needs is not finished.
        after: values of the controls that *Reveal* sets, so that the figure shows the answer.
        covered: whether the figure waits for *Reveal*, because it shows the answer.
    """

    kind: Bar | Arrow | Pick
    answer: Callable[[Mapping[str, Any]], Answer | None]
    after: Mapping[str, Any] = field(default_factory=dict)
    covered: bool = False


class Verdict(NamedTuple):
    """A guess beside the truth.

    Attributes:
        truth: as a number.
        right: whether the guess is right; ``None`` without a guess.
        sentence: truth, distance and reason, with ``**bold**`` words.
    """

    truth: float
    right: bool | None
    sentence: str


def judge(kind: Kind, answer: Answer, guess: float | None) -> Verdict:
    """Compares a guess with the answer.

    Args:
        kind: of the prediction.
        answer: the truth.
        guess: the reader's, if there is one.

    Example:
        >>> judge(Bar("Mean", 0, 12, 0.5, 1, unit="balls"), Answer(4.26, "Heavy groups gain."), 3.0).sentence
        '**Not quite.** The answer is **4.26\\xa0balls**; 3\\xa0balls is 1.26\\xa0balls too low. Heavy groups gain.'
        >>> judge(Pick("Which?", ["one", "two"]), Answer("two", "It is."), 2.0).right
        True
    """
    truth = kind.number(answer.value)
    words = kind.words(truth)
    if guess is None:
        return Verdict(truth, None, f"The answer is **{words}**. {answer.why}")
    right, miss = kind.is_right(guess, truth), kind.miss(guess, truth)
    start = "Right." if right else "Not quite."
    other = "" if right else f", not {kind.words(guess)}"
    evaluation = f"; {kind.words(guess)} is {miss}" if miss and guess != truth else other
    return Verdict(truth, right, f"**{start}** The answer is **{words}**{evaluation}. {answer.why}")


@dataclass(frozen=True)
class Guess:
    """The control of a guess: a number that a prediction allows, or none.

    Attributes:
        kind: of the prediction that the page asks for, if it asks for one.
    """

    kind: Kind | None = None
    default: float | None = None

    def read(self, text: str) -> float | None:
        """Returns the allowed guess nearest to what the address says, or none.

        Example:
            >>> Guess(Bar("Mean", 0, 12, 0.5, 1)).read("99"), Guess().read("99")
            (12.0, None)
        """
        try:
            number = float(text)
        except ValueError:
            return None
        return self.kind.nearest(number) if self.kind and abs(number) < float("inf") else None

    def write(self, value: Any) -> str:
        """Returns a guess as the address says it."""
        return "" if value is None else f"{value:g}"

    def allowed(self) -> str:
        """Returns the allowed guesses as text."""
        return "no prediction is asked for here" if self.kind is None else self.kind.allowed()
