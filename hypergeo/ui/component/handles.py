"""Handles of a figure: marks that a reader drags and areas that a reader presses. Their browser part is ``handles.js``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["DragPoint", "Handle", "PressArea", "PressGrid"]

_MOST = 10  # largest number of presses in one message
_FAR = 1e9  # largest coordinate in a message


class Handle(Protocol):
    """A part of a figure that changes controls of the page when a reader moves it."""

    @property
    def name(self) -> str:
        """Name, unique within the figure."""
        ...

    def message(self) -> dict[str, Any]:
        """Returns the message that describes the handle to the browser, ready for JSON.

        Returns:
            The message.
        """
        ...

    def taken(self, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns values of controls by name for a message of the browser, and no values for an invalid message.

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
        name: name of the handle, unique within the figure.
        label: quantity that the handle sets, and how; read out and shown as a tooltip.
        axes: plotly's names of the axes of the position.
        at: position in data coordinates.
        right: change of the position by the right arrow key.
        up: change of the position by the upward arrow key.
        values: function from a position to values of controls by name. It determines the positions to which the mark snaps.

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
        """Returns the message that describes the handle to the browser, ready for JSON.

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
    """A rectangle that is pressed. A click or Enter adds a press; Shift or the downward arrow key takes one back.

    Attributes:
        name: name of the handle, unique within the figure.
        label: what a press does; read out and shown as a tooltip.
        axes: plotly's names of the axes of the position.
        at: centre in data coordinates.
        size: width and height in data coordinates.
        values: function from a number of presses (negative if they are taken back) to values of controls by name.

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
        """Returns the message that describes the handle to the browser, ready for JSON.

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
    """A matrix whose entries are pressed with the pointer. A click adds a press; a click with Shift takes one back.

    The keyboard cannot reach it: provide a :class:`DragPoint` that chooses an entry, and a control on the page.

    Attributes:
        name: name of the handle, unique within the figure.
        label: what a press does; shown as a tooltip.
        axes: plotly's names of the axes; entries are centred at whole numbers.
        shape: number of entries along both axes, which begin at 0.
        values: function from an entry and a number of presses (negative if they are taken back) to values of controls by name.

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
        """Returns the message that describes the handle to the browser, ready for JSON.

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
