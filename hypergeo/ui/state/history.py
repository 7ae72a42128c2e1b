"""Values of a page's controls in a session, and in the browser's history."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from .address import TOUR, AddressedControls, TourStop
from .controls import Control
from .corrections import correction_note
from .predictions import GUESS, REVEALED

__all__ = ["StoredState"]

_LATE = 1.0  # seconds in which a browser may still send a URL or a value from before the last change


@dataclass
class _StoredValues:
    """Values of a page's controls that a session stores.

    Attributes:
        values: value of each control on show, by name.
        query: the page's URL parameters that belong to its controls.
        before: the same parameters before the last commit.
        at: time of the last commit, in seconds of the monotonic clock.
        commits: number of commits.
        commits_on_show: number of commits before the last run of the whole page.
        epoch: number of times that all values were set at once; messages of the browser from an earlier epoch are outdated.
        replaced: values before all were set at once, by name.
        replaced_at: time at which they were replaced, in seconds of the monotonic clock.
        notes: messages about corrected URL parameters, as Markdown.
    """

    values: dict[str, Any]
    query: dict[str, str]
    before: dict[str, str] | None = None
    at: float = 0.0
    commits: int = 0
    commits_on_show: int = 0
    epoch: int = 0
    replaced: dict[str, Any] = field(default_factory=dict)
    replaced_at: float = 0.0
    notes: list[str] = field(default_factory=list)


class StoredState(AddressedControls):
    """The controls of a page with their values, which a session stores and the page's URL holds.

    A control that moves sets a *live* value, which is not in the URL. A *commit* writes all values into the URL at once: one
    commit is one entry of the browser's history.

    Args:
        prefix: start of the names of the page's URL parameters, which differs from page to page.
        controls: kind, bounds and default of each control, by name.
        derive: computes values of more controls, from all values before a change and the values that are set.
    """

    def __init__(
        self,
        prefix: str,
        controls: Mapping[str, Control],
        derive: Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ):
        super().__init__(prefix, controls)
        self._derive = derive

    def start(self, stops: Sequence[TourStop] = ()) -> None:
        """Reads the values from the URL unless this state wrote that URL; called once in each run of a page.

        Args:
            stops: stops of the page's tour. The values of the stop in the URL replace the controls' defaults.
        """
        parameters = st.query_params.to_dict()
        self._add_tour(stops, parameters)
        query = self._own(parameters)
        stored: _StoredValues | None = st.session_state.get(self._place)
        context = get_script_run_ctx()
        back = context is not None and context.is_history_navigation  # a user's request, however soon after a commit
        late = stored is not None and not back and query == stored.before and time.monotonic() - stored.at < _LATE
        if stored is None or (query != stored.query and not late):
            earlier, stored = stored, _StoredValues(self._read(query), query)
            if earlier is not None:
                stored.commits, stored.epoch = earlier.commits, earlier.epoch + back
                stored.replaced, stored.replaced_at = earlier.values, time.monotonic()
            st.session_state[self._place] = stored
            self._forget_played(self.controls)
            stored.notes = [
                correction_note(name, self.controls[name], text, value)
                for name, (text, value) in self.corrections(query).items()
            ]
        stored.commits_on_show = stored.commits
        if GUESS in self.controls:
            self.controls[GUESS] = self._guess(stored.values[TOUR])

    @property
    def values(self) -> dict[str, Any]:
        """Value of each control on show, by name."""
        return dict(self._stored.values)

    @property
    def committed(self) -> dict[str, Any]:
        """Value of each control in the URL, by name."""
        return self._read(self._stored.query)

    @property
    def notes(self) -> list[str]:
        """Messages about corrected URL parameters, as Markdown; none once a control has moved."""
        return list(self._stored.notes)

    @property
    def uncommitted(self) -> bool:
        """Whether the values on show differ from those in the URL, as while a control is dragged or a figure plays."""
        return self._write(self._stored.values) != self._stored.query

    @property
    def outdated(self) -> bool:
        """Whether there was a commit since the last run of the whole page."""
        return self._stored.commits != self._stored.commits_on_show

    @property
    def epoch(self) -> int:
        """Number of times that all values were set at once, by a button or by a step through the browser's history."""
        return self._stored.epoch

    def get(self, name: str) -> Any:
        """Returns the value of a control on show.

        Args:
            name: name of the control.

        Returns:
            The value.
        """
        return self._stored.values[name]

    def live(self, values: Mapping[str, Any]) -> None:
        """Sets values of controls without changing the URL.

        Args:
            values: values of some controls, by name; each is replaced by the nearest allowed one.
        """
        stored, changes = self._stored, {name: self.nearest(name, value) for name, value in values.items()}
        derived = self._derive(stored.values, changes) if self._derive else {}
        stored.values.update({**derived, **changes})
        stored.notes = []

    def commit(self, values: Mapping[str, Any] | None = None) -> None:
        """Sets values of controls and writes all values into the URL, as one entry of the browser's history.

        Args:
            values: values of some controls, by name; each is replaced by the nearest allowed one.
        """
        values = values or {}
        self.live(values)
        self._forget_played(values)
        stored = self._stored
        stored.commits += 1
        query = self._write(stored.values)
        if query != stored.query:
            stored.before, stored.at, stored.query = stored.query, time.monotonic(), query
        parameters = st.query_params.to_dict()
        wanted = {**self._foreign(parameters), **query}
        if wanted != parameters:
            st.query_params.from_dict(wanted)

    def set(self, values: Mapping[str, Any]) -> None:
        """Commits values that a button sets, such as a preset or a stop of the tour. An epoch begins, and playback stops.

        Args:
            values: values of some controls, by name.
        """
        stored = self._stored
        stored.epoch += 1
        stored.replaced, stored.replaced_at = dict(stored.values), time.monotonic()
        self.commit(values)

    def is_late(self, name: str, value: Any) -> bool:
        """Returns whether a browser's value of a control may be the one from before all values were set at once.

        Whatever a browser sends includes the values of all its widgets, until the new ones have reached it.

        Args:
            name: name of the control.
            value: the value.

        Returns:
            Whether it may be outdated.
        """
        stored = self._stored
        return time.monotonic() - stored.replaced_at < _LATE and name in stored.replaced and stored.replaced[name] == value

    def put(self, name: str, value: Any) -> None:
        """Commits the value of one control, if it differs from the value on show.

        Args:
            name: name of the control.
            value: the value.
        """
        if self.get(name) != value:
            self.commit({name: value})

    def address(self, name: str, placeholder: str) -> dict[str, str]:
        """Writes queries of the page's URL for other values of one control.

        Args:
            name: name of the control.
            placeholder: text that stands for the value of the control.

        Returns:
            The query ``"with"`` the control, the query ``"without"`` it, and the text of its ``"default"``, which a URL
            leaves out.
        """
        key, foreign, values = self.key(name), self._foreign(st.query_params.to_dict()), self._stored.values
        scene = [other for other in (TOUR, REVEALED) if other in values]
        initial = self._initial({self.key(other): self.controls[other].write(values[other]) for other in scene})
        included = {**foreign, **self._write({**values, name: initial[name]}, keep=name)}
        without = {other: text for other, text in included.items() if other != key}
        included[key] = placeholder
        default = self.controls[name].write(initial[name])
        return {"with": urlencode(included), "without": urlencode(without), "default": default}

    def _forget_played(self, names: Iterable[str]) -> None:
        """Keeps playback positions that were set deliberately, even if the subject of the playback has changed."""
        for name in names:
            st.session_state.pop(f"_{self.key(name)}_of", None)

    @property
    def _stored(self) -> _StoredValues:
        stored: _StoredValues = st.session_state[self._place]
        return stored

    @property
    def _place(self) -> str:
        return f"_{self.prefix}_state"
