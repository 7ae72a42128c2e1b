"""Controls of a page and their URL parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

from .controls import Choice, Control, Switch, Whole
from .predictions import GUESS, REVEALED, Guess, Prediction

__all__ = ["TOUR", "AddressedControls", "TourStop"]

TOUR = "tour"
"""Name of the control that holds the number of the current stop of the page's tour; 0 outside of the tour."""

SECTIONS = ("table", "formulas", "python")


class TourStop(Protocol):
    """The attributes of a tour's stop that determine values of controls."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Values of the controls that the stop sets, by name."""

    @property
    def prediction(self) -> Prediction | None:
        """Prediction that the stop asks for, if any."""


class AddressedControls:
    """The controls of a page, each with a URL parameter.

    Args:
        prefix: start of the names of the page's URL parameters, which differs from page to page.
        controls: kind, bounds and default of each control, by name.

    Attributes:
        prefix: start of the names of the page's URL parameters.
        controls: all controls of the page by name, those of its sections and of its tour included.

    Example:
        >>> controls = AddressedControls("conv", {"n": Whole(default=12, low=0, high=60)})
        >>> controls.key("n"), controls.query({"n": 20})
        ('conv_n', 'conv_n=20')
    """

    def __init__(self, prefix: str, controls: Mapping[str, Control]):
        self.prefix = prefix
        self.controls = {**controls, **{name: Switch() for name in SECTIONS}}
        self._stops: Sequence[TourStop] = ()

    def key(self, name: str) -> str:
        """Returns the name of a control's URL parameter, which is also the key of its widget.

        Args:
            name: name of the control.

        Returns:
            Name of the URL parameter.
        """
        return f"{self.prefix}_{name}"

    def query(self, values: Mapping[str, Any]) -> str:
        """Writes values as the query of a URL; defaults are included, so that a link outlives a change of the defaults.

        Args:
            values: values of some controls, by name.

        Returns:
            The query.
        """
        return urlencode({self.key(name): self.controls[name].write(value) for name, value in values.items()})

    def nearest(self, name: str, value: Any) -> Any:
        """Returns the allowed value nearest to a value, which need not come from a browser.

        Args:
            name: name of the control.
            value: value of any type.

        Returns:
            The allowed value; the control's default where the value has a wrong type.

        Example:
            >>> AddressedControls("conv", {"n": Whole(default=12, low=0, high=60)}).nearest("n", 75)
            60
        """
        control = self.controls[name]
        try:
            return control.read(control.write(value))
        except (ValueError, TypeError, OverflowError):
            return control.default

    def corrections(self, parameters: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
        """Finds the URL parameters with invalid values.

        Args:
            parameters: URL parameters by name.

        Returns:
            The text of each invalid parameter and the value that replaces it, by name of the control.

        Example:
            >>> controls = AddressedControls("conv", {"n": Whole(default=12, low=0, high=60)})
            >>> controls.corrections({"conv_n": "75", "other": "1"})
            {'n': ('75', 60)}
        """
        wrong = {}
        for name, control in self.controls.items():
            text = parameters.get(self.key(name))
            former = control.former if isinstance(control, Choice) else {}
            if text is not None and text not in former and control.write(control.read(text)) != text:
                wrong[name] = (text, control.read(text))
        return wrong

    def _own(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Returns the URL parameters that belong to the page's controls, in the order of the controls."""
        return {key: text for key in map(self.key, self.controls) if (text := parameters.get(key)) is not None}

    def _foreign(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Returns the URL parameters that belong to none of the page's controls."""
        own = set(map(self.key, self.controls))
        return {key: text for key, text in parameters.items() if key not in own}

    def _add_tour(self, stops: Sequence[TourStop], parameters: Mapping[str, str]) -> None:
        """Adds the controls of a tour: its current stop and, where a stop has a prediction, the guess and its answer."""
        self._stops = stops
        if stops:
            self.controls[TOUR] = Whole(0, 0, len(stops))
        if any(stop.prediction for stop in stops):
            number = self.controls[TOUR].read(parameters.get(self.key(TOUR), "0"))
            self.controls |= {REVEALED: Switch(), GUESS: self._guess(number)}

    def _guess(self, number: int) -> Guess:
        """Returns the control of the guess at a stop of the tour, counted from 1; 0 stands for no stop."""
        prediction = self._stops[number - 1].prediction if number else None
        return Guess(prediction.kind if prediction else None)

    def _initial(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns the values of controls missing from the URL: their defaults, or those of the tour's stop in the URL."""
        values = {name: control.default for name, control in self.controls.items()}
        number = self.controls[TOUR].read(query.get(self.key(TOUR), "0")) if self._stops else 0
        if not number:
            return values
        stop = self._stops[number - 1]
        values |= stop.values
        if stop.prediction and self.controls[REVEALED].read(query.get(self.key(REVEALED), "false")):
            values |= stop.prediction.after
        return values

    def _read(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns the value of every control for the page's URL parameters, by name."""
        explicit = {name: c.read(query[self.key(name)]) for name, c in self.controls.items() if self.key(name) in query}
        return self._initial(query) | explicit

    def _write(self, values: Mapping[str, Any], keep: str = "") -> dict[str, str]:
        """Returns the URL parameters for values of all controls; initial values are left out, but for the control ``keep``."""
        written = {self.key(name): self.controls[name].write(value) for name, value in values.items()}
        initial = self._initial(written) | {TOUR: 0}
        named = [name for name, value in values.items() if name == keep or value != initial[name]]
        return {self.key(name): written[self.key(name)] for name in named}
