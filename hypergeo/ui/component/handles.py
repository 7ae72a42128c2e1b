"""Handles of a figure: marks that a reader drags, areas that a reader presses; ``handles.js`` is their half in the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["DragPoint", "Handle", "PressArea", "PressGrid"]

_MOST = 10  # presses that one message may stand for
_FAR = 1e9  # the greatest coordinate that a message may name


class Handle(Protocol):
    """A part of a figure that changes controls of the page when a reader moves it."""

    @property
    def name(self) -> str:
        """Name, unique within the figure."""
        ...

    def message(self) -> dict[str, Any]:
        """Returns the handle as the browser needs it, ready for JSON.

        Returns:
            The message.
        """
        ...

    def taken(self, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns values of controls by name, for a message of the browser; none where it makes no sense.

        Args:
            sent: message of the browser.

        Returns:
            Values of controls by name.
        """
        ...


@dataclass(frozen=True)
class DragPoint:
    """A mark that is dragged, or moved by the arrow keys.

    Attributes:
        name: unique within the figure.
        label: the quantity that it sets, and how; read out and shown as a tooltip.
        axes: the axes of its position, as plotly names them.
        at: position in data coordinates.
        right: change of the position by the right arrow key.
        up: change of the position by the upward arrow key.
        values: values of controls, by name, for a position. It decides where the mark snaps to.

    Example:
        >>> point = DragPoint("t", "Target", ("x", "y"), (3.0, 0.0), (1.0, 0.0), (0.0, 0.0), lambda x, y: {"target": round(x)})
        >>> point.taken({"at": [4.8, 0.3]})
        {'target': 5}
    """

    name: str
    label: str
    axes: tuple[str, str]
    at: tuple[float, float]
    right: tuple[float, float]
    up: tuple[float, float]
    values: Callable[[float, float], Mapping[str, Any]]

    def message(self) -> dict[str, Any]:
        """Returns the handle as the browser needs it, ready for JSON.

        Returns:
            The message.
        """
        return {name: getattr(self, name) for name in ("name", "label", "axes", "at", "right", "up")}

    def taken(self, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns values of controls for the position that the browser sends.

        Args:
            sent: message of the browser.

        Returns:
            Values of controls by name.
        """
        match sent.get("at"):
            case [int() | float() as x, int() | float() as y] if abs(x) <= _FAR and abs(y) <= _FAR:
                return self.values(float(x), float(y))
        return {}


@dataclass(frozen=True)
class PressArea:
    """A rectangle that is pressed: by a click or Enter once more, with Shift or the downward arrow key once less.

    Attributes:
        name: unique within the figure.
        label: what a press does; read out and shown as a tooltip.
        axes: the axes of its position, as plotly names them.
        at: its centre in data coordinates.
        size: its width and height in data coordinates.
        values: values of controls, by name, after a number of presses, negative where they take back.

    Example:
        >>> area = PressArea("w", "Raise the weight", ("x", "y"), (0, 0), (1, 1), lambda times: {"weight": 2**times})
        >>> area.taken({"by": 3})
        {'weight': 8}
    """

    name: str
    label: str
    axes: tuple[str, str]
    at: tuple[float, float]
    size: tuple[float, float]
    values: Callable[[int], Mapping[str, Any]]

    def message(self) -> dict[str, Any]:
        """Returns the handle as the browser needs it, ready for JSON.

        Returns:
            The message.
        """
        return {name: getattr(self, name) for name in ("name", "label", "axes", "at", "size")}

    def taken(self, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns values of controls for the number of presses that the browser sends.

        Args:
            sent: message of the browser.

        Returns:
            Values of controls by name.
        """
        by = sent.get("by")
        return self.values(by) if isinstance(by, int) and abs(by) <= _MOST else {}


@dataclass(frozen=True)
class PressGrid:
    """A matrix whose entries are pressed with the pointer: a click once more, with Shift once less.

    It cannot be reached by keyboard: give the figure a :class:`DragPoint` that chooses an entry, and the page a control.

    Attributes:
        name: unique within the figure.
        label: what a press does; shown as a tooltip.
        axes: the axes of its position, as plotly names them; entries are around whole numbers.
        shape: number of entries along both axes, which begin at 0.
        values: values of controls, by name, for the entry and the number of presses, negative where they take back.

    Example:
        >>> grid = PressGrid("cells", "Raise", ("x", "y"), (2, 3), lambda x, y, times: {"entry": (x, y), "times": times})
        >>> grid.taken({"at": [0.8, 1.6], "by": 2})
        {'entry': (1, 2), 'times': 2}
    """

    name: str
    label: str
    axes: tuple[str, str]
    shape: tuple[int, int]
    values: Callable[[int, int, int], Mapping[str, Any]]

    def message(self) -> dict[str, Any]:
        """Returns the handle as the browser needs it, ready for JSON.

        Returns:
            The message.
        """
        centre = [(number - 1) / 2 for number in self.shape]
        own = {name: getattr(self, name) for name in ("name", "label", "axes")}
        return {**own, "at": centre, "size": self.shape, "by_pointer": True}

    def taken(self, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns values of controls for the entry and the number of presses that the browser sends.

        Args:
            sent: message of the browser.

        Returns:
            Values of controls by name.
        """
        match sent:
            case {"at": [int() | float() as x, int() | float() as y], "by": int() as by} if abs(by) <= _MOST:
                if -0.5 <= x < self.shape[0] - 0.5 and -0.5 <= y < self.shape[1] - 0.5:
                    return self.values(round(x), round(y), by)
        return {}
