"""What a playback bar plays: the control that it moves, its positions, its buttons and its speeds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypergeo.ui.state.controls import Choice, Control, Whole

__all__ = ["SPEEDS", "Playback", "playback_controls"]

SPEEDS = {"slow": (1, 500), "normal": (1, 80), "fast": (5, 80)}
"""Steps that each tick makes, and the least number of milliseconds between two ticks."""


@dataclass(frozen=True)
class Playback:
    """What the playback bar plays.

    Attributes:
        name: name of the control that holds the step.
        length: the last position; the first is 0.
        values: value of the control at each position; ``None`` if the position itself is the value.
        labels: text of each position; ``None`` if the number of the step is enough.
        subject: identity of what is played; when it changes, playback stops and the position is 0 again.
        play: label of the button that plays.
        step: label of the button for one step.
        leap: label and number of steps of one more button; a negative number goes back.
        again: label of the button that plays from the start once the end is reached; ``None`` for no such button.
        unit: plural noun for the steps.
        speeds: steps per tick and milliseconds between two ticks, by name as in ``SPEEDS``; ``None`` for ``SPEEDS``.
    """

    name: str = "step"
    length: int = 0
    values: Sequence[Any] | None = None
    labels: Sequence[str] | None = None
    subject: Hashable = None
    play: str = "Play"
    step: str = "Step"
    leap: tuple[str, int] | None = None
    again: str | None = None
    unit: str = "steps"
    speeds: Mapping[str, tuple[int, int]] | None = None

    def at(self, value: Any) -> int:
        """Returns the position of a value of the control.

        Args:
            value: value of the control.

        Returns:
            The position, from 0.

        Example:
            >>> Playback("tau", 2, values=[10.0, 1.0, 0.1]).at(1.0)
            1
        """
        return list(self.values).index(value) if self.values is not None else min(int(value), self.length)

    def value(self, at: int) -> Any:
        """Returns the value of the control at a position.

        Args:
            at: position, from 0.

        Returns:
            The value of the control.
        """
        return at if self.values is None else self.values[at]


def playback_controls(length: int) -> dict[str, Control]:
    """Returns the controls of a playback bar, for a page's state.

    Args:
        length: the last step.

    Returns:
        Controls of the step and of the speed, by name.

    Example:
        >>> playback_controls(200)["step"]
        Whole(default=0, low=0, high=200)
    """
    return {"step": Whole(0, 0, length), "speed": Choice("normal", list(SPEEDS))}
