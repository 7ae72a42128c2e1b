"""Predictions that a tour asks for before it shows an answer, and the comparison of a guess with the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .prediction_kinds import Arrow, Bar, Kind, Pick

__all__ = ["GUESS", "REVEALED", "Answer", "Guess", "Prediction", "Verdict", "judge"]

GUESS, REVEALED = "guess", "revealed"
"""Names of the controls that hold the reader's guess, and whether the answer is on show."""


class Answer(NamedTuple):
    """The computed answer of a prediction.

    Attributes:
        value: a number for a bar, degrees for an arrow, the text of an option for a pick.
        why: the reason in one sentence, with the computed numbers; plain text and ``**bold**``.
    """

    value: float | str
    why: str


@dataclass(frozen=True)
class Prediction:
    """A quantity that the reader predicts at a stop of a tour, before *Reveal* shows it.

    Attributes:
        kind: bar, arrow or options with which the reader answers.
        answer: computes the answer from the page's values; ``None`` while a background run that it needs is not finished.
        after: values of the controls that *Reveal* sets, so that the figure shows the answer.
        covered: whether the figure is hidden until *Reveal*, because it shows the answer.
    """

    kind: Bar | Arrow | Pick
    answer: Callable[[Mapping[str, Any]], Answer | None]
    after: Mapping[str, Any] = field(default_factory=dict)
    covered: bool = False


class Verdict(NamedTuple):
    """A guess compared with the answer.

    Attributes:
        truth: answer as a number.
        right: whether the guess is right; ``None`` without a guess.
        sentence: answer, difference and reason, with ``**bold**`` words.
    """

    truth: float
    right: bool | None
    sentence: str


def judge(kind: Kind, answer: Answer, guess: float | None) -> Verdict:
    """Compares a guess with the answer.

    Args:
        kind: kind of the prediction.
        answer: the computed answer.
        guess: the reader's guess, if there is one.

    Returns:
        The comparison.

    Example:
        >>> judge(Bar("Mean", 0, 12, 0.5, 1, unit="balls"), Answer(4.26, "Heavy balls gain."), 3.0).sentence
        '**Not quite.** The answer is **4.26\\xa0balls**; your guess, 3\\xa0balls, is 1.26\\xa0balls too low. Heavy balls gain.'
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
    evaluation = f"; your guess, {kind.words(guess)}, is {miss}" if miss and guess != truth else other
    return Verdict(truth, right, f"**{start}** The answer is **{words}**{evaluation}. {answer.why}")


@dataclass(frozen=True)
class Guess:
    """The control of a guess: a number that a prediction allows, or none.

    Attributes:
        kind: kind of the prediction that the page asks for, if it asks for one.
        default: no guess.
    """

    kind: Kind | None = None
    default: float | None = None

    def read(self, text: str) -> float | None:
        """Parses the text of a URL parameter.

        Args:
            text: text of the URL parameter.

        Returns:
            The allowed guess nearest to it; ``None`` where the text is no number or no prediction is asked for.

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
        """Writes a guess as a URL parameter.

        Args:
            value: the guess, or ``None``.

        Returns:
            Text of the URL parameter.
        """
        return "" if value is None else f"{value:g}"

    def allowed(self) -> str:
        """Describes the allowed guesses as text.

        Returns:
            The description.
        """
        return "none, because the page asks for no prediction" if self.kind is None else self.kind.allowed()
